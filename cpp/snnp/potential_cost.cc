#include "snnp/potential_cost.h"

#include <algorithm>
#include <cstdio>

#include "snnp/error.h"

namespace snnp {

namespace {

constexpr double harmless = 1 << 30, most = 8.0 * harmless;  // bytes; ten elements with tensors of splines take 5e9
constexpr double usual_growth = 1000;                        // a tensor of splines grows 64-fold
constexpr double bytes_per_number = 8;                       // in double precision

// All splines of a table have an interval wherever one of them has a knot. While tables are made, the 4 coefficients of
// each interval stand in three places, in one of them with 3 of the slope.
double table_numbers(const Spline *splines, std::size_t count)
{
  std::vector<double> knots;
  for (std::size_t m = 0; m < count; ++m) knots.insert(knots.end(), splines[m].knots.begin(), splines[m].knots.end());
  std::sort(knots.begin(), knots.end());
  const auto distinct = std::unique(knots.begin(), knots.end()) - knots.begin();
  return 15.0 * static_cast<double>(distinct + 1) * static_cast<double>(count);
}

// 64 coefficients for each cell of three intervals; all basis functions of each direction on all its intervals.
double table_numbers(const Tensor &t)
{
  const double ij = t.knots_ij.size() + 2.0, ik = t.knots_ik.size() + 2.0, jk = t.knots_jk.size() + 2.0;
  return 64 * ij * ik * jk + 9 * (ij * ij + ik * ik + jk * jk);
}

// As a file has them: of a combination its weights.
double own_numbers(const std::vector<Spline> &splines)
{
  std::size_t count = 0;
  for (const Spline &s : splines)
    count += s.terms.empty() ? s.knots.size() + s.coefficients.size() : 2 * s.terms.size();
  return static_cast<double>(count);
}

}  // namespace

void check_cost(const Potential &p)
{
  double tables = 0, own = own_numbers(p.rho) + own_numbers(p.f) + own_numbers(p.g);
  const std::size_t E = p.size(), n_g = static_cast<std::size_t>(p.n_pairs()) * p.n3;
  for (std::size_t ab = 0; ab < E * E; ++ab)
    tables += table_numbers(p.rho.data() + ab * p.n2, p.n2) + table_numbers(p.f.data() + ab * p.n3, p.n3);
  for (std::size_t a = 0; a < E; ++a) tables += table_numbers(p.g.data() + a * n_g, n_g);
  for (const Tensor &t : p.V) {
    tables += t.empty() ? 0 : table_numbers(t);
    own += static_cast<double>(t.coefficients.size());
  }
  const double bytes = bytes_per_number * tables;
  const double limit = std::min(std::max(harmless, usual_growth * bytes_per_number * own), most);
  if (bytes <= limit) return;
  char text[100];
  std::snprintf(text, sizeof text, "its tables would take %.1f GB, expected at most %.1f GB", bytes * 1e-9,
                limit * 1e-9);
  throw ItemError("potential", text + std::string(": use fewer knots, and the same ones for all splines of a kind"));
}

}  // namespace snnp
