#include "snnp/kernels/kernel.h"

#include <cstdlib>
#include <string>

#include "snnp/error.h"

namespace snnp {

extern const Kernels kernels_base;
#if defined(SNNP_X86)
extern const Kernels kernels_avx2, kernels_avx512;
#endif

namespace {

struct Version {
  Isa isa;
  const char *name;
  const Kernels *kernels;
  bool (*runs_here)();
};

// The one place where instruction sets are listed and chosen, slowest first.
const Version versions[] = {
    {Isa::base, "base", &kernels_base, [] { return true; }},
#if defined(SNNP_X86)
    {Isa::avx2, "avx2", &kernels_avx2, [] { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }},
    {Isa::avx512, "avx512", &kernels_avx512,
     [] {
       return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("avx512f") &&
              __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
              __builtin_cpu_supports("avx512bw");
     }},
#endif
};

const Version &version(Isa isa)
{
  for (const Version &v : versions)
    if (v.isa == isa) return v;
  throw Error("this build has no kernels for the instruction set that was asked for");
}

}  // namespace

std::vector<Isa> available_isas()
{
#if defined(SNNP_X86)
  __builtin_cpu_init();
#endif
  std::vector<Isa> isas;
  for (const Version &v : versions)
    if (v.runs_here()) isas.push_back(v.isa);
  return isas;
}

Isa best_isa()
{
  const std::vector<Isa> isas = available_isas();
  const char *wish = std::getenv("SNNP_ISA");
  if (!wish || !*wish) return isas.back();
  std::string names;
  for (const Isa isa : isas) {
    if (std::string(wish) == name(isa)) return isa;
    names += (names.empty() ? "" : ", ") + std::string(name(isa));
  }
  throw Error("environment variable SNNP_ISA: found '" + std::string(wish) +
              "', expected one of the instruction sets of this machine: " + names);
}

const char *name(Isa isa) { return version(isa).name; }

const Kernels &kernels(Isa isa) { return *version(isa).kernels; }

}  // namespace snnp
