"""Small pictures of one curve or map each: alone in a report, or side by side in one figure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from snnp.analysis.coverage import Histogram

# Lines are told apart by dashes as well as by colour (Okabe and Ito), so that grey prints can be read.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)), (0, (9, 2)), (0, (3, 1, 1, 3)))
_ANGLES = (180, 120, 90, 60, 30)  # degrees
_DATA = "#dddddd"


@dataclass(frozen=True)
class Panel:
    """One picture. name: for a file, unlike that of others; says: what there is to see, in words, for who does not
    see it; draw: onto axes, with labels; size: alone, inches."""

    name: str
    title: str
    says: str
    draw: Callable[[Axes], None]
    size: tuple[float, float] = (4.2, 3.1)

    def figure(self) -> Figure:
        """Alone."""
        figure = Figure(figsize=self.size, layout="constrained")
        _finish(figure.subplots(), self)
        return figure


def side_by_side(rows: Sequence[Sequence[Panel]], below: str = "", most: int = 6) -> Figure:
    """All panels in one figure: row by row, at most `most` in each; below: a text."""
    rows = [row[n : n + most] for row in rows for n in range(0, len(row), most)]
    if max(map(len, rows)) == 1:
        panels = [panel for row in rows for panel in row]
        rows = [panels[n : n + 2] for n in range(0, len(panels), 2)]
    columns = max(map(len, rows))
    figure = Figure(figsize=(max(3.8 * columns, 6.4), 2.9 * len(rows) + 0.7), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes_row, row in zip(grid, rows, strict=True):
        for axes in axes_row[len(row) :]:
            axes.axis("off")
        for axes, panel in zip(axes_row, row, strict=False):
            _finish(axes, panel)
    figure.supxlabel(below, fontsize=8, x=0.01, ha="left")
    return figure


def _finish(axes: Axes, panel: Panel) -> None:
    axes.tick_params(labelsize=8)
    panel.draw(axes)
    axes.set_title(panel.title, fontsize=10)
    axes.xaxis.label.set_size(9)
    axes.yaxis.label.set_size(9)


def legend(axes: Axes, **options) -> None:
    """A legend where curves have names."""
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=8, handlelength=3, labelspacing=0.25, framealpha=0.75, borderpad=0.3, **options)


def draw_data(axes: Axes, data: Histogram | None, low: float, high: float) -> None:
    """A grey area where data are, and hatching from `low` to `high` (Å or cos θ) where none are; None: not known.

    Its height goes as the root of the counts, so that rare data can be seen.
    """
    if data is None:
        return
    if data.seen:
        heights = np.repeat(0.35 * np.sqrt(data.counts / data.counts.max()), 2)
        edges = np.repeat(data.edges, 2)[1:-1]
        axes.fill_between(edges, 0, heights, step=None, color=_DATA, lw=0, transform=_across(axes), zorder=0)
    for begin, end in data.gaps:
        begin, end = max(begin, low), min(end, high)
        if end > begin:
            axes.axvspan(begin, end, facecolor="none", edgecolor="#bbbbbb", hatch="////", lw=0, zorder=0)


def draw_knots(axes: Axes, knots: Iterable[float]) -> None:
    """Ticks at the bottom."""
    axes.vlines(np.unique(list(knots)), 0, 0.03, color="black", lw=0.7, transform=_across(axes), zorder=4)


def fit_to_data(axes: Axes, x: np.ndarray, curves: Sequence[np.ndarray], data: Histogram | None) -> None:
    """The vertical axis for where there are data: beyond them curves may be anything.

    curves: values (points,) at x (points,), Å or cos θ.
    """
    within = np.ones(len(x), dtype=bool)
    if data is not None and (bulk := data.bulk):
        within = (x >= bulk[0]) & (x <= bulk[1])
    values = np.concatenate([*(y[within] for y in curves), [0.0]])
    low, high = np.nanmin(values), np.nanmax(values)
    margin = 0.08 * (high - low) or 1e-3
    axes.set_ylim(low - margin, high + margin)


def angle_axis(axes: Axes) -> None:
    """Degrees on an axis of cos θ."""
    axes.set_xlabel("θ (scale: cos θ)")
    axes.set_xticks(np.cos(np.radians(_ANGLES)), [f"{angle}°" for angle in _ANGLES])


def draw_map(axes: Axes, x: np.ndarray, y: np.ndarray, values: np.ndarray) -> None:
    """Values (y, x), in any unit, as colours, with lines of equal values, dashed where these are negative.

    NaN: left white. Where there is nothing, beyond the cutoff, there are no lines.
    """
    # What is at the edge of the data may stand out: the colours are for the rest.
    most = max(np.nanquantile(np.abs(values), 0.98), 1e-12)
    mesh = axes.pcolormesh(x, y, values, cmap="RdBu_r", vmin=-most, vmax=most, rasterized=True, alpha=0.8)
    bar = axes.figure.colorbar(mesh, ax=axes)
    bar.ax.tick_params(labelsize=8)
    bar.solids.set(rasterized=True, alpha=1)
    shown = np.where(np.abs(values) > 1e-6 * most, values, np.nan)
    lines = axes.contour(x, y, shown, levels=MaxNLocator(9).tick_values(-most, most), colors="black", linewidths=0.6)
    axes.clabel(lines, fontsize=7, fmt="%g")


def _across(axes: Axes):
    return axes.get_xaxis_transform()


def percent(share: float) -> str:
    """In two digits."""
    return f"{100 * share:.0f} %" if abs(share) > 0.0995 else f"{100 * share:.2g} %"
