"""Elastic constants by regression: of energies, or of stresses, over homogeneous strains of a crystal.

The energy of a volume V0 of the unstrained crystal is a polynomial of Lagrange's strain η,
E/V0 = e + S·η + ½ η·C·η + ⅙ η·D·η·η + 1/24 η·F·η·η·η, whose tensors have the symmetry of the crystal (Brugger, Phys.
Rev. 133, A1611 (1964)); its derivative by η is the second Piola-Kirchhoff stress. Strains and stresses are in Mandel's
notation.

No order is chosen. Before the data are seen, each term of order n is taken to be ½ C |η|² (|η|/η₁)ⁿ⁻² in size, and what
is beyond the fourth is part of the noise: small strains count most, and standard errors include what higher orders may
have done (Bayesian linear regression; Bishop, Pattern Recognition and Machine Learning, 2006, sections 3.3 and 3.5).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement
from math import factorial

import numpy as np

from snnp.validation.symmetry import FACTORS, Symmetry

GPA = 160.21766208  # eV/Å³
# η₁ is the one of these that makes the data most likely. Classical potentials of metals and semiconductors have 0.1
# (Mg, where D is up to 30 C) to 0.4.
SERIES = (0.1, 0.2, 0.4)
# What is beyond the fourth order, by the term of fifth order. It is all higher ones together, and alike in frames with
# alike strains. Of classical potentials (Mg, Zr, Cu, Al, Fe, W, Si) at strains of 1.5 and 3 %, root mean square errors
# are by energies 1.1 and 0.9, by stresses 1.7 and 0.9 times the stated ones; with 1 in place of 50, 3 to 6 times.
_BEYOND = 50.0
# Constants whose standard error is larger, relative to the largest of all, are not known; not at all: beyond `_VAGUE`.
_KNOWN, _VAGUE = 0.08, 0.3
_TOLD = 0.5  # part of what an error was before: from there on the data say something
_WIDE = 10.0  # times the largest constant: what a constant or a stress could be, before the data are seen
_LEAST_NOISE = 1e-4, 1e-2  # GPa, of energies by volume (some 0.01 meV for an atom) and of stresses
_ROUNDS = 12  # in which sizes of noise settle


@dataclass(frozen=True)
class Polynomial:
    """A fitted polynomial. stress: S (6,); elastic: C (6, 6), Mandel, eV/Å³. spread: of C, (6, 6, k), in k independent
    ways, by a standard error each.

    largest: of the constants that the data tell something of, eV/Å³.
    residual: root of the mean square of what is left, weighted, eV/Å³. evidence: logarithm of how likely the
    data are.
    """

    stress: np.ndarray
    elastic: np.ndarray
    spread: np.ndarray
    largest: float
    residual: float
    evidence: float
    bases: "Bases"
    coefficients: np.ndarray

    def energies(self, strains: np.ndarray) -> np.ndarray:
        """By reference volume (n,), eV/Å³, at strains (n, 6), relative to no strain."""
        return self.bases.values(strains) @ self.coefficients

    @property
    def errors(self) -> np.ndarray:
        """Standard errors (6, 6) of C."""
        return np.linalg.norm(self.spread, axis=2)

    @property
    def softest(self) -> tuple[float, float]:
        """The lowest eigenvalue of C, and its standard error, eV/Å³."""
        values, vectors = np.linalg.eigh(self.elastic)
        return float(values[0]), float(np.linalg.norm(vectors[:, 0] @ (vectors[:, 0] @ self.spread)))

    @property
    def known(self) -> np.ndarray:
        """Which constants (6, 6) follow with little error."""
        return self.errors < _KNOWN * self.largest

    @property
    def determined(self) -> np.ndarray:
        """Which constants (6, 6) follow at all."""
        return self.errors < _VAGUE * self.largest

    @property
    def voigt(self) -> np.ndarray:
        """The elastic tensor (6, 6) in Voigt's notation, GPa."""
        return to_voigt(self.elastic)

    @property
    def voigt_errors(self) -> np.ndarray:
        """Standard errors (6, 6) of it, GPa."""
        return to_voigt(self.errors)


