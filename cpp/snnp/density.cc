#include "snnp/density.h"

#include <algorithm>
#include <array>

#include "snnp/rows.h"

namespace snnp {

int DensityModel::unordered(int a, int b) const
{
  if (a > b) std::swap(a, b);
  return a * elements - a * (a - 1) / 2 + (b - a);
}

namespace {

// A spline at a place, with the basis functions that it is made of.
struct Curve {
  LocalBasis basis;
  int count = 0;  // of basis functions in use
  double value = 0, slope = 0, curvature = 0;

  Curve() = default;
  Curve(const LocalBasis &local, const double *coefficients, int functions) : basis(local)
  {
    count = std::clamp(functions - basis.first, 0, 4);
    for (int n = 0; n < count; ++n) {
      const double c = coefficients[basis.first + n];
      value += c * basis.value[n];
      slope += c * basis.slope[n];
      curvature += c * basis.curvature[n];
    }
  }
};

LocalBasis continued(const BSplines &basis, double x)
{
  LocalBasis at = basis.at(std::min(x, basis.back()));
  const double beyond = x - basis.back();
  if (beyond > 0)
    for (int n = 0; n < 4; ++n) {
      at.value[n] += beyond * at.slope[n];
      at.curvature[n] = 0;
    }
  return at;
}

using Vector = std::array<double, 3>;

Vector sum(double x, const double *a) { return {x * a[0], x * a[1], x * a[2]}; }
Vector sum(double x, const double *a, double y, const double *b)
{
  return {x * a[0] + y * b[0], x * a[1] + y * b[1], x * a[2] + y * b[2]};
}

// Everything about one atom.
class Atom {
 public:
  Atom(const DensityModel &model, const double *coefficients, const Rows &rows, const Neighborhood &near, int i)
      : m(model), c(coefficients), rows(rows), near(near), i(i), e(near.element), rho(near.count), leg(near.legs),
        gradient(3L * near.count, 0.0), change(model.embedding_column(), 0.0)
  {
  }

  // Adds the rows of the atom; returns its density.
  double add()
  {
    evaluate();
    const BSplines &basis = m.embedding[e];
    const long first = m.embedding_column() + static_cast<long>(e) * m.embedding_functions();
    const Curve U(continued(basis, density), c + first, m.embedding_functions());
    const LocalBasis isolated = continued(basis, 0.0);
    for (int n = 0; n < 4; ++n) {
      rows.energy[first + U.basis.first + n] += U.basis.value[n];
      rows.energy[first + isolated.first + n] -= isolated.value[n];
    }
    follow(first + U.basis.first, U.basis.slope);
    add_parts(U.slope);
    // Through the density, every coefficient also changes the slope of U that all neighbours feel.
    const long E = m.elements;
    finish(m.rho_column() + e * E * m.rho_functions, E * m.rho_functions, U);
    if (!m.leg.empty()) {
      finish(m.f_column() + e * E * m.leg_functions, E * m.leg_functions, U);
      finish(m.g_column() + static_cast<long>(e) * m.pairs() * m.angle_functions(), m.pairs() * m.angle_functions(), U);
    }
    return density;
  }

 private:
  const DensityModel &m;
  const double *c;
  const Rows &rows;
  const Neighborhood &near;
  const int i, e;
  std::vector<Curve> rho, leg;   // ρ and f of each neighbour
  std::vector<double> gradient;  // ∂n/∂r_ij
  std::vector<double> change;    // ∂n/∂θ by column
  double density = 0;

  const double *unit(int j) const { return &near.unit[3 * j]; }
  long ordered(int j) const { return static_cast<long>(e) * m.elements + near.elements[j]; }
  long rho_column(int j) const { return m.rho_column() + ordered(j) * m.rho_functions; }
  long f_column(int j) const { return m.f_column() + ordered(j) * m.leg_functions; }
  int kind(int j, int k) const { return e * m.pairs() + m.unordered(near.elements[j], near.elements[k]); }
  long g_column(int j, int k) const { return m.g_column() + static_cast<long>(kind(j, k)) * m.angle_functions(); }

  // The density and its gradient.
  void evaluate()
  {
    for (int j = 0; j < near.count; ++j) {
      if (near.r[j] < m.rho[ordered(j)].back())
        rho[j] = Curve(m.rho[ordered(j)].at(near.r[j]), c + rho_column(j), m.rho_functions);
      density += rho[j].value;
      for (int d = 0; d < 3; ++d) gradient[3 * j + d] += rho[j].slope * near.unit[3 * j + d];
      if (j < near.legs) leg[j] = Curve(m.leg[ordered(j)].at(near.r[j]), c + f_column(j), m.leg_functions);
    }
    for_triplets([&](int j, int k, const Coordinate &t, const Curve &g) {
      const double both = leg[j].value * leg[k].value;
      density += both * g.value;
      for (int d = 0; d < 3; ++d) {
        gradient[3 * j + d] +=
            leg[j].slope * leg[k].value * g.value * near.unit[3 * j + d] + both * g.slope * t.along_j[d];
        gradient[3 * k + d] +=
            leg[j].value * leg[k].slope * g.value * near.unit[3 * k + d] + both * g.slope * t.along_k[d];
      }
    });
  }

