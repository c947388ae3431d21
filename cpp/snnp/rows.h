// Rows of a design matrix: where the terms of a linear (or linearised) model are added up.
#pragma once

#include <cmath>
#include <vector>

#include "snnp/design.h"
#include "snnp/indices.h"
#include "snnp/neighbors.h"
#include "snnp/parallel.h"

namespace snnp {

/// The rows of one structure in a DesignMatrix: `columns` numbers for its energy, 6 × columns for its virial; forces
/// are those of all atoms, atoms × 3 × columns.
struct Rows {
  long columns;
  double *energy, *virial, *forces;

  /// Adds the forces and virials of terms with ∂E_i/∂r_ij = gradient[d][n] to the `count` columns from `column` on; r
  /// is the vector from i to j, Å.
  void add_force_terms(long column, int count, int i, int j, const double *r, const double (*gradient)[4]) const
  {
    for (int d = 0; d < 3; ++d) add(forces + (3L * i + d) * columns + column, count, 1, gradient[d]);
    for (int d = 0; d < 3; ++d) add(forces + (3L * j + d) * columns + column, count, -1, gradient[d]);
    for (int v = 0; v < 6; ++v) add(virial + v * columns + column, count, -r[voigt_row[v]], gradient[voigt_column[v]]);
  }
  /// Adds `factor` times `count` ≤ 4 numbers.
  void add(double *to, int count, double factor, const double *four) const
  {
    if (count == 4)  // the usual case, without a loop
      for (int n = 0; n < 4; ++n) to[n] += factor * four[n];
    else
      for (int n = 0; n < count; ++n) to[n] += factor * four[n];
  }
};

/// The vector from the centre to neighbour j goes to r, Å.
inline void vector_to(const Neighborhood &near, int j, double *r)
{
  for (int d = 0; d < 3; ++d) r[d] = near.r[j] * near.unit[3 * j + d];
}

/// The largest cutoff of some functions, by ordered pair of elements, Å.
inline std::vector<double> largest_cutoffs(const std::vector<const std::vector<BSplines> *> &all, int pairs)
{
  std::vector<double> cutoffs(pairs, 0.0);
  for (const std::vector<BSplines> *bases : all)
    for (std::size_t n = 0; n < bases->size(); ++n) cutoffs[n] = std::max(cutoffs[n], (*bases)[n].back());
  return cutoffs;
}

/// The third coordinate of the triplet of neighbours j and k, with its derivatives by their positions.
struct Coordinate {
  double value, along_j[3], along_k[3];

  /// j, k: neighbours in `near`.
  Coordinate(ThirdCoordinate kind, const Neighborhood &near, int j, int k)
  {
    const double *uj = &near.unit[3 * j], *uk = &near.unit[3 * k], rj = near.r[j], rk = near.r[k];
    const double cosine = uj[0] * uk[0] + uj[1] * uk[1] + uj[2] * uk[2];
    if (kind == ThirdCoordinate::cosine) {
      value = cosine;
      for (int d = 0; d < 3; ++d) {
        along_j[d] = (uk[d] - cosine * uj[d]) / rj;
        along_k[d] = (uj[d] - cosine * uk[d]) / rk;
      }
    } else {
      double apart[3];
      for (int d = 0; d < 3; ++d) apart[d] = rj * uj[d] - rk * uk[d];
      value = std::sqrt(apart[0] * apart[0] + apart[1] * apart[1] + apart[2] * apart[2]);
      for (int d = 0; d < 3; ++d) {
        along_j[d] = apart[d] / value;
        along_k[d] = -along_j[d];
      }
    }
  }
};

/// The first atom of each structure, and the number of all atoms.
inline std::vector<int> first_atoms(const Batch &batch)
{
  const int n_atoms = batch.neighbors.n_atoms;
  std::vector<int> start(batch.n_structures + 1, n_atoms);
  for (int s = batch.n_structures - 1, i = n_atoms; s >= 0; start[s--] = i)
    while (i > 0 && batch.structure[i - 1] == s) --i;
  return start;
}

/// visit(rows, neighbourhood, i) for all atoms; the rows of a structure belong to one thread.
template <class Visit>
void for_atom_rows(int elements, const std::vector<const std::vector<BSplines> *> &pair,
                   const std::vector<BSplines> &radial, const Batch &batch, const DesignMatrix &matrix, Visit visit)
{
  const std::vector<double> pair_cutoffs = largest_cutoffs(pair, elements * elements);
  const std::vector<double> three_body_cutoffs = largest_cutoffs({&radial}, elements * elements);
  const std::vector<int> start = first_atoms(batch);
  for_shares(batch.n_structures, batch.threads, [&](int, int begin, int end) {
    Neighborhood near;
    for (int s = begin; s < end; ++s) {
      const long columns = matrix.columns;
      const Rows rows{columns, matrix.energies + s * columns, matrix.virials + 6L * s * columns, matrix.forces};
      for (int i = start[s]; i < start[s + 1]; ++i) {
        const int first = element(batch.neighbors, i) * elements;
        near.gather(batch.neighbors, i, &pair_cutoffs[first], &three_body_cutoffs[first]);
        visit(rows, near, i);
      }
    }
  });
}

/// Adds the rows of ½ φ(r_ij), atom i and its neighbour j: one column per coefficient of φ from `first_column` on, as
/// many as there are `functions` in use.
inline void pair_rows(const Rows &rows, const LocalBasis &B, long first_column, int functions, const Neighborhood &near,
                      int i, int j)
{
  const int count = std::min(4, functions - B.first);
  if (count <= 0) return;
  double gradient[3][4], value[4], r[3];
  for (int n = 0; n < 4; ++n) {
    value[n] = 0.5 * B.value[n];
    for (int d = 0; d < 3; ++d) gradient[d][n] = 0.5 * B.slope[n] * near.unit[3 * j + d];
  }
  vector_to(near, j, r);
  rows.add(rows.energy + first_column + B.first, count, 1, value);
  rows.add_force_terms(first_column + B.first, count, i, near.index[j], r, gradient);
}

}  // namespace snnp
