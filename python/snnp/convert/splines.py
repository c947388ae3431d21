"""Exact algebra of piecewise cubic functions: what all converters share.

A function is held as polynomials between breaks, where cutting, extending and adding are obvious; B-splines are made of
it, and it of them, without solving equations: B-spline coefficient j is the polar form of the polynomial that lives
around it, at knots j + 1 … j + 3 (Ramshaw 1989).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from math import factorial

import numpy as np

from snnp import _core

# Jumps below this, relative to the size of the terms, are rounding.
_ROUNDING = 1e-11


@dataclass(frozen=True)
class Cubic:
    """A piecewise cubic function on [x_0, x_n].

    x: breaks, shape (n + 1,), increasing.
    c: shape (n, 4, …): Σ_k c[i, k] (x − x_i)^k between breaks i and i + 1; what follows the second axis are many
       functions on the same breaks.
    smooth: shape (n − 1,): how many derivatives are continuous at each inner break, 0, 1 or 2.
    """

    x: np.ndarray
    c: np.ndarray
    smooth: np.ndarray

    @property
    def front(self) -> float:
        """The first break."""
        return float(self.x[0])

    @property
    def back(self) -> float:
        """The last break."""
        return float(self.x[-1])

    def __call__(self, at, derivative: int = 0) -> np.ndarray:
        """Values or derivatives; outside the breaks the function goes on linearly."""
        at = np.asarray(at, dtype=float)
        inside = np.clip(at, self.front, self.back)
        value = self._inside(inside, derivative)
        if derivative == 0:
            return value + _times(at - inside, self._inside(inside, 1))
        return value if derivative == 1 else np.where(_like(at == inside, value), value, 0.0)

    def _inside(self, at: np.ndarray, derivative: int) -> np.ndarray:
        i = np.clip(np.searchsorted(self.x, at, side="right") - 1, 0, len(self.c) - 1)
        t = at - self.x[i]
        powers = range(derivative, 4)
        return sum(
            _times(t ** (k - derivative) * (factorial(k) // factorial(k - derivative)), self.c[i, k]) for k in powers
        )

    def end(self) -> tuple[np.ndarray, np.ndarray]:
        """Value and slope at the last break."""
        return self(self.back), self(self.back, 1)

    def ends_at_zero(self) -> bool:
        """Whether value and slope are zero at the last break, but for rounding."""
        value, slope = self.end()
        size = np.abs(self.c[:, 0]).max() + np.abs(self.c[:, 1]).max()
        return bool(np.abs(value).max() + np.abs(slope).max() <= 1e-13 * size)

    def mirrored(self) -> "Cubic":
        """The function of −x."""
        right = np.stack([_shifted(c, h) for c, h in zip(self.c, np.diff(self.x), strict=True)])
        right[:, 1::2] *= -1
        return Cubic(-self.x[::-1], right[::-1], self.smooth[::-1])

    def scaled(self, factor: float) -> "Cubic":
        """factor times the function."""
        return Cubic(self.x, factor * self.c, self.smooth)

    def plus_line(self, slope: float, value_at_zero: float = 0.0) -> "Cubic":
        """The function + value + slope · x."""
        c = self.c.copy()
        c[:, 0] += value_at_zero + slope * self.x[:-1]
        c[:, 1] += slope
        return Cubic(self.x, c, self.smooth)

    def to_above(self, end: float) -> "Cubic":
        """The same function on [x_0, end]: as it goes on linearly."""
        value, slope = self.end()
        return self.joined(Cubic.line(self.back, end, value, slope))

    def to_below(self, begin: float) -> "Cubic":
        """The same function on [begin, x_n]: as it goes on linearly."""
        slope = self.c[0, 1]
        return Cubic.line(begin, self.front, self.c[0, 0] + (begin - self.front) * slope, slope).joined(self)

    def joined(self, other: "Cubic") -> "Cubic":
        """This function, and where it ends, another one."""
        joint = _continuity(self, other)
        return Cubic(
            np.r_[self.x, other.x[1:]], np.concatenate([self.c, other.c]), np.r_[self.smooth, joint, other.smooth]
        )

    def cut(self, begin: float, end: float) -> "Cubic":
        """The function between begin and end, which lie inside its breaks."""
        inner = (self.x > begin) & (self.x < end)
        x = np.r_[begin, self.x[inner], end]
        return Cubic(x, self._about(x[:-1]), self.smooth[inner[1:-1]])

    def stretched(self, begin: float, end: float) -> "Cubic":
        """The same polynomials with the first piece beginning and the last ending elsewhere, inside or outside."""
        wide = Cubic(np.r_[min(begin, self.front), self.x[1:-1], max(end, self.back)], self.c.copy(), self.smooth)
        shift = wide.front - self.front
        wide.c[0] = _shifted(self.c[0], shift)
        return wide.cut(begin, end)

    def refined(self, extra: np.ndarray) -> "Cubic":
        """The same function with more breaks, all inside."""
        x = np.union1d(self.x, extra)
        smooth = np.full(len(x) - 2, 2)
        smooth[np.searchsorted(x, self.x[1:-1]) - 1] = self.smooth
        return Cubic(x, self._about(x[:-1]), smooth)

    def _about(self, x: np.ndarray) -> np.ndarray:
        """Taylor coefficients about points x inside the breaks."""
        return np.stack([self._inside(x, k) / factorial(k) for k in range(4)], axis=1)

    def __add__(self, other: "Cubic") -> "Cubic":
        """The sum of two functions on the same interval."""
        a, b = self.refined(other.x), other.refined(self.x)
        return Cubic(a.x, a.c + b.c, np.minimum(a.smooth, b.smooth))

    def without_linear_ends(self, below: bool = True, above: bool = True) -> "Cubic":
        """Without the end pieces that only repeat how the function goes on; one piece always stays."""
        first, last = 0, len(self.c)
        while below and last - first > 1 and self._goes_on(first, first + 1):
            first += 1
        while above and last - first > 1 and self._goes_on(last - 1, last - 1):
            last -= 1
        return Cubic(self.x[first : last + 1], self.c[first:last], self.smooth[first : last - 1])

    def _goes_on(self, piece: int, joint: int) -> bool:
        """Whether an end piece is the straight line on which the next one goes on."""
        widths = np.diff(self.x)
        size = np.abs(self.c[:, 0]).max() + np.abs(self.c[:, 1]).max() * widths.max()
        _, _, c2, c3 = self.c[piece]
        bent = np.abs(c2).max() * widths[piece] ** 2 + np.abs(c3).max() * widths[piece] ** 3
        return bool(self.smooth[joint - 1] >= 1 and bent <= _ROUNDING * size)

    # -- B-splines ----------------------------------------------------------------------------------------------

    def bspline(self) -> tuple[np.ndarray, np.ndarray]:
        """Knots, inner ones as often as the function is rough there, and coefficients, shape (knots + 2, …)."""
        knots = np.r_[self.front, np.repeat(self.x[1:-1], 3 - self.smooth), self.back]
        t = _clamped(knots)
        spans = np.nonzero(np.diff(t) > 0)[0]
        piece = {int(s): i for i, s in enumerate(spans)}
        coefficients = []
        for j in range(len(knots) + 2):
            # The polynomial in the middle of the support rounds least.
            i = next(piece[s] for s in (j + 2, j + 1, j + 3, j) if s in piece)
            coefficients.append(self.polar(i, t[j + 1 : j + 4]))
        return knots, np.array(coefficients)

    def polar(self, piece: int, at: np.ndarray) -> np.ndarray:
        """Polar form of a piece at three points: symmetric, linear in each, and its value where the three are one."""
        u, v, w = np.asarray(at) - self.x[piece]
        a = self.c[piece]
        return a[0] + a[1] * ((u + v + w) / 3) + a[2] * ((u * v + u * w + v * w) / 3) + a[3] * (u * v * w)

    @staticmethod
    def of_bspline(knots, coefficients) -> "Cubic":
        """The function of a clamped B-spline; coefficients of shape (knots + 2, …)."""
        knots, c = np.asarray(knots, dtype=float), np.asarray(coefficients, dtype=float)
        t = _clamped(knots)
        spans = np.nonzero(np.diff(t) > 0)[0]
        breaks, counts = np.unique(knots, return_counts=True)
        pieces = []
        for k in range(4):
            pieces.append(_de_boor(t, c, 3 - k, spans) / factorial(k))
            c = _derivative(t, c, 3 - k)
        return Cubic(breaks, np.stack(pieces, axis=1), 3 - counts[1:-1])

    @staticmethod
    def of(spline: _core.Spline) -> "Cubic":
        """The function of a spline of the engine."""
        return Cubic.of_bspline(spline.knots, spline.coefficients)

    # -- making -------------------------------------------------------------------------------------------------

    @staticmethod
    def line(begin: float, end: float, value, slope) -> "Cubic":
        """One piece with value and slope at `begin`."""
        zero = np.zeros_like(np.asarray(value, dtype=float))
        return Cubic(np.array([begin, end], dtype=float), np.stack([value, slope, zero, zero])[None], np.zeros(0, int))

    @staticmethod
    def through(x, y, first_slope: float, last_slope: float) -> "Cubic":
        """The C² spline through points with given slopes at both ends (clamped)."""
        slopes = np.zeros(len(x))
        slopes[[0, -1]] = first_slope, last_slope
        return Cubic.through_kinks(x, y, slopes, np.zeros(len(x), dtype=bool))

    @staticmethod
    def through_kinks(x, y, slopes, kinks) -> "Cubic":
        """The spline through points that is C² where `kinks` is false; where it is true and at the ends it has the
        given slopes, and its curvature may jump."""
        x, y, m = np.asarray(x, dtype=float), np.asarray(y, dtype=float), np.array(slopes, dtype=float)
        given = np.array(kinks, dtype=bool)
        given[[0, -1]] = True
        h = np.diff(x)
        d = np.diff(y) / h
        stops = np.nonzero(given)[0]
        for a, b in pairwise(stops):
            if b - a > 1:
                right = 3 * (d[a : b - 1] / h[a : b - 1] + d[a + 1 : b] / h[a + 1 : b])
                right[0] -= m[a] / h[a]
                right[-1] -= m[b] / h[b - 1]
                diagonal = 2 * (1 / h[a : b - 1] + 1 / h[a + 1 : b])
                m[a + 1 : b] = _tridiagonal(1 / h[a + 1 : b - 1], diagonal, right)
        s = Cubic.hermite(x, y, m)
        return Cubic(s.x, s.c, np.where(given[1:-1], 1, 2))

    @staticmethod
    def hermite(x: np.ndarray, y: np.ndarray, slopes: np.ndarray) -> "Cubic":
        """The cubic pieces with given values and slopes at all breaks, C¹."""
        h, m, n = np.diff(x), slopes[:-1], slopes[1:]
        d = np.diff(y) / h
        c = np.stack([y[:-1], m, (3 * d - 2 * m - n) / h, (m + n - 2 * d) / h**2], axis=1)
        return Cubic(np.asarray(x, dtype=float), c, np.ones(len(x) - 2, dtype=int))


def uniform_points(s: Cubic, most: int = 10000) -> np.ndarray | None:
    """The points (n,) of the widest uniform grid that holds all breaks of a C² function, or None if there is none with
    at most `most` points."""
    if np.any(s.smooth < 2):
        return None
    width, narrowest = s.back - s.front, np.diff(s.x).min()
    for parts in range(1, 9):
        cells = round(parts * width / narrowest)
        if cells >= most:
            return None
        grid = np.linspace(s.front, s.back, cells + 1)
        nearest = grid[np.round((s.x - s.front) / width * cells).astype(int)]
        # Files give knots with ten digits or more.
        if np.abs(nearest - s.x).max() <= 1e-9 * narrowest:
            return grid
    return None


def uniform_fit(s: Cubic, tolerance: float, most: int = 2000) -> tuple[Cubic, float]:
    """A C² spline on a uniform grid that is close to s, and its largest error: 0 where s has such a grid."""
    grid = uniform_points(s)
    if grid is not None:
        return Cubic(grid, s._about(grid[:-1]), np.full(len(grid) - 2, 2)) if len(grid) > len(s.x) else s, 0.0
    at = np.concatenate([s.x[:-1] + np.diff(s.x) * t for t in np.linspace(0, 1, 11)])
    points = len(s.x)
    while True:
        x = np.linspace(s.front, s.back, points)
        fit = Cubic.through(x, s(x), float(s(s.front, 1)), float(s(s.back, 1)))
        error = float(np.abs(fit(at) - s(at)).max())
        if error <= tolerance or points >= most:
            return fit, error
        points = min(2 * points - 1, most)


def adaptive(f: Callable, nodes: np.ndarray, allowed: Callable, intervals: int = 12) -> Cubic:
    """A spline through f at some of the nodes, as few as make it close enough everywhere.

    f(x) gives values and slopes; allowed(x, value): by how much value and slope may differ there, per unit and per unit
    of x. Intervals are halved as long as they are not close; where f is rough on the scale of the nodes themselves, all
    of these are taken, with its slopes.
    """
    y, m = f(nodes)
    taken = np.unique(np.linspace(0, len(nodes) - 1, intervals + 1).round().astype(int))
    kinks = np.zeros(len(nodes), dtype=bool)
    while True:
        s = Cubic.through_kinks(nodes[taken], y[taken], m[taken], kinks[taken])
        bad = np.nonzero(interval_errors(s, f, allowed) > 1)[0]
        a, b = taken[bad], taken[bad + 1]
        before = len(taken), kinks.sum()
        for i, j in zip(a[b - a <= 2], b[b - a <= 2], strict=True):
            kinks[i : j + 1] = True
        taken = np.union1d(taken, np.r_[(a + b) // 2, np.nonzero(kinks)[0]]).astype(int)
        if (len(taken), kinks.sum()) == before:
            return s


def interval_errors(s: Cubic, f: Callable, allowed: Callable, samples: int = 9) -> np.ndarray:
    """Largest error of value or slope within each piece, in units of what is allowed; shape (pieces,)."""
    t = (np.arange(samples) + 0.5) / samples
    at = s.x[:-1, None] + np.diff(s.x)[:, None] * t
    value, slope = f(at.ravel())
    of_value, of_slope = allowed(at.ravel(), value)
    error = np.maximum(np.abs(s(at.ravel()) - value) / of_value, np.abs(s(at.ravel(), 1) - slope) / of_slope)
    return error.reshape(at.shape).max(axis=1)


def _clamped(knots: np.ndarray) -> np.ndarray:
    return np.r_[[knots[0]] * 3, knots, [knots[-1]] * 3]


def _de_boor(t: np.ndarray, c: np.ndarray, p: int, spans: np.ndarray) -> np.ndarray:
    """Values of a B-spline of degree p at the left end of each span, shape (spans, …)."""
    x = t[spans]
    d = [c[spans - p + j] for j in range(p + 1)]
    for r in range(1, p + 1):
        for j in range(p, r - 1, -1):
            left, right = t[spans - p + j], t[spans + 1 + j - r]
            a = _like((x - left) / (right - left), d[j])
            d[j] = (1 - a) * d[j - 1] + a * d[j]
    return d[p]


def _derivative(t: np.ndarray, c: np.ndarray, p: int) -> np.ndarray:
    """Coefficients of the derivative; the first is unused, so that indices stay those of the knots."""
    width = t[1 + p : len(c) + p] - t[1 : len(c)]
    factor = np.divide(p, width, out=np.zeros_like(width), where=width > 0)
    return np.concatenate([np.zeros_like(c[:1]), _like(factor, c[1:]) * np.diff(c, axis=0)])


def _tridiagonal(off: np.ndarray, diagonal: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solves a symmetric, diagonally dominant tridiagonal system."""
    n = len(right)
    e, b = np.zeros(n), right.copy()
    scale = diagonal[0]
    b[0] /= scale
    for i in range(1, n):
        e[i - 1] = off[i - 1] / scale
        scale = diagonal[i] - off[i - 1] * e[i - 1]
        b[i] = (b[i] - off[i - 1] * b[i - 1]) / scale
    for i in range(n - 2, -1, -1):
        b[i] -= e[i] * b[i + 1]
    return b


def _continuity(left: Cubic, right: Cubic) -> int:
    """How many derivatives agree where one function ends and the other begins."""
    width = max(np.diff(left.x).max(), np.diff(right.x).max())
    order = -1
    for k in range(3):
        a, b = left(left.back, k), right(right.front, k)
        size = sum(np.abs(c[:, j]).max() * width ** (j - k) for c in (left.c, right.c) for j in range(4))
        if np.abs(a - b).max() > _ROUNDING * size:
            break
        order = k
    return max(order, 0)


def _like(factor: np.ndarray, values: np.ndarray) -> np.ndarray:
    return factor.reshape(factor.shape + (1,) * (np.ndim(values) - factor.ndim))


def _shifted(c: np.ndarray, d: float) -> np.ndarray:
    """The polynomial about 0 as one about d."""
    return np.stack(
        [c[0] + d * (c[1] + d * (c[2] + d * c[3])), c[1] + d * (2 * c[2] + d * 3 * c[3]), c[2] + 3 * d * c[3], c[3]]
    )


def _times(factor: np.ndarray, values: np.ndarray) -> np.ndarray:
    return _like(np.asarray(factor), values) * values
