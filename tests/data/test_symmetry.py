"""Forces that symmetry says are zero are pointed out if they are not; crystals with real forces raise no alarm."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from snnp.calculator import SNNP
from snnp.data import Frame
from snnp.data.review import review
from snnp.data.symmetry import forces_against_symmetry
from support import alternating, silicon

CRYSTALS = {
    "fcc": bulk("Si", "fcc", a=3.9),
    "bcc": bulk("Si", "bcc", a=3.1, cubic=True),
    "diamond": bulk("Si", "diamond", a=5.43, cubic=True),
    "rocksalt": bulk("InP", "rocksalt", a=5.2),
    "zincblende": bulk("InP", "zincblende", a=5.9, cubic=True),
}
SHEAR = np.eye(3) + [[0.01, 0.03, 0.0], [0.03, -0.02, 0.0], [0.0, 0.0, 0.02]]


def frame(atoms, forces):
    return Frame(atoms, -1.0, forces, None, "all", "a.xyz:frame 1")


def strained(atoms):
    atoms = atoms.copy()
    atoms.set_cell(atoms.cell.array @ SHEAR, scale_atoms=True)
    return atoms


@pytest.mark.parametrize("crystal", CRYSTALS)
def test_forces_in_a_crystal_are_pointed_out(crystal):
    atoms = CRYSTALS[crystal]
    forces = np.zeros((len(atoms), 3))
    assert not forces_against_symmetry([frame(atoms, forces)])
    forces[0, 1] = 0.1
    assert forces_against_symmetry([frame(atoms, forces)])[0][1] == 0.1
    told = (
        "train: 1 frame has forces that symmetry says are zero (a.xyz:frame 1: 0.1 eV/Å): forces of another structure, "
        "or another order?"
    )
    assert told in review({"train": [frame(atoms, forces)]})
    forces[0, 1] = np.nan
    assert not forces_against_symmetry([frame(atoms, forces)])


@pytest.mark.parametrize("crystal", ["fcc", "bcc", "rocksalt"])
def test_centres_of_inversion_stay_such_under_strain(crystal):
    atoms = strained(CRYSTALS[crystal])
    assert forces_against_symmetry([frame(atoms, np.full((len(atoms), 3), 0.1))])


def test_forces_that_symmetry_allows_raise_no_alarm():
    """Sheared diamond pushes its two sublattices apart; a vacancy, a surface and a single moved atom push, too."""
    crystal = CRYSTALS["diamond"]
    vacancy, moved = crystal.repeat(2), crystal.copy()
    del vacancy[0]
    moved.positions[3] += [0.01, 0.02, 0.0]
    slab = crystal.repeat((1, 1, 2))
    slab.center(vacuum=6.0, axis=2)
    frames = []
    for atoms in (strained(crystal), vacancy, moved, slab):
        atoms.calc = SNNP(silicon(), threads=1)
        forces = atoms.get_forces()
        assert np.abs(forces).max() > 0.02
        frames.append(frame(atoms.copy(), forces))
    order = alternating(crystal, ["In", "P", "P"])  # on the places of a crystal, but of another symmetry
    frames.append(frame(order, np.full((8, 3), 0.1)))
    frames.append(frame(Atoms("Si2", [[0, 0, 0], [2.3, 0, 0]]), np.array([[0.1, 0, 0], [-0.1, 0, 0]])))
    assert not forces_against_symmetry(frames)
