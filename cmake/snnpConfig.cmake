# What find_package(snnp) reads: the target snnp::engine, a static library with the header <snnp/snnp.h>.
include(CMakeFindDependencyMacro)
find_dependency(OpenMP COMPONENTS CXX)
include("${CMAKE_CURRENT_LIST_DIR}/snnpTargets.cmake")
