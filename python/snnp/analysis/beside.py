"""What a fit and a validation have left beside a potential file: configuration, learning curve, checks of physics."""

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from matplotlib.figure import Figure

from snnp import _core
from snnp.analysis import plots
from snnp.analysis.learning import best_of_networks, learning
from snnp.files import read_text
from snnp.validation.model import FileModel
from snnp.validation.outputs import Files
from snnp.validation.record import Record

_MOST_BYTES = 20_000_000
_MEASURED = ("energy_error", "force_error", "stress_error", "invariant_points")


@dataclass
class Convergence:
    """The table of a fit: says: its end in words; draw: the picture of it."""

    says: str
    draw: Callable[[], Figure]


def beside(potential: Path, ending: str) -> Path:
    """`Mo.yaml` for `Mo.snnp`."""
    return potential.with_name(potential.name.removesuffix(".snnp") + ending)


def configuration(potential: Path) -> str | None:
    """The configuration with nothing left open, as a fit writes it; None: there is none."""
    for ending in (".full.yaml", ".yaml"):
        try:
            content = read_text(beside(potential, ending), _MOST_BYTES)
        except OSError:
            continue
        if content.startswith("# snnp-fit "):
            return content
    return None


def convergence(potential: Path) -> Convergence | None:
    """From the table of the fit; None: there is none."""
    try:
        names, units, *rows = csv.reader(io.StringIO(read_text(beside(potential, ".csv"), _MOST_BYTES)))
        numbers = [dict(zip(names, map(float, row), strict=True)) for row in rows]
        return _learning(numbers, dict(zip(names, units, strict=True))) if "step" in names else _smoothness(numbers)
    except (OSError, ValueError, LookupError):
        return None


def _learning(rows: list[dict[str, float]], units: dict[str, str]) -> Convergence:
    history = [SimpleNamespace(**{**dict.fromkeys(_MEASURED, np.nan), **row}) for row in rows]
    reference, best = units["validation_loss"].removesuffix(" = 1"), best_of_networks(history)
    lowest = ", ".join(f"{record.validation_loss:.4g} at step {record.step:.0f}" for record in best)
    each = "" if len(best) == 1 else f" of each of {len(best)} networks"
    says = f"Losses and errors by step: the lowest validation loss{each} ({reference} = 1) is {lowest} of "
    says += f"{history[-1].step:.0f}."
    for record in history:
        record.step = int(record.step)
    return Convergence(says, lambda: learning(history, reference))


def _smoothness(rows: list[dict[str, float]]) -> Convergence:
    trials = [SimpleNamespace(strength=row["smoothness"], **row) for row in rows]
    chosen = min(trials, key=lambda trial: trial.validation_loss)
    says = f"Losses by smoothness: the validation loss is lowest, {chosen.validation_loss:.4g} (eV/Å)², "
    return Convergence(f"{says}at {chosen.strength:g} Å.", lambda: plots.smoothness(trials, chosen))


def validation(potential: Path) -> Record | None:
    """What `snnp validate` or the fit has found about this very potential; None: nothing."""
    record = Record.read(Files(beside(potential, ""))["json"])
    if record is None:
        return None
    try:
        return record if record.identity["potentials"][0] == FileModel(potential).identity else None
    except (LookupError, TypeError, _core.Error):
        return None
