"""What `snnp report` prints and writes."""

from collections.abc import Sequence
from pathlib import Path

from snnp.analysis.report import Report, check_outputs, make_report, write_figures
from snnp.analysis.report_page import Section, page_of, report_sections, title_of
from snnp.analysis.report_tables import likeness_table, parts_table
from snnp.console import Log, error_table
from snnp.data import Reading
from snnp.files import write_text


def report_command(
    potential: Path,
    inputs: Sequence[Path],
    page: Path,
    figures: Path | None,
    against: Path | None,
    how: Reading,
    threads: int,
    log: Log,
) -> Report:
    """Writes the page, and its figures into a folder if there is one.

    Raises DataError, ElementError, ValueError, snnp.Error or OSError with one sentence.
    """
    check_outputs(page, [potential, *inputs, *([against] if against else [])], figures)
    report = make_report(potential, inputs, against, how, threads, log)
    if report.errors is not None:
        log.print(error_table({"data": report.errors}))
        log.print(parts_table(report.reading))
    if report.comparison is not None:
        log.print(likeness_table(report.comparison.found, (potential.name, report.comparison.name)))
    write_report(title_of(report), report_sections(report), page, figures, log)
    return report


def write_report(title: str, sections: Sequence[Section], page: Path, figures: Path | None, log: Log) -> None:
    """Writes a page of sections and, into a folder if there is one, their figures. Raises DataError or OSError."""
    with log.progress("page", len(sections), "sections") as tick:
        page.parent.mkdir(parents=True, exist_ok=True)
        write_text(page, page_of(title, sections, tick))
    log.print(f"written: {page}")
    if figures is not None:
        drawn = [figure for section in sections for figure in section.figures]
        write_figures(figures, drawn)
        log.print(f"written: {len(drawn)} figures, as PNG and SVG, in {figures}")
