"""The teachers of the example have known atomic energies, in the convention of our models: all terms on the centre."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from run_lammps import Session, in_lammps_frame
from snnp.data import from_atoms

_SOURCE = Path(__file__).parents[2] / "examples" / "06_atomic_energies" / "teachers.py"
_spec = importlib.util.spec_from_file_location("teachers", _SOURCE)
teachers = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(teachers)


@pytest.fixture(scope="module")
def liquid():
    """Hot and far from any crystal: all terms of the potential take part."""
    return teachers.SILICON.snapshots(bulk("Si", cubic=True, a=5.3).repeat(2), [4000], "liquid", seed=3, steps=300)[0]


def test_energies_of_centres_add_up_to_the_energy_of_lammps(liquid):
    total = liquid.get_potential_energy()
    assert liquid.arrays[teachers.ARRAY].sum() == pytest.approx(total, rel=1e-10)  # rounding of 300 eV


def test_lammps_shares_three_body_energies_of_sw_among_three_atoms(liquid, tmp_path):
    """So that its pe/atom is no reference for a model that leaves them with the centre."""
    session = Session(tmp_path)
    session.start(in_lammps_frame(liquid), ["Si"], teachers.SILICON.commands)
    session.run("compute e all pe/atom", "run 0")
    shared = session.compute("e")
    assert shared.sum() == pytest.approx(liquid.get_potential_energy(), rel=1e-9)
    assert np.abs(shared - liquid.arrays[teachers.ARRAY]).max() > 0.1


def test_energy_of_a_centre_knows_its_own_bonds_and_angles_only():
    """Three atoms in a row: the one in the middle has the angle, and the outer ones half a bond each."""
    r = 2.4
    row = teachers.SILICON.label(Atoms("Si3", [[5, 5, 5], [5, 5, 5 + r], [5, 5, 5 + 2 * r]], cell=[15, 15, 20]), "row")
    pair = teachers.SILICON.label(Atoms("Si2", [[5, 5, 5], [5, 5, 5 + r]], cell=[15, 15, 20]), "pair")
    first, middle, last = row.arrays[teachers.ARRAY]
    bond = pair.get_potential_energy()
    assert first == pytest.approx(bond / 2, abs=1e-10)
    assert last == pytest.approx(bond / 2, abs=1e-10)
    assert middle > bond + 0.1  # an angle of 180° is far from that of the tetrahedron


@pytest.mark.parametrize("teacher", [teachers.COPPER, teachers.NICKEL_ALUMINIUM], ids=lambda teacher: teacher.name)
def test_energies_of_an_eam_add_up(teacher):
    crystals = {teachers.COPPER: bulk("Cu"), teachers.NICKEL_ALUMINIUM: bulk("NiAl", "cesiumchloride", a=2.9)}
    (atoms,) = teacher.snapshots(crystals[teacher].repeat(4), [800], "hot", seed=5, steps=50)
    assert atoms.arrays[teachers.ARRAY].sum() == pytest.approx(atoms.get_potential_energy(), rel=1e-10)


def test_snapshots_can_be_fitted_and_their_atomic_energies_are_no_label(liquid):
    data = from_atoms([liquid], "liquid")
    assert set(data.names) == {"energy", "forces", "stress"}
