"""JSON files of FitSNAP: one configuration each, in folders named after groups.

Energy in eV, forces in eV/Å; Stress is a pressure tensor (3, 3), positive under compression, in bar or in kB (kbar), as
StressStyle says. Rows of Lattice are the cell vectors. From FitSNAP's documentation and example data.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.units import GPa

from snnp.data.formats.notes import Notes
from snnp.data.formats.opening import quoted
from snnp.data.formats.structure import element_of, labelled_atoms, voigt
from snnp.data.frames import DataError

_PRESSURE = {"bar": 1e-4 * GPa, "kb": 0.1 * GPa, "kbar": 0.1 * GPa, "gpa": GPa}
_EXPECTED = {
    "EnergyStyle": ("electronvolt", "ev"),
    "PositionsStyle": ("angstrom",),
    "LatticeStyle": ("angstrom",),
    "ForcesStyle": ("electronvoltperangstrom",),
    "AtomTypeStyle": ("chemicalsymbol",),
}


def structures(path: Path, dataset: dict, notes: Notes) -> Iterator[Atoms]:
    """The configurations of the object Dataset; the folder is their group."""
    for key, known in _EXPECTED.items():
        style = str(dataset.get(key, known[0]))
        if style.lower() not in known:
            raise DataError(f"{path}: {key} is {quoted(style)}, expected {known[0]}")
    for n, entry in enumerate(dataset.get("Data") or []):
        try:
            unit = _pressure_unit(path, dataset, notes) if entry.get("Stress") is not None else 0.0
            yield _structure(entry, unit, path.resolve().parent.name)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, DataError):
                raise
            reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)[:100]
            raise DataError(f"{path}:frame {n}: is no configuration of FitSNAP ({reason})") from error


def _pressure_unit(path: Path, dataset: dict, notes: Notes) -> float:
    """eV/Å³ per unit of Stress."""
    style = dataset.get("StressStyle")
    if style is None:
        notes.add(path, "StressStyle is missing: Stress is taken to be in bar")
    unit = _PRESSURE.get(str(style or "bar").lower())
    if unit is None:
        raise DataError(f"{path}: StressStyle is {quoted(str(style))}, expected bar or kB")
    return unit


def _structure(entry: dict, pressure_unit: float, group: str) -> Atoms:
    symbols = [element_of(str(label)) for label in entry["AtomTypes"]]
    if None in symbols:
        raise ValueError(f"'{entry['AtomTypes'][symbols.index(None)]}' in AtomTypes is no chemical symbol")
    positions, cell = np.array(entry["Positions"], dtype=float), np.array(entry["Lattice"], dtype=float)
    stress = -pressure_unit * voigt(entry["Stress"]) if entry.get("Stress") is not None else None
    return labelled_atoms(symbols, positions, cell, True, entry.get("Energy"), entry.get("Forces"), stress, group)
