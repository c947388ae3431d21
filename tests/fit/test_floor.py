"""The floor under energies of atoms unlike the data: at the data nothing changes, far from them nothing collapses."""

from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

import support
from fitting import command
from snnp import SNNP, _core
from snnp.cli import app
from snnp.data import Frame
from snnp.data.neighbors import NeighborLists
from snnp.fitting.floor import with_floor
from snnp.fitting.ground_states import ground_states
from snnp.models.gauge import without_floor
from tolerances import ENERGY, FORCE


def copper(scale=1.0, rattle=0.0, rng=None):
    atoms = bulk("Cu", "fcc", a=3.6 * scale, cubic=True)
    if rattle:
        atoms.positions += rng.normal(0, rattle, atoms.positions.shape)
    return atoms


def labelled(atoms, energy, forces=0.0):
    return Frame(atoms, energy, np.full((len(atoms), 3), forces), None, "", "")


def collapsing():
    """A potential whose pairs attract each other at all distances."""
    potential = support.random_potential(("Cu",), n2=2, n3=2, core=False)
    pairs = potential.pairs
    pairs[0].phi = _core.Spline(pairs[0].phi.knots, -1.5 * np.abs(pairs[0].phi.coefficients) - 0.0)
    potential.pairs = pairs
    return potential


@pytest.fixture(scope="module")
def fitted():
    """Frames that span the domain, and calculators without and with the floor."""
    rng = np.random.default_rng(0)
    frames = [copper(), *(copper(rattle=0.08, rng=rng) for _ in range(80))]
    without = SNNP(collapsing())
    ground = ground_states([labelled(atoms, 0.1 * n) for n, atoms in enumerate(frames)], ["Cu"])
    lists = NeighborLists(["Cu"], without.cutoff, keep=False)
    floored = with_floor(without.potential, [lists.of(atoms) for atoms in frames], ground, lists, 1)
    return frames, without, SNNP(floored)


def test_energies_and_forces_of_the_data_stay_as_they_are(fitted):
    frames, without, floored = fitted
    assert floored.potential.elements[0].floor.directions
    for atoms in frames:
        difference = without.get_potential_energy(atoms) - floored.get_potential_energy(atoms)
        assert abs(difference) < len(atoms) * ENERGY
        np.testing.assert_allclose(without.get_forces(atoms), floored.get_forces(atoms), rtol=0, atol=FORCE)


def test_a_single_frame_among_many_stays_as_it_is():
    """However low its energy: no structure of the data is held to be a mistake."""
    rng = np.random.default_rng(1)
    odd = copper(0.8)
    frames = [odd, *(copper(rattle=0.05, rng=rng) for _ in range(1000))]
    without = SNNP(collapsing())
    ground = ground_states([labelled(copper(), 0.0)], ["Cu"])
    lists = NeighborLists(["Cu"], without.cutoff, keep=False)
    floored = SNNP(with_floor(without.potential, [lists.of(atoms) for atoms in frames], ground, lists, 1))
    energy = without.get_potential_energy(odd)
    assert energy / 4 < without.get_potential_energy(copper()) / 4 - 0.5
    assert floored.get_potential_energy(odd) == pytest.approx(energy, abs=4 * ENERGY)
    assert floored.get_potential_energy(copper(0.65)) > without.get_potential_energy(copper(0.65)) + 1.0


def test_the_floor_begins_slowly_for_atoms_that_move(fitted):
    """From a side of the box to half its height they go 0.1 Å: many steps of molecular dynamics of 1 fs."""
    frames, _, floored = fitted
    floor, rng = floored.potential.elements[0].floor, np.random.default_rng(1)
    P = np.reshape(floor.directions, (len(floor.centres), -1))
    changes = []
    for atoms in frames:
        moved = atoms.copy()
        moved.positions += 1e-3 * rng.normal(size=moved.positions.shape)
        changes.append((filters(floored, moved) - filters(floored, atoms)) @ P.T * (0.1 / 1e-3))
    # Other random movements than those that the fit took, in 81 cells of 4 atoms: means differ by up to a third.
    assert np.sqrt(np.mean(np.concatenate(changes) ** 2, axis=0)).max() < 1.5 * floor.width


