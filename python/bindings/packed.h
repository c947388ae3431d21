// One structure with its neighbour list in little memory.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "structures.h"

namespace snnp::bindings {

/// A structure of which neighbours are kept as numbers of atoms and of lattice vectors, a fifth of the memory of
/// vectors. Unpacked, it is what it was, to the last digit. Where vectors do not follow from positions like that, and
/// in structures of more atoms than the numbers can count, they are kept as they are.
class Packed {
 public:
  /// positions: (atoms, 3), cell: (3, 3), its inverse, or pseudo-inverse where it is not periodic: (3, 3).
  Packed(const Structures &structure, const Numbers &positions, const Numbers &cell, const Numbers &inverse);
  explicit Packed(const Structures &structure) : whole_(structure) {}

  /// What goes to another process, and what comes from there.
  py::tuple state() const;
  explicit Packed(const py::tuple &state);

  Structures unpacked() const;
  std::size_t bytes() const;

 private:
  /// r = (r_j − r_i) + ((a S_a + b S_b) + c S_c), as vesin has it.
  struct Neighbor {
    std::uint16_t atom;
    std::array<std::int8_t, 3> shift;
  };
  static_assert(sizeof(Neighbor) == 6);

  std::array<double, 3> vector(int i, const Neighbor &neighbor) const;
  bool pack(const Structures &structure, const double *inverse);

  std::vector<double> positions_;
  std::array<double, 9> cell_{};
  std::vector<int> elements_, counts_;
  std::vector<Neighbor> neighbors_;
  std::optional<Structures> whole_;
};

}  // namespace snnp::bindings
