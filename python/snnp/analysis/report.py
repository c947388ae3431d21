"""What `snnp report` does: it reads a potential with data, and writes one page about it."""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from matplotlib.figure import Figure

from snnp import __version__, _core
from snnp.analysis import beside
from snnp.analysis import errors as measured
from snnp.analysis.likeness import Likeness, alike, energy_difference
from snnp.analysis.reading import Reading as CurveReading
from snnp.analysis.reading import read_potential
from snnp.console import Log
from snnp.data import DataError, Dataset, Frame, Reading, read
from snnp.data.fingerprint import fingerprint
from snnp.data.neighbors import NeighborLists
from snnp.files import refusal, write_aside
from snnp.mapping.environments import Descriptors, Reach
from snnp.mapping.invariant import find_invariant_points
from snnp.mapping.monitor import Line, Monitor
from snnp.models.gauge import in_standard_gauge, without_floor
from snnp.validation.model import FileModel
from snnp.validation.record import Record
from snnp.validation.validate import Question, validate

_COMMAND = "snnp report"  # by which it knows its files again
_ATOMS = 12_000  # about so many show the curves: means and distributions over more are the same
_CHECKS, _WITHOUT_DATA = ("equation_of_state", "dimers", "trimers"), ("dimers", "trimers")


@dataclass
class Comparison:
    """Another potential of the same elements. difference: of atomic energies over the data, RMS, eV."""

    name: str
    reading: CurveReading
    found: list[Likeness]
    difference: float


@dataclass
class Report:
    """All that the page shows; what there is no data for, or no file beside the potential, is None or empty.

    potential: as in the file. reading: in the standard gauge. sha256: of the file.
    """

    file: Path
    potential: _core.Potential
    sha256: str
    inputs: Sequence[Path] = ()
    data: Dataset | None = None
    data_sha256: str = ""
    predictions: measured.Predictions | None = None
    errors: measured.Report | None = None
    reading: CurveReading | None = None
    sampled: int = 0  # frames of the reading
    invariant: list[Line] = field(default_factory=list)
    record: Record | None = None
    comparison: Comparison | None = None
    convergence: beside.Convergence | None = None
    configuration: str | None = None

    def as_dict(self) -> dict:
        """For JSON."""
        content: dict = {"snnp report": __version__, "potential": str(self.file), "sha256": self.sha256}
        if self.errors and self.reading:
            content |= {"data": [str(p) for p in self.inputs], "data_sha256": self.data_sha256}
            content |= {"errors": self.errors.as_dict(), **self.reading.as_dict()}
        if self.comparison:
            content["against"] = self.comparison.name
            content["alike"] = {one.name: one.cosine for one in self.comparison.found}
            content["atomic_energies_differ_meV"] = 1000 * self.comparison.difference
        return content


def make_report(
    potential: Path, inputs: Sequence[Path], against: Path | None, how: Reading, threads: int, log: Log
) -> Report:
    """Reads and measures. inputs: labelled structures, may be none. against: a potential of the same elements.

    Raises DataError, ElementError, ValueError or snnp.Error with one sentence.
    """
    p = _core.read_potential(potential)
    report = Report(potential, p, hashlib.sha256(potential.read_bytes()).hexdigest(), inputs)
    other = None if against is None else _comparable(against, p)
    if other is not None and not inputs:
        raise DataError("--against: expected data, too, over which curves are compared")
    report.convergence = beside.convergence(potential)
    report.configuration = beside.configuration(potential)
    if inputs:
        _measure(report, read(inputs, how), threads, log)
        if other is not None:
            frames = sample(report.data.frames)
            second = read_curves(other, frames, threads)
            found = alike(report.reading, second)
            name = against.name if against.name != potential.name else str(against)
            report.comparison = Comparison(name, second, found, energy_difference(report.reading, second))
    report.record = _checks(report, threads, log)
    return report


def _comparable(file: Path, p: _core.Potential) -> _core.Potential:
    other = _core.read_potential(file)
    theirs, ours = (" ".join(e.name for e in one.elements) for one in (other, p))
    if theirs != ours:
        raise DataError(f"--against {file}: its elements are {theirs}, expected {ours}, in this order")
    return other


