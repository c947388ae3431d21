"""What data leave open about atomic energies is found before a fit: shifts that no energy and no force can show."""

import json

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc100, fcc111
from ase.calculators.singlepoint import SinglePointCalculator

from fitting import QUICK, assignments, command
from snnp.cli import app, fit_app
from snnp.data import from_atoms
from snnp.mapping.classes import connected
from snnp.mapping.degeneracy import find_degeneracies, null_shifts

LATTICE = {"Cu": 3.61, "Ni": 3.52, "Al": 4.05}
L1_2 = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]


def thermal(atoms, count, group, size=0.12, seed=0):
    """Copies with atoms displaced as at some hundred kelvin, with labels that do not matter."""
    frames = []
    for n in range(count):
        copy = Atoms(atoms.symbols, atoms.positions, cell=atoms.cell, pbc=True, info={"config_type": group})
        copy.rattle(size, seed=100 * seed + n)
        copy.calc = SinglePointCalculator(copy, energy=-1.0 * len(atoms), forces=np.ones((len(atoms), 3)))
        frames.append(copy)
    return frames


def slabs(layers, count=8, maker=fcc100, size=0.12):
    slab = maker("Cu", (3, 3, layers), a=LATTICE["Cu"], vacuum=6.0, periodic=True)
    return thermal(slab, count, f"slab of {layers}", size, seed=layers)


def crystals(symbol, count=8):
    return thermal(bulk(symbol, "fcc", cubic=True, a=LATTICE[symbol]).repeat(2), count, f"fcc {symbol}", seed=51)


def ordered(count=8):
    atoms = Atoms("AlNi3", scaled_positions=L1_2, cell=[3.57] * 3, pbc=True).repeat(2)
    return thermal(atoms, count, "L1_2", seed=52)


def find(*frames):
    return find_degeneracies(from_atoms([atoms for some in frames for atoms in some], "here").frames)


def test_slabs_of_one_thickness_leave_surface_against_bulk_open():
    """2 of 8 layers are surface: +3 for each of their atoms and −1 for the others change no total energy."""
    found = find(slabs(8))
    surface, inside = sorted(found.classes, key=lambda one: one.neighbors)
    assert abs(surface.neighbors - 8) < 0.3  # of (100), and 12 inside
    assert abs(inside.neighbors - 12) < 0.3
    (shift,) = found.shifts
    assert shift.free
    by_class = {found.classes[n].number: d for n, d in shift.parts.items()}
    assert by_class[surface.number] / by_class[inside.number] == pytest.approx(-3)
    (sentence,) = found.sentences
    assert "always in one proportion" in sentence
    assert "add structures in which their numbers differ: bulk cells, slabs of another thickness" in sentence


@pytest.mark.parametrize("more", [crystals("Cu"), slabs(5)], ids=["bulk", "another thickness"])
def test_bulk_cells_or_another_thickness_close_it(more):
    found = find(slabs(8), more)
    assert len(found.classes) == 2
    assert not found.shifts


def test_bulk_with_few_surfaces_is_hardly_determined():
    """Fractions of surface atoms that differ by some percent: a small difference of two large energies."""
    found = find(slabs(9), slabs(10))
    (shift,) = found.shifts
    assert not shift.free
    assert "hardly determined" in found.sentences[0]


def test_another_surface_is_told_apart():
    kinds = {round(one.neighbors) for one in find(slabs(8, size=0.05), slabs(8, maker=fcc111, size=0.05)).classes}
    assert kinds == {8, 9, 12}  # neighbours on (100), on (111) and inside


def test_one_composition_leaves_the_split_between_elements_open():
    found = find(ordered())
    (shift,) = found.compositions
    assert shift.parts[0] / shift.parts[1] == pytest.approx(-3)  # Al against Ni
    assert not found.shifts  # it is the same one: told once
    assert "no structure has another proportion of Al and Ni" in found.sentences[0]


def test_crystals_of_the_elements_fix_one_body_energies_but_not_the_compound():
    found = find(ordered(), crystals("Al"), crystals("Ni"))
    assert not found.compositions
    (shift,) = found.shifts
    assert {found.classes[n].groups for n in shift.parts} == {("L1_2",)}
    assert "other compositions, antisite atoms or vacancies" in found.sentences[0]


def test_elements_that_never_meet_are_named():
    assert find(crystals("Al"), crystals("Ni")).pairs == {"Al-Ni": 0}
    assert not find(ordered()).pairs


def test_shifts_change_no_energy():
    """n d = 0 for each structure, and their number is what is missing to the rank."""
    counts = np.array([[4, 2, 0, 6], [2, 1, 5, 1], [8, 4, 3, 0]])
    shifts = null_shifts(counts)
    assert len(shifts) == counts.shape[1] - np.linalg.matrix_rank(counts) == 1
    d = np.array([shifts[0].parts.get(n, 0.0) for n in range(4)])
    np.testing.assert_allclose(counts @ d, 0, atol=1e-12)
    assert set(shifts[0].parts) == {0, 1}
    assert null_shifts(np.vstack([counts, [5, 1, 1, 1]])) == []


def test_classes_do_not_depend_on_how_dense_the_data_are():
    """Two clouds, one a hundred times as wide as the other, and a bridge that makes one class of two."""
    rng = np.random.default_rng(0)
    narrow, wide = rng.normal(0, 0.03, (200, 3)), rng.normal(0, 3.0, (200, 3)) + 40
    assert len(set(connected(np.vstack([narrow, wide])))) == 2
    bridge = np.linspace([0, 0, 0], [2, 2, 2], 100)
    apart = rng.normal(0, 0.03, (200, 3)) + 2
    assert len(set(connected(np.vstack([narrow, apart])))) == 2
    assert len(set(connected(np.vstack([narrow, apart, bridge])))) == 1


def test_frames_without_energies_determine_nothing():
    more = crystals("Cu")
    for atoms in more:
        atoms.calc = SinglePointCalculator(atoms, forces=np.ones((len(atoms), 3)))
    assert find(slabs(8), more).shifts


def test_commands_say_what_is_open(tmp_path):
    ase.io.write(tmp_path / "slabs.xyz", slabs(8))
    shown = command(app, "data", tmp_path / "slabs.xyz", check=True).stdout
    assert "Classes of surroundings" in shown
    assert "note: atomic energies: Cu with" in shown
    found = json.loads(command(app, "data", tmp_path / "slabs.xyz", "--json", check=True).stdout)["atomic_energies"]
    assert sum(one["part"] for one in found["classes"]) == pytest.approx(1)
    assert len(found["open"]) == 1
    keys = {"model.kind": "pair", "model.pair_cutoff": 4.5, "training.threads": QUICK["training.threads"]}
    words = (tmp_path / "slabs.xyz", "-o", tmp_path / "Cu.snnp", *assignments(keys))
    assert "note: atomic energies: Cu with" in command(fit_app, *words, check=True).stdout
