// The fast path of the engine: kernels over blocks of atoms. docs/speed.md explains how they work.
#pragma once

#include "snnp/domain.h"
#include "snnp/kernels/isa.h"
#include "snnp/kernels/plan.h"
#include "snnp/kernels/scratch.h"

namespace snnp {

/// Neighbour lists of any caller, see IndexedNeighbors and VectorNeighbors. A neighbour in place n of the list of atom
/// i is atom id = list(i)[n] & mask; it lies at places[3 · id] from xyz(i), or, given by vectors, at places[3 · n] from
/// 0.
struct NeighborLists {
  const double *positions;           ///< null: there are vectors
  const double *vectors;             ///< null: there are positions
  const int *counts, *const *lists;  ///< by positions
  const std::ptrdiff_t *offsets;
  const int *indices;  ///< by vectors
  int mask;
  const int *types, *element_of_type;  ///< element_of_type null: types are elements
  bool single;                         ///< all types are element 0
};

/// Centres of one element, and where results go; see Results.
struct Work {
  NeighborLists lists;
  const int *centers;
  int n_centers, element;
  double *forces, *energies, *virials, *filters, *outside;
  bool with_virial;
  double energy = 0, virial[6] = {};
  long n_outside = 0;
};

template <class Real> using Kernel = void (*)(const Plan<Real> &, Scratch<Real> &, Work &);

/// The kernels compiled for an instruction set.
template <class Real> Kernel<Real> kernel(Isa isa);

}  // namespace snnp
