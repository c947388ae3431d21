#include "snnp/density.h"

#include <algorithm>
#include <array>

#include "snnp/rows.h"

namespace snnp {

namespace {

// The value of a spline at one distance (or cosine), with the basis functions that it is made of.
struct SplineValue {
  LocalBasis basis;
  int count = 0;  // of basis functions in use
  double value = 0, slope = 0, curvature = 0;

  SplineValue() = default;
  SplineValue(const LocalBasis &local, const double *coefficients, int functions) : basis(local)
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
      : m(model), c(coefficients), rows(rows), near(near), i(i), e(near.element), rho(near.count), f(near.n_three_body),
        gradient(3L * near.count, 0.0), change(model.embedding_column(), 0.0)
  {
  }

  // Adds the rows of the atom; returns its density.
  double add()
  {
    evaluate();
    const BSplines &basis = m.embedding[e];
    const long first = m.embedding_column() + static_cast<long>(e) * m.embedding_functions();
    const SplineValue U(continued(basis, density), c + first, m.embedding_functions());
    const LocalBasis isolated = continued(basis, 0.0);
    for (int n = 0; n < 4; ++n) {
      rows.energy[first + U.basis.first + n] += U.basis.value[n];
      rows.energy[first + isolated.first + n] -= isolated.value[n];
    }
    add_embedding(first + U.basis.first, U.basis.slope);
    add_functions(U.slope);
    // Through the density, every coefficient also changes the slope of U that enters the forces on all neighbours.
    const long E = m.elements, pairs = pair_count(m.elements);
    add_through_density(m.rho_column() + e * E * m.rho_functions, E * m.rho_functions, U);
    if (!m.radial.empty()) {
      add_through_density(m.f_column() + e * E * m.radial_functions, E * m.radial_functions, U);
      add_through_density(m.g_column() + e * pairs * m.angle_functions(), pairs * m.angle_functions(), U);
    }
    return density;
  }

 private:
  const DensityModel &m;
  const double *c;
  const Rows &rows;
  const Neighborhood &near;
  const int i, e;
  std::vector<SplineValue> rho, f;  // ρ and f of each neighbour
  std::vector<double> gradient;     // ∂n/∂r_ij
  std::vector<double> change;       // ∂n/∂θ by column
  double density = 0;

  const double *unit(int j) const { return &near.unit[3 * j]; }
  long ordered(int j) const { return ordered_index(m.elements, e, near.elements[j]); }
  long rho_column(int j) const { return m.rho_column() + ordered(j) * m.rho_functions; }
  long f_column(int j) const { return m.f_column() + ordered(j) * m.radial_functions; }
  int triplet(int j, int k) const { return triplet_index(m.elements, e, near.elements[j], near.elements[k]); }
  long g_column(int j, int k) const { return m.g_column() + static_cast<long>(triplet(j, k)) * m.angle_functions(); }

  // The density and its gradient.
  void evaluate()
  {
    for (int j = 0; j < near.count; ++j) {
      if (near.r[j] < m.rho[ordered(j)].back())
        rho[j] = SplineValue(m.rho[ordered(j)].at(near.r[j]), c + rho_column(j), m.rho_functions);
      density += rho[j].value;
      for (int d = 0; d < 3; ++d) gradient[3 * j + d] += rho[j].slope * near.unit[3 * j + d];
      if (j < near.n_three_body)
        f[j] = SplineValue(m.radial[ordered(j)].at(near.r[j]), c + f_column(j), m.radial_functions);
    }
    for_triplets([&](int j, int k, const Coordinate &t, const SplineValue &g) {
      const double both = f[j].value * f[k].value;
      density += both * g.value;
      for (int d = 0; d < 3; ++d) {
        gradient[3 * j + d] += f[j].slope * f[k].value * g.value * near.unit[3 * j + d] + both * g.slope * t.along_j[d];
        gradient[3 * k + d] += f[j].value * f[k].slope * g.value * near.unit[3 * k + d] + both * g.slope * t.along_k[d];
      }
    });
  }

  template <class Visit> void for_triplets(Visit visit)
  {
    for (int j = 1; j < near.n_three_body; ++j)
      for (int k = 0; k < j; ++k) {
        const Coordinate t(ThirdCoordinate::cosine, near, j, k);
        visit(j, k, t, SplineValue(m.angle[triplet(j, k)].at(t.value), c + g_column(j, k), m.angle_functions()));
      }
  }

