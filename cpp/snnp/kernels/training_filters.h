// The kernels of a fit: filter values of one atom, their derivatives by positions, along a movement, and by coefficients.
//
// Three-body sums are done neighbour by neighbour:  P_jm = Σ_{k≠j} f_m(r_ik) g_m(c_jk), so that
// G_{n2+m} = ½ Σ_j f_m(r_ij) P_jm and the radial part of its gradient is f'_m(r_ij) P_jm. What is left is the angular
// part, Σ_m A_m f_jm f_km g'_m(c_jk).
#pragma once

#include "snnp/indices.h"
#include "snnp/kernels/simd.h"
#include "snnp/kernels/training_plan.h"

namespace snnp {
namespace SNNP_ISA {

// One interval of a table and a position in it: values and first derivatives of all columns, vectorised over columns.
struct Piece {
  const double *c;
  int stride;
  double t;

  SNNP_INLINE Piece(const TableView &table, const GridPosition &at)
      : c(table.c + 4L * table.stride * at.interval), stride(table.stride), t(at.t)
  {
  }
  SNNP_INLINE double value(int m) const
  {
    return c[m] + t * (c[stride + m] + t * (c[2 * stride + m] + t * c[3 * stride + m]));
  }
  SNNP_INLINE double slope(int m) const
  {
    return c[stride + m] + t * (2 * c[2 * stride + m] + t * 3 * c[3 * stride + m]);
  }
};

// Adds x t^k + y d(t^k)/dt to the coefficients of one interval: the adjoint of `x·value + y·slope`.
struct PieceSums {
  double *c;
  int stride;
  double t;

