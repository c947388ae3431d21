#include "snnp/domain.h"

#include <limits>
#include <utility>

namespace snnp {

namespace {

// The structure that sets a bound must not be outside it by rounding, of its own coordinates in a file or of sums.
constexpr double margin = 1e-6;  // Å; of the width of a range of G

}  // namespace

Domain::Domain(const Potential &p) : elements_(p.size()), filters_(p.n2 + p.n3)
{
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (int a = 0; a < elements_; ++a) {
    for (int b = 0; b < elements_; ++b) shortest_.push_back(p.pairs[p.pair_index(a, b)].shortest - margin);
    const Element &e = p.elements[a];
    const bool known = !e.lowest.empty();
    for (int m = 0; m < filters_; ++m) {
      const double slack = known ? margin * (e.highest[m] - e.lowest[m]) : 0;
      lowest_.push_back(known ? e.lowest[m] - slack : -infinity);
      highest_.push_back(known ? e.highest[m] + slack : infinity);
    }
    Energies energies;
    for (const EnergyRange &range : e.energies) {
      energies.lowest.resize(range.to + 1, infinity);
      energies.highest.resize(range.to + 1, -infinity);
      for (int n = range.from; n <= range.to; ++n)
        energies.lowest[n] = range.lowest, energies.highest[n] = range.highest;
    }
    energies_.push_back(std::move(energies));
  }
}

}  // namespace snnp
