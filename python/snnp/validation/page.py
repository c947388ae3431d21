"""The record of a validation as one HTML file that needs nothing else: verdicts, tables, figures."""

from collections.abc import Iterable, Iterator
from datetime import date

from matplotlib.figure import Figure

from snnp.page import document, picture, table
from snnp.page import text as _text
from snnp.validation.check import Check
from snnp.validation.outcome import Line, Verdict
from snnp.validation.record import Record
from snnp.validation.table import Row, number, rows


def page(record: Record, checks: Iterable[Check]) -> str:
    """The whole page as HTML. checks: those that the record may hold, in the order of the page."""
    title = f"Validation of {record.model}"
    body = [f"<h1>{_text(title)}: {_verdict(record.verdict)}</h1>", *_head(record), *sentences(record)]
    for check in checks:
        body += section(record, check)
    return document(title, "snnp validate", body)


def _head(record: Record) -> Iterator[str]:
    identity = record.identity
    crystals = ", ".join(name for name, *_ in identity["crystals"]) or "none"
    others = identity["models"][1:]
    yield (
        f'<p class="origin">snnp {_text(identity["version"])}, {date.today()}; level {identity["level"]}; '
        f"crystals: {_text(crystals)}" + (f"; beside it {_text(', '.join(others))}" if others else "") + "</p>"
    )
    if not record.finished:
        yield "<p><b>Not finished:</b> the same command goes on.</p>"
    if record.left_out:
        yield f"<p>Left out: {_text('; '.join(f'{what} ({why})' for what, why in record.left_out.items()))}.</p>"


def sentences(record: Record) -> Iterator[str]:
    """What does not pass, the worst first, as a list in HTML."""
    found = record.complaints
    if not found:
        yield "<p>Nothing fails, and nothing is to be warned of.</p>"
        return
    yield '<ul class="sentences">'
    for verdict, subject, sentence in found:
        yield f"<li>{_verdict(verdict)} {_text(subject)}: {_text(sentence)}</li>"
    yield "</ul>"


def section(record: Record, check: Check, level: int = 2) -> Iterator[str]:
    """Tables and figures of one check for all its subjects, as HTML; nothing if the record does not have it.

    level: of the heading.
    """
    here = [row for row in rows(record) if row.check == check.name]
    if not here:
        return
    yield f"<h{level}>{_text(check.title)}</h{level}>"
    drawn = dict(figures(record, check))
    for subject in dict.fromkeys(row.subject for row in here):
        yield f"<h{level + 1}>{_text(subject)}</h{level + 1}>"
        yield from _table([row for row in here if row.subject == subject], record.identity["models"])
        if subject in drawn:
            name = f"{check.title}, {subject}"
            yield picture(drawn[subject], name, name)


def figures(record: Record, check: Check) -> Iterator[tuple[str, Figure]]:
    """What one check has to show, with the names of subjects."""
    of_check = {item: outcome for item, outcome in record.outcomes.items() if item.check == check.name}
    for subject in dict.fromkeys(item.subject for item in of_check):
        data = {item.model: outcome.data for item, outcome in of_check.items() if item.subject == subject}
        figure = check.figure(subject, data) if any(data.values()) else None
        if figure is not None:
            yield subject, figure


def _table(lines: list[Row], models: list[str]) -> Iterator[str]:
    heads = [("quantity", ""), *((name, "number") for name in models), ("reference", "number"), ("unit", "")]
    heads += [("verdict", ""), ("source of the reference", "source")]
    cells = [
        [
            _text(row.first.quantity),
            *(_value(row.lines.get(name)) for name in models),
            _text(number(row.first.reference)),
            _text(row.first.unit),
            _verdict(row.first.verdict),
            _text(row.first.source),
        ]
        for row in lines
    ]
    yield from table(heads, cells)


def _value(line: Line | None) -> str:
    return "–" if line is None else _text(number(line.value))


def _verdict(verdict: Verdict) -> str:
    return f'<span class="verdict {verdict.value}">{verdict.value}</span>'
