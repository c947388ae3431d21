"""The unit of total energies, where it shows by their size.

Energies and forces in one wrong unit agree with each other. But no energy is lower than that of all electrons, which
is nearly the same in any structure. And energies in Hartree are known by it where energies of other programs in eV
are other numbers: for 16 small molecules of C, N, O, F and H they are 1.00 to 1.02 times that of the formula below
with all electrons in Hartree (PBE), 4.4 to 6.7 times with pseudopotentials (GTH) in eV, and 1.3 to 2.9 times in tight
binding (xTB) in eV; counted from atoms, as in VASP, they are less than 0.7 times. Of heavier elements such numbers
overlap.
"""

from collections.abc import Sequence

import numpy as np
from ase import units

from snnp.data.frames import Frame
from snnp.data.unit_factors import ENERGIES, units_near

_ALIKE = 1.05  # factor by which a name is told
# The formula is right to 2 % for C to F with their bonds, to 9 % for H, and to 10 % where relativity counts.
_LOWEST = 1.2
_HARTREE = (0.985, 1.03)
_FEWEST = 3  # frames
_HYDROGEN, _OTHER = 0.07, 0.1  # parts of the energy that hydrogen may have, and other elements than C to Ne


def all_electrons(numbers: np.ndarray) -> np.ndarray:
    """Minus the energy of atoms with all their electrons, Hartree: 0.768745 Z^(7/3) - Z^2/2 + 0.269900 Z^(5/3), without
    relativity (Englert, Semiclassical Theory of Atoms, 1988). numbers: atomic numbers Z."""
    Z = np.asarray(numbers, dtype=float)
    return 0.768745 * Z ** (7 / 3) - Z**2 / 2 + 0.269900 * Z ** (5 / 3)


def unit_of_energies(frames: Sequence[Frame]) -> str | None:
    """What is wrong with the unit of energies, which should be eV, as a sentence; None: nothing that shows."""
    known = [frame for frame in frames if np.isfinite(frame.energy)]
    if not known:
        return None
    ratio = np.median([_ratio(frame) for frame in known])
    if ratio > _LOWEST * units.Hartree:
        alike = [f" ({name}?)" for name in units_near(ENERGIES, units.Hartree / ratio, _ALIKE)]
        return f"energies are {ratio / units.Hartree:.3g} times as low as those of all electrons in eV{''.join(alike)}"
    light = [_ratio(frame) for frame in known if _is_light(frame)]
    if len(light) >= _FEWEST and _HARTREE[0] < np.median(light) < _HARTREE[1]:
        return "energies are those of all electrons in Hartree"
    return None


def _ratio(frame: Frame) -> float:
    return -frame.energy / float(all_electrons(frame.atoms.numbers).sum())


def _is_light(frame: Frame) -> bool:
    """Whether the energy is that of C to Ne, with some hydrogen."""
    numbers = frame.atoms.numbers
    parts = all_electrons(numbers) / all_electrons(numbers).sum()
    light = (numbers >= 6) & (numbers <= 10)
    return parts[numbers == 1].sum() < _HYDROGEN and parts[~light & (numbers != 1)].sum() < _OTHER
