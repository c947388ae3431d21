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
from snnp.fitting.known_crystals import known_crystals, known_series, lowest_crystals
from snnp.fitting.loss import Loss, join, make_batch
from snnp.fitting.prepare import zbl_engine
from snnp.fitting.stiffening import Scan, Stiffening
from snnp.models.network import Model
from snnp.validation.crystals import Crystal

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
    (crystal,) = known_crystals(known_series([*frames, frame(shaken, -3.4, 1.0)]))
    assert crystal.name == "fcc Cu" and crystal.energy == pytest.approx(-3.5, abs=1e-3)
    assert crystal.atoms.get_volume() == pytest.approx(COPPER.get_volume() * 0.99**3, rel=2e-3)
    assert known_series([frame(shaken, -3.4, 1.0)]) == []


def test_of_each_composition_one_crystal_is_the_lowest():
    cells = {"fcc Cu": bulk("Cu"), "hcp Cu": bulk("Cu", "hcp", a=2.5), "b2 CuZn": bulk("CuZn", "cesiumchloride", a=3.0)}
    crystals = [Crystal(name, atoms, "data", -n / 10) for n, (name, atoms) in enumerate(cells.items())]
    assert {crystal.name for crystal in lowest_crystals(crystals)} == {"hcp Cu", "b2 CuZn"}


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
    crystal = Crystal("fcc Si", bulk("Si", "fcc", a=4.0), "data")
    return Stiffening([crystal], Loss(model, Weights(), model.unit, 1), 0, atoms)


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
    (state,) = demand.state()["scans"]
    scan, calculator = Scan(**state), SNNP(model.potential(""))

    def pressures(volumes):
        found = []
        for volume in volumes:
            atoms = bulk("Si", "fcc", a=4.0 * volume ** (1 / 3))
            atoms.calc = calculator
            found.append(-atoms.get_stress()[:3].mean())
        return np.array(found)

    np.testing.assert_allclose(scan.pressures, pressures(scan.volumes), atol=1e-10)
    for step in (1, 2, 3):
        rng = np.random.default_rng([0, step, 3])
        rng.integers(1)  # which scan
        rules = scan.window(rng)
        expected = rules.excesses(pressures(rules.volumes)) ** 2
        assert demand.backward(step) == pytest.approx(expected.sum(), rel=1e-6) != 0


def murnaghan(volumes, derivative=4.5):
    return (volumes**-derivative - 1) / derivative


def test_a_material_breaks_no_rule_and_a_kink_does_where_it_is():
    volumes = np.arange(0.7, 1.4, 0.01)
    even = Scan(0, volumes, murnaghan(volumes))
    assert not even.excesses(even.pressures).any()
    assert even.change()[0] == pytest.approx(0.06, abs=0.02)
    # From 0.8 V0 on, where it is compressed, B is half as large.
    inside = murnaghan(np.maximum(volumes, 0.8))
    kinked = Scan(0, volumes, inside + (murnaghan(volumes) - inside) / 2)
    broken = np.flatnonzero(kinked.excesses(kinked.pressures))
    where = kinked.volumes[kinked.rules.factors[broken].any(0)]
    assert where.min() == pytest.approx(0.79) and where.max() == pytest.approx(0.81)
    assert kinked.change()[1] == pytest.approx(0.8)


def test_a_crystal_that_gives_way_breaks_a_rule_unless_it_is_torn_apart():
    volumes = np.arange(0.7, 1.4, 0.01)
    for where, count in ((1.05, 1), (1.3, 0)):
        pressures = murnaghan(volumes)
        step = int(np.abs(volumes - where).argmin())
        pressures[step:] += 0.02 - np.diff(pressures)[step - 1]
        scan = Scan(0, volumes, pressures)
        least = np.isinf(scan.rules.high)
        assert np.count_nonzero(scan.excesses(pressures)[least]) == count


def test_a_search_goes_on_where_it_was(model):
    one, other = stiffening(model), stiffening(model)
    one.search(1)
    other.restore(one.state())
    for step in range(2, 20):
        assert one.is_due(step) == other.is_due(step)
        if one.is_due(step):
            one.search(step)
            other.search(step)
        assert one.backward(step) == other.backward(step) > 0
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
    assert errors.force < 0.01  # eV/Å
