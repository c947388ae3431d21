"""Names of crystals: those that people use where there are any, else the Pearson symbol and the space group."""

from collections import Counter

import numpy as np
from ase import Atoms
from ase.formula import Formula

from snnp.validation.symmetry import PRECISION, symmetry_data

# Space group and how many atoms of each element its primitive cell has. Further below: letters of Wyckoff positions,
# where those two do not tell.
_NAMES = {
    (229, (1,)): "bcc",
    (225, (1,)): "fcc",
    (221, (1,)): "sc",
    (194, (2,)): "hcp",
    (227, (2,)): "diamond",
    (141, (2,)): "β-Sn",
    (139, (1,)): "bct",
    (223, (8,)): "A15",
    (191, (1,)): "simple hexagonal",
    (191, (3,)): "ω",
    (166, (1,)): "rhombohedral",
    (166, (2,)): "A7",
    (166, (3,)): "9R",
    (206, (8,)): "BC8",
    (213, (20,)): "β-Mn",
    (217, (29,)): "α-Mn",
    (216, (1, 1)): "zincblende",
    (186, (2, 2)): "wurtzite",
    (225, (1, 1)): "rocksalt",
    (221, (1, 1)): "B2",
    (123, (1, 1)): "L1_0",
    (227, (2, 2)): "B32",
    (166, (1, 1)): "L1_1",
    (187, (1, 1)): "WC",
    (198, (4, 4)): "B20",
    (221, (1, 3)): "L1_2",
    (225, (1, 3)): "D0_3",
    (194, (2, 6)): "D0_19",
    (139, (1, 3)): "D0_22",
    (223, (2, 6)): "A15",
    (225, (1, 2)): "fluorite",
    (191, (1, 2)): "AlB2",
    (139, (1, 2)): "C11_b",
    (136, (2, 4)): "rutile",
    (227, (2, 4)): "C15",
    (194, (4, 8)): "C14",
    (225, (1, 1, 2)): "L2_1",
    (216, (1, 1, 1)): "half-Heusler",
    (221, (1, 1, 3)): "perovskite",
}
_BY_LETTERS = {
    (194, (4,), "bc"): "graphite",
    (194, (4,), "bd"): "graphite",
    (194, (4,), "f"): "lonsdaleite",
    (194, (4,), "ac"): "dhcp",
    (194, (4,), "ad"): "dhcp",
    (194, (2, 2), "ac"): "NiAs",
    (194, (2, 2), "ad"): "NiAs",
    (194, (2, 2), "cd"): "hexagonal BN",
}
_SYSTEMS = {2: "a", 15: "m", 74: "o", 142: "t", 194: "h", 230: "c"}


def formula(atoms: Atoms) -> str:
    """The reduced composition, metals first: "InP", "Li15Si4"."""
    reduced = Formula(atoms.get_chemical_formula()).reduce()[0]
    return reduced.format("metal")


def prototype(atoms: Atoms, precision: float = PRECISION) -> str:
    """What the crystal is called: "bcc", "rocksalt", or such as "oC8 Cmce". Raises ValueError if it has no symmetry."""
    data = symmetry_data(atoms, precision)
    if data is None:
        raise ValueError(f"the symmetry of {atoms.symbols} cannot be found")
    in_primitive = len(set(data.mapping_to_primitive))
    share = in_primitive / len(atoms)
    counts = tuple(sorted(round(n * share) for n in Counter(atoms.numbers.tolist()).values()))
    letters = "".join(sorted(set(data.wyckoffs)))
    known = _BY_LETTERS.get((data.number, counts, letters)) or _NAMES.get((data.number, counts))
    return known or f"{_pearson(data)} {data.international}"


def _pearson(data) -> str:
    """The Pearson symbol: crystal system, centring, atoms in the conventional cell."""
    system = next(letter for last, letter in _SYSTEMS.items() if data.number <= last)
    centring = data.international[0]
    centring = "S" if centring in "ABC" else centring
    return f"{system}{centring}{len(data.std_types)}"


def lattice_constants(atoms: Atoms) -> dict[str, float]:
    """Those lengths of the conventional cell, Å, that symmetry leaves free: "lattice constant a", and b, c."""
    data = symmetry_data(atoms)
    if data is None:
        raise ValueError(f"the symmetry of {atoms.symbols} cannot be found")
    a, b, c = np.linalg.norm(data.std_lattice, axis=1)
    found = {"a": a}
    if data.number <= 74:
        found["b"] = b
    if data.number <= 194:
        found["c"] = c
    return {f"lattice constant {name}": float(length) for name, length in found.items()}
