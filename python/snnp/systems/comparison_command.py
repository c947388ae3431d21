"""What `snnp report` prints and writes about several potentials, or a file of filters."""

from collections.abc import Sequence
from pathlib import Path

from snnp.analysis.report import check_outputs
from snnp.analysis.report_command import write_report
from snnp.console import Log
from snnp.data import DataError, Reading, read
from snnp.systems.comparison import Comparison, compare
from snnp.systems.comparison_page import added_table, distances_table, findings, sections_of, systems_table
from snnp.systems.sharing import find_sharing


def comparison_command(
    potentials: Sequence[Path],
    inputs: Sequence[Path],
    page: Path | None,
    figures: Path | None,
    how: Reading,
    threads: int,
    log: Log,
) -> dict:
    """Writes the page (None: named after the file of filters) and its figures; returns its numbers for JSON.

    Raises DataError, ElementError, ValueError, snnp.Error or OSError with one sentence.
    """
    sharing = find_sharing(potentials)
    if not sharing.systems and inputs:
        raise DataError(f"{sharing.file} has filters without energies: expected potentials, too, or no data")
    name = sharing.file.name.removesuffix(".snnp") if sharing.file else "systems"
    page = page or Path(f"{name}.report.html")
    check_outputs(page, [*potentials, *inputs], figures)
    found = None
    if sharing.systems:
        frames = read(inputs, how).frames if inputs else []
        found = compare(sharing, frames, threads, log)
        _print(found, log)
    sections = sections_of(sharing, found)
    title = "Shared filters of " + (", ".join(s.name for s in sharing.systems) or sharing.file.name)
    write_report(title, sections, page, figures, log)
    curves = sharing.curves
    numbers = {"two_body_filters": curves.n2, "three_body_filters": curves.n3}
    return (found.as_dict() if found else {"filters": str(sharing.file), "bond_length_A": curves.bond_length}) | numbers


def _print(found: Comparison, log: Log) -> None:
    for sentence in findings(found):
        log.print(sentence)
    log.print(systems_table(found))
    log.print(added_table(found))
    if len(found.sharing.systems) > 1:
        log.print(distances_table(found))
