"""Pictures of what parts and filters add, and of how sensitive energies are to filters."""

import numpy as np
from matplotlib.axes import Axes

from snnp.analysis.panels import COLORS, Panel, percent
from snnp.analysis.reading import Reading

_MOST = 30  # filters: more bars cannot be labelled


def parts_panel(reading: Reading) -> Panel:
    """Standard deviations of parts of atomic energies, all filters together."""
    deviations = {name: 1000 * value for name, value in reading.deviations().items()}

    def draw(axes: Axes) -> None:
        bars = axes.barh(range(len(deviations)), list(deviations.values()), color="#8a8a8a")
        axes.bar_label(bars, [f" {_text(value)}" for value in deviations.values()], fontsize=8)
        axes.set_yticks(range(len(deviations)), list(deviations))
        axes.set(xlabel="standard deviation, meV", xlim=(0, 1.2 * max(deviations.values(), default=1.0) or 1.0))
        axes.invert_yaxis()

    says = "; ".join(f"{name} {_text(value)} meV" for name, value in deviations.items())
    return Panel("parts", "Parts of atomic energies", f"Standard deviations: {says}.", draw)


def filters_panel(reading: Reading) -> Panel:
    """What each filter adds, the first first."""
    added = 1000 * reading.contributions
    order = np.argsort(-added, kind="stable")[:_MOST]
    names, leading = [reading.filter_names[m] for m in order], set(reading.leading)

    def draw(axes: Axes) -> None:
        for n, m in enumerate(order):
            hatch = {"color": COLORS[0]} if m in leading else {"facecolor": "white", "edgecolor": "#666666"}
            axes.bar(n, added[m], **hatch)
        axes.set_xticks(range(len(order)), names, rotation=90)
        axes.set(ylabel="RMS change without it, meV")

    most, least = (_text(added[m]) for m in (order[0], order[-1]))
    says = f"What filters add, from {names[0]}, {most} meV, to {names[-1]}, {least} meV; "
    says += f"full bars: the {len(leading)} that carry 90 % of the sum of squares."
    return Panel("filters", "What each filter adds", says, draw)


def sensitivity_panels(reading: Reading) -> list[Panel]:
    """Of each element: how ∂E/∂G_m is distributed over the data, in units of the spread of G_m."""
    order = np.argsort(-reading.contributions, kind="stable")[:_MOST]
    names = [reading.filter_names[m] for m in order]
    return [
        _sensitivity(element, names, 1000 * reading.sensitivities[a, order])
        for a, element in enumerate(reading.names)
        if (reading.kinds == a).any()
    ]


def _sensitivity(element: str, names: list[str], quantiles: np.ndarray) -> Panel:
    low, first, middle, third, high = quantiles.T
    x = np.arange(len(names))

    def draw(axes: Axes) -> None:
        axes.vlines(x, low, high, color="black", lw=0.8)
        axes.vlines(x, first, third, color=COLORS[0], lw=5)
        axes.plot(x, middle, "_", ms=7, color="black")
        axes.axhline(0, color="black", lw=0.4)
        axes.set_xticks(x, names, rotation=90)
        axes.set(ylabel="∂E/∂G · spread of G, meV")

    turning = [n for n, a, b in zip(names, low, high, strict=True) if a < 0 < b]
    says = f"Sensitivities of the energy of {element}: 5, 25, 50, 75 and 95 % of its atoms; "
    says += f"both signs occur for {percent(len(turning) / len(names))} of the filters shown."
    return Panel(f"sensitivity_{element}", f"Sensitivities, {element}", says, draw)


def _text(value: float) -> str:
    """Three digits, or more where a number has more before its point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
