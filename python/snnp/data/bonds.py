"""Distances between neighbours as multiples of bond lengths, which tell the unit of length."""

from collections.abc import Iterable

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from snnp._core import Error
from snnp.data.neighbors import full_list

_LONGEST = 8.0  # in Å or Bohr: longer than any bond
_NOBLE = {2, 10, 18, 36, 54, 86}  # do not form bonds


def bond_ratio(structures: Iterable[Atoms]) -> float | None:
    """Median of the distance to the nearest neighbour over the sum of covalent radii in Å.

    About 1 if distances are in Å, 1.9 if they are in Bohr. None: there are no neighbours, or only noble gases.
    """
    ratios: list[float] = []
    for atoms in structures:
        if not len(atoms) or _NOBLE & set(atoms.numbers.tolist()):
            continue
        try:
            i, j, d = full_list(atoms, _LONGEST)
        except Error:  # no structure at all
            continue
        bond = covalent_radii[atoms.numbers[i]] + covalent_radii[atoms.numbers[j]]
        nearest = np.full(len(atoms), np.inf)
        np.minimum.at(nearest, i, np.linalg.norm(d, axis=1) / bond)
        ratios.extend(nearest[np.isfinite(nearest)].tolist())
    return float(np.median(ratios)) if ratios else None
