"""EAM and s-MEAM: densities with a spline embedding, made linear in their coefficients (cpp/snnp/density.h).

E_i = e0 + ½ Σ_j φ(r_ij) + U(n_i) − U(0),  n_i = Σ_j ρ(r_ij) + Σ_{j<k} f(r_ij) f(r_ik) g(cos θ_jik)
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.interpolate import BSpline

from snnp import _core
from snnp.data import DataError
from snnp.data.batch import FrameStream, LabelledStructure, Weights
from snnp.models.constraints import Constraints, constrained_minimum
from snnp.models.curvature_prior import CurvaturePrior
from snnp.models.linear import HOLD_FIXED, HOLD_FREE, RIDGE, diagonal
from snnp.models.normal_equations import Quadratic, accumulate
from snnp.models.potentials import effective_pair, has_effective_pair
from snnp.models.shape import Shape
from snnp.splines import basis, clamped, gram, project

_MARGIN = 0.05  # knots of U go beyond the densities of the data by this part of their range


@dataclass
class Layout:
    """Where coefficients stand: by name, a slice and the shape of what is there."""

    phi: tuple[int, int]
    rho: tuple[int, int]
    f: tuple[int, int]
    g: tuple[int, int]
    U: tuple[int, int]
    e0: tuple[int, int]

    @staticmethod
    def of(shape: Shape, embedding_knots: int) -> "Layout":
        """The layout of a model."""
        E, P = shape.n_elements, len(shape.unordered)
        n_pair, n_radial, n_angle = shape.functions
        n_rho = len(shape.rho_knots[0]) + 2 - shape.end
        three = (E * E, n_radial), (E * P, n_angle)
        none = (0, 0), (0, 0)
        return Layout((P, n_pair), (E * E, n_rho), *(three if shape.n3 else none), (E, embedding_knots + 2), (E, 1))

    def split(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Views of parts of x, one row per spline."""
        parts, at = {}, 0
        for name, size in vars(self).items():
            parts[name] = x[at : at + math.prod(size)].reshape(size)
            at += math.prod(size)
        return parts

    @property
    def columns(self) -> int:
        """Number of all coefficients."""
        return sum(math.prod(size) for size in vars(self).values())


@dataclass
class Linearised:
    """The loss near some coefficients, and by element the densities there, and the root mean square of U'(n), eV."""

    quadratic: Quadratic
    lowest: np.ndarray
    highest: np.ndarray
    spread: np.ndarray
    slopes: np.ndarray


