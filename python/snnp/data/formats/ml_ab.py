"""ML_AB and ML_ABN: the structures that VASP's machine-learned force fields keep.

Energy in eV, forces in eV/Å, stress in kbar: taken to be positive under compression, as in OUTCAR; its order xx yy zz
and xy yz zx stands in the file.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.units import GPa

from snnp.data.formats.notes import Notes
from snnp.data.formats.opening import Lines, lines_of, quoted
from snnp.data.formats.structure import element_of, labelled_atoms

_RULER = re.compile(r"[-=*]{10,}")
KBAR = 0.1 * GPa


def read(path: Path, elements: list[str], notes: Notes) -> Iterator[Atoms]:
    """Structures of the file; raises DataError if there are fewer than it announces."""
    with lines_of(path) as lines:
        announced, found = _count(lines), 0
        for line in lines:
            if line.strip().startswith("Configuration num"):
                yield _structure(lines)
                found += 1
        if found < announced:
            raise lines.error(f"the file ends after {found} of {announced} configurations")


def _count(lines: Lines) -> int:
    for line in lines:
        if line.strip() == "The number of configurations":
            return int(lines.floats(_content(lines, line.strip()), 1, "the number of configurations")[0])
    raise lines.error("expected 'The number of configurations'")


def _content(lines: Lines, title: str) -> list[str]:
    """The words of the first line below a title and its ruler."""
    line = lines.take(title)
    while _RULER.fullmatch(line.strip()):
        line = lines.take(title)
    return line.split()


def _rows(lines: Lines, count: int, title: str) -> np.ndarray:
    rows = [lines.floats(_content(lines, title), 3, title)]
    rows += [lines.floats(lines.take(title).split(), 3, title) for _ in range(count - 1)]
    return np.array(rows)


def _structure(lines: Lines) -> Atoms:
    n_types = int(_value(lines, "The number of atom types"))
    n_atoms = int(_value(lines, "The number of atoms"))
    _find(lines, "Atom types and atom numbers")
    counts = _counts(lines, n_types)
    if sum(n for _, n in counts) != n_atoms:
        raise lines.error(f"the numbers of atoms by type sum up to {sum(n for _, n in counts)}, expected {n_atoms}")
    cell = _rows(lines, 3, _find(lines, "Primitive lattice vectors"))
    positions = _rows(lines, n_atoms, _find(lines, "Atomic positions"))
    energy = _value(lines, "Total energy")
    forces = _rows(lines, n_atoms, _find(lines, "Forces"))
    xx, yy, zz = _rows(lines, 1, _find(lines, "XX YY ZZ"))[0]
    xy, yz, zx = _rows(lines, 1, _find(lines, "XY YZ ZX"))[0]
    stress = -KBAR * np.array([xx, yy, zz, yz, zx, xy])
    symbols = [symbol for symbol, n in counts for _ in range(n)]
    return labelled_atoms(symbols, positions, cell, True, energy, forces, stress)


def _find(lines: Lines, title: str) -> str:
    """Goes on to the line that begins with a title."""
    while not (line := lines.take(f"'{title}'")).strip().startswith(title):
        if line.strip().startswith("Configuration num"):
            raise lines.error(f"expected '{title}' before the next configuration")
    return title


def _value(lines: Lines, title: str) -> float:
    return lines.floats(_content(lines, _find(lines, title)), 1, title)[0]


def _counts(lines: Lines, n_types: int) -> list[tuple[str, int]]:
    """Elements in the order of the atoms, and how many there are of each."""
    counts, words = [], _content(lines, "atom types")
    for n in range(n_types):
        words = words if n == 0 else lines.take("an atom type").split()
        symbol = element_of(words[0]) if words else None
        if symbol is None or len(words) != 2 or not words[1].isdecimal():
            raise lines.error(f"expected an element and how many atoms, found {quoted(' '.join(words))}")
        counts.append((symbol, int(words[1])))
    return counts
