// The embedding of an element: filter values in, energy and its gradient out.
#pragma once

#include <vector>

#include "snnp/potential.h"

namespace snnp {

/// E(G) = e0 + a·G + [N(G) − N(0)] + [U(d·G) − U(0)] of one element.
class Embedding {
 public:
  explicit Embedding(const Element &element);

  /// Energy of an atom, eV; A_m = ∂E/∂G_m. `scratch` is kept between calls to save allocations.
  double operator()(const double *G, double *A, std::vector<double> &scratch) const;

 private:
  double e0_;
  std::vector<double> linear_, density_;
  Network network_;
  Table U_;
  double N_at_zero_ = 0, U_at_zero_ = 0;
  int nodes_ = 0, widest_ = 0;

  double forward(const double *G, double *outputs, double *slopes) const;
  double U(double n, double &slope) const;
};

}  // namespace snnp
