"""Gaps between layers of atoms, by which vacuum is told."""

import numpy as np
from ase import Atoms


def layer_gaps(atoms: Atoms) -> tuple[np.ndarray, np.ndarray]:
    """How far it is from each atom to the next one along the normal of each face of a cell, (atoms, 3), Å, and where
    these gaps begin: scaled positions, ascending for each vector of the cell, (atoms, 3)."""
    places = np.sort(atoms.get_scaled_positions(), axis=0)
    widths = 1 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    return np.diff(places, axis=0, append=places[:1] + 1) * widths, places


def largest_gap(atoms: Atoms) -> float:
    """The largest one of all, Å."""
    return float(layer_gaps(atoms)[0].max())
