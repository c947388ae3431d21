#include "packed.h"

#include <cmath>
#include <limits>

#include "bindings.h"
#include "copies.h"

namespace snnp::bindings {

Packed::Packed(const Structures &structure, const Numbers &positions, const Numbers &cell, const Numbers &inverse)
{
  require(structure.n_structures() == 1, "structure: expected one, found several or none");
  const double *first = checked(positions, {structure.n_atoms(), 3}, "positions");
  positions_.assign(first, first + positions.size());
  std::copy_n(checked(cell, {3, 3}, "cell"), 9, cell_.begin());
  if (pack(structure, checked(inverse, {3, 3}, "inverse"))) return;
  *this = Packed(structure);
}

// Whether all neighbours could be packed.
bool Packed::pack(const Structures &structure, const double *inverse)
{
  if (structure.n_atoms() > std::numeric_limits<std::uint16_t>::max()) return false;
  elements_ = structure.elements();
  neighbors_.reserve(structure.indices().size());
  for (int i = 0; i < structure.n_atoms(); ++i) {
    const std::ptrdiff_t begin = structure.offsets()[i], end = structure.offsets()[i + 1];
    counts_.push_back(static_cast<int>(end - begin));
    for (std::ptrdiff_t n = begin; n < end; ++n) {
      const int j = structure.indices()[n];
      const double *r = &structure.vectors()[3 * n];
      Neighbor neighbor{static_cast<std::uint16_t>(j), {}};
      for (int k = 0; k < 3; ++k) {
        double shift = 0;
        for (int x = 0; x < 3; ++x)
          shift += (r[x] - (positions_[3 * j + x] - positions_[3 * i + x])) * inverse[3 * x + k];
        if (!(std::abs(shift) < std::numeric_limits<std::int8_t>::max())) return false;
        neighbor.shift[k] = static_cast<std::int8_t>(std::lround(shift));
      }
      const std::array<double, 3> again = vector(i, neighbor);
      if (!std::equal(again.begin(), again.end(), r)) return false;
      neighbors_.push_back(neighbor);
    }
  }
  return true;
}

std::array<double, 3> Packed::vector(int i, const Neighbor &neighbor) const
{
  const double *from = &positions_[3 * i], *to = &positions_[3 * neighbor.atom];
  const auto [a, b, c] = neighbor.shift;
  std::array<double, 3> r;
  for (int x = 0; x < 3; ++x) r[x] = (to[x] - from[x]) + ((a * cell_[x] + b * cell_[3 + x]) + c * cell_[6 + x]);
  return r;
}

Structures Packed::unpacked() const
{
  if (whole_) return *whole_;
  std::vector<std::ptrdiff_t> offsets{0};
  std::vector<int> indices;
  std::vector<double> vectors;
  offsets.reserve(counts_.size() + 1);
  indices.reserve(neighbors_.size());
  vectors.reserve(3 * neighbors_.size());
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const std::ptrdiff_t begin = offsets.back();
    for (std::ptrdiff_t n = begin; n < begin + counts_[i]; ++n) {
      const std::array<double, 3> r = vector(static_cast<int>(i), neighbors_[n]);
      indices.push_back(neighbors_[n].atom);
      vectors.insert(vectors.end(), r.begin(), r.end());
    }
    offsets.push_back(begin + counts_[i]);
  }
  return {std::move(offsets), std::move(indices), std::move(vectors), elements_};
}

py::tuple Packed::state() const
{
  const py::bytes neighbors(reinterpret_cast<const char *>(neighbors_.data()), neighbors_.size() * sizeof(Neighbor));
  return py::make_tuple(positions_, cell_, elements_, counts_, neighbors, whole_);
}

Packed::Packed(const py::tuple &state)
{
  require(state.size() == 6, other_version);
  positions_ = state[0].cast<std::vector<double>>();
  cell_ = state[1].cast<std::array<double, 9>>();
  elements_ = state[2].cast<std::vector<int>>();
  counts_ = state[3].cast<std::vector<int>>();
  const auto neighbors = state[4].cast<std::string>();
  neighbors_.resize(neighbors.size() / sizeof(Neighbor));
  std::copy_n(neighbors.data(), neighbors_.size() * sizeof(Neighbor), reinterpret_cast<char *>(neighbors_.data()));
  whole_ = state[5].cast<std::optional<Structures>>();
}

std::size_t Packed::bytes() const
{
  const auto of = [](const auto &...memory) { return ((memory.capacity() * sizeof(memory[0])) + ...); };
  const std::size_t own = sizeof *this + of(positions_, elements_, counts_, neighbors_);
  return whole_ ? own + of(whole_->offsets(), whole_->indices(), whole_->vectors(), whole_->elements(),
                           whole_->structure())
                : own;
}

void bind_packed(py::module_ &m)
{
  py::class_<Packed> packed(
      m, "Packed",
      "One structure with its neighbour list, in a fifth of the memory: what neighbours are follows from positions.\n\n"
      "structure: with vectors between atoms and their neighbours, Å.\n"
      "positions: (atoms, 3), Å.\n"
      "cell: (3, 3), Å; inverse: of it, (3, 3), 1/Å, a pseudo-inverse where it has no volume.\n\n"
      "Where vectors do not follow from these to the last digit, they are kept as they are.");
  packed
      .def(py::init<const Structures &, const Numbers &, const Numbers &, const Numbers &>(), py::arg("structure"),
           py::arg("positions"), py::arg("cell"), py::arg("inverse"))
      .def("unpacked", &Packed::unpacked, "The structure as it was, to the last digit.")
      .def_property_readonly("nbytes", &Packed::bytes, "Memory, bytes.")
      .def(py::pickle([](const Packed &self) { return self.state(); },
                      [](const py::tuple &state) { return Packed(state); }));
  immutable(packed);
}

}  // namespace snnp::bindings
