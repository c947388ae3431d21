"""Which filters several potentials share: the same curves ρ_m, f_m and g_m over distances in units of lengths."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from os.path import commonpath
from pathlib import Path

import numpy as np

from snnp import _core
from snnp.data import DataError
from snnp.models.filters import Filters
from snnp.models.filters_file import is_filters, read_filters
from snnp.models.gauge import without_floor
from snnp.splines import END

_SAME = 1e-9  # of the largest coefficient or knot: rounding of a file
_EXPECTED = (
    "expected potentials of one fit of several systems, or of fits with the filters of one file, frozen "
    "(--against compares potentials of the same elements that share nothing)"
)


@dataclass(frozen=True)
class System:
    """A potential, without floor. length: by which its distances are divided, Å, or, where bond lengths are not known,
    in units of that of the first system.
    """

    name: str
    file: Path
    potential: _core.Potential
    length: float

    @property
    def elements(self) -> list[str]:
        """Chemical symbols."""
        return [e.name for e in self.potential.elements]


@dataclass(frozen=True)
class Sharing:
    """What potentials share. curves: those of ρ, or of f and g, or both; none of what is not shared.

    file: of filters, if one was given. known: whether lengths are in Å.
    """

    curves: Filters
    length: float  # of the curves, in the units of those of systems
    file: Path | None
    known: bool
    systems: list[System]

    @property
    def shared(self) -> list[int]:
        """Numbers of the shared filters, from 0, among those of each potential."""
        n2 = self.systems[0].potential.n2 if self.systems else self.curves.n2
        return [*range(self.curves.n2), *range(n2, n2 + self.curves.n3)]


def find_sharing(files: Sequence[Path]) -> Sharing:
    """What potentials, and a file of filters or none, have in common.

    Raises DataError if it is nothing, snnp.Error for a file that is not valid; each with one sentence.
    """
    if twice := next(
        (file for n, file in enumerate(files) if file.resolve() in {f.resolve() for f in files[:n]}), None
    ):
        raise DataError(f"{twice} is given twice: expected different files")
    given = [file for file in files if is_filters(file)]
    if len(given) > 1:
        raise DataError(f"{given[0]} and {given[1]} are files of filters: expected one at most")
    potentials = {file: without_floor(_core.read_potential(str(file))) for file in files if file not in given}
    sets = {file: read_filters(file) for file in given} | {file: _own(p, file) for file, p in potentials.items()}
    # The order of curves is known of files of filters, and of potentials of one element.
    first = min(sets, key=lambda file: (file not in given, len(sets[file].elements) != 1))
    curves = replace(sets[first], elements=[""])
    for file, other in sets.items():
        n2, n3 = (n if same else 0 for n, same in zip((curves.n2, curves.n3), _same(curves, other), strict=True))
        if not n2 + n3:
            raise DataError(f"{file} and {first} have neither ρ, nor f with g, in common: {_EXPECTED}")
        curves = replace(curves, rho=[curves.rho[0][:, :n2]], f=[curves.f[0][:, :n3]], g=[curves.g[0][:, :n3]])
    units = {file: _length(sets[file], curves) for file in potentials}
    known = bool(curves.bond_length)
    unit = curves.bond_length if known else 1 / next(iter(units.values()), 1.0)
    names = _names(list(potentials))
    systems = [System(names[file], file, p, unit * units[file]) for file, p in potentials.items()]
    return Sharing(curves, unit, given[0] if given else None, known, systems)


def _own(p: _core.Potential, file: Path) -> Filters:
    """The curves of a potential of which all its filters are combinations; raises DataError if there are none."""
    E, tables = len(p.elements), []
    if not p.n2 + p.n3:
        raise DataError(f"{file} has no filters: {_EXPECTED}")
    for name, splines, n, end in (("ρ", p.rho, p.n2, END), ("f", p.f, p.n3, END), ("g", p.g, p.n3, 0)):
        curves = _curves(splines, n)
        if curves is None:
            raise DataError(f"{file} has functions {name} of its own for each pair of elements: {_EXPECTED}")
        if len({tuple(s.knots) for s in curves}) > 1 or any(
            np.any(s.coefficients[len(s.knots) + 2 - end :]) for s in curves
        ):
            raise DataError(f"{file} has functions {name} that are not like those of the kind snnp: {_EXPECTED}")
        knots = np.array(curves[0].knots if curves else p.pairs[0].phi.knots)
        functions = len(knots) + 2 - end
        tables.append((knots, np.array([s.coefficients[:functions] for s in curves]).reshape(n, functions).T))
    (pair_knots, rho), (radial_knots, f), (angle_knots, g) = tables
    return Filters([""] * E, [pair_knots], [rho], [radial_knots], [f], angle_knots, [g])


def _curves(splines: Sequence[_core.Spline], n: int) -> list[_core.Spline] | None:
    """The n curves of which splines, n for each pair or triple of elements, are; None: there are more."""
    if len(splines) == n:
        return list(splines)
    parts = [curve for spline in splines for curve in spline.curves or [spline]]
    found = {(tuple(s.knots), tuple(s.coefficients)): s for s in parts}
    return list(found.values()) if len(found) == n else None


def _same(curves: Filters, other: Filters) -> tuple[bool, bool]:
    """Whether ρ, and f with g, are the same, in the same order where there is one element."""
    ordered = len(other.elements) == 1

    def alike(a: np.ndarray, b: np.ndarray) -> bool:
        if a.shape != b.shape or not a.size:
            return False
        near = (np.abs(a[:, :, None] - b[:, None, :]) <= _SAME * np.abs(a).max()).all(0)
        return bool(near.diagonal().all() if ordered else near.any(0).all() and near.any(1).all())

    two = alike(curves.rho[0], other.rho[0]) and _proportional(curves.pair_knots[0], other.pair_knots[0])
    three = alike(curves.f[0], other.f[0]) and _proportional(curves.radial_knots[0], other.radial_knots[0])
    same_g = alike(curves.g[0], other.g[0]) and np.allclose(curves.angle_knots, other.angle_knots, rtol=0, atol=_SAME)
    return two, three and same_g


def _proportional(a: np.ndarray, b: np.ndarray) -> bool:
    return len(a) == len(b) and bool(np.allclose(a / a[-1], b / b[-1], rtol=0, atol=_SAME))


def _length(own: Filters, curves: Filters) -> float:
    """Of a system, by that of the curves."""
    name = "pair_knots" if curves.n2 else "radial_knots"
    return float(getattr(own, name)[0][-1] / getattr(curves, name)[0][-1])


def _names(files: Sequence[Path]) -> dict[Path, str]:
    """Names of files without endings, with their folders where they are needed."""
    short = {file: file.name.removesuffix(".snnp") for file in files}
    if len(set(short.values())) == len(files):
        return short
    above = Path(commonpath([file.absolute().parent for file in files]))
    return {file: str(file.absolute().relative_to(above)).removesuffix(".snnp") for file in files}
