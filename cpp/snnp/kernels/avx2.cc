#define SNNP_ISA avx2
#define SNNP_KERNELS kernels_avx2
#define SNNP_VECTOR_BYTES 32
#include "snnp/kernels/instance.h"
