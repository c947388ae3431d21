"""Bounds: random cells are kept from coming to rest below the ground state, where no data say anything."""

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111
from ase.calculators.singlepoint import SinglePointCalculator
from ase.formula import Formula

from classical import labelled, rattled
from fitting import assignments, command
from models import random_model
from snnp import SNNP, _core
from snnp.cli import fit_app
from snnp.data import Frame
from snnp.data.batch import Labels, Weights
from snnp.data.neighbors import structures
from snnp.fitting.bounds import Bounds
from snnp.fitting.ground_states import GroundState
from snnp.fitting.grounds import Ground, grounds_of
from snnp.fitting.loss import Loss, make_batch
from snnp.fitting.relaxing import relax
from snnp.random_cells import random_cell
from teacher import potential_file

POTENTIAL = Path(__file__).parents[2] / "potentials" / "Si.snnp"
SILICON = bulk("Si", "diamond", a=5.431, cubic=True)


def cells(count, seed=0, formula="Si", volume=20.0, shortest=2.35):
    rng = np.random.default_rng(seed)
    return [random_cell(rng, formula, volume, shortest) for _ in range(count)]


def within(count, volume=20.0):
    return np.full(count, 0.2 * volume), np.full(count, 4.0 * volume)


def frame(atoms, energy, force=0.0):
    return Frame(atoms, energy, np.full((len(atoms), 3), force), None, "", "")


# -- cells at rest ------------------------------------------------------------------------------------------------


def test_relaxed_cells_are_without_forces_and_stresses():
    engine = _core.Engine(_core.read_potential(POTENTIAL))
    begun = cells(8)
    found = relax(engine, begun, 150, 1, within(8))
    at_rest = found.residues < 0.02
    assert at_rest.sum() >= 6
    for n in np.flatnonzero(at_rest):
        atoms = found.cells[n]
        atoms.calc = SNNP(engine.potential)
        assert atoms.get_potential_energy() / len(atoms) == pytest.approx(found.energies[n], abs=1e-9)
        assert np.abs(atoms.get_forces()).max() < 0.02
        assert np.abs(atoms.get_stress() * atoms.get_volume()).max() / len(atoms) < 0.02
        begun[n].calc = SNNP(engine.potential)
        assert found.energies[n] < begun[n].get_potential_energy() / len(atoms)


def test_of_rigid_cells_only_atoms_move():
    engine = _core.Engine(_core.read_potential(POTENTIAL))
    begun = cells(4)
    found = relax(engine, begun, 100, 1, within(4), np.array([True, False, True, False]))
    for n in (0, 2):
        np.testing.assert_array_equal(found.cells[n].cell, begun[n].cell)
        atoms = found.cells[n]
        atoms.calc = SNNP(engine.potential)
        assert np.abs(atoms.get_forces()).max() < 0.05
    assert np.isnan(found.residues[[0, 2]]).all()
    free = relax(engine, begun[1:2], 100, 1, within(1))
    assert found.energies[1] == pytest.approx(free.energies[0], abs=1e-9)


def test_a_cell_stays_where_it_would_leave_its_volumes_or_has_too_many_neighbours():
    engine = _core.Engine(_core.read_potential(POTENTIAL))
    strange = Atoms("Si2", [[0, 0, 0], [0.1, 0.1, 0.1]], cell=np.eye(3) * 0.3, pbc=True)
    loose = bulk("Si", "fcc", a=5.0)
    found = relax(engine, [strange, loose, SILICON], 20, 1, (np.array([0, 30.0, 0]), np.array([99.0, 99, 99])))
    assert np.isinf(found.energies[0]) and np.isfinite(found.energies[1:]).all()
    np.testing.assert_allclose(found.cells[0].cell, strange.cell)
    assert 30 < found.cells[1].get_volume() < 31.3
    assert found.energies[2] < -3.9


# -- what bounds are of -------------------------------------------------------------------------------------------


def test_ground_states_of_data_bound_small_cells_of_their_composition():
    crystals = [frame(SILICON, -8 * 4.5 + n) for n in range(3)]
    (ground,) = grounds_of(crystals, ["Si"], Weights())
    assert ground.formula == "Si" and ground.energy == pytest.approx(-4.5)
    assert ground.volume == pytest.approx(20.02, abs=0.01) and ground.shortest == pytest.approx(2.352, abs=0.001)


def test_energies_without_weight_bound_nothing():
    assert grounds_of([frame(SILICON, -36.0)], ["Si"], Weights(energy=0.0)) == []


