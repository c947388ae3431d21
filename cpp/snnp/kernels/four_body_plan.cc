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
  plan.coefficients = memory.keep(t.coefficients);
  std::vector<CouplingPlan> all;
  for (const Coupling &coupling : couplings(t.degree, plan.channels)) {
    const auto at = [&](int which) { return coupling.degrees[which] * coupling.degrees[which] * plan.channels; };
    std::vector<CouplingPlan::Mean> means;
    for (const Coupling::Mean &m : coupling.means)
      means.push_back({at(0) + m.first * plan.channels, at(1) + m.second * plan.channels, m.third, m.value});
    std::vector<CouplingPlan::Channels> channels;
    for (const Coupling::Channels &c : coupling.channels) {
      channels.push_back({c.first, c.second, c.from, plan.count});
      plan.count += plan.channels - c.from;
    }
    all.push_back({at(2), 2 * coupling.degrees[2] + 1, memory.span(means), memory.span(channels)});
  }
  plan.couplings = memory.span(all);
  return plan;
}

}  // namespace snnp
