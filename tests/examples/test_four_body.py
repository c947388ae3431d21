"""The benchmark of invariants: derivatives of these, and of a loss with a linear part of them, are exact."""

import sys
from pathlib import Path

import numpy as np
import pytest

import models
from snnp.data.batch import Labels, Weights
from snnp.data.neighbors import structures
from snnp.fitting.loss import make_batch
from support import liquid

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))

from four_body import FOUR_BODY, HIGHER, PRODUCTS, LinearPart, LossWithInvariants, ModelWithInvariants, started
from invariants import Coupling, Radial, of_structure

RADIAL = Radial(3, 4.0, 2.35)
COUPLINGS = [Coupling.of(degrees, 2) for degrees in PRODUCTS + FOUR_BODY + HIGHER] + [Coupling.of((1, 2, 3), 3)]
STEP = 1e-4  # Å, and of strain
# Central differences are off by some third derivatives times STEP² / 6: these are up to some hundred times the first.
CLOSE = 1e-5


@pytest.fixture(scope="module")
def atoms():
    """Few in a small, slanted cell, so that some neighbours are images."""
    cell = liquid(["Si"], n=9)
    cell.set_cell(cell.cell.array * [[1], [1], [0.5]] + [[0, 0.4, 0], [0, 0, 0.3], [0.2, 0, 0]])
    return cell


def rows(atoms):
    return of_structure(structures([atoms], ["Si"], 5.0), RADIAL, COUPLINGS, np.float64)


def slopes(energies):
    """Central differences of energies(step)."""
    return (energies(STEP) - energies(-STEP)) / (2 * STEP)


def require_close(found, expected):
    """By the largest number of each invariant."""
    assert np.all(np.abs(found - expected).max(axis=0) < CLOSE * np.abs(expected).max(axis=0))


def test_forces_of_invariants_are_minus_the_slopes_of_their_sums(atoms):
    _, forces, _ = rows(atoms)

    def moved(n, step):
        other = atoms.copy()
        other.positions[n // 3, n % 3] += step
        return rows(other)[0]

    some = [0, 4, 11, 26]
    require_close(np.array([-slopes(lambda step, n=n: moved(n, step)) for n in some]), forces[some])


def test_virials_of_invariants_are_minus_their_slopes_by_strain(atoms):
    _, _, virials = rows(atoms)

    def strained(n, step):
        strain = np.eye(3)
        strain[n // 3, n % 3] += step
        other = atoms.copy()
        other.set_cell(atoms.cell.array @ strain, scale_atoms=True)
        return rows(other)[0]

    require_close(np.array([-slopes(lambda step, n=n: strained(n, step)) for n in range(9)]), virials)


def test_invariants_do_not_change_when_atoms_turn(atoms):
    other = atoms.copy()
    other.rotate(37, (1, 2, -1), rotate_cell=True)
    np.testing.assert_allclose(rows(other)[0], rows(atoms)[0], rtol=1e-10)


@pytest.fixture(scope="module")
def case():
    """A loss of random labels, with coefficients of the order of what least squares finds, and two frames of it."""
    rng = np.random.default_rng(1)
    model = models.random_model(*models.KINDS["one element, tanh"])
    frames = []
    for seed in (0, 1):
        s, virial = structures([liquid(["Si"], seed, n=8)], ["Si"], model.shape.cutoff), rng.normal(size=(3, 3))
        frames.append((s, Labels(rng.normal(), rng.normal(size=(len(s), 3)), virial + virial.T)))
    part = LinearPart.of(frames, RADIAL, [Coupling.of((1, 1, 2), 2), Coupling.of((0, 1, 1), 2)])
    model = ModelWithInvariants(model, 0.01 * rng.normal(size=part.numbers))
    loss = LossWithInvariants(model, Weights(7.0, 3.0), 1, part)
    loss.single = False
    return loss, frames


def test_gradient_by_coefficients_and_filters_is_that_of_the_loss(case):
    loss, frames = case
    batch = make_batch(frames)
    value = loss.backward(batch)
    assert value == pytest.approx(loss(batch), rel=1e-12)
    for p in (loss.coefficients, loss.model.linear, loss.model.phi, loss.model.f, loss.model.g):
        flat, place = p.detach().reshape(-1), int(p.grad.abs().argmax())

        def moved(step, flat=flat, place=place):
            before = float(flat[place])
            flat[place] += step
            found = loss(batch)
            flat[place] = before
            return found

        assert slopes(moved) == pytest.approx(float(p.grad.reshape(-1)[place]), rel=1e-5)


def test_least_squares_leave_the_smallest_loss(case):
    loss, frames = case
    T, y = started(loss, [make_batch([frame]) for frame in frames])
    loss.coefficients.detach().numpy()[:] = T @ y
    for p in loss.model.parameters():
        p.grad = None
    loss.backward(make_batch(frames))
    # In units in which the loss is |y|² and more: what is left of the gradient is that of the ridge.
    assert np.abs(T.T @ loss.coefficients.grad.numpy()).max() < 1e-3 * np.abs(y).max()
