// All cubic B-splines of one knot sequence, as polynomial pieces: what a linear fit is linear in.
#pragma once

#include <algorithm>
#include <vector>

#include "snnp/spline.h"

namespace snnp {

/// The (at most four) basis functions that do not vanish at some x: first, first + 1, ….
struct LocalBasis {
  int first = 0;
  double value[4] = {}, slope[4] = {}, curvature[4] = {};
};

/// The clamped cubic B-splines of n knots, n + 2 of them; below the first knot they continue linearly.
class BSplines {
 public:
  explicit BSplines(const std::vector<double> &knots);

  double back() const { return grid_.back(); }
  int functions() const { return grid_.intervals() + 2; }
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
