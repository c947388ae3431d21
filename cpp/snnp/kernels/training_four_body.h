// What a fit needs of four-body terms (see FourBodyKernels): the kernels of four_body.h, and derivatives of B.
#pragma once

#include "snnp/kernels/four_body.h"

namespace snnp {
namespace SNNP_ISA {

/// A number and its change.
struct Dual {
  D value, change;

  friend SNNP_INLINE Dual operator*(Dual a, Dual b)
  {
    return {a.value * b.value, a.value * b.change + a.change * b.value};
  }
  friend SNNP_INLINE Dual operator*(Dual a, double b) { return {a.value * b, a.change * b}; }
  friend SNNP_INLINE Dual operator+(Dual a, double b) { return {a.value + b, a.change}; }
  friend SNNP_INLINE Dual operator-(Dual a, double b) { return {a.value - b, a.change}; }
  friend SNNP_INLINE Dual operator-(Dual a, Dual b) { return {a.value - b.value, a.change - b.change}; }
};

/// See FourBodyKernels.
static void four_body_sums(const FourBodyPlan &plan, const FourBodyNeighbors &near, double *A)
{
  add_up_four_body(plan, near, A, C);
}

/// See FourBodyKernels.
static void four_body_block(const FourBodyPlan &plan, const double *A, double *b, double *slopes)
{
  store(b, four_body_values(plan, A, slopes));
}

/// See FourBodyKernels.
static void four_body_forces(const FourBodyPlan &plan, const FourBodyNeighbors &near, const double *slopes, double *to)
{
  for (int at = 0; at < near.count; at += C) {
    D gradient[3];
    four_body_gradient(plan, near, at, slopes, C, gradient);
    for (int d = 0; d < 3; ++d) store(to + static_cast<long>(d) * near.step + at, gradient[d]);
  }
}

/// See FourBodyKernels.
static void four_body_tangent(const FourBodyPlan &plan, const FourBodyNeighbors &near, const double *movement,
                              double *change)
{
  const double *direction[3] = {near.x, near.y, near.z};
  D sums[room_of_sums];
  Dual Y[harmonic_count(most_degree)], wR[most_channels];
  clear_sums(plan, sums);
  for (int at = 0; at < near.count; at += C) {
    const D inverse = load<D>(near.inverse + at);
    Dual u[3];
    D along = D{};
    for (int d = 0; d < 3; ++d) {
      u[d] = {load<D>(direction[d] + at), load<D>(movement + static_cast<long>(d) * near.step + at)};
      along += u[d].value * u[d].change;
    }
    for (int d = 0; d < 3; ++d) u[d].change = inverse * (u[d].change - along * u[d].value);
    const FourBodyRadial radial(plan, inverse);
    set_harmonics(plan.degree, u[0], u[1], u[2], Y);
    for_channels(plan, near, at,
                 [&](int channel, D w, int n) { wR[channel] = {w * radial.R[n], w * radial.slope[n] * along}; });
    for (int lm = 0; lm < harmonic_count(plan.degree); ++lm)
      for (int a = 0; a < plan.channels; ++a)
        sums[lm * plan.channels + a] += Y[lm].value * wR[a].change + Y[lm].change * wR[a].value;
  }
  store_sums(sums, plan.sums, C, change);
}

/// See FourBodyKernels; `channels`: of the plan, or 0.
template <int channels>
SNNP_INLINE void four_body_parameters(const FourBodyPlan &plan, const double *A, const double *change, D by_value,
                                      D by_change, double *sums, Int<channels>)
{
  const int n = channels ? channels : plan.channels;
  constexpr int most = Pairs<channels>::most;
  const auto each = [n](auto f) __attribute__((always_inline)) { for_each<channels>(n, f); };
  for (const CouplingPlan &coupling : plan.couplings)
    for (const CouplingPlan::Third &third : coupling.thirds) {
      Pairs<channels> P, Q;  // products of two sums, and their change
      D y[most], y_change[most];
      each([&](int a) { each([&](int b) { P.of[a][b] = Q.of[a][b] = D{}; }); });
      for (const CouplingPlan::Mean &mean : third.means) {
        each([&](int b) {
          y[b] = mean.value * load<D>(A + C * (mean.second + b));
          y_change[b] = mean.value * load<D>(change + C * (mean.second + b));
        });
        each([&](int a) {
          const D x = load<D>(A + C * (mean.first + a)), x_change = load<D>(change + C * (mean.first + a));
          each([&](int b) {
            P.of[a][b] += x * y[b];
            Q.of[a][b] += x * y_change[b] + x_change * y[b];
          });
        });
      }
      const int *to = coupling.coefficients;
      for (int a = 0; a < n; ++a)
        for (int b = 0; b < n; ++b) {
          const D p = by_change * P.of[a][b], q = by_value * P.of[a][b] + by_change * Q.of[a][b];
          for (int k = 0; k < n; ++k, ++to)
            if (*to >= 0)
              add_block(sums + C * *to,
                        q * load<D>(A + C * (third.sum + k)) + p * load<D>(change + C * (third.sum + k)));
        }
    }
}

/// See FourBodyKernels.
static void four_body_parameters(const FourBodyPlan &plan, const double *A, const double *change, const double *p,
                                 const double *q, double *sums)
{
  with_channels(plan.channels, [&](auto channels) __attribute__((always_inline)) {
    four_body_parameters(plan, A, change, load<D>(p), load<D>(q), sums, channels);
  });
}

}  // namespace SNNP_ISA
}  // namespace snnp
