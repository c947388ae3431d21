"""The ZBL repulsion, for formats that hold nothing but splines: φ is continued below its first knot."""

from itertools import pairwise

import numpy as np

from snnp.convert.forms import Zbl, with_zbl
from snnp.convert.splines import Cubic

# No atom gets higher in simulations that these formats are for; from there on inwards, a straight line.
HIGHEST = 100.0  # eV

# Where no training data were, the ZBL repulsion is followed this closely, relative to 1 eV + its height.
_CLOSE = 0.02


def absorb_zbl(
    phi: Cubic, zbl: Zbl, tolerance: float, down_to: float | None = None, most: int = 1000
) -> tuple[Cubic, float, float]:
    """φ and its ZBL repulsion in one C² spline; exactly φ where the ZBL repulsion has ended.

    Uniform knots stay uniform as far as they are finer than before everywhere. tolerance: how close (eV) where φ has
    knots of its own. down_to: the spline has to reach down to there (Å); by default it ends where it is 100 eV high.
    most: how many breaks may be added. Returns the spline, its largest error below 100 eV (eV), and the distance of
    100 eV (Å).
    """
    inner = phi.x[phi.x >= zbl.outer * (1 - 1e-12)]
    kept = phi if len(inner) == 0 or inner[0] == phi.front else phi.cut(inner[0], phi.back)
    lowest = _distance_of(phi, zbl, HIGHEST, kept.front)

    def target(r):
        value, slope = with_zbl(phi, zbl, np.maximum(r, lowest))
        return value + slope * np.minimum(r - lowest, 0)

    best = None
    for parts in (1, 2, 4, 8, 16, 32):
        step = (kept.x[1] - kept.x[0]) / parts
        cells = min(max(int(np.ceil((kept.front - lowest) / step - 1e-9)), 1), int((kept.front - 1e-3) / step))
        if best and cells > most:
            break
        x = kept.front - step * np.arange(cells, -1, -1)
        below = _continued(kept, x if down_to is None or x[0] <= down_to else np.r_[down_to, x], target)
        r = np.linspace(max(lowest, below.front), below.back, 40 * len(below.x))
        error = np.abs(below(r) - target(r))
        best = below.joined(kept), float(error.max()), lowest
        if (error <= np.where(r < phi.front, _CLOSE, tolerance) * (1 + np.abs(target(r)))).all():
            break
    return best


def _distance_of(phi: Cubic, zbl: Zbl, energy: float, above: float) -> float:
    """The distance below `above` at which φ + ZBL rises over `energy`, Å."""
    r = np.linspace(above, 0.02, 4000)
    high = np.nonzero(with_zbl(phi, zbl, r)[0] >= energy)[0]
    return float(r[high[0]] if len(high) else r[-1])


def _continued(s: Cubic, x: np.ndarray, target) -> Cubic:
    """The C² continuation of s on breaks x, which end where s begins, closest to `target` by least squares."""
    t = np.r_[[x[0]] * 3, x, [x[-1]] * 3]
    n = len(x) + 2
    # Value, slope and curvature at the joint are those of s: its polynomial gives the last three coefficients.
    fixed = np.array([s.polar(0, t[j + 1 : j + 4]) for j in range(n - 3, n)])
    r = np.concatenate([np.linspace(a, b, 12, endpoint=False) for a, b in pairwise(x)])
    basis = Cubic.of_bspline(x, np.eye(n))(r)
    weight = 1 / (1 + np.abs(target(r)))
    right = (target(r) - basis[:, -3:] @ fixed) * weight
    free = np.linalg.lstsq(basis[:, :-3] * weight[:, None], right, rcond=None)[0]
    return Cubic.of_bspline(x, np.r_[free, fixed])
