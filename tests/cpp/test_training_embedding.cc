// The embedding of a fit, for every instruction set: derivatives against differences, energies of isolated atoms.
#include "snnp/training_embedding.h"

#include <cmath>
#include <cstdlib>

#include "check.h"
#include "random.h"
#include "snnp/activations.h"
#include "snnp/kernels/isa.h"

using namespace snnp;
using namespace testing;

namespace {

// 19 atoms of two elements, so that blocks of any size are full and not; e0 of the second element is fixed.
constexpr int atoms = 19, inputs = 3;
constexpr double e0 = -1.5;

std::vector<int> elements()
{
  std::vector<int> all;
  for (int i = 0; i < atoms; ++i) all.push_back(i % 5 > 2);
  return all;
}

Embedding embedding(std::vector<int> widths, int activation, Random &random)
{
  Embedding e{2, inputs, std::move(widths), activation, 0.7, random.numbers(2 * inputs), {}, {NAN, e0}, {}};
  for (int m = 0; m < 2 * inputs; ++m) e.scale.push_back(random.uniform(0.5, 2));
  e.parameters = random.numbers(e.size());
  return e;
}

// Σ_i (w_i E_i + A_i·Gd_i)
double sum(const Embedding &e, const std::vector<double> &G, const std::vector<double> &w,
           const std::vector<double> &Gd)
{
  std::vector<double> energies(atoms), A(G.size());
  BatchEmbedding().values(e, atoms, elements().data(), G.data(), 2, energies.data(), A.data());
  double s = 0;
  for (int i = 0; i < atoms; ++i) s += w[i] * energies[i];
  for (std::size_t n = 0; n < A.size(); ++n) s += A[n] * Gd[n];
  return s;
}

std::vector<double> plus(std::vector<double> a, double x, const std::vector<double> &b)
{
  for (std::size_t n = 0; n < a.size(); ++n) a[n] += x * b[n];
  return a;
}

template <class Check> void for_each_case(Check check)
{
  for (const Isa isa : available_isas()) {
    setenv("SNNP_ISA", name(isa), 1);
    for (int activation = 0; activation < static_cast<int>(Activations::names().size()); ++activation)
      for (const std::vector<int> &widths : {std::vector<int>{}, {4}, {11, 3}}) {
        Random random(7);
        check(embedding(widths, activation, random), random);
      }
  }
  unsetenv("SNNP_ISA");
}

}  // namespace

TEST(derivatives_of_the_embedding_are_those_of_its_values)
{
  for_each_case([](const Embedding &e, Random &random) {
    const int columns = 1 + inputs;
    const std::vector<double> G = random.numbers(atoms * columns), Gd = random.numbers(atoms * columns);
    const std::vector<double> w = random.numbers(atoms), by_G = random.numbers(G.size());
    const std::vector<double> by_parameter = random.numbers(e.size());
    std::vector<double> energies(atoms), A(G.size()), B(G.size()), sums(e.size());
    BatchEmbedding batch;
    batch.values(e, atoms, elements().data(), G.data(), 2, energies.data(), A.data());
    batch.gradient(w.data(), Gd.data(), B.data(), sums.data());
    double derivative = 0;
    for (std::size_t n = 0; n < B.size(); ++n) derivative += B[n] * by_G[n];
    for (std::size_t n = 0; n < sums.size(); ++n) derivative += sums[n] * by_parameter[n];
    const auto value = [&](double x) {
      Embedding moved = e;
      moved.parameters = plus(e.parameters, x, by_parameter);
      return sum(moved, plus(G, x, by_G), w, Gd);
    };
    // Central difference: h²/6 times a third derivative of up to 1e4, and rounding of 1e-13 over h.
    CHECK_NEAR(derivative, (value(1e-5) - value(-1e-5)) / 2e-5, 1e-6);
  });
}

TEST(an_isolated_atom_has_the_energy_that_is_fixed)
{
  for_each_case([](const Embedding &e, Random &) {
    const std::vector<double> G(atoms * (1 + inputs));
    std::vector<double> energies(atoms), A(G.size());
    BatchEmbedding().values(e, atoms, elements().data(), G.data(), 1, energies.data(), A.data());
    for (int i = 0; i < atoms; ++i)
      if (elements()[i] == 1) CHECK_NEAR(energies[i], e0, 1e-14);
  });
}
