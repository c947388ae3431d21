"""What the user sees: log lines, progress, tables, and the same in a file."""

import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from snnp.analysis.errors import Errors, Report
from snnp.data.inspect import Inspection
from snnp.data.overview import Part
from snnp.data.weights import Share
from snnp.files import printable
from snnp.validation.record import Record
from snnp.validation.table import number, rows

if TYPE_CHECKING:
    from snnp.mapping.degeneracy import Degeneracies
    from snnp.mapping.monitor import Line

# Seconds without a line after which progress becomes one where there is no terminal to show a bar.
_SILENCE = 10.0
_COMPOSITIONS, _GROUPS = 8, 30  # are named


class Log:
    """Prints to the console and, as soon as a file is named, the same to that file from the first line on."""

    def __init__(self, quiet: bool = False):
        self.consoles = [] if quiet else [_console(_Patient(sys.stdout))]
        self._file = None
        self._so_far: list = []  # for the file that is not named yet
        self._printed = time.monotonic()

    def keep(self, path: Path, append: bool = False) -> None:
        """Writes to a file, too (`append`: after what is there)."""
        self._file = _Patient(path.open("a" if append else "w", encoding="utf-8"))
        copy = _console(self._file)
        for what in self._so_far:
            copy.print(what, markup=False)
        self._so_far.clear()
        self.consoles.append(copy)

    def print(self, what) -> None:
        """A line of text or a rich table."""
        for console in self.consoles:
            console.print(what, markup=False)
        if self._file is None:
            self._so_far.append(what)
        self._printed = time.monotonic()
        if self._file is not None and self._file.complaint:
            complaint, self._file.complaint = self._file.complaint, None
            self.print(f"warning: the log cannot be written ({complaint}); the work goes on")

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()

    @contextmanager
    def progress(self, title: str, total: int, unit: str, done: int = 0) -> Iterator[Callable[[int], None]]:
        """A bar with rate and time left while the block runs; yields what advances it.

        Without a terminal there are lines instead, so that no long time passes without one.
        """
        terminal = next((c for c in self.consoles if c.is_terminal), None)
        if terminal is None:
            yield self._progress_lines(title, total, unit, done)
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(unit),
            TimeRemainingColumn(),
        )
        with Progress(*columns, console=terminal, transient=True) as bar:
            task = bar.add_task(title, total=total, completed=done)
            yield lambda n: bar.advance(task, n)

    def _progress_lines(self, title: str, total: int, unit: str, done: int) -> Callable[[int], None]:
        first, begun = done, time.monotonic()

        def advance(n: int) -> None:
            nonlocal done
            done += n
            now = time.monotonic()
            if now - self._printed >= _SILENCE and first < done < total:
                rate = (done - first) / max(now - begun, 1e-9)
                self.print(f"{title} {done:6d}/{total}  {_pace(rate, unit, (total - done) / rate)}")

        return advance


def _console(file) -> Console:
    """Without markup and colours of numbers; wide enough for tables where it is no terminal."""
    return Console(file=file, highlight=False, soft_wrap=True, width=None if file.isatty() else 110)


class _Patient:
    """A text file whose disk may be full for a while: what it does not take then is dropped, and work goes on."""

    def __init__(self, file):
        self.file = file
        self.encoding = getattr(file, "encoding", None) or "utf-8"
        self.complaint: str | None = None
        """Why something was dropped, the first time; for the caller to say and to clear."""
        self._complained = False

    def write(self, text: str) -> None:
        # Not every terminal knows Å, and names of files need not be text.
        known = text.encode(self.encoding, "backslashreplace").decode(self.encoding)
        self._try(lambda: self.file.write(known))

    def flush(self) -> None:
        self._try(self.file.flush)

    def close(self) -> None:
        self._try(self.file.close)

    def isatty(self) -> bool:
        return self.file.isatty()

    def fileno(self) -> int:
        return self.file.fileno()

    def _try(self, act: Callable[[], object]) -> None:
        try:
            act()
        except BrokenPipeError:
            raise
        except OSError as error:
            if not self._complained:
                self.complaint, self._complained = error.strerror, True


class _Rate(ProgressColumn):
    """Things per second."""

    def __init__(self, unit: str):
        super().__init__()
        self.unit = unit

    def render(self, task) -> Text:
        return Text(f"{task.speed:.1f} {self.unit}/s" if task.speed else f"- {self.unit}/s")


