#include "snnp/kernels/tables.h"

#include <cmath>
#include <limits>

namespace snnp {

namespace {

bool uniform(const std::vector<double> &knots)
{
  const std::size_t n = knots.size() - 1;
  const double h = (knots[n] - knots[0]) / n;
  // The polynomials are those of the true knots; only the point where one takes over from the next moves by that much.
  for (std::size_t i = 1; i < n; ++i)
    if (std::abs(knots[i] - knots[0] - i * h) > 1e-10 * h) return false;
  return true;
}

}  // namespace

Intervals make_intervals(Memory &memory, std::vector<double> knots, bool ends)
{
  const int pieces = static_cast<int>(knots.size()) - 1, below = ends ? 1 : 0;
  const double first = knots.front();
  double last = knots.back();
  if (!ends && pieces > 2) {
    // Whether the last interval is as wide as the others is no matter if nothing beyond its end is ever asked for.
    const double next = 2 * knots[pieces - 1] - knots[pieces - 2];
    if (next > last) knots[pieces] = last = next;
  }
  const double range = last - first, h = range / pieces;
  Intervals all;
  Axis &axis = all.axis;
  axis.per_unit = 1 / h;
  axis.last = pieces - 1 + 2 * below;
  const bool even = uniform(knots);
  for (int i = -below; i < pieces + below; ++i) {
    const bool inside = 0 <= i && i < pieces;
    all.middle.push_back(even || !inside ? first + (i + 0.5) * h : 0.5 * (knots[i] + knots[i + 1]));
  }
  if (even) {
    axis.scale = axis.per_unit;
    axis.shift = below - 0.5 - first / h;
    return all;
  }
  double narrowest = range;
  for (int i = 0; i < pieces; ++i) narrowest = std::min(narrowest, knots[i + 1] - knots[i]);
  // As fine as the narrowest interval, within reason; a coarser cell only means that the search walks further.
  const int cells = static_cast<int>(std::min(std::round(range / narrowest), 16.0 * pieces));
  axis.scale = cells / range;
  axis.shift = -0.5 - first * axis.scale;
  axis.last_cell = cells - 1;
  std::vector<double> edges(knots.begin() + 1 - below, knots.end() - 1 + below);
  edges.push_back(std::numeric_limits<double>::infinity());
  std::vector<int> start;
  for (int cell = 0; cell < cells; ++cell) {
    // Rounding may put an x into this cell that lies a hair below its left edge: start that much lower.
    const double edge = first + (cell - 1e-6) / axis.scale;
    start.push_back(static_cast<int>(std::upper_bound(edges.begin(), edges.end(), edge) - edges.begin()));
  }
  axis.cell = memory.keep(start);
  axis.edge = memory.keep(edges);
  axis.middle = memory.keep(all.middle);
  return all;
}

std::vector<double> centred(const Table &table, const Intervals &intervals, bool ends)
{
  const int columns = table.columns();
  std::vector<double> all(4L * columns * intervals.count(), 0.0);
  for (int i = 0; i < intervals.count(); ++i) {
    if (ends && i == intervals.count() - 1) continue;  // nothing beyond the last knot
    const double middle = intervals.middle[i];
    const GridPosition position = table.grid().find(middle);
    const double d = position.t, h = 1 / intervals.axis.per_unit;
    const double *c = table.at(position.interval);
    for (int m = 0; m < columns; ++m) {
      const double c0 = c[m], c1 = c[table.stride() + m], c2 = c[2 * table.stride() + m],
                   c3 = c[3 * table.stride() + m];
      double *to = &all[4L * columns * i + m];
      to[0] = c0 + d * (c1 + d * (c2 + d * c3));
      to[columns] = h * (c1 + d * (2 * c2 + d * 3 * c3));
      to[2 * columns] = h * h * (c2 + d * 3 * c3);
      to[3 * columns] = h * h * h * c3;
    }
  }
  return all;
}

}  // namespace snnp
