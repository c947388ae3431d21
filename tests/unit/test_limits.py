"""Positions and cells that nobody can mean are refused by a sentence; long and flat ones are computed."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import snnp
import support
from snnp.calculator import SNNP
from snnp.data.neighbors import full_list

SILICON = bulk("Si", cubic=True)


def silicon(pbc=True, cell=None, **positions):
    """Eight atoms; positions by name: x0 is the x of the first."""
    atoms = SILICON.copy()
    atoms.pbc = pbc
    if cell is not None:
        atoms.set_cell(cell)
    for name, value in positions.items():
        atoms.positions[int(name[1]), "xyz".index(name[0])] = value
    return atoms


@pytest.mark.parametrize(
    ("atoms", "sentence"),
    [
        (silicon(x0=np.nan), "position: found nan in atom 0, expected a finite number up to 1e\\+09 Å"),
        (silicon(z3=-np.inf), "position: found -inf in atom 3, expected a finite number"),
        (silicon(False, y1=1e300), "position: found 1e\\+300 in atom 1, expected a finite number"),
        (silicon(cell=[np.nan, 5, 5]), "cell: found nan in vector a, expected a finite number"),
        (silicon(False, cell=[5, np.inf, 5]), "cell: found inf in vector b, expected a finite number"),
        (silicon(cell=[5, 5, 1e300]), "cell: found 1e\\+300 in vector c, expected a finite number"),
        (silicon(cell=[0, 0, 0]), "the cell has no volume"),
        (silicon((True, False, False), cell=[0, 5, 5]), "the cell has no volume"),
        (silicon(cell=[[5, 0, 0], [0, 5, 0], [0, 5, 1e-6]]), "the cell has no volume"),
        (silicon(cell=[1e-300] * 3), "the cell has no volume"),
        (silicon(cell=[1e-10] * 3), "each atom would have about .* neighbours within 5 Å, expected at most 20000"),
        (silicon(cell=[0.005, 5, 5]), "the cell is too small or the atoms are too close together"),
        (silicon((True, False, False), cell=[1e-4, 5, 5]), "the cell is too small"),
        (silicon(False, x0=1e8), "the atoms are spread over 1e\\+08 × .* Å, too far for neighbours within 5 Å"),
        (silicon(cell=[1e8, 6, 6]), "the atoms are spread over 1e\\+08 × 6 × 6 Å, too far for neighbours"),
        (Atoms("Si2", [[0, 0, 0], [0, 0, 0]]), "atoms 0 and 1 are at the same place"),
    ],
)
def test_what_cannot_be_meant_is_refused_every_time(atoms, sentence):
    atoms.calc = SNNP(support.random_potential())
    for _ in range(2):
        with pytest.raises(snnp.Error, match=sentence):
            atoms.get_forces()


def pairs(atoms, cutoff=5.0):
    i, j, d = full_list(atoms, cutoff)
    return sorted((a, b, *np.round(r, 6)) for a, b, r in zip(i.tolist(), j.tolist(), d, strict=True))


@pytest.mark.parametrize("far", [1e5, 5.2e5, 1e6])
def test_an_atom_that_flew_away_does_not_change_the_others(far):
    atoms = silicon(False)
    here = pairs(atoms)
    assert len(here) == 50
    assert pairs(atoms + Atoms("Si", [[far, 1.0, 2.0]])) == here


@pytest.mark.parametrize("cell", [[6e5, 7, 8], [8, 1e6, 7], [3000, 2500, 8], [7, 2500, 3500]])
def test_a_long_or_flat_cell_has_the_pairs_of_a_wide_one(cell):
    """Along its long vectors nothing is near enough to see an image, there or in a cell of 40 Å."""
    atoms, wide = silicon(cell=cell), silicon(cell=np.minimum(cell, 40))
    assert pairs(atoms) == pairs(wide)


def test_neighbours_beyond_the_cutoff_are_left_out_when_more_is_searched():
    atoms = silicon(cell=[1e6, 8, 8])
    _, _, d = full_list(atoms, 5.0)
    assert 4.0 < np.linalg.norm(d, axis=1).max() < 5.0


def test_no_atoms_and_one_atom_have_no_pairs():
    assert pairs(Atoms()) == pairs(Atoms("Si")) == []
