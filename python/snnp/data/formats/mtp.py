"""Configurations of MLIP (moment tensor potentials): *.cfg with BEGIN_CFG.

PlusStress is the virial in eV, positive under compression (Novikov et al., Mach. Learn.: Sci. Technol. 2, 025002,
2021); the older Stress has the opposite sign. Which component stands where is in the line itself.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms

from snnp.data.formats.notes import Notes
from snnp.data.formats.opening import Lines, lines_of, quoted
from snnp.data.formats.structure import labelled_atoms, stress_of_virial

_COMPONENTS = {"xx": (0, 0), "yy": (1, 1), "zz": (2, 2), "yz": (1, 2), "xz": (0, 2), "xy": (0, 1)}
_SIGN = {"PlusStress:": 1.0, "Stress:": -1.0}


def read(path: Path, elements: list[str], notes: Notes) -> Iterator[Atoms]:
    """Structures of the file. elements: the symbols of the types 0, 1, …, which the file does not tell."""
    with lines_of(path) as lines:
        for line in lines:
            if line.strip() == "BEGIN_CFG":
                yield _structure(lines, elements)
            elif line.strip() and not line.lstrip().startswith("#"):
                raise lines.error(f"expected BEGIN_CFG, found {quoted(line.strip())}")


def _structure(lines: Lines, elements: list[str]) -> Atoms:
    size, cell, atoms, energy, virial = None, [], None, None, None
    while True:
        words = lines.take("END_CFG").split("#")[0].split()
        key = words[0] if words else ""
        if key == "END_CFG":
            break
        if key == "Size":
            size = int(lines.floats(lines.take("the number of atoms").split(), 1, "the number of atoms")[0])
        elif key.lower() == "supercell":
            cell = _cell(lines)
        elif key == "AtomData:":
            if size is None:
                raise lines.error("AtomData stands before Size")
            atoms = _atom_data(lines, words[1:], size)
        elif key == "Energy":
            (energy,) = lines.floats(lines.take("the energy").split("#")[0].split(), 1, "the energy")
        elif key in _SIGN:
            virial = _SIGN[key] * _tensor(lines, words[1:])
        elif key == "BEGIN_CFG":
            raise lines.error("expected END_CFG, found BEGIN_CFG")
        elif key == "Virial:":
            raise lines.error("the field Virial has no clear unit: expected PlusStress, the virial in eV")
    if atoms is None:
        raise lines.error("the configuration has no AtomData")
    return _assemble(lines, elements, cell, atoms, energy, virial)


def _cell(lines: Lines) -> list[list[float]]:
    cell = []
    while len(cell) < 3:
        words = lines.peek().split()
        if not words or words[0][0].isalpha():
            break
        cell.append(lines.floats(next(lines).split(), 3, "a cell vector"))
    if len(cell) not in (0, 3):
        raise lines.error(f"Supercell has {len(cell)} vectors, expected 3 or none")
    return cell


def _atom_data(lines: Lines, names: list[str], size: int) -> dict[str, np.ndarray]:
    titles = " ".join(names)[:80]
    rows = []
    while len(rows) < size:
        words = lines.take(f"{size} atoms").split()
        if words and words[0][0].isalpha():
            raise lines.error(f"AtomData ends after {_atoms(len(rows))}, expected {size} by Size")
        rows.append(lines.floats(words, len(names), titles))
    if (words := lines.peek().split()) and _is_number(words[0]):
        raise lines.error(f"AtomData goes on after {_atoms(size)}, expected no more by Size")
    return dict(zip(names, np.array(rows).reshape(-1, len(names)).T, strict=True))


def _atoms(count: int) -> str:
    return f"{count} atom{'' if count == 1 else 's'}"


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _tensor(lines: Lines, names: list[str]) -> np.ndarray:
    values = lines.floats(lines.take("stresses").split("#")[0].split(), 6, " ".join(names))
    tensor = np.zeros((3, 3))
    for name, value in zip(names, values, strict=False):
        if name not in _COMPONENTS:
            raise lines.error(f"expected the components {' '.join(_COMPONENTS)}, found {quoted(name)}")
        a, b = _COMPONENTS[name]
        tensor[a, b] = tensor[b, a] = value
    return tensor


def _assemble(lines: Lines, elements: list[str], cell, columns: dict[str, np.ndarray], energy, virial) -> Atoms:
    def vectors(*names: str) -> np.ndarray | None:
        return np.stack([columns[name] for name in names], axis=1) if all(n in columns for n in names) else None

    types = columns.get("type", np.zeros(len(next(iter(columns.values())))))
    if not np.isin(types, range(len(elements))).all():
        last = f"{types.max():g}" if np.isfinite(types).all() else "NaN"
        raise lines.error(
            f"atoms have the types 0 to {last}, not elements: expected data.elements with the element of each type, "
            "e.g. [In, P]"
        )
    positions, direct = vectors("cartes_x", "cartes_y", "cartes_z"), vectors("direct_x", "direct_y", "direct_z")
    if positions is None:
        if direct is None or not cell:
            raise lines.error("AtomData has no positions (cartes_x cartes_y cartes_z)")
        with np.errstate(all="ignore"):  # what is not finite is found later
            positions = direct @ np.array(cell)
    stress = stress_of_virial(virial, cell) if virial is not None and cell else None
    symbols = [elements[int(t)] for t in types]
    return labelled_atoms(symbols, positions, cell or None, bool(cell), energy, vectors("fx", "fy", "fz"), stress)
