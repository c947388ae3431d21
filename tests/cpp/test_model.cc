// The public interface, snnp.h: what it computes is that of the engine, and what is wrong is said in one sentence.
#include "snnp/snnp.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <limits>
#include <thread>

#include "atoms.h"
#include "check.h"
#include "random.h"
#include "snnp/engine.h"
#include "snnp/potential_file.h"

using namespace snnp;
using namespace testing;

namespace {

Potential potential() { return Random(31).potential({"In", "P"}, 2, 3, "tanh"); }

Model model(const Options &options = {})
{
  Model m;
  const Status status = m.parse(format_potential(potential()), "test.snnp", options);
  if (!status.ok()) fail(__FILE__, __LINE__, status.message());
  return m;
}

double energy(const Model &m)
{
  const Lists lists(skewed(), m.cutoff());
  Results results;
  const Status status = m.evaluate(lists.view(), 1, results);
  CHECK(status.ok());
  return results.energy;
}

// Energies are of the order of 1e3 eV: rounding of a few thousand terms.
constexpr double rounding = 1e-10;

}  // namespace

TEST(a_model_gives_what_the_engine_gives_for_both_kinds_of_lists)
{
  const Model m = model();
  const Engine engine(potential());
  const Lists vectors(skewed(), m.cutoff());
  const Ghosts ghosts(skewed(), m.cutoff());
  const Output right = run(engine, vectors.view(), 2);
  std::vector<double> forces(right.forces.size()), filters(right.filters.size()), more(3 * ghosts.owner.size());
  Results by_vectors, by_index;
  by_vectors.forces = forces.data();
  by_vectors.filters = filters.data();
  by_index.forces = more.data();
  CHECK(m.check(vectors.view()).ok() && m.check(ghosts.view()).ok());
  CHECK(m.evaluate(vectors.view(), 2, by_vectors).ok() && m.evaluate(ghosts.view(), 2, by_index).ok());
  CHECK(by_vectors.energy == right.energy && forces == right.forces && filters == right.filters);
  CHECK_NEAR(by_index.energy, right.energy, rounding);
  CHECK(m.filters() == engine.columns() && m.cutoff() == engine.cutoff());
  CHECK((m.elements() == std::vector<std::string>{"In", "P"}));
}

TEST(numbers_are_set_and_arrays_are_added_to)
{
  const Model m = model();
  const Lists lists(skewed(), m.cutoff());
  std::vector<double> once(15), twice(15);
  Results results;
  results.forces = once.data();
  CHECK(m.evaluate(lists.view(), 1, results).ok());
  const Results first = results;
  results.forces = twice.data();
  for (int n = 0; n < 2; ++n) CHECK(m.evaluate(lists.view(), 1, results).ok());
  CHECK(results.energy == first.energy && results.virial[3] == first.virial[3] && results.n_outside == first.n_outside);
  for (int i = 0; i < 15; ++i) CHECK_NEAR(twice[i], 2 * once[i], rounding);
}

TEST(options_change_units_and_what_energies_are_counted_from)
{
  Options kcal, without_e0;
  kcal.energy_unit = 23.06;
  without_e0.isolated_energies = false;
  const double e0 = 2 * potential().elements[0].e0 + 3 * potential().elements[1].e0;  // of the atoms of skewed()
  const double all = energy(model());
  CHECK_NEAR(energy(model(kcal)), 23.06 * all, 23.06 * rounding);
  CHECK_NEAR(energy(model(without_e0)), all - e0, rounding);
  Model m = model(kcal);
  CHECK(m.set({}).ok());
  CHECK(energy(m) == all);
  Options wrong;
  wrong.energy_unit = 0;
  CHECK(m.set(wrong).message() == "energy_unit: expected a finite number other than 0");
  CHECK(energy(m) == all);
}

TEST(a_file_is_read_and_what_is_wrong_with_it_is_said_with_file_and_line)
{
  const std::string path = "test_model.snnp";
  write_potential(potential(), path);
  Model m;
  CHECK(m.read(path).ok());
  CHECK(energy(m) == energy(model()));
  const double before = energy(m);
  std::ofstream(path) << "# x\nsnnp 2\nelements Xx\n";
  CHECK(m.read(path).message() == path + ":3: found 'Xx', expected a chemical symbol");
  std::remove(path.c_str());
  CHECK(m.read(path).message() == path + ": cannot be opened for reading");
  CHECK(energy(m) == before);  // the model is as it was
}

TEST(an_empty_model_says_what_to_call)
{
  Model m;
  Results results;
  CHECK(m.elements().empty() && m.cutoff() == 0 && m.filters() == 0);
  const std::string sentence = "this model has no potential yet, expected a call of read or parse first";
  CHECK(m.evaluate(VectorNeighbors{}, 1, results).message() == sentence);
  CHECK(m.evaluate(IndexedNeighbors{}, 1, results).message() == sentence);
  CHECK(m.check(VectorNeighbors{}).message() == sentence);
  CHECK(m.set({}).message() == sentence);
}

