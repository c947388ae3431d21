"""Structures of which no neighbour lists can be made, refused before they exhaust memory or end the interpreter."""

import numpy as np
from ase import Atoms
from ase.geometry import complete_cell

from snnp import _core

# Beyond it double precision places atoms by less than 1e-6 Å.
_FARTHEST = 1e9  # Å
# On average, if atoms are spread evenly: diamond squeezed to a third of its lengths, within 10 Å.
_MOST_NEIGHBORS = 20_000
# vesin 0.6 sorts atoms into this many cells. When there would be more it makes them larger, all directions by the same
# factor; where that leaves less than one cell across, it divides by zero.
_MOST_CELLS, _CELLS_ACROSS = 1e5, 3
_WIDEST_CELL = 20.0  # Å


def search_cutoff(atoms: Atoms, cutoff: float) -> float:
    """The distance within which vesin has to look for pairs closer than `cutoff`: the same or somewhat larger, Å.

    Raises snnp.Error for positions or cells that are no finite numbers or too far apart, cells without volume, and
    cells so small or atoms so close that there would be thousands of neighbours.
    """
    heights = _heights(atoms)
    search = cutoff
    while not _fits_into_cells(heights / search):
        search *= 1.25
        if search > max(2 * cutoff, _WIDEST_CELL):
            size = " × ".join(f"{h:.4g}" for h in heights)
            raise _core.Error(f"the atoms are spread over {size} Å, too far for neighbours within {cutoff:.4g} Å")
    share = 2 * search / np.maximum(heights, 1 / _FARTHEST)
    neighbors = np.pi / 6 * len(atoms) * np.where(atoms.pbc, share, np.minimum(share, 1.0)).prod()
    if neighbors > _MOST_NEIGHBORS:
        raise _core.Error(
            f"each atom would have about {neighbors:.2g} neighbours within {search:.4g} Å, expected at most "
            f"{_MOST_NEIGHBORS}: the cell is too small or the atoms are too close together"
        )
    return search


def _heights(atoms: Atoms) -> np.ndarray:
    """Distances between opposite faces of the cell, or of a box around the atoms where it is not periodic; (3,), Å."""
    for name, vectors in (("position", atoms.positions), ("cell", atoms.cell.array)):
        wrong = ~(np.abs(vectors) <= _FARTHEST)
        if wrong.any():
            row, axis = np.argwhere(wrong)[0]
            of = f"atom {row}" if name == "position" else f"vector {'abc'[row]}"
            raise _core.Error(
                f"{name}: found {vectors[row, axis]:g} in {of}, expected a finite number up to {_FARTHEST:g} Å"
            )
    cell = complete_cell(np.where(atoms.pbc[:, None], atoms.cell.array, 0.0))
    lengths = np.linalg.norm(cell, axis=1)
    if not (atoms.cell.lengths()[atoms.pbc] > 0).all() or abs(np.linalg.det(cell / lengths[:, None])) < 1e-6:
        raise _core.Error("the cell has no volume, expected linearly independent vectors where it is periodic")
    normals = np.linalg.inv(cell).T
    heights = 1 / np.linalg.norm(normals, axis=1)
    extents = np.ptp(atoms.positions @ (normals.T * heights), axis=0) if len(atoms) else np.zeros(3)
    return np.where(atoms.pbc, heights, extents)


def _fits_into_cells(sizes: np.ndarray) -> bool:
    """Whether vesin can sort atoms into cells; `sizes` of the box in units of a cell, (3,)."""
    cells = np.maximum(np.floor(sizes), 1.0)
    total = cells.prod()
    return total <= _MOST_CELLS or cells.min() * np.cbrt(_MOST_CELLS / total) >= _CELLS_ACROSS
