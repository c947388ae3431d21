// The linear model that warm-starts a fit: a pair spline and a full tensor-product three-body spline,
//   E = Σ_i [ ½ Σ_j Σ_a x_a B_a(r_ij) + Σ_{j<k} Σ_{abc} y_abc B_a(r_ij) B_b(r_ik) C_c(cos θ_jik) ],
// of which n3 filters f_m(r_ij) f_m(r_ik) g_m(cos θ) are a low-rank approximation.
#pragma once

#include "snnp/training.h"

namespace snnp {

/// B-spline basis functions as the columns of tables. All pairs have as many functions, so do all legs and angles.
struct Basis {
  Filters tables;                     ///< columns of pair, leg, angle: basis functions B (pair), B (leg), C
  int pair_functions, leg_functions;  ///< of those in use: the ones left out are fixed at 0 (the end of a spline)
  int angle_functions;

  /// First column of the coefficients of φ of an unordered pair of elements.
  int pair_column(int pair) const { return pair * pair_functions; }
  /// First column of the block of a centre and an unordered pair of neighbours b ≤ c: coefficient (a_b, a_c, c) stands
  /// at ((a_b · leg_functions + a_c) · angle_functions + c); if b = c, at ((hi (hi + 1)/2 + lo) · angle_functions + c).
  std::vector<int> angle_column() const;
  int columns() const;  ///< of the design matrix
};

/// Rows of all structures: total energy (structures × columns), virials (structures × 6 × columns, order
/// xx yy zz xy xz yz) and forces (atoms × 3 × columns) per unit coefficient. All arrays must be zero.
void design_rows(const Basis &basis, const Batch &batch, double *energies, double *virials, double *forces);

}  // namespace snnp
