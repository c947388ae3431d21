// Energies, forces and virials of a potential over neighbour lists that the caller gives.
#pragma once

#include <memory>

#include "snnp/domain.h"
#include "snnp/kernels/kernel.h"
#include "snnp/neighbors.h"
#include "snnp/potential.h"

namespace snnp {

/// How an engine computes.
enum class Precision {
  full,   ///< in double
  mixed,  ///< splines and sums over the neighbours of an atom in float; positions, distances, φ, ZBL and embeddings,
          ///< and sums over atoms in double
};

/// Where results go. Arrays belong to the caller and are added to; null pointers ask for nothing. Energies are in the
/// unit of the engine, by default eV.
struct Results {
  double energy = 0;           ///< of all centres, eV
  bool with_virial = true;     ///< whether `virial` is wanted
  double virial[6] = {};       ///< Σ r_ij ⊗ F_j, order xx yy zz xy xz yz, eV
  double *forces = nullptr;    ///< atoms × 3, eV/Å
  double *energies = nullptr;  ///< by atom, eV
  double *virials = nullptr;   ///< atoms × 9 (xx xy xz yx …), eV: W_j = Σ_i r_ij ⊗ F_j of E_i
  double *filters = nullptr;   ///< atoms × (1 + n2 + n3): G of each centre
  long n_outside = 0;          ///< centres outside the domain of the training data
  double *outside = nullptr;   ///< by atom: in what way, see Domain; set, not added to
};

/// A potential made ready to be evaluated. Immutable after construction: any number of threads may share one.
class Engine {
 public:
  /// `unit`: what results are multiplied by, for energies in another unit than eV. `isa`: an instruction set that is
  /// available. Throws Error if the potential breaks a rule, or if SNNP_ISA is not the name of such an instruction set.
  explicit Engine(const Potential &potential, double unit = 1, Precision precision = Precision::full,
                  Isa isa = best_isa());

  const Potential &potential() const { return potential_; }
  Precision precision() const { return full_ ? Precision::full : Precision::mixed; }
  double cutoff() const { return cutoff_; }                          ///< the largest of the potential, Å
  int columns() const { return 1 + potential_.n2 + potential_.n3; }  ///< of Results::filters

  /// Adds the energies of all centres of `source` and their derivatives to `results`, with `threads` OpenMP
  /// threads. `n_atoms` is the number of atoms (ghosts included) that neighbour indices refer to. Sums are done in
  /// an order that depends on nothing but the number of threads. Every neighbour has to be, or be an image of, a centre
  /// of some call with the centre among its neighbours: forces of one call alone are not those of its energy.
  template <class Source>
  void evaluate(const Source &source, int n_centers, int n_atoms, int threads, Results &results) const;

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
  void evaluate(Prepared<Real> &, Kernel<Real>, const Source &, int, int, int, Results &) const;
};

}  // namespace snnp
