"""The picture of a potential: each spline over the data that determine it, the filters that count marked."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.interpolate import BSpline

from snnp import _core
from snnp.analysis.coverage import Coverage, Histogram, coverage
from snnp.models.gauge import contributions, embedding, filters, without_floor
from snnp.splines import clamped

# Of the variance of the energies that filters explain: those that together have so much are labelled.
_MOST = 0.9
_LABELLED = 7  # at most: that many lines can be told apart
_MAX_PANELS = 6  # side by side
# Each filter by colour (Okabe and Ito) and by dashes, so that grey prints can be read.
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (9, 2)), (0, (3, 1, 1, 3)))
_ANGLES = (180, 120, 90, 60, 30)  # degrees


@dataclass
class _Curve:
    spline: _core.Spline
    factor: float = 1.0
    label: str = ""  # of a filter that counts
    style: int = 0


@dataclass
class _Panel:
    title: str
    xlabel: str
    draw: Callable[[Axes], None]


@dataclass
class _Statistics:
    """Of the atoms of each element: mean ∂E/∂G, eV, and shares of filters, both (elements, n2 + n3)."""

    slopes: np.ndarray
    shares: np.ndarray

    @staticmethod
    def of(p: _core.Potential, structures: Sequence[_core.Structures]) -> "_Statistics":
        slopes, squares = np.zeros((2, len(p.elements), p.n2 + p.n3))
        if p.n2 + p.n3:
            G, kinds = filters(p, structures)
            for a in np.unique(kinds):
                here = kinds == a
                slopes[a] = embedding(p.elements[a], G[here])[1].mean(0)
                squares[a] = contributions(p, G[here], kinds[here]) ** 2
        return _Statistics(slopes, squares / np.maximum(squares.sum(1, keepdims=True), 1e-300))


@dataclass
class _Picture:
    """A potential with what the data say of it, if there are any."""

    p: _core.Potential
    statistics: _Statistics | None = None
    coverage: Coverage | None = None
    names: list[str] = field(init=False)

    def __post_init__(self):
        self.names = [e.name for e in self.p.elements]


def splines(potential: _core.Potential, structures: Sequence[_core.Structures] = ()) -> Figure:
    """All splines of a potential: φ by pair, ρ, f and g by centre and neighbours, U by element; and slices of V.

    structures: its training data or a sample, with neighbours as far as the potential reaches. With them ρ is drawn
    times the mean ∂E/∂G of the filter, eV, f times the square root of its size, and g with its sign; grey areas are
    distributions of distances and angles, and hatching shows where there are none. Numbers of filters are those of the
    file (without those of a floor), which in the standard gauge (`snnp.models.gauge`) are by contribution.
    """
    p = without_floor(potential)
    picture = _Picture(p)
    if structures:
        picture = _Picture(p, _Statistics.of(p, structures), coverage(p, structures))
    rows = [row[n : n + _MAX_PANELS] for row in _rows(picture) for n in range(0, len(row), _MAX_PANELS)]
    if max(map(len, rows)) == 1:
        panels = [panel for row in rows for panel in row]
        rows = [panels[n : n + 2] for n in range(0, len(panels), 2)]
    columns = max(map(len, rows))
    figure = Figure(figsize=(max(3.6 * columns, 6.4), 2.8 * len(rows) + 0.7), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes_row, row in zip(grid, rows, strict=True):
        for axes in axes_row[len(row) :]:
            axes.axis("off")
        for axes, panel in zip(axes_row, row, strict=False):
            axes.tick_params(labelsize=7)
            panel.draw(axes)
            axes.set_title(panel.title, fontsize=9)
            axes.set_xlabel(panel.xlabel, fontsize=8)
    figure.supxlabel(_legend(picture), fontsize=7, x=0.01, ha="left")
    return figure


def _legend(picture: _Picture) -> str:
    lines = ["Ticks at the bottom: knots."]
    if picture.coverage is not None:
        lines[0] += " Grey area: how often the data have this distance or angle; hatched: never."
        if picture.p.n2 + picture.p.n3:
            lines += [
                f"Labelled: filters that carry {_percent(_MOST)} of the variance of energies that filters explain"
                f" (at most {_LABELLED}), with their share.",
                "ρ times the mean ∂E/∂G: eV per neighbour. f times its root: f(r)² g(θ) is eV of two neighbours at r.",
            ]
    return "\n".join(lines)


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"


# -- panels -------------------------------------------------------------------------------------------------------


def _rows(picture: _Picture) -> Iterator[list[_Panel]]:
    p, names = picture.p, picture.names
    n = len(names)
    pairs = [(a, b) for a in range(n) for b in range(a, n)]
    known = picture.coverage

    def distances(a: int, b: int) -> Histogram | None:
        return known and known.distances[p.ordered_index(a, b)]

    yield [
        _radial(f"φ, {names[a]}–{names[b]}", "φ, eV", [_Curve(p.pairs[p.pair_index(a, b)].phi)], distances(a, b))
        for a, b in pairs
    ]
    ordered = [(a, b) for a in range(n) for b in range(n)]
    if p.n2:
        unit = "eV" if known else "filter units"
        yield [
            _radial(
                f"ρ, centre {names[a]}, neighbour {names[b]}{_together(picture, a, 0, p.n2)}",
                f"ρ, {unit}",
                _rho(picture, a, b),
                distances(a, b),
            )
            for a, b in ordered
        ]
    triplets = [(a, b, c) for a in range(n) for b, c in pairs]
    titles = [f"{names[a]} between {names[b]} and {names[c]}" for a, b, c in triplets]
    if p.n3:
        unit = "√eV" if known else "√(filter units)"
        yield [
            _radial(
                f"f, centre {names[a]}, neighbour {names[b]}{_together(picture, a, p.n2, p.n2 + p.n3)}",
                f"f, {unit}",
                _f(picture, a, b),
                distances(a, b),
            )
            for a, b in ordered
        ]
        yield [_angular(f"g, {title}", picture, *abc) for title, abc in zip(titles, triplets, strict=True)]
    yield [
        _Panel(f"U, {e.name}", "density", lambda axes, e=e: _draw(axes, "U, eV", [_Curve(e.U)], None))
        for e in p.elements
        if len(e.density)
    ]
    yield [_slice(f"V(r, r, θ), eV, {title}", V) for title, V in zip(titles, p.V, strict=False) if V.knots_ij]


def _rho(picture: _Picture, a: int, b: int) -> list[_Curve]:
    k = picture.p.ordered_index(a, b) * picture.p.n2
    return [_Curve(picture.p.rho[k + m], _slope(picture, a, m), *_label(picture, a, m)) for m in range(picture.p.n2)]


def _f(picture: _Picture, a: int, b: int) -> list[_Curve]:
    n2, n3 = picture.p.n2, picture.p.n3
    k = picture.p.ordered_index(a, b) * n3
    return [
        _Curve(picture.p.f[k + m], np.sqrt(abs(_slope(picture, a, n2 + m))), *_label(picture, a, n2 + m))
        for m in range(n3)
    ]


def _slope(picture: _Picture, a: int, m: int) -> float:
    """The mean ∂E/∂G, eV; 1 if there are no data."""
    return 1.0 if picture.statistics is None else float(picture.statistics.slopes[a, m])


def _label(picture: _Picture, a: int, m: int) -> tuple[str, int]:
    """A text with the share of a filter that is among those that carry most, and its number among them."""
    if picture.statistics is None:
        return "", 0
    shares = picture.statistics.shares[a]
    order = np.argsort(-shares, kind="stable")
    carry = order[: np.searchsorted(np.cumsum(shares[order]), _MOST) + 1][:_LABELLED]
    if m not in carry or shares[m] == 0:
        return "", 0
    number = m + 1 if m < picture.p.n2 else m + 1 - picture.p.n2
    return f"{number}: {_percent(shares[m])}", int(np.nonzero(carry == m)[0][0])


def _together(picture: _Picture, a: int, first: int, last: int) -> str:
    """What filters from `first` up to `last` carry, where none of them is labelled."""
    if picture.statistics is None or any(_label(picture, a, m)[0] for m in range(first, last)):
        return ""
    return f"\nall together {_percent(picture.statistics.shares[a, first:last].sum())}"


def _radial(title: str, ylabel: str, curves: list[_Curve], data: Histogram | None) -> _Panel:
    return _Panel(title, "r, Å", lambda axes: _draw(axes, ylabel, curves, data))


def _angular(title: str, picture: _Picture, a: int, b: int, c: int) -> _Panel:
    p, k = picture.p, picture.p.triplet_index(a, b, c)
    signs = [1.0 if _slope(picture, a, p.n2 + m) >= 0 else -1.0 for m in range(p.n3)]
    curves = [_Curve(p.g[k * p.n3 + m], signs[m], *_label(picture, a, p.n2 + m)) for m in range(p.n3)]

    def draw(axes: Axes) -> None:
        _draw(axes, "g", curves, picture.coverage and picture.coverage.cosines[k])
        axes.set_xticks(np.cos(np.radians(_ANGLES)), [f"{angle}°" for angle in _ANGLES])

    return _Panel(title, "θ, even in cos θ", draw)


# -- drawing ------------------------------------------------------------------------------------------------------


def _draw(axes: Axes, ylabel: str, curves: list[_Curve], data: Histogram | None) -> None:
    first, last = curves[0].spline.knots[0], max(c.spline.knots[-1] for c in curves)
    x = np.linspace(first, last, 300)
    values = [np.where(x <= c.spline.knots[-1], c.factor * c.spline(x), np.nan) for c in curves]
    for c, y in zip(curves, values, strict=True):
        if not c.label and len(curves) > 1:
            axes.plot(x, y, lw=0.6, color="#888888", zorder=2)
    for c, y in zip(curves, values, strict=True):
        if c.label or len(curves) == 1:
            color, dashes = _COLORS[c.style % len(_COLORS)], _DASHES[c.style % len(_DASHES)]
            axes.plot(x, y, lw=1.5, color=color, ls=dashes, label=c.label or None, zorder=3)
    axes.axhline(0, color="black", lw=0.4, zorder=1)
    axes.set_ylabel(ylabel, fontsize=8)
    if any(c.label for c in curves):
        axes.legend(fontsize=6, handlelength=3.5, labelspacing=0.2, framealpha=0.7)
    across = axes.get_xaxis_transform()
    knots = np.unique(np.concatenate([c.spline.knots for c in curves]))
    axes.vlines(knots, 0, 0.03, color="black", lw=0.7, transform=across, zorder=4)
    axes.set_xlim(first, last)
    seen = data and data.seen
    if seen:
        heights = np.repeat(0.35 * data.counts / data.counts.max(), 2)
        area = {"step": None, "color": "#dddddd", "lw": 0, "transform": across, "zorder": 0}
        axes.fill_between(np.repeat(data.edges, 2)[1:-1], 0, heights, **area)
        within = (x >= seen[0]) & (x <= seen[1])
        _limit(axes, [y[within] for y in values])
    if data:
        low, high = seen or (last, last)
        for begin, end in ((first, min(low, last)), (max(high, first), last)):
            if end > begin:
                axes.axvspan(begin, end, facecolor="none", edgecolor="#bbbbbb", hatch="////", lw=0, zorder=0)


def _limit(axes: Axes, values: list[np.ndarray]) -> None:
    """Makes the axis fit the curves where there are data: beyond them they may be anything."""
    values = np.concatenate([*values, [0.0]])
    low, high = np.nanmin(values), np.nanmax(values)
    margin = 0.08 * (high - low) or 1e-3
    axes.set_ylim(low - margin, high + margin)


def _slice(title: str, V: _core.Tensor) -> _Panel:
    """V of triangles with r_ij = r_ik = r, over their length and the angle between them."""
    r = np.linspace(max(V.knots_ij[0], V.knots_ik[0]), min(V.knots_ij[-1], V.knots_ik[-1]), 120)
    angle = np.linspace(30, 180, 121)
    opposite = 2 * r[:, None] * np.sin(np.radians(angle) / 2)
    jk = V.knots_jk
    seen = (opposite >= jk[0]) & (opposite <= jk[-1])
    functions = [_basis(V.knots_ij, r), _basis(V.knots_ik, r), _basis(jk, np.clip(opposite, jk[0], jk[-1]).ravel())]
    c = np.reshape(V.coefficients, [f.shape[1] for f in functions])
    radial = np.einsum("ra,rb,abc->rc", functions[0], functions[1], c)
    values = np.einsum("rc,rtc->rt", radial, functions[2].reshape(len(r), len(angle), -1))
    values = np.where(seen, values, np.nan)
    # Triangles at the edge of the data may stand out: the colours are for the others.
    most = max(np.nanquantile(np.abs(values), 0.98), 1e-12)

    def draw(axes: Axes) -> None:
        mesh = axes.pcolormesh(r, angle, values.T, cmap="RdBu_r", vmin=-most, vmax=most, rasterized=True)
        axes.figure.colorbar(mesh, ax=axes).ax.tick_params(labelsize=7)
        axes.set_ylabel("θ, °", fontsize=8)

    return _Panel(title, "r, Å", draw)


def _basis(knots, x: np.ndarray) -> np.ndarray:
    """All B-spline basis functions at x, (x, functions)."""
    knots = np.asarray(knots)
    return BSpline(clamped(knots), np.eye(len(knots) + 2), 3)(x)
