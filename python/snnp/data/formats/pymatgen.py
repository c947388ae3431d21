"""JSON with structures of pymatgen and labels, as the public data of maml and mlearn and of MPtrj have them.

Energy in eV, forces in eV/Å; virial_stress (6,) or stress (3, 3) in kbar as VASP prints it, positive under compression;
six numbers are in VASP's order xx yy zz xy yz zx (Zuo et al., J. Phys. Chem. A 124, 731, 2020; Deng et al., Nat. Mach.
Intell. 5, 1031, 2023).
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms

from snnp.data.formats.ml_ab import KBAR
from snnp.data.formats.structure import element_of, labelled_atoms, voigt
from snnp.data.frames import DataError

_ENERGY = ("energy", "uncorrected_total_energy", "total_energy")
_FORCES = ("forces", "force")
_STRESS = ("virial_stress", "stress")
_GROUP = ("group", "config_type", "tag")
_DEPTH = 3  # of lists and dictionaries around an entry


def has_structures(content: object, depth: int = _DEPTH) -> bool:
    """Whether the first entries of nested lists and dictionaries lead to a structure."""
    if _is_entry(content):
        return True
    return depth > 0 and any(has_structures(inside, depth - 1) for inside in _inside(content)[:1])


def structures(path: Path, content: object) -> Iterator[Atoms]:
    """The structures with their labels, in the order of the file."""
    for n, entry in enumerate(_entries(content, _DEPTH)):
        try:
            yield _structure(entry)
        except (KeyError, TypeError, ValueError, IndexError) as error:
            reason = f"{error.args[0]} is missing" if isinstance(error, KeyError) else str(error)[:100]
            raise DataError(f"{path}:frame {n}: is no labelled structure of pymatgen ({reason})") from error


def _is_entry(content: object) -> bool:
    structure = content.get("structure") if isinstance(content, dict) else None
    return isinstance(structure, dict) and "lattice" in structure and "sites" in structure


def _inside(content: object) -> list:
    if isinstance(content, dict):
        return list(content.values())
    return content if isinstance(content, list) else []


def _entries(content: object, depth: int) -> Iterator[dict]:
    if _is_entry(content):
        yield content
    elif depth > 0:
        for inside in _inside(content):
            yield from _entries(inside, depth - 1)


def _first(entry: dict, names: tuple[str, ...]):
    return next((entry[name] for name in names if entry.get(name) is not None), None)


def _structure(entry: dict) -> Atoms:
    lattice, sites = entry["structure"]["lattice"], entry["structure"]["sites"]
    cell = np.array(lattice["matrix"], dtype=float).reshape(3, 3)
    fractions = np.array([site["abc"] for site in sites], dtype=float).reshape(-1, 3)
    with np.errstate(all="ignore"):  # what is not finite is found later
        positions = fractions @ cell
    labels = entry.get("outputs") or entry
    stress = _first(labels, _STRESS)
    if stress is not None:
        stress = -KBAR * _tensor(np.array(stress, dtype=float))
    return labelled_atoms(
        [_element(site) for site in sites],
        positions,
        cell,
        lattice.get("pbc", True),
        _first(labels, _ENERGY),
        _first(labels, _FORCES),
        stress,
        _first(entry, _GROUP),
    )


def _element(site: dict) -> str:
    species = site["species"]
    element = element_of(str(species[0]["element"])) if len(species) == 1 else None
    if element is None or species[0].get("occu", 1) != 1:
        raise ValueError(f"a site holds {species}, expected one element")
    return element


def _tensor(stress: np.ndarray) -> np.ndarray:
    """Components in ASE's order, (6,), of VASP's six or of a matrix (3, 3)."""
    if stress.size == 6:
        xx, yy, zz, xy, yz, zx = stress.ravel()
        return np.array([xx, yy, zz, yz, zx, xy])
    return voigt(stress)
