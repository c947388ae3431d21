"""Approximating the three-body tensor of a linear model by products of filters, f_m(r_ij) f_m(r_ik) g_m(cos θ).

L-BFGS over the f_m, everything else solved exactly at each step (variable projection: Golub and Pereyra,
SIAM J. Numer. Anal. 10, 413 (1973)).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy.interpolate import BSpline
from scipy.optimize import Bounds, minimize

from snnp.fitting.blas import blas_threads
from snnp.models.normal_equations import Quadratic
from snnp.models.shape import Shape
from snnp.splines import clamped, project

_RIDGE = 1e-9  # of y, relative to the mean diagonal of the normal equations
_GAIN = 1e-5  # of a step, in parts of the smallest loss: less is not worth it, as training goes on from there
_LEAST = 1e-6  # of positive coefficients: a step may take all of a filter there


def compress(
    shape: Shape,
    loss: Quadratic,
    steps: int,
    seeds: Sequence[int],
    tick: Callable[[int], None] = lambda n: None,
    first: Sequence[np.ndarray] = (),
    positive: bool = False,
):
    """Filters whose products approximate the minimum of a loss: the best of searches from different random ones, or
    from `first` ones f, each (tables, functions, n3). With no steps f is the first one, but of unit norm.
    positive: whether no coefficient of f is negative.

    Returns phi (pairs, functions), f (tables, functions, n3), g (tensors, functions, n3) and energies (E,); there are
    E·E tables and E·pairs tensors, or E of both where neighbours share filters. tick(1) is called after each step, of
    which there are at most `steps` in each search.
    """
    projection = _Projection(shape, loss)
    starts = first or [_random_bumps(projection.knots, *projection.size[1:], seed) for seed in seeds]
    if not steps:
        return projection.parts(starts[0])
    how = {"jac": True, "method": "L-BFGS-B", "options": {"maxiter": steps, "maxcor": 30, "ftol": _GAIN}}
    how |= {"bounds": Bounds(_LEAST, np.inf)} if positive else {}
    with blas_threads(1):
        ends = [minimize(projection, start.ravel(), callback=lambda _: tick(1), **how) for start in starts]
    return projection.parts(min(ends, key=lambda end: end.fun).x.reshape(projection.size))


@dataclass
class _Block:
    """A three-body tensor, Σ_m f_p,m f_q,m g_m: where its unknowns stand, and those of g."""

    p: int
    q: int
    first: np.ndarray  # function of f_p in each product of two
    second: np.ndarray  # function of f_q
    tensor: slice
    g: slice

    def products(self, f: np.ndarray) -> np.ndarray:
        """(products, n3)."""
        return f[self.p][self.first] * f[self.q][self.second]

    def add_slope(self, by_products: np.ndarray, f: np.ndarray, by_f: np.ndarray) -> None:
        """Adds to derivatives by f, given those by products."""
        np.add.at(by_f[self.p], self.first, by_products * f[self.q][self.second])
        np.add.at(by_f[self.q], self.second, by_products * f[self.p][self.first])


class _Projection:
    """The least loss with given filters f, and its derivatives by them.

    The unknowns of the linear model are Z y: y are φ, g and the energies of elements, and Z is block-diagonal, with the
    products of f for each tensor.
    """

    def __init__(self, shape: Shape, loss: Quadratic):
        self.n3, self.n_energies = shape.n3, shape.n_elements
        self.n_pair, self.n_radial, self.n_angle = shape.functions
        self.n_phi = self.n_pair * len(shape.unordered)
        # In units of the smallest loss there is: energies and forces themselves are larger by orders.
        scale = loss(scipy.linalg.solve(loss.A, loss.b, assume_a="pos"))
        self.A, self.b, self.c = loss.A / scale, loss.b / scale, loss.c / scale
        self.ridge = _RIDGE * self.A.diagonal().mean()
        self.knots = shape.radial_knots[:: shape.n_elements if shape.shared else 1]
        self.size = (len(self.knots), self.n_radial, self.n3)
        """Of f."""
        self.blocks = self._blocks(shape)

    def __call__(self, v: np.ndarray) -> tuple[float, np.ndarray]:
        """The loss with f of v, (tables · functions · n3,), and its derivatives by v.

        They are those at fixed y, since y is best.
        """
        norms = np.linalg.norm(v.reshape(self.size), axis=1, keepdims=True)
        f = v.reshape(self.size) / norms
        Z = [block.products(f) for block in self.blocks]
        y, value = self._best(Z)
        slope, by_f = 2 * (self.A @ self._all(Z, y) - self.b), np.zeros(self.size)
        for block in self.blocks:
            by_tensor = slope[block.tensor].reshape(-1, self.n_angle)
            block.add_slope(by_tensor @ y[block.g].reshape(self.n3, -1).T, f, by_f)
        return value, ((by_f - f * (f * by_f).sum(1, keepdims=True)) / norms).ravel()

    def parts(self, f: np.ndarray):
        """φ, f of unit norm, g and energies, as `compress` returns them."""
        f = f / np.linalg.norm(f, axis=1, keepdims=True)
        y, _ = self._best([block.products(f) for block in self.blocks])
        phi, g, energies = np.split(y, [self.n_phi, len(y) - self.n_energies])
        return phi.reshape(-1, self.n_pair), f, g.reshape(-1, self.n3, self.n_angle).swapaxes(1, 2), energies

    def _blocks(self, shape: Shape) -> list[_Block]:
        E = shape.n_elements
        triples = [(a * E + b, a * E + c) for a in range(E) for b, c in shape.unordered]
        both = [(a, a) for a in range(E)] if shape.shared else triples
        blocks, x, y = [], self.n_phi, self.n_phi
        for p, q in both:
            n = self.n_radial
            first, second = np.tril_indices(n) if p == q else np.indices((n, n)).reshape(2, -1)
            end_x, end_y = x + len(first) * self.n_angle, y + self.n3 * self.n_angle
            blocks.append(_Block(p, q, first, second, slice(x, end_x), slice(y, end_y)))
            x, y = end_x, end_y
        return blocks

    def _best(self, Z: Sequence[np.ndarray]) -> tuple[np.ndarray, float]:
        """y, and the loss."""
        reduced, right = self._transposed(Z, self._transposed(Z, self.A).T), self._transposed(Z, self.b)
        reduced[np.diag_indices_from(reduced)] += self.ridge
        y = scipy.linalg.cho_solve(scipy.linalg.cho_factor(reduced, overwrite_a=True, check_finite=False), right)
        return y, self.c - float(right @ y)

    def _all(self, Z: Sequence[np.ndarray], y: np.ndarray) -> np.ndarray:
        """Z y."""
        tensors = [(W @ y[block.g].reshape(self.n3, -1)).ravel() for W, block in zip(Z, self.blocks, strict=True)]
        return np.concatenate([y[: self.n_phi], *tensors, y[len(y) - self.n_energies :]])

    def _transposed(self, Z: Sequence[np.ndarray], X: np.ndarray) -> np.ndarray:
        """Zᵀ X."""
        rows = [W.T @ X[block.tensor].reshape(len(W), -1) for W, block in zip(Z, self.blocks, strict=True)]
        rows = [part.reshape(self.n3 * self.n_angle, *X.shape[1:]) for part in rows]
        return np.concatenate([X[: self.n_phi], *rows, X[len(X) - self.n_energies :]])


def _random_bumps(knots: Sequence[np.ndarray], functions: int, n3: int, seed: int) -> np.ndarray:
    """Random smooth bumps of various widths as first f, shape (tables, functions, n3)."""
    rng = np.random.default_rng(seed)
    place, width = rng.uniform(0, 0.85, n3), rng.uniform(0.15, 0.4, n3)
    return np.stack([bumps(k, functions, place, width) for k in knots])


def bumps(knots: np.ndarray, functions: int, place: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Coefficients (functions, n) of n smooth bumps; place, width (n,): in parts of the range of the knots."""

    def curves(x):
        y = (x[:, None] - knots[0]) / (knots[-1] - knots[0])
        return np.exp(-((y - place) ** 2) / (2 * width**2)) * np.clip(1 - y, 0, 1) ** 2

    return project(curves, knots, functions)


def refine(coefficients: np.ndarray, old: np.ndarray, new: np.ndarray, functions: int) -> np.ndarray:
    """Coefficients (functions, …) of the same splines on other knots."""
    if np.array_equal(old, new) and len(coefficients) == functions:
        return coefficients
    padded = np.zeros((len(old) + 2, coefficients.shape[1]))
    padded[: len(coefficients)] = coefficients
    return project(BSpline(clamped(old), padded, 3), new, functions)
