// Neighbours in periodic cells of few atoms, in each of which an atom has many images within a cutoff.
#pragma once

#include <cstddef>
#include <vector>

namespace snnp {

/// Neighbour lists of the atoms of several cells, one cell after the other, as in `VectorNeighbors`.
struct CellNeighbors {
  std::vector<std::ptrdiff_t> offsets{0};
  std::vector<int> indices;
  std::vector<double> vectors;  ///< Å

  /// Appends those of n atoms at `positions` (n × 3, Å) in a cell with vectors `cell` (3 × 3, Å; rows), all periodic
  /// images within `cutoff` (Å). False, and the atoms have none: the cell has no volume, atoms are at the same place or
  /// cells away, or there are more than about `most` neighbours of an atom on average.
  bool append(const double *positions, int n, const double *cell, double cutoff, std::size_t most);

 private:
  bool find(const double *positions, int n, const double *cell, double cutoff, std::size_t most);
};

}  // namespace snnp
