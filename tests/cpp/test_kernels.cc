// The kernels give what the formulas give: every instruction set, every precision, on random potentials.
#include "snnp/engine.h"
#include "snnp/reference.h"

#include <algorithm>
#include <cmath>

#include "atoms.h"
#include "check.h"
#include "random.h"

using namespace snnp;
using namespace testing;

namespace {

// A random crystal of `n` atoms whose elements are dealt out in turn.
Atoms crystal(int n, int elements, double edge, unsigned seed)
{
  Random random(seed);
  Atoms atoms{{{{edge, 0, 0}, {0.1 * edge, edge, 0}, {-0.2 * edge, 0.1 * edge, edge}}}, {}, {}};
  const int side = static_cast<int>(std::ceil(std::cbrt(n)));
  for (int i = 0; i < n; ++i) {
    const int place[3] = {i % side, i / side % side, i / side / side};
    Vector r{};
    for (int a = 0; a < 3; ++a)
      for (int d = 0; d < 3; ++d) r[d] += (place[a] + random.uniform(-0.12, 0.12)) / side * atoms.cell[a][d];
    atoms.positions.push_back(r);
    atoms.elements.push_back(i % elements);
  }
  return atoms;
}

struct Difference {
  double energy = 0, force = 0, mean_force = 0, virial = 0, filters = 0;
};

Difference difference(const Output &a, const Output &b)
{
  Difference d;
  for (std::size_t i = 0; i < a.energies.size(); ++i)
    d.energy = std::max(d.energy, std::abs(a.energies[i] - b.energies[i]));
  for (std::size_t i = 0; i < a.forces.size(); ++i) {
    const double x = a.forces[i] - b.forces[i];
    d.force = std::max(d.force, std::abs(x));
    d.mean_force += x * x / a.forces.size();
  }
  d.mean_force = std::sqrt(d.mean_force);
  for (std::size_t i = 0; i < a.virials.size(); ++i)
    d.virial = std::max(d.virial, std::abs(a.virials[i] - b.virials[i]));
  for (int v = 0; v < 6; ++v) d.virial = std::max(d.virial, std::abs(a.virial[v] - b.virial[v]));
  for (std::size_t i = 0; i < a.filters.size(); ++i)
    d.filters = std::max(d.filters, std::abs(a.filters[i] - b.filters[i]));
  return d;
}

struct Case {
  std::vector<std::string> elements;
  int n2, n3;
  const char *activation;
};

// Widths of groups 4, 8, 16 and combinations of them, whole and not; no filters of a kind; columns.
const std::vector<Case> cases{
    {{"Si"}, 8, 4, "tanh"},
    {{"Si"}, 8, 8, "silu"},
    {{"Si"}, 8, 16, "tanh"},
    {{"Si"}, 3, 21, "tanh"},
    {{"Si"}, 17, 13, "none"},
    {{"Si"}, 0, 2, "tanh"},
    {{"Si"}, 1, 1, "silu"},
    {{"Si"}, 1, 0, "tanh"},
    {{"Si"}, 0, 1, "none"},
    {{"Si"}, 0, 0, "none"},
    {{"In", "P"}, 2, 3, "tanh"},
    {{"In", "P"}, 5, 11, "silu"},
    {{"In", "P"}, 1, 1, "tanh"},
    {{"In", "P"}, 0, 0, "none"},
    {{"In", "P"}, 1, 0, "tanh"},
    {{"Al", "In", "P"}, 4, 8, "tanh"},
    {{"Si"}, 1, 3, "tanh"},
    {{"Si"}, 2, 1, "tanh"},
    {{"Al", "In", "P"}, 1, 1, "none"},
    {{"Si"}, 8, 34, "tanh"},
    {{"Si"}, 3, 5, "squareplus"},
    {{"In", "P"}, 2, 1, "squareplus"},
};

}  // namespace

