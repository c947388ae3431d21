"""Data that determine nothing, or a model that no machine holds: one sentence. Few data: a potential."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

import snnp
from snnp.kinds import KINDS


def labelled(atoms, energy, forces=None, stress=None):
    results = {"energy": energy, "forces": np.zeros((len(atoms), 3)) if forces is None else forces}
    if stress is not None:
        results["stress"] = stress
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def dimer(r=2.3, energy=-1.0, force=0.0):
    atoms = Atoms("Cu2", [[0, 0, 0], [0, 0, r]])
    return labelled(atoms, energy, force * np.array([[0, 0, -1.0], [0, 0, 1.0]]))


def crystal(a, energy=0.0):
    return labelled(bulk("Cu", a=a), energy, stress=np.zeros(6))


def fit(frames, kind, **model):
    """A fit of little work."""
    small = {"two_body_filters": 1, "three_body_filters": 2, "hidden": [4]} if kind == "snnp" else {}
    training = {"threads": 1, **({"steps": 2} if KINDS[kind].steps else {})}
    return snnp.fit(frames, model={"kind": kind, **small, **model}, training=training, progress=False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("frames", "sentence"),
    [
        ([dimer()], "model.pair_cutoff of 2.3 Å, chosen from the distances in these few structures, is too short"),
        ([dimer(12.0), dimer(12.5)], "there is nothing to fit"),
        ([crystal(3.5), crystal(3.7)], "there is nothing to fit"),
        ([labelled(Atoms("Cu"), -1.0)] * 2, "isolated atoms"),
        ([labelled(Atoms(), -1.0)], "there are no atoms"),
    ],
    ids=["one dimer", "far dimers", "all zero", "isolated atoms", "no atoms"],
)
def test_data_that_determine_nothing_are_refused(frames, sentence, kind):
    with pytest.raises(snnp.DataError, match=sentence) as error:
        fit(frames, kind)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["pair", "eam", "snnp"])
def test_curve_of_a_dimer_is_enough_for_a_pair_function(kind):
    """E = −1/r in one structure for each distance: little, but no reason to fail."""
    frames = [dimer(r, -1 / r, -1 / r**2) for r in np.linspace(2, 4, 9)]
    done = fit(frames, kind, pair_cutoff=5.0)
    assert np.isfinite(done.errors["train"].all.force[0])


@pytest.mark.parametrize(
    ("kind", "model", "what"),
    [
        ("uf3", {"radial_knots": 200, "jk_knots": 200}, r"a model of \d{7} unknowns needs \d+ GB, this machine has"),
        ("snnp", {"hidden": [1000, 1000]}, r"training needs \d+ GB, this machine has .* narrower layers"),
    ],
)
def test_model_that_no_machine_holds(kind, model, what):
    """Of a million numbers the matrix of covariances has 10¹²."""
    frames = [dimer(r, -1 / r, -1 / r**2) for r in np.linspace(2, 4, 3)]
    with pytest.raises(MemoryError, match=what):
        fit(frames, kind, pair_cutoff=5.0, **model)
