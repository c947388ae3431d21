"""Distances and angles in data, as the splines of a potential meet them."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from snnp import _core

_BINS = 120
_RARE = 1e-3
_SHELL, _FIRST = 1.15, 1.3  # the nearest neighbours and the first ones, by the nearest one
_ATOMS = 2000  # whose neighbours are looked at: enough for a histogram


@dataclass
class Histogram:
    """Counts (bins,) between edges (bins + 1,), Å or cos θ."""

    edges: np.ndarray
    counts: np.ndarray

    @property
    def seen(self) -> tuple[float, float] | None:
        """The lowest and the highest edge of bins that are not empty; None: all are."""
        (there,) = np.nonzero(self.counts)
        return (float(self.edges[there[0]]), float(self.edges[there[-1] + 1])) if len(there) else None

    @property
    def gaps(self) -> list[tuple[float, float]]:
        """Where there are none: ranges of empty bins, (from, to); a single one in the midst of others is none."""
        empty = np.flatnonzero(np.diff(np.r_[False, self.counts == 0, False].astype(int))).reshape(-1, 2)
        last = len(self.counts)
        wide = [(i, j) for i, j in empty if j > i + 1 or i == 0 or j == last]
        return [(float(self.edges[i]), float(self.edges[j])) for i, j in wide]

    @property
    def bulk(self) -> tuple[float, float] | None:
        """The same without the rarest thousandth at either end: of distances, there curves are steep."""
        if self.seen is None:
            return None
        part = np.cumsum(self.counts) / self.counts.sum()
        first, last = np.searchsorted(part, [_RARE, 1 - _RARE])
        return float(self.edges[first]), float(self.edges[last + 1])


@dataclass
class Coverage:
    """Histograms of a sample of atoms: distances by centre and neighbour, in the order of `Potential.ordered_index`;
    cosines of angles between neighbours within the cutoffs of f, in that of `Potential.triplet_index`.
    first_cosines: the same between first neighbours, those that are at most 1.3 times as far as the nearest one.
    nearest: distances of first neighbours, Å, in the order of `distances`: medians of means over those that are at most
    1.15 times as far as the nearest one; NaN: there are none.
    """

    distances: list[Histogram]
    cosines: list[Histogram]
    first_cosines: list[Histogram]
    nearest: np.ndarray


def coverage(potential: _core.Potential, structures: Iterable[_core.Structures]) -> Coverage:
    """What structures, with neighbours as far as the potential reaches, hold of its distances and angles."""
    n = len(potential.elements)
    radial, angular = np.linspace(0, potential.cutoff(), _BINS + 1), np.linspace(-1, 1, _BINS + 1)
    distances, (cosines, first) = np.zeros((n * n, _BINS)), np.zeros((2, n * n * (n + 1) // 2, _BINS))
    legs = _leg_cutoffs(potential)
    nearest: list[list[float]] = [[] for _ in range(n * n)]
    structures = list(structures)
    stride = max(sum(map(len, structures)) // _ATOMS, 1)
    for each in structures:
        r = np.linalg.norm(each.vectors, axis=1)
        offsets, kinds = np.asarray(each.offsets), np.asarray(each.elements)
        others = kinds[np.asarray(each.indices)]
        for i in range(0, len(kinds), stride):
            here = slice(offsets[i], offsets[i + 1])
            close = np.zeros(len(r[here]), dtype=bool)
            for b in np.unique(others[here]):
                ab = potential.ordered_index(int(kinds[i]), int(b))
                own = r[here][others[here] == b]
                distances[ab] += np.histogram(own, radial)[0]
                close |= (others[here] == b) & (r[here] < _FIRST * own.min())
                nearest[ab].append(own[own < _SHELL * own.min()].mean())
            near = r[here] < legs[kinds[i], others[here]]
            u = each.vectors[here] / r[here][:, None]
            for chosen, counts in ((near, cosines), (near & close, first)):
                _count_angles(potential, int(kinds[i]), others[here][chosen], u[chosen], angular, counts)
    medians = np.array([np.median(found) if found else np.nan for found in nearest])
    by_angle = [[Histogram(angular, c) for c in counts] for counts in (cosines, first)]
    return Coverage([Histogram(radial, c) for c in distances], *by_angle, medians)


def _leg_cutoffs(p: _core.Potential) -> np.ndarray:
    """The longest f of each centre and neighbour, Å; 0 without any."""
    n = len(p.elements)
    longest = np.zeros((n, n))
    for a in range(n):
        for b in range(n):
            k = p.ordered_index(a, b) * p.n3
            longest[a, b] = max((f.knots[-1] for f in p.f[k : k + p.n3]), default=0.0)
    return longest


def _count_angles(p, a: int, kinds: np.ndarray, u: np.ndarray, edges: np.ndarray, counts: np.ndarray) -> None:
    j, k = np.tril_indices(len(u), -1)
    cosine = np.clip((u[j] * u[k]).sum(1), -1, 1)
    for b, c in {(int(min(pair)), int(max(pair))) for pair in zip(kinds[j], kinds[k], strict=True)}:
        own = (np.minimum(kinds[j], kinds[k]) == b) & (np.maximum(kinds[j], kinds[k]) == c)
        counts[p.triplet_index(a, b, c)] += np.histogram(cosine[own], edges)[0]