def learning_line(record, steps: int, rate: float, seconds_left: float) -> str:
    """One line of the learning curve."""
    text = f"step {record.step:6d}/{steps}  "
    if math.isnan(record.validation_loss):
        return text + f"all data: loss {record.train_loss:.4f}  {_pace(rate, 'steps', seconds_left)}"
    text += "validation"
    errors = (record.energy_error, 2, "meV/atom"), (record.force_error, 4, "eV/Å"), (record.stress_error, 3, "GPa")
    for error, digits, unit in errors:
        text += "" if math.isnan(error) else f" {error:.{digits}f} {unit} "
    text += f" loss {record.validation_loss:.4f}"
    if not math.isnan(record.invariant_points):
        text += f"  atomic energies {record.invariant_points:.2f} meV"
    if not math.isnan(record.train_loss):
        text += f"  training {record.train_loss:.4f}"
        text += f"  {_pace(rate, 'steps', seconds_left)}" if record.step else ""
    return text


def search_line(search) -> str:
    """One line of the search for densities to start from."""
    text = f"start {search.step:6d}/{search.steps}  {search.candidates:2d} densities, {search.stay:2d} go on"
    text += f"  best error {search.error:7.4f} eV/Å"
    if search.step:
        rate = search.step / max(search.seconds, 1e-9)
        text += f"  {_pace(rate, 'steps', (search.steps - search.step) / rate)}"
    return text


def _pace(rate: float, unit: str, seconds_left: float) -> str:
    minutes, seconds = divmod(round(seconds_left), 60)
    return f"{rate:6.1f} {unit}/s  {minutes}:{seconds:02d} left"


def error_table(reports: dict[str, Report]) -> Table:
    """MAE and RMSE of energies, forces and stresses: all sets, then each group and element of each."""
    table = Table(title="Errors (MAE / RMSE)", title_justify="left")
    table.add_column("set")
    table.add_column("part")
    for name in ("frames", "atoms", "energy meV/atom", "force eV/Å", "stress GPa"):
        table.add_column(name, justify="right")
    for name, report in reports.items():
        table.add_section()
        table.add_row(name, "all", *_cells(report.all))
        if len(report.groups) > 1:
            _add_groups(table, report.groups, _cells, before=[""])
        if len(report.elements) > 1:
            for symbol, errors in report.elements.items():
                table.add_row("", f"element {symbol}", *_cells(errors))
    return table


def invariant_table(lines: "list[Line]") -> Table:
    """Errors of atomic energies at invariant points."""
    table = Table(title="Atomic energies at invariant points (error of the potential)", title_justify="left")
    for column in ("structures", "known"):
        table.add_column(column)
    for column in ("number", "reference eV/atom", "mean error meV/atom", "largest meV/atom"):
        table.add_column(column, justify="right")
    for line in lines:
        low, high = line.energy
        energy = f"{low:.3f}" if low == high else f"{low:.3f} … {high:.3f}"
        table.add_row(line.name, line.known, str(line.structures), energy, f"{line.bias:+.2f}", f"{line.largest:.2f}")
    return table


def atomic_table(parts: dict) -> Table:
    """Energies of atoms, and their uncertainties (n,), eV or None, by group of frames and element."""
    table = Table(title="Atomic energies", title_justify="left")
    for column in ("group", "element"):
        table.add_column(column)
    for column in ("atoms", "mean eV", "lowest … highest eV", "uncertainty: median meV", "largest meV"):
        table.add_column(column, justify="right")
    for (group, symbol), (energies, uncertainties) in parts.items():
        cells = ["–", "–"]
        if uncertainties is not None:
            cells = [f"{1000 * float(np.median(uncertainties)):.1f}", f"{1000 * uncertainties.max():.1f}"]
        span = f"{energies.min():.3f} … {energies.max():.3f}"
        table.add_row(group, symbol, str(len(energies)), f"{energies.mean():.4f}", span, *cells)
    return table


def weight_table(shares: dict[str, Share]) -> Table:
    """How much each group of training frames counts."""
    table = Table(title="What counts how much: parts of the sums over training data, %", title_justify="left")
    table.add_column("group")
    for name in ("frames", "atoms", "weight", "energies", "forces", "stresses"):
        table.add_column(name, justify="right")

    def cells(share: Share) -> list[str]:
        low, high = share.weights
        weight = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        parts = ["–" if part is None else f"{100 * part:.3g}" for part in (share.energy, share.force, share.stress)]
        return [str(share.frames), str(share.atoms), weight, *parts]

    _add_groups(table, shares, cells)
    return table


def _add_groups(table: Table, groups: Mapping[str, Any], cells: Callable, before: Sequence[str] = ()) -> None:
    """A row for each group; if there are many, for those with most frames, and how many more there are.

    cells: of a group, without its name; before: cells before the name.
    """
    most = set(sorted(groups, key=lambda name: -groups[name].frames)[:_GROUPS])
    for name, group in groups.items():
        if name in most:
            table.add_row(*before, name, *cells(group))
    if len(groups) > _GROUPS:
        table.add_row(*before, f"and {len(groups) - _GROUPS} more")


