// The three-body kernels for many filters: vectors run across filters.
//
//   pass 1   P_jm = Σ_{k≠j} f_m(r_ik) g_m(c_jk),  G_m = ½ Σ_j f_m(r_ij) P_jm
//   pass 2   D_jk = Σ_m A_m f_m(r_ij) f_m(r_ik) g'_m(c_jk),  S_j = Σ_{k≠j} D_jk u_k
//
// over pairs j < k of three-body neighbours. Interval and t of the cosine of each pair are found once for all filters
// (`locate_cosines`), at [pair_start(k) + C j], so that both passes read them in the order in which they need them:
//
//     k = 0 …  C − 1    | j = 0: C numbers | j = 1: … | …                 … | j =  C − 2 |
//     k = C … 2C − 1    | j = 0: C numbers | j = 1: … | …                                    … | j = 2C − 2 |
//
// one line after the other; those with j ≥ k are there, but of no use.
#pragma once

#include "snnp/kernels/kernel.h"
#include "snnp/kernels/spline_at.h"

namespace snnp {
namespace SNNP_ISA {

/// Where the entries of pairs (0, k), (1, k) … begin, C apart.
SNNP_INLINE int pair_start(int k)
{
  const int q = k / C;
  return C * (C * q * (q + 1) / 2 - q) + k % C;
}

/// s, but not below 0 or above `last`.
template <class Real> SNNP_INLINE Vec<Real, C> clamp(Vec<Real, C> s, Real last)
{
  using K = Vec<Real, C>;
  return smaller<K>(larger<K>(s, K{}), broadcast<K>(last));
}

/// Intervals of C cosines, and t in them.
template <class Real> struct CosinePosition {
  Vec<Real, C> t;
  Vec<int, C> interval;
};

/// Where C cosines lie; `uniform`: whether all intervals have one width.
template <class Real, bool uniform>
SNNP_INLINE CosinePosition<Real> locate_cosine(const Axis &axis, Vec<Real, C> cosine)
{
  using K = Vec<Real, C>;
  using M = Magic<Real>;
  using Bits = Vec<typename M::Int, C>;
  const K s = cosine * static_cast<Real>(axis.scale) + static_cast<Real>(axis.shift);
  const K big = clamp<Real>(s, static_cast<Real>(uniform ? axis.last : axis.last_cell)) + M::value;
  const auto cell = __builtin_convertvector((Bits)big - M::bits, Vec<int, C>);
  if constexpr (uniform) return {s - (big - M::value), cell};
  CosinePosition<Real> position;
  for (int l = 0; l < C; ++l) {
    int at = axis.cell[cell[l]];
    while (at < axis.last && cosine[l] >= axis.edge[at]) ++at;
    position.interval[l] = at;
    position.t[l] = static_cast<Real>((cosine[l] - axis.middle[at]) * axis.per_unit);
  }
  return position;
}

/// Intervals and t for all pairs of an atom, in the order above. `single`: whether there is one table of g.
template <class Real, bool single, bool uniform>
void locate_cosines(const CentrePlan<Real> &centre, int elements, const Near<Real> &near, int *tables, int step)
{
  using K = Vec<Real, C>;
  const int n = near.n_three_body;
  Real *__restrict T = near.T;
  int *__restrict I = near.I;
  const Real *__restrict ux = near.ux, *__restrict uy = near.uy, *__restrict uz = near.uz;
  const Axis axis = centre.angle_axis;
  // Where the table of g begins for a neighbour of element b and neighbour k: tables[step · b + k].
  for (int b = 0; !single && b < elements; ++b)
    for (int k = 0; k < n + C - 1; ++k)
      tables[step * b + k] = k < n ? centre.angle_table[b * elements + near.element[k]] : 0;
  for (int q = 0; q < n; q += C) {
    const K x = load<K>(ux + q), y = load<K>(uy + q), z = load<K>(uz + q);
    const int end = (q + C < n ? q + C : n) - 1;
    for (int j = 0; j < end; ++j, T += C, I += C) {
      const CosinePosition<Real> p = locate_cosine<Real, uniform>(axis, x * ux[j] + y * uy[j] + z * uz[j]);
      store(T, p.t);
      if constexpr (single)
        store(I, p.interval);
      else
        store(I, p.interval + load<Vec<int, C>>(tables + step * near.element[j] + q));
    }
  }
}

// Pairs of the B neighbours from j0 on with each other and with all later ones.
template <class Real, int W, int B>
SNNP_INLINE void block_of_neighbors(const Real *table, int n, int j0, const Real *f, Real *P, const Real *T,
                                    const int *I, double *G)
{
  using R = FilterVector<Real, W>;
  R fj[B], Pj[B];
  SNNP_UNROLL
  for (int a = 0; a < B; ++a) {
    fj[a] = R::of(f + W * (j0 + a));
    Pj[a] = R::of(P + W * (j0 + a));
  }
  SNNP_UNROLL
  for (int a = 0; a < B; ++a) SNNP_UNROLL
  for (int b = a + 1; b < B; ++b) {
    const int at = pair_start(j0 + b) + C * (j0 + a);
    const R g = cubic<Real, W>(table + 4L * W * I[at], T[at]);
    Pj[a].add(fj[b], g);
    Pj[b].add(fj[a], g);
  }
  for (int k = j0 + B; k < n; ++k) {
    const int at = pair_start(k) + C * j0;
    const R fk = R::of(f + W * k);
    R Pk = R::of(P + W * k);
    SNNP_UNROLL
    for (int a = 0; a < B; ++a) {
      const R g = cubic<Real, W>(table + 4L * W * I[at + C * a], T[at + C * a]);
      Pj[a].add(fk, g);
      Pk.add(fj[a], g);
    }
    Pk.to(P + W * k);
  }
  R sum = fj[0] * Pj[0];
  SNNP_UNROLL
  for (int a = 0; a < B; ++a) {
    Pj[a].to(P + W * (j0 + a));
    if (a > 0) sum.add(fj[a], Pj[a]);
  }
  Real sums[W];
  sum.to(sums);
  for (int m = 0; m < W; ++m) G[m] += sums[m];
}

/// Pass 1 of a group of filters.
template <class Real, int W>
void pass_1(const Group<Real> &group, const Near<Real> &near, const Real *f, Real *P, double *G, int step)
{
  const int n = near.n_three_body;
  const FilterVector<Real, W> zero = FilterVector<Real, W>::zero();
  for (int k = 0; k < n; ++k) zero.to(P + W * k);
  double sums[W] = {};
  int j = 0;
  if constexpr (FilterVector<Real, W>::parts == 1)
    for (; j + 8 <= n; j += 8) block_of_neighbors<Real, W, 8>(group.value, n, j, f, P, near.T, near.I, sums);
  for (; j + 4 <= n; j += 4) block_of_neighbors<Real, W, 4>(group.value, n, j, f, P, near.T, near.I, sums);
  if (n - j == 3)
    block_of_neighbors<Real, W, 3>(group.value, n, j, f, P, near.T, near.I, sums);
  else if (n - j == 2)
    block_of_neighbors<Real, W, 2>(group.value, n, j, f, P, near.T, near.I, sums);
  else if (n - j == 1)
    block_of_neighbors<Real, W, 1>(group.value, n, j, f, P, near.T, near.I, sums);
  for (int m = 0; m < group.count; ++m) G[(group.first + m) * step] += 0.5 * sums[m];
}

// D, but 0 in the lanes before `from`.
template <class Real> SNNP_INLINE Vec<Real, C> only_from(int from, Vec<Real, C> D)
{
  using Int = typename Magic<Real>::Int;
  Vec<Int, C> lane;
  SNNP_UNROLL
  for (int l = 0; l < C; ++l) lane[l] = l;
  return lane >= static_cast<Int>(from) ? D : Vec<Real, C>{};
}

// C neighbours k at a time, whose f are in registers, and one neighbour j after the other: first those before them, then
// the few after the last whole C. These few are taken together with each other at the end.
template <class Real, int W>
void pass_2(const Group<Real> &group, Near<Real> &near, const Real *__restrict f, const Real *weight,
            Real *__restrict sums)
{
  using K = Vec<Real, C>;
  using R = FilterVector<Real, W>;
  using Sums = HorizontalSums<Real, R::N>;
  const int n = near.n_three_body, whole = n / C * C, last = pair_start(whole);
  const R w = R::of(weight);
  const Real *__restrict table = group.slope;
  const Real *__restrict T = near.T, *__restrict ux = near.ux, *__restrict uy = near.uy, *__restrict uz = near.uz;
  const int *__restrict I = near.I;
  // Sums for single neighbours stay vectors until all pairs are done: neighbour × (x, y, z) × C.
  for (int s = 0; s < 3 * (n + C - 1); ++s) store(sums + s * C, K{});
  for (int q = 0; q < n - 1; q += C) {
    R fk[C];
    SNNP_UNROLL
    for (int l = 0; l < C; ++l) fk[l] = R::of(f + W * (q + l)) * w;
    const K x = load<K>(ux + q), y = load<K>(uy + q), z = load<K>(uz + q);
    K sx = K{}, sy = K{}, sz = K{};
    const int first = pair_start(q);
    const auto slopes = [&](int at, const R &fj, int l) __attribute__((always_inline)) {
      return (quadratic<Real, W>(table + 3L * W * I[at], T[at]) * fj).dot(fk[l]);
    };
    // Pairs with neighbour j, which are `step` apart.
    const auto begin = [&](int j, int at, auto step) __attribute__((always_inline)) {
      const R fj = R::of(f + W * j);
      typename R::V terms[C];
      SNNP_UNROLL
      for (int l = 0; l < C; ++l) terms[l] = slopes(at + decltype(step)::value * l, fj, l);
      return Sums::begin(terms);
    };
    const auto add = [&](int j, K D) __attribute__((always_inline)) {
      Real *s = sums + 3 * C * j;
      store(s, load<K>(s) + D * x);
      store(s + C, load<K>(s + C) + D * y);
      store(s + 2 * C, load<K>(s + 2 * C) + D * z);
      sx += D * ux[j];
      sy += D * uy[j];
      sz += D * uz[j];
    };
    // The end of each sum is left to the next turn of the loop, where it fills gaps.
    const auto several = [&](int from, int to, int at, auto step, int next_at) __attribute__((always_inline)) {
      if (from >= to) return;
      typename Sums::Partial last = begin(from, at, step);
      for (int j = from + 1; j < to; ++j) {
        const typename Sums::Partial next = begin(j, at += next_at, step);
        add(j - 1, Sums::end(last));
        last = next;
      }
      add(to - 1, Sums::end(last));
    };
    // Pairs among the C neighbours themselves: vector a has the pairs with a + 1 … in their lanes, and in the others
    // those of vector C − 2 − a, to which they are moved when sums are done.
    const auto two_vectors = [&](auto number) __attribute__((always_inline)) {
      constexpr int a = decltype(number)::value, b = C - 2 - a;
      const R fa = R::of(f + W * (q + a)), fb = R::of(f + W * (q + b));
      typename R::V terms[C];
      SNNP_UNROLL
      for (int l = 0; l < C; ++l) {
        const int lane = l > a ? l : b + 1 + l;
        terms[l] = slopes(first + C * (q + (l > a ? a : b)) + lane, l > a ? fa : fb, lane);
      }
      const K D = Sums::of(terms);
      add(q + a, only_from<Real>(a + 1, D));
      if constexpr (a < b) add(q + b, only_from<Real>(b + 1, rotate<a + 1>(D)));
    };
    if (q < whole) {
      several(0, q, first, Int<1>{}, C);
      two_vectors(Int<0>{});
      two_vectors(Int<1>{});
      if constexpr (C == 8) {
        two_vectors(Int<2>{});
        two_vectors(Int<3>{});
      }
      several(whole, n, last + C * q, Int<C>{}, 1);
    } else
      for (int j = q; j < n - 1; ++j) add(j, only_from<Real>(j - q + 1, Sums::end(begin(j, last + C * j, Int<1>{}))));
    store(near.sx + q, load<K>(near.sx + q) + sx);
    store(near.sy + q, load<K>(near.sy + q) + sy);
    store(near.sz + q, load<K>(near.sz + q) + sz);
  }
  Real *const target[3] = {near.sx, near.sy, near.sz};
  for (int d = 0; d < 3; ++d)
    for (int j = 0; j < n; j += C) {
      K terms[C];
      SNNP_UNROLL
      for (int l = 0; l < C; ++l) terms[l] = load<K>(sums + (3 * (j + l) + d) * C);
      store(target[d] + j, load<K>(target[d] + j) + HorizontalSums<Real, C>::of(terms));
    }
}

/// Pass 1 and pass 2 of all groups of filters of an atom.
template <class Real> struct TripletsAcrossFilters {
  const Plan<Real> &plan;
  const CentrePlan<Real> &centre;
  Scratch<Real> &scratch;
  static constexpr int step = Scratch<Real>::block;

  void values(Near<Real> &near, double *G) const
  {
    scratch.reserve_pairs(near, near.n_three_body);
    const bool single = !centre.angle_table, uniform = !centre.angle_axis.cell;
    const auto locate = single ? (uniform ? locate_cosines<Real, true, true> : locate_cosines<Real, true, false>)
                               : (uniform ? locate_cosines<Real, false, true> : locate_cosines<Real, false, false>);
    locate(centre, plan.elements, near, scratch.tables, scratch.capacity);
    long at = 0;
    for (const Group<Real> &group : centre.angles) {
      with_width(group.width, First{group, near, near.f + at, near.P + at, G});
      at += group.width * scratch.capacity;
    }
  }

  void gradient(Near<Real> &near, const double *A) const
  {
    using K = Vec<Real, C>;
    for (int k = 0; k < near.n_three_body; k += C)
      for (Real *s : {near.sx, near.sy, near.sz}) store(s + k, K{});
    const Real *f = near.f;
    for (const Group<Real> &group : centre.angles) {
      Real w[16];
      for (int m = 0; m < group.width; ++m) w[m] = m < group.count ? static_cast<Real>(A[(group.first + m) * step]) : 0;
      with_width(group.width, Second{group, near, f, w, scratch.sums});
      f += group.width * scratch.capacity;
    }
  }

 private:
  struct First {
    const Group<Real> &group;
    const Near<Real> &near;
    const Real *f;
    Real *P;
    double *G;
    template <int W> SNNP_INLINE void run() const { pass_1<Real, W>(group, near, f, P, G, step); }
  };
  struct Second {
    const Group<Real> &group;
    Near<Real> &near;
    const Real *f, *w;
    Real *sums;
    template <int W> SNNP_INLINE void run() const { pass_2<Real, W>(group, near, f, w, sums); }
  };
};

}  // namespace SNNP_ISA
}  // namespace snnp
