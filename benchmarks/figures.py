"""The figures of the documentation."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from picture import draw as boundary_picture

COLORS = {"SNAP": "#BBBBBB", "qSNAP": "#888888", "GAP": "#56B4E9", "MTP": "#0072B2", "snnp": "#D55E00"}


def accuracy(errors: dict[str, dict[str, tuple[float, float]]], elements: Sequence[str]) -> Figure:
    """Bars of energy errors, meV/atom, and force errors, eV/Å, by element and potential."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    panels = zip(figure.subplots(1, 2), (0, 1), ("energy, meV/atom", "force component, eV/Å"), strict=True)
    for axes, which, label in panels:
        width = 0.8 / len(errors)
        for n, (name, values) in enumerate(errors.items()):
            x = np.arange(len(elements)) + (n - (len(errors) - 1) / 2) * width
            axes.bar(x, [values[e][which] for e in elements], width, color=COLORS[name], label=name)
        axes.set_xticks(range(len(elements)), elements)
        axes.set_ylabel(f"MAE of {label}")
        axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def boundary(points: list, element: str) -> Figure:
    """Error and cost of every kind of model for one element."""
    return boundary_picture(points, f"{element}: error and cost of every kind of model, all fitted to the same data")
