"""Distances between atoms in the data, from which cutoffs and first knots follow."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from snnp.data.frames import Frame
from snnp.data.neighbors import element_indices, full_list
from snnp.models.shape import unordered_pairs

_LARGEST_CUTOFF = 9.0  # Å
_LARGEST_SHORTEST = 5.0  # Å: elements that come no closer are taken not to meet
_FRAMES = 60  # are enough to know the density


@dataclass
class Distances:
    """A sorted sample of all distances, and the shortest of each unordered pair of elements (NaN: none seen); Å."""

    elements: list[str]
    sample: np.ndarray
    n_atoms: int  # in the structures of the sample
    shortest: np.ndarray

    def radius(self, neighbors: float) -> float:
        """The radius within which an atom has so many neighbours on average, Å (rounded to 0.1)."""
        index = int(neighbors * self.n_atoms)
        if len(self.sample) == 0:
            return 5.0
        return round(float(self.sample[min(index, len(self.sample) - 1)]), 1)

    def first_knots(self) -> list[float]:
        """Where splines begin, by unordered pair, Å: the shortest distance, or a typical bond of a pair never seen."""
        return [
            float(s) if np.isfinite(s) else sum(covalent_radii[atomic_numbers[self.elements[n]]] for n in ab)
            for ab, s in zip(unordered_pairs(len(self.elements)), self.shortest, strict=True)
        ]


def survey(frames: Sequence[Frame], elements: Sequence[str]) -> Distances:
    """Looks at the distances between atoms.

    The cutoffs of a fit are not known before, so these neighbour lists are not those of the fit; they are not kept.
    """
    step = max(len(frames) // _FRAMES, 1)
    lists = [full_list(frame.atoms, _LARGEST_CUTOFF) for frame in frames[::step]]
    n_atoms = sum(len(frame.atoms) for frame in frames[::step])
    sample = np.sort(np.concatenate([np.linalg.norm(d, axis=1) for _, _, d in lists]))
    return Distances(list(elements), sample, n_atoms, shortest_distances(frames, elements))


def shortest_distances(frames: Sequence[Frame], elements: Sequence[str]) -> np.ndarray:
    """Of each unordered pair of elements, (pairs,), Å; NaN: they come no closer than 5 Å."""
    E = len(elements)
    shortest = np.full((E, E), np.inf)
    for frame in frames:
        kinds = element_indices(frame.atoms, elements)
        i, j, d = full_list(frame.atoms, _LARGEST_SHORTEST)
        np.minimum.at(shortest, (kinds[i], kinds[j]), np.linalg.norm(d, axis=1))
    shortest = np.minimum(shortest, shortest.T)[np.triu_indices(E)]
    return np.where(np.isinf(shortest), np.nan, shortest)
