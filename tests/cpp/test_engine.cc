#include "snnp/engine.h"

#include <algorithm>
#include <array>

#include "atoms.h"
#include "check.h"
#include "random.h"

using namespace snnp;
using namespace testing;

namespace {

Atoms strained(Atoms atoms, int a, int b, double strain)
{
  for (auto *vectors : {&atoms.cell[0], &atoms.cell[1], &atoms.cell[2]}) (*vectors)[a] += strain * (*vectors)[b];
  for (Vector &r : atoms.positions) r[a] += strain * r[b];
  return atoms;
}

std::vector<Engine> engines()
{
  std::vector<Engine> all;
  for (const char *activation : {"none", "tanh", "silu", "squareplus"})
    all.emplace_back(Random(11).potential({"In", "P"}, 2, 3, activation));
  all.emplace_back(Random(12).potential({"In", "P"}, 0, 0, "none"));
  all.emplace_back(Random(13).potential({"In", "P"}, 3, 0, "tanh"));
  all.emplace_back(Random(14).potential({"In", "P"}, 0, 2, "silu"));
  all.emplace_back(Random(15).classical({"In", "P"}, 1, 1));
  return all;
}

// Energies here are up to 1e3 eV (some atoms are inside each other's repulsive core), so that sums of a few thousand
// terms carry rounding of about 1e-12; the order of sums differs between threads and between kinds of lists.
constexpr double rounding = 1e-10;

// Central differences with step h: h²/6 times a third derivative of up to 1e4 eV/Å³, and rounding of E over h.
constexpr double step = 1e-5, difference_error = 2e-6;

const int voigt[6][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}};

}  // namespace

TEST(forces_are_minus_the_gradient_of_the_energy)
{
  for (const Engine &engine : engines()) {
    const Atoms atoms = skewed();
    const Output out = run(engine, atoms);
    for (int i = 0; i < atoms.size(); ++i)
      for (int d = 0; d < 3; ++d) {
        Atoms up = atoms, down = atoms;
        up.positions[i][d] += step;
        down.positions[i][d] -= step;
        CHECK_NEAR(out.forces[3 * i + d], -(run(engine, up).energy - run(engine, down).energy) / (2 * step),
                   difference_error);
      }
  }
}

TEST(the_virial_is_minus_the_derivative_of_the_energy_by_strain)
{
  for (const Engine &engine : engines()) {
    const Output out = run(engine, skewed());
    for (int v = 0; v < 6; ++v)
      for (const auto &[a, b] : {std::pair(voigt[v][0], voigt[v][1]), std::pair(voigt[v][1], voigt[v][0])}) {
        const double up = run(engine, strained(skewed(), a, b, step)).energy;
        const double down = run(engine, strained(skewed(), a, b, -step)).energy;
        // A strain moves atoms by up to ten times as far as the step.
        CHECK_NEAR(out.virial[v], -(up - down) / (2 * step), 100 * difference_error);
      }
  }
}

TEST(energies_and_virials_of_atoms_add_up)
{
  for (const Engine &engine : engines()) {
    const Output out = run(engine, skewed());
    double energy = 0, force[3] = {};
    for (std::size_t i = 0; i < out.energies.size(); ++i) energy += out.energies[i];
    for (std::size_t i = 0; i < out.forces.size(); ++i) force[i % 3] += out.forces[i];
    CHECK_NEAR(energy, out.energy, rounding);
    for (const double f : force) CHECK_NEAR(f, 0, rounding);
    for (int v = 0; v < 6; ++v) {
      double sum = 0;
      for (std::size_t i = 0; i < out.energies.size(); ++i) sum += out.virials[9 * i + 3 * voigt[v][0] + voigt[v][1]];
      CHECK_NEAR(sum, out.virial[v], rounding);
    }
  }
}

TEST(any_number_of_threads_gives_the_same)
{
  for (const Engine &engine : engines()) {
    const Output one = run(engine, skewed(), 1);
    for (const int threads : {2, 3, 8}) {  // 8: more threads than atoms
      const Output many = run(engine, skewed(), threads), again = run(engine, skewed(), threads);
      CHECK_NEAR(many.energy / one.energy, 1, 1e-12);
      for (std::size_t i = 0; i < one.forces.size(); ++i) CHECK_NEAR(many.forces[i], one.forces[i], rounding);
      for (std::size_t i = 0; i < one.virials.size(); ++i) CHECK_NEAR(many.virials[i], one.virials[i], rounding);
      for (int v = 0; v < 6; ++v) CHECK_NEAR(many.virial[v], one.virial[v], rounding);
      CHECK(again.energy == many.energy && again.forces == many.forces && again.virials == many.virials);
    }
  }
}

