// The instruction sets that kernels are compiled for, and the one to use.
#pragma once

#include <vector>

namespace snnp {

enum class Isa { base, avx2, avx512 };

/// The instruction sets that this CPU has, poorest first; `base` is what the compiler takes for granted.
std::vector<Isa> available_isas();

/// The best of them, or the one that the environment variable SNNP_ISA (base, avx2, avx512) names if the CPU has it.
Isa best_isa();

const char *name(Isa isa);

}  // namespace snnp
