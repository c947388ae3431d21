// The splines of all filters as tables: what a fit sets, and takes derivatives by.
//
// Filter values stand in one vector G of `columns()` numbers:
//   G_0 = Σ_j φ(r_ij);   G_m = Σ_j ρ_m(r_ij), m = 1…n2;
//   G_{n2+m} = Σ_{j<k} f_m(r_ij) f_m(r_ik) g_m(cos θ_jik), m = 1…n3
#pragma once

#include <vector>

#include "snnp/indices.h"
#include "snnp/spline.h"

namespace snnp {

/// Tables of φ and ρ, of f, and of g.
struct Filters {
  int elements = 0, n2 = 0, n3 = 0;
  std::vector<Table> pair;    ///< by ordered_index: columns φ, ρ_1 … ρ_n2, in eV and 1, over Å
  std::vector<Table> radial;  ///< by ordered_index: columns f_1 … f_n3 over Å; without columns if n3 = 0
  std::vector<Table> angle;   ///< by angle_index: columns g_1 … g_n3 over cos θ
  std::vector<double> pair_cutoffs, three_body_cutoffs;  ///< by ordered_index: ends of the tables, Å

  Filters() = default;
  /// As many tables as these elements need, all of them empty. same_g: whether g of a centre is the same for all
  /// neighbours.
  Filters(int elements, int n2, int n3, bool same_g = false);

  /// Number of filter values of an atom, Σ φ included.
  int columns() const { return 1 + n2 + n3; }
  /// The table of g of a centre and two neighbours: by triplet_index, or one for each centre.
  int angle_index(int centre, int b, int c) const;
  /// Takes the cutoffs from the tables, once those are there.
  void set_cutoffs();
};

}  // namespace snnp
