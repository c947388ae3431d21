"""What structures hold under names of energies, forces, stresses and virials: in calculators, `info` and `arrays`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress

from snnp.data.names import Name, parse

# Labels that differ by less are the same: energies per atom, eV; forces, eV/Å; stresses, eV/Å³; virials, eV.
SAME = 1e-5
_MOST_NAMES = 20  # in a sentence
_NO_LABELS = {"numbers", "positions", "tags", "momenta", "initial_magmoms", "initial_charges", "masses"}


@dataclass(frozen=True)
class Entry:
    """A value and what its name says."""

    name: Name
    value: object


@dataclass
class Structure:
    """A structure, where it comes from, and its entries by family and kind."""

    atoms: Atoms
    origin: str
    entries: dict[str, dict[str, list[Entry]]] = field(default_factory=dict)
    twice: set[str] = field(default_factory=set)  # names with two values that differ

    def has(self, family: str, kind: str) -> bool:
        """Whether a family has a label of this kind."""
        return kind in self.entries.get(family, {})

    def complete(self, family: str) -> bool:
        """Whether a family has energy and forces; a single atom needs none."""
        return self.has(family, "energy") and (self.has(family, "forces") or len(self.atoms) == 1)

    def names(self) -> Iterator[Name]:
        """The names of all entries."""
        for kinds in self.entries.values():
            for entries in kinds.values():
                yield from (entry.name for entry in entries)

    def find(self, key: str) -> object | None:
        """The value with exactly this name."""
        return next((source[key] for source in _sources(self.atoms) if source.get(key) is not None), None)

    def all_names(self) -> str:
        """The names of all that the structure holds, for messages."""
        names = sorted({str(key) for source in _sources(self.atoms) for key in source} - _NO_LABELS)
        return listed(names, _MOST_NAMES) or "nothing"


def look(atoms: Atoms, origin: str) -> Structure:
    """A structure with its entries."""
    found, seen = Structure(atoms, origin), {}
    for source in _sources(atoms):
        for key, value in source.items():
            name = parse(str(key))
            if name is None or value is None or _is_per_atom(name, value):
                continue
            if key not in seen:
                seen[key] = value
                found.entries.setdefault(name.family, {}).setdefault(name.kind, []).append(Entry(name, value))
            elif not difference(seen[key], value) <= SAME:
                found.twice.add(key)
    return found


def _sources(atoms: Atoms) -> list[dict]:
    return [*([atoms.calc.results] if atoms.calc is not None else []), atoms.info, atoms.arrays]


def _is_per_atom(name: Name, value: object) -> bool:
    """Stresses of atoms, which calculators of ASE have, too."""
    return name.kind in ("stress", "virial") and np.ndim(value) == 2 and np.shape(value) != (3, 3)


def difference(a: object, b: object) -> float:
    """The largest difference of two values, as far as both are known; NaN if they cannot be compared."""
    try:
        x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
        if {x.size, y.size} == {6, 9}:
            x, y = _voigt(x), _voigt(y)
        apart = np.abs(x.ravel() - y.ravel())
    except (TypeError, ValueError):
        return np.nan
    return float(np.max(apart[~np.isnan(apart)], initial=0.0))


def _voigt(tensor: np.ndarray) -> np.ndarray:
    return full_3x3_to_voigt_6_stress(tensor.reshape(3, 3)) if tensor.size == 9 else tensor


def listed(names: Sequence[str], most: int = 8) -> str:
    """Names as part of a sentence."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
