// Structures with their neighbour lists, as the engine takes them.
#pragma once

#include "arrays.h"
#include "snnp/training.h"

namespace snnp::bindings {

/// More threads than this are taken for a mistake, before the system runs out of them.
constexpr int max_threads = 1024;

/// A batch of structures. It owns copies of all arrays, so that nobody can change them after they were checked.
class Structures {
 public:
  Structures(const py::object &offsets, const py::object &indices, const Numbers &vectors, const py::object &elements,
             const py::object &structure, int n_structures);

  /// Several as one, in their order.
  explicit Structures(const std::vector<const Structures *> &parts);

  /// Periodic cells of few atoms; see `bind_structures`. failed: numbers of cells whose atoms have no neighbours.
  static Structures of_cells(const Numbers &positions, const Numbers &cells, const py::object &elements,
                             const py::object &structure, double cutoff, int most, std::vector<int> &failed);

  int n_atoms() const { return static_cast<int>(elements_.size()); }
  int n_structures() const { return n_structures_; }
  const std::vector<std::ptrdiff_t> &offsets() const { return offsets_; }
  const std::vector<int> &indices() const { return indices_; }
  const std::vector<double> &vectors() const { return vectors_; }
  const std::vector<int> &elements() const { return elements_; }
  const std::vector<int> &structure() const { return structure_; }

  /// What the engine takes; raises Error for an element beyond `n_elements` or a number of threads that makes no sense.
  Batch batch(int n_elements, int threads) const;

 private:
  friend class Packed;

  Structures() = default;
  /// One structure that was checked before.
  Structures(std::vector<std::ptrdiff_t> offsets, std::vector<int> indices, std::vector<double> vectors,
             std::vector<int> elements)
      : offsets_(std::move(offsets)), indices_(std::move(indices)), elements_(std::move(elements)),
        structure_(elements_.size(), 0), vectors_(std::move(vectors)), n_structures_(1)
  {
  }

  void set_atoms(const py::object &elements, const py::object &structure);
  void check_distances() const;

  std::vector<std::ptrdiff_t> offsets_;
  std::vector<int> indices_, elements_, structure_;
  std::vector<double> vectors_;
  int n_structures_ = 0;
};

}  // namespace snnp::bindings
