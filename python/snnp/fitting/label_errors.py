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


def sums_of_errors(residuals: Residuals) -> np.ndarray:
    """Sums of absolute residuals and their numbers, (2, 3); NaN stands for what is not known and counts nowhere."""
    energies, forces, stresses = residuals
    known = [x[~np.isnan(x)] for x in (energies, forces, stresses[:, ROWS, COLUMNS])]
    return np.array([[np.abs(x).sum() for x in known], [x.size for x in known]])


def mean_errors(sums: np.ndarray, numbers: np.ndarray) -> LabelErrors:
    """Means, by sums of `sums_of_errors` over some structures, (3,) each."""
    means = [s / n if n else math.nan for s, n in zip(sums, numbers, strict=True)]
    return LabelErrors(1000 * means[0], means[1], means[2] / GPa)


def label_errors(residuals: Iterable[Residuals]) -> LabelErrors:
    """Means over all structures of some sets of residuals."""
    return mean_errors(*sum(map(sums_of_errors, residuals), np.zeros((2, 3))))