def _measure(report: Report, data: Dataset, threads: int, log: Log) -> None:
    log.print(data.summary())
    for note in data.notes:
        log.print(f"note: {note}")
    report.data, report.data_sha256 = data, fingerprint(data.frames)
    p, frames = report.potential, data.frames
    with log.progress("errors", len(frames), "frames") as tick:
        report.predictions = measured.predict(_core.Engine(p), frames, threads, tick)
    report.errors = measured.report(report.predictions)
    chosen = sample(frames)
    report.sampled = len(chosen)
    log.print(f"curves: {len(chosen)} of {len(frames)} frames")
    report.reading = read_curves(p, chosen, threads)
    elements = [e.name for e in p.elements]
    descriptors = Descriptors(elements, Reach(p.cutoff(), _angular_cutoff(p)), threads)
    lists = NeighborLists(elements, descriptors.cutoff, keep=False)
    with log.progress("invariant points", len(frames), "frames") as tick:
        points = find_invariant_points(frames, descriptors, lists, tick)
    report.invariant = Monitor(points, lists, threads).table(p) if points else []


def _angular_cutoff(p: _core.Potential) -> float:
    knots = [s.knots[-1] for s in p.f] + [V.knots_ij[-1] for V in p.V if V.knots_ij]
    return max(knots, default=p.cutoff())


def sample(frames: Sequence[Frame]) -> Sequence[Frame]:
    """Some of them, of all parts of the data: about 12 000 atoms."""
    return frames[:: max(sum(len(f.atoms) for f in frames) // _ATOMS, 1)]


def read_curves(potential: _core.Potential, frames: Sequence[Frame], threads: int) -> CurveReading:
    """A potential in the standard gauge, read with frames; raises ElementError for an element that it does not know."""
    p = without_floor(potential)
    lists = NeighborLists([e.name for e in p.elements], p.cutoff(), keep=False)
    structures = [lists.of(frame.atoms) for frame in frames]
    return read_potential(in_standard_gauge(p, structures, threads), structures, threads, [f.group for f in frames])


def _checks(report: Report, threads: int, log: Log) -> Record:
    """What was found before about this potential, or the quickest checks now."""
    if (found := beside.validation(report.file)) is not None:
        return found
    frames = report.data.frames if report.data else []
    question = Question(frames, only=_CHECKS if frames else _WITHOUT_DATA, threads=threads)
    return validate(FileModel(report.file, threads), question, None, log.print)


# -- files --------------------------------------------------------------------------------------------------------


def check_outputs(page: Path, inputs: Sequence[Path], figures: Path | None = None) -> None:
    """Raises DataError if a page that is not ours, or an input, would be replaced; figures: a folder for them."""
    if figures is not None and figures.exists() and not figures.is_dir():
        raise DataError(f"--figures {figures} is a file, expected a folder")
    if why := refusal(page, inputs, lambda head: _COMMAND.encode() in head):
        raise DataError(f"output {page} {why}: expected another output (-o)")
    there = next(folder for folder in page.absolute().parents if folder.exists())
    if not os.access(there, os.W_OK):
        raise DataError(f"output {page}: nothing can be written in {there}: expected another output (-o)")


class Drawing(Protocol):
    """A figure and its name, as of a `Panel`."""

    @property
    def name(self) -> str:
        """For a file."""

    def figure(self) -> Figure:
        """Draws it."""


def write_figures(folder: Path, drawings: Sequence[Drawing]) -> None:
    """Each as PNG (300 dpi) and SVG. Raises DataError where a file is that is not ours, OSError."""
    files = {(drawing, kind): folder / f"{drawing.name}.{kind}" for drawing in drawings for kind in ("png", "svg")}
    for file in files.values():
        check_outputs(file, ())
    folder.mkdir(parents=True, exist_ok=True)
    for (drawing, kind), file in files.items():
        write_aside(file, _saver(drawing, kind))


def _saver(drawing: Drawing, kind: str) -> Callable[[Path], object]:
    generator = f"{_COMMAND} {__version__}"
    metadata = {"Software": generator} if kind == "png" else {"Creator": generator, "Date": None}
    return lambda aside: drawing.figure().savefig(aside, format=kind, dpi=300, metadata=metadata)
