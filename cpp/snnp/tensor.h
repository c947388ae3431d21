// Three-body terms Σ_{j<k} V(r_ij, r_ik, r_jk) of one atom, each V a product of three cubic B-spline bases.
#pragma once

#include <vector>

#include "snnp/neighbors.h"
#include "snnp/potential.h"

namespace snnp {

/// The B-spline basis on a knot sequence: at any place at most four functions do not vanish.
class SplineBasis {
 public:
  /// Those functions and their derivatives.
  struct Local {
    int first;  ///< number of the first one; coefficients first … first + 3 count
    double value[4], slope[4];
  };

  SplineBasis() = default;
  explicit SplineBasis(const std::vector<double> &knots);

  double back() const { return grid_.back(); }
  /// At x below the last knot; linear below the first.
  Local at(double x) const;

 private:
  Grid grid_;
  std::vector<double> pieces_;  // intervals × 4 functions × 4 powers
};

/// All tensor terms of a potential.
class TensorTerms {
 public:
  TensorTerms() = default;
  explicit TensorTerms(const Potential &potential);

  bool empty() const { return terms_.empty(); }
  /// Energy of the atom in the middle of `near`, eV; adds unit · ∂E_i/∂r_j to `gradient` (neighbours × 3).
  double operator()(const Neighborhood &near, double unit, double *gradient) const;

 private:
  struct Term {
    SplineBasis ij, ik, jk;
    int stride_ij, stride_ik;  // of coefficients
    std::vector<double> coefficients;
  };
  int elements_ = 0;
  std::vector<int> unordered_;  // element × element: index of the unordered pair
  std::vector<Term> terms_;     // by angle_index
  std::vector<double> reach_;   // centre × neighbour, Å
};

}  // namespace snnp
