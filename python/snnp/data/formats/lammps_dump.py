"""What ASE does not look at in dumps of LAMMPS: whether atoms have elements, and the units of the numbers."""

import itertools
from collections.abc import Sequence
from pathlib import Path

from ase.io.formats import ioformats

from snnp.data.formats.notes import Notes
from snnp.data.formats.opening import open_text
from snnp.data.formats.units import Units, parse_units
from snnp.data.frames import DataError

NAMES = {"lammps-dump-text", "lammps-dump-binary"}
"""ASE's names of the formats."""

_HEAD = 100  # lines tell
_STYLES = ("metal", "real", "electron")


def elements(path: Path, name: str, given: Sequence[str]) -> dict[str, list[str]]:
    """What ASE has to know about elements. Raises DataError if atoms have types only and none are given."""
    if given:
        return {"specorder": list(given)}
    if ioformats[name].isbinary or "element" not in _after(path, "ITEM: ATOMS", 0).split():
        raise DataError(f"{path}: atoms have types and no elements; expected data.elements with those of the types")
    return {}


def units(path: Path, name: str, given: Units | None, notes: Notes) -> Units | None:
    """The units of a dump, by its ITEM: UNITS, or as given. Raises DataError if both differ, and for units that say
    nothing in eV and Å."""
    style = "" if ioformats[name].isbinary else _after(path, "ITEM: UNITS", 1).strip()
    if not style:
        if given is None:
            notes.add(path, "does not say its units: taken to be metal (eV and Angstrom); data.units says otherwise")
        return given
    if style not in _STYLES:
        raise DataError(f"{path}: ITEM: UNITS is '{style}', expected one of {', '.join(_STYLES)}")
    said = parse_units(style)
    if given is not None and (given.energy, given.length) != (said.energy, said.length):
        raise DataError(f"{path}: ITEM: UNITS is '{style}' ({said.text}), but data.units says {given.text}")
    if style != "metal":
        notes.add(path, f"units are {said.text}, as ITEM: UNITS says")
    return said


def _after(path: Path, title: str, skip: int) -> str:
    """The first line that begins so, or the one `skip` lines after it; "" if there is none at the beginning."""
    with open_text(path) as file:
        lines = list(itertools.islice(file, _HEAD))
    found = (n for n, line in enumerate(lines) if line.startswith(title))
    n = next(found, len(lines)) + skip
    return lines[n] if n < len(lines) else ""
