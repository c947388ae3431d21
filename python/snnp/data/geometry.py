"""Structures that cannot be meant as they are."""

import numpy as np
from ase import Atoms

from snnp._core import Error
from snnp.data.frames import DataError
from snnp.data.neighbors import full_list

# Closer than any pair of nuclei in a sensible data set, Å.
_TOO_CLOSE = 0.2
# Diamond has 0.18 atoms/Å³, and matter in the middle of Jupiter less than ten times as many.
_DENSEST = 5.0


def check_geometry(atoms: Atoms, origin: str) -> None:
    """Raises DataError for a structure without atoms, volume or finite numbers, or with atoms on top of each other."""
    if len(atoms) == 0:
        raise DataError(f"{origin}: there are no atoms")
    if not np.isfinite(atoms.positions).all() or not np.isfinite(atoms.cell.array).all():
        raise DataError(f"{origin}: positions or cell hold NaN or infinity")
    for axis in range(3):
        if atoms.pbc[axis] and not atoms.cell.array[axis].any():
            raise DataError(f"{origin}: periodic along {'abc'[axis]}, but the cell has no vector there")
    with np.errstate(all="ignore"):  # vectors may be so long that their volume is infinite
        volume = abs(np.linalg.det(atoms.cell.array))
    if atoms.pbc.all() and not volume > 1e-6:
        raise DataError(f"{origin}: the cell has no volume")
    if atoms.pbc.all() and (density := len(atoms) / volume) > _DENSEST:
        raise DataError(f"{origin}: the cell holds {density:.3g} atoms/Å³, expected less than {_DENSEST:g}")
    if atoms.cell.rank == 3:
        extent = np.ptp(atoms.get_scaled_positions(wrap=False), axis=0)
        for axis in np.flatnonzero(~atoms.pbc & (extent > 1 + 1e-6)):
            raise DataError(
                f"{origin}: not periodic along {'abc'[axis]}, but the atoms spread over {extent[axis]:.2f} cells "
                'there; expected a cell that holds them, or pbc="T T T"'
            )
    try:
        i, j, d = full_list(atoms, 5 * _TOO_CLOSE)  # a tiny cutoff would make for a huge number of cells
    except Error as error:
        raise DataError(f"{origin}: {error}") from error
    r = np.linalg.norm(d, axis=1)
    for n in np.flatnonzero(r < _TOO_CLOSE)[:1]:
        raise DataError(f"{origin}: atoms {i[n]} and {j[n]} are {r[n]:.3f} Å apart")
