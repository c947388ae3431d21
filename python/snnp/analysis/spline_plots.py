"""The splines of a potential over the data that determine them, the filters that count marked."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snnp import _core
from snnp.analysis.coverage import Histogram
from snnp.analysis.panels import (
    COLORS,
    DASHES,
    Panel,
    angle_axis,
    draw_data,
    draw_knots,
    draw_map,
    fit_to_data,
    legend,
    percent,
    side_by_side,
)
from snnp.analysis.reading import CARRY, Reading, read_potential
from snnp.models.gauge import without_floor
from snnp.models.shape import unordered_pairs
from snnp.splines import basis

_LABELLED = 7  # lines that can be told apart
_ZERO = 1e-9  # rounding
_POINTS = 200  # of a curve


@dataclass
class DrawnCurve:
    """A spline times a factor. label: of a filter that counts, with the number of its colour and dashes."""

    spline: _core.Spline
    factor: float = 1.0
    label: str = ""
    style: int = 0


def splines(potential: _core.Potential, structures: Sequence[_core.Structures] = ()) -> Figure:
    """All splines of a potential: φ by pair, ρ, f and g by centre and neighbours, U by element; and slices of V.

    structures: its training data or a sample, with neighbours as far as the potential reaches; see `spline_panels`.
    Numbers of filters are those of the file (without those of a floor), which in the standard gauge
    (`snnp.models.gauge`) are by contribution.
    """
    reading = read_potential(potential, structures) if structures else None
    groups = spline_panels(without_floor(potential), reading)
    return side_by_side(list(groups.values()), how_to_read(reading, potential))


def how_to_read(reading: Reading | None, p: _core.Potential) -> str:
    """What the marks of the panels mean, in lines."""
    lines = ["Ticks at the bottom: knots."]
    if reading is not None:
        lines[0] += " Grey area: how often the data have this distance or angle (root); hatched: never."
        if p.n2 + p.n3:
            lines += [
                f"Labelled: filters that carry {percent(CARRY)} of what all filters add"
                f" (at most {_LABELLED}), with their share.",
                "ρ times the root mean square ∂E/∂G: eV per neighbour. f times the root of the mean ∂E/∂G:",
                "f(r)² g(θ) is eV of two neighbours at r.",
            ]
    return "\n".join(lines)


def spline_panels(p: _core.Potential, reading: Reading | None) -> dict[str, list[Panel]]:
    """Panels of a potential without floor, by "φ", "ρ", "f", "g", "U" and "V", those that it has.

    reading: what data say of it. With them ρ is drawn times the root mean square ∂E/∂G of the filter, eV, f times the
    square root of the size of its mean, and g with its sign; grey areas are distributions of distances and angles, and
    hatching shows where there are none. The vertical axis is for where data are.
    """
    found = {"φ": list(_phi(p, reading)), "ρ": list(_rho(p, reading)) if p.n2 else []}
    if p.n3:
        found |= {"f": list(_f(p, reading)), "g": list(_g(p, reading))}
    names = [e.name for e in p.elements]
    found["U"] = [
        Panel(f"U_{e.name}", f"U, {e.name}", f"Embedding energy of {e.name} by density.", _embedding(e))
        for e in p.elements
        if len(e.density)
    ]
    found["V"] = [
        _slice(f"V_{'-'.join(names[x] for x in abc)}", f"V(r, r, θ), eV, {_between(names, abc)}", V)
        for abc, V in zip(triplets(p), p.V, strict=False)
        if V.knots_ij
    ]
    return {name: panels for name, panels in found.items() if panels}


def pairs(p: _core.Potential) -> list[tuple[int, int]]:
    """Unordered pairs of elements."""
    return unordered_pairs(len(p.elements))


def triplets(p: _core.Potential) -> list[tuple[int, int, int]]:
    """Centres with unordered pairs of neighbours, in the order of the file."""
    return [(a, b, c) for a in range(len(p.elements)) for b, c in pairs(p)]


def _between(names: Sequence[str], abc: tuple[int, int, int]) -> str:
    a, b, c = (names[x] for x in abc)
    return f"{a} between {b} and {c}"


# -- panels -------------------------------------------------------------------------------------------------------


def _distances(p: _core.Potential, reading: Reading | None, a: int, b: int) -> Histogram | None:
    return reading and reading.coverage.distances[p.ordered_index(a, b)]


def _phi(p: _core.Potential, reading: Reading | None):
    names = [e.name for e in p.elements]
    for a, b in pairs(p):
        curve, data = p.pairs[p.pair_index(a, b)].phi, _distances(p, reading, a, b)
        name = f"{names[a]}–{names[b]}"
        x = np.linspace(*(data.seen if data and data.seen else (curve.knots[0], curve.knots[-1])), _POINTS)
        low = x[np.argmin(curve(x))]
        says = f"Pair potential of {name}: lowest, {curve(np.array([low]))[0]:.3g} eV, at {low:.2f} Å{_seen(data)}."
        yield curves_panel(
            f"phi_{names[a]}-{names[b]}", f"φ, {name}", says, "φ, eV", [DrawnCurve(curve)], data, steep=True
        )


def _rho(p: _core.Potential, reading: Reading | None):
    names, unit = [e.name for e in p.elements], "filter units" if reading is None else "eV"
    for a in range(len(names)):
        for b in range(len(names)):
            k, data = p.ordered_index(a, b) * p.n2, _distances(p, reading, a, b)
            curves = [DrawnCurve(p.rho[k + m], _size(reading, a, m), *_label(reading, a, m)) for m in range(p.n2)]
            title = f"ρ, centre {names[a]}, neighbour {names[b]}"
            says = f"{_count(p.n2, 'two-body filter')} of centre {names[a]} and neighbour {names[b]}"
            says += _carried(reading, a, range(p.n2)) + _seen(data) + "."
            title += _together(reading, a, range(p.n2))
            yield curves_panel(f"rho_{names[a]}-{names[b]}", title, says, f"ρ, {unit}", curves, data)


def _f(p: _core.Potential, reading: Reading | None):
    names, unit = [e.name for e in p.elements], "√(filter units)" if reading is None else "√eV"
    here = range(p.n2, p.n2 + p.n3)
    for a in range(len(names)):
        for b in range(len(names)):
            k, data = p.ordered_index(a, b) * p.n3, _distances(p, reading, a, b)
            curves = [
                DrawnCurve(p.f[k + n], np.sqrt(abs(_slope(reading, a, m))), *_label(reading, a, m))
                for n, m in enumerate(here)
            ]
            title = f"f, centre {names[a]}, neighbour {names[b]}"
            says = f"Radial functions of {_count(p.n3, 'three-body filter')} of centre {names[a]} and neighbour "
            says += names[b] + _carried(reading, a, here) + _seen(data) + "."
            title += _together(reading, a, here)
            yield curves_panel(f"f_{names[a]}-{names[b]}", title, says, f"f, {unit}", curves, data)


def _g(p: _core.Potential, reading: Reading | None):
    names, here = [e.name for e in p.elements], range(p.n2, p.n2 + p.n3)
    for abc in triplets(p):
        a, k = abc[0], p.triplet_index(*abc)
        data = reading and reading.coverage.cosines[k]
        signs = [1.0 if _slope(reading, a, m) >= 0 else -1.0 for m in here]
        curves = [DrawnCurve(p.g[k * p.n3 + n], signs[n], *_label(reading, a, m)) for n, m in enumerate(here)]
        says = f"Angular functions of {_count(p.n3, 'three-body filter')}, {_between(names, abc)}"
        says += _carried(reading, a, here) + _seen(data, "angles") + "."
        name = f"g_{'-'.join(names[x] for x in abc)}"
        yield curves_panel(name, f"g, {_between(names, abc)}", says, "g", curves, data, angular=True)


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'s' if n > 1 else ''}"


def _slope(reading: Reading | None, a: int, m: int) -> float:
    """The mean ∂E/∂G, eV; 1 if there are no data."""
    return 1.0 if reading is None else float(reading.slopes[a, m])


def _size(reading: Reading | None, a: int, m: int) -> float:
    """The root mean square ∂E/∂G, eV, with the sign of its mean; 1 if there are no data.

    In the standard gauge the mean is zero for two-body filters.
    """
    if reading is None:
        return 1.0
    size = float(reading.slope_sizes[a, m])
    return -size if reading.slopes[a, m] < -_ZERO * size else size


def _carrying(shares: np.ndarray) -> np.ndarray:
    """Filters that are labelled, the first first."""
    order = np.argsort(-shares, kind="stable")
    chosen = order[: np.searchsorted(np.cumsum(shares[order]), CARRY) + 1][:_LABELLED]
    return chosen[shares[chosen] > 0]


def _label(reading: Reading | None, a: int, m: int) -> tuple[str, int]:
    """A text with the share of a filter that is among those that carry most, and its number among them."""
    if reading is None:
        return "", 0
    shares, n2 = reading.shares[a], reading.potential.n2
    carry = _carrying(shares)
    if m not in carry:
        return "", 0
    number = m + 1 if m < n2 else m + 1 - n2
    return f"{number}: {percent(shares[m])}", int(np.nonzero(carry == m)[0][0])


def _together(reading: Reading | None, a: int, here: range) -> str:
    """What some filters carry, where none of them is labelled."""
    if reading is None or any(_label(reading, a, m)[0] for m in here):
        return ""
    return f"\nall together {percent(reading.shares[a, here].sum())}"


def _carried(reading: Reading | None, a: int, here: range) -> str:
    return "" if reading is None else f"; they carry {percent(reading.shares[a, here].sum())} of what filters add"


def _seen(data: Histogram | None, what: str = "distances") -> str:
    if data is None:
        return ""
    if not data.seen:
        return f"; the data have no such {what}"
    if what == "angles":
        high, low = np.degrees(np.arccos(np.clip(data.seen, -1, 1)))
        return f"; the data have angles from {low:.0f}° to {high:.0f}°"
    return f"; the data have distances from {data.seen[0]:.2f} to {data.seen[1]:.2f} Å"


# -- drawing ------------------------------------------------------------------------------------------------------


def curves_panel(
    name: str,
    title: str,
    says: str,
    ylabel: str,
    curves: list[DrawnCurve],
    data: Histogram | None,
    angular: bool = False,
    steep: bool = False,
) -> Panel:
    """Curves of one kind. data: histogram under them. angular: over cos θ. steep: repulsive at short distance;
    without data the axis is for the well."""

    def draw(axes: Axes) -> None:
        _draw(axes, ylabel, curves, data)
        low, high = axes.get_ylim()
        if steep and data is None and 0 < -low < high / 3:
            axes.set_ylim(1.1 * min(float(np.min(c.spline(np.array(c.spline.knots)))) for c in curves), -3 * low)
        if angular:
            angle_axis(axes)
        else:
            axes.set_xlabel("r, Å")

    return Panel(name, title, says, draw)


def _embedding(element: _core.Element):
    def draw(axes: Axes) -> None:
        _draw(axes, "U, eV", [DrawnCurve(element.U)], None)
        axes.set_xlabel("density")

    return draw


def _draw(axes: Axes, ylabel: str, curves: list[DrawnCurve], data: Histogram | None) -> None:
    first, last = curves[0].spline.knots[0], max(c.spline.knots[-1] for c in curves)
    x = np.linspace(first, last, _POINTS)
    values = [np.where(x <= c.spline.knots[-1], c.factor * c.spline(x), np.nan) for c in curves]
    for c, y in zip(curves, values, strict=True):
        if not c.label and len(curves) > 1:
            axes.plot(x, y, lw=0.6, color="#888888", zorder=2)
    for c, y in zip(curves, values, strict=True):
        if c.label or len(curves) == 1:
            color, dashes = COLORS[c.style % len(COLORS)], DASHES[c.style % len(DASHES)]
            axes.plot(x, y, lw=1.5, color=color, ls=dashes, label=c.label or None, zorder=3)
    axes.axhline(0, color="black", lw=0.4, zorder=1)
    axes.set_ylabel(ylabel)
    axes.set_xlim(first, last)
    fit_to_data(axes, x, values, data)
    draw_data(axes, data, first, last)
    draw_knots(axes, np.concatenate([c.spline.knots for c in curves]))
    legend(axes)


def _slice(name: str, title: str, V: _core.Tensor) -> Panel:
    """V of triangles with r_ij = r_ik = r, over their length and the angle between them."""
    r = np.linspace(max(V.knots_ij[0], V.knots_ik[0]), min(V.knots_ij[-1], V.knots_ik[-1]), 120)
    angle = np.linspace(30, 180, 121)
    opposite = 2 * r[:, None] * np.sin(np.radians(angle) / 2)
    jk = V.knots_jk
    seen = (opposite >= jk[0]) & (opposite <= jk[-1])
    inside = np.clip(opposite, jk[0], jk[-1]).ravel()
    functions = [basis(V.knots_ij)(r), basis(V.knots_ik)(r), basis(jk)(inside)]
    c = np.reshape(V.coefficients, [f.shape[1] for f in functions])
    radial = np.einsum("ra,rb,abc->rc", functions[0], functions[1], c)
    values = np.einsum("rc,rtc->rt", radial, functions[2].reshape(len(r), len(angle), -1))
    values = np.where(seen, values, np.nan)

    def draw(axes: Axes) -> None:
        draw_map(axes, r, angle, values.T)
        axes.set(xlabel="r, Å", ylabel="θ, °")

    low, high = np.nanmin(values), np.nanmax(values)
    return Panel(name, title, f"Map of the three-body tensor by distance and angle: {low:.3g} to {high:.3g} eV.", draw)
