"""Error against cost: the picture of the boundary."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter
from potentials import Point

STYLES = {
    "snnp": dict(color="#D55E00", marker="o", ms=8, ls="-", lw=1.5, zorder=4),
    "kind": dict(color="#0072B2", marker="o", ms=8, ls="none", zorder=4),
    "lammps": dict(color="#0072B2", marker="o", ms=8, mfc="white", ls="none", zorder=3),
    "snap": dict(color="#666666", marker="s", ms=7, ls="none", zorder=3),
}
LABELS = {
    "snnp": dict(xytext=(0, -15), ha="center", fontsize=8),
    "kind": dict(xytext=(-7, -3), ha="right", fontsize=8),
    "lammps": dict(xytext=(0, 7), ha="center", fontsize=7),
    "snap": dict(xytext=(7, -3), ha="left", fontsize=8),
    "last": dict(xytext=(7, -3), ha="left", fontsize=8),
}


def draw(points: list[Point], title: str) -> Figure:
    """Errors of forces and of energies over cost, each kind of potential with a mark of its own."""
    figure = Figure(figsize=(12, 5), layout="constrained")
    panels = [("force", "force MAE, eV/Å"), ("energy", "energy MAE, meV/atom")]
    for axes, (quantity, label) in zip(figure.subplots(1, 2), panels, strict=True):
        for group, style in STYLES.items():
            some = sorted((p for p in points if p.group == group), key=lambda p: p.cost)
            axes.plot([p.cost for p in some], [getattr(p, quantity) for p in some], **style)
        for point in points:
            where = (point.cost, getattr(point, quantity))
            text, place = _label(point, points)
            axes.annotate(text, where, textcoords="offset points", color=STYLES[point.group]["color"], **place)
            if point.same_as:
                _draw_gain(axes, point, next(p for p in points if p.name == point.same_as), where[1])
        axes.set(xscale="log", yscale="log", xlabel="cost in LAMMPS, µs per atom and step, one thread", ylabel=label)
        axes.margins(x=0.22, y=0.1)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
            axis.set_minor_formatter(NullFormatter())
        axes.grid(which="major", lw=0.4, alpha=0.5)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=11)
    return figure


def _draw_gain(axes, theirs: Point, ours: Point, height: float) -> None:
    """An arrow from the style of LAMMPS to ours, which runs the same potential."""
    arrow = dict(arrowstyle="->", color=STYLES["lammps"]["color"], lw=0.8, shrinkA=6, shrinkB=6)
    axes.annotate("", (ours.cost, height), (theirs.cost, height), arrowprops=arrow)
    middle = (np.sqrt(ours.cost * theirs.cost), height)
    times = f"{theirs.cost / ours.cost:.1f}×"
    axes.annotate(times, middle, xytext=(0, 3), textcoords="offset points", ha="center", fontsize=7, color="#0072B2")


def _label(point: Point, points: list[Point]) -> tuple[str, dict]:
    """What a point is called and where that stands; those of s-NNP are numbers of filters, but for the last one."""
    last = max((p for p in points if p.group == "snnp"), key=lambda p: p.cost, default=None)
    if point is last:
        return point.label, LABELS["last"]
    return point.name.removeprefix("snnp") if point.group == "snnp" else point.label, LABELS[point.group]
