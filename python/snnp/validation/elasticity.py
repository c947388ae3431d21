"""Elastic constants by regression: of energies, or of stresses, over homogeneous strains of a crystal.

The energy of a volume V0 of the unstrained crystal is a polynomial of Lagrange's strain η,
E/V0 = e + S·η + ½ η·C·η + ⅙ η·D·η·η, whose tensors have the symmetry of the crystal (Brugger, Phys. Rev. 133, A1611
(1964)); its derivative by η is the second Piola-Kirchhoff stress. Strains and stresses are in Mandel's notation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np

from snnp.validation.symmetry import FACTORS, Symmetry

GPA = 160.21766208  # eV/Å³
# Directions of the regression that are this much less present in the data than the first are not taken.
_PRESENT = 2e-3
# Constants whose standard error is larger, relative to the largest of all, are not known.
_KNOWN = 0.05
# A constant is known, too, if it follows from those directions but for this part; what it could add is of this size.
_MISSING = 0.03


@dataclass(frozen=True)
class Polynomial:
    """A fitted polynomial. stress: S (6,); elastic: C (6, 6), Mandel, eV/Å³. determined: (6, 6), what
    follows from the data at all; known: what follows with little error.

    residual: root of the mean square of what is left, eV/Å³. criterion: the lower the better is the fit.
    """

    stress: np.ndarray
    elastic: np.ndarray
    determined: np.ndarray
    known: np.ndarray
    residual: float
    criterion: float
    bases: "Bases"
    coefficients: np.ndarray

    def energies(self, strains: np.ndarray) -> np.ndarray:
        """By reference volume (n,), eV/Å³, at strains (n, 6), relative to no strain."""
        return self.bases.values(strains) @ self.coefficients

    @property
    def voigt(self) -> np.ndarray:
        """The elastic tensor (6, 6) in Voigt's notation, GPa."""
        return to_voigt(self.elastic)


class Bases:
    """Invariant tensors of first to third order of a crystal, as functions of the strain."""

    def __init__(self, symmetry: Symmetry):
        self.first, self.second, self.third = symmetry.strains(), symmetry.elastic(), symmetry.third_order()

    def values(self, strains: np.ndarray) -> np.ndarray:
        """(n, k) for strains (n, 6)."""
        first = strains @ self.first.T
        second = np.einsum("ni,kij,nj->nk", strains, self.second, strains) / 2
        third = np.einsum("kabc,na,nb,nc->nk", self.third, strains, strains, strains, optimize=True) / 6
        return np.hstack([first, second, third])

    def gradients(self, strains: np.ndarray) -> np.ndarray:
        """(n, 6, k), by strain."""
        first = np.broadcast_to(self.first.T, (len(strains), 6, len(self.first)))
        second = np.einsum("kij,nj->nik", self.second, strains)
        third = np.einsum("kabc,nb,nc->nak", self.third, strains, strains, optimize=True) / 2
        return np.concatenate([first, second, third], axis=2)

    @property
    def orders(self) -> np.ndarray:
        """(k,), 1 to 3."""
        return np.repeat([1, 2, 3], [len(self.first), len(self.second), len(self.third)])


def fit_energies(
    strains: np.ndarray, densities: np.ndarray, symmetry: Symmetry, groups: Sequence[str] | None = None
) -> Polynomial:
    """From energies by reference volume (n,), eV/Å³, at strains (n, 6).

    groups: of the energies; each may have a constant of its own, as where they were calculated in different ways.
    """
    bases = Bases(symmetry)
    design, lowest = bases.values(strains), densities.min()  # which is large beside all differences
    constants = [np.ones((len(strains), 1))]
    if groups is not None and len(set(groups)) > 1:
        constants.append(np.equal.outer(groups, sorted(set(groups))).astype(float))
    fits = [_fit(bases, strains, design, densities - lowest, each, order) for each in constants for order in (2, 3)]
    return _best(fits)


def fit_stresses(strains: np.ndarray, stresses: np.ndarray, symmetry: Symmetry) -> Polynomial:
    """From second Piola-Kirchhoff stresses (n, 6), eV/Å³, at strains (n, 6)."""
    bases = Bases(symmetry)
    gradients = bases.gradients(strains)
    design, none = gradients.reshape(-1, gradients.shape[2]), np.empty((stresses.size, 0))
    return _best([_fit(bases, strains, design, stresses.ravel(), none, order) for order in (2, 3)])


def _best(fits: list[Polynomial]) -> Polynomial:
    """The one that determines most; among equals by Schwarz' criterion (Ann. Statist. 6, 461 (1978))."""
    return min(fits, key=lambda fit: (-fit.known.sum(), fit.criterion))


def _fit(
    bases: Bases, strains: np.ndarray, design: np.ndarray, target: np.ndarray, constants: np.ndarray, order: int
) -> Polynomial:
    """Least squares, up to an order, in the directions that the data determine."""
    taken = bases.orders <= order
    strain = max(np.linalg.norm(strains, axis=1).max(), 1e-6)
    sizes = np.concatenate([np.ones(constants.shape[1]), strain ** bases.orders[taken]])
    columns = np.hstack([constants, design[:, taken]]) / sizes
    left, present, right = np.linalg.svd(columns)
    rank = int((present > _PRESENT * present[0]).sum())  # they fall
    solution = right[:rank].T @ (left[:, :rank].T @ target / present[:rank])
    left_over = target - columns @ solution
    residual = np.sqrt(left_over @ left_over / max(len(target) - rank, 1))
    coefficients = np.zeros(len(taken))
    coefficients[: taken.sum()] = (solution / sizes)[constants.shape[1] :]
    # How each constant follows from the directions that were determined, and from those that were not.
    second = bases.orders == 2
    place = constants.shape[1] + np.flatnonzero(second)
    follows = np.zeros((6, 6, len(sizes)))
    follows[:, :, place] = bases.second.transpose(1, 2, 0) / sizes[place]
    follows = follows @ right.T
    missing = np.linalg.norm(follows[..., rank:], axis=2) > _MISSING * np.linalg.norm(follows, axis=2)
    # Errors by what is left at each row, which may be more for shear than for other stresses (White, Econometrica 48,
    # 817 (1980)).
    shares = follows[..., :rank] / present[:rank] @ left[:, :rank].T
    error = np.linalg.norm(shares * left_over, axis=2) * np.sqrt(len(target) / max(len(target) - rank, 1))
    elastic = np.tensordot(coefficients[second], bases.second, 1)
    n = len(target)
    return Polynomial(
        stress=coefficients[bases.orders == 1] @ bases.first,
        elastic=elastic,
        determined=~missing,
        known=~missing & (error < _KNOWN * np.abs(elastic[~missing]).max(initial=0)) & (n > rank),
        residual=float(residual),
        criterion=float(n * np.log(residual**2 + 1e-30) + rank * np.log(n)),
        bases=bases,
        coefficients=coefficients,
    )


def to_voigt(elastic: np.ndarray) -> np.ndarray:
    """An elastic tensor (6, 6) in Mandel's notation, eV/Å³, in Voigt's, GPa."""
    return elastic / np.outer(FACTORS, FACTORS) * GPA


def constants(symmetry: Symmetry) -> list[tuple[int, int]]:
    """Indices of the independent elastic constants, as tables have them: 11, 12, 44 of cubic crystals."""
    basis = symmetry.elastic()
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


def tensor_of(known: dict[tuple[int, int], float], symmetry: Symmetry) -> np.ndarray:
    """The whole tensor (6, 6), Voigt, from its independent constants, in their unit."""
    basis = symmetry.elastic() / np.outer(FACTORS, FACTORS)
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
