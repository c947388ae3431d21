"""Builds the plugin for a LAMMPS of the user's own: what `snnp build-plugin` does."""

import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from snnp.files import write_aside
from snnp.lammps import PLUGIN, STYLE
from snnp.lammps.locate import Lammps, LammpsError, locate

TESTED = "2 Aug 2023, 29 Aug 2024 and 22 Jul 2025"  # versions, by benchmarks/lammps_versions.py


def find(lammps: str | None) -> Lammps:
    """The LAMMPS at a path, or of a program on the search path; None: that of this Python."""
    if lammps is None:
        return locate()
    path = Path(lammps).expanduser()
    program = shutil.which(lammps) if "/" not in lammps and not path.exists() else None
    return locate(Path(program) if program else path)


def build(lammps: Lammps, output: Path, definitions: Sequence[str] = ()) -> Path:
    """Compiles the plugin for `lammps` into the folder `output` and returns its file.

    definitions: NAME=VALUE for CMake. LammpsError: a tool is missing, or the compiler failed; what it said is then in
    a log in `output`.
    """
    cmake, generator = _program("cmake"), _generator()
    output.mkdir(parents=True, exist_ok=True)
    log = output / "build-plugin.log"
    options = {
        "SNNP_PYTHON": "OFF",
        "SNNP_TESTS": "OFF",
        "SNNP_LAMMPS_PATH": lammps.path,
        "Python_EXECUTABLE": sys.executable,
    }
    given = [f"-D{name}={value}" for name, value in options.items()] + [f"-D{text}" for text in definitions]
    with tempfile.TemporaryDirectory() as folder, open(log, "w") as said:
        _run([cmake, "-S", source_folder(), "-B", folder, "-G", generator, *given], said)
        _run([cmake, "--build", folder, "--parallel"], said)
        for name in (STYLE, PLUGIN):  # the plugin last: it is not there without its style
            # Renamed into place: a LAMMPS that runs keeps the file that it has loaded.
            write_aside(output / name, lambda aside, name=name: shutil.copy(Path(folder, "lammps_plugin", name), aside))
    log.unlink()
    return output / PLUGIN


def how_to_load(plugin: Path) -> str:
    """What a user writes to make a LAMMPS load the plugin."""
    plugin = plugin.resolve()
    return (
        f"wrote {plugin} and, to stay beside it, {STYLE}\n"
        f"in an input script, before pair_style:\n    plugin load {plugin}\n"
        f"or for all runs, in the shell:\n    export LAMMPS_PLUGIN_PATH={plugin.parent}"
    )


def source_folder() -> Path:
    """Sources of the plugin: the checkout that this file is in, else what the installed package brings."""
    checkout = Path(__file__).resolve().parents[3]
    if (checkout / "lammps_plugin" / "CMakeLists.txt").is_file():
        return checkout
    return Path(__file__).resolve().parent / "source"


def _program(name: str) -> str:
    """A program on the search path or beside this Python, where pip puts it."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if not found:
        raise LammpsError(f"{name} is needed to build the plugin: pip install {name}")
    return found


def _generator() -> str:
    if not (os.environ.get("CXX") or any(shutil.which(name) for name in ("c++", "g++", "clang++"))):
        raise LammpsError("a C++17 compiler is needed to build the plugin; found no c++, g++ or clang++")
    return "Unix Makefiles" if shutil.which("make") else "Ninja" if _program("ninja") else ""


def _run(command: Sequence[str | Path], said) -> None:
    done = subprocess.run(command, stdout=said, stderr=subprocess.STDOUT)
    if done.returncode == 0:
        return
    said.flush()
    raise LammpsError(
        f"the plugin could not be built ({_first_error(Path(said.name))}); {said.name} has all that was said. "
        f"It is tested with LAMMPS {TESTED}"
    )


def _first_error(log: Path) -> str:
    """What the compiler or CMake complained of first."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    for number, line in enumerate(lines):
        if "error:" in line:
            return line
        if line.startswith("CMake Error"):
            after = itertools.takewhile(
                lambda text: not text.startswith(("Call Stack", "CMake Error", "--")), lines[number + 1 :]
            )
            return " ".join(after) if line.endswith(":") else line
    return lines[-1] if lines else "no output"
