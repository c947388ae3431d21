#define SNNP_ISA avx512
#define SNNP_KERNELS kernels_avx512
#define SNNP_VECTOR_BYTES 64
#include "snnp/kernels/instance.h"
