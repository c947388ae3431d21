"""The crystals of lowest energy are minima: a fit makes modes stiffer along which their energy would fall."""

import numpy as np
import pytest
import torch
from ase.build import bulk

from classical import rattled
from models import random_model
from snnp import SNNP, _core
from snnp.data.batch import Labels, Weights
from snnp.data.neighbors import structures
from snnp.fitting.demands import Demands
from snnp.fitting.eigenadam import EigenAdam
from snnp.fitting.loss import Loss, join, make_batch
from snnp.fitting.stability import Stability
from snnp.validation.crystals import Crystal

CRYSTAL = bulk("Si", "diamond", a=5.2)


@pytest.fixture
def model():
    """A random one, of which a crystal is no minimum."""
    return random_model(["Si"], [6], "tanh", True)


def stability(model, atoms=1e9):
    """With a search after each step, if there are many atoms."""
    return Stability([Crystal("diamond Si", CRYSTAL, "data")], Loss(model, Weights(), model.unit, 1), 0, atoms)


def energy(model, move):
    """Of a cell that is displaced and then strained."""
    atoms = CRYSTAL.repeat(2)
    atoms.positions += move[:-6].reshape(-1, 3)
    xx, yy, zz, yz, xz, xy = move[-6:] / [1, 1, 1, 2, 2, 2]
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]), scale_atoms=True)
    atoms.calc = SNNP(model.potential(""))
    return atoms.get_potential_energy()


def curvature(model, move, step=0.02):
    there, at, back = (energy(model, n * step * move) for n in (1, 0, -1))
    return (there + back - 2 * at) / step**2


def test_modes_are_those_along_which_the_energy_curves_least(model):
    modes = stability(model).modes(0)
    assert modes[0].stiffness < 0
    for mode in modes:
        assert curvature(model, mode.move) / mode.largest == pytest.approx(mode.stiffness, rel=0.05, abs=0.005)
    rng = np.random.default_rng(0)
    for _ in range(10):
        move = rng.normal(size=54)
        move[:48] -= np.tile(move[:48].reshape(-1, 3).mean(0), 16)
        move /= np.linalg.norm(move)
        move[48:] /= 4 * CRYSTAL.get_volume() ** (1 / 3) / 2 ** (1 / 3)
        assert curvature(model, move) > modes[0].stiffness * modes[0].largest


def test_gradients_are_derivatives_of_the_value(model):
    demand = stability(model)
    assert demand.backward(0) == 0
    demand.search(1)
    for step in (1, 2, 3):
        for p in model.parameters():
            p.grad = None
        assert demand.backward(step) > 0
        found = {name: p.grad.numpy().copy() for name, p in model.named_parameters() if p.grad is not None}
        for name in ("phi", "f", "g", "linear"):
            place = np.unravel_index(np.abs(found[name]).argmax(), found[name].shape)
            parameter, at = dict(model.named_parameters())[name], {}
            for sign in (1, -1):
                with torch.no_grad():
                    parameter[place] += sign * 1e-5
                at[sign] = demand.backward(step)
                with torch.no_grad():
                    parameter[place] -= sign * 1e-5
            assert (at[1] - at[-1]) / 2e-5 == pytest.approx(found[name][place], rel=1e-4)


def test_a_search_goes_on_where_it_was(model):
    one, other = stability(model), stability(model)
    one.search(1)
    other.restore(one.state())
    for step in range(2, 10):
        assert one.is_due(step) == other.is_due(step)
        assert one.backward(step) == other.backward(step) > 0
    assert one.loss() == other.loss() > 0


def test_steps_make_a_crystal_stable_and_keep_to_the_data(model):
    # The data are crystals under pressure: they do not say that this one is no minimum.
    cells = rattled([bulk("Si", "diamond", a=4.6, cubic=True)], 4, 0.1, strain=0.01)
    engine, batches = _core.Engine(model.potential("")), []
    for s in (structures([atoms], model.shape.elements, model.shape.cutoff) for atoms in cells):
        out = engine.evaluate(s, 1)
        batches.append(make_batch([(s, Labels(out["energy"], out["forces"], None))]))
    loss, demand = Loss(model, Weights(), model.unit, 1), stability(model, atoms=3e3)
    adam, data, before = EigenAdam(model.blocks(), lr=0.01), join(batches), demand.modes(0)[0].stiffness
    demands = Demands([[demand]])
    for step in range(800):
        adam.zero_grad()
        loss.backward(data)
        adam.step()
        demands.obey(step, adam, 1 - step / 800)
        for due in demands.due(step + 1):
            due.search(step + 1)
    assert before < -0.05
    assert demand.modes(0)[0].stiffness > -0.002  # as far from zero as what is asked for
    _, errors = loss.of_sums(loss.sums([data]))
    assert errors.energy < 1  # meV/atom
    assert errors.force < 0.01  # eV/Å
