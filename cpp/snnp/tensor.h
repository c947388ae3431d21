// Three-body terms Σ_{j<k} V(r_ij, r_ik, r_jk) of one atom, each V a product of three cubic B-spline bases.
#pragma once

#include <memory>
#include <vector>

#include "snnp/basis.h"
#include "snnp/neighbors.h"
#include "snnp/potential.h"

namespace snnp {

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
    BSplines ij, ik, jk;
    int stride_ij, stride_ik;  // of coefficients
    std::vector<double> coefficients;
  };
  int elements_ = 0;
  std::vector<std::shared_ptr<const Term>> terms_;  // by triplet_index; null: there is no such term
  std::vector<double> cutoffs_;                     // centre × neighbour, Å
};

}  // namespace snnp
