"""Frames with the same structure, up to translation, rotation and the order of atoms."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from snnp.data.frames import Frame
from snnp.data.neighbors import full_list

_REACH = 5.0  # Å
# Invariants per atom of one structure in two files, with positions of six digits after the point, differ by less.
_TOLERANCE = 2e-6
# Two calculations of one structure differ by less, eV/atom.
_SAME_ENERGY = 1e-3


@dataclass
class Duplicates:
    """Pairs of frames with the same structure; the second of each comes first in the data."""

    inside: dict[str, list[tuple[Frame, Frame]]] = field(default_factory=dict)
    """By name of the set in which both are."""
    between: dict[str, list[tuple[Frame, Frame]]] = field(default_factory=dict)
    """By name of the set of the first; the second is in the training set."""
    contradictions: list[tuple[Frame, Frame]] = field(default_factory=list)
    """Those of both kinds whose energies are not the same."""


def find_duplicates(sets: Mapping[str, Sequence[Frame]], training: str = "train") -> Duplicates:
    """Frames that are equal inside a set, and frames of other sets that are in the training set, too.

    Frames without atoms closer than 5 Å are never called equal.
    """
    frames = [(name, frame) for name in sorted(sets, key=lambda name: name != training) for frame in sets[name]]
    found = Duplicates({name: [] for name in sets}, {name: [] for name in sets if name != training})
    for members in sorted(_equal([frame for _, frame in frames])):
        first: dict[str, Frame] = {}
        for index in members:
            name, frame = frames[index]
            original = first.get(training) or first.get(name)
            if original is not None:
                where = found.inside[name] if name == training or training not in first else found.between[name]
                where.append((frame, original))
                if abs(frame.energy - original.energy) > _SAME_ENERGY * len(frame.atoms):
                    found.contradictions.append((frame, original))
            first.setdefault(name, frame)
    return found


def _equal(frames: Sequence[Frame]) -> Iterable[list[int]]:
    """Groups of indices of equal frames."""
    candidates: dict[tuple, list[int]] = defaultdict(list)
    values = []
    for n, frame in enumerate(frames):
        values.append(_invariants(frame))
        if values[-1] is not None:
            numbers, counts = np.unique(frame.atoms.numbers, return_counts=True)
            candidates[(*numbers.tolist(), *counts.tolist(), *frame.atoms.pbc.tolist())].append(n)
    for members in candidates.values():
        if len(members) > 1:
            yield from _clusters(np.array(members), np.array([values[n] for n in members]))


def _invariants(frame: Frame) -> np.ndarray | None:
    """Numbers that are the same for equal structures, (6,): sums per atom over pairs of smooth functions of distance and
    elements, one of them not linear in the pairs of an atom, and the size (Å). None: there are no pairs."""
    atoms = frame.atoms
    i, j, d = full_list(atoms, _REACH)
    if not len(i):
        return None
    x = np.linalg.norm(d, axis=1) / _REACH
    near = (1.0 - x**2) ** 3
    charge = np.sqrt(atoms.numbers / 10.0)
    by_atom = np.bincount(i, near * charge[j], minlength=len(atoms))
    size = atoms.get_volume() if atoms.cell.rank == 3 and atoms.pbc.any() else _spread(atoms.positions)
    sums = (near.sum(), (near * x).sum(), by_atom @ charge, by_atom @ by_atom / 10.0, np.cbrt(size) * len(atoms) / 10.0)
    return np.array([*sums, (near * x**2 * charge[i] * charge[j]).sum()]) / len(atoms)


def _spread(positions: np.ndarray) -> float:
    """Mean square distance from the centre, Å²."""
    return float(((positions - positions.mean(axis=0)) ** 2).sum(axis=1).mean())


def _clusters(members: np.ndarray, values: np.ndarray, column: int = 0) -> Iterable[list[int]]:
    """Splits where a sorted invariant has a gap, then by the next invariant."""
    if len(members) < 2:
        return
    if column == values.shape[1]:
        yield sorted(members.tolist())
        return
    order = np.argsort(values[:, column], kind="stable")
    gaps = np.flatnonzero(np.diff(values[order, column]) > _TOLERANCE) + 1
    for part in np.split(order, gaps):
        yield from _clusters(members[part], values[part], column + 1)
