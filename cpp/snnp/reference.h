// The model of potential.h by its formulas, in plain loops: slow, easy to read, and what all kernels are tested against.
// Nothing but tests uses it.
#pragma once

#include <vector>

#include "snnp/domain.h"
#include "snnp/engine.h"
#include "snnp/zbl.h"

namespace snnp {

/// Evaluates a potential in double, with one thread and without tables: splines by de Boor's recursion.
class Reference {
 public:
  /// `unit` as in Engine. Throws Error if the potential breaks a rule.
  explicit Reference(const Potential &potential, double unit = 1);

  /// As in the constructor.
  const Potential &potential() const { return potential_; }
  double cutoff() const { return potential_.cutoff(); }              ///< the largest of the potential, Å
  int columns() const { return 1 + potential_.n2 + potential_.n3; }  ///< of Results::filters

  /// As Engine::evaluate, with one thread.
  template <class Source> void evaluate(const Source &source, int threads, Results &results) const;

 private:
  struct Neighbor {
    int atom, element;
    double r, u[3];      // distance, Å, and direction
    double gradient[3];  // ∂E_i/∂r_j, eV/Å
  };
  using Neighbors = std::vector<Neighbor>;

  Potential potential_;
  double unit_;
  Domain domain_;
  std::vector<Zbl> zbl_;  // by pair_index

  std::vector<double> filter_values(int element, const Neighbors &near) const;
  void add_filter_gradient(int element, const std::vector<double> &A, Neighbors &near) const;
  double pair_energy(int element, Neighbors &near) const;
  double tensor_energy(int element, Neighbors &near) const;
  double four_body_energy(int element, Neighbors &near) const;
  int outside(int element, const Neighbors &near, const std::vector<double> &G, double energy) const;
};

}  // namespace snnp
