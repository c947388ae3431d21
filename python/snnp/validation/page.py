"""The record of a validation as one HTML file that needs nothing else: verdicts, tables, figures."""

import html
import io
import re
from collections.abc import Iterable, Iterator
from datetime import date

from matplotlib import rc_context
from matplotlib.figure import Figure

from snnp import __version__
from snnp.validation.check import Check
from snnp.validation.outcome import Line, Verdict
from snnp.validation.record import Record
from snnp.validation.table import Row, number, rows

_STYLE = """
:root { --pass: #1a7f37; --info: #57606a; --warn: #9a6700; --fail: #cf222e; }
body { font: 15px/1.5 system-ui, sans-serif; color: #1f2328; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.7rem; margin-bottom: 0; }
h2 { font-size: 1.2rem; margin-top: 2rem; border-bottom: 1px solid #d0d7de; }
h3 { font-size: 1rem; margin-bottom: .3rem; } .origin { color: #57606a; margin-top: .2rem; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .2rem .7rem .2rem 0; }
th { border-bottom: 1px solid #d0d7de; font-weight: 600; } td.number, th.number { text-align: right; }
td.number { font-variant-numeric: tabular-nums; } td.source { color: #57606a; }
.verdict { font-weight: 600; } .pass { color: var(--pass); } .info { color: var(--info); }
.warn { color: var(--warn); } .fail { color: var(--fail); }
ul.sentences { padding-left: 1.2rem; } figure { margin: 1rem 0; } svg { max-width: 100%; height: auto; }
"""


# A tenth of a point cannot be seen. Points of lines that are nearer to the line of others than that are left out.
_COORDINATES, _DIGITS = re.compile(r' (?:d|x|y)="[^"]*"'), re.compile(r"(\.\d)\d+")
_SMALL = {"svg.fonttype": "none", "font.sans-serif": ["DejaVu Sans"], "path.simplify_threshold": 0.2}


def page(record: Record, checks: Iterable[Check]) -> str:
    """The whole page as HTML. checks: those that the record may hold, in the order of the page."""
    title = f"Validation of {record.model}"
    body = [f"<h1>{_text(title)}: {_verdict(record.verdict)}</h1>", *_head(record), *_sentences(record)]
    for check in checks:
        body += _section(record, check)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="snnp validate {__version__}">\n'
        f"<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


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
    for what, why in record.left_out.items():
        yield f"<p>Left out: {_text(what)} ({_text(why)}).</p>"


def _sentences(record: Record) -> Iterator[str]:
    """What does not pass, the worst first."""
    found = record.complaints
    if not found:
        yield "<p>Nothing fails, and nothing is to be warned of.</p>"
        return
    yield '<ul class="sentences">'
    for verdict, subject, sentence in found:
        yield f"<li>{_verdict(verdict)} {_text(subject)}: {_text(sentence)}</li>"
    yield "</ul>"


def _section(record: Record, check: Check) -> Iterator[str]:
    here = [row for row in rows(record) if row.check == check.name]
    if not here:
        return
    yield f"<h2>{_text(check.title)}</h2>"
    for subject in dict.fromkeys(row.subject for row in here):
        yield f"<h3>{_text(subject)}</h3>"
        yield from _table([row for row in here if row.subject == subject], record.identity["models"])
        data = {
            item.model: outcome.data
            for item, outcome in record.outcomes.items()
            if (item.check, item.subject) == (check.name, subject)
        }
        figure = check.figure(subject, data) if any(data.values()) else None
        if figure is not None:
            name = f"{check.title}, {subject}"
            yield f'<figure role="img" aria-label="{_text(name)}">{_drawing(figure, name)}</figure>'


def _table(lines: list[Row], models: list[str]) -> Iterator[str]:
    heads = "".join(f'<th class="number">{_text(name)}</th>' for name in models)
    yield (
        f'<table><tr><th>quantity</th>{heads}<th class="number">reference</th><th>unit</th><th>verdict</th>'
        "<th>source of the reference</th></tr>"
    )
    for row in lines:
        values = "".join(f'<td class="number">{_value(row.lines.get(name))}</td>' for name in models)
        first = row.first
        yield (
            f'<tr><td>{_text(first.quantity)}</td>{values}<td class="number">{_text(number(first.reference))}</td>'
            f"<td>{_text(first.unit)}</td><td>{_verdict(first.verdict)}</td>"
            f'<td class="source">{_text(first.source)}</td></tr>'
        )
    yield "</table>"


def _value(line: Line | None) -> str:
    return "–" if line is None else _text(number(line.value))


def _verdict(verdict: Verdict) -> str:
    return f'<span class="verdict {verdict.value}">{verdict.value}</span>'


def _drawing(figure: Figure, name: str) -> str:
    """The figure as a part of the page; name: unlike that of other figures, for the names that are used in it."""
    file = io.StringIO()
    with rc_context({**_SMALL, "svg.hashsalt": name}):
        figure.savefig(file, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    drawing = file.getvalue()
    return _COORDINATES.sub(lambda found: _DIGITS.sub(r"\1", found[0]), drawing[drawing.index("<svg") :])


def _text(text: str) -> str:
    return html.escape(str(text))
