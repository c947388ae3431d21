// The kernels of a fit, for every instruction set: values against the reference, derivatives against differences.
#include "snnp/training.h"

#include <algorithm>
#include <cstdlib>

#include "atoms.h"
#include "check.h"
#include "random.h"
#include "snnp/error.h"
#include "snnp/reference.h"

using namespace snnp;
using namespace testing;

namespace {

std::vector<const Spline *> some(const std::vector<Spline> &all, int first, int count)
{
  std::vector<const Spline *> splines;
  for (int m = 0; m < count; ++m) splines.push_back(&all[first + m]);
  return splines;
}

Filters filters_of(const Potential &p)
{
  Filters filters(p.size(), p.n2, p.n3);
  for (int a = 0; a < p.size(); ++a)
    for (int b = 0; b < p.size(); ++b) {
      const int ab = p.ordered_index(a, b);
      std::vector<const Spline *> pair = some(p.rho, ab * p.n2, p.n2);
      pair.insert(pair.begin(), &p.pairs[p.pair_index(a, b)].phi);
      filters.pair[ab] = Table(pair);
      if (p.n3 == 0) continue;
      filters.radial[ab] = Table(some(p.f, ab * p.n3, p.n3));
      for (int c = b; c < p.size(); ++c) {
        const int abc = p.triplet_index(a, b, c);
        filters.angle[abc] = Table(some(p.g, abc * p.n3, p.n3));
      }
    }
  filters.set_cutoffs();
  return filters;
}

// One structure, some filters of it, and random directions to take derivatives along.
struct Case {
  Potential potential;
  Filters filters;
  Atoms atoms = skewed();
  std::vector<int> structure = std::vector<int>(5, 0);
  std::vector<double> A, B, movement, strain;

  Case(int n2, int n3, unsigned seed)
      : potential(Random(seed).potential({"In", "P"}, n2, n3, "none")), filters(filters_of(potential))
  {
    Random random(seed + 1);
    A = random.numbers(5 * filters.columns());
    B = random.numbers(5 * filters.columns());
    movement = random.numbers(15);
    strain = random.numbers(9, 0.1);
  }
  std::vector<double> values(const Filters &f, const Atoms &a) const
  {
    const Lists lists(a, potential.cutoff());
    std::vector<double> G(5 * f.columns());
    BatchFilters<double>().values(std::make_shared<Filters>(f), {lists.view(), structure.data(), 1, 2}, G.data());
    return G;
  }
  // These filters of the atoms where they are, evaluated.
  BatchFilters<double> evaluated(const Filters &f) const
  {
    const Lists lists(atoms, potential.cutoff());
    std::vector<double> G(5 * f.columns());
    BatchFilters<double> batch;
    batch.values(std::make_shared<Filters>(f), {lists.view(), structure.data(), 1, 2}, G.data());
    return batch;
  }
  // Atoms after a step along the movement and strain.
  Atoms moved(double step) const
  {
    Atoms m = atoms;
    const auto strained = [&](const Vector &r) {
      Vector s = r;
      for (int d = 0; d < 3; ++d)
        for (int e = 0; e < 3; ++e) s[d] += step * strain[3 * d + e] * r[e];
      return s;
    };
    for (Vector &a : m.cell) a = strained(a);
    for (int i = 0; i < 5; ++i) {
      m.positions[i] = strained(m.positions[i]);
      for (int d = 0; d < 3; ++d) m.positions[i][d] += step * movement[3 * i + d];
    }
    return m;
  }
};

double dot(const std::vector<double> &a, const std::vector<double> &b)
{
  double sum = 0;
  for (std::size_t n = 0; n < a.size(); ++n) sum += a[n] * b[n];
  return sum;
}

// Strides of 8, 16 and 40 columns, no filters of a kind.
std::vector<Case> cases() { return {{2, 3, 21}, {3, 0, 22}, {0, 9, 23}, {1, 34, 24}}; }

// Runs a check with each instruction set.
template <class Check> void for_each_isa(Check check)
{
  for (const Isa isa : available_isas()) {
    setenv("SNNP_ISA", name(isa), 1);
    check();
  }
  unsetenv("SNNP_ISA");
}

// Central differences with step h: h²/6 times a third derivative of up to 1e4, and rounding of 1e-12 over h.
constexpr double step = 1e-5, difference_error = 1e-5;

}  // namespace

TEST(values_are_those_of_the_reference)
{
  for (const Case &c : cases()) {
    const Output right = run(Reference(c.potential), c.atoms);
    for_each_isa([&] {
      const std::vector<double> G = c.values(c.filters, c.atoms);
      for (std::size_t n = 0; n < G.size(); ++n) CHECK_NEAR(G[n], right.filters[n], 1e-11);
    });
  }
}

TEST(the_tangent_is_the_change_of_values_with_a_movement)
{
  for (const Case &c : cases())
    for_each_isa([&] {
      std::vector<double> Gd(c.A.size());
      c.evaluated(c.filters).tangent({c.movement.data(), c.strain.data()}, Gd.data());
      const std::vector<double> up = c.values(c.filters, c.moved(step)), down = c.values(c.filters, c.moved(-step));
      for (std::size_t n = 0; n < Gd.size(); ++n) CHECK_NEAR(Gd[n], (up[n] - down[n]) / (2 * step), difference_error);
    });
}

