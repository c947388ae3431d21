#include "snnp/basis.h"

namespace snnp {

BSplines::BSplines(const std::vector<double> &knots) : grid_(knots), pieces_(16 * knots.size(), 0.0)
{
  const int n = static_cast<int>(knots.size());
  for (int m = 0; m < n + 2; ++m) {
    Spline unit{knots, std::vector<double>(n + 2, 0.0)};
    unit.coefficients[m] = 1;
    const std::vector<double> c = polynomial_pieces(unit);
    // Interval i ≥ 1 lies right of knot i − 1 and sees the functions i − 1 … i + 2.
    for (int i = std::max(m - 2, 1); i <= std::min(m + 1, n - 1); ++i)
      for (int k = 0; k < 4; ++k) pieces_[16 * i + 4 * k + (m - i + 1)] = c[4 * (i - 1) + k];
  }
  std::copy_n(&pieces_[16], 8, pieces_.begin());  // value and slope at the first knot
}

}  // namespace snnp
