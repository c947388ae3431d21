// What a potential costs in memory when it is made ready to be evaluated, before anything of it is allocated.
#pragma once

#include <cstddef>

#include "snnp/potential.h"

namespace snnp {

/// The most that the combinations of curves in a text may take, each counted as often as it stands for a spline: a
/// short text can say that very many splines are the same long curve. A potential of 12 elements with 1.7 MB takes 1.4
/// million.
inline double most_combined(std::size_t text) { return (1 << 24) + 64.0 * static_cast<double>(text); }

/// What a spline takes that is a combination: numbers in memory, and multiplications.
inline double combined_size(const Spline &spline)
{
  return static_cast<double>(spline.coefficients.size()) * (static_cast<double>(spline.terms.size()) + 2);
}

/// Throws ItemError if the tables of a potential of the right sizes would take far more memory than its numbers do.
void check_cost(const Potential &potential);

}  // namespace snnp
