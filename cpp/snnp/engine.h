// Energies, forces and virials of a potential over neighbour lists that the caller gives.
#pragma once

#include <memory>

#include "snnp/domain.h"
#include "snnp/kernels/kernel.h"
#include "snnp/neighbors.h"
#include "snnp/potential.h"

namespace snnp {

/// A potential made ready to be evaluated. Immutable after construction: any number of threads may share one.
class Engine {
 public:
  /// `unit`: what results are multiplied by, for energies in another unit than eV. `isa`: an instruction set that is
  /// available. Throws Error if the potential breaks a rule, or if SNNP_ISA is not the name of such an instruction set.
  explicit Engine(const Potential &potential, double unit = 1, Precision precision = Precision::full,
                  Isa isa = best_isa());

  /// As in the constructor.
  const Potential &potential() const { return potential_; }
  Precision precision() const { return full_ ? Precision::full : Precision::mixed; }
  double cutoff() const { return cutoff_; }                          ///< the largest of the potential, Å
  int columns() const { return 1 + potential_.n2 + potential_.n3; }  ///< of Results::filters

  /// Model::evaluate without its checks; throws std::bad_alloc. `Source` is IndexedNeighbors or VectorNeighbors.
  template <class Source> void evaluate(const Source &source, int threads, Results &results) const;

 private:
  Potential potential_;
  double cutoff_;
  Isa isa_;
  // A potential as the kernels want it, and their memory.
  template <class Real> struct Prepared {
    Plan<Real> plan;
    ScratchPool<Real> scratch;
    Prepared(const Potential &potential, double unit, Isa isa)
        : plan(make_plan<Real>(potential, unit, isa)), scratch(plan)
    {
    }
  };
  // One of them is there. Shared by copies of the engine, for it refers to itself.
  std::shared_ptr<Prepared<double>> full_;
  std::shared_ptr<Prepared<float>> mixed_;

  template <class Source, class Real>
  void evaluate(Prepared<Real> &, Kernel<Real>, const Source &, int, Results &) const;
};

}  // namespace snnp
