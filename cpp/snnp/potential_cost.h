// What a potential costs in memory when it is made ready to be evaluated, before anything of it is allocated.
#pragma once

#include "snnp/potential.h"

namespace snnp {

/// Throws ItemError if the tables of a potential of the right sizes would take far more memory than its numbers do.
void check_cost(const Potential &potential);

}  // namespace snnp
