#include "snnp/design.h"

#include <algorithm>

#include "snnp/parallel.h"

namespace snnp {

std::vector<int> Basis::angle_column() const
{
  const int E = tables.elements;
  const int same = leg_functions * (leg_functions + 1) / 2 * angle_functions;
  const int mixed = leg_functions * leg_functions * angle_functions;
  std::vector<int> first;
  int column = E * (E + 1) / 2 * pair_functions;
  for (int a = 0; a < E; ++a)
    for (int b = 0; b < E; ++b)
      for (int c = b; c < E; ++c) {
        first.push_back(column);
        column += b == c ? same : mixed;
      }
  first.push_back(column);
  return first;
}

int Basis::columns() const { return angle_column().back(); }

namespace {

// The (at most four) basis functions that do not vanish at a place.
struct Local {
  int first = 0;
  double value[4], slope[4];

  Local() = default;
  Local(const Table &table, double x)
  {
    const Grid::Place place = table.grid().find(x);
    const double *c = table.at(place.interval), t = place.t;
    const int S = table.stride();
    first = std::max(place.interval - 1, 0);
    for (int n = 0; n < 4; ++n) {
      const double *cn = c + first + n;
      value[n] = cn[0] + t * (cn[S] + t * (cn[2 * S] + t * cn[3 * S]));
      slope[n] = cn[S] + t * (2 * cn[2 * S] + t * 3 * cn[3 * S]);
    }
  }
};

// Rows of one structure, with the contributions of one term ∂E_i/∂r_ij = slope · direction.
struct Rows {
  long columns;
  double *energy, *virial, *forces;

  void add(long column, int i, int j, const double *r, const double *gradient) const
  {
    static const int first[6] = {0, 1, 2, 0, 0, 1}, second[6] = {0, 1, 2, 1, 2, 2};
    for (int d = 0; d < 3; ++d) {
      forces[(3L * i + d) * columns + column] += gradient[d];
      forces[(3L * j + d) * columns + column] -= gradient[d];
    }
    for (int v = 0; v < 6; ++v) virial[v * columns + column] -= r[first[v]] * gradient[second[v]];
  }
};

// The coefficient of B_a(r_j) B_b(r_k) for neighbours of elements ej, ek.
int leg_pair(int a, int b, int ej, int ek, int functions)
{
  if (ej == ek) {
    const int hi = std::max(a, b), lo = std::min(a, b);
    return hi * (hi + 1) / 2 + lo;
  }
  return ej < ek ? a * functions + b : b * functions + a;
}

struct Leg {
  Local basis;
  double vector[3];
};

void angle_rows(const Basis &basis, const Neighborhood &near, const std::vector<Leg> &legs, int i, int j, int k,
                int first_column, const Rows &rows)
{
  const double *uj = &near.unit[3 * j], *uk = &near.unit[3 * k], rj = near.r[j], rk = near.r[k];
  const double cosine = uj[0] * uk[0] + uj[1] * uk[1] + uj[2] * uk[2];
  const int ej = near.elements[j], ek = near.elements[k], functions = basis.leg_functions;
  const Local C(basis.tables.angle[basis.tables.angle_index(near.element, ej, ek)], cosine);
  const Local &Bj = legs[j].basis, &Bk = legs[k].basis;
  double turn_j[3], turn_k[3];
  for (int d = 0; d < 3; ++d) {
    turn_j[d] = (uk[d] - cosine * uj[d]) / rj;
    turn_k[d] = (uj[d] - cosine * uk[d]) / rk;
  }
  for (int a = 0; a < 4 && Bj.first + a < functions; ++a)
    for (int b = 0; b < 4 && Bk.first + b < functions; ++b) {
      const long column =
          first_column +
          static_cast<long>(leg_pair(Bj.first + a, Bk.first + b, ej, ek, functions)) * basis.angle_functions + C.first;
      const double both = Bj.value[a] * Bk.value[b];
      const double slope_j = Bj.slope[a] * Bk.value[b], slope_k = Bj.value[a] * Bk.slope[b];
      for (int c = 0; c < 4; ++c) {
        double gj[3], gk[3];
        for (int d = 0; d < 3; ++d) {
          gj[d] = slope_j * C.value[c] * uj[d] + both * C.slope[c] * turn_j[d];
          gk[d] = slope_k * C.value[c] * uk[d] + both * C.slope[c] * turn_k[d];
        }
        rows.energy[column + c] += both * C.value[c];
        rows.add(column + c, i, near.index[j], legs[j].vector, gj);
        rows.add(column + c, i, near.index[k], legs[k].vector, gk);
      }
    }
}

void atom_rows(const Basis &basis, const std::vector<int> &angle_column, const Neighborhood &near, int i, Rows rows,
               std::vector<Leg> &legs)
{
  const Filters &tables = basis.tables;
  legs.resize(near.legs);
  for (int j = 0; j < near.count; ++j) {
    const int ab = near.element * tables.elements + near.elements[j];
    double vector[3];
    for (int d = 0; d < 3; ++d) vector[d] = near.r[j] * near.unit[3 * j + d];
    if (near.r[j] < tables.pair_reach[ab]) {
      const Local B(tables.pair[ab], near.r[j]);
      for (int a = 0; a < 4 && B.first + a < basis.pair_functions; ++a) {
        const long column = basis.pair_column(tables.unordered[ab]) + B.first + a;
        double g[3];
        for (int d = 0; d < 3; ++d) g[d] = 0.5 * B.slope[a] * near.unit[3 * j + d];
        rows.energy[column] += 0.5 * B.value[a];
        rows.add(column, i, near.index[j], vector, g);
      }
    }
    if (j < near.legs) {
      legs[j].basis = Local(tables.leg[ab], near.r[j]);
      std::copy(vector, vector + 3, legs[j].vector);
    }
  }
  for (int j = 1; j < near.legs; ++j)
    for (int k = 0; k < j; ++k)
      angle_rows(basis, near, legs, i, j, k,
                 angle_column[tables.angle_index(near.element, near.elements[j], near.elements[k])], rows);
}

}  // namespace

void design_rows(const Basis &basis, const Batch &batch, double *energies, double *virials, double *forces)
{
  const std::vector<int> angle_column = basis.angle_column();
  const long columns = angle_column.back();
  const int n_atoms = batch.neighbors.n_atoms;
  // Atoms of a structure stand together; its rows belong to one thread.
  std::vector<int> start(batch.n_structures + 1, n_atoms);
  for (int s = batch.n_structures - 1, i = n_atoms; s >= 0; start[s--] = i)
    while (i > 0 && batch.structure[i - 1] == s) --i;
  for_shares(batch.n_structures, batch.threads, [&](int, int begin, int end) {
    Neighborhood near;
    std::vector<Leg> legs;
    for (int s = begin; s < end; ++s) {
      const Rows rows{columns, energies + s * columns, virials + 6 * s * columns, forces};
      for (int i = start[s]; i < start[s + 1]; ++i) {
        const int row = batch.neighbors.element(i) * basis.tables.elements;
        near.gather(batch.neighbors, i, &basis.tables.pair_reach[row], &basis.tables.leg_reach[row]);
        atom_rows(basis, angle_column, near, i, rows, legs);
      }
    }
  });
}

}  // namespace snnp
