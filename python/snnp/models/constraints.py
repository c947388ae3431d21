"""EAM and s-MEAM whose coefficients x obey C x ≥ 0: densities that are nowhere negative, a convex embedding.

A spline of coefficients c ≥ 0 is nowhere negative, and with c_0 ≥ c_1 nor is the straight line below its first knot. A
spline is convex if the slopes between its coefficients, at the means of three knots each (Greville), only rise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg
from scipy.optimize import nnls

from snnp.models.potentials import greville

if TYPE_CHECKING:
    from snnp.models.density import Layout


@dataclass(frozen=True)
class Constraints:
    """positive: of rho and f those that are nowhere negative. convex: whether U is."""

    layout: "Layout"
    positive: Sequence[str] = ()
    convex: bool = False

    def rows(self, knots: np.ndarray) -> np.ndarray:
        """C, (constraints, columns of the layout); knots: of U, (elements, knots), numbers in the unit of densities."""
        places = self.layout.split(np.arange(self.layout.columns))
        blocks = [(at, _falling(len(at))) for name in self.positive for at in places[name]]
        blocks += [(at, _rising_slopes(k)) for at, k in zip(places["U"], knots, strict=True) if self.convex]
        C = np.zeros((sum(len(block) for _, block in blocks), self.layout.columns))
        first = 0
        for at, block in blocks:
            C[first : first + len(block), at] = block
            first += len(block)
        return C

    def feasible(self, x: np.ndarray, knots: np.ndarray) -> np.ndarray:
        """x, coefficients (columns,), with what a constraint misses, such as by rounding, made up for."""
        x = x.copy()
        parts = self.layout.split(x)
        for name in self.positive:
            c = parts[name]
            np.maximum(c, 0, out=c)
            if c.size:
                c[:, 0] = np.maximum(c[:, 0], c[:, 1])
        for U, k in zip(parts["U"], knots, strict=True):
            if self.convex:
                at = greville(k)
                slopes = np.maximum.accumulate(np.diff(U) / np.diff(at))
                U[1:] = U[0] + np.cumsum(slopes * np.diff(at))
        return x


def constrained_minimum(A: np.ndarray, b: np.ndarray, C: np.ndarray) -> np.ndarray:
    """Where xᵀ A x − 2 b·x is smallest with C x ≥ 0, (columns,), in the unit of coefficients.

    A: (columns, columns), of which the lower half is used; b: (columns,); C: (constraints, columns). By the dual
    problem, non-negative least squares for the multipliers (Lawson and Hanson, Solving Least Squares Problems, 1974,
    chapter 23). Raises LinAlgError if rounding leaves no minimum.
    """
    L = scipy.linalg.cholesky(A, lower=True)
    y = scipy.linalg.solve_triangular(L, b, lower=True)  # Lᵀ x of the free minimum
    if len(C):
        G = scipy.linalg.solve_triangular(L, C.T, lower=True)
        sizes = np.linalg.norm(G, axis=0)
        try:
            y = y + (G / sizes) @ nnls(G / sizes, -y, maxiter=30 * len(C))[0]
        except RuntimeError as error:
            raise np.linalg.LinAlgError("too many iterations") from error
    return scipy.linalg.solve_triangular(L, y, lower=True, trans="T")


def _falling(functions: int) -> np.ndarray:
    """c_0 − c_1 ≥ 0 and all others ≥ 0, as rows."""
    block = np.eye(functions)
    block[0, 1] = -1
    return block


def _rising_slopes(knots: np.ndarray) -> np.ndarray:
    """Differences of neighbouring slopes between coefficients, as rows."""
    steps = np.diff(np.eye(len(knots) + 2), axis=0) / np.diff(greville(knots))[:, None]
    return np.diff(steps, axis=0)
