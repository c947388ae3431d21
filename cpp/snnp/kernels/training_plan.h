// What the kernels of a fit work on: plain data, so that code compiled for different instruction sets can share it.
#pragma once

#include "snnp/spline.h"

namespace snnp {

/// Several Tables of one stride, one after the other. Coefficients of an interval, which is row `first_row[table]` +
/// its number:
///
///     c + 4 · stride · row → | t⁰: column 0, 1, … stride − 1 | t¹: … | t²: … | t³: … |
///
/// A column is one spline; those beyond the last are zero. `stride` is a multiple of 8, so that loops over columns are
/// whole vectors, and c is aligned to these.
template <class Real> struct SplineTables {
  const GridView *grids;  ///< by table
  const int *first_row;   ///< by table
  const Real *c;
  int stride;

  /// Row and t of x in a table.
  SNNP_PART GridPosition find(int table, double x) const
  {
    const GridPosition p = grids[table].find(x);
    return {first_row[table] + p.interval, p.t};
  }
  /// The last knot of a table.
  SNNP_PART double end(int table) const { return grids[table].knots[grids[table].intervals - 1]; }
};

/// Filters: see there for columns and order of the tables. Three-body filters are in the precision of Real, what makes
/// up most of the energy is in double.
template <class Real> struct FilterTables {
  int elements, n2, n3;
  SplineTables<double> pair;
  SplineTables<Real> radial, angle;
  const int *triplet;   ///< centre × neighbour × neighbour: the table of g
  bool uniform_angles;  ///< all tables of g have the same, equally spaced knots
};

/// Sums over atoms of derivatives by the coefficients of FilterTables, laid out as these are.
template <class Real> struct FilterSums {
  double *pair;
  Real *radial, *angle;
};

/// The neighbourhood of one atom, and what is kept of it from one kernel to the next. Arrays belong to the caller; all
/// of them are aligned to 64 bytes.
///
/// By three-body neighbour there is a row of `stride` numbers (of the tables of f). Vectors have x of all neighbours,
/// then y, then z, each `step` numbers. Pairs j > k of three-body neighbours stand at j (j − 1)/2 + k.
template <class Real> struct TrainingWork {
  int element;              ///< of the centre
  int count, n_three_body;  ///< neighbours, and how many of them (the first ones) are three-body neighbours
  int step;                 ///< `count`, rounded up to whole vectors
  const int *elements;      ///< of the neighbours
  const double *r, *unit;   ///< distances, Å, and directions, 3 × step

  // Left by `values`.
  GridPosition *pair_position, *radial_position;  ///< of r in the tables
  int *angle_at;                                  ///< by pair: where the coefficients of g are for cos θ
  Real *angle_t;                                  ///< by pair: t in that interval
  Real *f, *P;  ///< by three-body neighbour: f_m(r_ij), P_jm = Σ_{k≠j} f_m(r_ik) g_m(c_jk)

  // Left by `tangent`.
  double *r_change;     ///< by neighbour: of the distance with the movement, Å
  Real *cosine_change;  ///< by pair: of cos θ
  Real *f_change;       ///< by three-body neighbour: f'_m(r_ij) times the change of r_ij
  Real *P_change;       ///< by three-body neighbour: of P_jm

  // In and out: the movement of each neighbour relative to the centre, Å; ∂E_i/∂r_j, eV/Å. Both 3 × step.
  double *movement, *gradient;

  // Not kept: a row by three-body neighbour, numbers by pair, vectors, and weights A and B of the columns of tables.
  Real *rows, *by_pair, *A, *B;
  double *vectors, *pair_A, *pair_B;
  const int *row_j, *row_k;  ///< by pair: where the rows of j and k begin
};

/// Filters of one atom and derivatives of them; each kernel needs what the ones before it have left in TrainingWork.
template <class Real> struct FilterKernels {
  using Tables = FilterTables<Real>;
  using Work = TrainingWork<Real>;
  /// G of the neighbourhood, 1 + n2 + n3 numbers.
  void (*values)(const Tables &, const Work &, double *G);
  /// gradient = Σ_m A_m ∂G_m/∂r_j, after values.
  void (*gradient)(const Tables &, const Work &, const double *A);
  /// Gd = Σ_j ∂G/∂r_j · movement_j: the change of G when neighbours move, after values.
  void (*tangent)(const Tables &, const Work &, double *Gd);
  /// Adds to the sums the derivative of Σ_m (B_m G_m + A_m Gd_m) by all coefficients of the tables, after tangent.
  void (*parameters)(const Tables &, const Work &, const double *A, const double *B, const FilterSums<Real> &);
};

/// N and linear·x of one element, in units of the model: a perceptron of `inputs` numbers x, `hidden` layers and one
/// output. Arrays of numbers of atoms have a vector of a block of atoms for each number.
struct NetworkView {
  int inputs, hidden, activation;
  const int *widths;     ///< of the hidden layers
  int nodes, widest;     ///< their sum and largest
  const double *linear;  ///< `inputs` weights
  const double *layers;  ///< by layer: W (outputs × inputs), b; none if hidden = 0
};

/// Of the nodes of all hidden layers, one after the other.
struct NetworkNodes {
  double *h, *first, *second, *s;         ///< left by NetworkKernels::values: σ(z), σ'(z), σ''(z), ∂N/∂h
  double *z_change, *h_change, *scratch;  ///< not kept; scratch: twice the widest layer
};

/// Derivatives by the weights of NetworkView, laid out as these are, but a vector for each.
struct NetworkSums {
  double *linear, *layers;
};

/// Networks of a block of atoms and derivatives of them.
struct NetworkKernels {
  /// Atoms of a block.
  int block;
  /// y = N(x) + linear·x, and its slope by x.
  void (*values)(const NetworkView &, const double *x, const NetworkNodes &, double *y, double *slope);
  /// The gradient of w y + slope·change: B by x, and what is added to the sums, after values.
  void (*gradient)(const NetworkView &, const double *x, const NetworkNodes &, const double *w, const double *change,
                   double *B, const NetworkSums &);
};

}  // namespace snnp
