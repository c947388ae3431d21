// Σ_{j<k} V(r_ij, r_ik, r_jk) of one atom and its gradient.
//
// For a pair of neighbours the 4 × 4 coefficients W_ab of the basis functions of r_ij and r_ik are cubics in r_jk, all
// 16 evaluated at once. With A, B the basis functions of r_ij, r_ik and A', B' their derivatives,
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

/// By a: all vectors.
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

/// The kernel for one atom at a time.
template <class Real> class TensorKernel {
 public:
  TensorKernel(const CentrePlan<Real> &centre, int elements, Scratch<Real> &scratch)
      : centre_(centre), elements_(elements), scratch_(scratch)
  {
  }

  /// Adds the gradient by neighbour to fx, fy, fz of the scratch memory; returns the energy.
  double operator()(const Near<Real> &near)
  {
    scratch_.reserve_tensors(near.n_density);
    // A copy, here and below: what is stored through vectors might be anything, but not a local variable.
    neighbors_ = scratch_.tensor_neighbors;
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
    add_gradient(count);
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
  TensorNeighbors<Real> neighbors_;

  // Neighbours of element b within the cutoff, from all streams that hold some, go to `count` and after; the new count.
  int collect(const Near<Real> &near, int b, int count)
  {
    const TensorNeighbors<Real> all = neighbors_;
    int at = 0;
    for (int s = 0; s < centre_.streams.count && at < near.n_density; ++s) {
      const int end = at + near.stream_count[s];
      if (centre_.streams[s].element == b)
        for (int k = at; k < end; ++k) {
          const double r = 1 / near.inverse[k];
          all.index[count] = k;
          all.r[count] = r;
          all.x[count] = near.x[k] * r;
          all.y[count] = near.y[k] * r;
          all.z[count] = near.z[k] * r;
          count += r < centre_.tensor_cutoff[b] ? 1 : 0;
        }
      at = end;
    }
    return count;
  }

  void clear(int count)
  {
    const TensorNeighbors<Real> all = neighbors_;
    for (int k = 0; k < count; k += C) {
      store(all.gx + k, D{});
      store(all.gy + k, D{});
      store(all.gz + k, D{});
    }
    for (int k = 0; k < count; ++k) store(all.radial_terms + W * k, V{});
    for (int n = 0; n < 8 * count; n += C) {
      store(all.partial_x + n, D{});
      store(all.partial_y + n, D{});
      store(all.partial_z + n, D{});
    }
  }

  SNNP_INLINE static void set_basis(const TensorBasis &functions, const double *r, int begin, int end, int *cell,
                                    Real *basis)
  {
    using P = Vec<double, 4>;
    for (int at = begin; at < end; at += C) {
      const AxisPosition position = locate(functions.axis, load<D>(r + at));
      for (int l = 0; l < C && at + l < end; ++l) {
        const double t = position.t[l], *c = functions.cubics + 16 * position.interval[l];
        const P c3 = load<P>(c + 12), p2 = c3 * t + load<P>(c + 8), p1 = p2 * t + load<P>(c + 4);
        const P value = p1 * t + load<P>(c), slope = ((c3 * t + p2) * t + p1) * functions.axis.per_unit;
        cell[at + l] = static_cast<int>(position.interval[l]) * functions.stride;
        store(basis + 8 * (at + l), __builtin_convertvector(value, Q));
        store(basis + 8 * (at + l) + 4, __builtin_convertvector(slope, Q));
      }
    }
  }

  // From neighbour j to neighbours k … k + C − 1.
  SNNP_INLINE static void set_distances(const Axis &axis, const TensorNeighbors<Real> &all, int j, int k)
  {
    const D x = load<D>(all.x + k) - all.x[j], y = load<D>(all.y + k) - all.y[j], z = load<D>(all.z + k) - all.z[j];
    const D squared = x * x + y * y + z * z, inverse = inverse_sqrt(larger(squared, broadcast<D>(1e-30)));
    const long pair = all.pairs_of(j) + k;
    store(all.ux + pair, x * inverse);
    store(all.uy + pair, y * inverse);
    store(all.uz + pair, z * inverse);
    const AxisPosition position = locate(axis, squared * inverse);
    put(all.t + pair, position.t);
    const Vec<int, C> cell = __builtin_convertvector(position.interval * 64, Vec<int, C>);
    store(all.cell + pair, cell + load<Vec<int, C>>(all.second + k) + all.first[j]);
  }

  // Neighbours begin … end − 1 as j and second_begin … second_end − 1 as k; each pair once if these are the same. The
  // neighbours k of a j stand in whole vectors, of which a part of the first and of the last may not be used.
  double term(const TensorPlan<Real> &plan, int begin, int end, int second_begin, int second_end)
  {
    TensorNeighbors<Real> all = neighbors_;
    const Axis jk = plan.jk;
    const bool same = begin == second_begin;
    const auto from = [&](int j) { return same ? j + 1 : second_begin; };
    const auto vector_from = [&](int j) { return from(j) / C * C; };
    set_basis(plan.ik, all.r, second_begin, second_end, all.second, all.second_basis);
    if (same) {  // of one element: r_ij and r_ik have the same basis
      all.first_basis = all.second_basis;
      for (int j = begin; j < end; ++j) all.first[j] = all.second[j] * (plan.ij.stride / plan.ik.stride);
    } else
      set_basis(plan.ij, all.r, begin, end, all.first, all.first_basis);
    V energy{};
    for (int first = begin; first < end; first += all.block) {
      const int last = end - first < all.block ? end : first + all.block;
      for (int j = first; j < last; ++j)
        for (int k = vector_from(j); k < second_end; k += C) set_distances(jk, all, j, k);
      for (int j = first; j < last; ++j) energy += pairs(plan.cells, all, j, from(j), second_end);
      for (int j = first; j < last; ++j)
        for (int k = vector_from(j); k < second_end; k += C) add_jk_forces(jk.per_unit, all, j, k, from(j), second_end);
    }
    return sum(energy);
  }

  SNNP_INLINE static V pairs(const Real *cells, const TensorNeighbors<Real> &all, int j, int begin, int end)
  {
    V A[parts], dA[parts], sums[parts] = {};
    spread_by_first<Real, W>(all.first_basis + 8 * j, A);
    spread_by_first<Real, W>(all.first_basis + 8 * j + 4, dA);
    const long pairs = all.pairs_of(j);
    for (int k = begin; k < end; ++k) {
      const Real *c = cells + all.cell[pairs + k], *second = all.second_basis + 8 * k;
      const V t = V{} + all.t[pairs + k], B = spread_by_second<Real, W>(second),
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
      store(all.radial_terms + W * k, load<V>(all.radial_terms + W * k) + values * dB);
      store(all.jk_terms + W * (pairs + k), slopes * B);
    }
    V energy{}, slope{};
    SNNP_UNROLL
    for (int p = 0; p < parts; ++p) {
      energy += A[p] * sums[p];
      slope += dA[p] * sums[p];
    }
    store(all.radial_terms + W * j, load<V>(all.radial_terms + W * j) + slope);
    return energy;
  }

  // ∂V/∂r_jk acts on neighbour j and those of k … k + C − 1 that lie in begin … end − 1.
  SNNP_INLINE static void add_jk_forces(double per_unit, const TensorNeighbors<Real> &all, int j, int k, int begin,
                                        int end)
  {
    const long pair = all.pairs_of(j) + k;
    L neighbor;
    SNNP_UNROLL
    for (int l = 0; l < C; ++l) neighbor[l] = k + l;
    const D sums = horizontal_sums<W>(all.jk_terms + W * pair) * per_unit;
    const D slope = ((neighbor >= begin) & (neighbor < end)) ? sums : D{};
    add_component(all.gx, all.partial_x, slope * load<D>(all.ux + pair), j, k);
    add_component(all.gy, all.partial_y, slope * load<D>(all.uy + pair), j, k);
    add_component(all.gz, all.partial_z, slope * load<D>(all.uz + pair), j, k);
  }

  SNNP_INLINE static void add_component(double *g, double *partial, D x, int j, int k)
  {
    store(g + k, load<D>(g + k) + x);
    store(partial + 8 * j, load<D>(partial + 8 * j) + x);
  }

  // The sums of C times N numbers.
  template <int N, class T> SNNP_INLINE static D horizontal_sums(const T *terms)
  {
    constexpr int M = lanes<T> < 4 ? 4 : lanes<T> < N ? lanes<T> : N;
    Vec<T, M> sums[C];
    SNNP_UNROLL
    for (int l = 0; l < C; ++l) {
      sums[l] = load<Vec<T, M>>(terms + N * l);
      SNNP_UNROLL
      for (int m = M; m < N; m += M) sums[l] += load<Vec<T, M>>(terms + N * l + m);
    }
    return __builtin_convertvector((HorizontalSums<T, M>::of(sums)), D);
  }

  void add_gradient(int count)
  {
    const TensorNeighbors<Real> all = neighbors_;
    double *fx = scratch_.fx, *fy = scratch_.fy, *fz = scratch_.fz;
    for (int k = 0; k < count; k += C) {
      const D slope = horizontal_sums<W>(all.radial_terms + W * k) / load<D>(all.r + k);
      const D x = slope * load<D>(all.x + k) + load<D>(all.gx + k) - horizontal_sums<8>(all.partial_x + 8 * k),
              y = slope * load<D>(all.y + k) + load<D>(all.gy + k) - horizontal_sums<8>(all.partial_y + 8 * k),
              z = slope * load<D>(all.z + k) + load<D>(all.gz + k) - horizontal_sums<8>(all.partial_z + 8 * k);
      for (int l = 0; l < C && k + l < count; ++l) {
        const int index = all.index[k + l];
        fx[index] += x[l];
        fy[index] += y[l];
        fz[index] += z[l];
      }
    }
  }
};

}  // namespace SNNP_ISA
}  // namespace snnp
