"""Frames with the same structure, up to translation, rotation and the order of atoms."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from snnp.data.frames import Frame
from snnp.data.neighbors import full_list

_REACH = 5.0  # Å
# Frames whose invariants differ by less are compared pair by pair, and are equal if pairs differ by less: by 1e-4 Å.
_SIMILAR, _SAME = 1e-5, 3e-5
_TYPES = 10  # structures that are told apart among frames with similar invariants
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

    def divided(self, name: str, held_out: Iterable[Frame]) -> list[tuple[Frame, Frame]]:
        """Of the pairs inside a set, frames held out of it and equal ones that are not, the first of each."""
        out = {frame.origin for frame in held_out}
        groups: dict[str, list[Frame]] = {}
        for frame, first in self.inside[name]:
            groups.setdefault(first.origin, [first]).append(frame)
        pairs = []
        for frames in groups.values():
            kept = [frame for frame in frames if frame.origin not in out]
            pairs += [(frame, kept[0]) for frame in frames if frame.origin in out and kept]
        return pairs


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
            for similar in _clusters(np.array(members), np.array([values[n] for n in members])):
                yield from _verified(frames, similar)


def _verified(frames: Sequence[Frame], similar: list[int]) -> Iterable[list[int]]:
    """Splits frames of the same composition by the distances of all their pairs."""
    types: list[tuple[list[np.ndarray], list[int]]] = []
    for n in similar:
        pairs = _sorted_pairs(frames[n])
        for known, members in types[-_TYPES:]:
            if _agree(known, pairs):
                members.append(n)
                break
        else:
            types.append((pairs, [n]))
    for _, members in types:
        if len(members) > 1:
            yield members


def _pairs(frame: Frame) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Atoms i and j of all pairs, their distances x in units of the reach, and (1 − x²)³, which ends smoothly."""
    i, j, d = full_list(frame.atoms, _REACH)
    x = np.linalg.norm(d, axis=1) / _REACH
    return i, j, x, (1.0 - x**2) ** 3


def _sorted_pairs(frame: Frame) -> list[np.ndarray]:
    """(1 − x²)³ of the pairs of each two elements, the nearest first."""
    i, j, _, near = _pairs(frame)
    kinds = 128 * frame.atoms.numbers[i] + frame.atoms.numbers[j]
    return [np.sort(near[kinds == kind])[::-1] for kind in np.unique(kinds)]


def _agree(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    """Whether all pairs are the same; the farthest may be missing."""
    if len(some) != len(others):
        return False
    for a, b in zip(some, others, strict=True):
        n = min(len(a), len(b))
        if max(np.abs(a[:n] - b[:n]).max(), a[n:].max(initial=0.0), b[n:].max(initial=0.0)) > _SAME:
            return False
    return True


def _invariants(frame: Frame) -> np.ndarray | None:
    """Numbers that are the same for equal structures, (6,).

    Sums per atom over pairs of smooth functions of distance and elements, their spread among the atoms of an element,
    which a small displacement of one atom changes most, and the size (Å). None: there are no pairs.
    """
    atoms = frame.atoms
    i, j, x, near = _pairs(frame)
    if not len(i):
        return None
    charge = np.sqrt(atoms.numbers / 10.0)
    by_atom = np.bincount(i, near * charge[j], minlength=len(atoms))
    size = atoms.get_volume() if atoms.cell.rank == 3 and atoms.pbc.any() else _spread(atoms.positions)
    spread = sum(((b - b.mean()) ** 2).sum() for b in (by_atom[atoms.numbers == z] for z in np.unique(atoms.numbers)))
    sums = np.array([near.sum(), (near * x).sum(), by_atom @ charge, by_atom @ by_atom / 10.0])
    return np.array([*sums / len(atoms), np.sqrt(spread / len(atoms)), np.cbrt(size)])


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
    gaps = np.flatnonzero(np.diff(values[order, column]) > _SIMILAR) + 1
    for part in np.split(order, gaps):
        yield from _clusters(members[part], values[part], column + 1)
