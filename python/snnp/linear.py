"""Linear models: a pair spline and a tensor-product three-body spline (cpp/snnp/design.h), and how smooth to make them.

The third coordinate of the tensor is cos θ (the start of a fit of filters) or r_jk (UF3: Xie, Rupp and Hennig,
npj Comput. Mater. 9, 162 (2023)).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from snnp import _core
from snnp.data import DataError
from snnp.normal import Frames, Quadratic, accumulate
from snnp.splines import END, clamped, gram
from snnp.training import Weights

# A quadratic form of the first n coefficients of a spline with these knots.
Penalty = Callable[[np.ndarray, int], np.ndarray]


@dataclass
class LinearShape:
    """Knots in Å (or of a cosine): pairs and legs by ordered pair of elements, third by centre and unordered pair of
    neighbours. Without legs there are no three-body terms."""

    n_elements: int
    pair_knots: list[np.ndarray]
    leg_knots: list[np.ndarray]
    third_knots: list[np.ndarray]
    distance: bool

    @property
    def unordered(self) -> list[tuple[int, int]]:
        """The unordered pairs of elements, in the order of a potential file."""
        n = self.n_elements
        return [(a, b) for a in range(n) for b in range(a, n)]

    @property
    def kinds(self) -> list[tuple[int, int, int]]:
        """Centre and neighbours of each three-body spline."""
        return [(a, b, c) for a in range(self.n_elements) for b, c in self.unordered] if self.leg_knots else []

    @property
    def functions(self) -> tuple[int, int, int]:
        """Numbers of free coefficients of a pair spline, a leg and the third coordinate."""
        third = len(self.third_knots[0]) + 2 - (END if self.distance else 0) if self.third_knots else 0
        return len(self.pair_knots[0]) + 2 - END, len(self.leg_knots[0]) + 2 - END if self.leg_knots else 0, third


# Penalty of the size of coefficients, relative to that of curvature (times Å⁻³).
RIDGE = 0.1
# Penalties of one-body energies that are free, and that are given (Å⁻²).
HOLD_FREE, HOLD_FIXED = 1e-9, 1e7
_SLACK = 0.003


class LinearModel:
    """Coefficients x: φ by unordered pair, the three-body tensors by kind, and one energy per element.

    Of a tensor only those coefficients are unknowns whose basis functions some triangle can see, and of two equal
    neighbours' those with a ≥ b. `packed[kind]` holds their indices into the full tensor of free coefficients.
    """

    def __init__(self, shape: LinearShape):
        self.shape = shape
        n_pair, n_leg, n_third = shape.functions
        column = n_pair * len(shape.unordered)
        self.packed: list[np.ndarray] = []
        self.first: list[int] = []
        stretches = np.zeros((len(shape.kinds), n_leg, n_leg, 3), dtype=int)
        for stretch, kind in zip(stretches, range(len(shape.kinds)), strict=True):
            self.first.append(column)
            _, b, c = shape.kinds[kind]
            begin, end = self._seen(kind)
            packed = []
            for p in range(n_leg):
                for q in range(p + 1 if b == c else n_leg):
                    lo, hi = begin[p, q], max(end[p, q], begin[p, q])
                    stretch[p, q] = column - lo, lo, hi
                    if b == c:
                        stretch[q, p] = stretch[p, q]
                    packed.append((p * n_leg + q) * n_third + np.arange(lo, hi))
                    column += hi - lo
            self.packed.append(np.concatenate(packed))
        self.columns = column + shape.n_elements
        self.design = _core.Design(
            shape.n_elements,
            shape.pair_knots,
            shape.leg_knots,
            shape.third_knots,
            shape.distance,
            [n_pair, n_leg],
            stretches,
            self.columns,
        )

    def _seen(self, kind: int) -> tuple[np.ndarray, np.ndarray]:
        """For functions a and b of the legs, the range of functions of the third coordinate, (n_leg, n_leg) each."""
        shape = self.shape
        _, n_leg, n_third = shape.functions
        if not shape.distance:
            return np.zeros((n_leg, n_leg), dtype=int), np.full((n_leg, n_leg), n_third)
        a, b, c = shape.kinds[kind]
        lo_b, hi_b = _supports(shape.leg_knots[a * shape.n_elements + b], n_leg)
        lo_c, hi_c = _supports(shape.leg_knots[a * shape.n_elements + c], n_leg)
        lo, hi = _supports(shape.third_knots[kind], n_third)
        # Triangles have |r_ij − r_ik| ≤ r_jk ≤ r_ij + r_ik.
        shortest = np.maximum(lo_b[:, None] - hi_c, lo_c - hi_b[:, None])
        longest = hi_b[:, None] + hi_c
        return (hi <= shortest[..., None]).sum(-1), (lo < longest[..., None]).sum(-1)

    def accumulate(
        self, frames: Frames, weights: Weights, threads: int, tick: Callable[[int], None] = lambda n: None
    ) -> Quadratic:
        """The loss over all frames; tick(n) is called when n more frames are done."""
        rows = lambda s: self.design.rows(s, threads)  # noqa: E731
        return accumulate(rows, self.columns, self.shape.n_elements, frames, weights, tick)

    def curvature(self) -> sparse.csr_array:
        """∫ (φ'')² and, along each direction, ∫∫∫ (∂²V)² as a matrix: the sum over all splines is xᵀ curvature x."""
        return self._penalty(lambda knots, n: gram(knots, n, 2), lambda knots, n: gram(knots, n, 0))

    def differences(self) -> sparse.csr_array:
        """Sum of squared second differences of coefficients along each direction, as a matrix."""
        return self._penalty(lambda knots, n: _second_differences(n), lambda knots, n: np.eye(n))

    def _penalty(self, bend: Penalty, mass: Penalty) -> sparse.csr_array:
        shape = self.shape
        E = shape.n_elements
        n_pair, n_leg, n_third = shape.functions
        blocks = [bend(shape.pair_knots[a * E + b], n_pair) for a, b in shape.unordered]
        for kind, (a, b, c) in enumerate(shape.kinds):
            knots = shape.leg_knots[a * E + b], shape.leg_knots[a * E + c], shape.third_knots[kind]
            sizes = n_leg, n_leg, n_third
            full = sum(
                _kron(*((bend if d == bent else mass)(knots[d], sizes[d]) for d in range(3))) for bent in range(3)
            )
            U = self._unpack(kind)
            blocks.append(U.T @ full @ U)
        return diagonal([*blocks, np.zeros((E, E))])

    def size(self) -> sparse.csr_array:
        """Sum of squares of all coefficients of splines, as a matrix."""
        free = np.r_[np.ones(self.columns - self.shape.n_elements), np.zeros(self.shape.n_elements)]
        return sparse.csr_array(sparse.diags_array(free))

    def fixed(self, fixed_e0: Sequence[float | None]) -> sparse.csr_array:
        """What keeps given energies of elements where they are (labels are without them), and free ones finite."""
        hold = np.array([HOLD_FREE if e0 is None else HOLD_FIXED for e0 in fixed_e0])
        return sparse.csr_array(sparse.diags_array(np.r_[np.zeros(self.columns - len(hold)), hold]))

    def _unpack(self, kind: int) -> sparse.csr_array:
        """The map from the unknowns of a tensor to all its free coefficients."""
        _, n_leg, n_third = self.shape.functions
        _, b, c = self.shape.kinds[kind]
        packed, n = self.packed[kind], np.arange(len(self.packed[kind]))
        p, q, t = np.unravel_index(packed, (n_leg, n_leg, n_third))
        if b == c:
            other = p != q
            mirrored = np.ravel_multi_index((q, p, t), (n_leg, n_leg, n_third))[other]
            packed, n = np.r_[packed, mirrored], np.r_[n, n[other]]
        return sparse.csr_array(
            (np.ones(len(packed)), (packed, n)), shape=(n_leg * n_leg * n_third, len(self.packed[kind]))
        )

    def pair_coefficients(self, x: np.ndarray) -> np.ndarray:
        """Free coefficients of φ, (pairs, functions)."""
        return x[: self.shape.functions[0] * len(self.shape.unordered)].reshape(len(self.shape.unordered), -1)

    def tensor(self, kind: int, x: np.ndarray) -> np.ndarray:
        """All coefficients of a three-body spline, those at its ends included."""
        _, n_leg, n_third = self.shape.functions
        first = self.first[kind]
        free = self._unpack(kind) @ x[first : first + len(self.packed[kind])]
        end = END if self.shape.distance else 0
        return np.pad(free.reshape(n_leg, n_leg, n_third), ((0, END), (0, END), (0, end)))


@dataclass
class Trial:
    """A solution: losses, (eV/Å)², that a strength of the penalty of curvature leads to."""

    strength: float
    train_loss: float
    validation_loss: float
    x: np.ndarray


@dataclass
class LinearFit:
    """The solutions of a linear model for all strengths, strongest first, the chosen one, and its normal equations."""

    trials: list[Trial]
    chosen: Trial
    penalised: Quadratic  # the loss with the chosen penalty


def solve(
    linear: LinearModel,
    train: Frames,
    validation: Frames | None,
    weights: Weights,
    fixed_e0: Sequence[float | None],
    strengths: Sequence[float],
    threads: int,
    tick: Callable[[int], None] = lambda n: None,
    differences: bool = False,
) -> LinearFit:
    """Least squares with each strength of a penalty (strongest first), from one pass over the data.

    The strongest penalty is taken whose validation loss comes within _SLACK of the smallest one; without validation
    data the weakest. Penalised is curvature, or `differences` of coefficients: then strengths are relative to the mean
    diagonal of the normal equations. Raises DataError if there is no solution at all.
    """
    loss = linear.accumulate(train, weights, threads, tick)
    held_out = linear.accumulate(validation, weights, threads, tick) if validation else loss
    penalty = (linear.differences() if differences else linear.curvature()) + RIDGE * linear.size()
    if differences:
        penalty = loss.A.diagonal().mean() * penalty
    fixed = linear.fixed(fixed_e0)
    trials = []
    for strength in strengths:
        try:
            x = loss.minimum(strength * penalty + fixed)
        except np.linalg.LinAlgError:
            break  # rounding hides what so weak a penalty leaves undetermined
        trials.append(Trial(strength, loss(x), held_out(x), x))
    if not trials:
        raise DataError(
            "the data do not determine all coefficients: expected a greater model.smoothness, or more frames"
        )
    best = min(trial.validation_loss for trial in trials)
    chosen = next(t for t in trials if t.validation_loss <= best * (1 + _SLACK)) if validation else trials[-1]
    loss.A += (chosen.strength * penalty + fixed).toarray()
    return LinearFit(trials, chosen, loss)


def _second_differences(n: int) -> np.ndarray:
    D = np.diff(np.eye(n), n=2, axis=0)
    return D.T @ D


def _supports(knots: np.ndarray, functions: int) -> tuple[np.ndarray, np.ndarray]:
    """Where basis functions begin and end; the first two go on below the first knot."""
    t = clamped(knots)
    begin = t[:functions].copy()
    begin[:2] = 0
    return begin, t[4 : functions + 4]


def _kron(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> sparse.csr_array:
    return sparse.csr_array(sparse.kron(sparse.kron(sparse.csr_array(a), sparse.csr_array(b)), sparse.csr_array(c)))


def diagonal(blocks: Sequence) -> sparse.csr_array:
    """The block-diagonal matrix of square blocks."""
    return sparse.csr_array(sparse.block_diag(blocks, format="csr"))
