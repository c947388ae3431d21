#include "structures.h"

#include <cmath>
#include <limits>

#include "bindings.h"
#include "copies.h"
#include "long_call.h"
#include "snnp/small_cells.h"

namespace snnp::bindings {

namespace {

// Whole numbers from 0 to end − 1.
std::vector<int> indices_below(const py::object &a, py::ssize_t end, const char *name)
{
  std::vector<int> indices;
  const std::vector<py::ssize_t> numbers = whole_numbers(a, name);
  indices.reserve(numbers.size());
  for (const py::ssize_t n : numbers) {
    require(0 <= n && n < end, std::string(name) + ": index out of range");
    indices.push_back(static_cast<int>(n));
  }
  return indices;
}

}  // namespace

Structures::Structures(const py::object &offsets, const py::object &indices, const Numbers &vectors,
                       const py::object &elements, const py::object &structure, int n_structures)
    : n_structures_(n_structures)
{
  set_atoms(elements, structure);
  indices_ = indices_below(indices, n_atoms(), "indices");
  const auto neighbors = static_cast<py::ssize_t>(indices_.size());

  offsets_ = whole_numbers(offsets, "offsets");
  require(offsets_.size() == elements_.size() + 1, "offsets: expected one more than atoms");
  require(offsets_.front() == 0 && offsets_.back() == neighbors,
          "offsets: expected to start at 0 and end at the number of neighbours");
  require(std::is_sorted(offsets_.begin(), offsets_.end()), "offsets: expected not to decrease");

  const double *first = checked(vectors, {neighbors, 3}, "vectors");
  vectors_.assign(first, first + vectors.size());
  check_distances();
}

void Structures::set_atoms(const py::object &elements, const py::object &structure)
{
  constexpr py::ssize_t most = std::numeric_limits<int>::max();
  require(n_structures_ >= 0, "n_structures: expected no negative number");
  elements_ = indices_below(elements, most, "elements");
  require(elements_.size() < static_cast<std::size_t>(most), "elements: more atoms than the engine can number");
  structure_ = indices_below(structure, n_structures_, "structure");
  require(structure_.size() == elements_.size(), "structure: expected one number per atom");
  require(std::is_sorted(structure_.begin(), structure_.end()), "structure: expected not to decrease");
}

Structures Structures::of_cells(const Numbers &positions, const Numbers &cells, const py::object &elements,
                                const py::object &structure, double cutoff, int most, std::vector<int> &failed)
{
  Structures made;
  made.n_structures_ = cells.ndim() ? static_cast<int>(cells.shape(0)) : 0;
  made.set_atoms(elements, structure);
  require(cutoff > 0 && cutoff <= 1e3, "cutoff: expected a length up to 1000 Å");
  require(most > 0, "most: expected a positive number");
  const double *x = checked(positions, {made.n_atoms(), 3}, "positions");
  const double *vectors = checked(cells, {made.n_structures_, 3, 3}, "cells");
  long_call([&] {
    CellNeighbors found;
    for (int n = 0, first = 0; n < made.n_structures_; ++n) {
      int end = first;
      while (end < made.n_atoms() && made.structure_[end] == n) ++end;
      if (!found.append(x + 3L * first, end - first, vectors + 9L * n, cutoff, most)) failed.push_back(n);
      first = end;
    }
    made.offsets_ = std::move(found.offsets);
    made.indices_ = std::move(found.indices);
    made.vectors_ = std::move(found.vectors);
  });
  return made;
}

Structures::Structures(const std::vector<const Structures *> &parts) : offsets_{0}
{
  std::size_t atoms = 0, neighbors = 0, structures = 0;
  for (const Structures *part : parts) {
    atoms += part->elements_.size();
    neighbors += part->indices_.size();
    structures += part->n_structures_;
  }
  constexpr std::size_t most = std::numeric_limits<int>::max();
  require(atoms < most && structures < most, "parts: more atoms than the engine can number");
  offsets_.reserve(atoms + 1);
  elements_.reserve(atoms);
  structure_.reserve(atoms);
  indices_.reserve(neighbors);
  vectors_.reserve(3 * neighbors);
  for (const Structures *part : parts) {
    const int first = n_atoms();
    const std::ptrdiff_t before = offsets_.back();
    for (std::size_t i = 1; i < part->offsets_.size(); ++i) offsets_.push_back(before + part->offsets_[i]);
    for (const int j : part->indices_) indices_.push_back(first + j);
    for (const int s : part->structure_) structure_.push_back(n_structures_ + s);
    elements_.insert(elements_.end(), part->elements_.begin(), part->elements_.end());
    vectors_.insert(vectors_.end(), part->vectors_.begin(), part->vectors_.end());
    n_structures_ += part->n_structures_;
  }
}

// Comparisons with cutoffs would leave neighbours at NaN out of all sums, and at r = 0 there is no direction of a force.
void Structures::check_distances() const
{
  for (int i = 0; i < n_atoms(); ++i)
    for (std::ptrdiff_t n = offsets_[i]; n < offsets_[i + 1]; ++n) {
      const double *r = &vectors_[3 * n], squared = r[0] * r[0] + r[1] * r[1] + r[2] * r[2];
      if (squared >= std::numeric_limits<double>::min() && std::isfinite(squared)) continue;
      const std::string atoms = std::to_string(i) + " and " + std::to_string(indices_[n]);
      require(!(squared < 1), "atoms " + atoms + " are at the same place");
      throw Error("vectors: found one between atoms " + atoms + " that is infinite or not a number");
    }
}

Batch Structures::batch(int n_elements, int threads) const
{
  require(0 < threads && threads <= max_threads,
          "threads: expected a number from 1 to " + std::to_string(max_threads) + ", found " + std::to_string(threads));
  for (const int element : elements_)
    require(element < n_elements, "elements: index beyond the elements of the potential");
  return {{n_atoms(), offsets_.data(), indices_.data(), vectors_.data(), elements_.data()},
          structure_.data(),
          n_structures_,
          threads};
}

void bind_structures(py::module_ &m)
{
  const auto array = [](auto member, std::vector<py::ssize_t> rest = {}) {
    return [=](const py::object &self) {
      const auto &memory = (self.cast<const Structures &>().*member)();
      Shape shape{static_cast<py::ssize_t>(memory.size())};
      for (const py::ssize_t n : rest) shape[0] /= n, shape.push_back(n);
      return view(memory, shape, self);
    };
  };
  m.attr("MAX_THREADS") = max_threads;
  py::class_<Structures> structures(
      m, "Structures",
      "Atoms of one or more structures, one after the other, with all neighbours of each: every pair stands in the "
      "lists of both atoms, every periodic image counts.\n\n"
      "offsets: (atoms + 1,); the neighbours of atom i are offsets[i] … offsets[i + 1] − 1.\n"
      "indices: (neighbours,); the atom that each neighbour is, or is an image of.\n"
      "vectors: (neighbours, 3), Å; from the atom to its neighbour.\n"
      "elements: (atoms,); index of each atom's element in the potential.\n"
      "structure: (atoms,); the structure that each atom belongs to, not decreasing.\n"
      "n_structures: their number.\n\n"
      "The arrays are copied. Raises Error if they contradict each other, or if two atoms are at the same place.");
  structures
      .def(py::init<const py::object &, const py::object &, const Numbers &, const py::object &, const py::object &,
                    int>(),
           py::arg("offsets"), py::arg("indices"), py::arg("vectors"), py::arg("elements"), py::arg("structure"),
           py::arg("n_structures"))
      .def_static(
          "concatenate", [](const std::vector<const Structures *> &parts) { return Structures(parts); },
          py::arg("parts"), "Several as one, in their order; raises Error for more atoms than can be numbered.")
      .def_static(
          "of_cells",
          [](const Numbers &positions, const Numbers &cells, const py::object &elements, const py::object &structure,
             double cutoff, int most) {
            std::vector<int> failed;
            Structures made = Structures::of_cells(positions, cells, elements, structure, cutoff, most, failed);
            return py::make_tuple(std::move(made), failed);
          },
          py::arg("positions"), py::arg("cells"), py::arg("elements"), py::arg("structure"), py::arg("cutoff"),
          py::arg("most"),
          "Periodic cells, with all neighbours closer than a cutoff, Å; for cells of few atoms this is fast.\n\n"
          "positions: (atoms, 3), Å, and cells: (structures, 3, 3), their vectors in rows, Å.\n"
          "most: neighbours of an atom, about, on average of a cell.\n\n"
          "Returns them and a list of numbers of cells whose atoms have no neighbours, since there are more than "
          "that, the cell has no volume, or two atoms are at the same place. Raises Error for arrays that contradict "
          "each other.")
      .def_property_readonly("offsets", array(&Structures::offsets),
                             "Where the neighbours of each atom begin: (atoms + 1,), read-only.")
      .def_property_readonly("indices", array(&Structures::indices),
                             "The atom that each neighbour is, or is an image of: (neighbours,), read-only.")
      .def_property_readonly("vectors", array(&Structures::vectors, {3}),
                             "Vectors from the atom to its neighbours: (neighbours, 3), Å, read-only.")
      .def_property_readonly("elements", array(&Structures::elements),
                             "Index of each atom's element in the potential: (atoms,), read-only.")
      .def_property_readonly("structure", array(&Structures::structure),
                             "The structure that each atom belongs to: (atoms,), read-only.")
      .def_property_readonly("n_structures", &Structures::n_structures, "Number of structures.")
      .def("__len__", &Structures::n_atoms, "Number of atoms.")
      .def(py::pickle(
          [](const py::object &self) {
            return py::make_tuple(self.attr("offsets"), self.attr("indices"), self.attr("vectors"),
                                  self.attr("elements"), self.attr("structure"), self.attr("n_structures"));
          },
          [](const py::tuple &state) {
            require(state.size() == 6, other_version);
            return Structures(state[0], state[1], state[2].cast<Numbers>(), state[3], state[4], state[5].cast<int>());
          }));
  immutable(structures);
}

}  // namespace snnp::bindings
