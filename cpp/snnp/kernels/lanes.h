// The three-body kernels for few filters: vectors run across atoms, each in a lane of its own.
//
// The legs of the atoms of a block are turned from rows by atom into vectors by leg. Then the sums of wide.h are done
// leg by leg for all atoms at once, with tables of splines in registers. Lanes whose atom has fewer legs have f = 0.
#pragma once

#include "snnp/kernels/kernel.h"
#include "snnp/kernels/simd.h"

namespace snnp {
namespace SNNP_ISA {

template <class Real> using Lane = Vec<Real, lanes<Real>>;

// table[index] in each lane, for the integers in the lowest bits of `index`.
template <class Real> SNNP_INLINE Lane<Real> pick(const Real *table, int size, Lane<Real> index)
{
#if defined(__AVX512F__)
  if constexpr (sizeof(Real) == 8) {
    if (size == 8) return (Lane<Real>)_mm512_permutexvar_pd((__m512i)index, _mm512_loadu_pd(table));
  } else if (size == 16)
    return (Lane<Real>)_mm512_permutexvar_ps((__m512i)index, _mm512_loadu_ps(table));
#endif
  (void)size;
  using M = Magic<Real>;
  const auto i = (Vec<typename M::Int, lanes<Real>>)index - M::bits;
  Lane<Real> v;
  SNNP_UNROLL
  for (int l = 0; l < lanes<Real>; ++l) v[l] = table[i[l]];
  return v;
}

/// Turns N vectors of N numbers around, by log₂ N rounds of interleaving the first half with the second.
template <class V> SNNP_INLINE void transpose(V *rows)
{
  constexpr int N = sizeof(V) / sizeof(rows[0][0]);
  for (int round = 1; round < N; round *= 2) {
    V next[N];
    SNNP_UNROLL
    for (int i = 0; i < N / 2; ++i) {
      next[2 * i] = zip_low(rows[i], rows[i + N / 2]);
      next[2 * i + 1] = zip_high(rows[i], rows[i + N / 2]);
    }
    SNNP_UNROLL
    for (int i = 0; i < N; ++i) rows[i] = next[i];
  }
}

template <class Real> class LanesKernel {
 public:
  LanesKernel(const Plan<Real> &plan, const CentrePlan<Real> &centre, Scratch<Real> &scratch)
      : plan(plan), centre(centre), scratch(scratch)
  {
  }

  using V = Lane<Real>;
  static constexpr int atoms = lanes<Real>, step = Scratch<Real>::block;

  /// Pass 1 of `count` atoms; with a single filter the gradient but for a factor, too.
  void values(int count, double *G)
  {
    turn_in(count);
    const int n = plan.n3;
    if (n == 1)
      pass_of_one(G);
    else if (n == 2)
      pass_1<2>(G);
    else if (n <= 4)
      pass_1<4>(G);
    else
      pass_1<8>(G);
    turn_out(P_, &Near<Real>::P, count, legs_ * width_);
  }

  /// Pass 2.
  void gradient(int count, const double *A)
  {
    const int n = plan.n3;
    if (n == 2)
      pass_2<2>(A);
    else if (n > 4)
      pass_2<8>(A);
    else if (n > 1)
      pass_2<4>(A);
    turn_out(SX_, &Near<Real>::sx, count, padded_);
    turn_out(SY_, &Near<Real>::sy, count, padded_);
    turn_out(SZ_, &Near<Real>::sz, count, padded_);
    if (n > 1) return;
    for (int l = 0; l < count; ++l) {
      Near<Real> &near = scratch.near[l];
      const Real a = static_cast<Real>(A[l]);
      for (int k = 0; k < near.legs; k += C)
        for (Real *s : {near.sx, near.sy, near.sz}) store(s + k, load<Vec<Real, C>>(s + k) * a);
    }
  }

 private:
  const Plan<Real> &plan;
  const CentrePlan<Real> &centre;
  Scratch<Real> &scratch;
  int legs_ = 0, padded_ = 0, width_ = 1;  // legs of the atom that has most, to whole vectors; filters, to whole groups
  V *X_, *Y_, *Z_, *SX_, *SY_, *SZ_, *F_, *P_;

  void turn_in(int count)
  {
    legs_ = 0;
    width_ = centre.pairs[0].legs[0].width;
    for (int l = 0; l < count; ++l) legs_ = scratch.near[l].legs > legs_ ? scratch.near[l].legs : legs_;
    scratch.reserve_lanes(legs_);
    constexpr int chunk = atoms > C ? atoms : C;
    const int n = padded_ = (legs_ + chunk - 1) / chunk * chunk;
    V *to = reinterpret_cast<V *>(scratch.lanes);
    for (V **array : {&X_, &Y_, &Z_, &SX_, &SY_, &SZ_}) *array = to, to += n;
    F_ = to, to += static_cast<long>(n) * width_;
    P_ = to;
    for (int l = 0; l < atoms; ++l) {
      Near<Real> &near = scratch.near[l];
      if (l >= count) near.legs = 0;
      for (int k = near.legs * width_; k < n * width_; k += atoms) store(near.f + k, V{});
    }
    turn_array(&Near<Real>::ux, X_, legs_);
    turn_array(&Near<Real>::uy, Y_, legs_);
    turn_array(&Near<Real>::uz, Z_, legs_);
    turn_array(&Near<Real>::f, F_, legs_ * width_);
    for (int k = 0; k < n; ++k) SX_[k] = SY_[k] = SZ_[k] = V{};
    for (int k = 0; k < n * width_; ++k) P_[k] = V{};
  }

  void turn_array(Real *Near<Real>::*array, V *to, int n) const
  {
    for (int k = 0; k < n; k += atoms) {
      V rows[atoms];
      SNNP_UNROLL
      for (int l = 0; l < atoms; ++l) rows[l] = load<V>(scratch.near[l].*array + k);
      transpose(rows);
      SNNP_UNROLL
      for (int l = 0; l < atoms; ++l) to[k + l] = rows[l];
    }
  }

  void turn_out(const V *from, Real *Near<Real>::*array, int count, int n) const
  {
    for (int k = 0; k < n; k += atoms) {
      V rows[atoms];
      SNNP_UNROLL
      for (int l = 0; l < atoms; ++l) rows[l] = from[k + l];
      transpose(rows);
      for (int l = 0; l < count; ++l) store(scratch.near[l].*array + k, rows[l]);
    }
  }

  // The cosine with leg k as seen from a leg in direction x, y, z that is multiplied with the scale of the axis.
  struct Angle {
    V index, t;
  };
  SNNP_INLINE Angle angle(V x, V y, V z, int k, V shift, V last) const
  {
    const V s = X_[k] * x + (Y_[k] * y + (Z_[k] * z + shift));
    const V big = smaller<V>(larger<V>(s, V{}), last) + Magic<Real>::value;
    return {big, s - (big - Magic<Real>::value)};
  }

  template <int M> __attribute__((noinline)) void pass_1(double *G)
  {
    const Axis &axis = centre.angle_axis;
    const V shift = broadcast<V>(static_cast<Real>(axis.shift)), last = broadcast<V>(static_cast<Real>(axis.last));
    const Real scale = static_cast<Real>(axis.scale);
    const int size = centre.angle_size, W = width_, n = legs_;
    const Real *table = centre.angle_value;
    V sums[M] = {};
    for (int j = 0; j < n; ++j) {
      const V x = X_[j] * scale, y = Y_[j] * scale, z = Z_[j] * scale;
      V fj[M], Pj[M];
      SNNP_UNROLL
      for (int m = 0; m < M; ++m) fj[m] = F_[W * j + m], Pj[m] = P_[W * j + m];
      for (int k = j + 1; k < n; ++k) {
        const Angle c = angle(x, y, z, k, shift, last);
        SNNP_UNROLL
        for (int m = 0; m < M; ++m) {
          const Real *p = table + 4 * size * m;
          const V g = ((pick<Real>(p + 3 * size, size, c.index) * c.t + pick<Real>(p + 2 * size, size, c.index)) * c.t +
                       pick<Real>(p + size, size, c.index)) *
                          c.t +
                      pick<Real>(p, size, c.index);
          Pj[m] += F_[W * k + m] * g;
          P_[W * k + m] += fj[m] * g;
        }
      }
      SNNP_UNROLL
      for (int m = 0; m < M; ++m) {
        P_[W * j + m] = Pj[m];
        sums[m] += fj[m] * Pj[m];
      }
    }
    for (int m = 0; m < plan.n3; ++m)
      for (int l = 0; l < atoms; ++l) G[m * step + l] = 0.5 * sums[m][l];
  }

  template <int M> __attribute__((noinline)) void pass_2(const double *A)
  {
    const Axis &axis = centre.angle_axis;
    const V shift = broadcast<V>(static_cast<Real>(axis.shift)), last = broadcast<V>(static_cast<Real>(axis.last));
    const Real scale = static_cast<Real>(axis.scale);
    const int size = centre.angle_size, W = width_, n = legs_;
    const Real *table = centre.angle_slope;
    V w[M] = {};
    for (int m = 0; m < plan.n3; ++m)
      for (int l = 0; l < atoms; ++l) w[m][l] = static_cast<Real>(A[m * step + l]);
    for (int j = 0; j < n; ++j) {
      const V ux = X_[j], uy = Y_[j], uz = Z_[j], x = ux * scale, y = uy * scale, z = uz * scale;
      V fj[M], sx = SX_[j], sy = SY_[j], sz = SZ_[j];
      SNNP_UNROLL
      for (int m = 0; m < M; ++m) fj[m] = F_[W * j + m] * w[m];
      for (int k = j + 1; k < n; ++k) {
        const Angle c = angle(x, y, z, k, shift, last);
        V D = V{};
        SNNP_UNROLL
        for (int m = 0; m < M; ++m) {
          const Real *p = table + 3 * size * m;
          const V slope = (pick<Real>(p + 2 * size, size, c.index) * c.t + pick<Real>(p + size, size, c.index)) * c.t +
                          pick<Real>(p, size, c.index);
          D += (fj[m] * F_[W * k + m]) * slope;
        }
        sx += D * X_[k], sy += D * Y_[k], sz += D * Z_[k];
        SX_[k] += D * ux, SY_[k] += D * uy, SZ_[k] += D * uz;
      }
      SX_[j] = sx, SY_[j] = sy, SZ_[j] = sz;
    }
  }

  // Both passes at once: with one filter its weight is a factor of everything.
  __attribute__((noinline)) void pass_of_one(double *G)
  {
    const Axis &axis = centre.angle_axis;
    const V shift = broadcast<V>(static_cast<Real>(axis.shift)), last = broadcast<V>(static_cast<Real>(axis.last));
    const Real scale = static_cast<Real>(axis.scale), per_unit = static_cast<Real>(axis.per_unit);
    const int size = centre.angle_size, W = width_, n = legs_;
    const Real *table = centre.angle_value;
    V sum = V{};
    for (int j = 0; j < n; ++j) {
      const V ux = X_[j], uy = Y_[j], uz = Z_[j], x = ux * scale, y = uy * scale, z = uz * scale, fj = F_[W * j];
      V Pj = P_[W * j], sx = V{}, sy = V{}, sz = V{};
      const V fs = fj * per_unit;
      for (int k = j + 1; k < n; ++k) {
        const Angle c = angle(x, y, z, k, shift, last);
        const V c3 = pick<Real>(table + 3 * size, size, c.index), fk = F_[W * k];
        const V a = c3 * c.t + pick<Real>(table + 2 * size, size, c.index);
        const V b = a * c.t + pick<Real>(table + size, size, c.index);
        const V g = b * c.t + pick<Real>(table, size, c.index), D = (c3 * c.t + a) * c.t + b;
        Pj += fk * g;
        P_[W * k] += fj * g;
        const V Dk = fk * D, Dj = fs * D;
        sx += Dk * X_[k], sy += Dk * Y_[k], sz += Dk * Z_[k];
        SX_[k] += Dj * ux, SY_[k] += Dj * uy, SZ_[k] += Dj * uz;
      }
      P_[W * j] = Pj;
      sum += fj * Pj;
      SX_[j] = SX_[j] * fj + sx * fs;  // what earlier legs have added lacks the factor f_j
      SY_[j] = SY_[j] * fj + sy * fs;
      SZ_[j] = SZ_[j] * fj + sz * fs;
    }
    for (int l = 0; l < atoms; ++l) G[l] = 0.5 * sum[l];
  }
};

}  // namespace SNNP_ISA
}  // namespace snnp
