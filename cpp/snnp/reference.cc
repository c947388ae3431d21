#include "snnp/reference.h"

#include <algorithm>
#include <cmath>

#include "snnp/activations.h"
#include "snnp/harmonics.h"
#include "snnp/indices.h"

namespace snnp {

namespace {

struct Value {
  double value = 0, slope = 0;
};

// A spline that continues linearly outside its knots: U. Cosines are inside, but for rounding.
Value continued(const Spline &s, double x)
{
  const double inside = std::min(std::max(x, s.front()), s.back()), slope = evaluate(s, inside, 1);
  return {evaluate(s, inside) + slope * (x - inside), slope};
}

// φ, ρ, f and the basis functions of tensors: the same below the first knot, zero beyond the last.
Value radial(const Spline &s, double r) { return r < s.back() ? continued(s, r) : Value{}; }

// What activations ask for.
struct Math {
  static double exp(double x) { return std::exp(x); }
  static double inverse_sqrt(double x) { return 1 / std::sqrt(x); }
};

// The activation of x, and its derivative.
Value activation(const std::string &name, double x)
{
  double slope = 0;
  Activations::apply(activation_index(name), x, slope, Math());
  return {x, slope};
}

// N(G); its gradient is added to A.
double network(const Network &net, const std::vector<double> &G, std::vector<double> &A)
{
  if (net.layers.empty()) return 0;
  std::vector<std::vector<double>> slopes;
  std::vector<double> x = G;
  for (const Network::Layer &layer : net.layers) {
    std::vector<double> y = layer.biases, slope(layer.outputs, 1.0);
    for (int o = 0; o < layer.outputs; ++o) {
      for (int i = 0; i < layer.inputs; ++i) y[o] += layer.weights[o * layer.inputs + i] * x[i];
      if (&layer == &net.layers.back()) continue;
      const Value a = activation(net.activation, y[o]);
      y[o] = a.value;
      slope[o] = a.slope;
    }
    slopes.push_back(slope);
    x = y;
  }
  std::vector<double> delta{1};  // ∂N/∂(output of a layer)
  for (std::size_t n = net.layers.size(); n-- > 0;) {
    const Network::Layer &layer = net.layers[n];
    std::vector<double> next(layer.inputs, 0.0);
    for (int o = 0; o < layer.outputs; ++o)
      for (int i = 0; i < layer.inputs; ++i) next[i] += delta[o] * slopes[n][o] * layer.weights[o * layer.inputs + i];
    delta = next;
  }
  for (std::size_t m = 0; m < A.size(); ++m) A[m] += delta[m];
  return x[0];
}

// E_i = M + o h(C − M), see Floor; changes A = ∂E_i/∂G accordingly.
double above_floor(const Floor &f, const std::vector<double> &G, double M, std::vector<double> &A)
{
  const std::size_t n = G.size();
  std::vector<double> gradient(n);  // of D²
  double square = 0, density = 0;
  for (std::size_t k = 0; k < f.centres.size(); ++k) {
    double y = f.centres[k];
    for (std::size_t m = 0; m < n; ++m) y += f.directions[k * n + m] * G[m];
    const double x = std::max(y - 1, 0.0) + std::min(y + 1, 0.0);
    square += x * x;
    for (std::size_t m = 0; m < n; ++m) gradient[m] += 2 * x * f.directions[k * n + m];
  }
  for (std::size_t m = 0; m < n; ++m) density += f.density[m] * G[m];
  const Value C = continued(f.C, density);
  const double width2 = f.width * f.width, outside = square / (square + width2), gap = C.value - M;
  const double u = std::min(std::max(gap + f.softness, 0.0), 2 * f.softness);
  const double h = u * u / (4 * f.softness) + std::max(gap - f.softness, 0.0), slope = u / (2 * f.softness);
  for (std::size_t m = 0; m < n; ++m)
    A[m] += outside * slope * (C.slope * f.density[m] - A[m]) +
            h * width2 / ((square + width2) * (square + width2)) * gradient[m];
  return M + outside * h;
}

// The terms of E_i that depend on G, and their gradient A = ∂E_i/∂G.
double embedding(const Element &e, const std::vector<double> &G, std::vector<double> &A)
{
  A = e.linear;
  double energy = e.e0, density = 0;
  for (std::size_t m = 0; m < G.size(); ++m) energy += e.linear[m] * G[m];
  std::vector<double> unused(G.size());
  energy += network(e.network, G, A) - network(e.network, std::vector<double>(G.size(), 0.0), unused);
  if (!e.density.empty()) {
    for (std::size_t m = 0; m < G.size(); ++m) density += e.density[m] * G[m];
    const Value U = continued(e.U, density);
    for (std::size_t m = 0; m < G.size(); ++m) A[m] += U.slope * e.density[m];
    energy += U.value - continued(e.U, 0).value;
  }
  return e.floor.empty() ? energy : above_floor(e.floor, G, energy, A);
}

// All basis functions of one direction of a tensor at a distance.
std::vector<Value> basis(const std::vector<double> &knots, double r)
{
  std::vector<Value> all(knots.size() + 2);
  for (std::size_t n = 0; n < all.size(); ++n) {
    Spline unit{knots, std::vector<double>(all.size(), 0.0)};
    unit.coefficients[n] = 1;
    all[n] = radial(unit, r);
  }
  return all;
}

// V and its derivatives by r_ij, r_ik and r_jk.
struct TensorValue {
  double value = 0, ij = 0, ik = 0, jk = 0;

