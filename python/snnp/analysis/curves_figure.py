"""The curves of a potential as a figure for a paper: units, knots, and the distribution of the data under each."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snnp import _core
from snnp.analysis.reading import Reading

_STYLES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)))  # told apart without colour
_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
_COLUMNS = 4
_BINS = 120


@dataclass
class _Panel:
    title: str
    x: str
    y: str
    curves: list[tuple[str, _core.Spline]]
    data: np.ndarray


def curves_figure(reading: Reading) -> Figure:
    """φ, U, and ρ, f and g of the filters that carry 90 % of the contributions; then what each filter and part adds."""
    panels: list[_Panel | Callable[[Axes], None]] = list(_panels(reading))
    panels += [lambda axes: _bars(axes, reading), lambda axes: _parts(axes, reading)]
    rows = -(-len(panels) // _COLUMNS)
    figure = Figure(figsize=(3.3 * _COLUMNS, 2.7 * rows), layout="constrained")
    places = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axes in places[len(panels) :]:
        axes.axis("off")
    for axes, panel in zip(places, panels, strict=False):
        _draw(axes, panel) if isinstance(panel, _Panel) else panel(axes)
        axes.tick_params(labelsize=7)
    return figure


def _panels(reading: Reading):
    p = reading.potential
    names, E = [e.name for e in p.elements], len(p.elements)
    everything = np.concatenate(list(reading.distances.values()))
    two, three = reading.leading
    for (a, b), distances in reading.distances.items():
        phi = p.pairs[p.pair_index(a, b)].phi
        yield _Panel(f"pair potential {names[a]}–{names[b]}", "r, Å", "φ, eV", [("", phi)], distances)
    for element in p.elements:
        if len(element.density):
            yield _Panel(f"embedding {element.name}", "density", "U, eV", [("", element.U)], np.zeros(0))

    def ordered(splines, m, count):
        return [
            (f"{names[a]}: {names[b]}" if E > 1 else "", splines[p.ordered_index(a, b) * count + m])
            for a in range(E)
            for b in range(E)
        ]

    for m in two:
        yield _Panel(f"filter ρ{m + 1}", "r, Å", f"ρ{m + 1} (largest: 1)", ordered(p.rho, m, p.n2), everything)
    triples = [(a, b, c) for a in range(E) for b in range(E) for c in range(b, E)]
    kinds = {p.triplet_index(a, b, c): f"{names[a]}: {names[b]} {names[c]}" for a, b, c in triples}
    for m in three:
        yield _Panel(f"filter f{m + 1}", "r, Å", f"f{m + 1} (largest: 1)", ordered(p.f, m, p.n3), everything)
        angular = [(name if E > 1 else "", p.g[k * p.n3 + m]) for k, name in kinds.items()]
        cosines = np.concatenate(list(reading.cosines.values())) if reading.cosines else np.zeros(0)
        yield _Panel(f"filter g{m + 1}", "cos θ", f"g{m + 1} (largest: 1)", angular, cosines)


def _draw(axes: Axes, panel: _Panel) -> None:
    low = min(s.knots[0] for _, s in panel.curves)
    high = max(s.knots[-1] for _, s in panel.curves)
    if len(panel.data):
        counts, edges = np.histogram(panel.data, bins=_BINS, range=(low, high))
        if panel.x == "r, Å":  # by volume, as a radial distribution
            counts = counts / np.maximum((edges[:-1] + edges[1:]) / 2, 1e-9) ** 2
        under = axes.twinx()
        under.fill_between((edges[:-1] + edges[1:]) / 2, counts, color="#BBBBBB", alpha=0.6, lw=0, step="mid")
        under.set(ylim=(0, 2.5 * max(counts.max(), 1e-12)), yticks=[])
        axes.set_zorder(1)
        axes.patch.set_visible(False)
    seen = []
    for n, (name, s) in enumerate(panel.curves):
        x = np.linspace(s.knots[0], s.knots[-1], 400)
        style, color = _STYLES[n % len(_STYLES)], _COLORS[n % len(_COLORS)]
        axes.plot(x, s(x), ls=style, lw=1.4, color=color, label=name or None)
        axes.plot(s.knots, s(np.array(s.knots)), "|", ms=4, color=color)
        # Limits follow the curve where there are data: below it may rise steeply.
        near = x if not len(panel.data) else x[(x >= panel.data.min()) & (x <= panel.data.max())]
        seen.append(s(near if len(near) else x))
    values = np.concatenate(seen)
    margin = 0.08 * (np.ptp(values) or 1.0)
    axes.set(ylim=(values.min() - margin, values.max() + margin), xlim=(low, high))
    axes.axhline(0, color="black", lw=0.4)
    axes.set_title(panel.title, fontsize=9)
    axes.set_xlabel(panel.x, fontsize=8)
    axes.set_ylabel(panel.y, fontsize=8)
    if any(name for name, _ in panel.curves):
        axes.legend(fontsize=6)


def _bars(axes: Axes, reading: Reading) -> None:
    added = reading.as_dict()["contributions_meV"]
    axes.bar(range(len(added)), list(added.values()), color="#0072B2")
    axes.set_xticks(range(len(added)), list(added), rotation=90, fontsize=6)
    axes.set_title("what each filter adds", fontsize=9)
    axes.set_ylabel("change of atomic energies\nwithout it, RMS, meV", fontsize=8)


def _parts(axes: Axes, reading: Reading) -> None:
    parts = reading.as_dict()["parts_meV"]
    axes.barh(range(len(parts)), list(parts.values()), color="#999999")
    axes.set_yticks(range(len(parts)), list(parts), fontsize=7)
    axes.invert_yaxis()
    axes.set_title("parts of atomic energies", fontsize=9)
    axes.set_xlabel("standard deviation, meV", fontsize=8)
