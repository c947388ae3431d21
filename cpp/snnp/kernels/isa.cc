#include "snnp/kernels/isa.h"

#include <cstdlib>
#include <cstring>

namespace snnp {

std::vector<Isa> available_isas()
{
  std::vector<Isa> isas{Isa::base};
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return isas;
  isas.push_back(Isa::avx2);
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw"))
    isas.push_back(Isa::avx512);
#endif
  return isas;
}

const char *name(Isa isa)
{
  static const char *names[] = {"base", "avx2", "avx512"};
  return names[static_cast<int>(isa)];
}

Isa best_isa()
{
  const std::vector<Isa> isas = available_isas();
  if (const char *wish = std::getenv("SNNP_ISA"))
    for (const Isa isa : isas)
      if (std::strcmp(wish, name(isa)) == 0) return isa;
  return isas.back();
}

}  // namespace snnp