def filters(calculator, atoms):
    lists = NeighborLists(["Cu"], calculator.cutoff, keep=False)
    return _core.Engine(calculator.potential).evaluate(lists.of(atoms), 1)["filters"][:, 1:]


def test_compressed_crystals_are_not_below_the_ground_state(fitted):
    frames, without, floored = fitted
    ground = without.get_potential_energy(frames[0])
    crystals = [copper(scale) for scale in (0.6, 0.65, 0.7, 0.75)]
    assert min(without.get_potential_energy(atoms) for atoms in crystals) < ground - 4.0  # 1 eV/atom: a collapse
    assert min(floored.get_potential_energy(atoms) for atoms in crystals) > ground


def test_strained_crystals_of_a_sound_potential_stay_as_they_are():
    """They are outside the data, but far enough above the floor: else their bulk modulus would jump."""
    rng = np.random.default_rng(2)
    potential = without_floor(_core.read_potential(str(Path(__file__).parents[2] / "potentials" / "Cu.snnp")))
    (element,) = potential.elements
    element.four_body = _core.FourBody()  # a floor goes with none; what is left is sound, too
    sound = SNNP(potential)
    frames = [copper(1.006), *(copper(1.006, 0.1, rng) for _ in range(80))]
    ground = ground_states([labelled(frames[0], sound.get_potential_energy(frames[0]))], ["Cu"])
    lists = NeighborLists(["Cu"], sound.cutoff, keep=False)
    floored = SNNP(with_floor(sound.potential, [lists.of(atoms) for atoms in frames], ground, lists, 1))
    assert floored.potential.elements[0].floor.directions
    for volume in np.arange(0.8, 1.1, 0.01):
        crystal = copper(1.006 * volume ** (1 / 3))
        lift = floored.get_potential_energy(crystal) - sound.get_potential_energy(crystal)
        assert abs(lift) < 4e-5  # 0.01 meV/atom


def test_without_the_floor_a_potential_is_what_it_was(fitted):
    """Also outside the domain, where the floor acts."""
    frames, without, floored = fitted
    text = _core.format_potential(floored.potential)
    again = SNNP(without_floor(floored.potential))
    assert _core.format_potential(floored.potential) == text
    assert again.potential.n2 == without.potential.n2
    for atoms in (frames[5], copper(0.6), copper(1.3)):
        assert again.get_potential_energy(atoms) == pytest.approx(without.get_potential_energy(atoms), abs=1e-9)


def test_ground_states_are_the_frames_on_the_convex_hull():
    alloy = bulk("Cu", "fcc", a=3.8, cubic=True)
    alloy.symbols = ["Cu", "Cu", "Au", "Au"]
    gold = bulk("Au", "fcc", a=4.1, cubic=True)
    stable = [labelled(copper(), -4.0), labelled(alloy, -8.0), labelled(gold, -8.0)]
    frames = [*stable, labelled(copper(), -3.0), labelled(alloy, -5.9)]
    assert {id(state.frame) for state in ground_states(frames, ["Cu", "Au"])} == {id(frame) for frame in stable}


def test_a_snapshot_of_motion_lies_above_a_minimum():
    (state,) = ground_states([labelled(copper(), -4.0, forces=0.5)], ["Cu"])
    assert state.excess == pytest.approx(3 * 0.5**2 / (2 * 5.0))  # F²/2k with k = 5 eV/Å²


def test_compositions_of_hardly_any_frames_do_not_count():
    gold = labelled(bulk("Au", "fcc", a=4.1, cubic=True), -80.0)
    states = ground_states([gold, *(labelled(copper(), -4.0) for _ in range(1000))], ["Cu", "Au"])
    assert [str(state.frame.atoms.symbols) for state in states] == ["Cu4"]


def test_info_counts_filters_without_those_of_the_floor_and_names_it(fitted, tmp_path):
    _, without, floored = fitted
    (tmp_path / "x.snnp").write_text(_core.format_potential(floored.potential))
    said = command(app, "info", tmp_path / "x.snnp", check=True).stdout
    assert f"{without.potential.n2} two-body and" in said
    assert "a floor lies under atoms unlike those of the data" in said
