"""Errors of labels while a fit goes on, in the units that users know."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from ase.units import GPa

from snnp.virial import COLUMNS, ROWS

# Of some structures: ΔE per atom in eV (structures,), ΔF in eV/Å (atoms, 3), ΔW / V in eV/Å³ (structures, 3, 3).
Residuals = tuple[np.ndarray, np.ndarray, np.ndarray]


@dataclass
class LabelErrors:
    """Mean absolute errors of energies, force components and stress components; NaN: there is no such label."""

    energy: float = math.nan
    """meV/atom."""
    force: float = math.nan
    """eV/Å."""
    stress: float = math.nan
    """GPa."""


def label_errors(residuals: Iterable[Residuals]) -> LabelErrors:
    """Means over all structures of some sets of residuals; NaN stands for what is not known and counts nowhere."""
    sums, counts = np.zeros(3), np.zeros(3)
    for energies, forces, stresses in residuals:
        for n, x in enumerate((energies, forces, stresses[:, ROWS, COLUMNS])):
            known = x[~np.isnan(x)]
            sums[n] += np.abs(known).sum()
            counts[n] += known.size
    means = [s / n if n else math.nan for s, n in zip(sums, counts, strict=True)]
    return LabelErrors(1000 * means[0], means[1], means[2] / GPa)
