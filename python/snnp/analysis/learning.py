"""The picture of a learning curve: losses and errors by steps, of one network or of several one after the other."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from snnp.analysis.plots import COLORS

_ERRORS = {
    "energy_error": "energy MAE, meV/atom",
    "force_error": "force MAE, eV/Å",
    "stress_error": "stress MAE, GPa",
    "invariant_points": "atomic energies at\ninvariant points, RMSE, meV",
}
# Factors that an axis covers: from the first one on, powers of ten have labels, and some between them up to the second.
_DECADE, _TWO_DECADES = 3, 10


def learning(history: Sequence, reference: str) -> Figure:
    """Losses, and errors of validation data and at invariant points where there are any, by steps.

    history: records of a fit; reference: the model whose training loss is 1.
    """
    known = {n: label for n, label in _ERRORS.items() if not np.isnan([getattr(r, n) for r in history]).all()}
    panels = {"validation_loss": f"loss ({reference}, training = 1)", **known}
    rows, columns = (len(panels) + 1) // 2, min(len(panels), 2)
    figure = Figure(figsize=(5.2 * columns, 3.4 * rows), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, squeeze=False)
    parts = list(_parts(history))
    for axes, (name, label) in zip(grid.flat, panels.items(), strict=False):
        _draw(axes, name, parts)
        axes.set_ylabel(label)
    for axes in grid.flat[len(panels) :]:
        axes.axis("off")
    for axes in grid.flat[len(panels) - columns : len(panels)]:  # nothing is below
        axes.set_xlabel("step")
        axes.tick_params(labelbottom=True)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, fontsize=8, loc="outside upper center", ncols=3 if columns > 1 else 2)
    return figure


def _parts(history: Sequence) -> Iterator[list]:
    """Records of one network after the other: where the next one begins, a step is there twice; in the last steps, with
    validation data, too, its learning rate does not fall."""
    part, several = [], False
    for record in history:
        if part:
            before = part[-1]
            last, was_last = np.isnan(record.validation_loss), np.isnan(before.validation_loss)
            begins = record.step == before.step
            several = several or begins
            if begins or (several and last and (not was_last or record.learning_rate >= before.learning_rate)):
                yield part
                part = []
        part.append(record)
    yield part


def best_of_networks(history: Sequence) -> list:
    """The record of each network with the lowest validation loss."""
    return _best(list(_parts(history)))


def _best(parts: Sequence[Sequence]) -> list:
    return [min(part, key=lambda r: (np.isnan(r.validation_loss), r.validation_loss)) for part in _validated(parts)]


def _validated(parts: Sequence[Sequence]) -> list[Sequence]:
    return [part for part in parts if not np.isnan([r.validation_loss for r in part]).all()]


def _draw(axes: Axes, name: str, parts: Sequence[Sequence]) -> None:
    """One quantity; lines have gaps between networks."""
    first = {"color": COLORS["validation"], "label": "validation"}
    trained = {"color": COLORS["train"], "label": "training"}
    for part in parts:
        steps = [r.step for r in part]
        if name == "validation_loss":
            axes.plot(steps, [r.train_loss for r in part], **trained)
        axes.plot(steps, [getattr(r, name) for r in part], **first)
        first, trained = first | {"label": None}, trained | {"label": None}
    validated, best = _validated(parts), _best(parts)
    says = f"best: step {best[0].step}" if len(best) == 1 else "best of each network"
    axes.plot([r.step for r in best], [getattr(r, name) for r in best], "o", color=COLORS["test"], label=says)
    for n, part in enumerate(validated[1:]):
        axes.axvline(part[0].step, color="#777777", lw=0.8, ls=":", label=None if n else "the next network begins")
    end = max(r.step for part in validated for r in part if not np.isnan(r.validation_loss))
    if end < parts[-1][-1].step:
        axes.axvspan(end, parts[-1][-1].step, color="#DDDDDD", lw=0, label="validation data fitted, too")
    _scale(axes)


def _scale(axes: Axes) -> None:
    """A logarithmic axis whose labels are numbers, enough of them, that do not meet."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    if high < _DECADE * low:
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.yaxis.set_minor_locator(NullLocator())
    elif high > _TWO_DECADES * low:
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    for ticks in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
        ticks(FuncFormatter(lambda value, _: f"{value:g}"))
