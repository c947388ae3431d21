"""How alike two potentials are, curve by curve: a number for each and a picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from scipy.optimize import linear_sum_assignment

from snnp import _core
from snnp.analysis.coverage import Histogram
from snnp.analysis.interactions import angle_energy, bond_energy
from snnp.analysis.panels import COLORS, DASHES, Panel, angle_axis, draw_data, fit_to_data, legend
from snnp.analysis.reading import Reading
from snnp.analysis.spline_plots import pairs, triplets
from snnp.splines import SplineFunction

_DRAWN = 4  # filters, of those that carry most


@dataclass(frozen=True)
class Likeness:
    """Of a curve of the first potential and its partner in the second; None: it has none.

    cosine: ⟨x y⟩ / √(⟨x²⟩ ⟨y²⟩) over the distances or angles of the data: 1 is the same curve but for its scale; of
    a three-body filter the product for f and g; of a filter without its sign, which the embedding can undo.
    difference: root mean square over the same, eV, where curves are energies; NaN: they are filters.
    """

    name: str
    partner: str | None
    cosine: float
    difference: float = np.nan


@dataclass
class _Pair:
    """Values of one curve in both potentials, at the middles of the bins of data."""

    panel: str
    title: str
    x: np.ndarray
    values: tuple[np.ndarray, np.ndarray]
    data: Histogram
    angular: bool

    @property
    def cosine(self) -> float:
        return _cosine([self.data.counts], *([v] for v in self.values))

    @property
    def difference(self) -> float:
        return float(np.sqrt(np.average((self.values[0] - self.values[1]) ** 2, weights=self.data.counts)))


def alike(a: Reading, b: Reading) -> list[Likeness]:
    """Both in the standard gauge and read with the same data. Raises ValueError for other elements.

    Bonds and angles to first order come first, as they do not depend on how filters are written; then the filters of
    the first, each with its partner: that choice, one to one, for which the sum of likenesses is largest.
    """
    if a.names != b.names:
        raise ValueError(f"elements {' '.join(a.names)} and {' '.join(b.names)}: expected the same, in one order")
    found = [Likeness(pair.title, pair.title, pair.cosine, pair.difference) for pair in _interactions(a, b)]
    for likeness, names, others in (
        (_two_body(a, b), a.filter_names[: a.potential.n2], b.filter_names[: b.potential.n2]),
        (_three_body(a, b), a.filter_names[a.potential.n2 :], b.filter_names[b.potential.n2 :]),
    ):
        partners = dict(zip(*linear_sum_assignment(-likeness), strict=True)) if likeness.size else {}
        for m, name in enumerate(names):
            n = partners.get(m)
            found.append(Likeness(name, None if n is None else others[n], 0.0 if n is None else float(likeness[m, n])))
    return found


def energy_difference(a: Reading, b: Reading) -> float:
    """Root mean square difference of atomic energies over the data, without a shift of each element, eV."""
    difference = a.about_means(sum(a.terms.values()) - sum(b.terms.values()))
    return float(np.sqrt((difference**2).mean()))


def likeness_panels(a: Reading, b: Reading, names: tuple[str, str], found: Sequence[Likeness]) -> Iterator[Panel]:
    """Curves of both in one panel: bonds, angles, and the filters that carry most in the first."""
    for pair in _interactions(a, b):
        yield _panel(pair, names, "energy, eV")
    partners = {one.name: one for one in found}
    for m in a.leading[:_DRAWN]:
        one = partners[a.filter_names[m]]
        if one.partner:
            for pair in _filter_pairs(a, b, m, b.filter_names.index(one.partner)):
                yield _panel(pair, names, "largest: 1")


# -- curves of both -----------------------------------------------------------------------------------------------


def _middles(data: Histogram) -> np.ndarray:
    return (data.edges[1:] + data.edges[:-1]) / 2


def _interactions(a: Reading, b: Reading) -> Iterator[_Pair]:
    p, names = a.potential, a.names
    for i, j in pairs(p):
        data = a.coverage.distances[p.ordered_index(i, j)]
        if data.seen:
            r = _middles(data)
            values = bond_energy(a, i, j, r), bond_energy(b, i, j, r)
            name = f"{names[i]}–{names[j]}"
            yield _Pair(f"alike_bond_{name.replace('–', '-')}", f"bond {name}", r, values, data, False)
    for abc in triplets(p):
        data = a.coverage.first_cosines[p.triplet_index(*abc)]
        if data.seen:
            cosine = _middles(data)
            near = [a.coverage.nearest[p.ordered_index(abc[0], x)] for x in abc[1:]]
            values = tuple(angle_energy(each, abc, *near, cosine) for each in (a, b))
            centre, *others = (names[x] for x in abc)
            title = f"angle, {centre} between {others[0]} and {others[1]}"
            yield _Pair(f"alike_angle_{'-'.join([centre, *others])}", title, cosine, values, data, True)


def _filter_pairs(a: Reading, b: Reading, m: int, n: int) -> Iterator[_Pair]:
    """ρ, or f and g, where the data have most."""
    p, q = a.potential, b.potential
    k = int(np.argmax([data.counts.sum() for data in a.coverage.distances]))
    data = a.coverage.distances[k]
    names = [f"{c}: {other}" for c in a.names for other in a.names] if len(a.names) > 1 else [""]
    where, own, other = f" {names[k]}".rstrip(), a.filter_names[m].split(), b.filter_names[n].split()
    if m < p.n2:
        yield _both(own[0], other[0] + where, p.rho[k * p.n2 + m], q.rho[k * q.n2 + n], data, False)
        return
    m, n = m - p.n2, n - q.n2
    yield _both(own[0], other[0] + where, p.f[k * p.n3 + m], q.f[k * q.n3 + n], data, False)
    k = int(np.argmax([data.counts.sum() for data in a.coverage.cosines]))
    yield _both(own[1], other[1], p.g[k * p.n3 + m], q.g[k * q.n3 + n], a.coverage.cosines[k], True)


def _both(own: str, other: str, s: _core.Spline, t: _core.Spline, data: Histogram, angular: bool) -> _Pair:
    x = _middles(data)
    one, two = SplineFunction(s)(x), SplineFunction(t)(x)
    if _cosine([data.counts], [one], [two]) < 0:
        two = -two
    return _Pair(f"alike_{own}", f"{own} and {other}", x, (one, two), data, angular)


def _cosine(weights: Sequence[np.ndarray], some: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> float:
    w, x, y = np.concatenate(weights), np.concatenate(some), np.concatenate(others)
    size = np.sqrt((w * x * x).sum() * (w * y * y).sum())
    return float((w * x * y).sum() / size) if size else 0.0


def _table(data: list[Histogram], some: Sequence[_core.Spline], others: Sequence[_core.Spline], count: int, n: int):
    """|cosine| of all filters of both, (count, n), over all elements together."""
    weights, x = [d.counts for d in data], [_middles(d) for d in data]
    own = [[SplineFunction(some[k * count + m])(r) for k, r in enumerate(x)] for m in range(count)]
    other = [[SplineFunction(others[k * n + m])(r) for k, r in enumerate(x)] for m in range(n)]
    return np.array([[abs(_cosine(weights, u, v)) for v in other] for u in own]).reshape(count, n)


def _two_body(a: Reading, b: Reading) -> np.ndarray:
    p, q = a.potential, b.potential
    return _table(a.coverage.distances, p.rho, q.rho, p.n2, q.n2)


def _three_body(a: Reading, b: Reading) -> np.ndarray:
    p, q = a.potential, b.potential
    radial = _table(a.coverage.distances, p.f, q.f, p.n3, q.n3)
    return radial * _table(a.coverage.cosines, p.g, q.g, p.n3, q.n3)


def _panel(pair: _Pair, names: tuple[str, str], ylabel: str) -> Panel:
    def draw(axes: Axes) -> None:
        for n, (name, values) in enumerate(zip(names, pair.values, strict=True)):
            axes.plot(pair.x, values, lw=1.5, color=COLORS[n], ls=DASHES[n], label=name, zorder=3)
        low, high = (-1.0, 1.0) if pair.angular else (pair.data.seen[0] * 0.95, pair.data.edges[-1])
        axes.axhline(0, color="black", lw=0.4)
        axes.set(xlim=(low, high), ylabel=ylabel, xlabel="r, Å")
        fit_to_data(axes, pair.x, pair.values, pair.data)
        draw_data(axes, pair.data, low, high)
        if pair.angular:
            angle_axis(axes)
        legend(axes)

    title = f"{pair.title}: {pair.cosine:.3f}"
    return Panel(pair.panel, title, f"{pair.title} of {names[0]} and {names[1]}: likeness {pair.cosine:.3f}.", draw)
