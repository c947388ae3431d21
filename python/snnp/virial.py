"""Virials of the engine and stresses of ASE: which component stands where.

The engine gives W = Σ r ⊗ F (eV) in LAMMPS' order xx yy zz xy xz yz; ASE's stress σ = −W/V (eV/Å³, tension positive) is
in Voigt's order xx yy zz yz xz xy.
"""

import numpy as np
from ase.stress import full_3x3_to_voigt_6_stress

# Row and column of the six components of the engine.
ROWS, COLUMNS = np.array([0, 1, 2, 0, 0, 1]), np.array([0, 1, 2, 1, 2, 2])


def matrix(virial: np.ndarray) -> np.ndarray:
    """The symmetric matrix (3, 3) of the engine's six components (6,)."""
    full = np.empty((3, 3))
    full[ROWS, COLUMNS] = full[COLUMNS, ROWS] = virial
    return full


def components(full: np.ndarray) -> np.ndarray:
    """The engine's six components (6,) of a symmetric matrix (3, 3)."""
    return full[ROWS, COLUMNS]


def stress(full: np.ndarray, volume: float) -> np.ndarray:
    """ASE's stress (…, 6), eV/Å³, of a cell of `volume` (Å³) with the virial `full` (…, 3, 3), eV."""
    return full_3x3_to_voigt_6_stress(-full / volume)