def _cells(e: Errors) -> list[str]:
    def pair(value, digits: int) -> str:
        return "–" if value is None else f"{value[0]:.{digits}f} / {value[1]:.{digits}f}"

    return [str(e.frames) if e.frames else "–", str(e.atoms), pair(e.energy, 2), pair(e.force, 4), pair(e.stress, 3)]


def inspection_tables(found: Inspection) -> Iterator[str | Table]:
    """What `snnp data` prints: a sentence and tables of each data set, then notes."""
    for name, summary in found.summaries.items():
        yield f"{name}: {summary}"
    table = Table(title="Groups (smallest … largest)", title_justify="left")
    for column in ("set", "group"):
        table.add_column(column)
    for column in ("frames", "atoms", "Å³/atom", "energy eV/atom", "force rms, max eV/Å", "pressure GPa"):
        table.add_column(column, justify="right")
    for name, part in found.overviews.items():
        table.add_section()
        table.add_row(name, *part.groups if len(part.groups) == 1 else ["all"], *_part_cells(part.all))
        if len(part.groups) > 1:
            _add_groups(table, part.groups, _part_cells, before=[""])
    yield table
    for name, part in found.overviews.items():
        formulas = [f"{formula} ({count})" for formula, count in list(part.compositions.items())[:_COMPOSITIONS]]
        more = len(part.compositions) - len(formulas)
        yield f"{name}: compositions (frames): {', '.join(formulas)}" + (f" and {more} more" if more else "")
        distances = ", ".join(f"{pair} {distance:.3f} Å" for pair, distance in part.shortest.items())
        yield f"{name}: shortest distances: {distances or 'no atoms within 5 Å'}"
    for note in found.notes:
        yield f"note: {note}"


def degeneracy_tables(found: "Degeneracies") -> Iterator[str | Table]:
    """Classes of surroundings, and a note for all that the data leave open about atomic energies."""
    table = Table(title="Classes of surroundings, between which the data show no way", title_justify="left")
    table.add_column("class", justify="right")
    table.add_column("element")
    for column in ("neighbours", "within Å", "atoms %"):
        table.add_column(column, justify="right")
    table.add_column("groups")
    for one in found.classes:
        numbers = f"{one.neighbors:.1f}", f"{one.shell:.2f}", f"{100 * one.part:.1f}"
        table.add_row(str(one.number), one.element, *numbers, ", ".join(one.groups))
    yield table
    for sentence in found.sentences:
        yield f"note: atomic energies: {sentence}"


def _part_cells(part: Part) -> list[str]:
    def between(values, digits: int, sign: str = " … ") -> str:
        return "–" if values is None else sign.join(f"{value:.{digits}f}" for value in values)

    return [
        str(part.frames),
        str(part.atoms),
        between(part.volume, 2),
        between(part.energy, 3),
        between(part.force, 3, ", "),
        between(part.pressure, 1),
    ]


# What a terminal shows of the verdict of a check.
_STYLES = {"pass": "green", "info": "dim", "warn": "yellow", "fail": "bold red"}


def verdict_table(record: Record) -> Table:
    """Quantity, potential, reference, verdict; other potentials that are compared beside it."""
    models = record.identity["models"]
    table = Table(title=f"Validation of {record.model}", title_justify="left")
    for column in ("check", "quantity"):
        table.add_column(column)
    for column in (*models, "reference"):
        table.add_column(column, justify="right")
    for column in ("unit", "verdict"):
        table.add_column(column)
    part = None
    for row in rows(record):
        here = (row.check, row.subject)
        if here != part:
            table.add_section()
            table.add_row(f"{row.check}, {row.subject}", *[""] * (len(models) + 4))
        part, first = here, row.first
        values = (number(row.lines[name].value) if name in row.lines else "–" for name in models)
        verdict = Text(first.verdict.value, _STYLES[first.verdict.value])
        table.add_row("", first.quantity, *values, number(first.reference), first.unit, verdict)
    return table


def verdict_sentences(record: Record) -> Iterator[str]:
    """A sentence for each quantity of the potential that fails or is to be warned of, the worst first."""
    for verdict, subject, sentence in record.complaints:
        yield f"{verdict.value}: {subject}: {sentence}"


def print_error(sentence: str) -> None:
    """One line on stderr."""
    console = Console(file=_Patient(sys.stderr), highlight=False, soft_wrap=True)
    console.print(f"error: {printable(sentence)}", markup=False)
