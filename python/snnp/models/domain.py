"""The domain of the training data, as a potential file tells it: what atoms there are like."""

from collections.abc import Iterable

import numpy as np

from snnp import _core

# Numbers of neighbours that differ by about this part are alike: those of an atom of a warm crystal vary by as much.
_ALIKE = 0.1
# Of the standard deviation of the energies of atoms: ranges end this far beyond the training data, which are a sample.
_MARGIN = 0.1


class _Energies:
    """Energies of atoms of one element, by their numbers of neighbours."""

    def __init__(self):
        self.count, self._sums = 0, np.zeros(2)
        self._lowest, self._highest = np.full(1, np.inf), np.full(1, -np.inf)  # by number of neighbours, eV

    def add(self, neighbors: np.ndarray, energies: np.ndarray) -> None:
        """Numbers (atoms,) and energies (atoms,), eV."""
        more = neighbors.max() + 1 - len(self._lowest)
        if more > 0:
            self._lowest = np.append(self._lowest, np.full(more, np.inf))
            self._highest = np.append(self._highest, np.full(more, -np.inf))
        np.minimum.at(self._lowest, neighbors, energies)
        np.maximum.at(self._highest, neighbors, energies)
        self.count += len(energies)
        self._sums += energies.sum(), (energies**2).sum()

    def ranges(self) -> list[_core.EnergyRange]:
        """Of atoms with about as many neighbours.

        Numbers n of neighbours make classes where log(1 + n) differs by less than `_ALIKE`, and a range is that of a
        class and the two beside it.
        """
        mean, square = self._sums / self.count
        margin = _MARGIN * np.sqrt(max(square - mean**2, 0.0)) + 1e-6
        numbers = np.arange(round(len(self._lowest) * (1 + 2 * _ALIKE)) + 1)
        classes = np.floor(np.log1p(numbers) / _ALIKE).astype(int)
        lowest = np.full(classes.max() + 3, np.inf)  # of the class one below
        highest = -lowest
        known = classes[: len(self._lowest)] + 1
        np.minimum.at(lowest, known, self._lowest)
        np.maximum.at(highest, known, self._highest)
        there = {}
        for n, k in enumerate(classes):
            if np.isfinite(lowest[k : k + 3]).any():
                there[n] = float(lowest[k : k + 3].min() - margin), float(highest[k : k + 3].max() + margin)
        return _joined(there)


class Domain:
    """Collects what atoms of a potential's training data are like: ranges of filters, energies by neighbours."""

    def __init__(self, potential: _core.Potential):
        self._potential, self._engine = potential, _core.Engine(potential)
        n = len(potential.elements)
        self._cutoffs = np.array([[potential.cutoff_of(a, b) for b in range(n)] for a in range(n)])
        self._lowest = np.full((n, potential.n2 + potential.n3), np.inf)
        self._highest = -self._lowest
        self._energies = [_Energies() for _ in range(n)]

    def add(self, structures: _core.Structures, threads: int) -> None:
        """Takes the atoms of some structures."""
        found = self._engine.evaluate(structures, threads)
        elements, filters = np.asarray(structures.elements), found["filters"][:, 1:]
        np.minimum.at(self._lowest, elements, filters)
        np.maximum.at(self._highest, elements, filters)
        neighbors = self._neighbors(structures)
        for a in np.unique(elements):
            own = elements == a
            self._energies[a].add(neighbors[own], found["energies"][own] - self._potential.elements[a].e0)

    def _neighbors(self, structures: _core.Structures) -> np.ndarray:
        """How many neighbours atoms have within the cutoffs of pairs, (atoms,)."""
        elements, counts = np.asarray(structures.elements), np.diff(structures.offsets)
        centers = np.repeat(np.arange(len(elements)), counts)
        cutoffs = self._cutoffs[elements[centers], elements[np.asarray(structures.indices)]]
        within = np.linalg.norm(structures.vectors, axis=1) < cutoffs
        return np.bincount(centers[within], minlength=len(elements))

    def note(self) -> None:
        """Puts into the potential what has been collected."""
        elements = self._potential.elements
        for a, element in enumerate(elements):
            if not self._energies[a].count:
                continue
            if self._lowest.shape[1]:
                element.lowest, element.highest = self._lowest[a], self._highest[a]
            element.energies = self._energies[a].ranges()
        self._potential.elements = elements


def set_domain(potential: _core.Potential, structures: Iterable[_core.Structures], threads: int) -> None:
    """Notes in a potential what atoms of some structures, those it was fitted to, are like."""
    domain = Domain(potential)
    for each in structures:
        domain.add(each, threads)
    domain.note()


def _joined(there: dict[int, tuple[float, float]]) -> list[_core.EnergyRange]:
    """One range for numbers that follow each other and have the same energies."""
    ranges: list[_core.EnergyRange] = []
    for n, (low, high) in there.items():
        last = ranges[-1] if ranges else None
        if last and last.last == n - 1 and (last.lowest, last.highest) == (low, high):
            last.last = n
        else:
            ranges.append(_core.EnergyRange(n, n, low, high))
    return ranges
