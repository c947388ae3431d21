"""Files of LAMMPS' pair_style table: a pair potential as energies and forces on a grid that is uniform in r²."""

from pathlib import Path

import numpy as np

from snnp import _core
from snnp.convert.base import ConvertError, Options, write_text
from snnp.convert.forms import reduce, used, with_zbl
from snnp.convert.setfl import HIGHEST
from snnp.convert.splines import Cubic

_NEAREST = 0.1  # Å: LAMMPS stops when atoms come closer than a table begins
_MOST_POINTS = 64000


def write(p: _core.Potential, path: Path, options: Options) -> None:
    """A `*.table` file with a section El_El for each pair of elements, to be run by `pair_style table spline N`."""
    form = reduce(p, "pair_style table")
    if used(form):
        raise ConvertError("the potential is more than a pair potential, which is all that pair_style table holds")
    if any(form.e0):
        options.note("pair_style table has no energies of isolated atoms: the energy of separated atoms is 0")
    functions = [
        (form.name(n).replace("-", "_"), s, form.zbl(*ab))
        for n, (s, ab) in enumerate(zip(form.phi, form.pairs, strict=True))
    ]
    points = 1000
    while True:
        points *= 2
        errors = [_error(s, zbl, points) for _, s, zbl in functions]
        if max(e for e, _ in errors) <= options.tolerance or 2 * points > _MOST_POINTS:
            break
    text = f"#{p.comment}\n# for pair_style table spline {points}\n"
    for (name, s, zbl), (error, _) in zip(functions, errors, strict=True):
        r, value, slope = _samples(s, zbl, points)
        text += f"\n{name}\nN {points} RSQ {float(r[0])!r} {float(r[-1])!r}\n\n"
        text += "".join(
            f"{n} {float(a)!r} {float(e)!r} {float(-d)!r}\n"
            for n, (a, e, d) in enumerate(zip(r, value, slope, strict=True), 1)
        )
        options.note(
            f"φ {name}: {points} points from {r[0]:g} to {r[-1]:g} Å, error {error:.1e} eV, relative where it is larger"
        )
    options.note(
        f"run it with: pair_style table spline {points}, pair_coeff 1 1 {path.name} {functions[0][0]} {r[-1]:g}"
    )
    write_text(path, text)


def _samples(s: Cubic, zbl, points: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Distances, energies and slopes."""
    r = np.sqrt(np.linspace(_NEAREST**2, s.back**2, points))
    r[[0, -1]] = _NEAREST, s.back
    return r, *with_zbl(s, zbl, r)


def _error(s: Cubic, zbl, points: int) -> tuple[float, float]:
    """Largest errors of energy and force (relative where these are above 1 eV or 1 eV/Å) of what LAMMPS makes of the
    table, cubic splines of both over r², where φ is below 1000 eV."""
    r, value, slope = _samples(s, zbl, points)
    x = r**2
    energy = Cubic.through(x, value, slope[0] / (2 * r[0]), slope[-1] / (2 * r[-1]))
    edges = [(slope[k] - slope[j]) / (x[k] - x[j]) for k, j in ((1, 0), (-1, -2))]
    force = Cubic.through(x, slope, *edges)
    at = 0.5 * (r[1:] + r[:-1])
    v, d = with_zbl(s, zbl, at)
    low = np.abs(v) <= HIGHEST
    of_value = (np.abs(energy(at**2) - v) / (1 + np.abs(v)))[low].max()
    of_slope = (np.abs(force(at**2) - d) / (1 + np.abs(d)))[low].max()
    return float(of_value), float(of_slope)