  SNNP_INLINE PieceSums(double *sums, int stride, const GridPosition &at)
      : c(sums + 4L * stride * at.interval), stride(stride), t(at.t)
  {
  }
  SNNP_INLINE void add(int m, double x, double y) const
  {
    c[m] += x;
    c[stride + m] += t * x + y;
    c[2 * stride + m] += t * (t * x + 2 * y);
    c[3 * stride + m] += t * t * (t * x + 3 * y);
  }
};

// Of vectors of three numbers.
SNNP_INLINE double dot(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

// All pairs j > k of three-body neighbours: visit(j, k, cosine, index of the table of g).
template <class Visit> SNNP_INLINE void for_each_angle(const FilterTables &tables, const TrainingWork &w, Visit visit)
{
  const int E = tables.elements;
  for (int j = 1; j < w.n_three_body; ++j) {
    const int *triplet = tables.triplet + E * ordered_index(E, w.element, w.elements[j]);
    for (int k = 0; k < j; ++k) visit(j, k, dot(w.unit + 3 * j, w.unit + 3 * k), triplet[w.elements[k]]);
  }
}

// Index of the tables of φ, ρ and f for neighbour j.
SNNP_INLINE int table_of(const FilterTables &tables, const TrainingWork &w, int j)
{
  return ordered_index(tables.elements, w.element, w.elements[j]);
}

// Change of cos θ_jik with the movement.
SNNP_INLINE double cosine_change(const TrainingWork &w, int j, int k)
{
  return dot(w.unit_change + 3 * j, w.unit + 3 * k) + dot(w.unit + 3 * j, w.unit_change + 3 * k);
}

// The weights of three-body filters, padded with zeros.
SNNP_INLINE void take_three_body(const FilterTables &tables, const double *weights, int stride, double *to)
{
  for (int m = 0; m < stride; ++m) to[m] = m < tables.n3 ? weights[1 + tables.n2 + m] : 0;
}

// Calls function.template run<stride>() with the usual strides as constants, so that inner loops have no count to look
// at; 0 stands for any other.
template <class Function> SNNP_INLINE void with_stride(const FilterTables &tables, Function function)
{
  switch (tables.n3 > 0 ? tables.radial[0].stride : 0) {
    case 8:
      return function.template run<8>();
    case 16:
      return function.template run<16>();
    case 24:
      return function.template run<24>();
    case 32:
      return function.template run<32>();
    default:
      return function.template run<0>();
  }
}

// The stride that is compiled in, or that of the tables.
template <int Stride> SNNP_INLINE int stride_of(const FilterTables &tables)
{
  return Stride ? Stride : tables.radial[0].stride;
}

// One kernel of TrainingKernels each, with the stride of three-body tables as a constant.
struct Values {
  const FilterTables &tables;
  TrainingWork &w;
  double *G;

  template <int Stride> void run() const
  {
    const int pair_columns = 1 + tables.n2, n3 = tables.n3;
    for (int m = 0; m < pair_columns + n3; ++m) G[m] = 0;
    for (int j = 0; j < w.count; ++j) {
      const TableView &table = tables.pair[table_of(tables, w, j)];
      if (!(w.r[j] < table.end())) continue;
      w.pair_position[j] = table.grid.find(w.r[j]);
      const Piece piece(table, w.pair_position[j]);
      for (int m = 0; m < pair_columns; ++m) G[m] += piece.value(m);
    }
    if (n3 == 0) return;
    const int S = stride_of<Stride>(tables);
    for (int j = 0; j < w.n_three_body; ++j) {
      const TableView &table = tables.radial[table_of(tables, w, j)];
      w.radial_position[j] = table.grid.find(w.r[j]);
      const Piece piece(table, w.radial_position[j]);
      for (int m = 0; m < S; ++m) w.f[j * S + m] = piece.value(m);
      for (int m = 0; m < S; ++m) w.P[j * S + m] = 0;
    }
    for_each_angle(tables, w, [&](int j, int k, double cosine, int angle) __attribute__((always_inline)) {
      const TableView &table = tables.angle[angle];
      const Piece piece(table, table.grid.find(cosine));
      const double *fj = w.f + j * S, *fk = w.f + k * S;
      double *Pj = w.P + j * S, *Pk = w.P + k * S;
#pragma omp simd
      for (int m = 0; m < S; ++m) {
        const double g = piece.value(m);
        Pj[m] += fk[m] * g;
        Pk[m] += fj[m] * g;
      }
    });
    double *G3 = G + pair_columns;
    for (int j = 0; j < w.n_three_body; ++j)
      for (int m = 0; m < n3; ++m) G3[m] += 0.5 * w.f[j * S + m] * w.P[j * S + m];
  }
};

// See Values.
struct Gradient {
  const FilterTables &tables;
  TrainingWork &w;
  const double *A;

  template <int Stride> void run() const
  {
    const int pair_columns = 1 + tables.n2;
    for (int j = 0; j < w.count; ++j) {
      for (int d = 0; d < 3; ++d) w.gradient[3 * j + d] = 0;
      const TableView &table = tables.pair[table_of(tables, w, j)];
      if (!(w.r[j] < table.end())) continue;
      const Piece piece(table, w.pair_position[j]);
      double slope = 0;
#pragma omp simd reduction(+ : slope)
      for (int m = 0; m < pair_columns; ++m) slope += A[m] * piece.slope(m);
      add_radial(j, slope);
    }
    if (tables.n3 == 0) return;
    const int S = stride_of<Stride>(tables);
    take_three_body(tables, A, S, w.A3);
    const double *A3 = w.A3;
    for (int j = 0; j < w.n_three_body; ++j) {
      const Piece piece(tables.radial[table_of(tables, w, j)], w.radial_position[j]);
      double slope = 0;
#pragma omp simd reduction(+ : slope)
      for (int m = 0; m < S; ++m) {
        slope += A3[m] * piece.slope(m) * w.P[j * S + m];
        w.weighted[j * S + m] = A3[m] * w.f[j * S + m];
      }
      add_radial(j, slope);
    }
    for_each_angle(tables, w, [&](int j, int k, double cosine, int angle) __attribute__((always_inline)) {
      const TableView &table = tables.angle[angle];
      const Piece piece(table, table.grid.find(cosine));
      const double *Afj = w.weighted + j * S, *fk = w.f + k * S;
      double slope = 0;
#pragma omp simd reduction(+ : slope)
      for (int m = 0; m < S; ++m) slope += Afj[m] * fk[m] * piece.slope(m);
      // ∂cos/∂r_j = (u_k − cos u_j) / r_j
      const double *uj = w.unit + 3 * j, *uk = w.unit + 3 * k;
      const double sj = slope / w.r[j], sk = slope / w.r[k];
      for (int d = 0; d < 3; ++d) {
        w.gradient[3 * j + d] += sj * (uk[d] - cosine * uj[d]);
        w.gradient[3 * k + d] += sk * (uj[d] - cosine * uk[d]);
      }
    });
  }

  SNNP_INLINE void add_radial(int j, double slope) const
  {
    for (int d = 0; d < 3; ++d) w.gradient[3 * j + d] += slope * w.unit[3 * j + d];
  }
};

// See Values.
struct Tangent {
  const FilterTables &tables;
  TrainingWork &w;
  double *Gd;

  template <int Stride> void run() const
  {
    const int pair_columns = 1 + tables.n2, n3 = tables.n3;
    for (int m = 0; m < pair_columns + n3; ++m) Gd[m] = 0;
    for (int j = 0; j < w.count; ++j) {
      const double *u = w.unit + 3 * j, *v = w.movement + 3 * j;
      const double rd = w.r_change[j] = dot(u, v);
      for (int d = 0; d < 3; ++d) w.unit_change[3 * j + d] = (v[d] - u[d] * rd) / w.r[j];
      const TableView &table = tables.pair[table_of(tables, w, j)];
      if (!(w.r[j] < table.end())) continue;
      const Piece piece(table, w.pair_position[j]);
      for (int m = 0; m < pair_columns; ++m) Gd[m] += rd * piece.slope(m);
    }
    if (n3 == 0) return;
    const int S = stride_of<Stride>(tables);
    for (int j = 0; j < w.n_three_body; ++j) {
      const Piece piece(tables.radial[table_of(tables, w, j)], w.radial_position[j]);
      for (int m = 0; m < S; ++m) w.f_change[j * S + m] = w.r_change[j] * piece.slope(m);
      for (int m = 0; m < S; ++m) w.P_change[j * S + m] = 0;
    }
    for_each_angle(tables, w, [&](int j, int k, double cosine, int angle) __attribute__((always_inline)) {
      const TableView &table = tables.angle[angle];
      const Piece piece(table, table.grid.find(cosine));
      const double cd = cosine_change(w, j, k);
      const double *fj = w.f + j * S, *fk = w.f + k * S, *fdj = w.f_change + j * S, *fdk = w.f_change + k * S;
      double *Pdj = w.P_change + j * S, *Pdk = w.P_change + k * S;
#pragma omp simd
      for (int m = 0; m < S; ++m) {
        const double g = piece.value(m), gd = cd * piece.slope(m);
        Pdj[m] += fdk[m] * g + fk[m] * gd;
        Pdk[m] += fdj[m] * g + fj[m] * gd;
      }
    });
    double *G3 = Gd + pair_columns;
    for (int j = 0; j < w.n_three_body; ++j)
      for (int m = 0; m < n3; ++m)
        G3[m] += 0.5 * (w.f_change[j * S + m] * w.P[j * S + m] + w.f[j * S + m] * w.P_change[j * S + m]);
  }
};

// See Values.
struct Parameters {
  const FilterTables &tables;
  TrainingWork &w;
  const double *A, *B;
  const FilterSums &sums;

  template <int Stride> void run() const
  {
    const int pair_columns = 1 + tables.n2;
    for (int j = 0; j < w.count; ++j) {
      const int table = table_of(tables, w, j);
      if (!(w.r[j] < tables.pair[table].end())) continue;
      const PieceSums piece(sums.pair[table], tables.pair[table].stride, w.pair_position[j]);
      for (int m = 0; m < pair_columns; ++m) piece.add(m, B[m], A[m] * w.r_change[j]);
    }
    if (tables.n3 == 0) return;
    const int S = stride_of<Stride>(tables);
    take_three_body(tables, A, S, w.A3);
    take_three_body(tables, B, S, w.B3);
    const double *A3 = w.A3, *B3 = w.B3;
    for (int j = 0; j < w.n_three_body; ++j) {
      const PieceSums piece(sums.radial[table_of(tables, w, j)], S, w.radial_position[j]);
      const double *Pj = w.P + j * S, *Pdj = w.P_change + j * S;
#pragma omp simd
      for (int m = 0; m < S; ++m) piece.add(m, B3[m] * Pj[m] + A3[m] * Pdj[m], A3[m] * w.r_change[j] * Pj[m]);
    }
    for_each_angle(tables, w, [&](int j, int k, double cosine, int angle) __attribute__((always_inline)) {
      const PieceSums piece(sums.angle[angle], S, tables.angle[angle].grid.find(cosine));
      const double cd = cosine_change(w, j, k);
      const double *fj = w.f + j * S, *fk = w.f + k * S, *fdj = w.f_change + j * S, *fdk = w.f_change + k * S;
#pragma omp simd
      for (int m = 0; m < S; ++m) {
        const double ff = fj[m] * fk[m];
        piece.add(m, B3[m] * ff + A3[m] * (fdj[m] * fk[m] + fj[m] * fdk[m]), A3[m] * ff * cd);
      }
    });
  }
};

// What TrainingKernels points to.
static void filter_values(const FilterTables &tables, TrainingWork &w, double *G)
{
  with_stride(tables, Values{tables, w, G});
}

// See there.
static void filter_gradient(const FilterTables &tables, TrainingWork &w, const double *A)
{
  with_stride(tables, Gradient{tables, w, A});
}

// See there.
static void filter_tangent(const FilterTables &tables, TrainingWork &w, double *Gd)
{
  with_stride(tables, Tangent{tables, w, Gd});
}

// See there.
static void filter_parameters(const FilterTables &tables, TrainingWork &w, const double *A, const double *B,
                              const FilterSums &sums)
{
  with_stride(tables, Parameters{tables, w, A, B, sums});
}

}  // namespace SNNP_ISA
}  // namespace snnp
