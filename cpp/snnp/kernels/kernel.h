// What is compiled once for each instruction set: the kernels of the engine and those of a fit. docs/speed.md explains how
// they work.
#pragma once

#include <type_traits>

#include "snnp/kernels/isa.h"
#include "snnp/kernels/plan.h"
#include "snnp/kernels/scratch.h"
#include "snnp/kernels/training_plan.h"

namespace snnp {

/// Neighbour lists of any caller, see IndexedNeighbors and VectorNeighbors. Neighbour n in the list of atom i is atom
/// id = lists[i][n] & mask, or, given by vectors, atom id = indices[offsets[i] + n].
///
/// Positions are packed, so that one load of 32 bytes brings all that is wanted of an atom:
///
///     | x₀ y₀ z₀ element₀ | x₁ y₁ z₁ element₁ | …
struct NeighborLists {
  const double *packed_positions;    ///< atoms × 4, aligned to 32 bytes: x, y, z (Å), element; null: there are vectors
  const int *counts, *const *lists;  ///< by position
  int mask;
  const double *vectors;  ///< by vectors: neighbours × 3, Å
  const std::ptrdiff_t *offsets;
  const int *indices, *elements;
  bool single;  ///< all atoms are of the only element of the potential
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

/// Evaluates a potential for the centres of `Work`, a block of them at a time.
template <class Real> using Kernel = void (*)(const Plan<Real> &, Scratch<Real> &, Work &);

/// The kernels as compiled for one instruction set.
struct Kernels {
  Kernel<double> full;
  Kernel<float> mixed;
  FilterKernels<double> filters;
  FilterKernels<float> single_filters;
  NetworkKernels network;
  FourBodyKernels four_body;
};

/// The kernels for an instruction set that is available.
const Kernels &kernels(Isa isa);

/// Those of filters in the precision of Real.
template <class Real> const FilterKernels<Real> &filter_kernels(const Kernels &kernels)
{
  if constexpr (std::is_same_v<Real, float>)
    return kernels.single_filters;
  else
    return kernels.filters;
}

}  // namespace snnp
