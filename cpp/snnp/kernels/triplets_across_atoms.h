// The three-body kernels for few filters: vectors run across atoms, each in a lane of its own.
//
// The arrays of the atoms of a block, one for each atom, are transposed into one vector for each three-body neighbour.
// Then the sums of triplets_across_filters.h are done neighbour by neighbour for all atoms at once, with tables of
// splines in registers:
//
//     X        | neighbour 0: atoms 0 … | neighbour 1: … | …                      also Y, Z, shift, SX, SY, SZ
//     F, P     | neighbour 0: filter 0: atoms 0 … | filter 1 | … | neighbour 1: … |
//
// An atom with fewer three-body neighbours than others has f = 0 for those that it lacks.
//
// With two elements the table of g for a pair of neighbours of elements b and c is number b + c: each neighbour shifts
// the index by its element times the intervals of a table.
#pragma once

#include "snnp/kernels/kernel.h"
#include "snnp/kernels/simd.h"

namespace snnp {
namespace SNNP_ISA {

template <class Real> using AtomVector = Vec<Real, lanes<Real>>;

/// A table of numbers, one of which is looked up in each lane: by a permutation of one or two registers that hold all
/// of them, or (0) from memory. The index is in the lowest bits of a number to which Magic was added.
template <class Real, int registers> struct LookUp {
  const Real *table;

  SNNP_INLINE explicit LookUp(const Real *p) : table(p) {}
  SNNP_INLINE AtomVector<Real> operator[](AtomVector<Real> index) const
  {
    using M = Magic<Real>;
    const auto i = (Vec<typename M::Int, lanes<Real>>)index - M::bits;
    AtomVector<Real> v;
    SNNP_UNROLL
    for (int l = 0; l < lanes<Real>; ++l) v[l] = table[i[l]];
    return v;
  }
};

#if defined(__AVX512F__)
constexpr bool has_permutations = true;
template <> struct LookUp<double, 1> {
  __m512d table;

  SNNP_INLINE explicit LookUp(const double *p) : table(_mm512_loadu_pd(p)) {}
  SNNP_INLINE AtomVector<double> operator[](AtomVector<double> index) const
  {
    return (AtomVector<double>)_mm512_permutexvar_pd((__m512i)index, table);
  }
};
template <> struct LookUp<float, 1> {
  __m512 table;

  SNNP_INLINE explicit LookUp(const float *p) : table(_mm512_loadu_ps(p)) {}
  SNNP_INLINE AtomVector<float> operator[](AtomVector<float> index) const
  {
    return (AtomVector<float>)_mm512_permutexvar_ps((__m512i)index, table);
  }
};
template <> struct LookUp<double, 2> {
  __m512d low, high;

  SNNP_INLINE explicit LookUp(const double *p) : low(_mm512_loadu_pd(p)), high(_mm512_loadu_pd(p + 8)) {}
  SNNP_INLINE AtomVector<double> operator[](AtomVector<double> index) const
  {
    return (AtomVector<double>)_mm512_permutex2var_pd(low, (__m512i)index, high);
  }
};
template <> struct LookUp<float, 2> {
  __m512 low, high;

  SNNP_INLINE explicit LookUp(const float *p) : low(_mm512_loadu_ps(p)), high(_mm512_loadu_ps(p + 16)) {}
  SNNP_INLINE AtomVector<float> operator[](AtomVector<float> index) const
  {
    return (AtomVector<float>)_mm512_permutex2var_ps(low, (__m512i)index, high);
  }
};
#else
constexpr bool has_permutations = false;
#endif

/// Turns N vectors of N numbers around, by log₂ N rounds of interleaving the first half with the second.
template <class V> SNNP_INLINE void transpose(V *v)
{
  constexpr int N = sizeof(V) / sizeof(v[0][0]);
  for (int round = 1; round < N; round *= 2) {
    V next[N];
    SNNP_UNROLL
    for (int i = 0; i < N / 2; ++i) {
      next[2 * i] = zip_low(v[i], v[i + N / 2]);
      next[2 * i + 1] = zip_high(v[i], v[i + N / 2]);
    }
    SNNP_UNROLL
    for (int i = 0; i < N; ++i) v[i] = next[i];
  }
}

/// Pass 1 and pass 2 for a block of atoms.
template <class Real> class TripletsAcrossAtoms {
 public:
  TripletsAcrossAtoms(const Plan<Real> &plan, const CentrePlan<Real> &centre, Scratch<Real> &scratch)
      : plan(plan), centre(centre), scratch(scratch)
  {
  }

  using V = AtomVector<Real>;
  static constexpr int atoms = lanes<Real>, step = Scratch<Real>::block;

  /// Pass 1 of `count` atoms; with a single filter the gradient but for a factor, too.
  void values(Near<Real> *const *block, int count, double *G)
  {
    transpose_in(block, count);
    const int n = plan.n3;
    if (n == 1)
      pass_of_one(G);
    else if constexpr (has_permutations)
      centre.angle_size == atoms ? first_pass<1>(G) : first_pass<2>(G);
    transpose_out(P_, &Near<Real>::P, block, count, neighbors_ * width_);
  }

  /// Pass 2.
  void gradient(Near<Real> *const *block, int count, const double *A)
  {
    const int n = plan.n3;
    if constexpr (has_permutations)
      if (n > 1) centre.angle_size == atoms ? second_pass<1>(A) : second_pass<2>(A);
    transpose_out(SX_, &Near<Real>::sx, block, count, padded_);
    transpose_out(SY_, &Near<Real>::sy, block, count, padded_);
    transpose_out(SZ_, &Near<Real>::sz, block, count, padded_);
    if (n == 1) multiply(block, count, A);
  }

 private:
  const Plan<Real> &plan;
  const CentrePlan<Real> &centre;
  Scratch<Real> &scratch;
  int neighbors_ = 0, padded_ = 0;  // three-body neighbours of the atom that has most; the same, to whole vectors
  int width_ = 1;                   // filters, to whole groups
  V *X_, *Y_, *Z_, *shift_, *SX_, *SY_, *SZ_, *F_, *P_;

  template <int registers> void first_pass(double *G)
  {
    const int n = plan.n3;
    n == 2 ? pass_1<2, 4, registers>(G) : n <= 4 ? pass_1<4, 4, registers>(G) : pass_1<8, 8, registers>(G);
  }

  template <int registers> void second_pass(const double *A)
  {
    const int n = plan.n3;
    n == 2 ? pass_2<2, 4, registers>(A) : n <= 4 ? pass_2<4, 4, registers>(A) : pass_2<8, 8, registers>(A);
  }

  void transpose_in(Near<Real> *const *block, int count)
  {
    neighbors_ = 0;
    width_ = centre.pairs[0].f[0].width;
    for (int l = 0; l < count; ++l)
      neighbors_ = block[l]->n_three_body > neighbors_ ? block[l]->n_three_body : neighbors_;
    scratch.reserve_across_atoms(neighbors_);
    constexpr int chunk = atoms > C ? atoms : C;
    const int n = padded_ = (neighbors_ + chunk - 1) / chunk * chunk;
    V *to = reinterpret_cast<V *>(scratch.across_atoms);
    for (V **array : {&X_, &Y_, &Z_, &shift_, &SX_, &SY_, &SZ_}) *array = to, to += n;
    F_ = to, to += static_cast<long>(n) * width_;
    P_ = to;
    for (int l = 0; l < count; ++l)
      for (int k = block[l]->n_three_body * width_; k < n * width_; k += atoms) store(block[l]->f + k, V{});
    transpose_array(&Near<Real>::ux, X_, block, count, neighbors_);
    transpose_array(&Near<Real>::uy, Y_, block, count, neighbors_);
    transpose_array(&Near<Real>::uz, Z_, block, count, neighbors_);
    if (plan.elements > 1)
      transpose_array(&Near<Real>::g_shift, shift_, block, count, neighbors_);
    else
      for (int k = 0; k < n; ++k) shift_[k] = V{};
    transpose_array(&Near<Real>::f, F_, block, count, neighbors_ * width_);
    for (int k = 0; k < n; ++k) SX_[k] = SY_[k] = SZ_[k] = V{};
    for (int k = 0; k < n * width_; ++k) P_[k] = V{};
  }

  // Lanes beyond the last atom are zero.
  void transpose_array(Real *Near<Real>::*array, V *to, Near<Real> *const *block, int count, int n) const
  {
    for (int k = 0; k < n; k += atoms) {
      V v[atoms] = {};
      if (count == atoms) {
        SNNP_UNROLL
        for (int l = 0; l < atoms; ++l) v[l] = load<V>(block[l]->*array + k);
      } else
        for (int l = 0; l < count; ++l) v[l] = load<V>(block[l]->*array + k);
      transpose(v);
      SNNP_UNROLL
      for (int l = 0; l < atoms; ++l) to[k + l] = v[l];
    }
  }

  void transpose_out(const V *from, Real *Near<Real>::*array, Near<Real> *const *block, int count, int n) const
  {
    for (int k = 0; k < n; k += atoms) {
      V v[atoms];
      SNNP_UNROLL
      for (int l = 0; l < atoms; ++l) v[l] = from[k + l];
      transpose(v);
      for (int l = 0; l < count; ++l) store(block[l]->*array + k, v[l]);
    }
  }

  void multiply(Near<Real> *const *block, int count, const double *A) const
  {
    for (int l = 0; l < count; ++l) {
      Near<Real> &near = *block[l];
      const Real a = static_cast<Real>(A[l]);
      for (int k = 0; k < near.n_three_body; k += C)
        for (Real *s : {near.sx, near.sy, near.sz}) store(s + k, load<Vec<Real, C>>(s + k) * a);
    }
  }

  // Interval and t of the cosine between two neighbours. Passes find them one neighbour ahead, since each of the few
  // operations that they take waits for the one before.
  struct Angle {
    V interval, t;
  };
  struct Cosines {
    V scale, shift, last;

    SNNP_INLINE explicit Cosines(const Axis &axis)
        : scale(broadcast<V>(static_cast<Real>(axis.scale))), shift(broadcast<V>(static_cast<Real>(axis.shift))),
          last(broadcast<V>(static_cast<Real>(axis.last)))
    {
    }
    /// x, y, z are `scale` times the direction to one neighbour.
    SNNP_INLINE Angle operator()(V x, V y, V z, V ux, V uy, V uz) const
    {
      const V s = fused(ux, x, fused(uy, y, fused(uz, z, shift)));
      const V big = smaller<V>(larger<V>(s, V{}), last) + Magic<Real>::value;
      return {big, s - (big - Magic<Real>::value)};
    }
  };

  template <int M, int W, int registers> __attribute__((noinline)) void pass_1(double *G)
  {
    const Cosines cosine(centre.angle_axis);
    const int n = neighbors_;
    const V *__restrict X = X_, *__restrict Y = Y_, *__restrict Z = Z_, *__restrict F = F_, *__restrict E = shift_;
    V *__restrict P = P_;
    using Table = LookUp<Real, registers>;
    const Real *c = centre.angle_value;
    constexpr int size = registers * atoms;
    V sums[M] = {};
    for (int j = 0; j < n; ++j) {
      const V x = X[j] * cosine.scale, y = Y[j] * cosine.scale, z = Z[j] * cosine.scale;
      V fj[M], Pj[M];
      SNNP_UNROLL
      for (int m = 0; m < M; ++m) fj[m] = F[W * j + m], Pj[m] = P[W * j + m];
      const V ej = E[j];
      Angle next = cosine(x, y, z, X[j + 1], Y[j + 1], Z[j + 1]);
      if (registers != 1) next.interval += ej + E[j + 1];
      for (int k = j + 1; k < n; ++k) {
        const Angle a = next;
        next = cosine(x, y, z, X[k + 1], Y[k + 1], Z[k + 1]);
        if (registers != 1) next.interval += ej + E[k + 1];
        SNNP_UNROLL
        for (int m = 0; m < M; ++m) {
          const Real *p = c + 4 * size * m;
          const V third = fused(Table(p + 3 * size)[a.interval], a.t, Table(p + 2 * size)[a.interval]);
          const V second = fused(third, a.t, Table(p + size)[a.interval]);
          const V g = fused(second, a.t, Table(p)[a.interval]);
          Pj[m] = fused(F[W * k + m], g, Pj[m]);
          P[W * k + m] = fused(fj[m], g, P[W * k + m]);
        }
      }
      SNNP_UNROLL
      for (int m = 0; m < M; ++m) {
        P[W * j + m] = Pj[m];
        sums[m] += fj[m] * Pj[m];
      }
    }
    for (int m = 0; m < plan.n3; ++m)
      for (int l = 0; l < atoms; ++l) G[m * step + l] = 0.5 * sums[m][l];
  }

  template <int M, int W, int registers> __attribute__((noinline)) void pass_2(const double *A)
  {
    const Cosines cosine(centre.angle_axis);
    const int n = neighbors_;
    const V *__restrict X = X_, *__restrict Y = Y_, *__restrict Z = Z_, *__restrict F = F_, *__restrict E = shift_;
    V *__restrict SX = SX_, *__restrict SY = SY_, *__restrict SZ = SZ_;
    using Table = LookUp<Real, registers>;
    const Real *c = centre.angle_slope;
    constexpr int size = registers * atoms;
    V w[M] = {};
    for (int m = 0; m < plan.n3; ++m)
      for (int l = 0; l < atoms; ++l) w[m][l] = static_cast<Real>(A[m * step + l]);
    for (int j = 0; j < n; ++j) {
      const V ux = X[j], uy = Y[j], uz = Z[j], x = ux * cosine.scale, y = uy * cosine.scale, z = uz * cosine.scale;
      V fj[M], sx = SX[j], sy = SY[j], sz = SZ[j];
      SNNP_UNROLL
      for (int m = 0; m < M; ++m) fj[m] = F[W * j + m] * w[m];
      const V ej = E[j];
      Angle next = cosine(x, y, z, X[j + 1], Y[j + 1], Z[j + 1]);
      if (registers != 1) next.interval += ej + E[j + 1];
      for (int k = j + 1; k < n; ++k) {
        const Angle a = next;
        next = cosine(x, y, z, X[k + 1], Y[k + 1], Z[k + 1]);
        if (registers != 1) next.interval += ej + E[k + 1];
        const V kx = X[k], ky = Y[k], kz = Z[k];
        V D = V{};
        SNNP_UNROLL
        for (int m = 0; m < M; ++m) {
          const Real *p = c + 3 * size * m;
          const V second = fused(Table(p + 2 * size)[a.interval], a.t, Table(p + size)[a.interval]);
          D = fused(fj[m] * F[W * k + m], fused(second, a.t, Table(p)[a.interval]), D);
        }
        sx = fused(D, kx, sx), sy = fused(D, ky, sy), sz = fused(D, kz, sz);
        SX[k] = fused(D, ux, SX[k]), SY[k] = fused(D, uy, SY[k]), SZ[k] = fused(D, uz, SZ[k]);
      }
      SX[j] = sx, SY[j] = sy, SZ[j] = sz;
    }
  }

  void pass_of_one(double *G)
  {
    const int size = centre.angle_size;
    if (has_permutations && size == atoms)
      width_ == 1 ? pass_of_one<has_permutations ? 1 : 0, 1>(G) : pass_of_one<has_permutations ? 1 : 0, 4>(G);
    else if (has_permutations && size == 2 * atoms)
      width_ == 1 ? pass_of_one<has_permutations ? 2 : 0, 1>(G) : pass_of_one<has_permutations ? 2 : 0, 4>(G);
    else
      width_ == 1 ? pass_of_one<0, 1>(G) : pass_of_one<0, 4>(G);
  }

  // Both passes at once: with one filter its weight is a factor of everything.
  template <int registers, int W> __attribute__((noinline)) void pass_of_one(double *G)
  {
    const Cosines cosine(centre.angle_axis);
    const Real per_unit = static_cast<Real>(centre.angle_axis.per_unit);
    const int n = neighbors_, size = centre.angle_size;
    const V *__restrict X = X_, *__restrict Y = Y_, *__restrict Z = Z_, *__restrict F = F_, *__restrict E = shift_;
    V *__restrict P = P_, *__restrict SX = SX_, *__restrict SY = SY_, *__restrict SZ = SZ_;
    using Table = LookUp<Real, registers>;
    const Real *c = centre.angle_value;
    const Table c0(c), c1(c + size), c2(c + 2 * size), c3(c + 3 * size);
    V sum = V{};
    for (int j = 0; j < n; ++j) {
      const V ux = X[j], uy = Y[j], uz = Z[j], x = ux * cosine.scale, y = uy * cosine.scale, z = uz * cosine.scale;
      const V fj = F[W * j], fs = fj * per_unit;
      V Pj = P[W * j], sx = V{}, sy = V{}, sz = V{};
      const V ej = E[j];
      Angle next = cosine(x, y, z, X[j + 1], Y[j + 1], Z[j + 1]);
      if (registers != 1) next.interval += ej + E[j + 1];
      for (int k = j + 1; k < n; ++k) {
        const Angle angle = next;
        next = cosine(x, y, z, X[k + 1], Y[k + 1], Z[k + 1]);
        if (registers != 1) next.interval += ej + E[k + 1];
        const V kx = X[k], ky = Y[k], kz = Z[k], fk = F[W * k];
        const V third = c3[angle.interval];
        const V a = fused(third, angle.t, c2[angle.interval]), b = fused(a, angle.t, c1[angle.interval]);
        const V g = fused(b, angle.t, c0[angle.interval]), slope = fused(fused(third, angle.t, a), angle.t, b);
        Pj = fused(fk, g, Pj);
        P[W * k] = fused(fj, g, P[W * k]);
        const V Dk = fk * slope, Dj = fs * slope;
        sx = fused(Dk, kx, sx), sy = fused(Dk, ky, sy), sz = fused(Dk, kz, sz);
        SX[k] = fused(Dj, ux, SX[k]), SY[k] = fused(Dj, uy, SY[k]), SZ[k] = fused(Dj, uz, SZ[k]);
      }
      P[W * j] = Pj;
      sum += fj * Pj;
      // What earlier neighbours have added to S_j lacks the factor f_j.
      SX[j] = SX[j] * fj + sx * fs, SY[j] = SY[j] * fj + sy * fs, SZ[j] = SZ[j] * fj + sz * fs;
    }
    for (int l = 0; l < atoms; ++l) G[l] = 0.5 * sum[l];
  }
};

}  // namespace SNNP_ISA
}  // namespace snnp
