// Three-body sums of a fit, over pairs j > k of three-body neighbours; vectors run across filters.
//
//   values       P_jm = Σ_{k≠j} f_m(r_ik) g_m(c_jk),  G_m = ½ Σ_j f_m(r_ij) P_jm
//   slopes       D_jk = Σ_m A_m f_jm f_km g'_m(c_jk)
//   tangent      Ṗ_jm = Σ_{k≠j} (ḟ_km g_m + f_km g'_m ċ_jk)
//   parameters   derivative by g_m:  x_jkm · g_m + y_jkm ċ_jk · g'_m  with
//                x = f_j (B f_k + A ḟ_k) + A ḟ_j f_k,  y = A f_j f_k
//
// Each reads the coefficients of a pair's interval, all filters side by side, where `locate` has found them to be.
#pragma once

#include "snnp/indices.h"
#include "snnp/kernels/simd.h"
#include "snnp/kernels/training_plan.h"

namespace snnp {
namespace SNNP_ISA {

/// Filters that a loop over pairs treats at once: two registers of doubles, or 8, which divides every stride.
constexpr int widest = lanes<double> == 8 ? 16 : 8;
/// Numbers in a register for W filters, and the register.
template <class Real, int W> constexpr int lanes_of = W < lanes<Real> ? W : lanes<Real>;
template <class Real, int W> using Register = Vec<Real, lanes_of<Real, W>>;

/// Where pairs with neighbour j begin.
SNNP_INLINE int pairs_before(int j) { return j * (j - 1) / 2; }

/// run(Int<number of filters>, first filter) for groups that make up a row.
template <class Run> SNNP_INLINE void for_groups(int stride, Run run)
{
  int first = 0;
  for (; first + widest <= stride; first += widest) run(Int<widest>{}, first);
  if constexpr (widest > 8)
    if (first < stride) run(Int<8>{}, first);
}

/// W columns of one interval, and t.
template <class Real, int W> struct Columns {
  using F = Register<Real, W>;
  static constexpr int width = lanes_of<Real, W>, parts = W / width;
  const Real *c;
  int stride;
  Real t;

  SNNP_INLINE F power(int k, int part) const { return load<F>(c + k * stride + part * width); }
  SNNP_INLINE F value(int part) const
  {
    return ((power(3, part) * t + power(2, part)) * t + power(1, part)) * t + power(0, part);
  }
  SNNP_INLINE F slope(int part) const
  {
    return power(3, part) * (3 * t * t) + (power(2, part) * (2 * t) + power(1, part));
  }
};

/// W numbers of a row.
template <class Real, int W> struct Row {
  using F = Register<Real, W>;
  static constexpr int width = lanes_of<Real, W>, parts = W / width;
  F v[parts];

  SNNP_INLINE explicit Row(const Real *p)
  {
    SNNP_UNROLL
    for (int i = 0; i < parts; ++i) v[i] = load<F>(p + i * width);
  }
  SNNP_INLINE void to(Real *p) const
  {
    SNNP_UNROLL
    for (int i = 0; i < parts; ++i) store(p + i * width, v[i]);
  }
};

/// Adds x t^k + y d(t^k)/dt to the coefficients of an interval: the adjoint of `x·value + y·slope`.
template <class Real, class F> SNNP_INLINE void add_powers(Real *c, int stride, Real t, F x, F y)
{
  store(c, load<F>(c) + x);
  store(c + stride, load<F>(c + stride) + t * x + y);
  store(c + 2 * stride, load<F>(c + 2 * stride) + (t * t) * x + (2 * t) * y);
  store(c + 3 * stride, load<F>(c + 3 * stride) + (t * t * t) * x + (3 * t * t) * y);
}

/// Finds the coefficients of g for all pairs.
template <class Real> SNNP_INLINE void locate(const FilterTables<Real> &tables, const TrainingWork<Real> &w)
{
  const int E = tables.elements, row = 4 * tables.angle.stride, n = w.n_three_body;
  const double *__restrict x = w.unit, *__restrict y = x + w.step, *__restrict z = y + w.step;
  const GridView grid = tables.angle.grids[0];
  const double first_knot = grid.knots[0], range = grid.knots[grid.intervals - 1] - first_knot;
  const double step = range / (grid.intervals - 1), per_unit = (grid.intervals - 1) / range, last = grid.intervals - 2;
  for (int j = 1; j < n; ++j) {
    const int *__restrict triplet = tables.triplet + E * ordered_index(E, w.element, w.elements[j]);
    int *__restrict at = w.angle_at + pairs_before(j);
    Real *__restrict t = w.angle_t + pairs_before(j);
    const double xj = x[j], yj = y[j], zj = z[j];
    const auto cosine = [=](int k) __attribute__((always_inline)) { return xj * x[k] + yj * y[k] + zj * z[k]; };
    if (tables.uniform_angles) {
      if (E == 1)
        for (int k = 0; k < j; ++k) at[k] = row;
      else
        for (int k = 0; k < j; ++k) at[k] = row * (tables.angle.first_row[triplet[w.elements[k]]] + 1);
      // A rounded cosine may come to lie in the interval next to its own, whose cubic is the same there to rounding.
#pragma omp simd
      for (int k = 0; k < j; ++k) {
        const double s = (cosine(k) - first_knot) * per_unit, cell = s > 0 ? (s < last ? s : last) : 0;
        const int interval = static_cast<int>(cell);
        at[k] += row * interval;
        t[k] = static_cast<Real>((s - interval) * step);
      }
    } else
      for (int k = 0; k < j; ++k) {
        const GridPosition p = tables.angle.find(triplet[w.elements[k]], cosine(k));
        at[k] = row * p.interval;
        t[k] = static_cast<Real>(p.t);
      }
  }
}

/// P of filters first … first + W − 1.
template <int W, class Real>
SNNP_INLINE void triplet_values(const SplineTables<Real> &angle, const TrainingWork<Real> &w, int first)
{
  using R = Row<Real, W>;
  using F = typename R::F;
  const int S = angle.stride;
  const Real *__restrict f = w.f + first, *__restrict table = angle.c + first;
  Real *__restrict P = w.P + first;
  for (int j = 0; j < w.n_three_body; ++j) {
    const int *__restrict at = w.angle_at + pairs_before(j);
    const Real *__restrict t = w.angle_t + pairs_before(j);
    const R fj(f + j * S);
    F Pj[R::parts] = {};
    for (int k = 0; k < j; ++k) {
      const Columns<Real, W> g{table + at[k], S, t[k]};
      const R fk(f + k * S);
      R Pk(P + k * S);
      SNNP_UNROLL
      for (int i = 0; i < R::parts; ++i) {
        const F value = g.value(i);
        Pj[i] += fk.v[i] * value;
        Pk.v[i] += fj.v[i] * value;
      }
      Pk.to(P + k * S);
    }
    SNNP_UNROLL
    for (int i = 0; i < R::parts; ++i) store(P + j * S + i * R::width, Pj[i]);
  }
}

/// Adds to `slopes`, D of all pairs, what filters first … first + W − 1 have in it; Af: rows A_m f_m(r_ij).
template <int W, class Real>
SNNP_INLINE void triplet_slopes(const SplineTables<Real> &angle, const TrainingWork<Real> &w, const Real *Af, int first,
                                Real *__restrict slopes)
{
  using R = Row<Real, W>;
  using F = typename R::F;
  const int S = angle.stride, pairs = pairs_before(w.n_three_body);
  const Real *__restrict f = w.f + first, *__restrict weighted = Af + first, *__restrict table = angle.c + first;
  const auto terms = [&](int p) __attribute__((always_inline)) {
    const Columns<Real, W> g{table + w.angle_at[p], S, w.angle_t[p]};
    const R a(weighted + w.row_j[p]), b(f + w.row_k[p]);
    F sum = g.slope(0) * (a.v[0] * b.v[0]);
    SNNP_UNROLL
    for (int i = 1; i < R::parts; ++i) sum += g.slope(i) * (a.v[i] * b.v[i]);
    return sum;
  };
  int p = 0;
  for (; p + C <= pairs; p += C) {
    F v[C];
    SNNP_UNROLL
    for (int l = 0; l < C; ++l) v[l] = terms(p + l);
    store(slopes + p, load<Vec<Real, C>>(slopes + p) + HorizontalSums<Real, R::width>::of(v));
  }
  for (; p < pairs; ++p) slopes[p] += sum(terms(p));
}

/// The changes of P.
template <int W, class Real>
SNNP_INLINE void triplet_tangent(const SplineTables<Real> &angle, const TrainingWork<Real> &w, int first)
{
  using R = Row<Real, W>;
  using F = typename R::F;
  const int S = angle.stride;
  const Real *__restrict f = w.f + first, *__restrict fd = w.f_change + first, *__restrict table = angle.c + first;
  Real *__restrict Pd = w.P_change + first;
  for (int j = 0; j < w.n_three_body; ++j) {
    const int *__restrict at = w.angle_at + pairs_before(j);
    const Real *__restrict t = w.angle_t + pairs_before(j), *__restrict change = w.cosine_change + pairs_before(j);
    const R fj(f + j * S), fdj(fd + j * S);
    F Pdj[R::parts] = {};
    for (int k = 0; k < j; ++k) {
      const Columns<Real, W> g{table + at[k], S, t[k]};
      const R fk(f + k * S), fdk(fd + k * S);
      R Pdk(Pd + k * S);
      SNNP_UNROLL
      for (int i = 0; i < R::parts; ++i) {
        const F value = g.value(i), slope = g.slope(i) * change[k];
        Pdj[i] += fdk.v[i] * value + fk.v[i] * slope;
        Pdk.v[i] += fdj.v[i] * value + fj.v[i] * slope;
      }
      Pdk.to(Pd + k * S);
    }
    SNNP_UNROLL
    for (int i = 0; i < R::parts; ++i) store(Pd + j * S + i * R::width, Pdj[i]);
  }
}

/// Adds derivatives by the coefficients of g to `sums`; mixed: rows B f + A ḟ; A: weights, as long as a row.
template <int W, class Real>
SNNP_INLINE void triplet_parameters(const SplineTables<Real> &angle, const TrainingWork<Real> &w, const Real *A,
                                    const Real *mixed, int first, Real *sums)
{
  using R = Row<Real, W>;
  using F = typename R::F;
  const int S = angle.stride;
  const Real *__restrict f = w.f + first, *__restrict fd = w.f_change + first, *__restrict rows = mixed + first;
  Real *__restrict table = sums + first;
  const R a(A + first);
  for (int j = 1; j < w.n_three_body; ++j) {
    const int *__restrict at = w.angle_at + pairs_before(j);
    const Real *__restrict t = w.angle_t + pairs_before(j), *__restrict change = w.cosine_change + pairs_before(j);
    const R fj(f + j * S), fdj(fd + j * S);
    F Afj[R::parts], Afdj[R::parts];
    SNNP_UNROLL
    for (int i = 0; i < R::parts; ++i) {
      Afj[i] = a.v[i] * fj.v[i];
      Afdj[i] = a.v[i] * fdj.v[i];
    }
    for (int k = 0; k < j; ++k) {
      const R fk(f + k * S), mk(rows + k * S);
      const Real tk = t[k], cd = change[k];
      SNNP_UNROLL
      for (int i = 0; i < R::parts; ++i)
        add_powers(table + at[k] + i * R::width, S, tk, fj.v[i] * mk.v[i] + Afdj[i] * fk.v[i], cd * (Afj[i] * fk.v[i]));
    }
  }
}

}  // namespace SNNP_ISA
}  // namespace snnp
