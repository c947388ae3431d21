// The kernels as compiled for the instruction set of the file that includes this, which defines SNNP_ISA, the name of
// its namespace, SNNP_KERNELS, the name of the table of its functions, and SNNP_VECTOR_BYTES. CMakeLists.txt has the flags.
#include "snnp/kernels/block.h"
#include "snnp/kernels/training_embedding.h"
#include "snnp/kernels/training_filters.h"
#include "snnp/kernels/training_four_body.h"

namespace snnp {

extern const Kernels SNNP_KERNELS;
const Kernels SNNP_KERNELS = {
    SNNP_ISA::evaluate<double>,
    SNNP_ISA::evaluate<float>,
    {SNNP_ISA::filter_values<double>, SNNP_ISA::filter_gradient<double>, SNNP_ISA::filter_tangent<double>,
     SNNP_ISA::filter_parameters<double>},
    {SNNP_ISA::filter_values<float>, SNNP_ISA::filter_gradient<float>, SNNP_ISA::filter_tangent<float>,
     SNNP_ISA::filter_parameters<float>},
    {SNNP_ISA::C, SNNP_ISA::network_values, SNNP_ISA::network_gradient},
    {SNNP_ISA::C, SNNP_ISA::four_body_sums, SNNP_ISA::four_body_block, SNNP_ISA::four_body_forces,
     SNNP_ISA::four_body_tangent, SNNP_ISA::four_body_parameters},
};

}  // namespace snnp
