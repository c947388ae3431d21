"""Crystals by their names, as people type them, and the usual ones of an element."""

import re
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers, covalent_radii
from ase.formula import Formula

from snnp.validation.model import Model
from snnp.validation.naming import formula, prototype
from snnp.validation.relaxation import relax
from snnp.validation.series import standardised
from snnp.validation.symmetry import symmetry_data

# What ASE builds, by its names: elements, or compounds of as many different atoms.
_ELEMENTS = {"sc": "sc", "fcc": "fcc", "bcc": "bcc", "hcp": "hcp", "diamond": "diamond", "bct": "bct"}
_COMPOUNDS = {
    "zincblende": "zincblende",
    "rocksalt": "rocksalt",
    "b2": "cesiumchloride",
    "wurtzite": "wurtzite",
    "fluorite": "fluorite",
}
_ALIASES = {
    "a1": "fcc",
    "a2": "bcc",
    "a3": "hcp",
    "a4": "diamond",
    "a5": "beta-sn",
    "β-sn": "beta-sn",
    "betasn": "beta-sn",
    "b1": "rocksalt",
    "nacl": "rocksalt",
    "b3": "zincblende",
    "zns": "zincblende",
    "sphalerite": "zincblende",
    "b4": "wurtzite",
    "cscl": "b2",
    "cesiumchloride": "b2",
    "c1": "fluorite",
    "l12": "l1_2",
    "l10": "l1_0",
}
# Scaled positions in a cell of sides a, a, c, with letters for the elements from the rarest on; c by a.
_CELLS = {
    "beta-sn": ("AAAA", [(0, 0, 0), (0, 0.5, 0.25), (0.5, 0.5, 0.5), (0.5, 0, 0.75)], 0.55),
    "a15": (
        "A" * 8,
        [(0, 0, 0), (0.5, 0.5, 0.5), (0.25, 0, 0.5), (0.75, 0, 0.5), (0.5, 0.25, 0), (0.5, 0.75, 0), (0, 0.5, 0.25),
         (0, 0.5, 0.75)],
        1.0,
    ),
    "l1_2": ("ABBB", [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)], 1.0),
    "l1_0": ("AABB", [(0, 0, 0), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)], 1.0),
}  # fmt: skip
_KNOWN = sorted({*_ELEMENTS, *_COMPOUNDS, *_CELLS})
_NEED_C = {"hcp": (8 / 3) ** 0.5, "wurtzite": (8 / 3) ** 0.5, "bct": None}
# Volumes that a scan goes through, by the one that covalent radii suggest: Ta has half of it, Ar four times as much.
_SCAN = np.geomspace(0.35, 5.0, 44)
_MOST_ATOMS = 1000  # in a structure file
USUAL = ("fcc", "bcc", "hcp", "diamond", "sc", "beta-sn")
_USUAL_COMPOUNDS = ("b2", "rocksalt", "zincblende")


def parse_crystal(text: str, elements: list[str]) -> Atoms:
    """The primitive cell that is meant: "bcc=3.17", "bcc Mo=3.17", "zincblende InP=5.87", "hcp Mg=3.2,5.2", or a file.

    elements: which there are. Raises ValueError with one sentence if the text means none.
    """
    if "=" not in text:
        return _read(text, elements)
    what, _, lengths = text.rpartition("=")
    words = what.split()
    if not 1 <= len(words) <= 2:
        raise ValueError(f"crystal '{text}': expected such as 'bcc Mo=3.17', 'bcc=3.17' or a structure file")
    known = _ALIASES.get(words[0].lower(), words[0].lower())
    if known not in _KNOWN:
        raise ValueError(f"crystal '{text}': {words[0]} is not known, expected one of {', '.join(_KNOWN)}, or a file")
    if len(words) == 1 and len(elements) > 1:
        raise ValueError(f"crystal '{text}': does not say of what, expected such as '{words[0]} {elements[0]}=3.17'")
    counts = _composition(text, words[1] if len(words) == 2 else elements[0], elements)
    try:
        numbers = [float(number) for number in lengths.split(",")]
    except ValueError:
        numbers = []
    if not 1 <= len(numbers) <= 2 or not all(0.5 < number < 100 for number in numbers):
        raise ValueError(
            f"crystal '{text}': found '{lengths}', expected a lattice constant in Å, or a and c: '3.2,5.2'"
        )
    return build(known, counts, *numbers, told=text)