TEST(no_atoms_are_no_mistake)
{
  const Model m = model();
  Results results;
  CHECK(m.evaluate(VectorNeighbors{}, 1, results).ok() && results.energy == 0);
  CHECK(m.evaluate(IndexedNeighbors{}, 3, results).ok() && results.energy == 0);
  CHECK(m.check(VectorNeighbors{}).ok() && m.check(IndexedNeighbors{}).ok());
}

TEST(every_wrong_argument_of_vector_lists_has_its_sentence)
{
  const Model m = model();
  const Lists good(skewed(), m.cutoff());
  const auto message = [&](const std::function<void(Lists &, VectorNeighbors &)> &spoil, int threads = 1) {
    Lists lists = good;
    VectorNeighbors view = lists.view();
    spoil(lists, view);
    Results results;
    std::vector<double> forces(15, 7.0);
    results.forces = forces.data();
    const std::string sentence = m.evaluate(view, threads, results).message();
    CHECK(sentence.empty() || forces == std::vector<double>(15, 7.0));
    return sentence.empty() ? m.check(view).message() : sentence;
  };
  CHECK(message([](Lists &, VectorNeighbors &) {}) == "");
  CHECK(message([](Lists &, VectorNeighbors &) {}, 0) == "threads: found 0, expected 1 or more");
  CHECK(message([](Lists &, VectorNeighbors &v) { v.n_atoms = -1; }) == "n_atoms: found -1, expected 0 or more");
  CHECK(message([](Lists &, VectorNeighbors &v) { v.offsets = nullptr; }) ==
        "offsets: expected an array, found a null pointer");
  CHECK(message([](Lists &, VectorNeighbors &v) { v.indices = nullptr; }) ==
        "indices: expected an array, found a null pointer");
  CHECK(message([](Lists &, VectorNeighbors &v) { v.vectors = nullptr; }) ==
        "vectors: expected an array, found a null pointer");
  CHECK(message([](Lists &, VectorNeighbors &v) { v.elements = nullptr; }) ==
        "elements: expected an array, found a null pointer");
  CHECK(message([](Lists &l, VectorNeighbors &) { l.offsets[0] = -1; }) ==
        "offsets: found -1 at first, expected 0 or more");
  CHECK(message([](Lists &l, VectorNeighbors &) { l.offsets[2] = l.offsets[3] + 1; }) ==
        "offsets: number 3 is less than the one before it, expected them not to decrease");
  CHECK(message([](Lists &l, VectorNeighbors &) { l.elements[4] = 2; }) ==
        "elements: number 4 is 2, expected less than the number of elements, 2");
}

TEST(a_check_of_vector_lists_finds_the_wrong_neighbour)
{
  const Model m = model();
  const Lists good(skewed(), m.cutoff());
  Lists lists = good;
  lists.indices[6] = 5;
  CHECK(m.check(lists.view()).message() == "indices: number 6 is 5, expected a number from 0 to 4");
  lists = good;
  std::fill_n(&lists.vectors[18], 3, 0.0);
  CHECK(m.check(lists.view()).message() ==
        "vectors: number 6 is zero, expected the vector to another atom or an image");
}

TEST(every_wrong_argument_of_indexed_lists_has_its_sentence)
{
  const Model m = model();
  Ghosts lists(skewed(), m.cutoff());
  const auto message = [&](const std::function<void(IndexedNeighbors &)> &spoil) {
    IndexedNeighbors view = lists.view();
    spoil(view);
    Results results;
    return m.evaluate(view, 2, results).message();
  };
  const std::string null = ": expected an array, found a null pointer";
  CHECK(message([](IndexedNeighbors &) {}) == "");
  CHECK(message([](IndexedNeighbors &v) { v.n_atoms = -2; }) == "n_atoms: found -2, expected 0 or more");
  CHECK(message([](IndexedNeighbors &v) { v.n_centers = -2; }) == "n_centers: found -2, expected 0 or more");
  CHECK(message([](IndexedNeighbors &v) { v.n_types = -2; }) == "n_types: found -2, expected 0 or more");
  CHECK(message([](IndexedNeighbors &v) { v.positions = nullptr; }) == "positions" + null);
  CHECK(message([](IndexedNeighbors &v) { v.types = nullptr; }) == "types" + null);
  CHECK(message([](IndexedNeighbors &v) { v.element_of_type = nullptr; }) == "element_of_type" + null);
  CHECK(message([](IndexedNeighbors &v) { v.centers = nullptr; }) == "centers" + null);
  CHECK(message([](IndexedNeighbors &v) { v.counts = nullptr; }) == "counts" + null);
  CHECK(message([](IndexedNeighbors &v) { v.lists = nullptr; }) == "lists" + null);
  CHECK(message([](IndexedNeighbors &v) { v.n_types = 2; }).find("is 2, expected a number from 0 to 1") !=
        std::string::npos);
  lists.element_of_type[2] = 2;
  CHECK(message([](IndexedNeighbors &) {}) ==
        "element_of_type: number 2 is 2, expected less than the number of elements, 2");
  lists.element_of_type[2] = 1;
  lists.centers[1] = -4;
  CHECK(message([](IndexedNeighbors &) {}).find("centers: number 1 is -4, expected a number from 0 to ") == 0);
  lists.centers[1] = 1;
  const int count = lists.counts[3];
  lists.counts[3] = -1;
  CHECK(message([](IndexedNeighbors &) {}) == "counts: number 3 is -1, expected 0 or more");
  lists.counts[3] = count;
  lists.firsts[2] = nullptr;
  CHECK(message([](IndexedNeighbors &) {}) == "lists, number 2" + null);
}

