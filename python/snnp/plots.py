"""Pictures of a fit: parity, learning curve, splines."""

import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from snnp import _core
from snnp.evaluation import Predictions

# Colour-blind safe (Okabe and Ito).
COLORS = {"train": "#999999", "validation": "#0072B2", "test": "#D55E00"}
_CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MOST_PANELS = 6


def save(figure: Figure, path: Path) -> None:
    """Writes beside `path` and renames."""
    aside = path.with_name("." + path.name)
    figure.savefig(aside, dpi=150, format="png")
    os.replace(aside, path)


def parity(predictions: dict[str, Predictions]) -> Figure:
    """Predicted against labelled energies, forces and (where present) stresses, with the errors of each set."""
    panels = [
        ("energy", "eV/atom", "meV/atom", 1000.0, "energies", "energy_labels"),
        ("force component", "eV/Å", "eV/Å", 1.0, "forces", "force_labels"),
        ("stress component", "GPa", "GPa", 1.0, "stresses", "stress_labels"),
    ]
    if not any(p.stresses.size for p in predictions.values()):
        panels.pop()
    figure = Figure(figsize=(4.2 * len(panels), 4.0), layout="constrained")
    for axes, (title, unit, error_unit, factor, found, label) in zip(
        np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True
    ):
        for name, p in predictions.items():
            x, y = getattr(p, label).ravel(), getattr(p, found).ravel()
            if x.size:
                mae = factor * np.abs(y - x).mean()
                axes.plot(
                    x,
                    y,
                    ".",
                    ms=3,
                    color=COLORS.get(name),
                    label=f"{name}: MAE {mae:.3g} {error_unit}",
                    rasterized=True,
                )
        axes.axline((0, 0), slope=1, color="black", lw=0.6, zorder=0)
        everything = np.concatenate([getattr(p, label).ravel() for p in predictions.values()])
        low, high = everything.min(), everything.max()
        margin = 0.05 * (high - low) + 1e-3
        axes.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin), aspect="equal")
        axes.set(xlabel=f"reference {title}, {unit}", ylabel=f"snnp {title}, {unit}")
        axes.legend(fontsize=8, loc="upper left")
    return figure


def learning(history) -> Figure:
    """Training and validation loss, relative to the linear model that the fit starts from."""
    figure = Figure(figsize=(5.5, 3.8), layout="constrained")
    axes = figure.subplots()
    steps = [r.step for r in history]
    axes.plot(steps, [r.train_loss for r in history], color=COLORS["train"], label="training (running mean)")
    axes.plot(
        steps, [r.validation_loss for r in history], color=COLORS["validation"], label="validation (averaged weights)"
    )
    best = min(history, key=lambda r: r.validation_loss)
    axes.plot(best.step, best.validation_loss, "o", color=COLORS["test"], label=f"best: step {best.step}")
    axes.set(xlabel="step", ylabel="loss (linear model, training = 1)", yscale="log")
    for ticks in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        ticks(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.legend(fontsize=8)
    return figure


def smoothness(trials, chosen) -> Figure:
    """Training and validation loss of a linear rung by the penalty of curvature."""
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


def splines(potential: _core.Potential) -> Figure:
    """All splines of a potential: φ by pair, then ρ, f and g by centre and neighbours."""
    names = [e.name for e in potential.elements]
    n = len(names)
    pairs = [(a, b) for a in range(n) for b in range(a, n)]
    rows: list[list[tuple[str, str, list[_core.Spline]]]] = []
    phi = [(f"{names[a]}–{names[b]}", [potential.pairs[potential.pair_index(a, b)].phi]) for a, b in pairs]
    rows.append([(f"φ, eV   {title}", "r, Å", s) for title, s in phi])
    ordered = [(a, b) for a in range(n) for b in range(n)]
    for symbol, all_splines, count in (("ρ", potential.rho, potential.n2), ("f", potential.f, potential.n3)):
        if count:
            legs = [(a, b, potential.leg_index(a, b) * count) for a, b in ordered]
            rows.append(
                [(f"{symbol}   {names[a]}: {names[b]}", "r, Å", all_splines[k : k + count]) for a, b, k in legs]
            )
    if potential.n3:
        n3 = potential.n3
        angles = [(a, b, c, potential.angle_index(a, b, c) * n3) for a in range(n) for b, c in pairs]
        rows.append(
            [(f"g   {names[a]}: {names[b]}, {names[c]}", "cos θ", potential.g[k : k + n3]) for a, b, c, k in angles]
        )
    columns = min(max(map(len, rows)), _MOST_PANELS)
    figure = Figure(figsize=(3.4 * columns, 2.6 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes_row, row in zip(grid, rows, strict=True):
        for axes in axes_row[len(row) :]:
            axes.axis("off")
        for axes, (title, xlabel, curves) in zip(axes_row, row, strict=False):
            _draw(axes, curves)
            axes.set_title(title, fontsize=9)
            axes.set_xlabel(xlabel, fontsize=8)
            axes.tick_params(labelsize=7)
    return figure


def _draw(axes, curves: list[_core.Spline]) -> None:
    for m, s in enumerate(curves):
        x = np.linspace(s.knots[0], s.knots[-1], 300)
        color = _CYCLE[m % len(_CYCLE)]
        axes.plot(x, s(x), lw=1, color=color, alpha=0.85)
        if m == 0:
            axes.plot(s.knots, s(np.array(s.knots)), "|", ms=5, color="black", alpha=0.5)
    axes.axhline(0, color="black", lw=0.4)