  // Rows of ρ, f and g at the present slope of U, and the derivatives of the density by their coefficients.
  void add_functions(double slope)
  {
    for (int j = 0; j < near.count; ++j) {
      const long phi = static_cast<long>(pair_index(m.elements, e, near.elements[j])) * m.pair_functions;
      const BSplines &pair = m.pair[ordered(j)];
      if (near.r[j] < pair.back()) pair_rows(rows, pair.at(near.r[j]), phi, m.pair_functions, near, i, j);
      add_force_terms(rho_column(j), rho[j], j, sum(slope, unit(j)), {});
      add_density_change(rho_column(j), rho[j], 1);
    }
    for_triplets([&](int j, int k, const Coordinate &t, const SplineValue &g) {
      add_f(slope, j, k, t.along_j, t.along_k, g);
      add_f(slope, k, j, t.along_k, t.along_j, g);
      const SplineValue &fj = f[j], &fk = f[k];
      const long column = g_column(j, k);
      const double both = slope * fj.value * fk.value;
      add_force_terms(column, g, j, sum(both, t.along_j), sum(slope * fj.slope * fk.value, unit(j)));
      add_force_terms(column, g, k, sum(both, t.along_k), sum(slope * fj.value * fk.slope, unit(k)));
      add_density_change(column, g, fj.value * fk.value);
    });
  }

  // The coefficients of the f of neighbour j in f(r_ij) f(r_ik) g.
  void add_f(double slope, int j, int k, const double *along_j, const double *along_k, const SplineValue &g)
  {
    const SplineValue &fj = f[j], &fk = f[k];
    const long column = f_column(j);
    const double turn = slope * fk.value * g.slope;
    add_force_terms(column, fj, j, sum(slope * fk.value * g.value, unit(j)), sum(turn, along_j));
    add_force_terms(column, fj, k, {}, sum(slope * fk.slope * g.value, unit(k), turn, along_k));
    add_density_change(column, fj, fk.value * g.value);
  }

  // Forces in the columns of a spline's basis functions, whose gradient by the position of neighbour j is
  // slope · by_slope + value · by_value.
  void add_force_terms(long column, const SplineValue &spline, int j, const Vector &by_slope,
                       const Vector &by_value) const
  {
    if (spline.count == 0) return;
    double four[3][4], r[3];
    for (int d = 0; d < 3; ++d)
      for (int n = 0; n < 4; ++n)
        four[d][n] = spline.basis.slope[n] * by_slope[d] + spline.basis.value[n] * by_value[d];
    vector_to(near, j, r);
    rows.add_force_terms(column + spline.basis.first, spline.count, i, near.index[j], r, four);
  }

  void add_density_change(long column, const SplineValue &spline, double factor)
  {
    for (int n = 0; n < spline.count; ++n) change[column + spline.basis.first + n] += factor * spline.basis.value[n];
  }

  // Forces in the four columns of U, whose terms depend on the density alone.
  void add_embedding(long column, const double *slope) const
  {
    for (int j = 0; j < near.count; ++j) {
      double four[3][4], r[3];
      for (int d = 0; d < 3; ++d)
        for (int n = 0; n < 4; ++n) four[d][n] = slope[n] * gradient[3 * j + d];
      vector_to(near, j, r);
      rows.add_force_terms(column, 4, i, near.index[j], r, four);
    }
  }

  // Coefficients also change the density at which U and its slope are taken.
  void add_through_density(long first, long count, const SplineValue &U) const
  {
    const double *D = &change[first];
    for (long n = 0; n < count; ++n) rows.energy[first + n] += U.slope * D[n];
    const auto add = [&](double *row, double factor) {
      for (long n = 0; n < count; ++n) row[first + n] += factor * D[n];
    };
    double total[3] = {}, virial[6] = {};
    for (int j = 0; j < near.count; ++j) {
      const double *g = &gradient[3 * j];
      double r[3];
      vector_to(near, j, r);
      for (int d = 0; d < 3; ++d) {
        total[d] += g[d];
        add(rows.forces + (3L * near.index[j] + d) * rows.columns, -U.curvature * g[d]);
      }
      for (int v = 0; v < 6; ++v) virial[v] -= r[voigt_row[v]] * g[voigt_column[v]];
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
  for_atom_rows(model.elements, {&model.pair, &model.rho}, model.radial, batch, matrix, visit);
}

}  // namespace snnp
