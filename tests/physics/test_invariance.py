"""The energy knows nothing of origin, orientation, names of atoms or choice of the cell."""

import numpy as np
import pytest
from ase.build import make_supercell
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress
from scipy.spatial.transform import Rotation

import support
from snnp import SNNP
from tolerances import ENERGY, FORCE

ELEMENTS = ("In", "P")
STRUCTURES = list(support.structures(ELEMENTS))
PERIODIC = ["triclinic", "crowded", "one_atom_cell", "two_atom_cell", "sparse"]


@pytest.fixture(scope="module")
def calculator():
    return SNNP(support.with_four_body(support.with_tensors(support.random_potential(ELEMENTS, uniform=False))))


def assert_same(calculator, a, b, order=None, rotation=None):
    """Energies per atom and forces of a, reordered and rotated, are those of b."""
    order = np.arange(len(a)) if order is None else order
    rotation = np.eye(3) if rotation is None else rotation
    energies, forces = calculator.get_potential_energies(a), calculator.get_forces(a)
    np.testing.assert_allclose(calculator.get_potential_energies(b), energies[order], rtol=0, atol=ENERGY)
    np.testing.assert_allclose(calculator.get_forces(b), forces[order] @ rotation.T, rtol=0, atol=FORCE)


@pytest.mark.parametrize("name", STRUCTURES)
def test_translation_changes_nothing(calculator, name):
    atoms = support.structures(ELEMENTS)[name]
    moved = atoms.copy()
    moved.positions += [1.7, -23.1, 0.3]
    assert_same(calculator, atoms, moved)


@pytest.mark.parametrize("name", STRUCTURES)
def test_rotation_turns_forces_and_stress_and_nothing_else(calculator, name):
    atoms = support.structures(ELEMENTS)[name]
    R = Rotation.random(random_state=3).as_matrix()
    turned = atoms.copy()
    turned.positions = atoms.positions @ R.T
    turned.set_cell(atoms.cell.array @ R.T)
    assert_same(calculator, atoms, turned, rotation=R)
    if atoms.cell.rank == 3:
        stress = R @ voigt_6_to_full_3x3_stress(calculator.get_stress(atoms)) @ R.T
        np.testing.assert_allclose(calculator.get_stress(turned), full_3x3_to_voigt_6_stress(stress), atol=FORCE)


@pytest.mark.parametrize("name", STRUCTURES)
def test_reflection_changes_no_energy(calculator, name):
    atoms = support.structures(ELEMENTS)[name]
    mirror = np.diag([1.0, -1.0, 1.0])
    reflected = atoms.copy()
    reflected.positions = atoms.positions @ mirror
    reflected.set_cell(atoms.cell.array @ mirror)
    assert_same(calculator, atoms, reflected, rotation=mirror)


@pytest.mark.parametrize("name", STRUCTURES)
def test_order_of_atoms_does_not_matter(calculator, name):
    atoms = support.structures(ELEMENTS)[name]
    order = np.random.default_rng(1).permutation(len(atoms))
    assert_same(calculator, atoms, atoms[order], order=order)


@pytest.mark.parametrize("name", PERIODIC)
def test_supercell_has_the_energy_of_its_cells(calculator, name):
    atoms = support.structures(ELEMENTS)[name]
    assert_same(calculator, atoms, atoms.repeat((2, 1, 2)), order=np.tile(np.arange(len(atoms)), 4))


@pytest.mark.parametrize("name", PERIODIC)
def test_choice_of_the_cell_does_not_matter(calculator, name):
    atoms = support.structures(ELEMENTS)[name]
    skewed = atoms.copy()
    skewed.set_cell(np.array([[1, 1, 0], [0, 1, 0], [-1, 0, 1]]) @ atoms.cell.array)
    assert_same(calculator, atoms, skewed)
    skewed.wrap()
    assert_same(calculator, atoms, skewed)
    larger = make_supercell(atoms, [[1, 1, 0], [-1, 1, 0], [0, 0, 1]])
    energy = 2 * calculator.get_potential_energy(atoms)
    assert calculator.get_potential_energy(larger) == pytest.approx(energy, abs=len(larger) * ENERGY)


def test_order_of_elements_in_the_file_does_not_matter():
    """The same potential written with P before In."""
    p = support.random_potential(("In", "P"), n2=1, n3=1)
    atoms = support.structures(ELEMENTS)["triclinic"]
    energy = SNNP(p).get_potential_energy(atoms)
    assert SNNP(swapped(p)).get_potential_energy(atoms) == pytest.approx(energy, abs=len(atoms) * ENERGY)


def swapped(p):
    """A potential of two elements with their order reversed."""
    q = type(p)()
    q.comment, q.n2, q.n3 = p.comment, p.n2, p.n3
    q.elements, q.pairs = p.elements[::-1], p.pairs[::-1]
    turn = (1, 0)
    legs = [p.ordered_index(turn[a], turn[b]) for a in range(2) for b in range(2)]
    q.rho = [p.rho[leg * p.n2 + m] for leg in legs for m in range(p.n2)]
    q.f = [p.f[leg * p.n3 + m] for leg in legs for m in range(p.n3)]
    angles = [p.triplet_index(turn[a], turn[b], turn[c]) for a in range(2) for b, c in ((0, 0), (0, 1), (1, 1))]
    q.g = [p.g[angle * p.n3 + m] for angle in angles for m in range(p.n3)]
    q.check()
    return q
