"""Relaxation of crystals, with their symmetry kept."""

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from scipy.optimize import minimize

from snnp.validation.symmetry import Symmetry, from_mandel, mandel

# A state that is this far from where it began, in volume, is another one: it flew apart or fell in.
_VOLUMES = (0.3, 3.0)
_FORCE, _STRESS = 1e-4, 1e-5  # eV/Å, eV/Å³ (1.6 MPa)
# Of an ordinary crystal: they bring strains and displacements to a scale on which the Hessian is about one.
_MODULUS, _STIFFNESS = 0.6, 5.0  # eV/Å³ (100 GPa), eV/Å²


class _LeftBehind(Exception):
    """The crystal is no longer near to where it began."""


class _Freedom:
    """The few parameters x of a crystal that its symmetry leaves: strains, then displacements of atoms.

    With strain ε and displacements u, positions are (1 + ε)(r + u). Its gradient is exact at any strain.
    """

    def __init__(self, atoms: Atoms, calculator: Calculator):
        self.atoms, self.begun = atoms.copy(), atoms.copy()
        self.atoms.calc = calculator
        symmetry = Symmetry.of(atoms)
        self.strains = from_mandel(symmetry.strains()) / (_MODULUS * atoms.get_volume()) ** 0.5
        self.displacements = symmetry.displacements() / _STIFFNESS**0.5
        self.n = len(self.strains) + len(self.displacements)

    def place(self, x: np.ndarray) -> np.ndarray:
        """Brings the atoms there; returns 1 + ε."""
        k = len(self.strains)
        gradient = np.eye(3) + np.tensordot(x[:k], self.strains, 1)
        if not _VOLUMES[0] < np.linalg.det(gradient) < _VOLUMES[1]:
            raise _LeftBehind
        moved = self.begun.positions + np.tensordot(x[k:], self.displacements, 1)
        self.atoms.set_cell(self.begun.cell.array @ gradient)
        self.atoms.positions = moved @ gradient
        return gradient

    def energy(self, x: np.ndarray) -> tuple[float, np.ndarray]:
        """Energy, eV, and its derivatives with respect to x."""
        gradient = self.place(x)
        energy, forces = self.atoms.get_potential_energy(), self.atoms.get_forces()
        stress = self.atoms.get_volume() * self.atoms.get_stress(voigt=False) @ np.linalg.inv(gradient)
        slope = np.concatenate(
            [
                np.einsum("kij,ij->k", self.strains, stress),
                -np.einsum("kni,ni->k", self.displacements, forces @ gradient),
            ]
        )
        if not (np.isfinite(energy) and np.isfinite(slope).all()):
            raise _LeftBehind
        return energy, slope

    @property
    def at_rest(self) -> bool:
        """Whether forces and stresses are gone, as far as symmetry lets them."""
        forces = np.tensordot(self.displacements, self.atoms.get_forces(), 2) * _STIFFNESS**0.5
        stress = _along(self.strains, self.atoms.get_stress(voigt=False))
        return bool(np.abs(forces).max(initial=0) < _FORCE and np.abs(stress).max(initial=0) < _STRESS)


def _along(strains: np.ndarray, stress: np.ndarray) -> np.ndarray:
    """The part of a stress, as a vector (6,), that lies along some strains (k, 3, 3) of any size."""
    rows = mandel(strains)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.T @ (rows @ mandel(stress))


def relax(atoms: Atoms, calculator: Calculator, steps: int = 100) -> Atoms | None:
    """Atoms and cell at zero pressure, symmetry kept, with the calculator attached; None: it does not get there.

    Only what the symmetry leaves free is varied: of a cubic crystal often nothing but its lattice constant.
    """
    try:
        freedom = _Freedom(atoms, calculator)
        x = np.zeros(freedom.n)
        for _ in range(3):  # where rounding ended a search, another one from there may get closer
            x = minimize(freedom.energy, x, jac=True, method="BFGS", options={"gtol": 1e-6, "maxiter": steps}).x
            freedom.place(x)
            if freedom.at_rest:
                return freedom.atoms
    except (_LeftBehind, ValueError, np.linalg.LinAlgError, FloatingPointError):
        return None
    return None
