// Everything that depends on one distance: directions, pair energies, ρ, f on the way in; their slopes on the way out.
#pragma once

#include "snnp/kernels/kernel.h"
#include "snnp/kernels/spline_at.h"

namespace snnp {
namespace SNNP_ISA {

/// G_m += Σ_k ρ_m(r_k) over `count` neighbours from `from` on, m being counted from the first ρ that is in a group.
template <class Real, int W>
void rho_sums(const Group<Real> &group, const Near<Real> &near, int from, int count, double *G)
{
  FilterVector<Real, W> sum = FilterVector<Real, W>::zero();
  for (int k = from; k < from + count; ++k) {
    const FilterVector<Real, W> value = cubic<Real, W>(group.value + 4L * W * near.rho_interval[k], near.rho_t[k]);
    for (int i = 0; i < FilterVector<Real, W>::parts; ++i) sum.v[i] += value.v[i];
  }
  Real sums[W];
  sum.to(sums);
  for (int m = 0; m < group.count; ++m) G[group.first + m] += sums[m];
}

/// f_m(r_k) of these neighbours.
template <class Real, int W>
void f_values(const Group<Real> &group, const Near<Real> &near, int from, int count, Real *f)
{
  for (int k = from; k < from + count; ++k)
    cubic<Real, W>(group.value + 4L * W * near.f_interval[k], near.f_t[k]).to(f + W * k);
}

/// slope_k += Σ_m weight_m ρ'_m(r_k) or, with P, Σ_m weight_m f'_m(r_k) P_mk.
template <class Real, int W, bool with_P>
void add_slopes(const Group<Real> &group, const int *interval, const Real *t, const Real *P, const Real *weight,
                int from, int count, double *slope)
{
  using R = FilterVector<Real, W>;
  const R w = R::of(weight);
  const auto of = [&](int k) {
    const R d = quadratic<Real, W>(group.slope + 3L * W * interval[k], t[k]);
    if constexpr (with_P)
      return (d * R::of(P + W * k)).dot(w);
    else
      return d.dot(w);
  };
  int k = from;
  for (; k + C <= from + count; k += C) {
    typename R::V terms[C];
    SNNP_UNROLL
    for (int z = 0; z < C; ++z) terms[z] = of(k + z);
    const Vec<Real, C> s = HorizontalSums<Real, R::N>::of(terms);
    store(slope + k, load<D>(slope + k) + __builtin_convertvector(s, D));
  }
  for (; k < from + count; ++k) slope[k] += sum(of(k));
}

/// The stage of an evaluation that sees one neighbour at a time.
template <class Real> struct RadialStage {
  const Plan<Real> &plan;
  const CentrePlan<Real> &centre;
  Scratch<Real> &scratch;
  // Whether pairs beyond the cutoffs of f and ρ go through the arrays as other neighbours do. Else such a pair acts in
  // full on the centre, and on the neighbour when that is the centre: nothing has to be kept of it.
  bool keep_pairs, with_virial;

  static constexpr int step = Scratch<Real>::block;

  /// Fills `near` from the candidates.
  void in(Near<Real> &near) const
  {
    double *const G = near.density;
    for (int m = 0; m < plan.n2; ++m) G[m] = 0;
    near.n_three_body = near.n_density = near.count = 0;
    near.energy = near.phi = 0;
    near.close = false;
    for (double &f : near.pairs_force) f = 0;
    for (double &w : near.pairs_virial) w = 0;
    Candidates &c = scratch.candidates;
    for (int s = 0; s < centre.streams.count; ++s) {
      const int count = near.stream_count[s] = c.count[s];
      if (count == 0) continue;
      const Stream &stream = centre.streams[s];
      pad_list(s, count, stream.to2);
      const PairPlan<Real> &pair = centre.pairs[stream.element];
      const int at = near.count;
      if (stream.kind == Stream::pair && !keep_pairs) {
        centre.alike ? pairs_only<true>(near, pair, s, count) : pairs_only<false>(near, pair, s, count);
        continue;
      }
      if (stream.kind == Stream::pair)
        distances<Stream::pair>(near, pair, s, count, G);
      else if (stream.kind == Stream::density)
        distances<Stream::density>(near, pair, s, count, G);
      else
        distances<Stream::three_body>(near, pair, s, count, G);
      near.count += count;
      if (stream.kind <= Stream::density) near.n_density = near.count;
      if (stream.kind == Stream::three_body) near.n_three_body = near.count;
      if (plan.by_column) continue;
      if (stream.kind <= Stream::density)
        for (const Group<Real> &group : pair.rho)
          with_width(group.width, Sums{group, near, at, count, G + plan.columns});
      if (stream.kind == Stream::three_body) {
        Real *f = near.f;
        for (const Group<Real> &group : pair.f) {
          with_width(group.width, Values{group, near, at, count, f});
          f += group.width * scratch.capacity;
        }
      }
    }
    pad_three_body(near);
  }

  /// near.slope += Σ_m A_m ∂G_m/∂r; A are `step` apart.
  void out(Near<Real> &near, const double *A) const
  {
    columns_out(near, A);
    if (plan.by_column) return;
    int at = 0;
    for (int s = 0; s < centre.streams.count && at < near.n_density; ++s) {
      const Stream &stream = centre.streams[s];
      const int count = near.stream_count[s];
      const PairPlan<Real> &pair = centre.pairs[stream.element];
      for (const Group<Real> &group : pair.rho) {
        Real w[16];
        weights(group, A + plan.columns * step, w);
        with_width(group.width, RhoSlopes{group, near, w, at, count});
      }
      if (stream.kind == Stream::three_body) {
        const Real *P = near.P;
        for (const Group<Real> &group : pair.f) {
          Real w[16];
          weights(group, A + plan.n2 * step, w);
          with_width(group.width, FSlopes{group, near, P, w, at, count});
          P += group.width * scratch.capacity;
        }
      }
      at += count;
    }
  }

  SNNP_INLINE static void weights(const Group<Real> &group, const double *A, Real *w)
  {
    for (int m = 0; m < group.width; ++m) w[m] = m < group.count ? static_cast<Real>(A[(group.first + m) * step]) : 0;
  }

 private:
  struct Sums {
    const Group<Real> &group;
    const Near<Real> &near;
    int from, count;
    double *G;
    template <int W> SNNP_INLINE void run() const { rho_sums<Real, W>(group, near, from, count, G); }
  };
  struct Values {
    const Group<Real> &group;
    const Near<Real> &near;
    int from, count;
    Real *f;
    template <int W> SNNP_INLINE void run() const { f_values<Real, W>(group, near, from, count, f); }
  };
  struct RhoSlopes {
    const Group<Real> &group;
    Near<Real> &near;
    const Real *w;
    int from, count;
    template <int W> SNNP_INLINE void run() const
    {
      add_slopes<Real, W, false>(group, near.rho_interval, near.rho_t, nullptr, w, from, count, near.slope);
    }
  };
  struct FSlopes {
    const Group<Real> &group;
    Near<Real> &near;
    const Real *P, *w;
    int from, count;
    template <int W> SNNP_INLINE void run() const
    {
      add_slopes<Real, W, true>(group, near.f_interval, near.f_t, P, w, from, count, near.slope);
    }
  };

  // What the last vector of a stream finds beyond its end: neighbours beyond the cutoff, in no direction.
  void pad_list(int s, int count, double to2) const
  {
    const long at = static_cast<long>(s) * scratch.capacity + count;
    store(scratch.candidates.x + at, D{});
    store(scratch.candidates.y + at, D{});
    store(scratch.candidates.z + at, D{});
    store(scratch.candidates.squared + at, broadcast<D>(4 * to2));
    store(scratch.candidates.element + at, Vec<int, C>{});
  }

  // Elements of C neighbours as PairPlan counts them.
  template <bool alike> SNNP_INLINE Vec<int, C> elements(long at) const
  {
    return alike ? load<Vec<int, C>>(scratch.candidates.element + at) : Vec<int, C>{};
  }

  // Where the tables of elements begin on an axis.
  template <class Number> static SNNP_INLINE Vec<Number, C> tables(const Axis &axis, Vec<int, C> element)
  {
    return __builtin_convertvector(element, Vec<Number, C>) * static_cast<Number>(axis.last + 1);
  }

  template <bool alike> static SNNP_INLINE L is_close(const PairPlan<Real> &pair, Vec<int, C> element, D r)
  {
    if (!alike) return r < pair.shortest[0];
    return r < look_up(pair.shortest, pair.slots, __builtin_convertvector(element, L));
  }

  template <Stream::Kind kind>
  void distances(Near<Real> &near, const PairPlan<Real> &pair, int s, int count, double *G) const
  {
    centre.alike ? distances<kind, true>(near, pair, s, count, G) : distances<kind, false>(near, pair, s, count, G);
  }

  template <Stream::Kind kind, bool alike>
  void distances(Near<Real> &near, const PairPlan<Real> &pair, int s, int count, double *G) const
  {
    const Candidates &c = scratch.candidates;
    const long from = static_cast<long>(s) * scratch.capacity;
    const double factor = 0.5 * plan.unit;
    D phi = D{}, density[Plan<Real>::most_columns] = {};
    L close = L{};
    for (int q = 0; q < count; q += C) {
      const int k = near.count + q;
      const D squared = load<D>(c.squared + from + q), inverse = inverse_sqrt(squared), r = squared * inverse;
      const D x = load<D>(c.x + from + q) * inverse, y = load<D>(c.y + from + q) * inverse,
              z = load<D>(c.z + from + q) * inverse;
      store(near.x + k, x), store(near.y + k, y), store(near.z + k, z);
      store(near.inverse + k, inverse);
      if constexpr (kind == Stream::three_body && sizeof(Real) != sizeof(double))
        put(near.ux + k, x), put(near.uy + k, y), put(near.uz + k, z);
      const Vec<int, C> element = elements<alike>(from + q);
      if (kind != Stream::pair && plan.elements > 1) {
        const Vec<int, C> of_all = alike ? element : broadcast<Vec<int, C>>(centre.streams[s].element);
        store(near.element + k, of_all);
        store(near.g_shift + k, __builtin_convertvector(of_all * centre.angle_shift, Vec<Real, C>));
      }
      store(near.id + k, load<Vec<int, C>>(c.id + from + q));
      D slope = D{};
      if (pair.phi.c) {
        const ValueAndSlope e = evaluate(pair.phi, r, tables<std::int64_t>(pair.phi.axis, element));
        phi += e.value;
        slope = factor * e.slope;
      }
      store(near.slope + k, slope);
      close |= is_close<alike>(pair, element, r);
      if (any(r < pair.zbl_outer)) add_zbl(near, pair, element, r, factor, near.slope + k);
      if constexpr (kind == Stream::pair) continue;
      for (int m = 0; m < plan.columns; ++m) {
        const Column &column = pair.rho_columns[m];
        const ValueAndSlope rho = evaluate(column, r, tables<std::int64_t>(column.axis, element));
        density[m] += rho.value;
        store(near.rho_slope + m * scratch.capacity + k, rho.slope);
      }
      if (plan.by_column) {
        if constexpr (kind == Stream::three_body) {
          const ValueAndSlope f = evaluate(pair.f_column, r, tables<std::int64_t>(pair.f_axis, element));
          put(near.f + k, f.value);
          store(near.f_slope + k, f.slope);
        }
        continue;
      }
      put_positions(pair.rho_axis, r, element, near.rho_interval + k, near.rho_t + k);
      if constexpr (kind == Stream::three_body)
        put_positions(pair.f_axis, r, element, near.f_interval + k, near.f_t + k);
    }
    near.phi += sum(phi);
    near.close |= any(close);
    for (int m = 0; m < plan.columns; ++m) G[m] += sum(density[m]);
  }

  template <bool alike> void pairs_only(Near<Real> &near, const PairPlan<Real> &pair, int s, int count) const
  {
    const Candidates &c = scratch.candidates;
    const long from = static_cast<long>(s) * scratch.capacity;
    D phi = D{}, force[3] = {}, virial[6] = {};
    L close = L{};
    for (int q = 0; q < count; q += C) {
      const D squared = load<D>(c.squared + from + q), inverse = inverse_sqrt(squared), r = squared * inverse;
      const D x = load<D>(c.x + from + q), y = load<D>(c.y + from + q), z = load<D>(c.z + from + q);
      const Vec<int, C> element = elements<alike>(from + q);
      ValueAndSlope e{};
      if (pair.phi.c) e = evaluate(pair.phi, r, tables<std::int64_t>(pair.phi.axis, element));
      phi += e.value;
      close |= is_close<alike>(pair, element, r);
      if (any(r < pair.zbl_outer)) {
        double slopes[C];
        store(slopes, e.slope);
        add_zbl(near, pair, element, r, 1, slopes);
        e.slope = load<D>(slopes);
      }
      const D g = plan.unit * e.slope * inverse, fx = g * x, fy = g * y, fz = g * z;
      force[0] += fx, force[1] += fy, force[2] += fz;
      if (!with_virial) continue;
      virial[0] += fx * x, virial[1] += fy * y, virial[2] += fz * z;
      virial[3] += fx * y, virial[4] += fx * z, virial[5] += fy * z;
    }
    near.phi += sum(phi);
    near.close |= any(close);
    for (int d = 0; d < 3; ++d) near.pairs_force[d] += sum(force[d]);
    for (int v = 0; with_virial && v < 6; ++v) near.pairs_virial[v] -= 0.5 * sum(virial[v]);
  }

  static SNNP_INLINE void put_positions(const Axis &axis, D r, Vec<int, C> element, int *interval, Real *t)
  {
    const AxisPosition position = locate(axis, r);
    put(t, position.t);
    store(interval, __builtin_convertvector(position.interval, Vec<int, C>) + tables<int>(axis, element));
  }

  __attribute__((noinline)) void add_zbl(Near<Real> &near, const PairPlan<Real> &pair, Vec<int, C> element, D r,
                                         double factor, double *slopes) const
  {
    for (int l = 0; l < C; ++l) {
      const Zbl &zbl = pair.zbl[element[l]];
      if (!(r[l] < zbl.outer())) continue;
      double slope;
      near.energy += 0.5 * zbl(r[l], slope);
      slopes[l] += factor * slope;
    }
  }

  // Kernels work on whole vectors of three-body neighbours: those beyond the last one have f = 0.
  void pad_three_body(Near<Real> &near) const
  {
    const int end = near.n_three_body + C - 1;
    Real *f = near.f;
    for (const Group<Real> &group : centre.pairs[0].f) {
      for (int n = group.width * near.n_three_body; n < group.width * end; ++n) f[n] = 0;
      f += group.width * scratch.capacity;
    }
    for (int m = 0; m < plan.columns; ++m) store(near.rho_slope + m * scratch.capacity + near.n_density, D{});
    if (plan.by_column) store(near.f_slope + near.n_three_body, D{});
  }

  void columns_out(Near<Real> &near, const double *A) const
  {
    for (int m = 0; m < plan.columns; ++m) {
      const double *slope = near.rho_slope + m * scratch.capacity;
      for (int k = 0; k < near.n_density; k += C)
        store(near.slope + k, load<D>(near.slope + k) + A[m * step] * load<D>(slope + k));
    }
    if (!plan.by_column || plan.n3 == 0) return;
    const double a = A[plan.n2 * step];
    for (int k = 0; k < near.n_three_body; k += C)
      store(near.slope + k, load<D>(near.slope + k) + a * load<D>(near.f_slope + k) * get(near.P + k));
  }
};

}  // namespace SNNP_ISA
}  // namespace snnp
