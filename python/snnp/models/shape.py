"""The size of a model: elements, knots, numbers of filters. Needs no PyTorch."""

from dataclasses import dataclass, field

import numpy as np

from snnp import _core
from snnp.splines import END


def unordered_pairs(n: int) -> list[tuple[int, int]]:
    """The unordered pairs (a ≤ b) of n elements, in the order of a potential file."""
    return [(a, b) for a in range(n) for b in range(a, n)]


def own_parts(n: int) -> np.ndarray:
    """What takes φ of all unordered pairs of n elements to φ_aa and own parts φ_ab − ½ (φ_aa + φ_bb), (pairs, pairs).

    With own parts of zero, an unlike pair is the mean of the like ones.
    """
    pairs = unordered_pairs(n)
    B = np.eye(len(pairs))
    for row, (a, b) in zip(B, pairs, strict=True):
        if a != b:
            row[[pairs.index((a, a)), pairs.index((b, b))]] = -0.5
    return B


@dataclass
class FourBodyShape:
    """What is fixed of four-body terms: see `_core.FourBody`. Distances in Å; weights: (mixtures, elements)."""

    degree: int
    radial: int
    weights: list[list[float]]
    inner: float
    outer: float
    cutoff: float

    @property
    def count(self) -> int:
        """Number of invariants of an atom."""
        return _core.four_body_count(self.degree, self.radial * len(self.weights))


@dataclass
class Shape:
    """What is fixed before a fit begins. Distances in Å.

    pair_knots (of φ and ρ) and radial_knots (of f, or of r_ij and r_ik) hold knots by ordered pair of elements
    (centre × neighbour); pair_knots must be the same in both orders, since φ is.
    rho_knots: of ρ, by ordered pair; empty: those of φ.
    jk_knots: of r_jk, by centre and unordered pair of neighbours, if there are tensor-product splines.
    shared: whether neighbours of all elements share g_m of a centre and have combinations of its curves ρ_m and f_m;
    all pairs then have the same knots, and φ of unlike elements leans on those of like ones (`own_parts`).
    zbl: inner and outer radius of the ZBL switch by unordered pair, or None.
    four_body: four-body terms; None: there are none.
    pinned: unordered pairs, by number, whose φ is given and no part of the model, where it is 0.
    end: coefficients that are 0 at the end of φ, ρ and f: 3 for value, slope and curvature, 2 for value and slope.
    """

    elements: list[str]
    n2: int
    n3: int
    pair_knots: list[np.ndarray]
    zbl: list[tuple[float, float] | None]
    radial_knots: list[np.ndarray] = field(default_factory=list)
    angle_knots: np.ndarray = field(default_factory=lambda: np.linspace(-1, 1, 4))
    rho_knots: list[np.ndarray] = field(default_factory=list)
    jk_knots: list[np.ndarray] = field(default_factory=list)
    end: int = END
    hidden: list[int] = field(default_factory=list)
    activation: str = "tanh"
    shortest: list[float] = field(default_factory=list)
    shared: bool = False
    pinned: list[int] = field(default_factory=list)
    four_body: FourBodyShape | None = None

    def __post_init__(self):
        E = len(self.elements)
        for a, b in self.unordered:
            if not np.array_equal(self.pair_knots[a * E + b], self.pair_knots[b * E + a]):
                raise ValueError(f"pair knots of {self.elements[a]} and {self.elements[b]} depend on their order")

    @property
    def n_elements(self) -> int:
        """Number of elements."""
        return len(self.elements)

    @property
    def filters(self) -> int:
        """Number of inputs of the embedding, n2 + n3."""
        return self.n2 + self.n3

    @property
    def unordered(self) -> list[tuple[int, int]]:
        """The unordered pairs of elements, in the order of a potential file."""
        return unordered_pairs(self.n_elements)

    @property
    def functions(self) -> tuple[int, int, int]:
        """Numbers of free coefficients of a pair spline, a radial and an angular one."""
        radial = len(self.radial_knots[0]) + 2 - self.end if self.radial_knots else 0
        return len(self.pair_knots[0]) + 2 - self.end, radial, len(self.angle_knots) + 2

    @property
    def cutoff(self) -> float:
        """Largest cutoff, Å."""
        knots = max(k[-1] for k in (*self.pair_knots, *self.rho_knots, *self.radial_knots))
        return max(knots, self.four_body.cutoff if self.four_body else 0.0)