namespace {

void check_kernels(const Potential &potential, const Atoms &atoms)
{
  const double unit = 2;
  const Output right = run(Reference(potential, unit), atoms);
  double largest = 1;
  for (const double f : right.forces) largest = std::max(largest, std::abs(f));
  for (const Isa isa : available_isas()) {
    const Output full = run(Engine(potential, unit, Precision::full, isa), atoms);
    const Difference d = difference(full, right);
    // Rounding of sums of up to a thousand terms: 1e-11 eV/Å where forces are some eV/Å.
    CHECK_NEAR(d.force, 0, 1e-12 * largest);
    CHECK_NEAR(d.energy, 0, 1e-12 * largest);
    CHECK_NEAR(d.virial, 0, 1e-11 * largest);
    CHECK_NEAR(d.filters, 0, 1e-11);
    CHECK_NEAR(full.energy, right.energy, 1e-11 * largest);
    CHECK(full.outside == right.outside);
    const Output mixed = run(Engine(potential, unit, Precision::mixed, isa), atoms);
    const Difference e = difference(mixed, right);
    CHECK_NEAR(e.force, 0, 2e-6 * largest);
    CHECK_NEAR(e.mean_force, 0, 2e-7 * largest);
    CHECK_NEAR(e.energy, 0, 2e-6 * largest);
  }
}

constexpr int some = 19;  // atoms: whole blocks and a part of one
// From a gas to a crowd; few atoms are in the cores of others.
const double edges[] = {14.0, 8.0, 6.5};

}  // namespace

TEST(every_kernel_gives_what_the_reference_gives)
{
  unsigned seed = 100;
  for (const Case &c : cases)
    for (const Random::Knots knots : {Random::even, Random::uneven}) {
      const Potential potential = Random(++seed).potential(c.elements, c.n2, c.n3, c.activation, 4.5, knots);
      for (const double edge : edges)
        check_kernels(potential, crystal(some, static_cast<int>(c.elements.size()), edge, ++seed));
    }
}

// Gives splines of all neighbours of a centre the same knots; cores and shortest distances stay different.
Potential with_common_knots(Potential p, Random &random)
{
  const int E = p.size();
  for (Pair &pair : p.pairs) {
    pair.phi.knots = p.pairs[0].phi.knots;
    pair.zbl_outer = random.uniform(1.5, 2.2);
    pair.shortest = random.uniform(1.7, 2.3);
  }
  // The shortest distances decide which atoms are outside.
  for (Element &e : p.elements) e.lowest.clear(), e.highest.clear(), e.energies.clear();
  for (int ab = 0; ab < E * E; ++ab) {
    for (int m = 0; m < p.n2; ++m) p.rho[ab * p.n2 + m].knots = p.rho[m].knots;
    for (int m = 0; m < p.n3; ++m) p.f[ab * p.n3 + m].knots = p.f[m].knots;
  }
  return p;
}

// All ρ have the knots of the last one of the pair but the first `odd`; φ is zero, as with a floor.
Potential with_odd_filters(Potential p, int odd)
{
  for (Pair &pair : p.pairs) std::fill(pair.phi.coefficients.begin(), pair.phi.coefficients.end(), 0.0);
  for (std::size_t ab = 0; ab < p.rho.size(); ab += p.n2)
    for (int m = odd; m < p.n2; ++m) p.rho[ab + m].knots = p.rho[ab + p.n2 - 1].knots;
  return p;
}

// For each centre, g of pair of neighbours n is what it was for pair of[n]; all have as many even knots.
Potential with_angles(Potential p, const std::vector<int> &of, int knots, Random &random)
{
  const int n = p.n_pairs() * p.n3;
  for (std::size_t k = 0; k < p.g.size(); ++k) {
    const int pair = static_cast<int>(k) % n / p.n3;
    p.g[k] = of[pair] == pair ? random.spline(-1, 1, knots, Random::even) : p.g[k - (pair - of[pair]) * p.n3];
  }
  return p;
}

TEST(the_first_filters_may_have_knots_of_their_own)
{
  unsigned seed = 400;
  for (const Case &c :
       {Case{{"Si"}, 9, 16, "tanh"}, {{"Si"}, 4, 2, "tanh"}, {{"In", "P"}, 9, 0, "none"}, {{"In", "P"}, 3, 3, "tanh"}})
    for (const int odd : {1, 2, 3}) {
      Random random(++seed);
      const Potential p = random.potential(c.elements, c.n2, c.n3, c.activation, 4.5, Random::even);
      for (const double edge : edges) {
        const Atoms atoms = crystal(some, p.size(), edge, ++seed);
        check_kernels(with_odd_filters(p, odd), atoms);
        check_kernels(with_odd_filters(with_common_knots(p, random), odd), atoms);
      }
    }
}

