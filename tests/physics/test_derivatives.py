"""Forces and stress are derivatives of the energy; forces are balanced."""

import numpy as np
import pytest
from ase.stress import full_3x3_to_voigt_6_stress

import support
from snnp import SNNP
from tolerances import DIFFERENCE, FORCE, STEP, STRAIN_DIFFERENCE

STRUCTURES = [name for name in support.structures() if name != "isolated"]
ELEMENTS = ("In", "P")


@pytest.fixture(params=["tanh", "silu", "squareplus", "none", "density", "floor", "tensors", "four-body"])
def calculator(request):
    if request.param == "tensors":
        return SNNP(support.with_tensors(support.random_potential(ELEMENTS, n2=1, n3=1)))
    if request.param == "four-body":
        return SNNP(support.with_four_body(support.random_potential(ELEMENTS)))
    if request.param == "floor":
        return SNNP(support.with_floor(support.random_potential(ELEMENTS)))
    return SNNP(support.random_potential(ELEMENTS, activation=request.param, uniform=request.param == "tanh"))


def energy(atoms, calculator):
    return calculator.get_potential_energy(atoms)


@pytest.mark.parametrize("name", STRUCTURES)
def test_forces_are_minus_the_gradient_of_the_energy(calculator, name):
    atoms = support.structures(ELEMENTS)[name]
    forces = calculator.get_forces(atoms)
    rng = np.random.default_rng(0)
    for i in rng.permutation(len(atoms))[:3]:
        direction = rng.normal(size=3)
        direction /= np.linalg.norm(direction)
        energies = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[i] += sign * STEP * direction
            energies.append(energy(moved, calculator))
        assert forces[i] @ direction == pytest.approx(-(energies[0] - energies[1]) / (2 * STEP), abs=DIFFERENCE)


@pytest.mark.parametrize("name", STRUCTURES)
def test_stress_is_the_derivative_of_the_energy_by_strain(calculator, name):
    atoms = support.structures(ELEMENTS)[name]
    if atoms.cell.rank < 3:
        atoms.set_cell(20 * np.eye(3))
    derivative = np.zeros((3, 3))
    for a in range(3):
        for b in range(3):
            energies = []
            for sign in (1, -1):
                strain = np.eye(3)
                strain[a, b] += sign * STEP
                strained = atoms.copy()
                strained.set_cell(atoms.cell.array @ strain, scale_atoms=False)
                strained.positions = atoms.positions @ strain
                energies.append(energy(strained, calculator))
            derivative[a, b] = (energies[0] - energies[1]) / (2 * STEP)
    found = calculator.get_stress(atoms) * atoms.get_volume()
    np.testing.assert_allclose(found, full_3x3_to_voigt_6_stress(derivative), rtol=0, atol=STRAIN_DIFFERENCE)


@pytest.mark.parametrize("name", STRUCTURES)
def test_forces_add_up_to_zero(calculator, name):
    forces = calculator.get_forces(support.structures(ELEMENTS)[name])
    np.testing.assert_allclose(forces.sum(0), 0, atol=len(forces) * FORCE)


@pytest.mark.parametrize("name", ["cluster", "dimer"])
def test_torques_on_a_cluster_add_up_to_zero(calculator, name):
    atoms = support.structures(ELEMENTS)[name]
    torques = np.cross(atoms.positions, calculator.get_forces(atoms))
    np.testing.assert_allclose(torques.sum(0), 0, atol=10 * len(atoms) * FORCE)
