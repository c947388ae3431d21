"""What `snnp report` does."""

import json
from collections.abc import Sequence
from pathlib import Path

from snnp import __version__, _core
from snnp.analysis.curves_figure import curves_figure
from snnp.analysis.reading import Reading as CurveReading
from snnp.analysis.reading import alike, read_potential
from snnp.console import Log, reading_tables
from snnp.data import DataError, Reading, read
from snnp.files import write_aside, write_text

ENDINGS = ("_curves.png", "_curves.svg", "_curves.json")


def write_report(
    potential: Path, inputs: Sequence[Path], prefix: Path, other: Path | None, how: Reading, threads: int, log: Log
) -> CurveReading:
    """Writes the figure of all curves (PNG and SVG) and its numbers (JSON) beside each other.

    other: a potential to compare with, curve by curve. Raises DataError or snnp.Error with one sentence.
    """
    files = [prefix.with_name(prefix.name + ending) for ending in ENDINGS]
    if taken := next((file for file in files if file.exists()), None):
        raise DataError(f"{taken}: exists already, and is not overwritten; expected another prefix (-o)")
    data = read(inputs, how)
    log.print(data.summary())
    found = read_potential(_core.read_potential(potential), data.frames, threads)
    content = {"potential": str(potential), "snnp": __version__, **found.as_dict()}
    if other is not None:
        second = read_potential(_core.read_potential(other), data.frames, threads)
        content["compared"], content["alike"] = str(other), alike(found.potential, second.potential)
    for part in reading_tables(content):
        log.print(part)
    figure = curves_figure(found)
    for file, kind in zip(files, ("png", "svg"), strict=False):
        write_aside(file, lambda aside, kind=kind: figure.savefig(aside, format=kind, dpi=200))
    write_text(files[2], json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    log.print("written: " + ", ".join(map(str, files)))
    return found
