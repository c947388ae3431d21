// What a fit needs of the filters, over all atoms of a batch of structures: values, forces, the derivative along a
// movement of the atoms, and derivatives with respect to the splines' coefficients.
//
// For a loss L(E, F, W) with energies through G, the chain rule over forces never needs second derivatives with
// respect to positions: with A = ∂E/∂G and a movement v = −∂L/∂F of the atoms and strain ε = −∂L/∂W of the cells,
//   dL/dθ = ∂/∂θ Σ_i [ w_i E_i(G_i) + A_i·Gd_i ],   Gd = ∂G/∂r · (v_j − v_i + ε r_ij),
// where w = ∂L/∂E. `tangent` gives Gd; `parameters` the part that goes through the splines.
#pragma once

#include <memory>

#include "snnp/filters.h"
#include "snnp/neighbors.h"

namespace snnp {

/// Structures of a batch: their atoms stand one after the other. `threads`: number of OpenMP threads.
struct Batch {
  VectorNeighbors neighbors;
  const int *structure;  ///< of each atom
  int n_structures;
  int threads;
};

/// A movement of atoms (atoms × 3, Å) and strain of structures (structures × 3 × 3, acting as ε r).
struct Movement {
  const double *atoms;
  const double *strains;
};

/// The filters of a batch and their derivatives. Neighbourhoods are gathered once, by `values`, and what calls leave is
/// kept for the ones after them: some 130 bytes per neighbour, and for N three-body neighbours of an atom 16 N n3 bytes
/// and 6 N² by `values`, as many n3 and 4 N² more by `tangent`. The memory is used again for the next batch.
///
/// Real: the precision of f, g, their sums over one neighbourhood and derivatives by their coefficients, double or
/// float. Distances, φ, ρ, and sums over neighbourhoods are in double in any case.
template <class Real> class BatchFilters {
 public:
  /// Without a batch.
  BatchFilters();
  ~BatchFilters();
  /// Its batch goes with it.
  BatchFilters(BatchFilters &&) noexcept;
  BatchFilters &operator=(BatchFilters &&) noexcept;

  /// Sets G (atoms × columns) to the filter values. Throws Error if SNNP_ISA names no available instruction set.
  void values(std::shared_ptr<const Filters> filters, const Batch &batch, double *G);

  /// Adds forces (atoms × 3, eV/Å) and virials (structures × 3 × 3, Σ r_ij ⊗ F_j, eV) of the energy with ∂E/∂G = A
  /// (atoms × columns, eV). This and the functions below are for the batch of the last `values`.
  void forces(const double *A, double *forces, double *virials);

  /// Sets Gd (atoms × columns) to the change of G with the movement.
  void tangent(const Movement &movement, double *Gd);

  /// Adds the derivative of Σ_i (B_i·G_i + A_i·Gd_i) with respect to all coefficients to `sums`, tables of the same
  /// shape as those of the filters; A and B are atoms × columns, Gd is that of the last `tangent`.
  void parameters(const double *A, const double *B, Filters &sums);

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace snnp
