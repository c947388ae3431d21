"""What was tried on the way to a potential: a table with a row of units, and a picture."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from matplotlib.figure import Figure

from snnp.analysis import plots
from snnp.analysis.learning import learning

_DIGITS = {"train_loss": ".8g", "validation_loss": ".8g", "seconds": ".2f", "step": "d"}


@dataclass
class Curve:
    """Columns with units, rows of numbers, and how to draw them."""

    columns: list[str]
    units: list[str]
    rows: list[list[float]]
    ending: str
    """Of the name of the picture's file."""
    draw: Callable[[], Figure]

    @staticmethod
    def learning(history: Sequence, reference: str) -> "Curve":
        """By steps of a fit. history: records, one dataclass for each row; reference: the model whose loss is 1.

        Errors of labels and of invariant points that are nowhere in the data have no column.
        """
        names = [field.name for field in fields(history[0]) if not _is_unknown(history, field.name)]
        units = {
            "step": "1",
            "learning_rate": "1",
            "smoothness": "Å",
            "train_loss": f"{reference} = 1",
            "validation_loss": f"{reference} = 1",
            "energy_error": "meV/atom",
            "force_error": "eV/Å",
            "stress_error": "GPa",
            "seconds": "s",
            "invariant_points": "meV",
        }
        rows = [[getattr(record, name) for name in names] for record in history]
        return Curve(
            names,
            [units[name] for name in names],
            rows,
            "_learning.png",
            lambda: learning(history, reference),
        )

    @staticmethod
    def smoothness(trials: Sequence, chosen, points: Sequence[float]) -> "Curve":
        """By the penalty of curvature of a linear model.

        points: errors at invariant points, meV; NaN: there are none.
        """
        rows = [[t.strength, t.train_loss, t.validation_loss] for t in trials]
        watched = not np.isnan(points).all()
        return Curve(
            ["smoothness", "train_loss", "validation_loss", *["invariant_points"] * watched],
            ["Å", "(eV/Å)²", "(eV/Å)²", *["meV"] * watched],
            [[*row, point] for row, point in zip(rows, points, strict=True)] if watched else rows,
            "_smoothness.png",
            lambda: plots.smoothness(trials, chosen),
        )

    def csv(self) -> str:
        """As comma-separated values; the second row holds units."""
        lines = [",".join(self.columns), ",".join(self.units)]
        for row in self.rows:
            lines.append(",".join(f"{v:{_DIGITS.get(n, '.6g')}}" for n, v in zip(self.columns, row, strict=True)))
        return "\n".join(lines) + "\n"


def _is_unknown(history: Sequence, name: str) -> bool:
    measured = name.endswith("_error") or name == "invariant_points"
    return measured and all(math.isnan(getattr(record, name)) for record in history)
