"""Tables and figures of the documentation, written from docs/results.

In a page a table stands between `<!-- results: NAME -->` and `<!-- end of results -->`; NAME is one of `TABLES` in
tables.py. A figure carries in its metadata the digest of the numbers that it shows, since the bytes of a PNG also
depend on the versions of libraries.
"""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import atomic_energies
import constraints
from records import ELEMENTS, RESULTS, load
from tables import TABLES, accuracy, boundary

PAGES = (
    "README.md",
    "docs/accuracy.md",
    "docs/accurate.md",
    "docs/atomic-energies.md",
    "docs/boundary.md",
    "docs/fitting.md",
    "docs/pair_style_snnp.md",
    "docs/robustness.md",
    "docs/speed.md",
    "docs/systems.md",
    "docs/validated.md",
    "potentials/README.md",
)
# What each figure shows.
FIGURES: dict[str, Callable[[dict], object]] = {
    "docs/accuracy.png": accuracy,
    "docs/atomic-energies.png": lambda results: results["atomic_energies"]["results"],
    "docs/boundary.png": lambda results: [asdict(point) for point in boundary(results, "Mo")],
    "docs/boundary_Si.png": lambda results: [asdict(point) for point in boundary(results, "Si")],
    "docs/constraints.png": lambda results: results["constraints"]["results"]["eam"],
}
_PLACE = re.compile(r"(<!-- results: ([\w-]+) -->\n).*?(<!-- end of results -->)", re.DOTALL)
_DIGEST = "Digest of results"


def write(root: Path) -> None:
    """Fills all pages and draws all figures of the repository at `root`."""
    import figures

    results = read(root)
    for page in PAGES:
        path = root / page
        path.write_text(_filled(path.read_text(), results))
    drawn = {
        "docs/accuracy.png": figures.accuracy(accuracy(results), ELEMENTS),
        "docs/atomic-energies.png": atomic_energies.figure(results),
        "docs/boundary.png": figures.boundary(boundary(results, "Mo"), "Mo"),
        "docs/boundary_Si.png": figures.boundary(boundary(results, "Si"), "Si"),
        "docs/constraints.png": constraints.figure(results),
    }
    for name, figure in drawn.items():
        figure.savefig(root / name, dpi=150, metadata={_DIGEST: _digest(FIGURES[name](results))})


def outdated(root: Path) -> list[str]:
    """Pages and figures that do not show what docs/results holds, and tables that have no place in a page."""
    results = read(root)
    texts = {page: (root / page).read_text() for page in PAGES}
    pages = [page for page, text in texts.items() if _filled(text, results) != text]
    figures = [name for name, shown in FIGURES.items() if _digest_in(root / name) != _digest(shown(results))]
    placed = {name for text in texts.values() for _, name, _ in _PLACE.findall(text)}
    return pages + figures + [f"table {name}" for name in TABLES if name not in placed]


def read(root: Path) -> dict[str, dict]:
    """All results by name of their file."""
    return {path.stem: load(path) for path in sorted((root / RESULTS).glob("*.json"))}


def _filled(text: str, results: dict) -> str:
    """A page with its tables written anew."""
    return _PLACE.sub(lambda place: f"{place[1]}{TABLES[place[2]](results)}\n{place[3]}", text)


def _digest(numbers: object) -> str:
    return hashlib.sha256(json.dumps(numbers).encode()).hexdigest()


def _digest_in(figure: Path) -> str | None:
    from PIL import Image

    with Image.open(figure) as image:
        return image.info.get(_DIGEST)