def test_hot_frames_bound_less_and_slabs_and_molecules_nothing():
    cold, hot = (Ground.of(GroundState(frame(SILICON, -36.0), excess)) for excess in (0.0, 0.1))
    assert hot.energy == pytest.approx(cold.energy - 0.3)
    slab = fcc111("Cu", (1, 1, 6), vacuum=6.0)
    slab.pbc = True
    assert Ground.of(GroundState(frame(slab, -20.0), 0.0)) is None
    molecule = Atoms("Si2", [[0, 0, 0], [2.3, 0, 0]], cell=[12, 12, 12], pbc=True)
    assert Ground.of(GroundState(frame(molecule, -6.0), 0.0)) is None
    assert Ground.of(GroundState(frame(bulk("Cu"), -3.5), 0.0)).formula == "Cu"


def test_compositions_of_more_atoms_than_random_cells_have_are_left_out():
    many = Atoms("Si9C", SILICON.get_scaled_positions().tolist() + [[0.1, 0.4, 0.1], [0.6, 0.9, 0.1]], pbc=True)
    many.set_cell(SILICON.cell * 1.1, scale_atoms=True)
    assert grounds_of([frame(many, -50.0)], ["C", "Si"], Weights()) == []


def compound(energy=-4.0, defect=None):
    """Zincblende In-P with this energy, eV/atom; with a defect a cell of 64 atoms, one of which is replaced."""
    cell = bulk("InP", "zincblende", a=5.9, cubic=True)
    if defect:
        cell = cell.repeat(2)
        cell.symbols[list(cell.symbols).index({"In": "P", "P": "In"}[defect])] = defect
    return frame(cell, len(cell) * energy)


def energies(frames, elements):
    return {one.formula: one.energy for one in grounds_of(frames, elements, Weights()) if not one.is_mixture}


def test_a_compound_does_not_decay_into_elements_without_crystals_in_the_data():
    # An In in place of a P costs 4.8 eV, a P in place of an In 1.2: energies of the elements differ by half of 3.6 eV.
    found = energies([compound(), compound(-4.0 + 4.8 / 64, "In"), compound(-4.0 + 1.2 / 64, "P")], ["In", "P"])
    assert found["InP"] == -4.0
    assert found["In"] - found["P"] == pytest.approx(1.8)
    assert found["In"] + found["P"] == pytest.approx(2 * -4.0)


def test_of_a_compound_with_one_known_element_the_other_has_what_is_left():
    found = energies([compound(), frame(bulk("In", "fcc", a=4.7), -2.5)], ["In", "P"])
    assert found == pytest.approx({"InP": -4.0, "In": -2.5, "P": -5.5})


def test_a_lone_frame_of_an_element_is_no_ground_state_but_bounds_allow_its_energy():
    many = [compound() for _ in range(600)]
    low = energies([*many, frame(bulk("In", "fcc", a=4.7), -4.5)], ["In", "P"])
    assert low == pytest.approx({"InP": -4.0, "In": -4.5, "P": -3.5})
    high = energies([*many, frame(bulk("In", "fcc", a=4.7), -1.0)], ["In", "P"])
    assert high == pytest.approx({"InP": -4.0, "In": -4.0, "P": -4.0})


def test_mixtures_are_not_far_below_what_they_are_mixed_of():
    frames = [compound(), frame(bulk("In", "fcc", a=4.7), -2.5), frame(bulk("P", "fcc", a=4.0), -5.0)]
    grounds = grounds_of(frames, ["In", "P"], Weights())
    mixed = {ground.formula: ground.energy for ground in grounds if ground.is_mixture}
    assert len(mixed) > 10 and not {"In", "P", "InP"} & set(mixed)
    for formula, energy in mixed.items():
        count = Formula(formula).count()
        more = "In" if count["In"] > count["P"] else "P"  # of these the rest is not in the compound
        less = min(count["In"], count["P"])
        expected = 2 * less * -4.0 + (count[more] - less) * {"In": -2.5, "P": -5.0}[more]
        assert energy == pytest.approx(expected / len(Formula(formula)) - 0.1)


def test_elements_that_never_meet_in_the_data_may_have_any_compound():
    frames = [frame(bulk("In", "fcc", a=4.7), -2.5), frame(bulk("P", "fcc", a=4.0), -5.0)]
    assert [ground.formula for ground in grounds_of(frames, ["In", "P"], Weights())] == ["P", "In"]


# -- what they do to the loss -------------------------------------------------------------------------------------


