"""What the data leave open about atomic energies, told before a fit.

Let n_Ac be the number of atoms of class c in structure A. If the energy of each atom of class c is shifted by d_c, no
force changes, and no energy if Σ_c n_Ac d_c = 0 for all A: these shifts, the null space of the matrix n, are arbitrary.
With elements as classes they are shifts of one-body energies; with classes of surroundings, of atomic energies.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from snnp.data import Dataset, Frame
from snnp.data.distances import survey
from snnp.data.neighbors import element_indices, full_list
from snnp.mapping.classes import Classes, EnvironmentClass, find_classes
from snnp.mapping.environments import Descriptors, Reach
from snnp.models.shape import unordered_pairs

# Numbers of atoms that vary by less than these parts, root mean square over structures, are in one proportion.
_FREE, _HARDLY = 0.01, 0.06
_SMALL = 0.05  # of a shift, relative to its largest part
_NAMED = 3  # classes
_FEW = 50  # pairs of atoms closer than the reach of angles
_NEIGHBORS = 48, 24  # within the reach of pairs and of angles, as within the cutoffs of a model


@dataclass(frozen=True)
class Shift:
    """Atomic energies that may change together: eV by index of an element or class, the largest 1.

    free: no energy of the data changes; else the data say little.
    """

    parts: dict[int, float]
    free: bool


@dataclass
class Degeneracies:
    """What is open. compositions: shifts of elements. shifts: of classes, beside those. counts: atoms of each class in
    frames that were looked at, (frames, classes). pairs: how often elements that hardly meet are within `reach`, Å."""

    elements: list[str]
    compositions: list[Shift]
    classes: list[EnvironmentClass]
    counts: np.ndarray
    shifts: list[Shift]
    pairs: dict[str, int]
    reach: float

    @property
    def sentences(self) -> list[str]:
        """What is open and what to add, a sentence each; none: all is determined."""
        found = [self._of_elements(shift) for shift in self.compositions]
        found += [self._of_classes(sorted(some), free) for some, free in self._together()]
        if self.pairs:
            seen = ", ".join(f"{pair} {f'{n} times' if n else 'never'}" for pair, n in self.pairs.items())
            found.append(f"hardly seen within {self.reach:g} Å: {seen}: how these elements interact is not determined")
        return found

    def _of_elements(self, shift: Shift) -> str:
        names = _listed([self.elements[n] for n in shift.parts])
        how, known = ("no", "arbitrary") if shift.free else ("hardly any", "uncertain")
        return (
            f"{how} structure has another proportion of {names}: the split of energies among them is {known}; add "
            "other compositions, crystals of the elements, or isolated atoms"
        )

    def _together(self) -> list[tuple[set[int], bool]]:
        """Classes that shifts connect, and whether all of these are free."""
        parts: list[tuple[set[int], bool]] = []
        for shift in self.shifts:
            some, free = set(shift.parts), shift.free
            for other in [part for part in parts if part[0] & some]:
                parts.remove(other)
                some, free = some | other[0], free and other[1]
            parts.append((some, free))
        return parts

    def _of_classes(self, numbers: Sequence[int], free: bool) -> str:
        classes = [self.classes[n] for n in numbers]
        names = [f"{c.name}{_place(c, classes)}" for c in classes]
        if len(names) > _NAMED + 1:
            names = [*names[:_NAMED], f"{len(names) - _NAMED} other classes"]
        names = _listed(names)
        how, known = ("always", "not") if free else ("nearly always", "hardly")
        return (
            f"{names} come {how} in one proportion: the split of energies among them is {known} determined; add "
            f"structures in which their numbers differ: {self._what_to_add(numbers)}"
        )

    def _what_to_add(self, numbers: Sequence[int]) -> str:
        classes, counts = [self.classes[n] for n in numbers], self.counts[:, numbers].sum(axis=1)
        alone = (counts == self.counts.sum(axis=1))[counts > 0].all()
        if len({c.element for c in classes}) > 1:
            return "other compositions, antisite atoms or vacancies"
        if not alone:
            return "other surfaces, steps, adatoms, vacancies or clusters"
        if any(c.neighbors < 0.9 * max(d.neighbors for d in classes) for c in classes):
            return "bulk cells, slabs of another thickness, or other defects"
        return "cells with one of them alone"

    def as_dict(self) -> dict:
        """For JSON."""
        return {
            "classes": [{**vars(one), "name": one.name} for one in self.classes],
            "rare_pairs": self.pairs,
            "open": self.sentences,
        }


@dataclass(frozen=True)
class Sight:
    """What is seen of a data set: elements, how far surroundings go, shortest distances by unordered pair of elements
    (Å; 0 or NaN: they never meet)."""

    elements: list[str]
    reach: Reach
    shortest: Sequence[float]

    @classmethod
    def of(cls, frames: Sequence[Frame]) -> "Sight":
        """As far as a model sees by default."""
        elements = Dataset(list(frames)).elements
        distances = survey(frames, elements)
        return cls(elements, Reach(*(distances.radius(n) for n in _NEIGHBORS)), distances.shortest)


def find_degeneracies(frames: Sequence[Frame], threads: int = 1, sight: Sight | None = None) -> Degeneracies:
    """What frames leave open; those without a known energy count for what connects classes only.

    sight: of a model; None: of one with default cutoffs.
    """
    sight = sight or Sight.of(frames)
    elements, reach = sight.elements, sight.reach
    found = find_classes(frames, Descriptors(elements, reach, threads))
    kinds = np.array([elements.index(c.element) for c in found.classes])
    lifted = (kinds[:, None] == np.arange(len(elements))).astype(float)  # (classes, elements)
    labelled = np.array([np.isfinite(frame.energy) for frame in frames])
    composition = np.array([[list(f.atoms.symbols).count(e) for e in elements] for f in frames])[labelled]
    compositions = null_shifts(composition)
    counted = np.array([np.isfinite(frame.energy) for frame in found.frames])
    told = np.array([[s.parts.get(n, 0.0) for n in range(len(elements))] for s in compositions])
    shifts = null_shifts(found.counts[counted], lifted @ told.T if len(told) else None)
    rare = _rare(found, elements, sight.shortest, reach.angles)
    return Degeneracies(elements, compositions, found.classes, found.counts, shifts, rare, reach.angles)


def null_shifts(counts: np.ndarray, without: np.ndarray | None = None) -> list[Shift]:
    """Shifts d of columns of counts (structures, columns) with Σ_c x_Ac d_c small for all structures, x_Ac = n_Ac/N_A.

    without: (columns, k), shifts that are known already. Each shift has as few parts as elimination finds.
    """
    columns = counts.shape[1]
    if not len(counts) or columns < 2:
        return []
    fractions = np.unique(counts / counts.sum(axis=1, keepdims=True), axis=0)
    largest = np.maximum(fractions.max(axis=0), 1e-9)
    relative = fractions / largest
    rest = np.eye(columns)
    if without is not None:
        rest = scipy.linalg.null_space((without * largest[:, None]).T)
    _, sizes, directions = np.linalg.svd(relative @ rest / len(relative) ** 0.5)
    sizes = np.r_[sizes, np.zeros(len(directions) - len(sizes))]
    found = []
    for free, small in ((True, sizes < _FREE), (False, (sizes >= _FREE) & (sizes < _HARDLY))):
        for d in _sparse(directions[small] @ rest.T):
            # One structure that shows a shift is enough, however many do not.
            if free or np.abs(relative @ d).max() < 3 * _HARDLY:
                d = d / largest / np.abs(d / largest).max()
                found.append(Shift({int(n): float(d[n]) for n in np.flatnonzero(np.abs(d) > 1e-12)}, free))
    return found


def _sparse(vectors: np.ndarray) -> list[np.ndarray]:
    """A basis of the space of some rows with as few parts as Gauss-Jordan elimination with pivots finds, largest 1."""
    if not len(vectors):
        return []
    _, _, order = scipy.linalg.qr(vectors, mode="economic", pivoting=True)
    reduced = np.linalg.solve(vectors[:, order[: len(vectors)]], vectors)
    reduced /= np.abs(reduced).max(axis=1, keepdims=True)
    reduced[np.abs(reduced) < _SMALL] = 0.0
    return [row for row in reduced if np.count_nonzero(row) > 1]


def _rare(found: Classes, elements: list[str], shortest: Sequence[float], reach: float) -> dict[str, int]:
    """How often elements are within `reach`, Å, if seldom, in the frames that were looked at; never: in all frames."""
    E = len(elements)
    counts = np.zeros((E, E), dtype=int)
    for frame in found.frames:
        kinds = element_indices(frame.atoms, elements)
        i, j, _ = full_list(frame.atoms, reach)
        np.add.at(counts, (kinds[i], kinds[j]), 1)
    rare = {}
    for (a, b), distance in zip(unordered_pairs(E), shortest, strict=True):
        count = int(counts[a, b]) // (2 if a == b else 1)
        if not 0 < distance < reach or 0 < count < _FEW:
            rare[f"{elements[a]}-{elements[b]}"] = count
    return rare


def _place(one: EnvironmentClass, others: Sequence[EnvironmentClass]) -> str:
    """The groups of a class where they tell it from the others."""
    if all(one.groups == other.groups for other in others) or len(one.groups) > 2:
        return ""
    return f" in {' and '.join(one.groups)}"


def _listed(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 2 else names)
