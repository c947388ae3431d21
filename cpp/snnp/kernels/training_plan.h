// What the kernels of a fit work on: plain data, so that code compiled for different instruction sets can share it.
#pragma once

#include "snnp/spline.h"

namespace snnp {

/// A Table. Coefficients of an interval:
///
///     c + 4 · stride · interval → | t⁰: column 0, 1, … stride − 1 | t¹: … | t²: … | t³: … |
///
/// A column is one spline; those beyond the last are zero. `stride` is a multiple of 8, so that loops over columns are
/// whole vectors.
struct TableView {
  GridView grid;
  const double *c;
  int stride;

  /// The last knot.
  SNNP_PART double end() const { return grid.knots[grid.intervals - 1]; }
};

/// Filters: see there for columns and order of the tables.
struct FilterTables {
  int elements, n2, n3;
  const TableView *pair, *radial, *angle;
  const int *triplet;  ///< centre × neighbour × neighbour: triplet_index, where a loop over triplets looks it up
};

/// Sums over atoms of derivatives by the coefficients of FilterTables, laid out as these are.
struct FilterSums {
  double *const *pair, *const *radial, *const *angle;
};

/// The neighbourhood of one atom, and what is kept of it from one kernel to the next. Arrays belong to the caller;
/// those by three-body neighbour have a row of `stride` numbers (of the tables of f) for each.
struct TrainingWork {
  int element;              ///< of the centre
  int count, n_three_body;  ///< neighbours, and how many of them (the first ones) are three-body neighbours
  const int *elements;      ///< of the neighbours
  const double *r, *unit;   ///< distances, Å, and directions, neighbours × 3
  const double *movement;   ///< neighbours × 3: of each neighbour relative to the centre, Å

  GridPosition *pair_position, *radial_position;  ///< of r in the tables
  double *f, *P;        ///< by three-body neighbour: f_m(r_ij), P_jm = Σ_{k≠j} f_m(r_ik) g_m(c_jk)
  double *weighted;     ///< by three-body neighbour: A_m f_m(r_ij)
  double *f_change;     ///< by three-body neighbour: f'_m(r_ij) times the change of r_ij
  double *P_change;     ///< by three-body neighbour: of P_jm with the movement
  double *r_change;     ///< by neighbour: of the distance with the movement, Å
  double *unit_change;  ///< neighbours × 3: of the direction
  double *A3, *B3;      ///< `stride` numbers each
  double *gradient;     ///< neighbours × 3: ∂E_i/∂r_j, eV/Å
};

/// Filters of one atom and derivatives of them; each kernel needs what the one before it has left in TrainingWork.
struct TrainingKernels {
  /// G of the neighbourhood, 1 + n2 + n3 numbers.
  void (*values)(const FilterTables &, TrainingWork &, double *G);
  /// gradient = Σ_m A_m ∂G_m/∂r_j, after values.
  void (*gradient)(const FilterTables &, TrainingWork &, const double *A);
  /// Gd = Σ_j ∂G/∂r_j · movement_j: the change of G when neighbours move, after values.
  void (*tangent)(const FilterTables &, TrainingWork &, double *Gd);
  /// Adds to the sums the derivative of Σ_m (B_m G_m + A_m Gd_m) by all coefficients of the tables, after tangent.
  void (*parameters)(const FilterTables &, TrainingWork &, const double *A, const double *B, const FilterSums &);
};

}  // namespace snnp
