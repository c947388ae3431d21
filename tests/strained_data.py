"""Labelled frames of strained crystals, as data sets have them: in any order, cell and orientation."""

import numpy as np
from ase.build import make_supercell
from ase.calculators.emt import EMT
from scipy.spatial.transform import Rotation

from snnp.data.frames import Frame

CELLS = [np.diag([1, 1, 1]), np.diag([2, 1, 1]), np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1]]), np.diag([2, 2, 2])]


def frame(atoms, calculator=None, group="elastic", stress=True):
    """With the labels of a calculator."""
    atoms = atoms.copy()
    atoms.calc = calculator or EMT()
    energy, forces = atoms.get_potential_energy(), atoms.get_forces()
    stress = atoms.get_stress() if stress else None
    atoms.calc = None
    return Frame(atoms, energy, forces, stress, group, f"test.xyz:{group}")


def deformed(atoms, gradient, rng=None):
    """Under a deformation gradient; with `rng`, also rotated, and in a random supercell."""
    found = atoms.copy()
    if rng is not None:
        found = make_supercell(found, CELLS[rng.integers(len(CELLS))])
        gradient = Rotation.random(random_state=rng).as_matrix() @ gradient
    found.set_cell(found.cell.array @ np.transpose(gradient), scale_atoms=True)
    if rng is not None:
        found.positions += rng.normal(size=3)
        found = found[rng.permutation(len(found))]
        found.wrap()
    return found


def strained(atoms, count, size, rng, **labels):
    """`count` frames under random strains of about this size, disguised, in random order."""
    found = []
    for _ in range(count):
        strain = rng.normal(scale=size, size=(3, 3))
        found.append(frame(deformed(atoms, np.eye(3) + (strain + strain.T) / 2, rng), **labels))
    return found
