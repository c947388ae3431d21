// Σ_{j<k} V(r_ij, r_ik, r_jk) of one atom and its gradient.
//
// For a pair of legs the 4 × 4 coefficients W_ab of the basis functions along the legs are cubics in r_jk, all 16
// evaluated at once. With A, B the basis functions of r_ij, r_ik and A', B' their derivatives,
//   V = Σ A_a W_ab B_b,  ∂V/∂r_ij = Σ A'_a W_ab B_b,  ∂V/∂r_ik = Σ A_a W_ab B'_b,  ∂V/∂r_jk = Σ A_a W'_ab B_b.
// A stays while k runs: Σ_k W_ab B_b is kept, and V and ∂V/∂r_ij are taken from it once. Sums over the 16 are put off
// until C of them can be done together. All pairs go through one pass after the other, so that no step waits for the
// latency of the one before.
#pragma once

#include "snnp/kernels/kernel.h"
#include "snnp/kernels/spline_at.h"

namespace snnp {
namespace SNNP_ISA {

/// Four numbers spread over the 16 pairs (a, b), which are in vectors of N: by b, or by a.
template <class Real, int N> SNNP_INLINE Vec<Real, N> spread_by_second(const Real *q)
{
  using Q = Vec<Real, 4>;
#if defined(__AVX512F__)
  if constexpr (N == 16) return (Vec<Real, N>)_mm512_broadcast_f32x4((__m128)load<Q>(q));
  if constexpr (N == 8) return (Vec<Real, N>)_mm512_broadcast_f64x4((__m256d)load<Q>(q));
#else
  if constexpr (N == 8) return SNNP_SHUFFLE(load<Q>(q), load<Q>(q), 0, 1, 2, 3, 4, 5, 6, 7);
#endif
  if constexpr (N == 4) return load<Q>(q);
}

template <class Real, int N> SNNP_INLINE void spread_by_first(const Real *q, Vec<Real, N> *to)
{
  const Vec<Real, N> all = spread_by_second<Real, N>(q);
  if constexpr (N == 4) {
    SNNP_UNROLL
    for (int a = 0; a < 4; ++a) to[a] = Vec<Real, 4>{} + q[a];
  } else if constexpr (N == 8) {
    to[0] = SNNP_SHUFFLE(all, all, 0, 0, 0, 0, 1, 1, 1, 1);
    to[1] = SNNP_SHUFFLE(all, all, 2, 2, 2, 2, 3, 3, 3, 3);
  } else
    to[0] = SNNP_SHUFFLE(all, all, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3);
}

template <class Real> class TensorKernel {
 public:
  TensorKernel(const CentrePlan<Real> &centre, int elements, Scratch<Real> &scratch)
      : centre_(centre), elements_(elements), scratch_(scratch)
  {
  }

  /// Adds the gradient by neighbour to fx, fy, fz of the scratch memory; returns the energy.
  double operator()(const Near<Real> &near)
  {
    scratch_.reserve_tensors(near.densities);
    // A copy, here and below: what is stored through vectors might be anything, but not a local variable.
    legs_ = scratch_.tensor_legs;
    int begin[most_elements + 1];
    begin[0] = 0;
    for (int b = 0; b < elements_; ++b) begin[b + 1] = collect(near, b, begin[b]);
    const int count = begin[elements_];
    clear(count);
    double energy = 0;
    for (int b = 0, n = 0; b < elements_; ++b)
      for (int c = b; c < elements_; ++c, ++n)
        if (centre_.tensors[n].cells)
          energy += term(centre_.tensors[n], begin[b], begin[b + 1], begin[c], begin[c + 1]);
    finish(count);
    return energy;
  }

 private:
  static constexpr int most_elements = 128;  // there are not as many in nature
  // All four b at least are in one vector, made of several registers if need be.
  static constexpr int W = lanes<Real> < 4 ? 4 : lanes<Real> < 16 ? lanes<Real> : 16, parts = 16 / W;
  using V = Vec<Real, W>;
  using Q = Vec<Real, 4>;

  const CentrePlan<Real> &centre_;
  int elements_;
  Scratch<Real> &scratch_;
  TensorLegs<Real> legs_;

  // Neighbours of element b within reach, from all streams that hold some, as legs from `count` on; the new count.
  int collect(const Near<Real> &near, int b, int count)
  {
    const TensorLegs<Real> legs = legs_;
    int at = 0;
    for (int s = 0; s < centre_.streams.count && at < near.densities; ++s) {
      const int end = at + near.stream_count[s];
      if (centre_.streams[s].element == b)
        for (int k = at; k < end; ++k) {
          const double r = 1 / near.inverse[k];
          legs.place[count] = k;
          legs.r[count] = r;
          legs.x[count] = near.x[k] * r;
          legs.y[count] = near.y[k] * r;
          legs.z[count] = near.z[k] * r;
          count += r < centre_.tensor_reach[b] ? 1 : 0;
        }
      at = end;
    }
    return count;
  }

  void clear(int count)
  {
    const TensorLegs<Real> legs = legs_;
    for (int k = 0; k < count; k += C) {
      store(legs.gx + k, D{});
      store(legs.gy + k, D{});
      store(legs.gz + k, D{});
    }
    for (int k = 0; k < count; ++k) store(legs.along + W * k, V{});
    for (int n = 0; n < 8 * count; n += C) {
      store(legs.row_x + n, D{});
      store(legs.row_y + n, D{});
      store(legs.row_z + n, D{});
    }
  }

  SNNP_INLINE static void set_sides(const TensorSide &side, const double *r, int begin, int end, int *cell, Real *basis)
  {
    using P = Vec<double, 4>;
    for (int at = begin; at < end; at += C) {
      const Place place = locate(side.axis, load<D>(r + at));
      for (int l = 0; l < C && at + l < end; ++l) {
        const double t = place.t[l], *c = side.cubics + 16 * place.interval[l];
        const P c3 = load<P>(c + 12), p2 = c3 * t + load<P>(c + 8), p1 = p2 * t + load<P>(c + 4);
        const P value = p1 * t + load<P>(c), slope = ((c3 * t + p2) * t + p1) * side.axis.per_unit;
        cell[at + l] = static_cast<int>(place.interval[l]) * side.stride;
        store(basis + 8 * (at + l), __builtin_convertvector(value, Q));
        store(basis + 8 * (at + l) + 4, __builtin_convertvector(slope, Q));
      }
    }
  }

  // From leg j to legs k … k + C − 1.
  SNNP_INLINE static void set_across(const Axis &axis, const TensorLegs<Real> &legs, int j, int k)
  {
    const D x = load<D>(legs.x + k) - legs.x[j], y = load<D>(legs.y + k) - legs.y[j],
            z = load<D>(legs.z + k) - legs.z[j];
    const D squared = x * x + y * y + z * z, inverse = inverse_sqrt(larger(squared, broadcast<D>(1e-30)));
    const long pair = legs.row(j) + k;
    store(legs.ux + pair, x * inverse);
    store(legs.uy + pair, y * inverse);
    store(legs.uz + pair, z * inverse);
    const Place place = locate(axis, squared * inverse);
    put(legs.t + pair, place.t);
    const Vec<int, C> cell = __builtin_convertvector(place.interval * 64, Vec<int, C>);
    store(legs.cell + pair, cell + load<Vec<int, C>>(legs.second + k) + legs.first[j]);
  }

  // Legs begin … end − 1 as j and second_begin … second_end − 1 as k; each pair once if these are the same. The legs k of
  // a leg j stand in whole vectors, of which the first and the last may be of no use in part.
  double term(const TensorPlan<Real> &plan, int begin, int end, int second_begin, int second_end)
  {
    TensorLegs<Real> legs = legs_;
    const Axis jk = plan.jk;
    const bool same = begin == second_begin;
    const auto from = [&](int j) { return same ? j + 1 : second_begin; };
    const auto vector_from = [&](int j) { return from(j) / C * C; };
    set_sides(plan.ik, legs.r, second_begin, second_end, legs.second, legs.second_basis);
    if (same) {  // of one element: the sides have the same basis
      legs.first_basis = legs.second_basis;
      for (int j = begin; j < end; ++j) legs.first[j] = legs.second[j] * (plan.ij.stride / plan.ik.stride);
    } else
      set_sides(plan.ij, legs.r, begin, end, legs.first, legs.first_basis);
    V energy{};
    for (int first = begin; first < end; first += legs.rows) {
      const int last = end - first < legs.rows ? end : first + legs.rows;
      for (int j = first; j < last; ++j)
        for (int k = vector_from(j); k < second_end; k += C) set_across(jk, legs, j, k);
      for (int j = first; j < last; ++j) energy += pairs(plan.cells, legs, j, from(j), second_end);
      for (int j = first; j < last; ++j)
        for (int k = vector_from(j); k < second_end; k += C) pull(jk.per_unit, legs, j, k, from(j), second_end);
    }
    return sum(energy);
  }

  SNNP_INLINE static V pairs(const Real *cells, const TensorLegs<Real> &legs, int j, int begin, int end)
  {
    V A[parts], dA[parts], sums[parts] = {};
    spread_by_first<Real, W>(legs.first_basis + 8 * j, A);
    spread_by_first<Real, W>(legs.first_basis + 8 * j + 4, dA);
    const long row = legs.row(j);
    for (int k = begin; k < end; ++k) {
      const Real *c = cells + legs.cell[row + k], *second = legs.second_basis + 8 * k;
      const V t = V{} + legs.t[row + k], B = spread_by_second<Real, W>(second),
              dB = spread_by_second<Real, W>(second + 4);
      V values{}, slopes{};  // Σ_a A_a W_ab and Σ_a A_a W'_ab
      SNNP_UNROLL
      for (int p = 0; p < parts; ++p, c += W) {
        const V c3 = load<V>(c + 48), p2 = c3 * t + load<V>(c + 32), p1 = p2 * t + load<V>(c + 16);
        const V value = p1 * t + load<V>(c), slope = (c3 * t + p2) * t + p1;
        sums[p] += value * B;
        values += A[p] * value;
        slopes += A[p] * slope;
      }
      store(legs.along + W * k, load<V>(legs.along + W * k) + values * dB);
      store(legs.across + W * (row + k), slopes * B);
    }
    V energy{}, slope{};
    SNNP_UNROLL
    for (int p = 0; p < parts; ++p) {
      energy += A[p] * sums[p];
      slope += dA[p] * sums[p];
    }
    store(legs.along + W * j, load<V>(legs.along + W * j) + slope);
    return energy;
  }

  // ∂V/∂r_jk acts on leg j and those of legs k … k + C − 1 that lie in begin … end − 1.
  SNNP_INLINE static void pull(double per_unit, const TensorLegs<Real> &legs, int j, int k, int begin, int end)
  {
    const long pair = legs.row(j) + k;
    L leg;
    SNNP_UNROLL
    for (int l = 0; l < C; ++l) leg[l] = k + l;
    const D sums = row_sums<W>(legs.across + W * pair) * per_unit;
    const D slope = ((leg >= begin) & (leg < end)) ? sums : D{};
    pull(legs.gx, legs.row_x, slope * load<D>(legs.ux + pair), j, k);
    pull(legs.gy, legs.row_y, slope * load<D>(legs.uy + pair), j, k);
    pull(legs.gz, legs.row_z, slope * load<D>(legs.uz + pair), j, k);
  }

  SNNP_INLINE static void pull(double *g, double *row, D x, int j, int k)
  {
    store(g + k, load<D>(g + k) + x);
    store(row + 8 * j, load<D>(row + 8 * j) + x);
  }

  // The sums of C rows of N numbers.
  template <int N, class T> SNNP_INLINE static D row_sums(const T *row)
  {
    constexpr int M = lanes<T> < 4 ? 4 : lanes<T> < N ? lanes<T> : N;
    Vec<T, M> rows[C];
    SNNP_UNROLL
    for (int l = 0; l < C; ++l) {
      rows[l] = load<Vec<T, M>>(row + N * l);
      SNNP_UNROLL
      for (int m = M; m < N; m += M) rows[l] += load<Vec<T, M>>(row + N * l + m);
    }
    return __builtin_convertvector((RowSums<T, M>::of(rows)), D);
  }

  void finish(int count)
  {
    const TensorLegs<Real> legs = legs_;
    double *fx = scratch_.fx, *fy = scratch_.fy, *fz = scratch_.fz;
    for (int k = 0; k < count; k += C) {
      const D slope = row_sums<W>(legs.along + W * k) / load<D>(legs.r + k);
      const D x = slope * load<D>(legs.x + k) + load<D>(legs.gx + k) - row_sums<8>(legs.row_x + 8 * k),
              y = slope * load<D>(legs.y + k) + load<D>(legs.gy + k) - row_sums<8>(legs.row_y + 8 * k),
              z = slope * load<D>(legs.z + k) + load<D>(legs.gz + k) - row_sums<8>(legs.row_z + 8 * k);
      for (int l = 0; l < C && k + l < count; ++l) {
        const int place = legs.place[k + l];
        fx[place] += x[l];
        fy[place] += y[l];
        fz[place] += z[l];
      }
    }
  }
};

}  // namespace SNNP_ISA
}  // namespace snnp
