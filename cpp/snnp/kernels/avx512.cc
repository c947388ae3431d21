// The kernels as compiled for one instruction set; CMakeLists.txt has the flags.
#define SNNP_ISA avx512
#define SNNP_VECTOR_BYTES 64
#include "snnp/kernels/block.h"

namespace snnp {

void evaluate_avx512(const Plan<double> &plan, Scratch<double> &scratch, Work &work)
{
  avx512::evaluate(plan, scratch, work);
}

void evaluate_avx512(const Plan<float> &plan, Scratch<float> &scratch, Work &work)
{
  avx512::evaluate(plan, scratch, work);
}

}  // namespace snnp
