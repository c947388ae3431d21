"""Pictures of a fit: parity, learning curve, splines."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter
from scipy.interpolate import BSpline

from snnp import _core
from snnp.analysis.errors import Predictions
from snnp.models.gauge import without_floor
from snnp.splines import clamped

# Colour-blind safe (Okabe and Ito).
COLORS = {"train": "#999999", "validation": "#0072B2", "test": "#D55E00"}
_CYCLE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MAX_PANELS = 6


def parity(predictions: dict[str, Predictions]) -> Figure:
    """Predicted against labelled energies, forces and (where present) stresses, with the errors of each set."""
    panels = [
        ("energy", "eV/atom", "meV/atom", 1000.0, "energies", "energy_labels"),
        ("force component", "eV/Å", "eV/Å", 1.0, "forces", "force_labels"),
        ("stress component", "GPa", "GPa", 1.0, "stresses", "stress_labels"),
    ]
    panels = [panel for panel in panels if any(np.isfinite(getattr(p, panel[-1])).any() for p in predictions.values())]
    figure = Figure(figsize=(4.2 * len(panels), 4.0), layout="constrained")
    for axes, (title, unit, error_unit, factor, found, label) in zip(
        np.atleast_1d(figure.subplots(1, len(panels))), panels, strict=True
    ):
        known = {name: ~np.isnan(getattr(p, label)) for name, p in predictions.items()}
        for name, p in predictions.items():
            x, y = getattr(p, label)[known[name]], getattr(p, found)[known[name]]
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
        everything = np.concatenate([getattr(p, label)[known[name]] for name, p in predictions.items()])
        low, high = everything.min(), everything.max()
        margin = 0.05 * (high - low) + 1e-3
        axes.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin), aspect="equal")
        axes.set(xlabel=f"reference {title}, {unit}", ylabel=f"snnp {title}, {unit}")
        axes.legend(fontsize=8, loc="upper left")
    return figure


def learning(history, reference: str) -> Figure:
    """Losses, and errors of validation data and at invariant points where there are any, by steps.

    history: records of a fit; reference: the model whose training loss is 1.
    """
    errors = {
        "energy_error": "energy MAE, meV/atom",
        "force_error": "force MAE, eV/Å",
        "stress_error": "stress MAE, GPa",
        "invariant_points": "atomic energies at\ninvariant points, RMSE, meV",
    }
    panels = {"validation_loss": f"loss ({reference}, training = 1)"} | {
        name: label for name, label in errors.items() if not np.isnan([getattr(r, name) for r in history]).all()
    }
    rows, columns = (len(panels) + 1) // 2, min(len(panels), 2)
    figure = Figure(figsize=(5.2 * columns, 3.4 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, squeeze=False)
    best = min(history, key=lambda r: r.validation_loss)
    steps = [r.step for r in history]
    for axes, (name, label) in zip(grid.flat, panels.items(), strict=False):
        if name == "validation_loss":
            axes.plot(steps, [r.train_loss for r in history], color=COLORS["train"], label="training")
        axes.plot(steps, [getattr(r, name) for r in history], color=COLORS["validation"], label="validation")
        axes.plot(best.step, getattr(best, name), "o", color=COLORS["test"], label=f"best: step {best.step}")
        axes.set(ylabel=label, yscale="log")
        for ticks in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            ticks(FuncFormatter(lambda value, _: f"{value:g}"))
    for axes in grid.flat[len(panels) :]:
        axes.axis("off")
    for axes in grid[-1]:
        axes.set_xlabel("step")
    grid[0, 0].legend(fontsize=8)
    return figure


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


@dataclass
class _Panel:
    title: str
    xlabel: str
    draw: Callable[[Axes], None]


def splines(potential: _core.Potential) -> Figure:
    """All splines of a potential: φ by pair, ρ, f and g by centre and neighbours, U by element; and slices of V."""
    rows = [row for row in _rows(without_floor(potential)) if row]
    columns = min(max(map(len, rows)), _MAX_PANELS)
    figure = Figure(figsize=(3.4 * columns, 2.6 * len(rows)), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for axes_row, row in zip(grid, rows, strict=True):
        for axes in axes_row[len(row) :]:
            axes.axis("off")
        for axes, panel in zip(axes_row, row, strict=False):
            panel.draw(axes)
            axes.set_title(panel.title, fontsize=9)
            axes.set_xlabel(panel.xlabel, fontsize=8)
            axes.tick_params(labelsize=7)
    return figure


def _rows(p: _core.Potential) -> Iterator[list[_Panel]]:
    names = [e.name for e in p.elements]
    n = len(names)
    pairs = [(a, b) for a in range(n) for b in range(a, n)]
    triplets = [(p.triplet_index(a, b, c), f"{names[a]}: {names[b]}, {names[c]}") for a in range(n) for b, c in pairs]

    def curves(title: str, xlabel: str, some: list[_core.Spline]) -> _Panel:
        return _Panel(title, xlabel, lambda axes: _draw(axes, some))

    yield [curves(f"φ, eV   {names[a]}–{names[b]}", "r, Å", [p.pairs[p.pair_index(a, b)].phi]) for a, b in pairs]
    for symbol, some, count in (("ρ", p.rho, p.n2), ("f", p.f, p.n3)):
        ordered = [
            (f"{symbol}   {names[a]}: {names[b]}", p.ordered_index(a, b) * count) for a in range(n) for b in range(n)
        ]
        yield [curves(title, "r, Å", some[k : k + count]) for title, k in ordered] if count else []
    g, n3 = p.g, p.n3
    yield [curves(f"g   {name}", "cos θ", g[k * n3 : (k + 1) * n3]) for k, name in triplets] if n3 else []
    yield [curves(f"U, eV   {e.name}", "density", [e.U]) for e in p.elements if len(e.density)]
    yield [_slice(f"V(r, r, θ), eV   {name}", V) for (_, name), V in zip(triplets, p.V, strict=False) if V.knots_ij]


def _draw(axes: Axes, curves: list[_core.Spline]) -> None:
    for m, s in enumerate(curves):
        x = np.linspace(s.knots[0], s.knots[-1], 300)
        color = _CYCLE[m % len(_CYCLE)]
        axes.plot(x, s(x), lw=1, color=color, alpha=0.85)
        if m == 0:
            axes.plot(s.knots, s(np.array(s.knots)), "|", ms=5, color="black", alpha=0.5)
    axes.axhline(0, color="black", lw=0.4)


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
