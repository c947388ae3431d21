#include "snnp/potential.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "snnp/activations.h"
#include "snnp/error.h"
#include "snnp/potential_cost.h"

namespace snnp {

namespace {

const char *const symbols[] = {"H",  "He", "Li", "Be", "B",  "C",  "N",  "O",  "F",  "Ne", "Na", "Mg", "Al", "Si", "P",
                               "S",  "Cl", "Ar", "K",  "Ca", "Sc", "Ti", "V",  "Cr", "Mn", "Fe", "Co", "Ni", "Cu", "Zn",
                               "Ga", "Ge", "As", "Se", "Br", "Kr", "Rb", "Sr", "Y",  "Zr", "Nb", "Mo", "Tc", "Ru", "Rh",
                               "Pd", "Ag", "Cd", "In", "Sn", "Sb", "Te", "I",  "Xe", "Cs", "Ba", "La", "Ce", "Pr", "Nd",
                               "Pm", "Sm", "Eu", "Gd", "Tb", "Dy", "Ho", "Er", "Tm", "Yb", "Lu", "Hf", "Ta", "W",  "Re",
                               "Os", "Ir", "Pt", "Au", "Hg", "Tl", "Pb", "Bi", "Po", "At", "Rn", "Fr", "Ra", "Ac", "Th",
                               "Pa", "U",  "Np", "Pu", "Am", "Cm", "Bk", "Cf", "Es", "Fm", "Md", "No", "Lr", "Rf", "Db",
                               "Sg", "Bh", "Hs", "Mt", "Ds", "Rg", "Cn", "Nh", "Fl", "Mc", "Lv", "Ts", "Og"};

bool all_finite(const std::vector<double> &v)
{
  return std::all_of(v.begin(), v.end(), [](double x) { return std::isfinite(x); });
}

void check_size(std::size_t found, std::size_t expected, const std::string &item, const std::string &what)
{
  if (found != expected)
    throw ItemError(item, "found " + std::to_string(found) + " " + what + ", expected " + std::to_string(expected));
}

// Increasing, the first and the last simple, none more often than `most` times.
void check_knots(const std::vector<double> &knots, int most, const std::string &item)
{
  if (!all_finite(knots)) throw ItemError(item, "knots must be finite");
  const std::size_t n = knots.size();
  int times = 1;
  for (std::size_t i = 1; i < n; ++i) {
    times = knots[i] > knots[i - 1] ? 1 : times + 1;
    const bool end = i == 1 || i == n - 1;
    if (!(knots[i] >= knots[i - 1]) || times > (end ? 1 : most)) throw ItemError(item, "knots must increase");
  }
}

bool is_sum(const Spline &s)
{
  const Spline sum = combination(s.terms);
  return s.knots == sum.knots && s.coefficients == sum.coefficients && s.open == sum.open;
}

void check_radial(const Spline &s, const std::string &item)
{
  check_spline(s, item);
  if (!(s.front() > 0)) throw ItemError(item, "the first knot must be a positive distance");
  const std::size_t n = s.coefficients.size();
  if (!s.open && (s.coefficients[n - 1] != 0 || s.coefficients[n - 2] != 0))
    throw ItemError(
        item, "the last two coefficients must be 0, so that value and slope vanish at the cutoff (or say 'open')");
}

void check_network(const Network &net, int inputs, const std::string &item)
{
  if (net.activation == "none") return check_size(net.layers.size(), 0, item, "layers");
  if (activation_index(net.activation) < 0)
    throw ItemError(item, "found activation '" + net.activation + "', expected " + activation_names());
  if (net.layers.empty()) throw ItemError(item, "a network needs at least one layer");
  for (const Network::Layer &layer : net.layers) {
    check_size(layer.inputs, inputs, item, "inputs of a layer");
    if (layer.outputs < 1) throw ItemError(item, "a layer needs at least one output");
    check_size(layer.weights.size(), static_cast<std::size_t>(layer.inputs) * layer.outputs, item, "weights");
    check_size(layer.biases.size(), layer.outputs, item, "biases");
    if (!all_finite(layer.weights) || !all_finite(layer.biases)) throw ItemError(item, "weights must be finite");
    inputs = layer.outputs;
  }
  check_size(inputs, 1, item, "outputs of the last layer");
}

void check_density(const Element &e, int filters)
{
  const std::string item = "density " + e.name;
  if (e.density.empty() && e.U.knots.empty()) return;
  if (e.density.empty()) throw ItemError("spline U " + e.name, "there is a spline, but no density " + e.name);
  check_size(e.density.size(), filters, item, "weights");
  if (!all_finite(e.density)) throw ItemError(item, "weights must be finite");
  check_spline(e.U, "spline U " + e.name);
}

void check_floor(const Element &e, int filters)
{
  const std::string item = "floor " + e.name;
  const Floor &f = e.floor;
  if (f.empty()) {
    if (!f.C.knots.empty()) throw ItemError("spline floor " + e.name, "there is a spline, but no floor " + e.name);
    return;
  }
  check_size(f.directions.size(), f.centres.size() * filters, item, "numbers of its directions");
  check_size(f.density.size(), filters, item, "weights");
  if (!all_finite(f.directions) || !all_finite(f.centres) || !all_finite(f.density))
    throw ItemError(item, "numbers must be finite");
  if (!(std::isfinite(f.width) && f.width > 0)) throw ItemError(item, "expected a width greater than 0");
  if (!(std::isfinite(f.softness) && f.softness > 0)) throw ItemError(item, "expected a softness greater than 0");
  check_spline(f.C, "spline floor " + e.name);
  const double inside = std::min(std::max(0.0, f.C.front()), f.C.back());
  if (!(evaluate(f.C, inside) - evaluate(f.C, inside, 1) * inside + f.softness <= e.e0))
    throw ItemError(item, "an isolated atom must be above it: expected C(0) + softness of at most e0");
}

void check_tensor(const Tensor &t, bool same, const std::string &item)
{
  for (const std::vector<double> *knots : {&t.knots_ij, &t.knots_ik, &t.knots_jk}) {
    if (knots->size() < 2) throw ItemError(item, "each direction needs at least 2 knots");
    check_knots(*knots, 1, item);
    if (!(knots->front() > 0)) throw ItemError(item, "the first knots must be positive distances");
    std::vector<double> waves(knots->size() + 2);
    for (std::size_t i = 0; i < waves.size(); ++i) waves[i] = i % 2 ? -1 : 1;
    if (!all_finite(polynomial_pieces({*knots, waves}))) throw ItemError(item, "is too steep for double precision");
  }
  const std::size_t ij = t.knots_ij.size() + 2, ik = t.knots_ik.size() + 2, jk = t.knots_jk.size() + 2;
  // Kernels find a cell of 64 numbers by an int.
  if (64.0 * ij * ik * jk > std::numeric_limits<int>::max())
    throw ItemError(item, "has too many knots: found " + std::to_string(ij - 2) + " × " + std::to_string(ik - 2) +
                              " × " + std::to_string(jk - 2) + ", expected a product below 33 million");
  check_size(t.coefficients.size(), ij * ik * jk, item, "coefficients");
  if (!all_finite(t.coefficients)) throw ItemError(item, "coefficients must be finite");
  if (!same) return;
  bool symmetric = t.knots_ij == t.knots_ik;
  for (std::size_t a = 0; symmetric && a < ij; ++a)
    for (std::size_t b = 0; b < a; ++b)
      symmetric = symmetric && std::equal(&t.coefficients[(a * ik + b) * jk], &t.coefficients[(a * ik + b) * jk] + jk,
                                          &t.coefficients[(b * ik + a) * jk]);
  if (!symmetric) throw ItemError(item, "for two neighbours of one element r_ij and r_ik must be interchangeable");
}

constexpr int most_neighbors = 100000;  // more do not fit into a list

void check_element(const Element &e, int filters)
{
  const std::string item = "element " + e.name;
  if (atomic_number(e.name) == 0) throw ItemError(item, "expected a chemical symbol");
  if (!std::isfinite(e.e0)) throw ItemError(item, "e0 must be finite");
  check_size(e.linear.size(), filters, item, "linear coefficients");
  if (!all_finite(e.linear)) throw ItemError(item, "linear coefficients must be finite");
  check_network(e.network, filters, item);
  check_density(e, filters);
  check_floor(e, filters);
  check_size(e.highest.size(), e.lowest.size(), item, "upper ends of the filters' ranges");
  if (!e.lowest.empty()) check_size(e.lowest.size(), filters, item, "ranges of filters");
  for (std::size_t m = 0; m < e.lowest.size(); ++m)
    if (!(std::isfinite(e.lowest[m]) && std::isfinite(e.highest[m]) && e.lowest[m] <= e.highest[m]))
      throw ItemError(item, "a range of filter values must be finite and end above its start");
  int free = 0;  // the lowest number of neighbours that no range has yet
  for (const EnergyRange &r : e.energies) {
    if (!(free <= r.from && r.from <= r.to && r.to <= most_neighbors))
      throw ItemError("energies " + e.name, "expected ranges of numbers of neighbours in rising order, up to " +
                                                std::to_string(most_neighbors));
    if (!(std::isfinite(r.lowest) && std::isfinite(r.highest) && r.lowest <= r.highest))
      throw ItemError("energies " + e.name, "a range of energies must be finite and end above its start");
    free = r.to + 1;
  }
}

void check_pair(const Pair &p, const std::string &names)
{
  check_radial(p.phi, "spline phi " + names);
  const bool no_zbl = p.zbl_inner == 0 && p.zbl_outer == 0;
  if (!no_zbl && !(0 < p.zbl_inner && p.zbl_inner < p.zbl_outer && std::isfinite(p.zbl_outer)))
    throw ItemError("core " + names, "expected 0 < inner < outer");
  if (!(p.shortest >= 0) || !std::isfinite(p.shortest))
    throw ItemError("shortest " + names, "expected a positive distance");
}

}  // namespace

int atomic_number(const std::string &symbol)
{
  const auto found = std::find(std::begin(symbols), std::end(symbols), symbol);
  return found == std::end(symbols) ? 0 : static_cast<int>(found - std::begin(symbols)) + 1;
}

double Potential::pair_cutoff(int a, int b) const
{
  const Pair &p = pairs[pair_index(a, b)];
  double cut = std::max(p.phi.back(), p.zbl_outer);
  for (int m = 0; m < n2; ++m) cut = std::max(cut, rho[ordered_index(a, b) * n2 + m].back());
  return cut;
}

double Potential::three_body_cutoff(int a, int b) const
{
  double cut = 0;
  for (int m = 0; m < n3; ++m) cut = std::max(cut, f[ordered_index(a, b) * n3 + m].back());
  return cut;
}

double Potential::tensor_cutoff(int a, int b) const
{
  double cut = 0;
  for (int c = 0; c < size() && !V.empty(); ++c) {
    const Tensor &t = V[triplet_index(a, b, c)];
    if (!t.empty()) cut = std::max(cut, b <= c ? t.knots_ij.back() : t.knots_ik.back());
  }
  return cut;
}

double Potential::four_body_cutoff(int a) const
{
  const FourBody &t = elements[a].four_body;
  return t.empty() ? 0 : t.cutoff;
}

double Potential::cutoff() const
{
  double cut = 0;
  for (int a = 0; a < size(); ++a)
    for (int b = 0; b < size(); ++b)
      cut = std::max({cut, pair_cutoff(a, b), three_body_cutoff(a, b), tensor_cutoff(a, b), four_body_cutoff(a)});
  return cut;
}

double Potential::cutoff(int a, int b) const
{
  return std::max({pair_cutoff(a, b), pair_cutoff(b, a), three_body_cutoff(a, b), three_body_cutoff(b, a),
                   tensor_cutoff(a, b), tensor_cutoff(b, a), four_body_cutoff(a), four_body_cutoff(b)});
}

void check_spline(const Spline &s, const std::string &item)
{
  if (s.knots.empty()) throw ItemError(item, "is missing");
  if (s.knots.size() < 2) throw ItemError(item, "a spline needs at least 2 knots");
  check_size(s.coefficients.size(), s.knots.size() + 2, item, "coefficients");
  if (!all_finite(s.coefficients)) throw ItemError(item, "coefficients must be finite");
  check_knots(s.knots, 3, item);
  if (!s.terms.empty() && !is_sum(s)) throw ItemError(item, "is not the sum of its curves");
  // Knots 1e-320 apart increase, but a table made of them would put NaN into a run.
  if (!all_finite(polynomial_pieces(s))) throw ItemError(item, "is too steep for double precision");
}

void check(const Potential &p)
{
  const int n = p.size();
  if (p.comment.find_first_of("\r\n") != std::string::npos) throw ItemError("comment", "must be one line");
  if (n == 0) throw ItemError("elements", "a potential needs at least one");
  if (p.n2 < 0 || p.n3 < 0) throw ItemError("filters", "numbers must not be negative");
  // At first, for what follows is computed in int: these numbers are not more than there are pairs and splines.
  check_size(p.pairs.size(), static_cast<std::size_t>(n) * (n + 1) / 2, "potential", "pairs of elements");
  check_size(p.rho.size(), static_cast<std::size_t>(n) * n * p.n2, "potential", "splines rho");
  check_size(p.f.size(), static_cast<std::size_t>(n) * n * p.n3, "potential", "splines f");
  for (int a = 0; a < n; ++a) {
    check_element(p.elements[a], p.n2 + p.n3);
    check_four_body(p.elements[a].four_body, n, "fourbody " + p.elements[a].name);
    for (int b = 0; b < a; ++b)
      if (p.elements[a].name == p.elements[b].name) throw ItemError("element " + p.elements[a].name, "occurs twice");
  }
  check_size(p.g.size(), static_cast<std::size_t>(n) * p.n_pairs() * p.n3, "potential", "splines g");
  if (!p.V.empty()) check_size(p.V.size(), static_cast<std::size_t>(n) * p.n_pairs(), "potential", "tensors V");

  for (int a = 0; a < n; ++a)
    for (int b = 0; b < n; ++b) {
      const std::string ab = p.elements[a].name + " " + p.elements[b].name;
      if (a <= b) check_pair(p.pairs[p.pair_index(a, b)], ab);
      for (int m = 0; m < p.n2; ++m)
        check_radial(p.rho[p.ordered_index(a, b) * p.n2 + m], "spline rho " + std::to_string(m + 1) + " " + ab);
      for (int m = 0; m < p.n3; ++m)
        check_radial(p.f[p.ordered_index(a, b) * p.n3 + m], "spline f " + std::to_string(m + 1) + " " + ab);
      for (int c = b; c < n; ++c) {
        const int abc = p.triplet_index(a, b, c);
        if (!p.V.empty() && !p.V[abc].empty())
          check_tensor(p.V[abc], b == c, "tensor " + ab + " " + p.elements[c].name);
        for (int m = 0; m < p.n3; ++m) {
          const std::string name = "spline g " + std::to_string(m + 1) + " " + ab + " " + p.elements[c].name;
          const Spline &s = p.g[abc * p.n3 + m];
          check_spline(s, name);
          if (s.front() != -1 || s.back() != 1) throw ItemError(name, "knots must span the cosines from -1 to 1");
        }
      }
    }
  check_cost(p);
}

}  // namespace snnp
