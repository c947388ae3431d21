#include "snnp/kernels/four_body_plan.h"

#include "snnp/kernels/tables.h"

namespace snnp {

FourBodyPlan make_four_body_plan(Memory &memory, const FourBody &t, int elements)
{
  FourBodyPlan plan;
  if (t.empty()) return plan;
  plan.degree = t.degree;
  plan.radial = t.radial;
  plan.mixtures = t.mixtures;
  plan.channels = t.channels();
  plan.sums = harmonic_count(t.degree) * plan.channels;
  plan.inner = t.inner;
  plan.outer = t.outer;
  plan.width = t.outer - t.inner;
  plan.per_width = 1 / plan.width;
  plan.cutoff = t.cutoff;
  plan.per_square = 1 / (t.cutoff * t.cutoff);
  plan.bound = t.bound;
  const double near = 1 / (1 + (t.inner + t.outer) / t.cutoff), far = 1.0 / 3;
  plan.scale = 2 / (near - far);
  plan.shift = -1 - plan.scale * far;
  std::vector<double> weights;
  for (int b = 0; b < elements; ++b)
    for (int k = 0; k < t.mixtures; ++k) weights.push_back(t.weights[k * elements + b]);
  plan.weights = memory.keep(weights);
  const int channels = plan.channels;
  std::vector<CouplingPlan> all;
  for (const Coupling &coupling : couplings(t.degree, channels)) {
    const auto sum = [&](int which, int m) {
      return (coupling.degrees[which] * coupling.degrees[which] + m) * channels;
    };
    std::vector<CouplingPlan::Third> thirds;
    for (int m = 0; m < 2 * coupling.degrees[2] + 1; ++m) {
      std::vector<CouplingPlan::Mean> means;
      for (const Coupling::Mean &mean : coupling.means)
        if (mean.third == m) means.push_back({sum(0, mean.first), sum(1, mean.second), mean.value});
      thirds.push_back({sum(2, m), memory.span(means)});
    }
    const std::size_t size = static_cast<std::size_t>(channels) * channels * channels;
    std::vector<double> cube(size, 0.0);
    std::vector<int> coefficients(size, -1);
    for (const Coupling::Channels &some : coupling.channels)
      for (int last = some.from; last < channels; ++last, ++plan.count) {
        const int at = (some.first * channels + some.second) * channels + last;
        cube[at] = t.coefficients[plan.count];
        coefficients[at] = plan.count;
      }
    all.push_back({memory.span(thirds), memory.keep(cube), memory.keep(coefficients)});
  }
  plan.couplings = memory.span(all);
  return plan;
}

}  // namespace snnp
