// The kernels of a fit: filter values of one atom, their derivatives by positions, along a movement, and by coefficients.
//
// Three-body sums are done neighbour by neighbour:  P_jm = Σ_{k≠j} f_m(r_ik) g_m(c_jk), so that
// G_{n2+m} = ½ Σ_j f_m(r_ij) P_jm and the radial part of its gradient is f'_m(r_ij) P_jm. What is left is the angular
// part, Σ_m A_m f_jm f_km g'_m(c_jk). Along a movement G changes by Σ_j ḟ_jm P_jm and an angular part, or, with the
// change of P that `parameters` needs anyway, by ½ Σ_j (ḟ_jm P_jm + f_jm Ṗ_jm).
#pragma once

#include "snnp/kernels/training_triplets.h"

namespace snnp {
namespace SNNP_ISA {

/// Index of the tables of φ, ρ and f for neighbour j.
template <class Real> SNNP_INLINE int table_of(const FilterTables<Real> &tables, const TrainingWork<Real> &w, int j)
{
  return ordered_index(tables.elements, w.element, w.elements[j]);
}

/// visit(j, columns from `first` on, first) for all neighbours in reach of φ and ρ.
template <class Real, class Visit>
SNNP_INLINE void for_pairs(const FilterTables<Real> &tables, const TrainingWork<Real> &w, Visit visit)
{
  const int S = tables.pair.stride;
  for (int j = 0; j < w.count; ++j) {
    if (!(w.r[j] < tables.pair.end(table_of(tables, w, j)))) continue;
    const GridPosition p = w.pair_position[j];
    for (int first = 0; first < S; first += 8)
      visit(j, Columns<double, 8>{tables.pair.c + 4L * S * p.interval + first, S, p.t}, first);
  }
}

/// visit(j, columns from `first` on, first) for all three-body neighbours.
template <class Real, class Visit>
SNNP_INLINE void for_radial(const FilterTables<Real> &tables, const TrainingWork<Real> &w, Visit visit)
{
  const int S = tables.radial.stride;
  for (int j = 0; j < w.n_three_body; ++j) {
    const GridPosition p = w.radial_position[j];
    for (int first = 0; first < S; first += 8)
      visit(j, Columns<Real, 8>{tables.radial.c + 4L * S * p.interval + first, S, static_cast<Real>(p.t)}, first);
  }
}

/// Registers that make up 8 filters, and how many filters one has.
template <class Real> using F = Register<Real, 8>;
template <class Real> constexpr int width = lanes_of<Real, 8>;

/// Adds half the sums of rows of n neighbours to `count` numbers; terms(at) is the register of a row that stands at
/// `at`.
template <class Real, class Terms> SNNP_INLINE void add_rows(int stride, int n, int count, double *to, Terms terms)
{
  for (int first = 0; first < stride; first += width<Real>) {
    F<Real> sum = {};
    for (int j = 0; j < n; ++j) sum += terms(j * stride + first);
    for (int m = first; m < count && m < first + width<Real>; ++m) to[m] += 0.5 * sum[m - first];
  }
}

/// Adds a register of filters to a row.
SNNP_INLINE void add(double *to, F<double> v) { store(to, load<F<double>>(to) + v); }

/// Weights of `count` filters as a row, padded with zeros.
template <class Real> SNNP_INLINE void pad(const double *weights, int count, int stride, Real *to)
{
  for (int m = 0; m < stride; ++m) to[m] = m < count ? static_cast<Real>(weights[m]) : 0;
}

/// See FilterKernels.
template <class Real>
static void filter_values(const FilterTables<Real> &tables, const TrainingWork<Real> &w, double *G)
{
  const int pair_columns = 1 + tables.n2;
  for (int m = 0; m < tables.n3; ++m) G[pair_columns + m] = 0;
  for (int j = 0; j < w.count; ++j) w.pair_position[j] = tables.pair.find(table_of(tables, w, j), w.r[j]);
  pad(G, 0, tables.pair.stride, w.pair_A);
  for_pairs(tables, w, [&](int, const Columns<double, 8> &pair, int first) __attribute__((always_inline)) {
    for (int i = 0; i < pair.parts; ++i) add(w.pair_A + first + i * width<double>, pair.value(i));
  });
  for (int m = 0; m < pair_columns; ++m) G[m] = w.pair_A[m];
  if (tables.n3 == 0) return;
  const int S = tables.radial.stride;
  for (int j = 0; j < w.n_three_body; ++j) w.radial_position[j] = tables.radial.find(table_of(tables, w, j), w.r[j]);
  for_radial(tables, w, [&](int j, const Columns<Real, 8> &radial, int first) __attribute__((always_inline)) {
    for (int i = 0; i < radial.parts; ++i) store(w.f + j * S + first + i * width<Real>, radial.value(i));
  });
  locate(tables, w);
  for_groups(S, [&](auto group, int first)
                    __attribute__((always_inline)) { triplet_values<decltype(group)::value>(tables.angle, w, first); });
  add_rows<Real>(S, w.n_three_body, tables.n3, G + pair_columns, [&](int at) __attribute__((always_inline)) {
    return load<F<Real>>(w.f + at) * load<F<Real>>(w.P + at);
  });
}

/// S_j = Σ_{k≠j} D_jk u_k, laid out as directions are.
template <class Real>
SNNP_INLINE void add_directions(const TrainingWork<Real> &w, const Real *__restrict D, double *__restrict S)
{
  const int step = w.step;
  const double *__restrict x = w.unit, *__restrict y = x + step, *__restrict z = y + step;
  double *__restrict Sx = S, *__restrict Sy = S + step, *__restrict Sz = Sy + step;
  for (int j = 0; j < w.n_three_body; ++j) {
    const Real *__restrict d = D + pairs_before(j);
    const double xj = x[j], yj = y[j], zj = z[j];
    double sx = 0, sy = 0, sz = 0;
#pragma omp simd reduction(+ : sx, sy, sz)
    for (int k = 0; k < j; ++k) {
      sx += d[k] * x[k];
      sy += d[k] * y[k];
      sz += d[k] * z[k];
      Sx[k] += d[k] * xj;
      Sy[k] += d[k] * yj;
      Sz[k] += d[k] * zj;
    }
    Sx[j] = sx;
    Sy[j] = sy;
    Sz[j] = sz;
  }
}

/// See FilterKernels. ∂E/∂r_j = slope u_j + (S_j − (S_j·u_j) u_j)/r_j, since ∂c_jk/∂r_j = (u_k − c_jk u_j)/r_j.
template <class Real>
static void filter_gradient(const FilterTables<Real> &tables, const TrainingWork<Real> &w, const double *A)
{
  const int step = w.step, n = w.n_three_body;
  double *__restrict slope = w.gradient, *S = w.vectors;  // x of the gradient takes the place of the slope in the end
  for (int j = 0; j < w.count; ++j) slope[j] = 0;
  pad(A, 1 + tables.n2, tables.pair.stride, w.pair_A);
  for_pairs(tables, w, [&](int j, const Columns<double, 8> &pair, int first) __attribute__((always_inline)) {
    F<double> sum = {};
    for (int i = 0; i < pair.parts; ++i) sum += pair.slope(i) * load<F<double>>(w.pair_A + first + i * width<double>);
    slope[j] += snnp::SNNP_ISA::sum(sum);
  });
  if (tables.n3 > 0) {
    const int stride = tables.radial.stride, pairs = pairs_before(n);
    pad(A + 1 + tables.n2, tables.n3, stride, w.A);
    for_radial(tables, w, [&](int j, const Columns<Real, 8> &radial, int first) __attribute__((always_inline)) {
      F<Real> sum = {};
      for (int i = 0; i < radial.parts; ++i) {
        const int m = first + i * width<Real>, at = j * stride + m;
        const F<Real> weight = load<F<Real>>(w.A + m);
        sum += radial.slope(i) * (weight * load<F<Real>>(w.P + at));
        store(w.rows + at, weight * load<F<Real>>(w.f + at));
      }
      slope[j] += snnp::SNNP_ISA::sum(sum);
    });
    for (int p = 0; p < pairs; ++p) w.by_pair[p] = 0;
    for_groups(stride, [&](auto group, int first) __attribute__((always_inline)) {
      triplet_slopes<decltype(group)::value>(tables.angle, w, w.rows, first, w.by_pair);
    });
    add_directions(w, w.by_pair, S);
  }
  const double *__restrict x = w.unit, *__restrict y = x + step, *__restrict z = y + step;
  double *__restrict gx = w.gradient, *__restrict gy = gx + step, *__restrict gz = gy + step;
  const double *__restrict Sx = S, *__restrict Sy = S + step, *__restrict Sz = Sy + step, *__restrict r = w.r;
  const int angular = tables.n3 > 0 ? n : 0;
#pragma omp simd
  for (int j = 0; j < angular; ++j) {
    const double inverse = 1 / r[j];
    const double radial = slope[j] - inverse * (Sx[j] * x[j] + Sy[j] * y[j] + Sz[j] * z[j]);
    gy[j] = radial * y[j] + inverse * Sy[j];
    gz[j] = radial * z[j] + inverse * Sz[j];
    gx[j] = radial * x[j] + inverse * Sx[j];
  }
  for (int j = angular; j < w.count; ++j) {
    gy[j] = slope[j] * y[j];
    gz[j] = slope[j] * z[j];
    gx[j] = slope[j] * x[j];
  }
}

/// Changes of distances and cosines with the movement.
template <class Real> SNNP_INLINE void changes(const TrainingWork<Real> &w, int n)
{
  const int step = w.step;
  const double *__restrict x = w.unit, *__restrict y = x + step, *__restrict z = y + step;
  const double *__restrict vx = w.movement, *__restrict vy = vx + step, *__restrict vz = vy + step;
  double *__restrict dx = w.vectors, *__restrict dy = dx + step, *__restrict dz = dy + step;
#pragma omp simd
  for (int j = 0; j < w.count; ++j) {
    const double rd = x[j] * vx[j] + y[j] * vy[j] + z[j] * vz[j], inverse = 1 / w.r[j];
    w.r_change[j] = rd;
    dx[j] = (vx[j] - x[j] * rd) * inverse;
    dy[j] = (vy[j] - y[j] * rd) * inverse;
    dz[j] = (vz[j] - z[j] * rd) * inverse;
  }
  for (int j = 1; j < n; ++j) {
    Real *__restrict cd = w.cosine_change + pairs_before(j);
    const double xj = x[j], yj = y[j], zj = z[j], dxj = dx[j], dyj = dy[j], dzj = dz[j];
#pragma omp simd
    for (int k = 0; k < j; ++k) cd[k] = xj * dx[k] + yj * dy[k] + zj * dz[k] + dxj * x[k] + dyj * y[k] + dzj * z[k];
  }
}

/// See FilterKernels.
template <class Real>
static void filter_tangent(const FilterTables<Real> &tables, const TrainingWork<Real> &w, double *Gd)
{
  const int pair_columns = 1 + tables.n2;
  for (int m = 0; m < tables.n3; ++m) Gd[pair_columns + m] = 0;
  changes(w, tables.n3 > 0 ? w.n_three_body : 0);
  pad(Gd, 0, tables.pair.stride, w.pair_A);
  for_pairs(tables, w, [&](int j, const Columns<double, 8> &pair, int first) __attribute__((always_inline)) {
    for (int i = 0; i < pair.parts; ++i) add(w.pair_A + first + i * width<double>, w.r_change[j] * pair.slope(i));
  });
  for (int m = 0; m < pair_columns; ++m) Gd[m] = w.pair_A[m];
  if (tables.n3 == 0) return;
  const int S = tables.radial.stride;
  for_radial(tables, w, [&](int j, const Columns<Real, 8> &radial, int first) __attribute__((always_inline)) {
    for (int i = 0; i < radial.parts; ++i)
      store(w.f_change + j * S + first + i * width<Real>, static_cast<Real>(w.r_change[j]) * radial.slope(i));
  });
  for_groups(S, [&](auto group, int first) __attribute__((always_inline)) {
    triplet_tangent<decltype(group)::value>(tables.angle, w, first);
  });
  add_rows<Real>(S, w.n_three_body, tables.n3, Gd + pair_columns, [&](int at) __attribute__((always_inline)) {
    return load<F<Real>>(w.f_change + at) * load<F<Real>>(w.P + at) +
           load<F<Real>>(w.f + at) * load<F<Real>>(w.P_change + at);
  });
}

/// See FilterKernels.
template <class Real>
static void filter_parameters(const FilterTables<Real> &tables, const TrainingWork<Real> &w, const double *A,
                              const double *B, const FilterSums<Real> &sums)
{
  const int pair_columns = 1 + tables.n2, pair_stride = tables.pair.stride;
  pad(A, pair_columns, pair_stride, w.pair_A);
  pad(B, pair_columns, pair_stride, w.pair_B);
  for_pairs(tables, w, [&](int j, const Columns<double, 8> &pair, int first) __attribute__((always_inline)) {
    double *c = sums.pair + (pair.c - tables.pair.c);
    for (int i = 0; i < 8; i += width<double>)
      add_powers(c + i, pair_stride, pair.t, load<F<double>>(w.pair_B + first + i),
                 w.r_change[j] * load<F<double>>(w.pair_A + first + i));
  });
  if (tables.n3 == 0) return;
  const int S = tables.radial.stride;
  pad(A + pair_columns, tables.n3, S, w.A);
  pad(B + pair_columns, tables.n3, S, w.B);
  for_radial(tables, w, [&](int j, const Columns<Real, 8> &radial, int first) __attribute__((always_inline)) {
    Real *c = sums.radial + (radial.c - tables.radial.c);
    const Real change = static_cast<Real>(w.r_change[j]);
    for (int i = 0; i < 8; i += width<Real>) {
      const int m = first + i, at = j * S + m;
      const F<Real> a = load<F<Real>>(w.A + m), b = load<F<Real>>(w.B + m), P = load<F<Real>>(w.P + at);
      add_powers(c + i, S, radial.t, b * P + a * load<F<Real>>(w.P_change + at), change * (a * P));
      store(w.rows + at, b * load<F<Real>>(w.f + at) + a * load<F<Real>>(w.f_change + at));
    }
  });
  for_groups(S, [&](auto group, int first) __attribute__((always_inline)) {
    triplet_parameters<decltype(group)::value>(tables.angle, w, w.A, w.rows, first, sums.angle);
  });
}

}  // namespace SNNP_ISA
}  // namespace snnp
