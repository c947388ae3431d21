#include "snnp/spline.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "snnp/error.h"

namespace snnp {

namespace {

// The knots with both ends repeated four times.
std::vector<double> clamped(const std::vector<double> &knots)
{
  std::vector<double> t(3, knots.front());
  t.insert(t.end(), knots.begin(), knots.end());
  t.insert(t.end(), 3, knots.back());
  return t;
}

// de Boor's recursion for degree p at x in [t[span], t[span + 1]).
double de_boor(const std::vector<double> &t, const std::vector<double> &c, int p, int span, double x)
{
  double d[4];
  for (int j = 0; j <= p; ++j) d[j] = c[j + span - p];
  for (int r = 1; r <= p; ++r)
    for (int j = p; j >= r; --j) {
      const double left = t[j + span - p], right = t[j + 1 + span - r];
      const double a = (x - left) / (right - left);
      d[j] = (1 - a) * d[j - 1] + a * d[j];
    }
  return d[p];
}

// The derivative of a B-spline of degree p is one of degree p − 1 on the same knots; the coefficient in front is
// unused, so that indices stay those of the knots.
std::vector<double> differentiate(const std::vector<double> &t, const std::vector<double> &c, int p)
{
  std::vector<double> d(c.size(), 0.0);
  for (std::size_t i = 1; i < c.size(); ++i) {
    const double width = t[i + p] - t[i];
    if (width > 0) d[i] = p * (c[i] - c[i - 1]) / width;
  }
  return d;
}

double evaluate_on(const std::vector<double> &t, const std::vector<double> &c, int derivative, int interval, double x)
{
  std::vector<double> d = c;
  for (int n = 0; n < derivative; ++n) {
    d = differentiate(t, d, 3 - n);
  }
  // After n derivatives the first n coefficients are unused and the span of degree 3 − n still ends at interval + 3.
  return de_boor(t, d, 3 - derivative, interval + 3, x);
}

}  // namespace

double evaluate(const Spline &spline, double x, int derivative)
{
  const auto above = std::upper_bound(spline.knots.begin() + 1, spline.knots.end() - 1, x);
  const int interval = static_cast<int>(above - spline.knots.begin()) - 1;
  return evaluate_on(clamped(spline.knots), spline.coefficients, derivative, interval, x);
}

Spline combination(std::vector<Spline::Term> terms)
{
  if (terms.empty()) throw Error("a combination of curves needs at least one");
  for (const Spline::Term &term : terms) {
    const Spline *curve = term.curve.get();
    if (!curve || curve->knots.size() < 2 || curve->coefficients.size() != curve->knots.size() + 2)
      throw Error("a combination needs curves of 2 or more knots and two coefficients more than that");
    if (curve->knots != terms[0].curve->knots || curve->open != terms[0].curve->open)
      throw Error("curves of a combination must have the same knots, and be all open or all not");
  }
  Spline sum{terms[0].curve->knots, terms[0].curve->coefficients, terms[0].curve->open};
  for (double &c : sum.coefficients) c *= terms[0].weight;
  for (std::size_t k = 1; k < terms.size(); ++k)
    for (std::size_t i = 0; i < sum.coefficients.size(); ++i)
      sum.coefficients[i] += terms[k].weight * terms[k].curve->coefficients[i];
  sum.terms = std::move(terms);
  return sum;
}

std::vector<double> polynomial_pieces(const Spline &spline)
{
  static const double factorial[4] = {1, 1, 2, 6};
  const int intervals = static_cast<int>(spline.knots.size()) - 1;
  const std::vector<double> t = clamped(spline.knots);
  std::vector<double> pieces(4 * intervals, 0.0);
  std::vector<double> c = spline.coefficients;
  for (int k = 0; k < 4; ++k) {
    for (int i = 0; i < intervals; ++i)
      if (spline.knots[i] < spline.knots[i + 1])
        pieces[4 * i + k] = de_boor(t, c, 3 - k, i + 3, spline.knots[i]) / factorial[k];
    if (k < 3) c = differentiate(t, c, 3 - k);
  }
  return pieces;
}

Grid::Grid(std::vector<double> knots) : knots_(std::move(knots))
{
  const int n = intervals() - 1;
  double narrowest = knots_.back() - knots_.front();
  for (int i = 0; i < n; ++i) narrowest = std::min(narrowest, knots_[i + 1] - knots_[i]);
  const double width = knots_.back() - knots_.front();
  // As fine as the narrowest interval, within reason; a coarser cell only means that the search walks further.
  const int cells = static_cast<int>(std::min(std::round(width / narrowest), 16.0 * n));
  cells_per_unit_ = cells / width;
  last_cell_ = cells;
  first_in_cell_.resize(cells);
  for (int cell = 0, i = 0; cell < cells; ++cell) {
    // Rounding may put an x into this cell that lies a hair below its left edge: start that much lower.
    const double edge = knots_.front() + (cell - 1e-9) / cells_per_unit_;
    while (i < n - 1 && edge >= knots_[i + 1]) ++i;
    first_in_cell_[cell] = i;
  }
}

Table::Table(Grid grid, int columns)
    : grid_(std::move(grid)), columns_(columns), stride_((columns + pad - 1) / pad * pad),
      data_(4L * stride_ * grid_.intervals(), 0.0)
{
}

namespace {

std::vector<double> union_of_knots(const std::vector<const Spline *> &columns)
{
  std::vector<double> knots;
  for (const Spline *s : columns) knots.insert(knots.end(), s->knots.begin(), s->knots.end());
  std::sort(knots.begin(), knots.end());
  knots.erase(std::unique(knots.begin(), knots.end()), knots.end());
  return knots;
}

// Taylor shift: the cubic c about 0 becomes the cubic about d.
void shift(const double *c, double d, double *out)
{
  out[0] = c[0] + d * (c[1] + d * (c[2] + d * c[3]));
  out[1] = c[1] + d * (2 * c[2] + d * 3 * c[3]);
  out[2] = c[2] + d * 3 * c[3];
  out[3] = c[3];
}

}  // namespace

Table::Table(const std::vector<const Spline *> &columns)
    : Table(Grid(union_of_knots(columns)), static_cast<int>(columns.size()))
{
  for (int m = 0; m < columns_; ++m) {
    const Spline &s = *columns[m];
    const std::vector<double> pieces = polynomial_pieces(s);
    const double below[4] = {pieces[0], pieces[1], 0, 0};
    for (int i = 0; i < grid_.intervals(); ++i) {
      const double origin = grid_.knots()[i == 0 ? 0 : i - 1];
      double c[4] = {0, 0, 0, 0};
      if (i == 0 || origin < s.front())
        shift(below, origin - s.front(), c);
      else if (origin < s.back()) {
        const auto above = std::upper_bound(s.knots.begin() + 1, s.knots.end() - 1, origin);
        const int piece = static_cast<int>(above - s.knots.begin()) - 1;
        shift(&pieces[4 * piece], origin - s.knots[piece], c);
      }
      for (int k = 0; k < 4; ++k) at(i)[k * stride_ + m] = c[k];
    }
  }
}

}  // namespace snnp
