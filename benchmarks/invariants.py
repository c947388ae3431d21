"""Invariants of third order of density-like sums, with derivatives, of structures of one element.

Sums over the neighbours j of an atom i (Drautz, Phys. Rev. B 99, 014104 (2019), the atomic cluster expansion):

    A_clm = Σ_j R_c(r_ij) Y_lm(r̂_ij),   r_ij = r_j − r_i
    R_c = T_c(x) (1 − r²/r_c²)²,   x from 1 at r = 0.6 r_0 to −1 at the cutoff r_c, linear in 1/(1 + r/r_0)

T_c are Chebyshev polynomials, c = 0, 1, …, and Y_lm real harmonics, whose mean square over all directions is 1. Of
three sums

    B = Σ_{m m' m''} ⟨Y_lm Y_l'm' Y_l''m''⟩ A_clm A_c'l'm' A_c''l''m''

does not change when the structure is rotated; ⟨…⟩ is the mean over directions. It is 0 for an atom without neighbours.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from math import comb, perm

import numpy as np
from numpy import ndarray
from scipy.sparse import csr_array

from snnp import _core

_NOTHING = 1e-10  # smaller coefficients are rounding

# -- harmonics ----------------------------------------------------------------------------------------------------

# A polynomial: coefficients by powers of x, y and z.
_Polynomial = dict[tuple[int, ...], complex]


def _times(p: _Polynomial, q: _Polynomial) -> _Polynomial:
    out: _Polynomial = {}
    for (a, x), (b, y) in product(p.items(), q.items()):
        powers = tuple(np.add(a, b).tolist())
        out[powers] = out.get(powers, 0) + x * y
    return out


def _solid_harmonic(degree: int, m: int) -> _Polynomial:
    """A multiple of r^l P_lm(cos θ) exp(imφ) = (x + iy)^m Σ_k … r^2k z^(l − m − 2k), with l the degree."""
    out: _Polynomial = {}
    for k in range((degree - m) // 2 + 1):
        left = degree - 2 * k
        term: _Polynomial = {
            (0, 0, left - m): (-1) ** k * comb(degree, k) * comb(degree + left, degree) * perm(left, m)
        }
        for factor in k * [{(2, 0, 0): 1, (0, 2, 0): 1, (0, 0, 2): 1}] + m * [{(1, 0, 0): 1, (0, 1, 0): 1j}]:
            term = _times(term, factor)
        for powers, value in term.items():
            out[powers] = out.get(powers, 0) + value
    return out


@dataclass
class Harmonics:
    """All Y_lm of one l: m = 0, then cosine and sine of m = 1, 2, …, as homogeneous polynomials of degree l.

    powers: of x, y and z in each monomial, (monomials, 3); coefficients: (monomials, 2l + 1).
    """

    degree: int
    powers: ndarray
    coefficients: ndarray

    @staticmethod
    @cache
    def of(degree: int) -> "Harmonics":
        """Those of one l."""
        powers = np.array([(a, b, degree - a - b) for a in range(degree + 1) for b in range(degree + 1 - a)])
        columns = []
        for m in range(degree + 1):
            solid = _solid_harmonic(degree, m)
            values = np.array([solid.get(tuple(p), 0) for p in powers.tolist()])
            columns += [values.real, values.imag] if m else [values.real]
        found = Harmonics(degree, powers, np.stack(columns, axis=1).astype(float))
        directions, weights = _directions()
        found.coefficients /= np.sqrt(weights @ found(directions) ** 2)
        return found

    def __call__(self, u: ndarray) -> ndarray:
        """Values at unit vectors u (n, 3): (n, 2l + 1)."""
        return self._factors(u, self.powers).prod(axis=2) @ self.coefficients

    def slopes(self, u: ndarray, r: ndarray) -> ndarray:
        """Derivatives by the vectors u r, Å⁻¹, (n, 2l + 1, 3); u (n, 3), lengths r (n,), Å."""
        gradient = np.empty((len(u), self.coefficients.shape[1], 3))
        for axis in range(3):
            n = self.powers[:, axis]
            less = self.powers - np.eye(3, dtype=int)[axis] * (n > 0)[:, None]
            gradient[:, :, axis] = (n * self._factors(u, less).prod(axis=2)) @ self.coefficients
        # Along the vector a homogeneous polynomial of degree l grows by l times itself, and harmonics by nothing.
        return (gradient - self.degree * self(u)[:, :, None] * u[:, None]) / r[:, None, None]

    def _factors(self, u: ndarray, powers: ndarray) -> ndarray:
        """Powers of x, y and z in each monomial, (n, monomials, 3)."""
        return (u[:, :, None] ** np.arange(self.degree + 1))[:, np.arange(3), powers]


@cache
def _directions() -> tuple[ndarray, ndarray]:
    """Unit vectors (n, 3), and weights (n,) with which means over directions of polynomials to degree 23 are exact."""
    z, weights = np.polynomial.legendre.leggauss(12)
    phi = 2 * np.pi * np.arange(24) / 24
    rho = np.sqrt(1 - z**2)[:, None]
    vectors = np.stack(np.broadcast_arrays(rho * np.cos(phi), rho * np.sin(phi), z[:, None]), axis=2)
    return vectors.reshape(-1, 3), np.repeat(weights, 24) / 48


# -- radial functions ---------------------------------------------------------------------------------------------


@dataclass
class Radial:
    """R_c of c = 0 … count − 1; cutoff r_c and length r_0 in Å."""

    count: int
    cutoff: float
    length: float

    def __call__(self, r: ndarray) -> tuple[ndarray, ndarray]:
        """Values and slopes, Å⁻¹, at distances r (n,), Å: (n, count) each."""
        y, near, far = 1 / (1 + r / self.length), 1 / 1.6, 1 / (1 + self.cutoff / self.length)
        x, by_r = 2 * (y - far) / (near - far) - 1, -2 * y**2 / self.length / (near - far)
        T = np.polynomial.chebyshev.chebvander(x, self.count - 1)
        coefficients = np.polynomial.chebyshev.chebder(np.eye(self.count))
        dT = T[:, : len(coefficients)] @ coefficients * by_r[:, None]
        inside = np.clip(1 - (r / self.cutoff) ** 2, 0, None)[:, None]
        return T * inside**2, dT * inside**2 - T * inside * (4 * r / self.cutoff**2)[:, None]


# -- sums and invariants ------------------------------------------------------------------------------------------


class Sums:
    """A_clm of all atoms and what each pair adds to them.

    values: by l, (atoms, c, m). slopes: derivatives by the vectors of pairs, Å⁻¹, (pairs, all c l m, 3), of the given
    precision. ends: of the pairs of each atom, (atoms + 1,). vectors: r_ij, (pairs, 3), Å.
    """

    def __init__(self, s: _core.Structures, radial: Radial, highest: int, precision: type):
        first, vectors = np.repeat(np.arange(len(s)), np.diff(s.offsets)), np.asarray(s.vectors)
        r = np.linalg.norm(vectors, axis=1)
        near = r < radial.cutoff
        first, second, self.vectors, r = first[near], np.asarray(s.indices)[near], vectors[near], r[near]
        self.ends = np.searchsorted(first, np.arange(len(s) + 1))
        self.of_first, self._of_second = (_sums_over(atoms, len(s)) for atoms in (first, second))
        u, (R, dR) = self.vectors / r[:, None], radial(r)
        self.values, slopes = [], []
        for harmonics in map(Harmonics.of, range(highest + 1)):
            Y, dY = harmonics(u), harmonics.slopes(u, r)
            added = R[:, :, None] * Y[:, None]
            along = (dR[:, :, None] * Y[:, None])[..., None] * u[:, None, None]
            slope = along + R[:, :, None, None] * dY[:, None]
            self.values.append((self.of_first @ added.reshape(len(r), -1)).reshape(len(s), *added.shape[1:]))
            slopes.append(slope.reshape(len(r), -1, 3).astype(precision))
        self.slopes = np.concatenate(slopes, axis=1)

    def forces(self, by_pair: ndarray) -> ndarray:
        """−∂/∂r of what has the derivatives by_pair (pairs, n) by one component of r_ij: (atoms, n)."""
        return self.of_first @ by_pair - self._of_second @ by_pair


def _sums_over(owners: ndarray, count: int) -> csr_array:
    """The matrix that sums over what each of `count` atoms owns."""
    return csr_array((np.ones(len(owners)), (owners, np.arange(len(owners)))), (count, len(owners)))


@dataclass
class Coupling:
    """B of one l l' l'' and all c c' c'' that differ.

    functions: (B, 3), c c' c'' of each. table: m m' m'' and the coefficient ⟨Y Y Y⟩ wherever that is not 0.
    """

    degrees: tuple[int, int, int]
    functions: ndarray
    table: list[tuple[list[int], float]]

    @staticmethod
    def of(degrees: tuple[int, int, int], count: int) -> "Coupling":
        """That of so many radial functions. Equal l are to stand side by side."""
        first, second = degrees[0] == degrees[1], degrees[1] == degrees[2]
        every = product(range(count), repeat=3)
        functions = [(a, b, c) for a, b, c in every if not (first and a > b) and not (second and b > c)]
        directions, weights = _directions()
        Y = [Harmonics.of(degree)(directions) for degree in degrees]
        means = np.einsum("n,na,nb,nc->abc", weights, *Y, optimize=True)
        table = [(m, float(means[tuple(m)])) for m in np.argwhere(np.abs(means) > _NOTHING).tolist()]
        return Coupling(degrees, np.array(functions), table)

    def __call__(self, sums: Sums) -> tuple[ndarray, list[ndarray]]:
        """B of all atoms, (atoms, B), and derivatives by all A_clm, for each l (atoms, B, c, m)."""
        X, Y, Z = (sums.values[degree][:, c] for degree, c in self._factors())
        B = np.zeros(X.shape[:2])
        slopes = [np.zeros_like(factor) for factor in (X, Y, Z)]
        for (a, b, c), coefficient in self.table:
            x, y, z = X[:, :, a], Y[:, :, b], Z[:, :, c]
            B += coefficient * x * y * z
            slopes[0][:, :, a] += coefficient * y * z
            slopes[1][:, :, b] += coefficient * x * z
            slopes[2][:, :, c] += coefficient * x * y
        by_sum = [np.zeros((*B.shape, *values.shape[1:]), sums.slopes.dtype) for values in sums.values]
        for (degree, c), slope in zip(self._factors(), slopes, strict=True):
            by_sum[degree][:, np.arange(len(c)), c] += slope
        return B, by_sum

    def _factors(self) -> Iterator[tuple[int, ndarray]]:
        """l and c (B,) of each of the three sums."""
        return zip(self.degrees, self.functions.T, strict=True)


def of_structure(
    s: _core.Structures, radial: Radial, couplings: Sequence[Coupling], precision: type = np.float32
) -> list[ndarray]:
    """What the sums over atoms of invariants are, as if they were energies; the last axis is that of invariants.

    Energies (invariants,), forces −∂/∂r (3 atoms, invariants), Å⁻¹, and virials −Σ r_ij ∂/∂r_ij (9, invariants).
    """
    sums = Sums(s, radial, max(max(coupling.degrees) for coupling in couplings), precision)
    B, by_sum = zip(*(coupling(sums) for coupling in couplings), strict=True)
    energies = np.concatenate([each.sum(axis=0) for each in B])
    flat = [np.concatenate([each.reshape(*each.shape[:2], -1) for each in slopes], axis=2) for slopes in by_sum]
    by_pair = _by_pair(sums, np.concatenate(flat, axis=1))
    forces = np.stack([sums.forces(each) for each in by_pair], axis=1)
    virials = np.stack([-sums.vectors.T @ each for each in by_pair], axis=1)
    rows = (energies, forces.reshape(-1, len(energies)), virials.reshape(9, -1))
    return [each.astype(precision) for each in rows]


def _by_pair(sums: Sums, by_sum: ndarray) -> ndarray:
    """∂B/∂r_ij, (3, pairs, B), from derivatives by A_clm, (atoms, B, all c l m)."""
    out = np.empty((3, len(sums.vectors), by_sum.shape[1]), sums.slopes.dtype)
    for slopes, (begin, end) in zip(by_sum, pairwise(sums.ends), strict=True):
        out[:, begin:end] = np.moveaxis(sums.slopes[begin:end], 2, 0) @ slopes.T
    return out
