// What a fit needs of the filters, over all atoms of a batch of structures: values, forces, the derivative along a
// movement of the atoms, and derivatives with respect to the splines' coefficients.
//
// For a loss L(E, F, W) with energies through G, the chain rule over forces never needs second derivatives with
// respect to positions: with A = ∂E/∂G and a movement v = −∂L/∂F of the atoms and strain ε = −∂L/∂W of the cells,
//   dL/dθ = ∂/∂θ Σ_i [ w_i E_i(G_i) + A_i·Gd_i ],   Gd = ∂G/∂r · (v_j − v_i + ε r_ij),
// where w = ∂L/∂E. `tangent` gives Gd; `parameters` the part that goes through the splines.
#pragma once

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

/// Sets G (atoms × columns) to the filter values. This and the functions below throw Error if SNNP_ISA names no
/// available instruction set.
void batch_values(const Filters &filters, const Batch &batch, double *G);

/// Adds forces (atoms × 3, eV/Å) and virials (structures × 3 × 3, Σ r_ij ⊗ F_j, eV) of the energy with ∂E/∂G = A (atoms
/// × columns, eV).
void batch_forces(const Filters &filters, const Batch &batch, const double *A, double *forces, double *virials);

/// Sets Gd (atoms × columns) to the change of G with the movement.
void batch_tangent(const Filters &filters, const Batch &batch, const Movement &movement, double *Gd);

/// Adds the derivative of Σ_i (B_i·G_i + A_i·Gd_i) with respect to all coefficients to `sums`, tables of the same shape
/// as those of `filters`; A and B are atoms × columns.
void batch_parameters(const Filters &filters, const Batch &batch, const Movement &movement, const double *A,
                      const double *B, Filters &sums);

}  // namespace snnp
