// The model of EAM and s-MEAM, made linear in small changes of all its coefficients:
//   E_i = ½ Σ_j φ(r_ij) + U(n_i) − U(0),   n_i = Σ_j ρ(r_ij) + Σ_{j<k} f(r_ij) f(r_ik) g(cos θ_jik),
//   ∂E_i/∂u_k = B_k(n_i) − B_k(0),   ∂E_i/∂θ = U'(n_i) ∂n_i/∂θ for a coefficient θ of ρ, f or g.
#pragma once

#include "snnp/basis.h"
#include "snnp/design.h"
#include "snnp/indices.h"
#include "snnp/training.h"

namespace snnp {

/// One density per element and its embedding (M. S. Daw and M. I. Baskes, Phys. Rev. B 29, 6443 (1984); with three-body
/// terms: T. J. Lenosky et al., Modelling Simul. Mater. Sci. Eng. 8, 825 (2000)). Coefficients, eV for φ and U, stand
/// in the order φ (by unordered pair), ρ, f (by ordered pair), g (by centre and unordered pair), U (by element); the
/// last ones of φ, ρ and f are left out and 0.
struct DensityModel {
  int elements;
  std::vector<BSplines> pair, rho, radial;  ///< of φ, ρ and f by ordered pair; radial may be empty: no three-body term
  std::vector<BSplines> angle;              ///< of g by centre and unordered pair of neighbours
  std::vector<BSplines> embedding;          ///< of U by element; U continues linearly beyond its knots
  int pair_functions, rho_functions, radial_functions;  ///< of φ, ρ and f, in use

  // Numbers of functions, in use, of each g and U; first column of ρ, f, g and U; number of all columns.
  int angle_functions() const { return angle.empty() ? 0 : angle[0].functions(); }
  int embedding_functions() const { return embedding[0].functions(); }
  long rho_column() const { return static_cast<long>(pair_count(elements)) * pair_functions; }
  long f_column() const { return rho_column() + static_cast<long>(rho.size()) * rho_functions; }
  long g_column() const { return f_column() + static_cast<long>(radial.size()) * radial_functions; }
  long embedding_column() const { return g_column() + static_cast<long>(angle.size()) * angle_functions(); }
  long columns() const { return embedding_column() + static_cast<long>(elements) * embedding_functions(); }
};

/// Adds the rows of a design matrix: energies, virials and forces per unit change of each coefficient, at
/// `coefficients` (columns). The model is linear in those of φ and U: its own energies and forces are their rows times
/// their coefficients. n_i of each atom goes to `densities` (atoms).
void density_rows(const DensityModel &model, const double *coefficients, const Batch &batch, const DesignMatrix &matrix,
                  double *densities);

}  // namespace snnp
