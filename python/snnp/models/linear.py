"""Linear models: a pair spline and a tensor-product three-body spline (cpp/snnp/design.h), and how smooth to make them.

The third coordinate of the tensor is cos θ (the start of a fit of filters) or r_jk (UF3: Xie, Rupp and Hennig,
npj Comput. Mater. 9, 162 (2023)).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from snnp import _core
from snnp.data.batch import FrameStream, Weights
from snnp.models.curvature_prior import CurvaturePrior
from snnp.models.normal_equations import Quadratic, accumulate
from snnp.models.shape import Shape, unordered_pairs
from snnp.splines import END, clamped, gram

# A quadratic form of the first n coefficients of a spline with these knots.
Penalty = Callable[[np.ndarray, int], np.ndarray]


@dataclass
class LinearShape:
    """Knots in Å (or of a cosine): pair_knots and radial_knots (of r_ij and r_ik) by ordered pair of elements,
    third_knots by centre and unordered pair of neighbours. Without radial knots there are no three-body terms.

    shared: neighbours of all elements have one three-body spline, which depends on the element of the centre only, and
    φ of unlike elements leans on those of like ones. pinned: as of `Shape`.
    """

    n_elements: int
    pair_knots: list[np.ndarray]
    radial_knots: list[np.ndarray]
    third_knots: list[np.ndarray]
    distance: bool
    shared: bool = False
    pinned: Sequence[int] = ()

    @property
    def unordered(self) -> list[tuple[int, int]]:
        """The unordered pairs of elements, in the order of a potential file."""
        return unordered_pairs(self.n_elements)

    @property
    def kinds(self) -> list[tuple[int, int, int]]:
        """Centre and neighbours of each three-body spline."""
        return [(a, b, c) for a in range(self.n_elements) for b, c in self.unordered] if self.radial_knots else []

    @property
    def tensors(self) -> list[tuple[int, int, int]]:
        """Of each three-body spline, the first of the `kinds` that it is for."""
        return self.kinds[:: len(self.unordered)] if self.shared else self.kinds

    @property
    def functions(self) -> tuple[int, int, int]:
        """Numbers of free coefficients of a pair spline, a radial one and the third coordinate."""
        third = len(self.third_knots[0]) + 2 - (END if self.distance else 0) if self.third_knots else 0
        return len(self.pair_knots[0]) + 2 - END, len(self.radial_knots[0]) + 2 - END if self.radial_knots else 0, third


# Unknowns of the linear model: enough for the full resolution of one element; more elements get coarser knots.
_MAX_COLUMNS = 2000
# Penalty of the size of coefficients, relative to that of curvature (times Å⁻³).
RIDGE = 0.1
# Penalties of one-body energies that are free, and that are given (Å⁻²).
HOLD_FREE, HOLD_FIXED = 1e-9, 1e7


class LinearModel:
    """Coefficients x: φ by unordered pair, the three-body tensors, and one energy per element.

    Of a tensor only those coefficients are unknowns whose basis functions some triangle can see, and of two equal
    neighbours' those with a ≥ b. `packed[tensor]` holds their indices into the full tensor of free coefficients.
    """

    def __init__(self, shape: LinearShape):
        self.shape = shape
        n_pair, n_radial, n_third = shape.functions
        column = n_pair * len(shape.unordered)
        self.packed: list[np.ndarray] = []
        self.first: list[int] = []
        ranges = np.zeros((len(shape.tensors), n_radial, n_radial, 3), dtype=int)
        for range_, tensor in zip(ranges, range(len(shape.tensors)), strict=True):
            self.first.append(column)
            _, b, c = shape.tensors[tensor]
            begin, end = self._seen(tensor)
            packed = []
            for p in range(n_radial):
                for q in range(p + 1 if b == c else n_radial):
                    lo, hi = begin[p, q], max(end[p, q], begin[p, q])
                    range_[p, q] = column - lo, lo, hi
                    if b == c:
                        range_[q, p] = range_[p, q]
                    packed.append((p * n_radial + q) * n_third + np.arange(lo, hi))
                    column += hi - lo
            self.packed.append(np.concatenate(packed))
        self.columns = column + shape.n_elements
        self.design = _core.Design(
            shape.n_elements,
            shape.pair_knots,
            shape.radial_knots,
            shape.third_knots,
            shape.distance,
            [n_pair, n_radial],
            ranges.repeat(len(shape.unordered), axis=0) if shape.shared else ranges,
            self.columns,
        )

    def _seen(self, tensor: int) -> tuple[np.ndarray, np.ndarray]:
        """By functions a of r_ij and b of r_ik, the range of functions of the third coordinate, (a, b) each."""
        shape = self.shape
        _, n_radial, n_third = shape.functions
        if not shape.distance:
            return np.zeros((n_radial, n_radial), dtype=int), np.full((n_radial, n_radial), n_third)
        a, b, c = shape.tensors[tensor]
        lo_b, hi_b = _supports(shape.radial_knots[a * shape.n_elements + b], n_radial)
        lo_c, hi_c = _supports(shape.radial_knots[a * shape.n_elements + c], n_radial)
        lo, hi = _supports(shape.third_knots[tensor], n_third)
        # Triangles have |r_ij − r_ik| ≤ r_jk ≤ r_ij + r_ik.
        shortest = np.maximum(lo_b[:, None] - hi_c, lo_c - hi_b[:, None])
        longest = hi_b[:, None] + hi_c
        return (hi <= shortest[..., None]).sum(-1), (lo < longest[..., None]).sum(-1)

    def accumulate(
        self, frames: FrameStream, weights: Weights, threads: int, tick: Callable[[int], None] = lambda n: None
    ) -> Quadratic:
        """The loss over all frames; tick(n) is called when n more frames are done."""
        rows = lambda s: self.design.rows(s, threads)  # noqa: E731
        return accumulate(rows, self.columns, self.shape.n_elements, frames, weights, tick)

    def curvature(self) -> sparse.csr_array:
        """∫ (φ'')² and, along each direction, ∫∫∫ (∂²V)² as a matrix: the sum over all splines is xᵀ curvature x."""
        return self._penalty(lambda knots, n: gram(knots, n, 2), lambda knots, n: gram(knots, n, 0))

    def prior(self, prior: CurvaturePrior) -> sparse.csr_array:
        """What a prior of φ'' adds to the loss for labels with errors of variance 1, as a matrix."""
        E, n = self.shape.n_elements, self.shape.functions[0]
        blocks = [prior.form("phi", self.shape.pair_knots[a * E + b], n) for a, b in self.shape.unordered]
        return diagonal([*blocks, sparse.csr_array((self.columns - n * len(blocks),) * 2)])

    def differences(self) -> sparse.csr_array:
        """Sum of squared second differences of coefficients along each direction, as a matrix."""
        return self._penalty(lambda knots, n: _second_differences(n), lambda knots, n: np.eye(n))

    def _penalty(self, bend: Penalty, mass: Penalty) -> sparse.csr_array:
        shape = self.shape
        E = shape.n_elements
        n_pair, n_radial, n_third = shape.functions
        blocks = [bend(shape.pair_knots[a * E + b], n_pair) for a, b in shape.unordered]
        for tensor, (a, b, c) in enumerate(shape.tensors):
            knots = shape.radial_knots[a * E + b], shape.radial_knots[a * E + c], shape.third_knots[tensor]
            sizes = n_radial, n_radial, n_third
            full = sum(
                _kron(*((bend if d == bent else mass)(knots[d], sizes[d]) for d in range(3))) for bent in range(3)
            )
            U = self._unpack(tensor)
            blocks.append(U.T @ full @ U)
        return diagonal([*blocks, np.zeros((E, E))])

    def size(self) -> sparse.csr_array:
        """Sum of squares of all coefficients of splines, as a matrix."""
        free = np.r_[np.ones(self.columns - self.shape.n_elements), np.zeros(self.shape.n_elements)]
        return sparse.csr_array(sparse.diags_array(free))

    def leaning(self, x: np.ndarray) -> Quadratic:
        """A penalty of differences and sizes of φ_ab − ½ (φ_aa + φ_bb) of unlike elements.

        φ_aa and φ_bb are those of coefficients x (columns,), eV: like pairs do not lean on unlike ones, which may
        attract each other where like ones never are.
        """
        n = self.shape.functions[0]
        phi = self.pair_coefficients(x)
        like = phi[[a == b for a, b in self.shape.unordered]]
        form = _second_differences(n) + RIDGE * np.eye(n)
        A, b, c = np.zeros((self.columns, self.columns)), np.zeros(self.columns), 0.0
        for pair, (one, other) in enumerate(self.shape.unordered):
            if one != other:
                own, mean = slice(pair * n, (pair + 1) * n), (like[one] + like[other]) / 2
                A[own, own], b[own] = form, form @ mean
                c += float(mean @ form @ mean)
        return Quadratic(A, b, c)

    def fixed(self, fixed_e0: Sequence[float | None]) -> sparse.csr_array:
        """What keeps given energies of elements, and given φ, where they are (labels are without them), and free
        energies finite.
        """
        hold = np.zeros(self.columns)
        self.pair_coefficients(hold)[list(self.shape.pinned)] = HOLD_FIXED
        hold[-self.shape.n_elements :] = [HOLD_FREE if e0 is None else HOLD_FIXED for e0 in fixed_e0]
        return sparse.csr_array(sparse.diags_array(hold))

    def _unpack(self, tensor: int) -> sparse.csr_array:
        """The map from the unknowns of a tensor to all its free coefficients."""
        _, n_radial, n_third = self.shape.functions
        _, b, c = self.shape.tensors[tensor]
        packed, n = self.packed[tensor], np.arange(len(self.packed[tensor]))
        p, q, t = np.unravel_index(packed, (n_radial, n_radial, n_third))
        if b == c:
            other = p != q
            mirrored = np.ravel_multi_index((q, p, t), (n_radial, n_radial, n_third))[other]
            packed, n = np.r_[packed, mirrored], np.r_[n, n[other]]
        return sparse.csr_array(
            (np.ones(len(packed)), (packed, n)), shape=(n_radial * n_radial * n_third, len(self.packed[tensor]))
        )

    def pair_coefficients(self, x: np.ndarray) -> np.ndarray:
        """Free coefficients of φ, (pairs, functions)."""
        return x[: self.shape.functions[0] * len(self.shape.unordered)].reshape(len(self.shape.unordered), -1)

    def tensor(self, kind: int, x: np.ndarray) -> np.ndarray:
        """All coefficients of a three-body spline, (ij, ik, third), those at its ends included, eV."""
        _, n_radial, n_third = self.shape.functions
        first = self.first[kind]
        free = self._unpack(kind) @ x[first : first + len(self.packed[kind])]
        end = END if self.shape.distance else 0
        return np.pad(free.reshape(n_radial, n_radial, n_third), ((0, END), (0, END), (0, end)))


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


def linear_shape(shape: Shape) -> LinearShape:
    """Of the linear model whose three-body tensor the filters of `shape` are to approximate."""
    three = shape.n3 > 0
    angles = [shape.angle_knots] * (shape.n_elements * len(shape.unordered)) if three else []
    radial = shape.radial_knots if three else []
    how = {"shared": shape.shared, "pinned": shape.pinned}
    return LinearShape(shape.n_elements, shape.pair_knots, radial, angles, distance=False, **how)


def coarsened(shape: Shape, most: int = _MAX_COLUMNS) -> Shape:
    """The shape with as many radial and angular knots as a linear model of at most `most` unknowns can afford.

    Halving the number of intervals keeps splines exact when they are taken back to the full knots.
    """
    E = shape.n_elements

    def columns(radial: int, angles: int) -> int:
        a, c = radial + 2 - END, angles + 2
        if shape.shared:
            return E * a * (a + 1) // 2 * c
        return E * E * a * (a + 1) // 2 * c + E * (E * (E - 1) // 2) * a * a * c

    radial, angles = len(shape.radial_knots[0]), len(shape.angle_knots)
    if columns(radial, angles) > most and radial % 2 and angles % 2:
        radial, angles = (radial + 1) // 2, (angles + 1) // 2
    while columns(radial, angles) > most and radial > 4:
        radial, angles = radial - 1, max(angles - 1, 4)
    radial_knots = [np.linspace(k[0], k[-1], radial) if radial < len(k) else k for k in shape.radial_knots]
    angle_knots = np.linspace(-1, 1, angles) if angles < len(shape.angle_knots) else shape.angle_knots
    return replace(shape, radial_knots=radial_knots, angle_knots=angle_knots)
