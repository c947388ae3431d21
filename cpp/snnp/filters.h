// Spline filters of one atom's neighbourhood: values, derivatives with respect to neighbours, and — for fitting —
// derivatives along a direction and with respect to the coefficients of the splines.
//
// Filter values stand in one vector G of `columns()` numbers:
//   G_0 = Σ_j φ(r_ij);   G_m = Σ_j ρ_m(r_ij), m = 1…n2;   G_{n2+m} = Σ_{j<k} f_m(r_ij) f_m(r_ik) g_m(cos θ_jik), m = 1…n3
//
// Three-body sums are done neighbour by neighbour:  P_jm = Σ_{k≠j} f_m(r_ik) g_m(c_jk), so that
// G_{n2+m} = ½ Σ_j f_m(r_ij) P_jm and the radial part of its gradient is f'_m(r_ij) P_jm. What is left is the angular
// part, Σ_m A_m f_jm f_km g'_m(c_jk).
#pragma once

#include <vector>

#include "snnp/indices.h"
#include "snnp/neighbors.h"
#include "snnp/spline.h"

namespace snnp {

/// The splines of all filters as tables.
struct Filters {
  int elements = 0, n2 = 0, n3 = 0;
  std::vector<Table> pair;                               ///< centre × neighbour: columns φ, ρ_1 … ρ_n2
  std::vector<Table> radial;                             ///< centre × neighbour: columns f_1 … f_n3
  std::vector<Table> angle;                              ///< centre × unordered pair of neighbours: columns g_1 … g_n3
  std::vector<double> pair_cutoffs, three_body_cutoffs;  ///< centre × neighbour: ends of the tables, Å

  Filters() = default;
  Filters(int elements, int n2, int n3);

  int columns() const { return 1 + n2 + n3; }
  int triplet_index(int centre, int b, int c) const { return snnp::triplet_index(elements, centre, b, c); }
  /// Takes the cutoffs from the tables; to be called when those are in place.
  void set_cutoffs();
};

/// Scratch memory of one thread; what `filter_values` leaves here is used by the functions that follow it.
struct Workspace {
  Neighborhood near;
  std::vector<GridPosition> pair_position, radial_position;
  std::vector<double> f, P;             // three-body neighbours × stride
  std::vector<double> weighted, fd, Q;  // three-body neighbours × stride
  std::vector<double> buffer;           // a few × stride
  std::vector<double> gradient;         // neighbours × 3: ∂E_i/∂r_j, eV/Å
  std::vector<double> along;            // neighbours × 3: movement of each neighbour relative to the centre, Å
  std::vector<double> unit_along, r_along;
};

/// G of the neighbourhood in `w.near`.
void filter_values(const Filters &filters, Workspace &w, double *G);

/// w.gradient = Σ_m A_m ∂G_m/∂r_j, after filter_values.
void filter_gradient(const Filters &filters, Workspace &w, const double *A);

/// Gd = Σ_j ∂G/∂r_j · w.along_j: the change of G when neighbours move, after filter_values.
void filter_tangent(const Filters &filters, Workspace &w, double *Gd);

/// Adds to `sums` (tables of the same shape) the derivative of Σ_m (B_m G_m + A_m Gd_m) with respect to all
/// coefficients of the tables, after filter_tangent.
void filter_parameters(const Filters &filters, Workspace &w, const double *A, const double *B, Filters &sums);

}  // namespace snnp
