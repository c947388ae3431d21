// Four-body terms (see four_body.h): sums over neighbours with vectors across neighbours, polynomials of these sums with
// vectors across atoms.
#pragma once

#include "snnp/kernels/embed.h"
#include "snnp/kernels/four_body_plan.h"
#include "snnp/kernels/simd.h"

namespace snnp {
namespace SNNP_ISA {

/// R_n of C neighbours, and their slopes, 1/Å.
struct FourBodyRadial {
  D R[most_radial], slope[most_radial];

  SNNP_INLINE FourBodyRadial(const FourBodyPlan &plan, D inverse)
  {
    // Beyond the cutoff, and beyond the last neighbour, as at the cutoff: zero.
    const D cutoff = broadcast<D>(plan.cutoff), r = smaller(1.0 / larger(inverse, broadcast<D>(1e-300)), cutoff);
    const D t = smaller(larger((r - plan.inner) * plan.per_width, D{}), broadcast<D>(1.0));
    const D u =
        0.5 * (plan.inner + plan.outer) + plan.width * t * t * t * (1.0 - 0.5 * t) + larger(r - plan.outer, D{});
    const D du = t * t * (3.0 - 2.0 * t);
    const D y = plan.cutoff / (plan.cutoff + 2 * u), x = plan.scale * y + plan.shift;
    const D dx = -2 * plan.scale / plan.cutoff * y * y * du;
    const D left = 1.0 - u * u * plan.per_square, end = left * left, d_end = -4 * plan.per_square * u * left * du;
    D T = broadcast<D>(1.0), dT = D{}, last_T = D{}, last_dT = D{};
    for (int n = 0; n < plan.radial; ++n) {
      R[n] = T * end;
      slope[n] = dT * dx * end + T * d_end;
      const double factor = n == 0 ? 1 : 2;  // T_{n+1} = 2 x T_n − T_{n−1}, but T_1 = x T_0
      const D next = factor * x * T - last_T, d_next = factor * (T + x * dT) - last_dT;
      last_T = T;
      last_dT = dT;
      T = next;
      dT = d_next;
    }
  }
};

/// Calls work(Int<channels>) for a number that compilers know, or 0.
template <class Work> SNNP_INLINE void with_channels(int channels, Work work)
{
  switch (channels) {
    case 1:
      return work(Int<1>());
    case 2:
      return work(Int<2>());
    case 3:
      return work(Int<3>());
    case 4:
      return work(Int<4>());
    default:
      return work(Int<0>());
  }
}

/// f(0), … f(n − 1), without a loop if n is `channels`, which is not 0.
template <int channels, class F> SNNP_INLINE void for_each(int n, F f)
{
  if constexpr (channels) {
    SNNP_UNROLL
    for (int a = 0; a < channels; ++a) f(a);
  } else
    for (int a = 0; a < n; ++a) f(a);
}

/// visit(α, weight w of C neighbours, n) for all channels.
template <class Visit>
SNNP_INLINE void for_channels(const FourBodyPlan &plan, const FourBodyNeighbors &near, int at, Visit visit)
{
  for (int k = 0, channel = 0; k < plan.mixtures; ++k) {
    const D w = load<D>(near.weights + static_cast<long>(k) * near.step + at);
    for (int n = 0; n < plan.radial; ++n) visit(channel++, w, n);
  }
}

/// A[q · step] = Σ over lanes of each of the sums.
SNNP_INLINE void store_sums(const D *sums, int count, int step, double *A)
{
  for (int q = 0; q < count; q += C) {
    const D all = HorizontalSums<double, C>::of(sums + q);
    for (int l = 0; l < C && q + l < count; ++l) A[(q + l) * step] = all[l];
  }
}

constexpr int room_of_sums = (most_sums + C - 1) / C * C;

/// Sets sums to zero, those of whole vectors of them.
SNNP_INLINE void clear_sums(const FourBodyPlan &plan, D *sums)
{
  for (int q = 0; q < (plan.sums + C - 1) / C * C; ++q) sums[q] = D{};
}

/// Sets the A of one atom, `step` apart.
SNNP_INLINE void add_up_four_body(const FourBodyPlan &plan, const FourBodyNeighbors &near, double *A, int step)
{
  D sums[room_of_sums], Y[harmonic_count(most_degree)], wR[most_channels];
  const int harmonics = harmonic_count(plan.degree);
  clear_sums(plan, sums);
  for (int at = 0; at < near.count; at += C) {
    const FourBodyRadial radial(plan, load<D>(near.inverse + at));
    set_harmonics(plan.degree, load<D>(near.x + at), load<D>(near.y + at), load<D>(near.z + at), Y);
    for_channels(plan, near, at, [&](int channel, D w, int n) { wR[channel] = w * radial.R[n]; });
    for (int lm = 0; lm < harmonics; ++lm)
      for (int a = 0; a < plan.channels; ++a) sums[lm * plan.channels + a] += Y[lm] * wR[a];
  }
  store_sums(sums, plan.sums, step, A);
}

/// A number for each pair of channels.
template <int channels> struct Pairs {
  static constexpr int most = channels ? channels : most_channels;
  D of[most][most];
};

/// Of a block: b = c·B, and its slopes by A, zero at first; `channels`: of the plan, or 0.
template <int channels>
SNNP_INLINE D four_body_values(const FourBodyPlan &plan, const double *A, double *slopes, Int<channels>)
{
  const int n = channels ? channels : plan.channels;
  constexpr int most = Pairs<channels>::most;
  const auto each = [n](auto f) __attribute__((always_inline)) { for_each<channels>(n, f); };
  D energy = D{};
  for (const CouplingPlan &coupling : plan.couplings)
    for (const CouplingPlan::Third &third : coupling.thirds) {
      Pairs<channels> P, W;  // Σ ⟨YYY⟩ A A, and Σ c A of the third sums
      D x[most], y[most], z[most], by_x[most], by_y[most], by_z[most];
      each([&](int a) { each([&](int b) { P.of[a][b] = D{}; }); });
      for (const CouplingPlan::Mean &mean : third.means) {
        each([&](int b) { y[b] = mean.value * load<D>(A + C * (mean.second + b)); });
        each([&](int a) {
          x[a] = load<D>(A + C * (mean.first + a));
          each([&](int b) { P.of[a][b] += x[a] * y[b]; });
        });
      }
      const double *c = coupling.cube;
      each([&](int k) {
        z[k] = load<D>(A + C * (third.sum + k));
        by_z[k] = D{};
      });
      each([&](int a) {
        each([&](int b) {
          D sum = D{};
          each([&](int k) {
            sum += c[k] * z[k];
            by_z[k] += c[k] * P.of[a][b];
          });
          c += n;
          W.of[a][b] = sum;
          energy += sum * P.of[a][b];
        });
      });
      each([&](int k) { add_block(slopes + C * (third.sum + k), by_z[k]); });
      for (const CouplingPlan::Mean &mean : third.means) {
        each([&](int a) {
          x[a] = mean.value * load<D>(A + C * (mean.first + a));
          y[a] = mean.value * load<D>(A + C * (mean.second + a));
          by_x[a] = by_y[a] = D{};
        });
        each([&](int a) {
          each([&](int b) {
            by_x[a] += W.of[a][b] * y[b];
            by_y[b] += W.of[a][b] * x[a];
          });
        });
        each([&](int a) { add_block(slopes + C * (mean.first + a), by_x[a]); });
        each([&](int b) { add_block(slopes + C * (mean.second + b), by_y[b]); });
      }
    }
  return energy;
}

/// The same.
SNNP_INLINE D four_body_values(const FourBodyPlan &plan, const double *A, double *slopes)
{
  D energy;
  for (int q = 0; q < plan.sums; ++q) store(slopes + C * q, D{});
  with_channels(plan.channels, [&](auto channels) __attribute__((always_inline)) {
    energy = four_body_values(plan, A, slopes, channels);
  });
  return energy;
}

/// Derivatives by C neighbours from `at` on of Σ slopes A, whose numbers are `step` apart.
SNNP_INLINE void four_body_gradient(const FourBodyPlan &plan, const FourBodyNeighbors &near, int at,
                                    const double *slopes, int step, D *to)
{
  D Y[harmonic_count(most_degree)], h[harmonic_count(most_degree)] = {}, wR[most_channels], wdR[most_channels];
  const D x = load<D>(near.x + at), y = load<D>(near.y + at), z = load<D>(near.z + at),
          inverse = load<D>(near.inverse + at);
  const FourBodyRadial radial(plan, inverse);
  set_harmonics(plan.degree, x, y, z, Y);
  for_channels(plan, near, at, [&](int channel, D w, int n) {
    wR[channel] = w * radial.R[n];
    wdR[channel] = w * radial.slope[n];
  });
  D along = D{};
  for (int lm = 0; lm < harmonic_count(plan.degree); ++lm) {
    D sum = D{}, slope = D{};
    for (int a = 0; a < plan.channels; ++a) {
      const double s = slopes[(lm * plan.channels + a) * step];
      sum += s * wR[a];
      slope += s * wdR[a];
    }
    h[lm] = sum;
    along += slope * Y[lm];
  }
  D turn[3] = {D{}, D{}, D{}};
  add_harmonic_gradient(plan.degree, x, y, z, h, turn);
  const D radial_part = along - inverse * (turn[0] * x + turn[1] * y + turn[2] * z);
  to[0] = radial_part * x + inverse * turn[0];
  to[1] = radial_part * y + inverse * turn[1];
  to[2] = radial_part * z + inverse * turn[2];
}

/// S tanh(b/S) of atoms, and its derivative by b.
struct BoundedEnergy {
  D energy, slope;

  SNNP_INLINE BoundedEnergy(double bound, D b)
  {
    const D e = exponential(b * (-2 / bound)), t = (1.0 - e) / (1.0 + e);
    energy = bound * t;
    slope = 1.0 - t * t;
  }
};

}  // namespace SNNP_ISA
}  // namespace snnp
