# Installs the engine for other programs: the library, its one public header, and what find_package(snnp) needs.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)
set(package "${CMAKE_INSTALL_LIBDIR}/cmake/snnp")
write_basic_package_version_file("${PROJECT_BINARY_DIR}/snnpConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
target_include_directories(snnp_engine INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties(snnp_engine PROPERTIES EXPORT_NAME engine)
install(TARGETS snnp_engine EXPORT snnpTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT engine)
install(EXPORT snnpTargets NAMESPACE snnp:: DESTINATION "${package}" COMPONENT engine)
install(FILES cpp/snnp/snnp.h DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/snnp" COMPONENT engine)
install(FILES cmake/snnpConfig.cmake "${PROJECT_BINARY_DIR}/snnpConfigVersion.cmake" DESTINATION "${package}"
  COMPONENT engine)
