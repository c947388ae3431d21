"""Crystals that a fit compresses beyond its data stiffen evenly."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase.build import bulk

from classical import rattled
from models import random_model
from snnp import SNNP, _core
from snnp.data import Frame
from snnp.data.batch import Labels, Weights
from snnp.data.neighbors import structures
from snnp.fitting.demands import Demands
from snnp.fitting.eigenadam import EigenAdam
from snnp.fitting.loss import Loss, join, make_batch
from snnp.fitting.prepare import zbl_engine
from snnp.fitting.stiffening import Stiffening, crystals_of
from snnp.models.network import Model

COPPER = bulk("Cu", "fcc", a=3.615)


def frame(atoms, energy, force=0.0):
    return Frame(atoms, energy * len(atoms), np.full((len(atoms), 3), force), None, "", "")


# -- which crystals -----------------------------------------------------------------------------------------------


def test_crystals_are_those_of_the_data_at_zero_pressure():
    strained = [(scale, COPPER.copy()) for scale in np.linspace(0.96, 1.04, 9)]
    for scale, atoms in strained:
        atoms.set_cell(COPPER.cell.array * 0.99 * scale, scale_atoms=True)
    frames = [frame(atoms, -3.5 + 20 * (scale - 1) ** 2) for scale, atoms in strained]
    shaken = COPPER.repeat(2)
    shaken.rattle(0.1, seed=0)
    ((name, atoms),) = crystals_of([*frames, frame(shaken, -3.4, 1.0)])
    assert name == "fcc Cu"
    assert atoms.get_volume() == pytest.approx(COPPER.get_volume() * 0.99**3, rel=2e-3)
    assert crystals_of([frame(shaken, -3.4, 1.0)]) == []


# -- what is demanded ---------------------------------------------------------------------------------------------


@pytest.fixture
def model():
    """A random one with a repulsive core, which is not trained: an even crystal it has none."""
    random = random_model(["Si"], [6], "tanh", True)
    model = Model(replace(random.shape, zbl=[(1.6, 2.4)]), unit=random.unit)
    model.load_state_dict(random.state_dict())
    return model


def stiffening(model, atoms=1e9):
    """With a search after each step, if there are many atoms."""
    crystal = bulk("Si", "fcc", a=4.0)
    return Stiffening([("fcc Si", crystal)], Loss(model, Weights(), model.unit, 1), 0, atoms)


def gradient(demand, model, step):
    """Value, and gradient of all parameters."""
    for p in model.parameters():
        p.grad = None
    value = demand.backward(step)
    return value, {name: p.grad.numpy().copy() for name, p in model.named_parameters() if p.grad is not None}


def test_nothing_is_asked_before_a_search(model):
    assert gradient(stiffening(model), model, 5) == (0.0, {})


def test_gradients_are_derivatives_of_the_value(model):
    demand = stiffening(model)
    demand.search(1)
    for step in (1, 2, 3):
        value, found = gradient(demand, model, step)
        assert value > 0
        for name in ("phi", "f", "g", "linear"):
            place = np.unravel_index(np.abs(found[name]).argmax(), found[name].shape)
            parameter = dict(model.named_parameters())[name]
            at = {}
            for sign in (1, -1):
                with torch.no_grad():
                    parameter[place] += sign * 1e-5
                at[sign] = demand.backward(step)
                with torch.no_grad():
                    parameter[place] -= sign * 1e-5
            assert (at[1] - at[-1]) / 2e-5 == pytest.approx(found[name][place], rel=1e-4)


def test_pressures_are_those_of_the_whole_potential(model):
    # Steps are for what is trained of it, which is all but the core.
    demand = stiffening(model)
    demand.search(1)
    calculator, squares = SNNP(model.potential("")), []
    for rule, _ in demand.broken:
        pressures = []
        for atoms in rule.cells:
            atoms.calc = calculator
            pressures.append(-atoms.get_stress()[:3].mean())
        squares.append(rule.excess(rule.factors @ pressures) ** 2)
    values = np.array([demand.backward(step) for step in range(100)])
    assert len(set(values)) > 5
    assert np.abs(values[:, None] - squares).min(1).max() < 1e-6
    assert values.max() == pytest.approx(max(squares), abs=1e-6)


def test_a_search_goes_on_where_it_was(model):
    one, other = stiffening(model), stiffening(model)
    one.search(1)
    other.restore(one.state())
    for step in range(2, 20):
        assert one.is_due(step) == other.is_due(step)
        if one.is_due(step):
            one.search(step)
            other.search(step)
        assert one.backward(step) == other.backward(step)
    assert one.loss() == other.loss() > 0


# -- what steps do ------------------------------------------------------------------------------------------------


def test_steps_make_a_crystal_stiffen_evenly_and_keep_to_the_data(model):
    symbols, cutoff = model.shape.elements, model.shape.cutoff
    cells = [bulk("Si", "fcc", a=a, cubic=True) for a in (3.95, 4.0, 4.05)]
    cells += rattled(cells, 6, 0.1, strain=0.01)
    engine, batches = _core.Engine(model.potential("")), []
    core = zbl_engine(model.shape)
    for s in (structures([atoms], symbols, cutoff) for atoms in cells):
        whole, rest = engine.evaluate(s, 1), core.evaluate(s, 1)
        labels = Labels(whole["energy"] - rest["energy"], whole["forces"] - rest["forces"], None)
        batches.append(make_batch([(s, labels)]))
    loss, demand = Loss(model, Weights(), model.unit, 1), stiffening(model, atoms=3e3)
    adam, data, before = EigenAdam(model.blocks(), lr=0.01), join(batches), demand.loss()
    demands = Demands([[demand]])
    for step in range(800):
        adam.zero_grad()
        loss.backward(data)
        adam.step()
        demands.obey(step, adam, 1 - step / 800)
        for due in demands.due(step + 1):
            due.search(step + 1)
    assert demand.loss() < before / 3
    _, errors = loss.of_sums(loss.sums([data]))
    assert errors.energy < 0.5  # meV/atom
    assert errors.force < 0.005  # eV/Å
