// What plans are made of: memory, intervals, and the cubics of splines about the middles of intervals.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "snnp/kernels/scratch.h"
#include "snnp/spline.h"

namespace snnp {

/// Keeps arrays on cache lines for as long as the plan lives.
class Memory {
 public:
  /// Room for `count` numbers, zero at first.
  template <class T> T *array(std::size_t count)
  {
    buffers_.push_back(std::make_unique<Buffer>());
    buffers_.back()->reserve(std::max<std::size_t>(1, count) * sizeof(T));
    return buffers_.back()->as<T>();
  }
  /// A copy.
  template <class T> const T *keep(const std::vector<T> &v)
  {
    T *a = array<T>(v.size());
    std::copy(v.begin(), v.end(), a);
    return a;
  }
  /// A copy that knows its length.
  template <class T> Span<T> span(const std::vector<T> &v) { return {keep(v), static_cast<int>(v.size())}; }

 private:
  std::vector<std::unique_ptr<Buffer>> buffers_;
};

/// The intervals of an axis: their middles, and edges between them.
struct Intervals {
  Axis axis;
  std::vector<double> middle;

  /// Number of intervals.
  int count() const { return static_cast<int>(middle.size()); }
};

/// `ends`: one more interval below the first knot and one beyond the last.
Intervals make_intervals(Memory &memory, std::vector<double> knots, bool ends);

/// The cubics of a table about the middles of intervals, in the variable t of the axis:
/// c[(interval · 4 + k) · columns + m].
std::vector<double> centred(const Table &table, const Intervals &intervals, bool ends);

}  // namespace snnp
