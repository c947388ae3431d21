"""φ of one pair of elements in a text file of two columns: distances in Å, rising, and energies in eV."""

from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

from snnp import _core
from snnp.convert.base import Reader
from snnp.convert.splines import Cubic

_FEWEST = 10  # rows
_FARTHEST = 30.0  # Å, as of cutoffs
# φ is zero beyond its end: so far, in eV and eV/Å, may a table be from that.
_END, _END_SLOPE = 1e-3, 0.02
_CORE = 0.8  # of the first distance, where the repulsion of a φ that has none begins, as in files of EAM
_EXPECTED = "expected two numbers, r in Å and φ in eV"


def read_table(path: Path) -> _core.Pair:
    """φ as the cubic spline through all points, which ends with value and slope zero; below the first point it goes on
    linearly, or with the ZBL repulsion if it does not rise there. Lines may have comments (#), and commas.

    Raises ConvertError, which names file and line.
    """
    r, phi, reader = [], [], Reader(path)
    for line in reader.lines:
        reader.line += 1
        words = line.partition("#")[0].replace(",", " ").split()
        if not words:
            continue
        if len(words) != 2:
            raise reader.fail(f"found {len(words)} word{'s' * (len(words) > 1)}, {_EXPECTED}")
        distance, energy = (reader.number(word, _EXPECTED.removeprefix("expected ")) for word in words)
        before = r[-1] if r else 0.0
        if not before < distance <= _FARTHEST:
            beyond = f"more than {before:g} Å" if distance <= before else f"at most {_FARTHEST:g} Å"
            raise reader.fail(f"found the distance {distance:g}, expected {beyond}")
        r.append(distance)
        phi.append(energy)
    if len(r) < _FEWEST:
        raise reader.fail(f"found {len(r)} rows, expected at least {_FEWEST}")
    slope = (phi[-1] - phi[-2]) / (r[-1] - r[-2])
    if abs(phi[-1]) > _END or abs(slope) > _END_SLOPE:
        raise reader.fail(
            f"the table ends at {r[-1]:g} Å with φ = {phi[-1]:.3g} eV and a slope of {slope:.3g} eV/Å; φ is zero "
            f"beyond: expected it to come to zero there (within {_END:g} eV and {_END_SLOPE:g} eV/Å)"
        )
    return _pair(np.array(r), np.array([*phi[:-1], 0.0]))


def _pair(r: np.ndarray, phi: np.ndarray) -> _core.Pair:
    s = CubicSpline(r, phi, bc_type=("not-a-knot", (1, 0.0)))
    knots, coefficients = Cubic(r, s.c[::-1].T, np.full(len(r) - 2, 2)).bspline()
    coefficients[-2:] = 0
    pair = _core.Pair()
    pair.phi = _core.Spline(knots, coefficients)
    if s(r[0], 1) >= 0:
        pair.zbl_inner, pair.zbl_outer = _CORE * r[0], r[0]
    return pair
