"""The record of a validation as a table: one row for each quantity, models beside each other."""

import csv
import io
from dataclasses import dataclass

from snnp.validation.outcome import Line
from snnp.validation.record import Record


@dataclass(frozen=True)
class Row:
    """A quantity of a subject: the line of each model by its name."""

    check: str
    subject: str
    lines: dict[str, Line]

    @property
    def first(self) -> Line:
        """The line that holds reference and verdict: of the model that is validated, where it has one."""
        return next(iter(self.lines.values()))


def rows(record: Record) -> list[Row]:
    """All rows, in the order in which the checks were made."""
    found: dict[tuple[str, str, str], dict[str, Line]] = {}
    for model in record.identity["models"]:
        for item, outcome in record.of(model).items():
            for line in outcome.lines:
                found.setdefault((item.check, item.subject, line.quantity), {})[model] = line
    return [Row(check, subject, lines) for (check, subject, _), lines in found.items()]


def number(value: float | str | None) -> str:
    """A value as people write it: four digits; a dash if it is not known."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def as_csv(record: Record) -> str:
    """The table for spreadsheets, with a line for each model."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(
        ["check", "subject", "model", "quantity", "value", "unit", "reference", "source", "verdict", "sentence"]
    )
    for row in rows(record):
        for model, line in row.lines.items():
            cells = [line.quantity, line.value, line.unit, line.reference, line.source, line.verdict.value]
            writer.writerow([row.check, row.subject, model, *("" if c is None else c for c in cells), line.sentence])
    return file.getvalue()
