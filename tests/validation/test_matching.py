"""Structures are recognised as a crystal under strain, whatever cell they are in, and nothing else is."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, surface
from ase.calculators.emt import EMT

from snnp.validation.matching import match, primitive
from snnp.validation.naming import formula, prototype
from snnp.validation.prototypes import build
from strained_data import deformed

CRYSTALS = [
    bulk("Cu"),
    bulk("Mo", "bcc", a=3.17),
    bulk("Mg", "hcp", a=3.2, c=5.2),
    bulk("Si"),
    bulk("InP", "zincblende", a=5.87),
    bulk("ZnO", "wurtzite", a=3.25, c=5.2),
    build("l1_2", {"Cu": 3, "Au": 1}, 3.75),
]


@pytest.mark.parametrize("crystal", CRYSTALS, ids=prototype)
def test_strain_is_found_in_any_cell(crystal):
    rng = np.random.default_rng(3)
    for _ in range(10):
        gradient = np.eye(3) + rng.normal(scale=0.02, size=(3, 3))
        matched = match(primitive(deformed(crystal, gradient, rng)), crystal)
        # Up to the symmetry of the crystal: invariants of the strain are those that were put in.
        wanted = np.linalg.eigvalsh(gradient.T @ gradient)
        assert np.allclose(np.linalg.eigvalsh(matched.gradient.T @ matched.gradient), wanted, atol=1e-9)
        assert matched.shifted < 1e-9


def test_small_displacements_are_averaged():
    atoms = bulk("Mo", "bcc", a=3.17, cubic=True).repeat(3)
    atoms.rattle(0.02, seed=1)
    matched = match(primitive(atoms), bulk("Mo", "bcc", a=3.17))
    assert matched.distortion < 1e-9 and abs(matched.volume - 1) < 1e-9
    assert np.isclose(np.linalg.norm(primitive(atoms).shaken), np.linalg.norm(0.02 * _normal(54)), rtol=0.05)


def _normal(n):
    moved = Atoms("H" * n)
    moved.rattle(1.0, seed=1)
    return moved.positions - moved.positions.mean(axis=0)


def test_a_shift_of_sublattices_is_found():
    atoms = bulk("Si")
    atoms.positions[1] += [0.0, 0.0, 0.05]
    matched = match(primitive(atoms), bulk("Si"))
    assert np.isclose(np.linalg.norm(matched.shifts[1] - matched.shifts[0]), 0.05)


def _thermal():
    atoms = bulk("Cu", cubic=True).repeat(3)
    atoms.rattle(0.15, seed=2)
    return atoms


def _vacancy():
    atoms = bulk("Cu", cubic=True).repeat(2)
    del atoms[0]
    return atoms


@pytest.mark.parametrize(
    "atoms",
    [_thermal(), _vacancy(), surface(bulk("Cu", cubic=True), (1, 0, 0), 3, 8.0), bulk("Cu", "bcc", a=2.87),
     bulk("Cu", "hcp", a=2.55)],
    ids=["thermal", "vacancy", "surface", "bcc", "hcp"],
)  # fmt: skip
def test_other_structures_are_not_fcc(atoms):
    atoms.pbc = True
    found = primitive(atoms)
    assert found is None or match(found, bulk("Cu")) is None


def test_alloys_have_their_atoms_in_the_right_places():
    swapped = build("l1_2", {"Cu": 1, "Au": 3}, 3.75)
    assert match(primitive(swapped), build("l1_2", {"Cu": 3, "Au": 1}, 3.75)) is None


@pytest.mark.parametrize(
    ("atoms", "name"),
    [
        (bulk("Na", "bcc", a=4.2), "bcc Na"),
        (bulk("Cu", cubic=True).repeat(2), "fcc Cu"),
        (bulk("Po", "sc", a=3.3), "sc Po"),
        (bulk("Mg", "hcp", a=3.2), "hcp Mg"),
        (bulk("Ge", cubic=True), "diamond Ge"),
        (build("beta-sn", {"Sn": 1}, 5.83), "β-Sn Sn"),
        (build("a15", {"Ta": 1}, 5.3), "A15 Ta"),
        (bulk("NaCl", "rocksalt", a=5.6), "rocksalt NaCl"),
        (bulk("InP", "zincblende", a=5.87, cubic=True), "zincblende InP"),
        (bulk("GaN", "wurtzite", a=3.2), "wurtzite GaN"),
        (bulk("NiAl", "cesiumchloride", a=2.9), "B2 AlNi"),
        (build("l1_2", {"Ni": 3, "Al": 1}, 3.57), "L1_2 AlNi3"),
        (build("l1_0", {"Cu": 1, "Au": 1}, 3.9, 3.7), "L1_0 AuCu"),
        (bulk("CaF2", "fluorite", a=5.46), "fluorite CaF2"),
        (Atoms("Al", cell=[2.5, 2.7, 3.1], pbc=True), "oP1 Pmmm Al"),
    ],
)
def test_crystals_have_the_names_that_people_use(atoms, name):
    assert f"{prototype(atoms)} {formula(atoms)}" == name


def test_matched_energies_are_those_of_the_strained_crystal():
    rng = np.random.default_rng(5)
    gradient = np.eye(3) + rng.normal(scale=0.03, size=(3, 3))
    disguised = deformed(bulk("Cu"), gradient, rng)
    again = deformed(bulk("Cu"), match(primitive(disguised), bulk("Cu")).gradient)
    energies = []
    for atoms in (disguised, again):
        atoms.calc = EMT()
        energies.append(atoms.get_potential_energy() / len(atoms))
    assert np.isclose(*energies, atol=1e-9)
