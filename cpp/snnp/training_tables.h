// Tables of filters, and sums of the same layout, as the kernels of a fit see them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <new>
#include <vector>

#include "snnp/filters.h"
#include "snnp/kernels/training_plan.h"

namespace snnp {

/// Memory that is aligned to the largest vectors, handed out piece by piece and taken back all at once.
class Arena {
 public:
  /// n objects without a value.
  template <class T> T *take(std::size_t n)
  {
    const std::size_t bytes = (n * sizeof(T) + line - 1) / line * line;
    while (chunk_ < chunks_.size() && used_ + bytes > chunks_[chunk_].size) ++chunk_, used_ = 0;
    if (chunk_ == chunks_.size()) chunks_.emplace_back(std::max(bytes, usual_chunk));
    T *piece = reinterpret_cast<T *>(chunks_[chunk_].memory.get() + used_);
    used_ += bytes;
    return piece;
  }
  /// Takes everything back; the memory is kept for what comes next.
  void clear() { chunk_ = used_ = 0; }

 private:
  static constexpr std::size_t line = 64, usual_chunk = 1 << 20;
  struct Delete {
    void operator()(std::byte *p) const { ::operator delete(p, std::align_val_t(line)); }
  };
  struct Chunk {
    std::size_t size;
    std::unique_ptr<std::byte, Delete> memory;
    explicit Chunk(std::size_t bytes)
        : size(bytes), memory(static_cast<std::byte *>(::operator new(bytes, std::align_val_t(line))))
    {
    }
  };
  std::vector<Chunk> chunks_;
  std::size_t chunk_ = 0, used_ = 0;
};

/// The tables of filters in one piece by kind, three-body filters in the precision of Real. The filters have to live as
/// long.
template <class Real> class TrainingTables {
 public:
  /// Copies the coefficients.
  explicit TrainingTables(const Filters &filters)
  {
    const int E = filters.elements;
    for (int abc = 0; abc < E * E * E; ++abc)
      triplet_.push_back(filters.angle_index(abc / (E * E), abc / E % E, abc % E));
    view = {E, filters.n2, filters.n3, pair_.template of<double>(filters.pair), {}, {}, triplet_.data(), false};
    if (filters.n3 == 0) return;
    view.radial = radial_.template of<Real>(filters.radial);
    view.angle = angle_.template of<Real>(filters.angle);
    view.uniform_angles = uniform(filters.angle);
  }
  TrainingTables(const TrainingTables &) = delete;
  TrainingTables &operator=(const TrainingTables &) = delete;

  FilterTables<Real> view;

 private:
  struct Kind {
    Arena memory;
    std::vector<GridView> grids;
    std::vector<int> first_row;

    template <class T> SplineTables<T> of(const std::vector<Table> &tables)
    {
      std::size_t size = 0;
      for (const Table &t : tables) {
        first_row.push_back(static_cast<int>(size / (4 * t.stride())));
        grids.push_back(t.grid().view());
        size += t.data().size();
      }
      T *c = memory.take<T>(size), *to = c;
      for (const Table &t : tables) to = std::copy(t.data().begin(), t.data().end(), to);
      return {grids.data(), first_row.data(), c, tables[0].stride()};
    }
  };
  Kind pair_, radial_, angle_;
  std::vector<int> triplet_;

  // Whether all tables have the same knots at equal distances.
  static bool uniform(const std::vector<Table> &tables)
  {
    const std::vector<double> &knots = tables[0].grid().knots();
    const double range = knots.back() - knots.front(), step = range / (knots.size() - 1);
    for (std::size_t n = 0; n < knots.size(); ++n)
      if (std::abs(knots[n] - knots[0] - n * step) > 1e-12 * range) return false;
    return std::all_of(tables.begin(), tables.end(), [&](const Table &t) { return t.grid().knots() == knots; });
  }
};

/// Sums of one thread, zero at first, in the layout of TrainingTables.
template <class Real> class TrainingSums {
 public:
  /// For the coefficients of `shape`.
  explicit TrainingSums(const Filters &shape)
      : view_{zeros<double>(shape.pair), zeros<Real>(shape.radial), zeros<Real>(shape.angle)}
  {
  }
  TrainingSums(const TrainingSums &) = delete;
  TrainingSums &operator=(const TrainingSums &) = delete;

  /// For kernels; as long as these sums live.
  const FilterSums<Real> &view() const { return view_; }
  /// Adds them to tables of the same shape.
  void add_to(Filters &target) const
  {
    add(target.pair, view_.pair);
    add(target.radial, view_.radial);
    add(target.angle, view_.angle);
  }

 private:
  Arena memory_;
  FilterSums<Real> view_;

  template <class T> T *zeros(const std::vector<Table> &tables)
  {
    std::size_t size = 0;
    for (const Table &t : tables) size += t.data().size();
    T *sums = memory_.take<T>(size);
    std::fill_n(sums, size, T{});
    return sums;
  }
  template <class T> static void add(std::vector<Table> &target, const T *from)
  {
    for (Table &t : target)
      for (double &x : t.data()) x += *from++;
  }
};

}  // namespace snnp