TEST(a_check_of_indexed_lists_finds_the_wrong_neighbour)
{
  const Model m = model();
  Ghosts lists(skewed(), m.cutoff());
  const int right = lists.members[3];
  lists.members[3] = static_cast<int>(lists.owner.size()) | Ghosts::flag;
  const std::string n = std::to_string(lists.owner.size());
  CHECK(m.check(lists.view()).message() ==
        "list of atom 0: number 3 is " + n + ", expected a number from 0 to " + std::to_string(lists.owner.size() - 1));
  lists.members[3] = Ghosts::flag;
  CHECK(m.check(lists.view()).message() == "list of atom 0: number 3 is this atom itself, expected others only");
  lists.members[3] = right;
  CHECK(m.check(lists.view()).ok());
}

TEST(threads_of_the_caller_share_a_model)
{
  const Model m = model();
  const double right = energy(m);
  std::vector<double> found(8);
  std::vector<std::thread> threads;
  for (double &x : found) threads.emplace_back([&m, &x] { x = energy(m); });
  for (std::thread &t : threads) t.join();
  for (const double x : found) CHECK(x == right);
}

namespace {

// What a model says of lists twice, and what it says of the good ones afterwards.
template <class Good>
void refused(const Good &good, const std::function<void(Good &)> &spoil, const std::string &sentence)
{
  for (const Precision precision : {Precision::full, Precision::mixed}) {
    Options options;
    options.precision = precision;
    const Model m = model(options);
    for (const int threads : {1, 2}) {
      Results before, after, results;
      CHECK(m.evaluate(good.view(), threads, before).ok());
      Good bad = good;
      spoil(bad);
      for (int n = 0; n < 2; ++n) CHECK(m.evaluate(bad.view(), threads, results).message() == sentence);
      CHECK(m.evaluate(good.view(), threads, after).ok());
      CHECK(after.energy == before.energy);
    }
  }
}

}  // namespace

TEST(vectors_that_are_no_numbers_are_refused)
{
  const Lists good(skewed(), model().cutoff());
  for (const double x : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    refused<Lists>(
        good, [&](Lists &l) { l.vectors[3 * l.offsets[2] + 1] = x; },
        "vectors: one of the list of atom 2 is infinite or not a number, expected finite ones");
}

TEST(positions_that_are_no_numbers_are_refused_and_name_the_atom)
{
  const Ghosts good(skewed(), model().cutoff());
  for (const double x : {std::numeric_limits<double>::quiet_NaN(), -std::numeric_limits<double>::infinity()})
    for (const int atom : {3, 7})  // a centre and a ghost
      refused<Ghosts>(
          good, [&](Ghosts &g) { g.positions[3 * atom + 2] = x; },
          "the position of atom " + std::to_string(atom) + " is infinite or not a number");
}

TEST(atoms_at_the_same_place_are_named_every_time)
{
  const Lists vectors(skewed(), model().cutoff());
  refused<Lists>(
      vectors, [](Lists &l) { std::fill_n(&l.vectors[3 * l.offsets[1]], 3, 0.0); },
      "atoms 1 and " + std::to_string(vectors.indices[vectors.offsets[1]]) + " are at the same place");
  const Ghosts ghosts(skewed(), model().cutoff());
  const int neighbor = *ghosts.firsts[1] & ~Ghosts::flag;
  const auto move = [&](Ghosts &g) { std::copy_n(&g.positions[3], 3, &g.positions[3 * neighbor]); };
  refused<Ghosts>(ghosts, move, "atoms 1 and " + std::to_string(neighbor) + " are at the same place");
  Ghosts two = ghosts;
  move(two);
  Results results;
  const Status status = model().evaluate(two.view(), 1, results);
  CHECK(status.first_atom() == 1 && status.second_atom() == neighbor);
}
