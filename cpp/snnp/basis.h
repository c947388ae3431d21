// All cubic B-splines of one knot sequence, as polynomial pieces: what a linear fit is linear in.
#pragma once

#include <algorithm>
#include <vector>

#include "snnp/spline.h"

namespace snnp {

/// The (at most four) basis functions that do not vanish at some x, numbers first, first + 1, …: their values and first
/// two derivatives, per unit of x (Å, or 1 for a cosine).
struct LocalBasis {
  int first = 0;
  double value[4] = {}, slope[4] = {}, curvature[4] = {};
};

/// The clamped cubic B-splines of n knots, n + 2 of them (C. de Boor, A Practical Guide to Splines, 1978); below the
/// first knot they continue linearly.
class BSplines {
 public:
  /// n ≥ 2 increasing knots, Å (or cosines).
  explicit BSplines(const std::vector<double> &knots);

  /// The last knot.
  double back() const { return grid_.back(); }
  /// Number of functions, n + 2.
  int functions() const { return grid_.intervals() + 2; }
  /// The functions at x; beyond the last knot the polynomials of the last interval continue.
  LocalBasis at(double x) const
  {
    const GridPosition position = grid_.find(x);
    const double *c = &pieces_[16L * position.interval], t = position.t;
    LocalBasis basis;
    basis.first = std::max(position.interval - 1, 0);
    for (int n = 0; n < 4; ++n) {
      basis.value[n] = c[n] + t * (c[4 + n] + t * (c[8 + n] + t * c[12 + n]));
      basis.slope[n] = c[4 + n] + t * (2 * c[8 + n] + t * 3 * c[12 + n]);
      basis.curvature[n] = 2 * c[8 + n] + t * 6 * c[12 + n];
    }
    return basis;
  }

 private:
  Grid grid_;
  std::vector<double> pieces_;  // intervals × 4 powers × 4 functions
};

}  // namespace snnp
