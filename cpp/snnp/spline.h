// Cubic splines: how they are given (clamped B-splines) and how they are evaluated (tables of polynomial pieces).
#pragma once

#include <memory>
#include <vector>

#include "snnp/always_inline.h"

namespace snnp {

/// A cubic spline as a clamped cubic B-spline (C. de Boor, A Practical Guide to Splines, 1978): the first and the last
/// knot count four times. It is C² where knots are simple; at a knot that stands twice the second derivative may jump,
/// at one that stands three times the first.
struct Spline {
  /// One of the parts of a spline that is a sum: weight · curve. Other splines may have the same curve.
  struct Term {
    double weight;
    std::shared_ptr<const Spline> curve;
  };

  std::vector<double> knots;         ///< n ≥ 2 increasing knots (Å, or 1 for a cosine)
  std::vector<double> coefficients;  ///< n + 2 B-spline coefficients
  bool open = false;                 ///< a radial one may end with a value or slope other than zero
  std::vector<Term> terms{};         ///< what it is the `combination` of; empty: it is none

  /// The first and the last knot.
  double front() const { return knots.front(); }
  double back() const { return knots.back(); }
};

/// The sum of one or more terms, with coefficients w_1 c_1 + w_2 c_2 + …, added from left to right. Throws Error unless
/// all curves have the same knots and are all open or all not.
Spline combination(std::vector<Spline::Term> terms);

/// The spline as polynomials, 4 numbers per interval: s(x) = Σ_k c[4 i + k] (x − knots[i])^k; zeros for an interval
/// without width.
std::vector<double> polynomial_pieces(const Spline &spline);

/// The spline (or one of its first three derivatives) at x inside its knots, by de Boor's recursion.
/// Slow and obvious: the reference for everything else.
double evaluate(const Spline &spline, double x, int derivative = 0);

/// Where a number x lies in a Grid: its interval, and its distance t from the interval's origin (the left knot; the
/// first knot for interval 0).
struct GridPosition {
  int interval;
  double t;
};

/// The arrays of a Grid, for kernels.
struct GridView {
  const double *knots;
  const int *first_in_cell;
  int intervals;
  double cells_per_unit, last_cell;

  /// As Grid::find.
  SNNP_PART GridPosition find(double x) const
  {
    if (x < knots[0]) return {0, x - knots[0]};
    const double cell = (x - knots[0]) * cells_per_unit;
    int i = cell < last_cell ? first_in_cell[static_cast<int>(cell)] : intervals - 2;
    // A cell starts in the interval of its left edge or one before it, so the search only moves up.
    while (i < intervals - 2 && x >= knots[i + 1]) ++i;
    return {i + 1, x - knots[i]};
  }
};

/// The intervals of a knot sequence, and the search for the one that holds x.
///
/// Interval 0 is everything below the first knot, where a spline continues linearly; interval i ≥ 1 lies between
/// knots i − 1 and i. There are as many intervals as knots.
class Grid {
 public:
  Grid() = default;
  /// n ≥ 2 knots that do not decrease.
  explicit Grid(std::vector<double> knots);

  /// As many as knots: the one below the first knot, and those between knots.
  int intervals() const { return static_cast<int>(knots_.size()); }
  /// All knots, the first, and the last.
  const std::vector<double> &knots() const { return knots_; }
  double front() const { return knots_.front(); }
  double back() const { return knots_.back(); }

  /// The position of x; values beyond the last knot belong to the last interval.
  GridPosition find(double x) const { return view().find(x); }
  /// For kernels; as long as this grid lives.
  GridView view() const { return {knots_.data(), first_in_cell_.data(), intervals(), cells_per_unit_, last_cell_}; }

 private:
  std::vector<double> knots_;
  std::vector<int> first_in_cell_;  // uniform cells laid over the knots; as many as intervals when those are uniform
  double cells_per_unit_ = 0;
  double last_cell_ = 0;
};

/// Several splines on one grid, one in each column: column m is Σ_k at(interval)[k · stride + m] t^k with t of
/// GridPosition. Memory, interval after interval, with zeros in the columns from `columns` to `stride`:
///
///     interval 0                                                    interval 1
///     | t⁰: column 0 … stride − 1 | t¹: … | t²: … | t³: … |         | t⁰: … | …
///
/// so that all splines are evaluated at one x from one place in memory.
class Table {
 public:
  static constexpr int pad = 8;  ///< stride is a multiple of this: whole AVX-512 vectors of double

  Table() = default;
  /// Columns of zeros.
  Table(Grid grid, int columns);
  /// The union of the knots of all columns becomes the grid, so columns may have any knots and any end.
  explicit Table(const std::vector<const Spline *> &columns);

  /// Of all columns.
  const Grid &grid() const { return grid_; }
  /// Number of splines, and of numbers from one power of t to the next.
  int columns() const { return columns_; }
  int stride() const { return stride_; }
  /// The coefficients of an interval, 4 × stride.
  const double *at(int interval) const { return data_.data() + 4L * stride_ * interval; }
  double *at(int interval) { return data_.data() + 4L * stride_ * interval; }
  std::vector<double> &data() { return data_; }  ///< intervals × 4 × stride
  const std::vector<double> &data() const { return data_; }

 private:
  Grid grid_;
  int columns_ = 0, stride_ = 0;
  std::vector<double> data_;
};

}  // namespace snnp
