"""Pictures of a fit: parity, and losses of linear models."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snnp.analysis.errors import Predictions
from snnp.analysis.panels import Panel

# Colour-blind safe (Okabe and Ito).
COLORS = {"train": "#999999", "validation": "#0072B2", "test": "#D55E00", "data": "#0072B2"}


_SHOWN = (0.005, 0.995)  # of predictions: some that are far off would make all others one point
# Title, units of the axes and of errors, factor between these, and what `Predictions` calls them.
_PARITY = (
    ("energy", "eV/atom", "meV/atom", 1000.0, "energies", "energy_labels"),
    ("force component", "eV/Å", "eV/Å", 1.0, "forces", "force_labels"),
    ("stress component", "GPa", "GPa", 1.0, "stresses", "stress_labels"),
)
_DRAWN, _FARTHEST = 500_000, 50_000  # points of a set at most: a picture shows no more; and those with largest errors


def parity(predictions: dict[str, Predictions]) -> Figure:
    """Predicted against labelled energies, forces and (where present) stresses, with the errors of each set."""
    panels = parity_panels(predictions)
    figure = Figure(figsize=(4.2 * len(panels), 4.0), layout="constrained")
    for axes, panel in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True):
        panel.draw(axes)
    return figure


def parity_panels(predictions: dict[str, Predictions]) -> list[Panel]:
    """The same, a panel each."""
    return [
        _parity(predictions, *one) for one in _PARITY if any(_known(p, one[-1]).any() for p in predictions.values())
    ]


def _known(p: Predictions, label: str) -> np.ndarray:
    return ~np.isnan(getattr(p, label))


def _parity(
    predictions: dict[str, Predictions], title: str, unit: str, error_unit: str, factor: float, found: str, label: str
) -> Panel:
    points = {}
    for name, p in predictions.items():
        known = _known(p, label)
        points[name] = getattr(p, label)[known], getattr(p, found)[known]
    points = {name: xy for name, xy in points.items() if xy[0].size}
    errors = {n: f"{n}: MAE {factor * np.abs(y - x).mean():.3g} {error_unit}" for n, (x, y) in points.items()}

    def draw(axes: Axes) -> None:
        for name, (x, y) in points.items():
            some = _drawn(x, y)
            axes.plot(x[some], y[some], ".", ms=3, color=COLORS.get(name), label=errors[name], rasterized=True)
        axes.axline((0, 0), slope=1, color="black", lw=0.6, zorder=0)
        found = np.concatenate([y for _, y in points.values()])
        everything = np.concatenate([*(x for x, _ in points.values()), np.quantile(found, _SHOWN)])
        low, high = everything.min(), everything.max()
        margin = 0.05 * (high - low) + 1e-3
        axes.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin), aspect="equal")
        axes.set(xlabel=f"reference {title}, {unit}", ylabel=f"snnp {title}, {unit}")
        axes.legend(fontsize=8, loc="upper left")

    says = f"Predicted {title} against the reference; {'; '.join(errors.values())}."
    return Panel(f"parity_{found}", title, says, draw)


def _drawn(x: np.ndarray, y: np.ndarray) -> np.ndarray | slice:
    """Which points are drawn: all, or of very many an even sample and those that are farthest from y = x."""
    if len(x) <= _DRAWN:
        return slice(None)
    farthest = np.argpartition(np.abs(y - x), -_FARTHEST)[-_FARTHEST:]
    return np.union1d(farthest, np.arange(0, len(x), len(x) // (_DRAWN - _FARTHEST) + 1))


def smoothness(trials, chosen) -> Figure:
    """Training and validation loss of a linear model by the penalty of curvature."""
    figure = Figure(figsize=(5.5, 3.8), layout="constrained")
    axes = figure.subplots()
    strengths = [t.strength for t in trials]
    axes.plot(strengths, [t.train_loss for t in trials], ".-", color=COLORS["train"], label="training")
    axes.plot(strengths, [t.validation_loss for t in trials], ".-", color=COLORS["validation"], label="validation")
    label = f"chosen: {chosen.strength:g}"
    axes.plot(chosen.strength, chosen.validation_loss, "o", color=COLORS["test"], label=label)
    axes.set(
        xlabel="smoothness", ylabel="loss, (eV/Å)²", yscale="log", xscale="log" if min(strengths) > 0 else "linear"
    )
    axes.legend(fontsize=8)
    return figure