def build(known: str, counts: dict[str, int], a: float, c: float | None = None, told: str = "") -> Atoms:
    """The primitive cell of a prototype. counts: atoms of each element. Raises ValueError if they do not fit."""
    symbols = sorted(counts, key=counts.__getitem__)
    if known in _CELLS:
        letters, places, ratio = _CELLS[known]
        wanted = sorted(letters.count(letter) for letter in set(letters))
    else:
        wanted = {"fluorite": [1, 2]}.get(known, [1, 1] if known in _COMPOUNDS else [1])
    unit = np.gcd.reduce(wanted)
    if sorted(counts.values()) != [n // unit for n in wanted]:
        parts = " and ".join(f"{n // unit} {'atom' if n == unit else 'atoms'} of one element" for n in wanted)
        raise ValueError(
            f"crystal '{told}': {known} has {parts}, found {''.join(f'{s}{n}' for s, n in counts.items())}"
        )
    if known in _CELLS:
        chosen = [symbols["AB".index(letter)] for letter in letters]
        return standardised(Atoms(chosen, scaled_positions=places, cell=[a, a, c or ratio * a], pbc=True))
    if known in _NEED_C and c is None and _NEED_C[known] is None:
        raise ValueError(f"crystal '{told}': expected two lattice constants, a and c: '3.2,4.9'")
    formula = "".join(s + (str(counts[s]) if counts[s] > 1 else "") for s in counts)
    more = {"c": c or a * _NEED_C[known]} if known in _NEED_C else {}
    return standardised(bulk(formula, (_ELEMENTS | _COMPOUNDS)[known], a=a, **more))


def _composition(text: str, formula: str, elements: list[str]) -> dict[str, int]:
    try:
        counts = Formula(formula).reduce()[0].count()
    except ValueError:
        counts = {}
    if not counts or not re.fullmatch(r"([A-Z][a-z]?\d*)+", formula):
        raise ValueError(f"crystal '{text}': '{formula}' is no formula, expected such as Mo or InP")
    if strange := next((symbol for symbol in counts if symbol not in elements), None):
        raise ValueError(f"crystal '{text}': {strange} is no element of the potential, which has {' '.join(elements)}")
    return counts


def _read(text: str, elements: list[str]) -> Atoms:
    if not Path(text).is_file():
        raise ValueError(f"crystal '{text}': there is no such file, expected a structure file or such as 'bcc Mo=3.17'")
    try:
        atoms = ase.io.read(text)
    except Exception as error:
        why = str(error) or type(error).__name__
        raise ValueError(f"crystal '{text}': ASE cannot read a structure from this file ({why})") from error
    if strange := next((symbol for symbol in atoms.symbols if symbol not in elements), None):
        raise ValueError(f"crystal '{text}': {strange} is no element of the potential, which has {' '.join(elements)}")
    if not (np.isfinite(atoms.cell.array).all() and np.isfinite(atoms.positions).all()):
        raise ValueError(f"crystal '{text}': a position or the cell is no finite number")
    if len(atoms) > _MOST_ATOMS:
        raise ValueError(f"crystal '{text}': {len(atoms)} atoms, expected a crystal of at most {_MOST_ATOMS}")
    if atoms.cell.rank < 3:
        raise ValueError(f"crystal '{text}': the structure has no cell, expected a crystal")
    atoms.pbc = True
    if symmetry_data(atoms) is None:
        raise ValueError(f"crystal '{text}': its symmetry cannot be found, expected atoms that are apart")
    return standardised(atoms, 1e-2)  # files often have no more digits


def usual_crystals(element: str, model: Model) -> list[tuple[str, Atoms]]:
    """Names and relaxed cells of those usual prototypes of an element that the potential holds, the lowest first."""
    return _held([build(known, {element: 1}, 3.0) for known in USUAL], model)


def usual_compounds(first: str, second: str, model: Model) -> list[tuple[str, Atoms]]:
    """The same of the usual prototypes of a compound of as many atoms of one element as of another."""
    cells = [build(known, {first: 1, second: 1}, 5.0) for known in _USUAL_COMPOUNDS]
    return _held(cells, model)


def _held(cells: list[Atoms], model: Model) -> list[tuple[str, Atoms]]:
    found = []
    for cell in cells:
        relaxed = _lowest(cell, model)
        if relaxed is not None:
            atoms = Atoms(relaxed.numbers, relaxed.positions, cell=relaxed.cell, pbc=True)
            found.append((relaxed.get_potential_energy() / len(relaxed), f"{prototype(atoms)} {formula(atoms)}", atoms))
    names = {name: atoms for _, name, atoms in sorted(found, key=lambda entry: entry[0], reverse=True)}
    return list(names.items())[::-1]


def scanned_volumes(*elements: str) -> np.ndarray:
    """Volumes of an atom, (volumes,), Å³, among which minima of the energy of usual prototypes are looked for.

    In order. elements: those of the prototype, of which the mean covalent radius decides.
    """
    radius = np.mean([covalent_radii[atomic_numbers[element]] for element in elements])
    return (2.2 * radius) ** 3 / 2**0.5 * _SCAN


def _lowest(atoms: Atoms, model: Model) -> Atoms | None:
    """A crystal at the lowest minimum of the energy by volume that is none of the ends of a scan, relaxed."""
    volumes = scanned_volumes(*atoms.symbols)
    calculator = model.calculator()
    atoms = atoms.copy()
    shape = atoms.cell.array / (atoms.get_volume() / len(atoms)) ** (1 / 3)
    energies = []
    for volume in volumes:
        atoms.set_cell(shape * volume ** (1 / 3), scale_atoms=True)
        atoms.calc = calculator
        energies.append(atoms.get_potential_energy() / len(atoms))
    energies = np.where(np.isfinite(energies), energies, np.inf)
    inner = np.flatnonzero((energies[1:-1] < energies[:-2]) & (energies[1:-1] < energies[2:])) + 1
    for n in sorted(inner, key=energies.__getitem__):
        atoms.set_cell(shape * volumes[n] ** (1 / 3), scale_atoms=True)
        relaxed = relax(atoms, calculator)
        if relaxed is not None:
            return relaxed
    return None
