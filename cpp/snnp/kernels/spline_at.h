// Splines of a plan, evaluated for vectors of distances.
#pragma once

#include "snnp/kernels/plan.h"
#include "snnp/kernels/simd.h"

namespace snnp {
namespace SNNP_ISA {

/// The intervals of C numbers on an axis, and t in them.
struct AxisPosition {
  D t;
  L interval;
};

// Interval and t of each x; an x that is no number gets some interval.
SNNP_INLINE AxisPosition locate(const Axis &axis, D x)
{
  const D s = x * axis.scale + axis.shift;
  if (!axis.cell) {
    const D big = smaller(larger(s, D{}), broadcast<D>(double(axis.last))) + Magic<double>::value;
    return {s - (big - Magic<double>::value), (L)big - Magic<double>::bits};
  }
  const D big = smaller(larger(s, D{}), broadcast<D>(double(axis.last_cell))) + Magic<double>::value;
  const L cell = (L)big - Magic<double>::bits;
  L i;
  for (int l = 0; l < C; ++l) i[l] = axis.cell[cell[l]];
  // The edge of the last interval is infinite, and `finite` is not.
  const D finite = smaller(x, broadcast<D>(1e300));
  for (L beyond; any(beyond = (L)(finite >= gather(axis.edge, i)));) i -= beyond;
  return {(x - gather(axis.middle, i)) * axis.per_unit, i};
}

/// A spline at C numbers, and its derivative by the number (1/Å).
struct ValueAndSlope {
  D value, slope;
};

/// The spline of a column at C numbers; of the table that begins at interval `first`.
SNNP_INLINE ValueAndSlope evaluate(const Column &column, D x, L first = L{})
{
  AxisPosition p = locate(column.axis, x);
  p.interval += first;
  const int stride = column.stride;
  const D c0 = look_up(column.c, stride, p.interval), c1 = look_up(column.c + stride, stride, p.interval),
          c2 = look_up(column.c + 2 * stride, stride, p.interval),
          c3 = look_up(column.c + 3 * stride, stride, p.interval);
  const D a = c3 * p.t + c2, b = a * p.t + c1;
  return {b * p.t + c0, ((c3 * p.t + a) * p.t + b) * column.axis.per_unit};
}

// ------------------------------------------------------------------------------------------- values of several filters

/// The values of W filters at one distance or cosine, in as many registers as they take.
template <class Real, int W> struct FilterVector {
  static constexpr int N = W < lanes<Real> ? W : lanes<Real>, parts = W / N;
  using V = Vec<Real, N>;
  V v[parts];

  SNNP_INLINE static FilterVector of(const Real *p)
  {
    FilterVector x;
    SNNP_UNROLL
    for (int i = 0; i < parts; ++i) x.v[i] = load<V>(p + i * N);
    return x;
  }
  SNNP_INLINE static FilterVector zero()
  {
    FilterVector x;
    SNNP_UNROLL
    for (int i = 0; i < parts; ++i) x.v[i] = V{};
    return x;
  }
  SNNP_INLINE void to(Real *p) const
  {
    SNNP_UNROLL
    for (int i = 0; i < parts; ++i) store(p + i * N, v[i]);
  }
  SNNP_INLINE void add(const FilterVector &a, const FilterVector &b)
  {
    SNNP_UNROLL
    for (int i = 0; i < parts; ++i) v[i] += a.v[i] * b.v[i];
  }
  SNNP_INLINE FilterVector operator*(const FilterVector &b) const
  {
    FilterVector x;
    SNNP_UNROLL
    for (int i = 0; i < parts; ++i) x.v[i] = v[i] * b.v[i];
    return x;
  }
  /// Σ over parts of this · b.
  SNNP_INLINE V dot(const FilterVector &b) const
  {
    V s = v[0] * b.v[0];
    SNNP_UNROLL
    for (int i = 1; i < parts; ++i) s += v[i] * b.v[i];
    return s;
  }
};

/// W polynomials of degree 3 in t with coefficients c[k · W + m].
template <class Real, int W> SNNP_INLINE FilterVector<Real, W> cubic(const Real *c, Real t)
{
  using R = FilterVector<Real, W>;
  R x;
  SNNP_UNROLL
  for (int i = 0; i < R::parts; ++i) {
    const Real *p = c + i * R::N;
    using V = typename R::V;
    x.v[i] = ((load<V>(p + 3 * W) * t + load<V>(p + 2 * W)) * t + load<V>(p + W)) * t + load<V>(p);
  }
  return x;
}

/// The same of degree 2.
template <class Real, int W> SNNP_INLINE FilterVector<Real, W> quadratic(const Real *c, Real t)
{
  using R = FilterVector<Real, W>;
  R x;
  SNNP_UNROLL
  for (int i = 0; i < R::parts; ++i) {
    const Real *p = c + i * R::N;
    using V = typename R::V;
    x.v[i] = (load<V>(p + 2 * W) * t + load<V>(p + W)) * t + load<V>(p);
  }
  return x;
}

/// Calls function.template run<W>() with the width of a group as a constant.
template <class Function> SNNP_INLINE void with_width(int width, Function function)
{
  if (width == 4)
    function.template run<4>();
  else if (width == 8)
    function.template run<8>();
  else
    function.template run<16>();
}

}  // namespace SNNP_ISA
}  // namespace snnp
