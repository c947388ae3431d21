// Neighbour lists as callers have them, and the neighbourhood of one atom as the kernels want it.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace snnp {

/// Neighbour lists that name atoms by index into one array of positions, ghost atoms included (LAMMPS).
/// Full lists: each pair stands in the lists of both atoms.
struct IndexedNeighbors {
  int n_centers;               ///< number of atoms whose energy is asked for
  const int *centers;          ///< their indices
  const int *counts;           ///< length of the list of each atom, by atom index
  const int *const *lists;     ///< neighbours of each atom, by atom index
  int mask;                    ///< applied to each neighbour index before use
  const double *positions;     ///< atoms × 3, Å
  const int *types;            ///< type of each atom
  const int *element_of_type;  ///< element of the potential by type; < 0: the potential does not act on it
  bool single = false;         ///< all types are element 0, which need not be looked up

  int center(int n) const { return centers[n]; }
  int element(int i) const { return element_of_type[types[i]]; }
  template <class Add> void for_each(int i, Add add) const
  {
    const double *xi = positions + 3L * i;
    for (int n = 0; n < counts[i]; ++n) {
      const int j = lists[i][n] & mask;
      const double *xj = positions + 3L * j;
      add(j, element(j), xj[0] - xi[0], xj[1] - xi[1], xj[2] - xi[2]);
    }
  }
};

/// Neighbour lists that give the vector to each neighbour, so that periodic images need no atoms of their own
/// (Python). Full lists, in order of the central atom.
struct VectorNeighbors {
  int n_atoms;
  const std::ptrdiff_t *offsets;  ///< n_atoms + 1: the neighbours of atom i are offsets[i] … offsets[i + 1] − 1
  const int *indices;             ///< atom that each neighbour is (an image of)
  const double *vectors;          ///< neighbours × 3: r_j − r_i, Å
  const int *elements;            ///< element of each atom
  bool single = false;            ///< all of them are element 0

  int center(int n) const { return n; }
  int element(int i) const { return elements[i]; }
  template <class Add> void for_each(int i, Add add) const
  {
    for (std::ptrdiff_t n = offsets[i]; n < offsets[i + 1]; ++n)
      add(indices[n], elements[indices[n]], vectors[3 * n], vectors[3 * n + 1], vectors[3 * n + 2]);
  }
};

/// The neighbours of one atom within the cutoff of any function, the three-body neighbours first: those within the
/// three-body cutoff, where an f ends.
struct Neighborhood {
  int element = 0;            ///< of the central atom
  int count = 0;              ///< neighbours
  int n_three_body = 0;       ///< how many of them, the first ones, are three-body neighbours
  std::vector<int> index;     ///< atom
  std::vector<int> elements;  ///< element of each neighbour
  std::vector<double> r;      ///< distance, Å
  std::vector<double> unit;   ///< count × 3: direction from the central atom

  /// `pair_cutoffs`, `three_body_cutoffs`: by element of the neighbour, Å.
  template <class Source>
  void gather(const Source &source, int i, const double *pair_cutoffs, const double *three_body_cutoffs)
  {
    element = source.element(i);
    count = n_three_body = 0;
    source.for_each(i, [&](int j, int b, double x, double y, double z) {
      if (b < 0) return;
      const double squared = x * x + y * y + z * z;
      const double inner = three_body_cutoffs[b], outer = pair_cutoffs[b] > inner ? pair_cutoffs[b] : inner;
      if (squared < outer * outer) push(j, b, std::sqrt(squared), x, y, z, squared < inner * inner);
    });
  }

 private:
  void push(int j, int b, double distance, double x, double y, double z, bool three_body)
  {
    if (count == static_cast<int>(index.size())) grow();
    int at = count++;
    if (three_body) {
      copy(n_three_body, at);  // the first of the other neighbours moves to the end
      at = n_three_body++;
    }
    index[at] = j;
    elements[at] = b;
    r[at] = distance;
    unit[3 * at] = x / distance;
    unit[3 * at + 1] = y / distance;
    unit[3 * at + 2] = z / distance;
  }
  void copy(int from, int to)
  {
    index[to] = index[from];
    elements[to] = elements[from];
    r[to] = r[from];
    for (int d = 0; d < 3; ++d) unit[3 * to + d] = unit[3 * from + d];
  }
  void grow()
  {
    const std::size_t size = index.empty() ? 64 : 2 * index.size();
    index.resize(size);
    elements.resize(size);
    r.resize(size);
    unit.resize(3 * size);
  }
};

}  // namespace snnp