// Work done by the movement: −Σ F·v − Σ W·ε = A·Gd.
TEST(forces_and_virials_do_the_work_of_the_tangent)
{
  for (const Case &c : cases())
    for_each_isa([&] {
      BatchFilters<double> batch = c.evaluated(c.filters);
      std::vector<double> Gd(c.A.size()), forces(15), virial(9);
      batch.tangent({c.movement.data(), c.strain.data()}, Gd.data());
      batch.forces(c.A.data(), forces.data(), virial.data());
      double work = -dot(forces, c.movement);
      for (int a = 0; a < 3; ++a)
        for (int b = 0; b < 3; ++b) work -= virial[3 * a + b] * c.strain[3 * b + a];
      CHECK_NEAR(work, dot(c.A, Gd), 1e-10);
    });
}

// Σ (B·G + A·Gd) as a function of one number, by which random tables are added to those of the filters.
TEST(derivatives_by_parameters_are_those_of_values_and_tangents)
{
  for (const Case &c : cases())
    for_each_isa([&] {
      const Movement movement{c.movement.data(), c.strain.data()};
      Filters direction = c.filters, sums = c.filters;
      Random random(5);
      double derivative = 0;
      for (auto tables : {&Filters::pair, &Filters::radial, &Filters::angle})
        for (std::size_t n = 0; n < (direction.*tables).size(); ++n) {
          std::vector<double> &data = (direction.*tables)[n].data();
          std::fill((sums.*tables)[n].data().begin(), (sums.*tables)[n].data().end(), 0.0);
          // Columns beyond the last have to stay zero.
          const Table &table = (direction.*tables)[n];
          for (std::size_t k = 0; k < data.size(); ++k)
            data[k] = static_cast<int>(k % table.stride()) < table.columns() ? random.uniform(-0.3, 0.3) : 0;
        }
      std::vector<double> change(c.A.size());
      BatchFilters<double> batch = c.evaluated(c.filters);
      batch.tangent(movement, change.data());
      batch.parameters(c.A.data(), c.B.data(), sums);
      const auto value = [&](double x) {
        Filters f = c.filters;
        std::vector<double> Gd(c.A.size());
        for (auto tables : {&Filters::pair, &Filters::radial, &Filters::angle})
          for (std::size_t n = 0; n < (f.*tables).size(); ++n)
            for (std::size_t k = 0; k < (f.*tables)[n].data().size(); ++k)
              (f.*tables)[n].data()[k] += x * (direction.*tables)[n].data()[k];
        c.evaluated(f).tangent(movement, Gd.data());
        return dot(c.B, c.values(f, c.atoms)) + dot(c.A, Gd);
      };
      for (auto tables : {&Filters::pair, &Filters::radial, &Filters::angle})
        for (std::size_t n = 0; n < (sums.*tables).size(); ++n)
          derivative += dot((sums.*tables)[n].data(), (direction.*tables)[n].data());
      // Cubic in x: the error is x² times the third derivative, which is of the order of the values, up to 1e3.
      CHECK_NEAR(derivative, (value(1e-4) - value(-1e-4)) / 2e-4, 1e-4);
    });
}

// What kernels leave, in one array: G, Gd, forces and derivatives by parameters.
template <class Real> std::vector<double> all_of(const Case &c)
{
  const Lists lists(c.atoms, c.potential.cutoff());
  std::vector<double> G(c.A.size()), Gd(c.A.size()), forces(15), virial(9);
  Filters sums = c.filters;
  for (auto tables : {&Filters::pair, &Filters::radial, &Filters::angle})
    for (Table &table : sums.*tables) std::fill(table.data().begin(), table.data().end(), 0.0);
  BatchFilters<Real> batch;
  batch.values(std::make_shared<Filters>(c.filters), {lists.view(), c.structure.data(), 1, 2}, G.data());
  batch.forces(c.A.data(), forces.data(), virial.data());
  batch.tangent({c.movement.data(), c.strain.data()}, Gd.data());
  batch.parameters(c.A.data(), c.B.data(), sums);
  for (const std::vector<double> &more : {Gd, forces, virial}) G.insert(G.end(), more.begin(), more.end());
  for (auto tables : {&Filters::pair, &Filters::radial, &Filters::angle})
    for (const Table &table : sums.*tables) G.insert(G.end(), table.data().begin(), table.data().end());
  return G;
}

// Terms of up to 100 are rounded to 6e-8 of themselves, and some hundred of them are added.
TEST(single_precision_is_double_precision_to_rounding)
{
  for (const Case &c : cases())
    for_each_isa([&] {
      const std::vector<double> exact = all_of<double>(c), rounded = all_of<float>(c);
      for (std::size_t n = 0; n < exact.size(); ++n) CHECK_NEAR(rounded[n], exact[n], 2e-4);
    });
}

TEST(an_instruction_set_that_is_not_there_is_refused_by_name)
{
  setenv("SNNP_ISA", "avx1024", 1);
  const std::string sentence = message<Error>([] { best_isa(); });
  CHECK(sentence.find("SNNP_ISA: found 'avx1024', expected one of") != std::string::npos);
  for (const Isa isa : available_isas()) CHECK(sentence.find(name(isa)) != std::string::npos);
  CHECK(message<Error>([] { Engine engine(Random(1).potential({"Si"}, 1, 1, "none")); }) == sentence);
  CHECK(message<Error>([] { Case(1, 1, 1).values(Case(1, 1, 1).filters, skewed()); }) == sentence);
  setenv("SNNP_ISA", "", 1);  // as if it were not set
  CHECK(best_isa() == available_isas().back());
  unsetenv("SNNP_ISA");
}
