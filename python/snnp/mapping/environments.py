"""Descriptors of the surroundings of atoms: filters like those of a model, but the same for all data."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.legendre import legval

from snnp import _core
from snnp.models.shape import unordered_pairs
from snnp.splines import END, project, table_matrix

_PAIR_KNOTS, _RADIAL_KNOTS, _ANGLE_KNOTS = 10, 6, 7
_DEGREES = (1, 2, 3, 4)  # of the Legendre polynomials of cos θ


@dataclass(frozen=True)
class Reach:
    """How far surroundings go, Å: distances between an atom and its neighbours, and angles between these."""

    pairs: float
    angles: float


class Descriptors:
    """Sums over neighbours j, and pairs of neighbours j < k, of B-splines B_a and Legendre polynomials P_l:

        Σ_j B_a(r_ij), by element of j;   Σ_{j<k} w_j w_k B_a(r_ij) B_a(r_ik) P_l(cos θ_jik)

    with w = 1 and, where there are several elements, also w = −1 … 1 from the first element to the last. Atoms with the
    same surroundings, turned or reflected, have the same descriptors.
    """

    def __init__(self, elements: Sequence[str], reach: Reach, threads: int = 1):
        self.elements, self.reach, self.threads = list(elements), reach, threads
        E = len(elements)
        knots = np.linspace(0, reach.pairs, _PAIR_KNOTS), np.linspace(0, reach.angles, _RADIAL_KNOTS)
        cosines = np.linspace(-1, 1, _ANGLE_KNOTS)
        pair, radial = (table_matrix(k, len(k) + 2 - END) for k in knots)
        angular = table_matrix(cosines, _ANGLE_KNOTS + 2) @ _legendre(cosines)
        channels = [np.ones(E), np.linspace(-1, 1, E)][: min(E, 2)]
        shells, degrees = radial.shape[-1], angular.shape[-1]
        n2, n3 = E * pair.shape[-1], len(channels) * shells * degrees
        two = [np.concatenate([np.zeros_like(pair[..., :1]), *(pair * (b == e) for e in range(E))], axis=-1)
               for _ in range(E) for b in range(E)]  # fmt: skip
        three = [np.concatenate([np.repeat(radial * w[b], degrees, axis=-1) for w in channels], axis=-1)
                 for _ in range(E) for b in range(E)]  # fmt: skip
        cosine = np.tile(angular, len(channels) * shells)
        angles = E * len(unordered_pairs(E))
        self._trainer = _core.Trainer(E, n2, n3, [knots[0]] * E**2, [knots[1]] * E**2, [cosines] * angles)
        self._trainer.set(two, three, [cosine] * angles)
        self.n2, self.n3 = n2, n3

    @property
    def cutoff(self) -> float:
        """Of the neighbour lists that are needed, Å."""
        return max(self.reach.pairs, self.reach.angles)

    def __call__(self, structures: _core.Structures) -> np.ndarray:
        """Descriptors (atoms, n2 + n3), without unit, from neighbour lists within `cutoff` or more."""
        return self._trainer.values(structures, self.threads)[:, 1:]

    def spread(self, descriptors: np.ndarray) -> float:
        """How far atoms (n, n2 + n3) are from their mean, relative to its size: of sums over pairs or angles."""
        apart = 0.0
        for part in (descriptors[:, : self.n2], descriptors[:, self.n2 :]):
            mean = part.mean(axis=0)
            apart = max(apart, np.linalg.norm(part - mean, axis=1).max() / max(np.linalg.norm(mean), 1e-9))
        return apart


def _legendre(knots: np.ndarray) -> np.ndarray:
    """Coefficients of the polynomials as splines, (knots + 2, degrees)."""
    curves = [project(lambda x, n=n: legval(x, np.eye(n + 1)[n]), knots, len(knots) + 2) for n in _DEGREES]
    return np.array(curves).T