TEST(ghost_atoms_are_as_good_as_images)
{
  const Atoms atoms = skewed();
  const int n = atoms.size();
  for (const Engine &engine : engines()) {
    const Ghosts lists(atoms, engine.cutoff());
    const Output images = run(engine, atoms), ghosts = run(engine, lists.view(), 2);
    std::vector<double> forces(3 * n);
    for (std::size_t i = 0; i < lists.owner.size(); ++i)
      for (int d = 0; d < 3; ++d) forces[3 * lists.owner[i] + d] += ghosts.forces[3 * i + d];
    CHECK_NEAR(ghosts.energy, images.energy, rounding);
    for (int v = 0; v < 6; ++v) CHECK_NEAR(ghosts.virial[v], images.virial[v], rounding);
    for (int i = 0; i < 3 * n; ++i) CHECK_NEAR(forces[i], images.forces[i], rounding);
  }
}

TEST(atoms_that_the_potential_does_not_act_on_are_not_there)
{
  for (const Engine &engine : engines()) {
    Atoms only = skewed(), with_others = skewed();
    only.positions.resize(3);
    only.elements.resize(3);
    with_others.elements[3] = with_others.elements[4] = -1;
    const Output a = run(engine, only), b = run(engine, with_others);
    CHECK_NEAR(a.energy, b.energy, rounding);
    for (int i = 0; i < 9; ++i) CHECK_NEAR(a.forces[i], b.forces[i], rounding);
    for (int i = 9; i < 15; ++i) CHECK(b.forces[i] == 0);
  }
}

TEST(an_isolated_atom_has_its_own_energy)
{
  for (const Engine &engine : engines())
    for (int a = 0; a < 2; ++a) {
      Atoms atoms{{{{99, 0, 0}, {0, 99, 0}, {0, 0, 99}}}, {{0, 0, 0}}, {a}};
      CHECK(run(engine, atoms).energy == engine.potential().elements[a].e0);
    }
}

TEST(energies_come_in_any_unit)
{
  const Potential potential = Random(15).potential({"In", "P"}, 2, 2, "tanh");
  const double unit = 23.06;
  const Output one = run(Engine(potential), skewed()), other = run(Engine(potential, unit), skewed());
  CHECK_NEAR(other.energy, unit * one.energy, unit * rounding);
  for (int v = 0; v < 6; ++v) CHECK_NEAR(other.virial[v], unit * one.virial[v], unit * rounding);
  for (std::size_t i = 0; i < one.energies.size(); ++i)
    CHECK_NEAR(other.energies[i], unit * one.energies[i], unit * rounding);
  for (std::size_t i = 0; i < one.forces.size(); ++i)
    CHECK_NEAR(other.forces[i], unit * one.forces[i], unit * rounding);
}

TEST(atoms_outside_the_training_data_are_counted_and_marked)
{
  const Atoms atoms = skewed();
  Potential potential = Random(16).potential({"In", "P"}, 2, 2, "tanh");
  const auto marks = [&] {
    const Engine engine(potential);
    const Lists lists(atoms, engine.cutoff());
    std::vector<double> outside(atoms.size(), -1.0);
    Results results;
    results.outside = outside.data();
    engine.evaluate(lists.view(), 2, results);
    CHECK(results.n_outside == static_cast<long>(outside.size()) - std::count(outside.begin(), outside.end(), 0.0));
    return outside;
  };
  const auto all = [&](double way) { return std::vector<double>(atoms.size(), way); };
  for (Element &e : potential.elements) e.lowest = e.highest = {}, e.energies = {};
  for (Pair &pair : potential.pairs) pair.shortest = 0;
  CHECK(marks() == all(0));  // nothing is known of the data
  for (Pair &pair : potential.pairs) pair.shortest = 3.9;
  CHECK(marks() == all(Domain::close));
  for (Element &e : potential.elements) e.lowest = e.highest = std::vector<double>(4, 99.0);
  CHECK(marks() == all(Domain::close + Domain::filter));
  for (Element &e : potential.elements) e.lowest = std::vector<double>(4, -99.0);
  for (Pair &pair : potential.pairs) pair.shortest = 0.1;
  CHECK(marks() == all(0));
  for (Element &e : potential.elements) e.energies = {{0, 1000, -1e6, 1e6}};
  CHECK(marks() == all(0));
  for (Element &e : potential.elements) e.energies = {{0, 1000, 1e6, 1e7}};
  CHECK(marks() == all(Domain::energy));
  for (Element &e : potential.elements) e.energies = {{999, 1000, -1e6, 1e6}};  // no atom has as many neighbours
  CHECK(marks() == all(Domain::energy));
  for (Element &e : potential.elements) e.energies = {{0, 0, -1e6, 1e6}};  // nor as few
  CHECK(marks() == all(Domain::energy));
  for (Element &e : potential.elements) e.energies = {};
  potential.elements[1].highest[3] = -99;
  const std::vector<double> some = marks();
  for (int i = 0; i < atoms.size(); ++i) CHECK(some[i] == (atoms.elements[i] == 1 ? Domain::filter : 0));
}
