// The kernels as compiled for one instruction set; CMakeLists.txt has the flags.
#define SNNP_ISA base
#define SNNP_VECTOR_BYTES 16
#include "snnp/kernels/block.h"

namespace snnp {

void evaluate_base(const Plan<double> &plan, Scratch<double> &scratch, Work &work)
{
  base::evaluate(plan, scratch, work);
}

void evaluate_base(const Plan<float> &plan, Scratch<float> &scratch, Work &work)
{
  base::evaluate(plan, scratch, work);
}

}  // namespace snnp
