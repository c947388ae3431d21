"""Filters ρ_m, f_m, g_m of a potential, apart from what is behind them: fits of other systems start from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from snnp import _core
from snnp.models.gauge import without_floor
from snnp.models.potentials import engine_spline
from snnp.models.shape import Shape, unordered_pairs
from snnp.splines import END, SplineFunction, project

_EXPECTED = "expected a potential of the kind snnp"


@dataclass(frozen=True)
class Filters:
    """Free coefficients of ρ and f by ordered pair of elements (centre × neighbour), of g by centre and unordered pair
    of neighbours: each (functions, filters). Knots: Å, by ordered pair; of g over cos θ. bond_length: for which the
    curves are, Å; 0: it is not known.
    """

    elements: list[str]
    pair_knots: list[np.ndarray]
    rho: list[np.ndarray]
    radial_knots: list[np.ndarray]
    f: list[np.ndarray]
    angle_knots: np.ndarray
    g: list[np.ndarray]
    bond_length: float = 0.0

    @property
    def n2(self) -> int:
        """Number of two-body filters."""
        return self.rho[0].shape[1]

    @property
    def n3(self) -> int:
        """Number of three-body filters."""
        return self.f[0].shape[1]

    @property
    def shared(self) -> bool:
        """Whether all neighbours of a centre have one g_m, and all pairs the same knots (`Shape.shared`)."""
        each = len(unordered_pairs(len(self.elements)))
        same_g = all(np.array_equal(g, self.g[n - n % each]) for n, g in enumerate(self.g))
        return same_g and _all_equal(self.pair_knots) and _all_equal(self.radial_knots)

    def scaled(self, factor: float) -> "Filters":
        """The same curves over distances that are longer by a factor."""
        longer = [[factor * k for k in knots] for knots in (self.pair_knots, self.radial_knots)]
        return replace(self, pair_knots=longer[0], radial_knots=longer[1])

    def of(self, elements: Sequence[str], sources: Mapping[str, str], shared: bool) -> "Filters":
        """Filters for other elements, each in place of one that these filters are of: `sources`.

        shared: with the same knots for all pairs, and one g for all neighbours of a centre. Where these filters are not
        shared themselves, all neighbours then get the curves of two atoms of the centre's element.
        """
        of = [self.elements.index(sources[symbol]) for symbol in elements]
        here = self if self.shared or not shared else self._on_common_knots()
        E, E_there = len(of), len(self.elements)
        there = unordered_pairs(E_there)
        alike = shared and not self.shared
        pairs = [of[a] * E_there + (of[a] if alike else of[b]) for a in range(E) for b in range(E)]
        triples = []
        for a in range(E):
            for b, c in unordered_pairs(E):
                neighbors = (of[a], of[a]) if shared else tuple(sorted((of[b], of[c])))
                triples.append(of[a] * len(there) + there.index(neighbors))
        return Filters(
            list(elements),
            [here.pair_knots[n] for n in pairs],
            [here.rho[n] for n in pairs],
            [here.radial_knots[n] for n in pairs],
            [here.f[n] for n in pairs],
            here.angle_knots,
            [here.g[n] for n in triples],
        )

    def _on_common_knots(self) -> "Filters":
        pair_knots, rho = _on_common(self.pair_knots, self.rho)
        radial_knots, f = _on_common(self.radial_knots, self.f)
        return replace(self, pair_knots=pair_knots, rho=rho, radial_knots=radial_knots, f=f)

    def shape(self, shape: Shape) -> Shape:
        """A shape with the knots and the numbers of these filters, which are for its elements; φ has the knots of ρ."""
        return replace(
            shape,
            n2=self.n2,
            n3=self.n3,
            pair_knots=self.pair_knots,
            radial_knots=self.radial_knots,
            angle_knots=self.angle_knots,
        )


def filters_of(potential: _core.Potential) -> Filters:
    """The filters of a potential; raises ValueError if a fit cannot start from them."""
    if not potential.n2 + potential.n3:
        raise ValueError(f"there are no filters: {_EXPECTED}")
    if any(len(e.density) for e in potential.elements) or any(t.knots_ij for t in potential.V):
        raise ValueError(f"there are densities or tensors, as of the kinds eam, smeam and uf3: {_EXPECTED}")
    p = without_floor(potential)
    E = len(p.elements)
    phi = [p.pairs[p.pair_index(a, b)].phi for a in range(E) for b in range(E)]
    names = [f"{p.elements[a].name} {p.elements[b].name}" for a in range(E) for b in range(E)]
    pair_knots, rho = _tables(p.rho, p.n2, "rho", names, [s.knots for s in phi])
    radial_knots, f = _tables(p.f, p.n3, "f", names, pair_knots)
    unordered = unordered_pairs(E)
    order = [p.triplet_index(a, b, c) for a in range(E) for b, c in unordered]
    angular = [p.g[n * p.n3 + m] for n in order for m in range(p.n3)]
    angle_knots, g = _tables(angular, p.n3, "g", [""] * len(order), [np.linspace(-1, 1, 4)] * len(order), end=0)
    if not _all_equal(angle_knots):
        raise ValueError("the functions g have different knots: expected the same for all")
    for a, b in unordered:
        if not np.array_equal(pair_knots[a * E + b], pair_knots[b * E + a]):
            raise ValueError(f"knots of rho of {names[a * E + b]} depend on the order of the elements")
    return Filters([e.name for e in p.elements], pair_knots, rho, radial_knots, f, angle_knots[0], g)


def _tables(splines: Sequence[_core.Spline], n: int, name: str, of: Sequence[str], otherwise, end: int = END):
    """Knots and coefficients (functions, n) of n splines for each pair or triple; `otherwise`: knots if n is 0."""
    knots, tables = [], []
    for table, where in enumerate(of):
        here = splines[table * n : (table + 1) * n]
        if not _all_equal([s.knots for s in here]):
            raise ValueError(f"the functions {name} of {where} have different knots: expected the same for all")
        coefficients = np.array([s.coefficients for s in here]).T
        if n and end and np.any(coefficients[-end:]):
            raise ValueError(f"{name} of {where} does not end with zero curvature, as those of the kind snnp do")
        knots.append(np.array(here[0].knots if n else otherwise[table]))
        tables.append(coefficients[: len(coefficients) - end] if n else np.zeros((len(knots[-1]) + 2 - end, 0)))
    if len({len(k) for k in knots}) > 1:
        raise ValueError(f"the functions {name} have different numbers of knots: expected the same for all elements")
    return knots, tables


def _all_equal(knots: Sequence) -> bool:
    return all(np.array_equal(k, knots[0]) for k in knots)


def _on_common(knots: Sequence[np.ndarray], tables: Sequence[np.ndarray]):
    """All splines on knots from the first to the last one of any pair, as close as these come."""
    if _all_equal(knots):
        return list(knots), list(tables)
    common = np.linspace(min(k[0] for k in knots), max(k[-1] for k in knots), len(knots[0]))
    return [common] * len(knots), [_moved(k, c, common) for k, c in zip(knots, tables, strict=True)]


def _moved(old: np.ndarray, coefficients: np.ndarray, new: np.ndarray) -> np.ndarray:
    curves = [SplineFunction(engine_spline(old, c, END)) for c in coefficients.T]
    return project(lambda x: np.array([s(x) for s in curves]).reshape(-1, len(x)).T, new, len(coefficients))
