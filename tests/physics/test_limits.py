"""What the energy does where atoms are alone, apart, at a cutoff, or far too close."""

import numpy as np
import pytest
from ase import Atoms

import support
from snnp import SNNP
from tolerances import ENERGY, FORCE

ELEMENTS = ("In", "P")


@pytest.fixture(scope="module", params=["tanh", "silu", "squareplus", "density", "floor", "tensors", "four-body"])
def calculator(request):
    if request.param == "tensors":
        return SNNP(support.with_tensors(support.random_potential(ELEMENTS, n3=0, activation="none", uniform=False)))
    if request.param == "four-body":
        return SNNP(support.with_four_body(support.random_potential(ELEMENTS, uniform=False)))
    if request.param == "floor":
        return SNNP(support.with_floor(support.random_potential(ELEMENTS, uniform=False)))
    return SNNP(support.random_potential(ELEMENTS, activation=request.param, uniform=False))


def cutoffs(potential):
    """Where a term of the energy ends, Å."""
    radial = [pair.phi for pair in potential.pairs] + potential.rho + potential.f
    tensors = [knots for t in potential.V if t.knots_ij for knots in (t.knots_ij, t.knots_ik, t.knots_jk)]
    ends = {knots[-1] for knots in [*(s.knots for s in radial), *tensors]}
    ends |= {e.four_body.cutoff for e in potential.elements if e.four_body.radial}
    return ends | {pair.zbl_outer for pair in potential.pairs}


@pytest.mark.parametrize("pbc", [False, True])
def test_isolated_atom_has_its_one_body_energy(calculator, pbc):
    for element in calculator.potential.elements:
        atom = Atoms(element.name, cell=12 * np.eye(3), pbc=pbc)
        assert calculator.get_potential_energy(atom) == element.e0
        assert not calculator.get_forces(atom).any()


def test_energies_of_separated_parts_add_up(calculator):
    parts = [support.structures(ELEMENTS)[name] for name in ("cluster", "dimer")]
    parts[1].positions += 40.0
    together = parts[0] + parts[1]
    together.cell = None
    energies = np.concatenate([calculator.get_potential_energies(part) for part in parts])
    forces = np.concatenate([calculator.get_forces(part) for part in parts])
    np.testing.assert_allclose(calculator.get_potential_energies(together), energies, rtol=0, atol=ENERGY)
    np.testing.assert_allclose(calculator.get_forces(together), forces, rtol=0, atol=FORCE)


def test_energy_and_forces_are_continuous_where_an_atom_crosses_a_cutoff(calculator):
    assert len(cutoffs(calculator.potential)) > 10
    h, stiffness = 1e-9, 1e3  # Å; eV/Å², a bound for second derivatives of these energies
    for cutoff in cutoffs(calculator.potential):
        # More neighbours, so that three-body filters have something to see.
        below, above = (
            Atoms("InPPIn", [[0, 0, 0], [r, 0, 0], [-1.1, 1.7, 0], [0.4, -1.2, 1.9]]) for r in (cutoff - h, cutoff + h)
        )
        forces = calculator.get_forces(below)
        change = calculator.get_potential_energy(above) - calculator.get_potential_energy(below)
        assert abs(change) <= 2 * h * np.abs(forces).max() + 4 * ENERGY
        np.testing.assert_allclose(calculator.get_forces(above), forces, rtol=0, atol=2 * h * stiffness + FORCE)


@pytest.mark.parametrize("symbols", ["In2", "InP", "P2"])
def test_core_is_repulsive_and_finite_down_to_a_third_of_an_angstrom(calculator, symbols):
    distances = np.linspace(0.3, 1.0, 50)
    dimers = [Atoms(symbols, [[0, 0, 0], [r, 0, 0]]) for r in distances]
    energies = np.array([calculator.get_potential_energy(dimer) for dimer in dimers])
    forces = np.array([calculator.get_forces(dimer)[1, 0] for dimer in dimers])
    assert np.isfinite(energies).all()
    assert np.isfinite(forces).all()
    assert (forces > 0).all()
    assert (np.diff(energies) < 0).all()


def test_a_crystal_squeezed_to_a_third_of_an_angstrom_has_finite_forces(calculator):
    atoms = support.structures(ELEMENTS)["two_atom_cell"]
    atoms.set_cell(atoms.cell * 0.3 / atoms.get_distance(0, 1, mic=True), scale_atoms=True)
    assert np.isfinite(calculator.get_potential_energy(atoms))
    assert np.isfinite(calculator.get_forces(atoms)).all()
