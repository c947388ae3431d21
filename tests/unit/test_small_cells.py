"""Neighbour lists of many small cells at once: the same as those of one structure at a time."""

import numpy as np
import pytest
from ase import Atoms

from snnp import _core
from snnp.data.neighbors import full_list
from snnp.random_cells import random_cell

CUTOFF, MOST = 5.0, 20_000


def listed(cells, most=MOST):
    counts = [len(atoms) for atoms in cells]
    owner = np.repeat(np.arange(len(cells)), counts)
    positions = np.vstack([atoms.positions for atoms in cells])
    vectors = np.array([atoms.cell.array for atoms in cells])
    return _core.Structures.of_cells(positions, vectors, np.zeros(len(owner), int), owner, CUTOFF, most)


def sorted_pairs(i, j, d):
    """Pairs and vectors (pairs, 5), in an order of their own."""
    rows = np.column_stack([i, j, d])
    return rows[np.lexsort(np.round(rows, 6).T)]


def skewed(rng):
    """A cell far from its shortest vectors, with atoms outside of it."""
    atoms = random_cell(rng, "Si", 18.0, 2.3)
    lattice = np.array([[1, 2, -3], [0, 1, 4], [0, 0, -1]])
    return Atoms(atoms.numbers, atoms.positions + rng.normal(0, 30, 3), cell=lattice @ atoms.cell.array, pbc=True)


def test_lists_are_those_of_each_structure():
    rng = np.random.default_rng(5)
    cells = [*(random_cell(rng, "Si", 12.0 + n, 2.0) for n in range(12)), *(skewed(rng) for _ in range(6))]
    found, failed = listed(cells)
    assert failed == [] and found.n_structures == len(cells)
    i = np.repeat(np.arange(len(found)), np.diff(found.offsets))
    first = 0
    for atoms in cells:
        mine = (i >= first) & (i < first + len(atoms))
        expected = sorted_pairs(*full_list(atoms, CUTOFF))
        pairs = sorted_pairs(i[mine] - first, found.indices[mine] - first, found.vectors[mine])
        np.testing.assert_allclose(pairs, expected, rtol=0, atol=1e-9)
        first += len(atoms)


@pytest.mark.parametrize(
    "strange",
    [
        Atoms("Si", [[0, 0, 0]], cell=[[3, 0, 0], [0, 3, 0], [3, 3, 0]], pbc=True),
        Atoms("Si", [[0, 0, 0]], cell=[[3, 0, 0], [0, np.nan, 0], [0, 0, 3]], pbc=True),
        Atoms("Si2", [[0, 0, 0], [np.inf, 0, 0]], cell=np.eye(3) * 3, pbc=True),
        Atoms("Si2", [[1, 1, 1], [4, 1, 1]], cell=np.eye(3) * 3, pbc=True),
        Atoms("Si", [[0, 0, 0]], cell=np.eye(3) * 0.1, pbc=True),
    ],
    ids=["flat", "no number", "infinite", "same place", "too many neighbours"],
)
def test_cells_of_which_there_are_no_lists_are_named_and_leave_others_as_they_are(strange):
    rng = np.random.default_rng(1)
    before, after = (random_cell(rng, "Si", 18.0, 2.3) for _ in range(2))
    found, failed = listed([before, strange, after])
    assert failed == [1]
    counts = np.diff(found.offsets)[len(before) : len(before) + len(strange)]
    assert (counts == 0).all()
    alone, _ = listed([after])
    last = found.offsets[len(before) + len(strange)]
    np.testing.assert_array_equal(found.vectors[last:], alone.vectors)


def test_numbers_that_contradict_each_other_are_refused():
    cells = np.eye(3)[None] * 5
    with pytest.raises(_core.Error, match=r"positions: expected shape \(1, 3\), found \(2, 3\)"):
        _core.Structures.of_cells(np.zeros((2, 3)), cells, [0], [0], CUTOFF, MOST)
    with pytest.raises(_core.Error, match="cutoff: expected a length"):
        _core.Structures.of_cells(np.zeros((1, 3)), cells, [0], [0], np.nan, MOST)
    with pytest.raises(_core.Error, match="structure: index out of range"):
        _core.Structures.of_cells(np.zeros((1, 3)), cells, [0], [1], CUTOFF, MOST)
