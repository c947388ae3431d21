#include "snnp/snnp.h"

#include <algorithm>
#include <cmath>
#include <new>

#include "snnp/engine.h"
#include "snnp/error.h"
#include "snnp/potential_file.h"

namespace snnp {

struct Model::Contents {
  Potential potential;  // as in the file
  Engine engine;
  std::vector<std::string> elements;

  Contents(const Potential &potential, const Options &options) : potential(potential), engine(make(potential, options))
  {
    for (const Element &e : potential.elements) elements.push_back(e.name);
  }

 private:
  static Engine make(Potential potential, const Options &options)
  {
    if (!(std::isfinite(options.energy_unit) && options.energy_unit != 0))
      throw Error("energy_unit: expected a finite number other than 0");
    for (Element &e : potential.elements) e.e0 = options.isolated_energies ? e.e0 : 0;
    return Engine(potential, options.energy_unit, options.precision);
  }
};

namespace {

// The one place where exceptions end. `purpose` is called for the message if memory runs out.
template <class Work, class Purpose> Status status_of(Work work, Purpose purpose)
{
  try {
    try {
      work();
      return Status();
    } catch (const PositionError &error) {
      return Status(error.what(), error.first, error.second);
    } catch (const std::bad_alloc &) {
      return Status("not enough memory for " + purpose());
    } catch (const std::exception &error) {
      return Status(error.what());
    }
  } catch (...) {
    return Status("out of memory");  // not even enough for a longer sentence
  }
}

void require(bool condition, const std::string &sentence)
{
  if (!condition) throw Error(sentence);
}

std::string number(long n) { return std::to_string(n); }

// A pointer to an array that is read.
void require_array(const void *array, const std::string &name)
{
  require(array != nullptr, name + ": expected an array, found a null pointer");
}

// "name: number n is x, expected a number from least to most"
void require_in_range(long x, long least, long most, const std::string &name, long n)
{
  require(least <= x && x <= most, name + ": number " + number(n) + " is " + number(x) + ", expected a number from " +
                                       number(least) + " to " + number(most));
}

// The first n from 0 on for which wrong(n), or `count`; the search takes part in the threads of the call.
template <class Wrong> int first(int count, int threads, Wrong wrong)
{
  int found = count;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(min : found)
  for (int n = 0; n < count; ++n)
    if (wrong(n) && n < found) found = n;
  return found;
}

void require_count(int n, const std::string &name)
{
  require(n >= 0, name + ": found " + number(n) + ", expected 0 or more");
}

// All that `evaluate` checks.
void check_atoms(const IndexedNeighbors &s, int elements, int threads)
{
  require_count(s.n_atoms, "n_atoms");
  require_count(s.n_centers, "n_centers");
  require_count(s.n_types, "n_types");
  if (s.n_atoms > 0) require_array(s.positions, "positions");
  if (s.n_atoms > 0) require_array(s.types, "types");
  if (s.n_types > 0) require_array(s.element_of_type, "element_of_type");
  for (int t = 0; t < s.n_types; ++t)
    require(s.element_of_type[t] < elements, "element_of_type: number " + number(t) + " is " +
                                                 number(s.element_of_type[t]) +
                                                 ", expected less than the number of elements, " + number(elements));
  const int atom = first(s.n_atoms, threads, [&](int i) { return s.types[i] < 0 || s.types[i] >= s.n_types; });
  if (atom < s.n_atoms) require_in_range(s.types[atom], 0, s.n_types - 1, "types", atom);
  if (s.n_centers == 0) return;
  require_array(s.centers, "centers");
  require_array(s.counts, "counts");
  require_array(s.lists, "lists");
  const int center = first(s.n_centers, threads, [&](int n) {
    const int i = s.centers[n];
    return i < 0 || i >= s.n_atoms || s.counts[i] < 0 || (s.counts[i] > 0 && !s.lists[i]);
  });
  if (center == s.n_centers) return;
  const int i = s.centers[center];
  require_in_range(i, 0, s.n_atoms - 1, "centers", center);
  require(s.counts[i] >= 0, "counts: number " + number(i) + " is " + number(s.counts[i]) + ", expected 0 or more");
  require_array(s.lists[i], "lists, number " + number(i));
}

void check_atoms(const VectorNeighbors &s, int elements, int threads)
{
  require_count(s.n_atoms, "n_atoms");
  if (s.n_atoms == 0) return;
  require_array(s.offsets, "offsets");
  require_array(s.elements, "elements");
  require(s.offsets[0] >= 0, "offsets: found " + number(s.offsets[0]) + " at first, expected 0 or more");
  const int atom =
      first(s.n_atoms, threads, [&](int i) { return s.offsets[i + 1] < s.offsets[i] || s.elements[i] >= elements; });
  if (atom < s.n_atoms) {
    require(s.offsets[atom + 1] >= s.offsets[atom],
            "offsets: number " + number(atom + 1) + " is less than the one before it, expected them not to decrease");
    throw Error("elements: number " + number(atom) + " is " + number(s.elements[atom]) +
                ", expected less than the number of elements, " + number(elements));
  }
  if (s.offsets[s.n_atoms] == 0) return;
  require_array(s.indices, "indices");
  require_array(s.vectors, "vectors");
  const int nowhere = first(s.n_atoms, threads, [&](int i) {
    return !std::all_of(s.vectors + 3 * s.offsets[i], s.vectors + 3 * s.offsets[i + 1],
                        [](double x) { return std::isfinite(x); });
  });
  require(nowhere == s.n_atoms,
          "vectors: one of the list of atom " + number(nowhere) + " is infinite or not a number, expected finite ones");
}

// Every neighbour.
void check_lists(const IndexedNeighbors &s)
{
  for (int n = 0; n < s.n_centers; ++n) {
    const int i = s.centers[n];
    for (int k = 0; k < s.counts[i]; ++k) {
      const int j = s.lists[i][k] & s.mask;
      require_in_range(j, 0, s.n_atoms - 1, "list of atom " + number(i), k);
      require(j != i,
              "list of atom " + number(i) + ": number " + number(k) + " is this atom itself, expected others only");
    }
  }
}

void check_lists(const VectorNeighbors &s)
{
  for (std::ptrdiff_t k = 0; s.n_atoms > 0 && k < s.offsets[s.n_atoms]; ++k) {
    require_in_range(s.indices[k], 0, s.n_atoms - 1, "indices", k);
    const double *r = s.vectors + 3 * k, squared = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
    require(squared > 0, "vectors: number " + number(k) + " is zero, expected the vector to another atom or an image");
  }
}

}  // namespace

Model::Model() = default;
Model::~Model() = default;
Model::Model(Model &&) noexcept = default;
Model &Model::operator=(Model &&) noexcept = default;

Status Model::read(const std::string &path, const Options &options)
{
  return status_of([&] { contents_ = std::make_unique<const Contents>(read_potential(path), options); },
                   [&] { return path; });
}

Status Model::parse(const std::string &text, const std::string &name, const Options &options)
{
  return status_of([&] { contents_ = std::make_unique<const Contents>(parse_potential(text, name), options); },
                   [&] { return name; });
}

namespace {

const char *const no_potential = "this model has no potential yet, expected a call of read or parse first";

}  // namespace

Status Model::set(const Options &options)
{
  if (!contents_) return Status(no_potential);
  return status_of([&] { contents_ = std::make_unique<const Contents>(contents_->potential, options); },
                   [] { return std::string("this potential"); });
}

const std::vector<std::string> &Model::elements() const
{
  static const std::vector<std::string> none;
  return contents_ ? contents_->elements : none;
}

double Model::cutoff() const { return contents_ ? contents_->engine.cutoff() : 0; }

int Model::filters() const { return contents_ ? contents_->engine.columns() : 0; }

namespace {

std::string checking() { return "a check of neighbour lists"; }

template <class Neighbors>
Status evaluate_with(const Engine &engine, const Neighbors &neighbors, int threads, Results &results)
{
  const Status checked = status_of(
      [&] {
        require(threads >= 1, "threads: found " + number(threads) + ", expected 1 or more");
        check_atoms(neighbors, engine.potential().size(), threads);
      },
      checking);
  if (!checked.ok()) return checked;
  return status_of([&] { engine.evaluate(neighbors, threads, results); },
                   [&] { return number(neighbors.n_atoms) + " atoms and " + number(threads) + " threads"; });
}

template <class Neighbors> Status check_with(const Engine &engine, const Neighbors &neighbors)
{
  return status_of(
      [&] {
        check_atoms(neighbors, engine.potential().size(), 1);
        check_lists(neighbors);
      },
      checking);
}

}  // namespace

Status Model::evaluate(const IndexedNeighbors &neighbors, int threads, Results &results) const
{
  return contents_ ? evaluate_with(contents_->engine, neighbors, threads, results) : Status(no_potential);
}

Status Model::evaluate(const VectorNeighbors &neighbors, int threads, Results &results) const
{
  return contents_ ? evaluate_with(contents_->engine, neighbors, threads, results) : Status(no_potential);
}

Status Model::check(const IndexedNeighbors &neighbors) const
{
  return contents_ ? check_with(contents_->engine, neighbors) : Status(no_potential);
}

Status Model::check(const VectorNeighbors &neighbors) const
{
  return contents_ ? check_with(contents_->engine, neighbors) : Status(no_potential);
}

}  // namespace snnp
