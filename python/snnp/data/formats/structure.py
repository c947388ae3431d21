"""A labelled structure as a reader of a format hands it on."""

import re
from collections.abc import Sequence

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers

_NUMBERED = re.compile(r"([A-Z][a-z]?)[\d_+\-.].*")


def labelled_atoms(
    symbols: Sequence[str] | np.ndarray,
    positions: np.ndarray,
    cell: np.ndarray | None,
    pbc: bool | Sequence[bool],
    energy: float | None = None,
    forces: np.ndarray | None = None,
    stress: np.ndarray | None = None,
    group: str | None = None,
) -> Atoms:
    """A structure that carries its labels under ASE's names: energy, forces (n, 3), stress (6,), in ASE's order and
    sign, and config_type; positions (n, 3) and cell (3, 3). All in the units of the file."""
    atoms = Atoms(symbols, positions, cell=cell, pbc=pbc)
    for name, value in (("energy", energy), ("stress", stress), ("config_type", group)):
        if value is not None:
            atoms.info[name] = value
    if forces is not None:
        atoms.arrays["forces"] = np.asarray(forces, dtype=float)
    return atoms


def stress_of_virial(virial: np.ndarray, cell: np.ndarray) -> np.ndarray | None:
    """σ = −W/V: stress (6,), energy/length³, in ASE's order, of a virial W (3, 3), energy, positive under compression.

    cell: (3, 3), length. None: it has no volume.
    """
    volume = abs(np.linalg.det(np.asarray(cell, dtype=float).reshape(3, 3)))
    return -voigt(virial) / volume if volume > 0 else None


def voigt(tensor: np.ndarray) -> np.ndarray:
    """The components xx yy zz yz xz xy, (6,), in any unit, of a tensor (3, 3), which is made symmetric."""
    t = np.asarray(tensor, dtype=float).reshape(3, 3)
    return np.array([t[0, 0], t[1, 1], t[2, 2], *(0.5 * (t[a, b] + t[b, a]) for a, b in ((1, 2), (0, 2), (0, 1)))])


def element_of(label: str) -> str | None:
    """The chemical symbol that a label of an atom stands for: "Si", "si", "SI", and "Si1", "Si_b", "Si4+"; None if that
    is not clear."""
    if label.capitalize() in atomic_numbers and label.capitalize() != "X":
        return label.capitalize()
    match = _NUMBERED.fullmatch(label)
    return match[1] if match and match[1] in atomic_numbers and match[1] != "X" else None