  TensorValue(const Tensor &t, const std::vector<Value> &A, const std::vector<Value> &B, const std::vector<Value> &C)
  {
    const double *v = t.coefficients.data();
    for (const Value &a : A)
      for (const Value &b : B)
        for (const Value &c : C) {
          value += *v * a.value * b.value * c.value;
          ij += *v * a.slope * b.value * c.value;
          ik += *v * a.value * b.slope * c.value;
          jk += *v++ * a.value * b.value * c.slope;
        }
  }
};

// R_n of four_body.h and its slope.
Value four_body_radial(const FourBody &t, int n, double r)
{
  if (r >= t.cutoff) return {};
  const double width = t.outer - t.inner, s = std::min(std::max((r - t.inner) / width, 0.0), 1.0);
  const double u = r > t.outer ? r : (t.inner + t.outer) / 2 + width * (s * s * s - s * s * s * s / 2);
  const double du = 3 * s * s - 2 * s * s * s, smallest = (t.inner + t.outer) / 2;
  const auto y = [&](double v) { return 1 / (1 + 2 * v / t.cutoff); };
  const double half = (y(smallest) - y(t.cutoff)) / 2;
  const double x = std::min(1.0, (y(u) - y(t.cutoff)) / half - 1), dx = -2 * y(u) * y(u) / t.cutoff / half * du;
  const double angle = std::acos(x), sine = std::sin(angle);
  const double T = std::cos(n * angle), dT = sine > 1e-9 ? n * std::sin(n * angle) / sine : n * n;
  const double left = 1 - u * u / (t.cutoff * t.cutoff), d_left = -2 * u * du / (t.cutoff * t.cutoff);
  return {T * left * left, dT * dx * left * left + 2 * T * left * d_left};
}

// What a neighbour adds to each A of four-body terms, by channel and harmonic, and the gradient of that.
struct FourBodyShare {
  std::vector<double> value, gradient;

