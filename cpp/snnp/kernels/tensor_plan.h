// Makes the tables of tensor terms; tensor.h tells what they are for.
#pragma once

#include "snnp/kernels/tables.h"

namespace snnp {

/// `scale`: what energies are multiplied by.
template <class Real> TensorPlan<Real> make_tensor_plan(Memory &memory, const Tensor &tensor, double scale);

}  // namespace snnp
