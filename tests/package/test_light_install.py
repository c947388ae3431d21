"""Those who only run potentials need no PyTorch."""

import sys
from pathlib import Path
from subprocess import run

import ase.io
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from foreign_files import setfl
from support import random_potential, shaken, write

WITHOUT_TORCH = "import sys; sys.modules.update(torch=None, yaml=None); sys.argv = sys.argv[1:]; "


def python(code, *words):
    return run([sys.executable, "-c", WITHOUT_TORCH + code, *map(str, words)], capture_output=True, text=True)


def test_potentials_are_evaluated_without_torch(tmp_path):
    potential = write(random_potential(["Si"]), tmp_path / "Si.snnp")
    atoms = bulk("Si", cubic=True)
    atoms.calc = SinglePointCalculator(atoms, energy=1.0, forces=atoms.positions)
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


def test_fitting_without_its_packages_says_what_to_install(tmp_path):
    done = python("from snnp.cli import fit_app; fit_app()", "snnp-fit", "data.xyz", "-o", "x.snnp")
    assert done.returncode == 1
    assert 'pip install "snnp[fit]"' in done.stderr


@pytest.mark.parametrize("kind", ["pair", "uf3", "eam", "smeam"])
def test_kinds_without_network_are_fitted_without_torch(kind, tmp_path):
    cells = [shaken(bulk("Cu", "fcc", a=a, cubic=True).repeat(2), 0.1, seed) for seed, a in enumerate((3.5, 3.6, 3.7))]
    for atoms in cells:
        atoms.calc = EMT()
        atoms.calc = SinglePointCalculator(atoms, energy=atoms.get_potential_energy(), forces=atoms.get_forces())
    ase.io.write(tmp_path / "train.xyz", cells)
    model = {"kind": kind, "pair_cutoff": 4.5} | ({"three_body_cutoff": 3.5} if kind in ("uf3", "smeam") else {})
    code = (
        "import sys; sys.modules['torch'] = None; import snnp; "
        f"found = snnp.fit(sys.argv[1], model={model}, progress=False); print(found.errors['train'].all.frames)"
    )
    done = run([sys.executable, "-c", code, tmp_path / "train.xyz"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["2"]


def test_installed_package_holds_engine_plugin_filters_and_programs():
    import snnp
    from snnp.lammps import PLUGIN, plugin_folder

    assert Path(plugin_folder(), PLUGIN).is_file()
    assert any(Path(folder, "filters", "reference.filters.snnp").is_file() for folder in snnp.__path__)
    assert snnp.__version__ != "0+unknown"
    for program in ("snnp", "snnp-fit", "lmp"):
        assert Path(sys.executable).with_name(program).is_file()
