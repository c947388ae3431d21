"""Those who only run potentials need no PyTorch."""

import sys
from pathlib import Path
from subprocess import run

import ase.io
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from foreign_files import setfl
from support import random_potential, write

WITHOUT_TORCH = "import sys; sys.modules.update(torch=None, yaml=None); sys.argv = sys.argv[1:]; "


def python(code, *words):
    return run([sys.executable, "-c", WITHOUT_TORCH + code, *map(str, words)], capture_output=True, text=True)


def test_potentials_are_evaluated_without_torch(tmp_path):
    potential = write(random_potential(["Si"]), tmp_path / "Si.snnp")
    atoms = bulk("Si", cubic=True)
    atoms.calc = SinglePointCalculator(atoms, energy=0.0, forces=atoms.positions)
    ase.io.write(tmp_path / "data.xyz", atoms)
    done = python("from snnp.cli import app; app()", "snnp", "eval", potential, tmp_path / "data.xyz", "--json")
    assert done.returncode == 0, done.stderr
    assert '"energy_mae_meV_per_atom"' in done.stdout


def test_potentials_are_converted_without_torch(tmp_path):
    source, target = tmp_path / "X.eam.alloy", tmp_path / "X.snnp"
    source.write_text(setfl(["Si"]))
    done = python("from snnp.cli import app; app()", "snnp", "convert", source, target)
    assert done.returncode == 0, done.stderr
    assert target.is_file()


def test_fitting_without_torch_says_what_to_install(tmp_path):
    done = python("from snnp.cli import fit_app; fit_app()", "snnp-fit", "data.xyz", "-o", "x.snnp")
    assert done.returncode == 1
    assert 'pip install "snnp[fit]"' in done.stderr


def test_installed_package_holds_engine_plugin_and_programs():
    import snnp
    from snnp.lammps import PLUGIN, plugin_folder

    assert Path(plugin_folder(), PLUGIN).is_file()
    assert snnp.__version__ != "0+unknown"
    for program in ("snnp", "snnp-fit", "lmp"):
        assert Path(sys.executable).with_name(program).is_file()