class DensityModel:
    """An EAM (shape.n3 = 0) or s-MEAM (1); x are its coefficients, `knots` those of U, (elements, knots).

    positive, convex: see `Constraints`. curvature: a prior of curves, taken in units of energy as there.
    """

    def __init__(
        self,
        shape: Shape,
        embedding_knots: int,
        fixed_e0: Sequence[float | None],
        weights: Weights,
        threads: int,
        positive: Sequence[str] = (),
        convex: bool = False,
        curvature: CurvaturePrior | None = None,
    ):
        self.curvature = curvature
        self.shape, self.fixed_e0, self.weights, self.threads = shape, list(fixed_e0), weights, threads
        self.layout = Layout.of(shape, embedding_knots)
        self.constraints = Constraints(self.layout, positive, convex)

    def minimum(self, A: np.ndarray, b: np.ndarray, knots: np.ndarray) -> np.ndarray:
        """Where xᵀ A x − 2 b·x is smallest among coefficients x, (columns,), that obey the constraints.

        Raises LinAlgError if rounding leaves no minimum.
        """
        return self.constraints.feasible(constrained_minimum(A, b, self.constraints.rows(knots)), knots)

    def linearise(self, frames: Sequence[LabelledStructure], x: np.ndarray, knots: np.ndarray) -> Linearised:
        """The loss over frames, in linear approximation about x: exact in φ, U and e0, and at x itself."""
        shape, E = self.shape, self.shape.n_elements
        three = shape.n3 > 0
        angles = [shape.angle_knots] * (E * len(shape.unordered)) if three else []
        functions = [size[1] for size in (self.layout.phi, self.layout.rho, self.layout.f)]
        radial = shape.radial_knots if three else []
        model = _core.Density(E, shape.pair_knots, shape.rho_knots, radial, angles, knots, functions)
        densities, kinds = [], []

        def rows(structures):
            *matrix, n = model.rows(structures, x[:-E], self.threads)
            densities.append(n)
            kinds.append(structures.elements)
            return matrix

        base = x.copy()
        parts = self.layout.split(base)
        for linear in ("phi", "U", "e0"):
            parts[linear][:] = 0
        quadratic = accumulate(rows, len(x), E, FrameStream.held(frames), self.weights, base=base)
        n, kind = np.concatenate(densities), np.concatenate(kinds)
        by_element = [n[kind == a] if np.any(kind == a) else np.zeros(1) for a in range(E)]
        U = self.layout.split(x)["U"]
        slopes = [np.sqrt((_slopes(*of) ** 2).mean()) for of in zip(knots, U, by_element, strict=True)]
        ranges = (np.array([f(n) for n in by_element]) for f in (np.min, np.max, np.std))
        return Linearised(quadratic, *ranges, np.array(slopes))

    def penalty(self, knots: np.ndarray, strength: float) -> sparse.csr_array:
        """Strength times curvature and size of all splines, and what holds given e0."""
        shape, E = self.shape, self.shape.n_elements
        n_pair, n_radial, n_angle = shape.functions
        blocks = [gram(shape.pair_knots[a * E + b], n_pair, 2) for a, b in shape.unordered]
        blocks += [gram(k, self.layout.rho[1], 2) for k in shape.rho_knots]
        if shape.n3:
            blocks += [gram(k, n_radial, 2) for k in shape.radial_knots]
            blocks += [gram(shape.angle_knots, n_angle, 2)] * (E * len(shape.unordered))
        blocks += [gram(k, len(k) + 2, 2) for k in knots]
        blocks = [strength * (block + RIDGE * np.eye(len(block))) for block in blocks]
        for pair in self.shape.pinned:
            blocks[pair] = HOLD_FIXED * np.eye(len(blocks[pair]))
        hold = np.diag([HOLD_FREE if e0 is None else HOLD_FIXED for e0 in self.fixed_e0])
        return diagonal([*blocks, hold])

    def with_effective_pair(self, x: np.ndarray, knots: np.ndarray) -> np.ndarray:
        """x of the same EAM with U flat in the middle of its knots, as it is written; of others, x (columns,)."""
        if not has_effective_pair(self.shape):
            return x
        x = x.copy()
        parts = self.layout.split(x)
        parts["phi"][:], parts["U"][:] = effective_pair(self.shape, parts, knots)
        return x

    def prior(self, x: np.ndarray, knots_of_U: np.ndarray, here: Linearised, noise: float) -> Quadratic:
        """What the prior adds to the loss, near coefficients x (columns,); noise: the loss that errors of labels make.

        Slopes of U and sizes of ρ, f and g are those at x, and there is no slope along which one becomes larger. U of
        an EAM stays flat in the middle of its knots, (elements, knots), so that φ is what is written.
        """
        shape, E, prior = self.shape, self.shape.n_elements, self.curvature
        parts, sizes = self.layout.split(x), self._energies(x, here.slopes)
        pairs = [shape.pair_knots[a * E + b] for a, b in shape.unordered]
        knots = {"phi": pairs, "rho": shape.rho_knots, "f": shape.radial_knots}
        knots["g"] = [shape.angle_knots] * len(parts["g"])
        A, pull = np.zeros((len(x), len(x))), np.zeros(len(x))
        for columns, k in zip(self.layout.split(np.arange(len(x)))["U"], knots_of_U, strict=True):
            if has_effective_pair(shape):
                slope = basis(k)(k.mean(), nu=1)
                A[np.ix_(columns, columns)] = HOLD_FIXED * np.outer(slope, slope)
        for name, at in self.layout.split(np.arange(len(x))).items():
            for n, columns in enumerate(at if name in prior.deviations else ()):
                form = prior.form(name, knots[name][n], len(columns))
                A[np.ix_(columns, columns)] = noise * sizes[name][n] ** 2 * form
            for columns in at.reshape(E, -1) if name in ("rho", "f", "g") else ():
                c = x[columns]
                if c.any():
                    pull[columns] = c * (c @ A[np.ix_(columns, columns)] @ c) / (c @ c)
        return Quadratic(A, pull, 2 * float(pull @ x))

    def _energies(self, x: np.ndarray, slopes: np.ndarray) -> dict[str, np.ndarray]:
        """By name what makes each curve one in units of energy, (curves,), eV; slopes: of U, (elements,), eV."""
        parts, E, shape = self.layout.split(x), self.shape.n_elements, self.shape
        sizes = {"phi": np.ones(len(parts["phi"])), "rho": slopes.repeat(E)}
        if shape.n3:
            f = [np.abs(basis(k, len(c))(k) @ c).max() for k, c in zip(shape.radial_knots, parts["f"], strict=True)]
            g = np.abs(basis(shape.angle_knots)(shape.angle_knots) @ parts["g"].T).max(0)
            f, g = np.array(f).reshape(E, -1).max(1), g.reshape(E, -1).max(1)
            sizes["f"], sizes["g"] = (slopes * f * g).repeat(E), (slopes * f * f).repeat(len(shape.unordered))
        return sizes

    def held(self, x: np.ndarray, stiffness: np.ndarray) -> sparse.csr_array:
        """A penalty of steps from x that change the size of an f, of which g could undo all.

        Along such a line of equal models a step that is long in linear approximation leaves the line.
        """
        total = sparse.csr_array((len(x), len(x)))
        for n in range(self.layout.f[0]):
            direction = np.zeros(len(x))
            self.layout.split(direction)["f"][n] = self.layout.split(x)["f"][n]
            pull = stiffness * direction
            if direction @ pull > 0:
                v = sparse.csr_array(pull[:, None])
                total = total + v @ v.T / (direction @ pull)
        return total

    def normalised(self, x: np.ndarray, knots: np.ndarray, place: Linearised) -> tuple[np.ndarray, np.ndarray]:
        """The same model with densities that vary by 1 over the data, f of size 1, knots of U where the data are."""
        x = x.copy()
        parts = self.layout.split(x)
        E, P = self.shape.n_elements, len(self.shape.unordered)
        new = np.empty_like(knots)
        for a in range(E):
            scale = 1 / max(place.spread[a], 1e-3 * (place.highest[a] - place.lowest[a]), 1e-12)
            around, angles = slice(a * E, (a + 1) * E), slice(a * P, (a + 1) * P)
            parts["rho"][around] *= scale
            if self.shape.n3:
                sizes = np.maximum(np.sqrt((parts["f"][around] ** 2).mean(1)), 1e-12)
                parts["f"][around] /= sizes[:, None]
                both = np.array([sizes[b] * sizes[c] for b, c in self.shape.unordered])
                parts["g"][angles] *= scale * both[:, None]
            low, high = scale * place.lowest[a], scale * place.highest[a]
            new[a] = scale * knots[a]
            margin = _MARGIN * (high - low) + 1e-3
            off = max(new[a][0] - low, high - new[a][-1], low - new[a][0] - 2 * margin, new[a][-1] - high - 2 * margin)
            if off > 0:
                old, U = new[a], parts["U"][a].copy()
                new[a] = np.linspace(low - margin, high + margin, knots.shape[1])
                parts["U"][a] = project(lambda n, old=old, U=U: _continued(old, U, n), new[a], len(U))
        return self.constraints.feasible(x, new), new

    def simple(
        self, frames: Sequence[LabelledStructure], decay: float, f: np.ndarray | None, g: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """A ρ that decays with distance, f and g as given or a decaying f and no g, and knots of U."""
        x = np.zeros(self.layout.columns)
        parts = self.layout.split(x)
        parts["rho"][:] = [_decaying(k, parts["rho"].shape[1], decay) for k in self.shape.rho_knots]
        if f is not None:
            parts["f"][:], parts["g"][:] = f, g
        elif self.shape.n3:
            parts["f"][:] = [_decaying(k, parts["f"].shape[1], 2 * decay) for k in self.shape.radial_knots]
        knots = np.tile(np.linspace(0, 1, self.layout.U[1] - 2), (self.layout.U[0], 1))
        return self.normalised(x, knots, self.linearise(frames, x, knots))

    def solved(
        self, place: Linearised, knots: np.ndarray, x: np.ndarray, names: Sequence[str], strength: float
    ) -> np.ndarray:
        """x with the parts named, in which the model is linear, where they are best.

        Raises DataError if the data leave that open.
        """
        x = x.copy()
        free = np.zeros(len(x), dtype=bool)
        for name, part in self.layout.split(free).items():
            part[:] = name in names
        A = place.quadratic.A + self.penalty(knots, strength).toarray()
        b = place.quadratic.b - A[:, ~free] @ x[~free]
        C = self.constraints.rows(knots)
        try:
            x[free] = constrained_minimum(A[np.ix_(free, free)], b[free], C[C[:, free].any(axis=1)][:, free])
        except np.linalg.LinAlgError as error:
            raise DataError(
                "the data do not determine all coefficients: expected more frames or fewer knots"
            ) from error
        return self.constraints.feasible(x, knots)


def _decaying(knots: np.ndarray, functions: int, decay: float) -> np.ndarray:
    """Coefficients of a curve that falls from 1 at the first knot to 0 at the last."""

    def curve(r):
        y = (r - knots[0]) / (knots[-1] - knots[0])
        return np.exp(-y / decay) * (1 - y) ** 2

    return project(curve, knots, functions)


def _slopes(knots: np.ndarray, coefficients: np.ndarray, n: np.ndarray) -> np.ndarray:
    """U'(n) of a spline that goes on linearly beyond its knots."""
    return BSpline(clamped(knots), coefficients, 3)(np.clip(n, knots[0], knots[-1]), nu=1)


def _continued(knots: np.ndarray, coefficients: np.ndarray, n: np.ndarray) -> np.ndarray:
    """A spline that goes on linearly beyond its knots."""
    spline = BSpline(clamped(knots), coefficients, 3)
    inside = np.clip(n, knots[0], knots[-1])
    return spline(inside) + spline(inside, nu=1) * (n - inside)
