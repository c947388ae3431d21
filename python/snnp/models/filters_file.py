"""Files of filters that systems share, `*.filters.snnp`: potential files without energies, which no program runs.

They are written like the potential file of one element whose φ, linear term and network are zero, but for the second
line, which begins with `filters` in place of `snnp`; the shortest distance is the bond length for which curves are.
"""

from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np

from snnp import _core
from snnp.files import read_text, write_text
from snnp.models.filters import Filters, filters_of
from snnp.models.potentials import engine_spline
from snnp.splines import END

_MOST_BYTES = 100_000_000
_ELEMENT = "H"  # of the file, which has to have one; it means nothing


def write_filters(filters: Filters, comment: str, path: Path) -> None:
    """Writes filters of one centre and neighbour; comment: the first line without '#'."""
    p = bare_potential(filters)
    p.comment = comment
    write_text(path, _core.format_potential(p).replace("\nsnnp ", "\nfilters ", 1))


def bare_potential(filters: Filters) -> _core.Potential:
    """A potential of one element that has these filters, of one centre and neighbour, and no energies."""
    p = _core.Potential()
    p.n2, p.n3 = filters.n2, filters.n3
    element, pair = _core.Element(), _core.Pair()
    element.name, element.linear = _ELEMENT, np.zeros(filters.n2 + filters.n3)
    pair.phi = engine_spline(filters.pair_knots[0], np.zeros(len(filters.pair_knots[0]) + 2 - END), END)
    pair.shortest = filters.bond_length
    p.elements, p.pairs = [element], [pair]
    p.rho = [engine_spline(filters.pair_knots[0], c, END) for c in filters.rho[0].T]
    p.f = [engine_spline(filters.radial_knots[0], c, END) for c in filters.f[0].T]
    p.g = [engine_spline(filters.angle_knots, c, 0) for c in filters.g[0].T]
    p.check()
    return p


def is_filters(path: str | PathLike) -> bool:
    """Whether a file says that it holds filters only."""
    with open(path, "rb") as file:
        lines = file.read(4096).split(b"\n", 2)
    return len(lines) > 1 and lines[0].startswith(b"#") and lines[1].split()[:1] == [b"filters"]


def read_filters(path: str | PathLike) -> Filters:
    """The filters in such a file, of an element "", or of a potential; raises snnp.Error with one sentence."""
    only_filters = is_filters(path)
    if only_filters:
        p = _core.parse_potential(read_text(Path(path), _MOST_BYTES).replace("\nfilters ", "\nsnnp ", 1), str(path))
    else:
        p = _core.read_potential(str(path))
    try:
        filters = filters_of(p)
    except ValueError as error:
        raise _core.Error(f"{path}: {error}") from error
    return replace(filters, elements=[""], bond_length=p.pairs[0].shortest) if only_filters else filters


def describe_filters(path: str | PathLike) -> str:
    """What a file of filters holds, in two lines; raises snnp.Error with one sentence."""
    filters = read_filters(path)
    parts = [f"{filters.n2} two-body and {filters.n3} three-body filters, without energies"]
    for knots, count in ((filters.pair_knots[0], filters.n2), (filters.radial_knots[0], filters.n3)):
        parts += [f"from {knots[0]:.2f} to {knots[-1]:.2f} Å"] if count else []
    if filters.bond_length:
        parts.append(f"for bonds of {filters.bond_length:.4g} Å")
    return f"{first_line(path)}\n{'; '.join(parts)}"


def first_line(path: str | PathLike) -> str:
    """The comment that a file of filters begins with."""
    return read_text(Path(path), _MOST_BYTES).split("\n", 1)[0].removeprefix("#").strip()
