// The four-body terms of a batch, with the derivatives that a fit needs: see four_body.h and training.h.
#pragma once

#include <memory>
#include <vector>

#include "snnp/design.h"
#include "snnp/four_body.h"
#include "snnp/training.h"

namespace snnp {

/// Four-body terms of a batch; the ones of an element are to have its coefficients. Neighbourhoods are gathered once,
/// by `values`.
class BatchFourBody {
 public:
  /// Without a batch.
  BatchFourBody();
  ~BatchFourBody();
  BatchFourBody(BatchFourBody &&) noexcept;
  BatchFourBody &operator=(BatchFourBody &&) noexcept;

  /// Adds E4 to energies (atoms, eV). terms: by element, some may be empty. Throws Error if they break a rule.
  void values(std::vector<FourBody> terms, const Batch &batch, double *energies);

  /// Adds forces (atoms × 3, eV/Å) and virials (structures × 3 × 3, Σ r_ij ⊗ F_j, eV). This and `gradient` are for the
  /// batch of the last `values`.
  void forces(double *forces, double *virials);

  /// Adds to `sums` the derivatives of Σ_i (w_i E4_i + Ė4_i) by the coefficients of all elements, one element after the
  /// other; w: by atom, Ė4: the change of E4 with the movement.
  void gradient(const double *w, const Movement &movement, double *sums);

 private:
  class State;
  std::unique_ptr<State> state_;
};

/// Adds energies, virials and forces per unit of each coefficient, without a bound, to the rows of the structures and
/// atoms of the batch; columns: the coefficients of all elements, one element after the other.
void four_body_rows(const std::vector<FourBody> &terms, const Batch &batch, const DesignMatrix &matrix);

}  // namespace snnp
