"""Potentials, what they consist of, and engines can be copied and pickled."""

import copy
import pickle

import numpy as np
import pytest

import snnp
import support
from snnp import _core
from snnp.calculator import SNNP
from snnp.data.neighbors import structures

COPIES = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
}


@pytest.fixture(params=COPIES)
def copied(request):
    return COPIES[request.param]


def potential():
    """One with all that a potential can have: networks of one element, U of the other, tensors."""
    p = support.with_four_body(support.with_tensors(support.random_potential(("In", "P"))))
    dense = support.random_potential(("In", "P"), activation="density").elements[0]
    p.elements = [dense, p.elements[1]]
    return p


def contents(thing):
    """All that a bound object holds, as nested lists."""
    if isinstance(thing, list):
        return [contents(item) for item in thing]
    names = [n for n, v in vars(type(thing)).items() if isinstance(v, property)]
    return [contents(getattr(thing, n)) for n in names] if names else thing


def test_a_copy_of_a_potential_is_the_same_and_a_potential_of_its_own(copied):
    original = potential()
    text = _core.format_potential(original)
    other = copied(original)
    assert _core.format_potential(other) == text
    other.elements[0].e0 += 1.0
    other.pairs[0].shortest = 0.5
    assert _core.format_potential(original) == text


def test_an_unfinished_potential_can_be_copied(copied):
    unfinished = potential()
    unfinished.f = []
    assert contents(copied(unfinished)) == contents(unfinished)


@pytest.mark.parametrize("part", ["Spline", "Tensor", "Layer", "Network", "Element", "Pair"])
def test_copies_of_the_parts_of_a_potential_are_the_same(copied, part):
    p = potential()
    e = p.elements[1]
    parts = [p.g[0], p.V[0], e.network.layers[0], e.network, e, p.pairs[0]]
    thing = next(t for t in parts if type(t).__name__ == part)
    assert type(copied(thing)) is type(thing)
    assert contents(copied(thing)) == contents(thing)


@pytest.mark.parametrize("precision", _core.Precision.__members__)
def test_a_copied_engine_finds_the_same(copied, precision):
    engine = _core.Engine(potential(), getattr(_core.Precision, precision))
    s = structures([support.structures(("In", "P"))["triclinic"]], ["In", "P"], engine.cutoff)
    expected, found = engine.evaluate(s), copied(engine).evaluate(copied(s))
    assert all(np.array_equal(expected[name], found[name]) for name in expected)


def test_a_copied_calculator_finds_the_same_and_has_its_own_results(copied):
    atoms = support.structures(("In", "P"))["triclinic"]
    original = SNNP(potential(), threads=2)
    forces = original.get_forces(atoms)
    other = copied(original)
    assert other.threads == 2
    assert (other.get_forces(atoms) == forces).all()
    other.threads = 1
    assert other.get_potential_energy(support.shaken(atoms)) != original.get_potential_energy(atoms)
    assert (original.get_forces(atoms) == forces).all()
    assert original.threads == 2


def test_atoms_are_copied_with_their_calculator(copied):
    atoms = support.structures(("In", "P"))["triclinic"]
    atoms.calc = SNNP(potential())
    forces = atoms.get_forces()
    other = copied(atoms)
    assert (other.get_forces() == forces).all()


def test_a_public_potential_and_the_errors_can_be_pickled():
    public = snnp.Potential(potential())
    assert repr(pickle.loads(pickle.dumps(public))) == repr(public)
    error = pickle.loads(pickle.dumps(_core.Error("a sentence")))
    assert isinstance(error, snnp.Error)
    assert str(error) == "a sentence"
