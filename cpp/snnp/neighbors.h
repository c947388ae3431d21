// Neighbour lists as callers have them, and the neighbourhood of one atom as the kernels want it.
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

#include "snnp/snnp.h"

namespace snnp {

// Both kinds of neighbour lists under one set of names. Positions and vectors are finite, which is checked where they come
// in: comparisons of distances with cutoffs would leave a NaN out of all sums.

/// Number of centres.
inline int center_count(const IndexedNeighbors &s) { return s.n_centers; }
inline int center_count(const VectorNeighbors &s) { return s.n_atoms; }

/// Index of centre number n.
inline int center(const IndexedNeighbors &s, int n) { return s.centers[n]; }
inline int center(const VectorNeighbors &, int n) { return n; }

/// Element of atom i; negative: the potential does not act on it.
inline int element(const IndexedNeighbors &s, int i) { return s.element_of_type[s.types[i]]; }
inline int element(const VectorNeighbors &s, int i) { return s.elements[i]; }

/// add(index, element, x, y, z) with the vector (Å) to each neighbour in the list of atom i.
template <class Add> void for_each_neighbor(const IndexedNeighbors &s, int i, Add add)
{
  const double *xi = s.positions + 3L * i;
  for (int n = 0; n < s.counts[i]; ++n) {
    const int j = s.lists[i][n] & s.mask;
    const double *xj = s.positions + 3L * j;
    add(j, element(s, j), xj[0] - xi[0], xj[1] - xi[1], xj[2] - xi[2]);
  }
}

/// The same.
template <class Add> void for_each_neighbor(const VectorNeighbors &s, int i, Add add)
{
  for (std::ptrdiff_t n = s.offsets[i]; n < s.offsets[i + 1]; ++n)
    add(s.indices[n], element(s, s.indices[n]), s.vectors[3 * n], s.vectors[3 * n + 1], s.vectors[3 * n + 2]);
}

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

  /// Takes the neighbours of atom i from its list. `pair_cutoffs`, `three_body_cutoffs`: by element of the neighbour,
  /// Å.
  template <class Source>
  void gather(const Source &source, int i, const double *pair_cutoffs, const double *three_body_cutoffs)
  {
    element = snnp::element(source, i);
    count = n_three_body = 0;
    for_each_neighbor(source, i, [&](int j, int b, double x, double y, double z) {
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
