#include "snnp/design.h"

#include <algorithm>

#include "snnp/indices.h"
#include "snnp/rows.h"

namespace snnp {

namespace {

// All products B_a B_b C_c of one triplet; j is the neighbour that the first index of a range belongs to.
void triplet_rows(const Basis &basis, const Neighborhood &near, const LocalBasis &Bj, const LocalBasis &Bk, int i,
                  int j, int k, const Rows &rows)
{
  const int triplet = triplet_index(basis.elements, near.element, near.elements[j], near.elements[k]);
  const int functions = basis.radial_functions;
  const Coordinate t(basis.coordinate, near, j, k);
  if (t.value > basis.third[triplet].back() && basis.coordinate == ThirdCoordinate::distance) return;
  const LocalBasis C = basis.third[triplet].at(t.value);
  const double *uj = &near.unit[3 * j], *uk = &near.unit[3 * k];
  double rj[3], rk[3];
  vector_to(near, j, rj);
  vector_to(near, k, rk);
  for (int a = 0; a < 4 && Bj.first + a < functions; ++a)
    for (int b = 0; b < 4 && Bk.first + b < functions; ++b) {
      const ColumnRange &range =
          basis.column_ranges[(static_cast<long>(triplet) * functions + Bj.first + a) * functions + Bk.first + b];
      const int begin = std::max(C.first, range.begin), count = std::min(C.first + 4, range.end) - begin;
      if (count <= 0) continue;
      const double both = Bj.value[a] * Bk.value[b];
      const double slope_j = Bj.slope[a] * Bk.value[b], slope_k = Bj.value[a] * Bk.slope[b];
      double value[4], gj[3][4], gk[3][4];
      for (int n = 0; n < count; ++n) {
        const double v = C.value[begin - C.first + n], s = both * C.slope[begin - C.first + n];
        value[n] = both * v;
        for (int d = 0; d < 3; ++d) {
          gj[d][n] = slope_j * v * uj[d] + s * t.along_j[d];
          gk[d][n] = slope_k * v * uk[d] + s * t.along_k[d];
        }
      }
      const long column = range.first + begin;
      rows.add(rows.energy + column, count, 1, value);
      rows.add_force_terms(column, count, i, near.index[j], rj, gj);
      rows.add_force_terms(column, count, i, near.index[k], rk, gk);
    }
}

}  // namespace

void design_rows(const Basis &basis, const Batch &batch, const DesignMatrix &matrix)
{
  const auto visit = [&](const Rows &rows, const Neighborhood &near, int i) {
    std::vector<LocalBasis> radial(near.n_three_body);
    for (int j = 0; j < near.count; ++j) {
      const int ab = ordered_index(basis.elements, near.element, near.elements[j]);
      if (near.r[j] < basis.pair[ab].back())
        pair_rows(rows, basis.pair[ab].at(near.r[j]),
                  pair_index(basis.elements, near.element, near.elements[j]) * basis.pair_functions,
                  basis.pair_functions, near, i, j);
      if (j < near.n_three_body) radial[j] = basis.radial[ab].at(near.r[j]);
    }
    for (int j = 1; j < near.n_three_body; ++j)
      for (int k = 0; k < j; ++k) {
        const bool in_order = near.elements[j] <= near.elements[k];
        const int first = in_order ? j : k, second = in_order ? k : j;
        triplet_rows(basis, near, radial[first], radial[second], i, first, second, rows);
      }
  };
  for_atom_rows(basis.elements, {&basis.pair}, basis.radial, batch, matrix, visit);
}

}  // namespace snnp
