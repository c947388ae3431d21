#define SNNP_ISA base
#define SNNP_KERNELS kernels_base
#define SNNP_VECTOR_BYTES 16
#include "snnp/kernels/instance.h"
