// Small functions that kernels share with the rest of the engine.
#pragma once

/// Of functions in headers that the kernels call. The linker keeps one copy of an inline function for the whole
/// program, which could be a copy that was compiled for another instruction set; a function that is always inlined has
/// no copy.
#define SNNP_PART __attribute__((always_inline))
