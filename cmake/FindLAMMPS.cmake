# Finds the headers that a LAMMPS plugin is compiled with, and the version of LAMMPS that they belong to.
#
# LAMMPS is the source tree SNNP_LAMMPS_SOURCE if that is set, else the package `lammps` of the Python interpreter.
# That package is located and never imported: importing it loads MPI, which fails in an isolated build environment.
#
#   LAMMPS::headers         target with the include folders of LAMMPS and of its MPI; nothing is linked, since all
#                           symbols are in the LAMMPS that loads the plugin
#   LAMMPS_VERSION          as LAMMPS writes it: "22 Jul 2025"
#   LAMMPS_MPI_INCLUDE_DIR  folder of mpi.h; to be set if LAMMPS was built with another MPI than the one found here,
#                           or without MPI: then it is src/STUBS of its sources

# Nothing that is found here is cached: the folders of an isolated build environment change from build to build.
if(SNNP_LAMMPS_SOURCE)
  set(headers "${SNNP_LAMMPS_SOURCE}")
  if(EXISTS "${headers}/version.h")
    file(STRINGS "${headers}/version.h" version REGEX "#define LAMMPS_VERSION ")
    string(REGEX REPLACE ".*\"(.*)\".*" "\\1" LAMMPS_VERSION "${version}")
  endif()
else()
  find_package(Python REQUIRED COMPONENTS Interpreter)
  execute_process(
    COMMAND "${Python_EXECUTABLE}" "${CMAKE_CURRENT_LIST_DIR}/locate_lammps.py"
    OUTPUT_VARIABLE located OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  list(POP_FRONT located package LAMMPS_VERSION mpi)
  set(headers "${package}/include/lammps")
endif()
if(EXISTS "${headers}/pair.h")
  set(LAMMPS_INCLUDE_DIR "${headers}")
endif()

if(NOT LAMMPS_MPI_INCLUDE_DIR)
  if(NOT mpi)
    find_package(MPI COMPONENTS CXX)
    set(mpi ${MPI_CXX_INCLUDE_DIRS})
  endif()
  set(LAMMPS_MPI_INCLUDE_DIR ${mpi})
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LAMMPS
  REQUIRED_VARS LAMMPS_INCLUDE_DIR LAMMPS_VERSION LAMMPS_MPI_INCLUDE_DIR
  REASON_FAILURE_MESSAGE "Install \"lammps[mpi]\" for this Python (${Python_EXECUTABLE}), or set SNNP_LAMMPS_SOURCE \
to the folder src of a LAMMPS source tree and LAMMPS_MPI_INCLUDE_DIR to the folder of the mpi.h it is built with.")

if(LAMMPS_FOUND AND NOT TARGET LAMMPS::headers)
  add_library(LAMMPS::headers INTERFACE IMPORTED)
  target_include_directories(LAMMPS::headers SYSTEM INTERFACE "${LAMMPS_INCLUDE_DIR}" ${LAMMPS_MPI_INCLUDE_DIR})
  # The C++ bindings that older MPI headers bring would have to be linked.
  target_compile_definitions(LAMMPS::headers INTERFACE MPICH_SKIP_MPICXX OMPI_SKIP_MPICXX)
endif()
