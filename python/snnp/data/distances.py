"""Distances between atoms in the data, from which cutoffs, first knots and cores follow; which elements meet."""

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
    """A sorted sample of all distances, and the shortest of each unordered pair of elements (NaN: none seen); Å.

    triples: how many atoms of each element have neighbours of both elements of each unordered pair, closer than 5 Å;
    (elements, pairs). bond_length: mean distance of an atom to its nearest neighbour, Å.
    """

    elements: list[str]
    sample: np.ndarray
    n_atoms: int  # in the structures of the sample
    shortest: np.ndarray
    triples: np.ndarray
    bond_length: float = 1.0

    def radius(self, neighbors: float) -> float:
        """The radius within which an atom has so many neighbours on average, Å (rounded to 0.1)."""
        index = int(neighbors * self.n_atoms)
        if len(self.sample) == 0:
            return 5.0
        return round(float(self.sample[min(index, len(self.sample) - 1)]), 1)

    def first_knots(self) -> list[float]:
        """Where splines begin, by unordered pair, Å: the shortest distance, or the core of a pair never seen."""
        return [float(c if np.isnan(s) else s) for s, c in zip(self.shortest, self.core_radii(), strict=True)]

    def core_radii(self) -> list[float]:
        """Distances that no pair of atoms comes below, by unordered pair, Å: `core_radii` of the shortest ones."""
        return core_radii(self.elements, self.shortest)


def core_radii(elements: Sequence[str], shortest: np.ndarray) -> list[float]:
    """Distances that no pair of atoms comes below, by unordered pair, Å: r_ab = ½ (k_a + k_b) (R_a + R_b).

    shortest: distances s_ab of the data, (pairs,), Å; NaN: none. R are covalent radii and k_a the smallest ratio of
    s_ab to R_a + R_b among all pairs of a: a pair that was seen in cold crystals only may come as close as others do.
    It is never more than s_ab.
    """
    radii = np.array([covalent_radii[atomic_numbers[symbol]] for symbol in elements])
    pairs = np.array(unordered_pairs(len(radii)))
    bonds = radii[pairs].sum(1)
    ratios = shortest / bonds
    k = np.array([np.fmin.reduce(ratios[(pairs == a).any(1)]) for a in range(len(radii))])
    k = np.where(np.isnan(k), 1.0, k)  # of an element that meets nothing
    smallest = k[pairs].mean(1)
    # The distance itself, to the last digit, where it is the pair's own ratio.
    return [float(s if k == q else k * b) for s, q, k, b in zip(shortest, ratios, smallest, bonds, strict=True)]


def survey(frames: Sequence[Frame], elements: Sequence[str]) -> Distances:
    """Looks at the distances between atoms.

    The cutoffs of a fit are not known before, so these neighbour lists are not those of the fit; they are not kept.
    """
    step = max(len(frames) // _FRAMES, 1)
    lists = [full_list(frame.atoms, _LARGEST_CUTOFF) for frame in frames[::step]]
    n_atoms = sum(len(frame.atoms) for frame in frames[::step])
    lengths = [np.linalg.norm(d, axis=1) for _, _, d in lists]
    sample = np.sort(np.concatenate(lengths))
    nearest = [np.full(len(frame.atoms), np.inf) for frame in frames[::step]]
    for r, (i, _, _), d in zip(nearest, lists, lengths, strict=True):
        np.minimum.at(r, i, d)
    bonds = np.concatenate(nearest)
    bonds = bonds[np.isfinite(bonds)]
    bond_length = float(bonds.mean()) if len(bonds) else 1.0  # no atom meets another
    return Distances(list(elements), sample, n_atoms, *_encounters(frames, elements), bond_length)


def shortest_distances(frames: Sequence[Frame], elements: Sequence[str]) -> np.ndarray:
    """Of each unordered pair of elements, (pairs,), Å; NaN: they come no closer than 5 Å."""
    return _encounters(frames, elements)[0]


def _encounters(frames: Sequence[Frame], elements: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Shortest distances and numbers of `triples`, see `Distances`."""
    E = len(elements)
    a, b = np.triu_indices(E)
    shortest, triples = np.full((E, E), np.inf), np.zeros((E, len(a)), dtype=int)
    for frame in frames:
        kinds = element_indices(frame.atoms, elements)
        i, j, d = full_list(frame.atoms, _LARGEST_SHORTEST)
        np.minimum.at(shortest, (kinds[i], kinds[j]), np.linalg.norm(d, axis=1))
        near = np.zeros((len(kinds), E), dtype=int)
        np.add.at(near, (i, kinds[j]), 1)
        np.add.at(triples, kinds, np.where(a == b, near[:, a] > 1, (near[:, a] > 0) & (near[:, b] > 0)))
    shortest = np.minimum(shortest, shortest.T)[a, b]
    return np.where(np.isinf(shortest), np.nan, shortest), triples
