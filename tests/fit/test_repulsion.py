"""Two and three atoms repel at distances that data hardly show, and nothing changes at those that they do show."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import support
from snnp import SNNP, _core
from snnp.data.neighbors import structures
from snnp.fitting.repulsion import rare_distances, with_repulsion
from tolerances import ENERGY, FORCE

ELEMENTS = ("P", "In")
CLOSEST = 2.3  # Å, in all frames


@pytest.fixture(scope="module")
def frames():
    rng, found = np.random.default_rng(1), []
    while len(found) < 20:
        atoms = bulk("InP", "zincblende", a=5.2, cubic=True)
        atoms.symbols = rng.permutation(atoms.symbols)
        atoms.positions += rng.normal(0, 0.1, atoms.positions.shape)
        distances = atoms.get_all_distances(mic=True) + 10 * np.eye(len(atoms))
        atoms.set_cell(atoms.cell * (CLOSEST / distances.min()), scale_atoms=True)
        found.append(atoms)
    return found


def lists(frames, potential):
    return [structures([atoms], ELEMENTS, potential.cutoff()) for atoms in frames]


def slopes(potential, a, b, distances, angle=None):
    """dE/dr of a dimer, or of a trimer with two b at bonds of length r to a, at an angle in degrees; eV/Å, by finite
    differences."""
    calculator, h = SNNP(potential), 1e-4
    ends = [[1, 0, 0]] if angle is None else [[1, 0, 0], [np.cos(np.radians(angle)), np.sin(np.radians(angle)), 0]]

    def energy(r):
        molecule = Atoms([a, *[b] * len(ends)], np.vstack([np.zeros(3), r * np.array(ends)]))
        return calculator.get_potential_energy(molecule)

    return np.array([(energy(r + h) - energy(r - h)) / (2 * h) for r in distances])


@pytest.mark.parametrize("core", [True, False])
def test_dimers_repel_below_the_distances_of_the_data(frames, core):
    potential = support.random_potential(ELEMENTS, n2=2, n3=2, core=core)
    r = np.linspace(0.3, CLOSEST - 0.06, 60)  # two knots of δ, which begins with no slope
    attractive = [slopes(potential, a, b, r).max() for a, b in (("P", "P"), ("P", "In"), ("In", "In"))]
    assert max(attractive) > 0.1
    repaired = with_repulsion(potential, lists(frames, potential), 1)
    for a, b in (("P", "P"), ("P", "In"), ("In", "In")):
        assert slopes(repaired, a, b, r).max() < 0


@pytest.mark.parametrize("angle", [60, 120, 180])
def test_trimers_repel_below_the_distances_of_the_data(frames, angle):
    potential = support.random_potential(ELEMENTS, n2=2, n3=2)
    r = np.linspace(0.3, CLOSEST - 0.06, 60)
    bonds = [(a, b) for a in ELEMENTS for b in ELEMENTS]
    attractive = [slopes(potential, a, b, r, angle).max() for a, b in bonds]
    assert max(attractive) > 0.1
    repaired = with_repulsion(potential, lists(frames, potential), 1)
    for a, b in bonds:
        assert slopes(repaired, a, b, r, angle).max() < 0


def test_energies_and_forces_of_the_data_stay_as_they_are(frames):
    potential = support.random_potential(ELEMENTS, n2=2, n3=2)
    repaired = with_repulsion(potential, lists(frames, potential), 1)
    assert _core.format_potential(repaired) != _core.format_potential(potential)
    for atoms in frames:
        before, after = SNNP(potential), SNNP(repaired)
        assert after.get_potential_energy(atoms) == pytest.approx(
            before.get_potential_energy(atoms), abs=len(atoms) * ENERGY
        )
        np.testing.assert_allclose(after.get_forces(atoms), before.get_forces(atoms), rtol=0, atol=FORCE)


def test_what_repels_stays_as_it_is(frames):
    potential = support.random_potential(ELEMENTS, n2=0, n3=0, activation="none")
    pairs = potential.pairs
    for pair in pairs:
        knots = np.linspace(1.5, 5, 8)
        pair.phi = _core.Spline(knots, np.r_[np.linspace(12, 0, 8) ** 2 / 4, 0, 0])
    potential.pairs = pairs
    again = with_repulsion(potential, lists(frames, potential), 1)
    assert _core.format_potential(again) == _core.format_potential(potential)


def test_a_distance_that_hardly_any_frame_has_does_not_count(frames):
    potential = support.random_potential(ELEMENTS)
    many = [atoms.copy() for atoms in frames for _ in range(20)]
    usual = rare_distances(lists(many, potential), 2)
    many[3].positions[1] = many[3].positions[0] + [1.5, 0, 0]
    assert rare_distances(lists(many, potential), 2) == pytest.approx(usual, abs=0.1)


def test_a_pair_that_data_show_from_a_distance_is_hardly_changed_if_filters_are_shared(frames):
    """Cold compounds beside hot elements: in a hot compound, In and P come as close as atoms of one kind do."""
    potential = support.random_potential(ELEMENTS, n2=2, n3=2)
    hot = [atoms[atoms.symbols == symbol] for atoms in frames for symbol in ELEMENTS]
    cold = bulk("InP", "zincblende", a=8.0, cubic=True)
    before = rare_distances(lists(hot, potential), 2)
    assert np.isnan(before[1]) and rare_distances(lists([*hot, cold], potential), 2)[1] > 3.4
    r = np.linspace(2.6, 3.3, 40)  # between what elements have and what the compound has
    found, added = slopes(potential, "In", "P", r), []
    assert found.max() > 0.1
    for shared in (False, True):  # filters of their own are extrapolated there
        repaired = with_repulsion(potential, lists([*hot, cold], potential), 1, shared=shared)
        after = slopes(repaired, "In", "P", r)
        assert after.max() < 0.03  # near 3.4 Å, where δ begins with no slope
        added.append(np.mean(found - after))
    assert 0 < added[1] < added[0] / 2


def test_a_pair_that_no_frame_has_is_left_alone(frames):
    potential = support.random_potential(ELEMENTS)
    phosphorus = [bulk("P", "fcc", a=3.6, cubic=True)]
    assert np.isnan(rare_distances(lists(phosphorus, potential), 2)[1:]).all()
