"""What the bindings refuse before the engine sees it."""

import numpy as np
import pytest

import snnp
import support
from snnp import _core

# Two atoms, each the other's neighbour.
GOOD = {
    "offsets": [0, 1, 2],
    "indices": [1, 0],
    "vectors": [[1.5, 0, 0], [-1.5, 0, 0]],
    "elements": [0, 0],
    "structure": [0, 0],
    "n_structures": 1,
}


def evaluate(**changes):
    structures = _core.Structures(**(GOOD | changes))
    return _core.Engine(support.random_potential()).evaluate(structures)


def test_a_dimer_is_accepted():
    assert np.isfinite(evaluate()["energy"])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"offsets": [0, 2]}, "offsets: expected one more than atoms"),
        ({"offsets": [0, 1, 3]}, "offsets: expected to start at 0 and end at the number of neighbours"),
        ({"offsets": [0, 3, 2]}, "offsets: expected not to decrease"),
        ({"indices": [1, 2]}, "indices: index out of range"),
        ({"indices": [1, -1]}, "indices: index out of range"),
        ({"indices": [1, 2**32]}, "indices: index out of range"),
        ({"indices": [1.0, 0.5]}, "indices: expected whole numbers"),
        ({"indices": [[1, 0]]}, "indices: expected whole numbers in one dimension"),
        ({"vectors": [[1.5, 0, 0]]}, r"vectors: expected shape \(2, 3\), found \(1, 3\)"),
        ({"vectors": [[1.5, -1.5], [0, 0], [0, 0]]}, r"vectors: expected shape \(2, 3\), found \(3, 2\)"),
        ({"structure": [0]}, "structure: expected one number per atom"),
        ({"structure": [0, 1]}, "structure: index out of range"),
        ({"structure": [1, 0], "n_structures": 2}, "structure: expected not to decrease"),
        ({"elements": [0, 1]}, "elements: index beyond the elements of the potential"),
        ({"elements": [0, -1]}, "elements: "),
    ],
)
def test_lists_that_contradict_themselves_are_refused(changes, sentence):
    with pytest.raises(snnp.Error, match=sentence):
        evaluate(**changes)
