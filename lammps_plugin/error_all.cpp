/* ----------------------------------------------------------------------
   Pair style snnp for LAMMPS. Distributed under the GNU General Public
   License, version 2, as LAMMPS is; see the file LICENSE in this folder.

   A call of error->all that a LAMMPS of any version understands. GNU's C++
   library has two layouts of std::string, and LAMMPS was compiled with one
   of them: this file is compiled once for each, see CMakeLists.txt.
------------------------------------------------------------------------- */

#include <dlfcn.h>
#include <string>

#if _GLIBCXX_USE_CXX11_ABI
static const char *const symbol = "_ZN9LAMMPS_NS5Error3allERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEEiS8_";
#else
static const char *const symbol = "_ZN9LAMMPS_NS5Error3allERKSsiS2_";
#endif

// Returns if this process has no LAMMPS with this layout. `error`: the object of class LAMMPS_NS::Error.
void SNNP_ERROR_ALL(void *error, const char *file, int line, const char *sentence)
{
  using All = void(void *self, const std::string &file, int line, const std::string &sentence);
  if (const auto all = reinterpret_cast<All *>(dlsym(RTLD_DEFAULT, symbol))) all(error, file, line, sentence);
}
