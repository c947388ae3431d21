"""What `snnp report` prints and writes."""

from collections.abc import Sequence
from pathlib import Path

from snnp.analysis.report import Report, check_outputs, make_report, write_figures
from snnp.analysis.report_page import report_page, report_sections
from snnp.analysis.report_tables import likeness_table, parts_table
from snnp.console import Log, error_table
from snnp.data import DataError, Reading
from snnp.files import is_potential, write_text


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
    if given := next(filter(_is_potential, inputs), None):
        raise DataError(f"{given} is a potential: expected structures (--against compares two potentials)")
    check_outputs(page, [potential, *inputs, *([against] if against else [])])
    if figures is not None and figures.exists() and not figures.is_dir():
        raise DataError(f"--figures {figures} is a file, expected a folder")
    report = make_report(potential, inputs, against, how, threads, log)
    if report.errors is not None:
        log.print(error_table({"data": report.errors}))
        log.print(parts_table(report.reading))
    if report.comparison is not None:
        log.print(likeness_table(report.comparison.found, (potential.name, report.comparison.name)))
    sections = report_sections(report)
    with log.progress("page", len(sections), "sections") as tick:
        page.parent.mkdir(parents=True, exist_ok=True)
        write_text(page, report_page(report, sections, tick))
    log.print(f"written: {page}")
    if figures is not None:
        panels = [panel for section in sections for panel in section.panels]
        write_figures(figures, panels)
        log.print(f"written: {len(panels)} figures, as PNG and SVG, in {figures}")
    return report


def _is_potential(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return is_potential(file.read(1000))