  FourBodyShare(const FourBody &t, int elements, int element, double r, const double *u)
  {
    double Y[harmonic_count(most_degree)];
    set_harmonics(t.degree, u[0], u[1], u[2], Y);
    for (int k = 0; k < t.mixtures; ++k)
      for (int n = 0; n < t.radial; ++n)
        for (int lm = 0; lm < harmonic_count(t.degree); ++lm) {
          const double w = t.weights[k * elements + element];
          const Value R = four_body_radial(t, n, r);
          double only[harmonic_count(most_degree)] = {}, turn[3] = {};
          only[lm] = 1;
          add_harmonic_gradient(t.degree, u[0], u[1], u[2], only, turn);
          const double along = turn[0] * u[0] + turn[1] * u[1] + turn[2] * u[2];
          value.push_back(w * R.value * Y[lm]);
          for (int d = 0; d < 3; ++d)
            gradient.push_back(w * (R.slope * Y[lm] * u[d] + R.value * (turn[d] - along * u[d]) / r));
        }
  }
};

double dot(const double *a, const double *b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

void add(double *to, double factor, const double *vector)
{
  for (int d = 0; d < 3; ++d) to[d] += factor * vector[d];
}

}  // namespace

Reference::Reference(const Potential &potential, double unit) : potential_(potential), unit_(unit), domain_(potential)
{
  check(potential_);
  for (int a = 0; a < potential_.size(); ++a)
    for (int b = a; b < potential_.size(); ++b) {
      const Pair &p = potential_.pairs[potential_.pair_index(a, b)];
      zbl_.emplace_back(atomic_number(potential_.elements[a].name), atomic_number(potential_.elements[b].name),
                        p.zbl_inner, p.zbl_outer);
    }
}

// G_m = Σ_j ρ_m(r_ij);  G_{n2+m} = Σ_{j<k} f_m(r_ij) f_m(r_ik) g_m(cos θ_jik)
std::vector<double> Reference::filter_values(int element, const Neighbors &near) const
{
  const Potential &p = potential_;
  std::vector<double> G(p.n2 + p.n3, 0.0);
  for (std::size_t j = 0; j < near.size(); ++j) {
    const int ij = p.ordered_index(element, near[j].element);
    for (int m = 0; m < p.n2; ++m) G[m] += radial(p.rho[ij * p.n2 + m], near[j].r).value;
    for (int m = 0; m < p.n3; ++m) {
      const double fj = radial(p.f[ij * p.n3 + m], near[j].r).value;
      for (std::size_t k = 0; k < j && fj != 0; ++k) {
        const double fk = radial(p.f[p.ordered_index(element, near[k].element) * p.n3 + m], near[k].r).value;
        const Spline &g = p.g[p.triplet_index(element, near[j].element, near[k].element) * p.n3 + m];
        if (fk != 0) G[p.n2 + m] += fj * fk * continued(g, dot(near[j].u, near[k].u)).value;
      }
    }
  }
  return G;
}

// ∂/∂r_j and ∂/∂r_k of A·G, with ∂cos/∂r_j = (u_k − cos u_j) / r_ij.
void Reference::add_filter_gradient(int element, const std::vector<double> &A, Neighbors &near) const
{
  const Potential &p = potential_;
  for (std::size_t j = 0; j < near.size(); ++j) {
    Neighbor &J = near[j];
    const int ij = p.ordered_index(element, J.element);
    for (int m = 0; m < p.n2; ++m) add(J.gradient, A[m] * radial(p.rho[ij * p.n2 + m], J.r).slope, J.u);
    for (int m = 0; m < p.n3; ++m) {
      const Value fj = radial(p.f[ij * p.n3 + m], J.r);
      for (std::size_t k = 0; k < j && J.r < p.three_body_cutoff(element, J.element); ++k) {
        Neighbor &K = near[k];
        const double a = A[p.n2 + m], cosine = dot(J.u, K.u);
        const Value fk = radial(p.f[p.ordered_index(element, K.element) * p.n3 + m], K.r);
        if (fk.value == 0 && fk.slope == 0) continue;
        const Value g = continued(p.g[p.triplet_index(element, J.element, K.element) * p.n3 + m], cosine);
        const double angular = a * fj.value * fk.value * g.slope;
        add(J.gradient, a * fj.slope * fk.value * g.value - angular * cosine / J.r, J.u);
        add(J.gradient, angular / J.r, K.u);
        add(K.gradient, a * fj.value * fk.slope * g.value - angular * cosine / K.r, K.u);
        add(K.gradient, angular / K.r, J.u);
      }
    }
  }
}

// ½ Σ_j [ φ(r_ij) + ZBL(r_ij) s(r_ij) ]
double Reference::pair_energy(int element, Neighbors &near) const
{
  double energy = 0;
  for (Neighbor &J : near) {
    const int ij = potential_.pair_index(element, J.element);
    const Value phi = radial(potential_.pairs[ij].phi, J.r);
    double zbl = 0, zbl_slope = 0;
    if (J.r < zbl_[ij].outer()) zbl = zbl_[ij](J.r, zbl_slope);
    energy += 0.5 * (phi.value + zbl);
    add(J.gradient, 0.5 * (phi.slope + zbl_slope), J.u);
  }
  return energy;
}

// Σ V(r_ij, r_ik, r_jk) over pairs of neighbours, where j is the one whose element comes first.
double Reference::tensor_energy(int element, Neighbors &near) const
{
  double energy = 0;
  for (int b = 0; b < potential_.size() && !potential_.V.empty(); ++b)
    for (int c = b; c < potential_.size(); ++c) {
      const Tensor &t = potential_.V[potential_.triplet_index(element, b, c)];
      if (t.empty()) continue;
      std::vector<std::vector<Value>> A(near.size()), B(near.size());
      for (std::size_t n = 0; n < near.size(); ++n) {
        if (near[n].element == b && near[n].r < t.knots_ij.back()) A[n] = basis(t.knots_ij, near[n].r);
        if (near[n].element == c && near[n].r < t.knots_ik.back()) B[n] = basis(t.knots_ik, near[n].r);
      }
      for (std::size_t j = 0; j < near.size(); ++j)
        for (std::size_t k = 0; k < (b == c ? j : near.size()); ++k) {
          if (A[j].empty() || B[k].empty()) continue;
          Neighbor &J = near[j], &K = near[k];
          double d[3];
          for (int x = 0; x < 3; ++x) d[x] = K.r * K.u[x] - J.r * J.u[x];
          const double r_jk = std::sqrt(dot(d, d));
          const TensorValue V(t, A[j], B[k], basis(t.knots_jk, r_jk));
          energy += V.value;
          add(J.gradient, V.ij, J.u);
          add(K.gradient, V.ik, K.u);
          if (r_jk == 0) continue;  // where there is no direction
          add(J.gradient, -V.jk / r_jk, d);
          add(K.gradient, V.jk / r_jk, d);
        }
    }
  return energy;
}

// See four_body.h. All A and B are taken one by one, and slopes by the product rule.
double Reference::four_body_energy(int element, Neighbors &near) const
{
  const FourBody &t = potential_.elements[element].four_body;
  if (t.empty()) return 0;
  const int channels = t.channels(), harmonics = harmonic_count(t.degree);
  std::vector<double> A(channels * harmonics), slopes(A.size());
  std::vector<FourBodyShare> shares;
  for (const Neighbor &J : near) {
    shares.emplace_back(t, potential_.size(), J.element, J.r, J.u);
    for (std::size_t q = 0; q < A.size(); ++q) A[q] += shares.back().value[q];
  }
  double b = 0;
  const double *c = t.coefficients.data();
  for (const Coupling &coupling : couplings(t.degree, channels))
    for (const Coupling::Channels &some : coupling.channels)
      for (int last = some.from; last < channels; ++last, ++c)
        for (const Coupling::Mean &mean : coupling.means) {
          const auto at = [&](int which, int m, int channel) {
            return channel * harmonics + coupling.degrees[which] * coupling.degrees[which] + m;
          };
          const int x = at(0, mean.first, some.first), y = at(1, mean.second, some.second), z = at(2, mean.third, last);
          b += *c * mean.value * A[x] * A[y] * A[z];
          slopes[x] += *c * mean.value * A[y] * A[z];
          slopes[y] += *c * mean.value * A[x] * A[z];
          slopes[z] += *c * mean.value * A[x] * A[y];
        }
  const double bounded = std::tanh(b / t.bound);
  for (std::size_t j = 0; j < near.size(); ++j)
    for (std::size_t q = 0; q < A.size(); ++q)
      add(near[j].gradient, (1 - bounded * bounded) * slopes[q], &shares[j].gradient[3 * q]);
  return t.bound * bounded;
}

// Written so that a NaN is outside.
int Reference::outside(int element, const Neighbors &near, const std::vector<double> &G, double energy) const
{
  int ways = 0;
  std::size_t neighbors = 0;
  for (const Neighbor &J : near) neighbors += J.r < potential_.cutoff(element, J.element) ? 1 : 0;
  const Domain::Energies &known = domain_.energies(element);
  const double bound = energy - potential_.elements[element].e0;
  if (!known.lowest.empty() &&
      !(neighbors < known.lowest.size() && known.lowest[neighbors] <= bound && bound <= known.highest[neighbors]))
    ways |= Domain::energy;
  for (const Neighbor &J : near) ways |= J.r < domain_.shortest(element, J.element) ? Domain::close : 0;
  for (std::size_t m = 0; m < G.size(); ++m)
    ways |= domain_.lowest(element)[m] <= G[m] && G[m] <= domain_.highest(element)[m] ? 0 : Domain::filter;
  return ways;
}

template <class Source> void Reference::evaluate(const Source &source, int, Results &results) const
{
  results.energy = 0;
  results.n_outside = 0;
  std::fill(results.virial, results.virial + 6, 0.0);
  for (int n = 0; n < center_count(source); ++n) {
    const int i = center(source, n), element = snnp::element(source, i);
    if (element < 0) continue;
    Neighbors near;
    for_each_neighbor(source, i, [&](int j, int b, double x, double y, double z) {
      const double r = std::sqrt(x * x + y * y + z * z);
      if (b >= 0 && r < cutoff()) near.push_back({j, b, r, {x / r, y / r, z / r}, {}});
    });
    std::vector<double> A;
    const std::vector<double> G = filter_values(element, near);
    double energy = embedding(potential_.elements[element], G, A), phi = 0;
    add_filter_gradient(element, A, near);
    energy += pair_energy(element, near) + tensor_energy(element, near) + four_body_energy(element, near);
    for (const Neighbor &J : near)
      phi += radial(potential_.pairs[potential_.pair_index(element, J.element)].phi, J.r).value;

    results.energy += unit_ * energy;
    if (results.energies) results.energies[i] += unit_ * energy;
    const int ways = outside(element, near, G, energy);
    if (ways) ++results.n_outside;
    if (results.outside) results.outside[i] = ways;
    if (results.filters) {
      double *to = results.filters + static_cast<long>(columns()) * i;
      *to++ = phi;
      for (const double x : G) *to++ = x;
    }
    for (const Neighbor &J : near) {
      double W[3][3];
      for (int a = 0; a < 3; ++a)
        for (int b = 0; b < 3; ++b) W[a][b] = -J.r * J.u[a] * unit_ * J.gradient[b];
      for (int v = 0; v < 6; ++v) results.virial[v] += W[voigt_row[v]][voigt_column[v]];
      for (int v = 0; v < 9 && results.virials; ++v) results.virials[9L * J.atom + v] += W[v / 3][v % 3];
      for (int d = 0; d < 3 && results.forces; ++d) {
        results.forces[3L * i + d] += unit_ * J.gradient[d];
        results.forces[3L * J.atom + d] -= unit_ * J.gradient[d];
      }
    }
  }
}

template void Reference::evaluate(const IndexedNeighbors &, int, Results &) const;
template void Reference::evaluate(const VectorNeighbors &, int, Results &) const;

}  // namespace snnp
