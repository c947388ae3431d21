"""input.data of n2p2 and RuNNer. Units are not part of the format: they are given, in a comment, or told from the
distances between atoms."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms

from snnp.data.bonds import bond_ratio
from snnp.data.formats.notes import Notes
from snnp.data.formats.opening import Lines, lines_of, quoted
from snnp.data.formats.structure import element_of, labelled_atoms
from snnp.data.formats.units import Units, parse_units
from snnp.data.frames import DataError
from snnp.data.geometry import check_geometry

_SAMPLE = 50  # frames are enough to tell the unit of length
_WORDS = (("eV", r"\be?v\b"), ("Hartree", r"\b(?:ha|hartrees?)\b"), ("Rydberg", r"\b(?:ry|rydbergs?)\b"))
_LENGTHS = (("Angstrom", r"\b(?:å|ang|angstroms?|angstroems?)\b"), ("Bohr", r"\bbohrs?\b"))
# The columns of a line "atom" after position and element, unless the line "begin" names others.
_LAYOUT = (("charge", 1), ("atom_energy", 1), ("force", 3))
_HOW = "data.units says otherwise"


def read(path: Path, elements: list[str], notes: Notes) -> Iterator[Atoms]:
    """Structures in the units of the file."""
    with lines_of(path) as lines:
        index = 0
        for line in lines:
            words = line.split()
            if words and words[0].lower() == "begin":
                yield _structure(lines, index, _layout(words[1:]))
                index += 1
            elif words and not words[0].startswith("#"):
                raise lines.error(f"expected begin, found {quoted(words[0])}")


def units(path: Path, notes: Notes) -> Units:
    """The units of a file for which none are given; raises DataError if they cannot be told."""
    stated = _stated(path)
    if stated:
        notes.add(path, f"units are {stated.text}, as the comments say; {_HOW}")
        return stated
    ratio = bond_ratio(_checked_sample(path))
    if ratio is None or 1.25 < ratio < 1.45:
        raise DataError(
            f"{path}: input.data does not say its units, and they cannot be told from the distances; "
            "expected data.units, e.g. {energy: Hartree, length: Bohr} or metal (eV and Angstrom)"
        )
    found = parse_units("metal" if ratio < 1.35 else "atomic")
    notes.add(
        path,
        f"input.data does not say its units: taken to be {found.text}, since distances between neighbours are bond "
        f"lengths then; {_HOW}",
    )
    return found


def _checked_sample(path: Path) -> Iterator[Atoms]:
    for n, atoms in zip(range(_SAMPLE), read(path, [], Notes()), strict=False):
        check_geometry(atoms, f"{path}:frame {n}")
        yield atoms


def _stated(path: Path) -> Units | None:
    """Units that the first comments name: one of energy and one of length."""
    with lines_of(path) as lines:
        text = " ".join(line for line, _ in zip(lines, range(1000), strict=False) if line.split()[:1] == ["comment"])
    found = [
        [name for name, pattern in words if re.search(pattern, text, re.IGNORECASE)] for words in (_WORDS, _LENGTHS)
    ]
    if [len(names) for names in found] != [1, 1]:
        return None
    return parse_units({"energy": found[0][0], "length": found[1][0]})


def _layout(fields: list[str]) -> tuple[tuple[str, int], ...]:
    """Names and widths of the columns after position and element."""
    matches = [re.fullmatch(r"([\w-]+?)(?:\((\d+)\))?", field) for field in fields[2:]]
    return tuple((m[1].lower().removesuffix("s"), int(m[2] or 1)) for m in matches if m) or _LAYOUT


def _structure(lines: Lines, index: int, layout: tuple[tuple[str, int], ...]) -> Atoms:
    cell, symbols, positions, forces, energy = [], [], [], [], None
    width = 4 + sum(count for _, count in layout)
    starts = np.cumsum([4, *(count for _, count in layout)]).tolist()
    force = next((start for (name, _), start in zip(layout, starts, strict=False) if name == "force"), None)
    while True:
        words = lines.take(f"the end of frame {index}").split()
        key = words.pop(0).lower() if words else ""
        if key == "end":
            break
        if key == "begin":
            raise lines.error(f"expected the end of frame {index}, found begin")
        if key == "lattice":
            cell.append(lines.floats(words, 3, "a cell vector"))
        elif key == "energy":
            (energy,) = lines.floats(words[:1], 1, "the energy")
        elif key == "atom":
            symbol = element_of(words[3]) if len(words) > 3 else None
            if symbol is None or len(words) < width:
                what = quoted(" ".join(words[:8]))
                raise lines.error(f"expected atom x y z element and {width - 4} more columns, found {what}")
            symbols.append(symbol)
            positions.append(lines.floats(words[:3], 3, "a position"))
            if force is not None:
                forces.append(lines.floats(words[force : force + 3], 3, "a force"))
    if len(cell) not in (0, 3):
        raise lines.error(f"frame {index} has {len(cell)} lines lattice, expected 3 or none")
    return labelled_atoms(symbols, positions, cell or None, bool(cell), energy, forces or None)