def test_a_bound_pulls_only_where_the_energy_is_lower_and_no_more_than_its_limit():
    model = random_model(["Si"], [6], "tanh", True)
    loss = Loss(model, Weights(), model.unit, 1)
    symbols = model.shape.elements
    atoms = bulk(symbols[0], "fcc", a=4.0)
    s = structures([atoms], symbols, model.shape.cutoff)
    energy = _core.Engine(model.potential("")).evaluate(s, 1)["energy"]

    def gradient(bound):
        for p in model.parameters():
            p.grad = None
        labels = Labels(energy + bound, np.full((1, 3), np.nan), None)
        value = loss.backward(make_batch([(s, labels)], bounds=True))
        assert value == pytest.approx(loss.weights.energy * min(max(bound, 0), 0.1) ** 2 / loss.unit**2)
        return np.concatenate([p.grad.numpy().ravel() for p in model.parameters() if p.grad is not None])

    little, more, most, beyond = map(gradient, (0.02, 0.04, 0.1, 3.0))
    assert np.abs(little).max() > 0
    np.testing.assert_allclose(more, 2 * little, atol=1e-6 * np.abs(little).max())
    np.testing.assert_allclose(beyond, most, atol=1e-6 * np.abs(most).max())
    assert not gradient(-0.02).any()


# -- fits ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crystals(tmp_path_factory):
    """Nothing but strained and shaken crystals of Stillinger-Weber silicon."""
    path = tmp_path_factory.mktemp("data") / "crystals.xyz"
    frames = [SILICON, *rattled([SILICON], 40, 0.15, strain=0.04)]
    pair = f"pair_style sw\npair_coeff * * {potential_file('Si.sw')} Si"
    for atoms, (_, labels) in zip(frames, labelled(frames, pair, 4.0), strict=True):
        atoms.calc = SinglePointCalculator(atoms, energy=labels.energy, forces=labels.forces)
    ase.io.write(path, frames, format="extxyz")
    return path


SETTINGS = {
    "model.two_body_filters": 2,
    "model.three_body_filters": 4,
    "model.floor": "false",
    "loss.stress": 0,
    "training.steps": 2500,
    "training.threads": 1,
}


def shortfall(path):
    """By how much the energies of relaxed random cells are below the crystal's, means of eV/atom."""
    found = relax(_core.Engine(_core.read_potential(path)), cells(40, seed=99), 200, 1, within(40))
    return np.mean(np.maximum(-4.3363 - found.energies, 0))


def test_a_fit_to_crystals_has_hardly_a_cell_below_them_with_bounds(crystals, tmp_path):
    for name in ("without", "with"):
        settings = {**SETTINGS, "model.bounds": str(name == "with").lower()}
        done = command(fit_app, crystals, "-o", tmp_path / f"{name}.snnp", *assignments(settings), check=True)
        assert ("random cells came to rest too low" in done.stdout) == (name == "with")
    assert shortfall(tmp_path / "without.snnp") > 0.1
    assert shortfall(tmp_path / "with.snnp") < 0.02


def test_the_state_of_a_search_goes_on_as_if_it_had_not_been_stopped():
    model = random_model(["Si"], [6], "tanh", True)
    symbol = model.shape.elements[0]
    ground = Ground(symbol, -0.1, 18.0, 2.5)

    def bounds():
        return Bounds([ground], Loss(model, Weights(), model.unit, 1), seed=3, atoms=1e9)

    one, other = bounds(), bounds()
    one.search(1)
    other.restore(one.state())
    for step in (2, 3):
        one.search(step)
        other.search(step)
    assert (one.relaxed, one.below) == (other.relaxed, other.below)
    assert one.loss() == other.loss()

    def gradient(bounds):
        for p in model.parameters():
            p.grad = None
        value = bounds.backward(4)
        return np.concatenate([[value], *(p.grad.numpy().ravel() for p in model.parameters() if p.grad is not None)])

    assert gradient(one)[0] > 0
    np.testing.assert_array_equal(gradient(one), gradient(other))


def test_searches_that_find_nothing_become_rarer_and_others_do_not():
    model = random_model(["Si"], [6], "tanh", True)
    loss, symbol = Loss(model, Weights(), model.unit, 1), model.shape.elements[0]

    def searched(energy):
        """Pauses between searches, in steps of 1000 atoms."""
        bounds, steps = Bounds([Ground(symbol, energy, 18.0, 2.5)], loss, seed=3, atoms=1e3), []
        for step in range(1, 1000):
            if bounds.is_due(step):
                bounds.search(step)
                steps.append(step)
        return np.diff(steps)

    often, seldom = searched(1e3), searched(-1e3)
    assert (np.diff(often) <= 0).all() and (np.diff(seldom) >= 0).all()
    assert often[-1] < often[0] < seldom[0] < seldom[-1] < 10 * often[-1]
