#include "snnp/kernels/kernel.h"

namespace snnp {

#define SNNP_DECLARE(isa)                                    \
  void isa(const Plan<double> &, Scratch<double> &, Work &); \
  void isa(const Plan<float> &, Scratch<float> &, Work &);
SNNP_DECLARE(evaluate_base)
#if defined(SNNP_X86)
SNNP_DECLARE(evaluate_avx2)
SNNP_DECLARE(evaluate_avx512)
#endif

template <class Real> Kernel<Real> kernel(Isa isa)
{
#if defined(SNNP_X86)
  if (isa == Isa::avx512) return evaluate_avx512;
  if (isa == Isa::avx2) return evaluate_avx2;
#endif
  (void)isa;
  return evaluate_base;
}

template Kernel<double> kernel(Isa);
template Kernel<float> kernel(Isa);

}  // namespace snnp