class Bases:
    """Invariant tensors of first to fourth order of a crystal, as functions of the strain."""

    def __init__(self, symmetry: Symmetry):
        self.tensors = [symmetry.strains(), symmetry.tensors(2), symmetry.tensors(3), symmetry.tensors(4)]

    def values(self, strains: np.ndarray) -> np.ndarray:
        """(n, k) for strains (n, 6)."""
        return np.hstack([np.einsum("nka,na->nk", slopes, strains) / n for n, slopes in self._slopes(strains)])

    def gradients(self, strains: np.ndarray) -> np.ndarray:
        """(n, 6, k), by strain."""
        return np.concatenate([slopes.swapaxes(1, 2) for _, slopes in self._slopes(strains)], axis=2)

    def _slopes(self, strains: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
        """Of each order n: the derivatives (n, k, 6) of η…T…η / n! by η."""
        for n, tensors in enumerate(self.tensors, 1):
            found = np.broadcast_to(tensors, (len(strains), *tensors.shape))
            for _ in range(n - 1):
                found = np.einsum("nk...a,na->nk...", found, strains)
            yield n, found / factorial(n - 1)

    @property
    def orders(self) -> np.ndarray:
        """(k,), 1 to 4."""
        return np.repeat([1, 2, 3, 4], [len(tensors) for tensors in self.tensors])


_bases = lru_cache(maxsize=8)(Bases)  # some 0.1 s each


def fit_energies(
    strains: np.ndarray, densities: np.ndarray, symmetry: Symmetry, groups: Sequence[str] | None = None
) -> Polynomial:
    """From energies by reference volume (n,), eV/Å³, at strains (n, 6).

    groups: of the energies; each may have a constant of its own, as where they were calculated in different ways.
    """
    bases = _bases(symmetry)
    sizes = np.linalg.norm(strains, axis=1)
    target = densities - densities.min()  # which is large beside all differences
    offsets = [np.ones((len(strains), 1))]
    if groups is not None and len(set(groups)) > 1:
        offsets.append(np.equal.outer(groups, sorted(set(groups))).astype(float))
    design, kinds = bases.values(strains), np.zeros(len(strains), int)
    return _likeliest(
        _fit(bases, design, target, each, series, _BEYOND * sizes**2 / 2 * (sizes / series) ** 3, kinds)
        for each in offsets
        for series in SERIES
    )


def fit_stresses(strains: np.ndarray, stresses: np.ndarray, symmetry: Symmetry) -> Polynomial:
    """From second Piola-Kirchhoff stresses (n, 6), eV/Å³, at strains (n, 6)."""
    bases = _bases(symmetry)
    sizes = np.linalg.norm(strains, axis=1)
    gradients = bases.gradients(strains)
    design, target = gradients.reshape(-1, gradients.shape[2]), stresses.ravel()
    kinds = np.tile([0, 0, 0, 1, 1, 1], len(strains))  # shear stresses may be less exact than the others
    none, sizes = np.empty((len(target), 0)), np.repeat(sizes, 6)
    return _likeliest(
        _fit(bases, design, target, none, series, _BEYOND * 5 / 2 * sizes * (sizes / series) ** 3, kinds)
        for series in SERIES
    )


def _likeliest(fits: Iterable[Polynomial]) -> Polynomial:
    return max(fits, key=lambda fit: fit.evidence)


def _fit(
    bases: Bases,
    design: np.ndarray,
    target: np.ndarray,
    offsets: np.ndarray,
    series: float,
    ignored: np.ndarray,
    kinds: np.ndarray,
) -> Polynomial:
    """series: η₁. ignored: what is beyond the fourth order by the largest elastic constant, of each row.

    kinds: of rows, each of which has a size of noise of its own.
    """
    free, orders = offsets.shape[1], bases.orders
    likely = np.array([_WIDE * series, _WIDE, 3 / series, 12 / series**2])[orders - 1]
    matrix, second = np.hstack([offsets, design]), free + np.flatnonzero(orders == 2)
    scale, floor = 1.0, _LEAST_NOISE[0 if free else 1] / GPA
    noise = np.full(kinds.max() + 1, np.std(target) + floor)
    for _ in range(_ROUNDS):
        prior = scale * np.concatenate([np.full(free, 1e3), likely])
        variance = noise[kinds] ** 2 + (scale * ignored) ** 2
        columns = matrix * prior / np.sqrt(variance)[:, None]
        covariance = np.linalg.inv(columns.T @ columns + np.eye(len(prior)))
        solution = prior * (covariance @ (columns.T @ (target / np.sqrt(variance))))
        left_over = (target - matrix @ solution) ** 2
        taken = np.einsum("na,ab,nb->n", columns, covariance, columns)  # degrees of freedom
        # What is left of each row is, on average, its variance times (1 - taken).
        shares = noise[kinds] ** 2 / variance
        noise = np.bincount(kinds, shares**2 * left_over) / np.bincount(kinds, shares * (1 - taken)).clip(1e-9)
        noise = np.sqrt(noise).clip(floor)
        elastic = np.tensordot(solution[second], bases.tensors[1], 1)
        follows = bases.tensors[1].transpose(1, 2, 0) * prior[second]
        spread = follows @ np.linalg.cholesky(covariance[np.ix_(second, second)])
        # Constants that the data say nothing of are as large as the scale lets them be, and must not set it.
        told = np.linalg.norm(spread, axis=2) < _TOLD * np.linalg.norm(follows, axis=2)
        scale = max(float(np.abs(elastic[told]).max(initial=0.0)), 1e-6) if told.any() else scale
    chances = (left_over / variance).sum() + ((solution / prior) ** 2).sum()
    return Polynomial(
        stress=solution[free:][orders == 1] @ bases.tensors[0],
        elastic=elastic,
        spread=spread,
        largest=scale,
        residual=float(np.sqrt((left_over / variance).sum() / (1 / variance).sum())),
        evidence=float(np.linalg.slogdet(covariance)[1] - np.log(variance).sum() - chances) / 2,
        bases=bases,
        coefficients=solution[free:],
    )


def to_voigt(elastic: np.ndarray) -> np.ndarray:
    """An elastic tensor (6, 6) in Mandel's notation, eV/Å³, in Voigt's, GPa."""
    return elastic / np.outer(FACTORS, FACTORS) * GPA


def constants(symmetry: Symmetry) -> list[tuple[int, int]]:
    """Indices of the independent elastic constants, as tables have them: 11, 12, 44 of cubic crystals."""
    basis = symmetry.tensors(2)
    order = sorted(combinations_with_replacement(range(6), 2), key=lambda ij: _rank(symmetry.system, *ij))
    chosen, rows = [], np.empty((0, len(basis)))
    for i, j in order:
        more = np.vstack([rows, basis[:, i, j]])
        if np.linalg.matrix_rank(more, tol=1e-6) > len(rows):
            chosen.append((i, j))
            rows = more
    return sorted(chosen, key=lambda ij: (ij[0] // 3, ij[1] // 3, ij) if ij[0] != ij[1] else (ij[0] // 3, 0, ij))


def _rank(system: str, i: int, j: int) -> tuple:
    """Which constant is taken first where several are equal or dependent: c66 of hexagonal crystals is the last."""
    last = (i, j) == (5, 5) and system in ("hexagonal", "trigonal")
    return (last, i >= 3, i, j)


def constant_name(i: int, j: int) -> str:
    """As it is written: c44."""
    return f"c{i + 1}{j + 1}"


def indices(name: str) -> tuple[int, int] | None:
    """Those of a constant by its name, "c44" or "c44, atoms clamped"; None: this is another quantity."""
    found = re.match(r"c([1-6])([1-6])(,|$)", name)
    return (int(found[1]) - 1, int(found[2]) - 1) if found else None


def tensor_of(known: dict[tuple[int, int], float], symmetry: Symmetry) -> np.ndarray:
    """The whole tensor (6, 6), Voigt, from its independent constants, in their unit."""
    basis = symmetry.tensors(2) / np.outer(FACTORS, FACTORS)
    rows = np.array([basis[:, i, j] for i, j in known])
    return np.tensordot(np.linalg.solve(rows, list(known.values())), basis, 1)


def bulk_and_shear(voigt: np.ndarray) -> tuple[float, float]:
    """Bulk and shear modulus of a polycrystal, means of Voigt's and Reuss' (Hill, Proc. Phys. Soc. A 65, 349, 1952).

    voigt: elastic tensor (6, 6), whose unit they have. Raises numpy.linalg.LinAlgError for a singular one.
    """
    s = np.linalg.inv(voigt)
    normal, cross, shear = np.trace(voigt[:3, :3]), voigt[0, 1] + voigt[0, 2] + voigt[1, 2], np.trace(voigt[3:, 3:])
    bulk_voigt, shear_voigt = (normal + 2 * cross) / 9, (normal - cross + 3 * shear) / 15
    normal, cross, shear = np.trace(s[:3, :3]), s[0, 1] + s[0, 2] + s[1, 2], np.trace(s[3:, 3:])
    bulk_reuss, shear_reuss = 1 / (normal + 2 * cross), 15 / (4 * normal - 4 * cross + 3 * shear)
    return (bulk_voigt + bulk_reuss) / 2, (shear_voigt + shear_reuss) / 2
