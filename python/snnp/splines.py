"""Cubic B-splines with clamped ends: as functions, and as linear maps from coefficients to polynomial pieces."""

from math import factorial

import numpy as np
from scipy.interpolate import BSpline, CubicSpline, make_interp_spline

from snnp import _core

# A spline that ends with value, slope and curvature zero has its last three coefficients zero.
END = 3


def clamped(knots: np.ndarray) -> np.ndarray:
    """The knot vector (n + 6,) of knots (n,), with both ends counted four times."""
    return np.r_[[knots[0]] * 3, knots, [knots[-1]] * 3]


def basis(knots: np.ndarray, functions: int | None = None) -> BSpline:
    """The first `functions` of the n + 2 basis functions of splines with knots (n,), all of them by default.

    Called with x (m,), in the unit of the knots, it gives (m, functions).
    """
    return BSpline(clamped(knots), np.eye(len(knots) + 2)[:, :functions], 3)


def table_matrix(knots: np.ndarray, functions: int) -> np.ndarray:
    """Polynomial pieces of the first `functions` basis functions, shape (n_knots, 4, functions).

    Interval 0 is the linear continuation below the first knot, interval i ≥ 1 the one between knots i − 1 and i;
    powers count from 0, about the interval's left knot. This is the layout of the engine's tables.
    """
    curves = basis(knots, functions)
    # Taylor coefficients at the left knots; BSpline takes the piece to the right of a knot.
    pieces = np.stack([curves(knots[:-1], nu=k) / factorial(k) for k in range(4)], axis=1)
    below = np.zeros_like(pieces[:1])
    below[0, :2] = pieces[0, :2]
    return np.concatenate([below, pieces])


def project(function, knots: np.ndarray, functions: int) -> np.ndarray:
    """Coefficients of the spline closest to `function` (least squares over a dense grid); shape (functions, …)."""
    x = np.linspace(knots[0], knots[-1], 20 * len(knots))
    return np.linalg.lstsq(basis(knots, functions)(x), function(x), rcond=None)[0]


def interpolate(x: np.ndarray, y: np.ndarray, radial: bool = True) -> np.ndarray:
    """Coefficients of the spline through (x, y), shape (n,), with knots x; shape (n + 2,), in the unit of y.

    A third derivative that does not jump at the second and the last knot but one fixes the slopes at the ends; a
    radial spline comes to zero with no slope instead, and the last y has to be zero.
    """
    spline = CubicSpline(x, y, bc_type=("not-a-knot", (1, 0.0) if radial else "not-a-knot"))
    ends = [(1, spline(x[0], 1))], [(1, 0.0 if radial else spline(x[-1], 1))]
    c = make_interp_spline(x, y, bc_type=ends).c
    if radial:
        c[-2:] = 0  # to the last digit
    return c


def gram(knots: np.ndarray, functions: int, derivative: int) -> np.ndarray:
    """∫ B_a⁽ᵈ⁾ B_b⁽ᵈ⁾ dx of the first `functions` basis functions, (functions, functions), for the derivative d.

    With d = 2, cᵀ gram c is the curvature ∫ s'' ² dx of the spline with coefficients c.
    """
    # Four points integrate the squares of cubics exactly.
    points, weights = np.polynomial.legendre.leggauss(4)
    half = np.diff(knots)[:, None] / 2
    x = knots[:-1, None] + half * (points + 1)
    values = basis(knots, functions)(x.ravel(), nu=derivative)
    return values.T @ ((half * weights).ravel()[:, None] * values)


def second_derivatives(knots: np.ndarray, functions: int) -> np.ndarray:
    """Of the first `functions` basis functions at each knot, (knots, functions)."""
    return basis(knots, functions)(knots, nu=2)


class SplineFunction:
    """A cubic spline of a potential as a function: linear below its first knot, zero beyond its last one.

    knots (n,) and coefficients (n + 2,) of clamped cubic B-splines; x in Å (φ, ρ, f), a cosine (g) or a density (U).
    """

    def __init__(self, spline: _core.Spline, continues: bool = False):
        self._spline, self._continues = spline, continues
        self.knots = np.array(spline.knots)
        self.coefficients = np.array(spline.coefficients)

    def __call__(self, x, derivative: int = 0) -> np.ndarray:
        """Values, or a derivative of order 1 to 3, at x; of the shape of x."""
        x = np.asarray(x, dtype=float)
        first, last = self.knots[0], self.knots[-1]
        inside = np.clip(x, first, last)
        y = self._spline(inside, derivative)
        outside = (x < first) | (x > last) if self._continues else x < first
        if derivative == 0:
            y = y + np.where(outside, self._spline(inside, 1) * (x - inside), 0.0)
        elif derivative > 1:
            y = np.where(outside, 0.0, y)
        return y if self._continues else np.where(x > last, 0.0, y)

    def __repr__(self) -> str:
        return f"SplineFunction({len(self.knots)} knots from {self.knots[0]:g} to {self.knots[-1]:g})"
