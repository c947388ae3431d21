"""A packed neighbour list is the same list, in less memory."""

import pickle

import numpy as np
import pytest

from snnp import Error, _core
from snnp.data.neighbors import Unlisted
from support import structures

CUTOFF = 6.0
PARTS = ("offsets", "indices", "vectors", "elements", "structure")
CASES = {**structures(), "far_from_its_cell": structures()["triclinic"]}
CASES["far_from_its_cell"].positions[::2] += 3 * CASES["far_from_its_cell"].cell.array[0]


def packed(atoms):
    unlisted = Unlisted(atoms, ["Si"], CUTOFF)
    made = unlisted.unpacked()
    return made, unlisted.packed(made)


def equal(a, b):
    return all(np.array_equal(getattr(a, part), getattr(b, part)) for part in PARTS)


@pytest.mark.parametrize("name", CASES)
def test_list_is_the_same_to_the_last_digit(name):
    """In cells of any shape, without one, and where atoms are outside of it; also in another process."""
    made, small = packed(CASES[name])
    for again in (small.unpacked(), pickle.loads(pickle.dumps(small)).unpacked()):
        assert equal(made, again)
        assert again.n_structures == 1
    assert not len(made.vectors) or made.vectors.any()


def test_list_takes_a_fourth_of_the_memory():
    """Where atoms have 40 neighbours: of each 6 bytes in place of 28."""
    made, small = packed(CASES["triclinic"])
    whole = sum(getattr(made, part).nbytes for part in PARTS)
    assert len(made.indices) > 40 * len(made)
    assert small.nbytes < 0.3 * whole


def test_vectors_that_do_not_follow_from_positions_stay_as_they_are():
    """By one unit in the last place, and of images that are too far to be counted."""
    atoms = CASES["triclinic"]
    made, small = packed(atoms)
    vectors = made.vectors.copy()
    vectors[7, 1] = np.nextafter(vectors[7, 1], np.inf)
    moved = _core.Structures(made.offsets, made.indices, vectors, made.elements, made.structure, 1)
    far = atoms.copy()
    far.positions[0] += 200 * far.cell.array[0]
    for unlisted, s in ((Unlisted(atoms, ["Si"], CUTOFF), moved), (Unlisted(far, ["Si"], CUTOFF), None)):
        s = s or unlisted.unpacked()
        other = unlisted.packed(s)
        assert equal(other.unpacked(), s)
        assert equal(pickle.loads(pickle.dumps(other)).unpacked(), s)
        assert other.nbytes > 3 * small.nbytes


def test_what_cannot_be_packed_is_refused():
    made, _ = packed(CASES["dimer"])
    two, cell = _core.Structures.concatenate([made, made]), np.eye(3)
    with pytest.raises(Error, match="structure: expected one"):
        _core.Packed(two, np.zeros((4, 3)), cell, cell)
    with pytest.raises(Error, match=r"positions: expected shape \(2, 3\)"):
        _core.Packed(made, np.zeros((3, 3)), cell, cell)
