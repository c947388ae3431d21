"""Crystals that training data show."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from snnp import _core
from snnp.data import Frame
from snnp.data.neighbors import element_indices
from snnp.models.shape import Shape
from snnp.validation.crystals import Crystal
from snnp.validation.series import Series, find_series

# Crystals of at most so many atoms, and so many of them.
_ATOMS, _MOST = 20, 12
# Forces of frames that may be crystals, eV/Å: others take time and show none. So many are looked at.
_FORCE, _FRAMES = 0.5, 3000
_MOST_NEIGHBOURS = 20_000  # of an atom


def known_series(frames: Sequence[Frame]) -> list[Series]:
    """The frames of crystals whose state at zero pressure is known."""
    calm = [frame for frame in frames if not np.nanmax(np.abs(frame.forces), initial=0) > _FORCE]
    some = calm[:: len(calm) // _FRAMES + 1]
    return [one for one in find_series(some) if one.is_at_rest and len(one.atoms) <= _ATOMS][:_MOST]


def known_crystals(series: Sequence[Series]) -> list[Crystal]:
    """With their primitive cells at zero pressure."""
    return [Crystal(one.name, one.atoms, "data", float(one.energy)) for one in series]


def lowest_crystals(crystals: Sequence[Crystal]) -> list[Crystal]:
    """Of each composition the one of the lowest energy."""
    by_energy = sorted(crystals, key=lambda crystal: crystal.energy)
    return list({crystal.formula: crystal for crystal in reversed(by_energy)}.values())


def deformed(
    atoms: Atoms, deformations: np.ndarray, shape: Shape, displacements: np.ndarray | float = 0.0
) -> _core.Structures:
    """Copies of a crystal of n atoms: displaced, (copies, n, 3), Å, and then deformed, (copies, 3, 3).

    Raises ValueError if atoms come to be at the same place, or have too many neighbours.
    """
    positions = (atoms.positions + displacements) @ deformations.swapaxes(1, 2)
    copies, kinds = len(deformations), element_indices(atoms, shape.elements)
    cells = atoms.cell.array @ deformations.swapaxes(1, 2)
    owners = np.repeat(np.arange(copies), len(atoms))
    found, failed = _core.Structures.of_cells(
        positions.reshape(-1, 3), cells, np.tile(kinds, copies), owners, shape.cutoff, _MOST_NEIGHBOURS
    )
    if len(failed):
        raise ValueError(f"{atoms.symbols}: atoms of a crystal are at the same place, or too dense")
    return found
