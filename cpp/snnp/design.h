// Linear models: a pair spline and a tensor-product three-body spline,
//   E = Σ_i [ ½ Σ_j Σ_a x_a B_a(r_ij) + Σ_{j<k} Σ_{abc} y_abc B_a(r_ij) B_b(r_ik) C_c(t) ],
// where t is cos θ_jik (the start of a fit of filters, which are products f f g) or r_jk (UF3: S. R. Xie, M. Rupp and
// R. G. Hennig, npj Comput. Mater. 9, 162 (2023)).
#pragma once

#include "snnp/basis.h"
#include "snnp/training.h"

namespace snnp {

/// The third coordinate of a triplet: cos θ_jik or r_jk.
enum class ThirdCoordinate { cosine, distance };

/// Coefficients (a, b, c), begin ≤ c < end, of one three-body spline stand in the columns first + c; others are 0.
struct ColumnRange {
  long first;
  int begin, end;
};

/// The basis of a linear model. The splines of all pairs have the same number of functions, and so have all radial
/// ones.
struct Basis {
  int elements;
  std::vector<BSplines> pair, radial;  ///< by ordered pair of elements; radial may be empty: no three-body terms
  std::vector<BSplines> third;         ///< by centre and unordered pair of neighbours
  ThirdCoordinate coordinate;
  /// Those in use: the ones left out are fixed at 0 (the end of a spline). The coefficients of φ come first, by
  /// unordered pair.
  int pair_functions, radial_functions;
  /// By triplet_index, function of the neighbour of the lower element, and function of the other; for equal elements
  /// (a, b) and (b, a) name the same columns.
  std::vector<ColumnRange> column_ranges;
};

/// Where rows go, zero at first: total energy (structures × columns), virials (structures × 6 × columns, order
/// xx yy zz xy xz yz) and forces (atoms × 3 × columns) per unit coefficient: eV and eV/Å if that unit is eV.
struct DesignMatrix {
  double *energies, *virials, *forces;
  long columns;  ///< as many as coefficients, or more
};

/// Adds energies, virials and forces per unit of each coefficient to the rows of the structures and atoms of the batch.
void design_rows(const Basis &basis, const Batch &batch, const DesignMatrix &matrix);

}  // namespace snnp
