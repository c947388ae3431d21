// Four-body terms (see four_body.h) laid out for kernels: plain data, so that code compiled for different instruction
// sets can share it.
//
// Sums A stand by harmonic, then by channel: number lm · channels + α.
#pragma once

#include "snnp/four_body.h"
#include "snnp/harmonics.h"
#include "snnp/kernels/span.h"

namespace snnp {

/// The largest number of sums A of an atom.
constexpr int most_sums = harmonic_count(most_degree) * most_channels;

/// See Coupling.
struct CouplingPlan {
  /// Numbers of the sums of channel 0 of the first two factors.
  struct Mean {
    int first, second;
    double value;
  };
  /// A harmonic of l'': the number of its sum of channel 0, and the means that it is in.
  struct Third {
    int sum;
    Span<Mean> means;
  };
  Span<Third> thirds;
  const double *cube;       ///< channels³: coefficients, 0 where a product of channels is that of others
  const int *coefficients;  ///< channels³: numbers of coefficients, −1 where there is none
};

/// See FourBody.
struct FourBodyPlan {
  int degree = 0, radial = 0, mixtures = 0, channels = 0;  ///< radial = 0: there are none
  int sums = 0, count = 0;                                 ///< numbers of A and B
  double inner, outer, width, per_width, cutoff, per_square, bound;
  double scale, shift;              ///< x = scale / (1 + 2 u / cutoff) + shift
  const double *weights = nullptr;  ///< by element × mixtures
  Span<CouplingPlan> couplings;
};

/// See tables.h.
class Memory;

/// Arrays are kept by `memory`. elements: of neighbours.
FourBodyPlan make_four_body_plan(Memory &memory, const FourBody &terms, int elements);

/// Neighbours of one atom: vectors of C may go beyond the last one, where weights are 0 and all else is finite.
struct FourBodyNeighbors {
  int count, step;                    ///< neighbours; numbers from one array of weights to the next
  const double *x, *y, *z, *inverse;  ///< direction to each neighbour; 1/distance, 1/Å
  const double *weights;              ///< mixtures × step: w of each neighbour
};

/// What a fit needs. Arrays of blocks have a vector of atoms for each number, so that those of an atom are `block`
/// apart.
struct FourBodyKernels {
  int block;  ///< atoms
  /// Sets the A of one atom.
  void (*sums)(const FourBodyPlan &, const FourBodyNeighbors &, double *A);
  /// Of a block: sets b = c·B and its slopes by A.
  void (*values)(const FourBodyPlan &, const double *A, double *b, double *slopes);
  /// Sets the derivatives by neighbours of Σ slopes A of one atom: x, y and z, `step` apart.
  void (*gradient)(const FourBodyPlan &, const FourBodyNeighbors &, const double *slopes, double *to);
  /// Sets the change of the A of one atom with movements of its neighbours: x, y and z, `step` apart.
  void (*tangent)(const FourBodyPlan &, const FourBodyNeighbors &, const double *movement, double *change);
  /// Of a block: adds Σ (p B + q Ḃ) to sums by coefficient, a vector of atoms each; Ḃ: the change of B with that of A.
  void (*parameters)(const FourBodyPlan &, const double *A, const double *change, const double *p, const double *q,
                     double *sums);
};

}  // namespace snnp
