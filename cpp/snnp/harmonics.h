// Real spherical harmonics of l = 0 … 4 as polynomials of a direction (x, y, z), for numbers and for vectors of numbers.
//
// Y_lm stands at l² + 0, 1, 2, …: m = 0, then cosine and sine of m = 1, 2, … l. Their mean square over all directions is
// 1 (E. W. Weisstein, Spherical Harmonic, MathWorld; here times √(4π)).
#pragma once

#include "snnp/always_inline.h"

namespace snnp {

/// The largest l.
constexpr int most_degree = 4;

/// Number of harmonics with l ≤ degree.
SNNP_PART constexpr int harmonic_count(int degree) { return (degree + 1) * (degree + 1); }

namespace harmonic_factors {

constexpr double p1 = 1.7320508075688772;                                       // √3
constexpr double z2 = 1.1180339887498949, p2 = 3.872983346207417;               // √5 / 2, √15
constexpr double z3 = 1.3228756555322954, p3 = 1.6201851746019651;              // √7 / 2, √(21/8)
constexpr double d3 = 5.123475382979799, f3 = 2.091650066335189;                // √105 / 2, √(35/8)
constexpr double p4 = 2.3717082451262845, d4 = 1.6770509831248424;              // 3/2 √(5/2), 3/4 √5
constexpr double f4 = 6.274950199005566, g4 = 2.218529918662356, z4 = 3.0 / 8;  // 3/2 √(35/2), 3/8 √35

}  // namespace harmonic_factors

/// Sets Y to all harmonics with l ≤ degree of a unit vector.
template <class T> SNNP_PART inline void set_harmonics(int degree, const T &x, const T &y, const T &z, T *Y)
{
  using namespace harmonic_factors;
  Y[0] = x * 0.0 + 1.0;
  if (degree < 1) return;
  Y[1] = z * p1;
  Y[2] = x * p1;
  Y[3] = y * p1;
  if (degree < 2) return;
  const T xx = x * x, yy = y * y, zz = z * z, xy = x * y, xz = x * z, yz = y * z, d = xx - yy;
  Y[4] = (zz * 3.0 - 1.0) * z2;
  Y[5] = xz * p2;
  Y[6] = yz * p2;
  Y[7] = d * (p2 / 2);
  Y[8] = xy * p2;
  if (degree < 3) return;
  const T five = zz * 5.0 - 1.0, cosine = xx - yy * 3.0, sine = xx * 3.0 - yy;
  Y[9] = z * (zz * 5.0 - 3.0) * z3;
  Y[10] = x * five * p3;
  Y[11] = y * five * p3;
  Y[12] = z * d * d3;
  Y[13] = xy * z * (2 * d3);
  Y[14] = x * cosine * f3;
  Y[15] = y * sine * f3;
  if (degree < 4) return;
  const T seven = zz * 7.0 - 1.0, less = zz * 7.0 - 3.0;
  Y[16] = (zz * (zz * 35.0 - 30.0) + 3.0) * z4;
  Y[17] = xz * less * p4;
  Y[18] = yz * less * p4;
  Y[19] = d * seven * d4;
  Y[20] = xy * seven * (2 * d4);
  Y[21] = xz * cosine * f4;
  Y[22] = yz * sine * f4;
  Y[23] = (xx * cosine - yy * sine) * g4;
  Y[24] = xy * d * (4 * g4);
}

/// Adds the gradient of Σ h Y by x, y and z to `to`; what is along (x, y, z) has no meaning, and is to be taken off.
template <class T>
SNNP_PART inline void add_harmonic_gradient(int degree, const T &x, const T &y, const T &z, const T *h, T *to)
{
  using namespace harmonic_factors;
  if (degree < 1) return;
  to[2] += h[1] * p1;
  to[0] += h[2] * p1;
  to[1] += h[3] * p1;
  if (degree < 2) return;
  const T xx = x * x, yy = y * y, zz = z * z, xy = x * y, xz = x * z, yz = y * z, d = xx - yy;
  to[2] += z * h[4] * (6 * z2) + (x * h[5] + y * h[6]) * p2;
  to[0] += (z * h[5] + x * h[7] + y * h[8]) * p2;
  to[1] += (z * h[6] - y * h[7] + x * h[8]) * p2;
  if (degree < 3) return;
  const T five = zz * 5.0 - 1.0;
  to[2] += (zz * 15.0 - 3.0) * h[9] * z3 + (xz * h[10] + yz * h[11]) * (10 * p3) + (d * h[12] + xy * h[13] * 2.0) * d3;
  to[0] += five * h[10] * p3 + (xz * h[12] + yz * h[13]) * (2 * d3) + (d * h[14] + xy * h[15] * 2.0) * (3 * f3);
  to[1] += five * h[11] * p3 + (xz * h[13] - yz * h[12]) * (2 * d3) + (d * h[15] - xy * h[14] * 2.0) * (3 * f3);
  if (degree < 4) return;
  const T seven = zz * 7.0 - 1.0, less = zz * 7.0 - 3.0, cosine = xx - yy * 3.0, sine = xx * 3.0 - yy;
  to[2] += z * (zz * 140.0 - 60.0) * h[16] * z4 + (x * h[17] + y * h[18]) * (zz * 21.0 - 3.0) * p4 +
           z * (d * h[19] + xy * h[20] * 2.0) * (14 * d4) + (x * cosine * h[21] + y * sine * h[22]) * f4;
  to[0] += z * less * h[17] * p4 + seven * (x * h[19] + y * h[20]) * (2 * d4) +
           z * (d * h[21] + xy * h[22] * 2.0) * (3 * f4) + (x * cosine * h[23] + y * sine * h[24]) * (4 * g4);
  to[1] += z * less * h[18] * p4 + seven * (x * h[20] - y * h[19]) * (2 * d4) +
           z * (d * h[22] - xy * h[21] * 2.0) * (3 * f4) + (x * cosine * h[24] - y * sine * h[23]) * (4 * g4);
}

}  // namespace snnp
