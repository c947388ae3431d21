"""A page of HTML that needs nothing else: headings, tables and figures, for light and dark, wide and narrow screens."""

import html
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from matplotlib import rc_context
from matplotlib.figure import Figure
from rich.table import Table

from snnp import __version__

_STYLE = """
:root { color-scheme: light dark; --text: #1f2328; --faint: #57606a; --line: #d0d7de; --back: #ffffff;
  --pass: #1a7f37; --info: #57606a; --warn: #9a6700; --fail: #cf222e; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --faint: #9da7b3; --line: #3d444d; --back: #0d1117;
  --pass: #3fb950; --info: #9da7b3; --warn: #d29922; --fail: #ff7b72; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--text); background: var(--back);
  max-width: 74rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; margin-bottom: 0; }
h2 { font-size: 1.25rem; margin-top: 2.2rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.4rem 0 .3rem; } a { color: inherit; }
p, ul.sentences { max-width: 52rem; } .origin { color: var(--faint); margin-top: .2rem; }
nav { column-width: 14rem; margin: 1rem 0; } nav a { display: block; padding: .15rem 0; }
div.table { overflow-x: auto; margin: .6rem 0; } table { border-collapse: collapse; }
caption { text-align: left; color: var(--faint); padding-bottom: .2rem; }
th, td { text-align: left; padding: .2rem 1.1rem .2rem 0; vertical-align: top; font-weight: 400;
  max-width: min(28rem, 60vw); }
th[scope=row] { min-width: 6rem; } thead th { border-bottom: 1px solid var(--line); font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; } .source { color: var(--faint); }
.verdict { font-weight: 600; } .pass { color: var(--pass); } .info { color: var(--info); }
.warn { color: var(--warn); } .fail { color: var(--fail); } ul.sentences { padding-left: 1.2rem; }
.figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)); gap: 1.2rem; }
figure { margin: .8rem 0 0; }
figure svg { display: block; background: #fff; max-width: 100%; height: auto;
  box-sizing: border-box; padding: .4rem; border-radius: .3rem; }
figcaption { color: var(--faint); font-size: .875rem; padding-top: .2rem; }
.figures svg { width: 100%; } .wide { overflow-x: auto; } .wide svg { max-width: none; }
pre { overflow-x: auto; font-size: .875rem; line-height: 1.4; } summary { cursor: pointer; }
@media print { figure, tr { break-inside: avoid; } }
"""

# A tenth of a point cannot be seen. Points of lines that are nearer to the line of others than that are left out.
_COORDINATES, _DIGITS = re.compile(r' (?:d|x|y)="[^"]*"'), re.compile(r"(\.\d)\d+")
# Names of groups are the same in each figure, and nothing refers to them.
_NAMES, _HEAD = re.compile(r'<g id="[^"]*"'), re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_MINUS = re.compile(r"(?<![\w.-])-(?=[\d.])")
_WIDE = 6.0  # inches
_SMALL = {"svg.fonttype": "none", "font.sans-serif": ["DejaVu Sans", "Verdana"], "path.simplify_threshold": 0.2}
_NO_METADATA = dict.fromkeys(("Date", "Creator", "Format", "Type"))


def document(title: str, generator: str, body: Iterable[str]) -> str:
    """The whole page. generator: the command that writes it, by which it knows its own pages again."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="{text(generator)} {__version__}">\n'
        f"<title>{text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def text(content: object) -> str:
    """Any text as HTML, with − before numbers."""
    return _MINUS.sub("−", verbatim(content))


def verbatim(content: object) -> str:
    """Any text as HTML, as it is."""
    return html.escape(str(content))


def table(heads: Sequence[tuple[str, str]], rows: Iterable[Sequence[str]], caption: str = "") -> Iterator[str]:
    """A table; the first cell of each row names it.

    heads: titles of columns, and the class of their cells: "number", "source" or none. rows: cells as HTML.
    """
    yield '<div class="table"><table>' + (f"<caption>{text(caption)}</caption>" if caption else "")
    yield "<thead><tr>" + "".join(f'<th scope="col"{_class(c)}>{text(h)}</th>' for h, c in heads)
    yield "</tr></thead><tbody>"
    for first, *others in rows:
        cells = zip(others, (c for _, c in heads[1:]), strict=True)
        name = f'<th scope="row">{first}</th>' if first else "<td></td>"
        yield f"<tr>{name}" + "".join(f"<td{_class(c)}>{v}</td>" for v, c in cells) + "</tr>"
    yield "</tbody></table></div>"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def picture(figure: Figure, name: str, says: str, caption: str = "") -> str:
    """A figure with a text in its place for who does not see it.

    name: unlike that of other figures of the page, for the names that are used in it. Figures that are wider than a
    telephone's screen keep their size and can be moved there.
    """
    wide = figure.get_figwidth() > _WIDE
    below = f"<figcaption>{text(caption)}</figcaption>" if caption else ""
    drawing = _drawing(figure, name).replace("<svg ", f'<svg role="img" aria-label="{text(says)}" ', 1)
    return f"<figure{_class('wide' if wide else '')}>{drawing}{below}</figure>"


def _drawing(figure: Figure, name: str) -> str:
    file = io.StringIO()
    with rc_context({**_SMALL, "svg.hashsalt": name}):
        figure.savefig(file, format="svg", metadata=_NO_METADATA)
    drawing = file.getvalue()
    drawing = _NAMES.sub("<g", _HEAD.sub("", drawing[drawing.index("<svg") :]))
    return _COORDINATES.sub(lambda found: _DIGITS.sub(r"\1", found[0]), drawing)


def from_rich(content: Table) -> Iterator[str]:
    """A table of the console, whose cells are text."""
    heads = [(str(c.header), "number" if c.justify == "right" else "") for c in content.columns]
    rows = zip(*(c.cells for c in content.columns), strict=True)
    return table(heads, ([text(cell) for cell in row] for row in rows), str(content.title or ""))