TEST(neighbours_of_elements_with_common_knots_are_told_apart)
{
  unsigned seed = 500;
  const std::vector<std::string> many{"In", "P",  "Al", "Si", "Ga", "As", "Sb", "Ge", "Li",
                                      "Na", "Mg", "K",  "Ca", "Sc", "Ti", "V",  "Cr"};
  for (const Case &c : {Case{{"In", "P"}, 2, 3, "tanh"},
                        {{"In", "P"}, 8, 16, "tanh"},
                        {{"In", "P"}, 2, 0, "tanh"},
                        {{"In", "P"}, 1, 1, "tanh"},
                        {{"Al", "In", "P"}, 1, 0, "none"},
                        {{"Al", "In", "P"}, 0, 5, "tanh"},
                        {{"Al", "In", "P"}, 1, 1, "tanh"},
                        {many, 3, 4, "none"}})
    for (const Random::Knots knots : {Random::even, Random::uneven}) {
      Random random(++seed);
      const Potential p = with_common_knots(random.potential(c.elements, c.n2, c.n3, c.activation, 4.5, knots), random);
      const std::vector<int> one(p.n_pairs(), 0);
      for (const double edge : edges) {
        Atoms atoms = crystal(some, p.size(), edge, ++seed);
        check_kernels(with_angles(p, one, 6, random), atoms);
        atoms.elements[3] = atoms.elements[8] = -1;  // the potential does not act on them
        if (p.size() < 4) check_kernels(p, atoms);
      }
    }
}

TEST(pairs_of_neighbours_may_share_angles)
{
  unsigned seed = 700;
  for (const int n3 : {1, 2, 4, 6})
    for (const int knots : {4, 5, 7, 9, 11})  // what fits into registers is kept there
      for (const std::vector<int> &of : {std::vector<int>{0, 1, 0}, {0, 0, 2}, {0, 1, 1}, {0, 0, 0}}) {
        Random random(++seed);
        const Potential p = random.potential({"In", "P"}, 1, n3, "none", 4.5, Random::even);
        check_kernels(with_angles(p, of, knots, random), crystal(some, 2, 8, ++seed));
      }
}

TEST(kernels_know_the_terms_of_classical_potentials)
{
  unsigned seed = 300;
  for (const auto &[n2, n3] : {std::pair(1, 1), std::pair(1, 0), std::pair(2, 3), std::pair(0, 0)})
    for (const std::vector<std::string> &elements : {std::vector<std::string>{"Si"}, {"In", "P"}, {"Al", "In", "P"}})
      for (const Random::Knots knots : {Random::even, Random::uneven})
        for (const bool tensors : {true, false}) {
          Potential potential = Random(++seed).classical(elements, n2, n3, knots);
          if (!tensors) potential.V.clear();
          for (const double edge : edges) check_kernels(potential, crystal(some, potential.size(), edge, ++seed));
        }
}

TEST(one_element_of_a_potential_for_two_is_enough)
{
  const Potential potential = Random(410).potential({"In", "P"}, 2, 3, "tanh", 4.5);
  for (const int element : {0, 1}) {
    Atoms atoms = crystal(some, 1, 8.0, 411);
    for (int &e : atoms.elements) e = element;
    check_kernels(potential, atoms);
    const Engine engine(potential);
    const Output images = run(engine, atoms), ghosts = run(engine, Ghosts(atoms, engine.cutoff()).view(), 1);
    CHECK_NEAR(ghosts.energy, images.energy, 1e-11);
  }
}

TEST(the_virial_is_there_without_the_virials_of_atoms)
{
  const Potential potential = Random(400).potential({"In", "P"}, 1, 1, "tanh", 4.5);
  const Atoms atoms = crystal(some, 2, 8.0, 401);
  const Output right = run(Reference(potential), atoms);
  for (const Isa isa : available_isas()) {
    const Engine engine(potential, 1, Precision::full, isa);
    const Lists lists(atoms, engine.cutoff());
    std::vector<double> forces(3 * some);
    Results results;
    results.forces = forces.data();
    engine.evaluate(lists.view(), 1, results);
    for (int v = 0; v < 6; ++v) CHECK_NEAR(results.virial[v], right.virial[v], 1e-11);
    for (int i = 0; i < 3 * some; ++i) CHECK_NEAR(forces[i], right.forces[i], 1e-12);
  }
}
