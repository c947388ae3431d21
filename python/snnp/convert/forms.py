"""A potential reduced to what classical formats know: pair functions, one density and its embedding, triplets.

Filters that enter the density or the energy linearly are added up, so that many potentials fit into few functions:

    E   = Σ_i e0 + ½ Σ_{i≠j} φ(r_ij) + Σ_i [U(n_i) − U(0)] + Σ_i Σ_{linear} Σ_{j<k} f f g
    n_i = Σ_j ρ(r_ij) + Σ_{dense} Σ_{j<k} f f g
"""

from dataclasses import dataclass

import numpy as np

from snnp import _core
from snnp.convert.base import ConvertError
from snnp.convert.splines import Cubic


@dataclass
class Triplets:
    """f by ordered pair (centre, neighbour) and g, scaled, by centre and unordered pair of neighbours."""

    f: list[Cubic]
    g: list[Cubic]


@dataclass
class Form:
    """See above; ρ (by ordered pair) and U (by element) are None if there is no density."""

    p: _core.Potential
    elements: list[str]
    e0: list[float]
    phi: list[Cubic]
    rho: list[Cubic] | None
    U: list[Cubic] | None
    dense: list[Triplets]
    linear: list[Triplets]

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """The unordered pairs of elements, by index."""
        n = len(self.elements)
        return [(a, b) for a in range(n) for b in range(a, n)]

    def zbl(self, a: int, b: int) -> "Zbl | None":
        """The ZBL repulsion of two elements (by index); None: there is none."""
        zbl = Zbl(self.p, a, b)
        return zbl if zbl.outer else None

    def name(self, n: int) -> str:
        """The pair of elements of φ number n, for messages."""
        return "-".join(self.elements[k] for k in self.pairs[n])


def reduce(p: _core.Potential, target: str) -> Form:
    """The potential in the form above; refuses networks and four-body terms, which no format but
    our own holds."""
    for e in p.elements:
        if e.network.layers:
            raise ConvertError(f"the energy of {e.name} is a neural network on filters, which {target} cannot hold")
        if e.four_body.radial:
            raise ConvertError(f"{e.name} has four-body terms, which {target} cannot hold")
    E = len(p.elements)
    embedded = any(e.density for e in p.elements)
    density = np.array([e.density or [0.0] * (p.n2 + p.n3) for e in p.elements]).reshape(E, -1)
    linear = np.array([e.linear for e in p.elements]).reshape(E, -1)
    # A linear part along the density belongs into U.
    along = [_along(density[a, p.n2 :], linear[a, p.n2 :]) for a in range(E)]
    linear = linear - np.array(along)[:, None] * density
    rho, pairs, splines_g, splines_f = p.rho, p.pairs, p.g, p.f
    phi = []
    for a in range(E):
        for b in range(a, E):
            terms = [(1.0, pairs[p.pair_index(a, b)].phi)]
            for m in range(p.n2):
                terms.append((linear[a, m], rho[p.ordered_index(a, b) * p.n2 + m]))
                terms.append((linear[b, m], rho[p.ordered_index(b, a) * p.n2 + m]))
            phi.append(total(terms))
    form = Form(p, [e.name for e in p.elements], [e.e0 for e in p.elements], phi, None, None, [], [])
    if embedded:
        form.rho = [
            total([(density[a, m], rho[p.ordered_index(a, b) * p.n2 + m]) for m in range(p.n2)], p.cutoff())
            for a in range(E)
            for b in range(E)
        ]
        form.U = [_embedding(e, along[a]) for a, e in enumerate(p.elements)]
    for m in range(p.n3):
        f = [Cubic.of(s) for s in splines_f[m :: p.n3]]
        g = [Cubic.of(s) for s in splines_g[m :: p.n3]]
        for weights, found in ((density, form.dense), (linear, form.linear)):
            if np.any(weights[:, p.n2 + m]):
                scaled = [s.scaled(weights[n // len(pairs), p.n2 + m]) for n, s in enumerate(g)]
                found.append(Triplets(f, scaled))
    return form


def _along(density: np.ndarray, linear: np.ndarray) -> float:
    """The slope κ of a linear part κ · density: that of the first triplets in the density."""
    inside = np.nonzero(density)[0]
    return float(linear[inside[0]] / density[inside[0]]) if len(inside) else 0.0


def _embedding(e: _core.Element, slope: float) -> Cubic:
    U = Cubic.of(e.U) if e.density else Cubic.line(0.0, 1.0, 0.0, 0.0)
    return U.plus_line(slope)


def total(terms: list[tuple[float, _core.Spline]], cutoff: float = 1.0) -> Cubic:
    """A weighted sum of functions of distance."""
    functions = [Cubic.of(s).scaled(w) for w, s in terms if w != 0]
    if not functions:
        return Cubic.line(0.5 * cutoff, cutoff, 0.0, 0.0)
    begin, end = min(s.front for s in functions), max(s.back for s in functions)
    functions = [zero_above(s if s.front == begin else s.to_below(begin), end) for s in functions]
    result = functions[0]
    for s in functions[1:]:
        result = result + s
    return result


def zero_above(s: Cubic, end: float) -> Cubic:
    """A function that ends with value and slope zero, on a wider interval."""
    if s.back >= end:
        return s
    zeros = np.zeros_like(s.c[0, 0])
    return s.joined(Cubic.line(s.back, end, zeros, zeros))


def used(form: Form) -> bool:
    """Whether there is anything beyond a pair potential."""
    return bool(form.dense or form.linear or form.p.V or (form.rho is not None))


@dataclass
class Zbl:
    """ZBL(r) s(r) of two elements of a potential, as docs/potential_file.md has it."""

    p: _core.Potential
    a: int
    b: int

    @property
    def outer(self) -> float:
        """Where it ends, Å."""
        return self.p.pairs[self.p.pair_index(self.a, self.b)].zbl_outer

    def __call__(self, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Values (eV) and slopes (eV/Å) at distances of any shape (Å)."""
        return self.p.repulsion(self.a, self.b, r)


def with_zbl(phi: Cubic, zbl: Zbl | None, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """φ + ZBL, eV, and its slope, eV/Å, at distances r > 0, Å, of any shape; zero beyond the end of φ."""
    r = np.asarray(r, dtype=float)
    value, slope = phi(r), phi(r, 1)
    value, slope = np.where(r > phi.back, 0.0, value), np.where(r > phi.back, 0.0, slope)
    if zbl is not None:
        v, s = zbl(r)
        value, slope = value + v, slope + s
    return value, slope