  template <class Visit> void for_triplets(Visit visit)
  {
    for (int j = 1; j < near.legs; ++j)
      for (int k = 0; k < j; ++k) {
        const Coordinate t(Third::cosine, near, j, k);
        visit(j, k, t, Curve(m.angle[kind(j, k)].at(t.value), c + g_column(j, k), m.angle_functions()));
      }
  }

  // Rows of ρ, f and g with the slope of U as it is, and what their coefficients do to the density.
  void add_parts(double slope)
  {
    for (int j = 0; j < near.count; ++j) {
      const long phi = static_cast<long>(m.unordered(e, near.elements[j])) * m.pair_functions;
      const BSplines &pair = m.pair[ordered(j)];
      if (near.r[j] < pair.back()) pair_rows(rows, pair.at(near.r[j]), phi, m.pair_functions, near, i, j);
      pull(rho_column(j), rho[j], j, sum(slope, unit(j)), {});
      remember(rho_column(j), rho[j], 1);
    }
    for_triplets([&](int j, int k, const Coordinate &t, const Curve &g) {
      f_part(slope, j, k, t.along_j, t.along_k, g);
      f_part(slope, k, j, t.along_k, t.along_j, g);
      const Curve &fj = leg[j], &fk = leg[k];
      const long column = g_column(j, k);
      const double both = slope * fj.value * fk.value;
      pull(column, g, j, sum(both, t.along_j), sum(slope * fj.slope * fk.value, unit(j)));
      pull(column, g, k, sum(both, t.along_k), sum(slope * fj.value * fk.slope, unit(k)));
      remember(column, g, fj.value * fk.value);
    });
  }

  // The coefficients of the f of neighbour j in f(r_ij) f(r_ik) g.
  void f_part(double slope, int j, int k, const double *along_j, const double *along_k, const Curve &g)
  {
    const Curve &fj = leg[j], &fk = leg[k];
    const long column = f_column(j);
    const double turn = slope * fk.value * g.slope;
    pull(column, fj, j, sum(slope * fk.value * g.value, unit(j)), sum(turn, along_j));
    pull(column, fj, k, {}, sum(slope * fk.slope * g.value, unit(k), turn, along_k));
    remember(column, fj, fk.value * g.value);
  }

  // The columns of a curve's basis functions, whose terms change with the place of neighbour j as
  // slope · by_slope + value · by_value.
  void pull(long column, const Curve &curve, int j, const Vector &by_slope, const Vector &by_value) const
  {
    if (curve.count == 0) return;
    double four[3][4], r[3];
    for (int d = 0; d < 3; ++d)
      for (int n = 0; n < 4; ++n) four[d][n] = curve.basis.slope[n] * by_slope[d] + curve.basis.value[n] * by_value[d];
    vector_to(near, j, r);
    rows.pull(column + curve.basis.first, curve.count, i, near.index[j], r, four);
  }

  void remember(long column, const Curve &curve, double factor)
  {
    for (int n = 0; n < curve.count; ++n) change[column + curve.basis.first + n] += factor * curve.basis.value[n];
  }

  // The four columns of U, whose terms depend on the density alone.
  void follow(long column, const double *slope) const
  {
    for (int j = 0; j < near.count; ++j) {
      double four[3][4], r[3];
      for (int d = 0; d < 3; ++d)
        for (int n = 0; n < 4; ++n) four[d][n] = slope[n] * gradient[3 * j + d];
      vector_to(near, j, r);
      rows.pull(column, 4, i, near.index[j], r, four);
    }
  }

  // Coefficients also change the density at which the slope of U is taken.
  void finish(long first, long count, const Curve &U) const
  {
    const double *D = &change[first];
    for (long n = 0; n < count; ++n) rows.energy[first + n] += U.slope * D[n];
    const auto add = [&](double *row, double factor) {
      for (long n = 0; n < count; ++n) row[first + n] += factor * D[n];
    };
    double total[3] = {}, virial[6] = {};
    static const int x[6] = {0, 1, 2, 0, 0, 1}, y[6] = {0, 1, 2, 1, 2, 2};
    for (int j = 0; j < near.count; ++j) {
      const double *g = &gradient[3 * j];
      double r[3];
      vector_to(near, j, r);
      for (int d = 0; d < 3; ++d) {
        total[d] += g[d];
        add(rows.forces + (3L * near.index[j] + d) * rows.columns, -U.curvature * g[d]);
      }
      for (int v = 0; v < 6; ++v) virial[v] -= r[x[v]] * g[y[v]];
    }
    for (int d = 0; d < 3; ++d) add(rows.forces + (3L * i + d) * rows.columns, U.curvature * total[d]);
    for (int v = 0; v < 6; ++v) add(rows.virial + v * rows.columns, U.curvature * virial[v]);
  }
};

}  // namespace

void density_rows(const DensityModel &model, const double *coefficients, const Batch &batch, const DesignMatrix &matrix,
                  double *densities)
{
  const auto visit = [&](const Rows &rows, const Neighborhood &near, int i) {
    densities[i] = Atom(model, coefficients, rows, near, i).add();
  };
  for_atom_rows(model.elements, {&model.pair, &model.rho}, model.leg, batch, matrix, visit);
}

}  // namespace snnp
