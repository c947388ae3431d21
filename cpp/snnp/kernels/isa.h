// The instruction sets that kernels are compiled for, and the one to use.
#pragma once

#include <vector>

namespace snnp {

/// `base` is what the compiler takes for granted on this kind of machine.
enum class Isa { base, avx2, avx512 };

/// The instruction sets that kernels were compiled for and this CPU has, slowest first.
std::vector<Isa> available_isas();

/// The fastest of them, or the one that the environment variable SNNP_ISA (base, avx2, avx512) names. Throws Error with
/// the names of those that are available if that is none of them.
Isa best_isa();

/// The name of an instruction set, as in SNNP_ISA.
const char *name(Isa isa);

}  // namespace snnp
