"""What bonds and angles cost on average: the terms of a potential to first order in its filters.

With s_m the mean ∂E/∂G_m over the data of the centre a, a bond has the energy

    φ_ab(r) + Σ_m [ s_a,m ρ_ab,m(r) + s_b,m ρ_ba,m(r) ]

and two neighbours j, k of a, with an angle θ between them,

    V(r_j, r_k, θ) = Σ_m s_a,m f_ab,m(r_j) f_ac,m(r_k) g_abc,m(cos θ) + the tensor of a kind that has one.

Unlike single filters, whose shapes trade with each other, these sums are the same however the filters are written.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from ase import Atoms
from matplotlib.axes import Axes

from snnp import _core
from snnp.analysis.coverage import Histogram
from snnp.analysis.panels import COLORS, DASHES, Panel, angle_axis, draw_data, draw_map, fit_to_data, legend
from snnp.analysis.reading import Reading
from snnp.analysis.spline_plots import pairs, triplets
from snnp.data.neighbors import structures
from snnp.splines import SplineFunction, basis

_POINTS = 200
_STRETCHES = (0.95, 1.0, 1.1)  # of first-neighbour distances, whose angular energies are drawn
_MAPPED = (0.85, 1.5)  # the same, of the map
_SMALLEST = 30.0  # degrees


def bond_energy(reading: Reading, a: int, b: int, r: np.ndarray) -> np.ndarray:
    """Of a pair at distances r (n,), Å, to first order, eV; the ZBL core with it."""
    p = reading.potential
    energy = SplineFunction(p.pairs[p.pair_index(a, b)].phi)(r) + p.repulsion(a, b, r)[0]
    for centre, other in ((a, b), (b, a)):
        for m in range(p.n2):
            rho = p.rho[p.ordered_index(centre, other) * p.n2 + m]
            energy = energy + reading.slopes[centre, m] * SplineFunction(rho)(r)
    return energy


def angle_energy(reading: Reading, abc: tuple[int, int, int], r_j, r_k, cosine) -> np.ndarray:
    """V of neighbours b at r_j and c at r_k of a centre a, Å, to first order, eV; arrays of one shape."""
    p, (a, b, c) = reading.potential, abc
    k = p.triplet_index(a, b, c)
    r_j, r_k, cosine = np.broadcast_arrays(r_j, r_k, cosine)
    energy = np.zeros(cosine.shape)
    for m in range(p.n3):
        f_j, f_k = (SplineFunction(p.f[p.ordered_index(a, x) * p.n3 + m]) for x in (b, c))
        energy += reading.slopes[a, p.n2 + m] * f_j(r_j) * f_k(r_k) * p.g[k * p.n3 + m](cosine)
    if k < len(p.V) and p.V[k].knots_ij:
        energy += _tensor(p.V[k], r_j, r_k, np.sqrt(np.maximum(r_j**2 + r_k**2 - 2 * r_j * r_k * cosine, 0)))
    return energy


def _tensor(V: _core.Tensor, *distances: np.ndarray) -> np.ndarray:
    knots = (V.knots_ij, V.knots_ik, V.knots_jk)
    inside = np.all([(r >= k[0]) & (r <= k[-1]) for r, k in zip(distances, knots, strict=True)], axis=0)
    functions = [basis(k)(np.clip(r, k[0], k[-1]).ravel()) for r, k in zip(distances, knots, strict=True)]
    c = np.reshape(V.coefficients, [f.shape[1] for f in functions])
    values = np.einsum("na,nb,nc,abc->n", *functions, c, optimize=True)
    return np.where(inside, values.reshape(inside.shape), 0.0)


# -- panels -------------------------------------------------------------------------------------------------------


def bond_panels(reading: Reading) -> Iterator[Panel]:
    """Of each pair of elements that the data have."""
    p, names = reading.potential, reading.names
    for a, b in pairs(p):
        data = reading.coverage.distances[p.ordered_index(a, b)]
        if data.seen:
            yield _bond_panel(reading, a, b, data, f"{names[a]}–{names[b]}")


def _bond_panel(reading: Reading, a: int, b: int, data: Histogram, name: str) -> Panel:
    p = reading.potential
    phi = SplineFunction(p.pairs[p.pair_index(a, b)].phi)
    r = np.linspace(max(0.85 * data.seen[0], 0.3), p.cutoff_of(a, b), _POINTS)
    energy = bond_energy(reading, a, b, r)
    inside = (r >= data.seen[0]) & (r <= data.seen[1])
    n = int(np.argmin(np.where(inside, energy, np.inf)))

    def draw(axes: Axes) -> None:
        axes.plot(r, energy, lw=1.6, color=COLORS[0], label="bond, first order", zorder=3)
        if np.abs(energy - phi(r))[inside].max() > 1e-3:
            axes.plot(r, phi(r), lw=1.2, color=COLORS[1], ls="--", label="φ alone", zorder=3)
        axes.axhline(0, color="black", lw=0.4)
        axes.set(xlim=(r[0], r[-1]), xlabel="r, Å", ylabel="energy, eV")
        fit_to_data(axes, r, [energy, phi(r)], data)
        draw_data(axes, data, r[0], r[-1])
        legend(axes)

    says = f"Energy of a bond {name} to first order: lowest, {energy[n]:.3g} eV, at {r[n]:.2f} Å."
    return Panel(f"bond_{name.replace('–', '-')}", f"bond {name}", says, draw)


def angle_panels(reading: Reading) -> Iterator[Panel]:
    """Of each centre with two neighbours that the data have: a map by angle and distance, and curves by angle."""
    p = reading.potential
    for abc in triplets(p) if p.n3 or len(p.V) else ():
        data = reading.coverage.cosines[p.triplet_index(*abc)]
        near = [float(reading.coverage.nearest[p.ordered_index(abc[0], x)]) for x in abc[1:]]
        if data.seen:
            yield _angle_map(reading, abc, near)
            yield _angle_curves(reading, abc, near, reading.coverage.first_cosines[p.triplet_index(*abc)])


def _angle_map(reading: Reading, abc: tuple[int, int, int], near: list[float]) -> Panel:
    a, b, c = (reading.names[x] for x in abc)
    stretch, angle = np.linspace(*_MAPPED, 90), np.linspace(_SMALLEST, 180, 121)
    legs = [stretch[:, None] * r for r in near]
    values = angle_energy(reading, abc, *legs, np.cos(np.radians(angle)))

    def draw(axes: Axes) -> None:
        draw_map(axes, angle, legs[0][:, 0], values)
        axes.axhline(near[0], color="black", lw=0.9, ls=":")
        axes.set(xlabel="θ, °", ylabel=f"r({a}–{b}), Å", xticks=range(30, 181, 30))

    n, m = np.unravel_index(np.argmin(values), values.shape)
    says = (
        f"Map of the energy of two neighbours {b} and {c} of {a} by distance and angle: lowest, {values[n, m]:.3g} eV, "
        f"at {legs[0][n, 0]:.2f} Å and {angle[m]:.0f}°; dotted: the first neighbours."
    )
    return Panel(f"angles_{a}-{b}-{c}", f"V(θ, r), eV: {a} between {b} and {c}", says, draw)


def _angle_curves(reading: Reading, abc: tuple[int, int, int], near: list[float], data: Histogram) -> Panel:
    a, b, c = (reading.names[x] for x in abc)
    cosine = np.linspace(-1, np.cos(np.radians(_SMALLEST)), _POINTS)
    curves = [angle_energy(reading, abc, *(s * r for r in near), cosine) for s in _STRETCHES]

    def draw(axes: Axes) -> None:
        for n, (stretch, curve) in enumerate(zip(_STRETCHES, curves, strict=True)):
            label = f"{stretch * near[0]:.2f} Å"
            axes.plot(cosine, curve, lw=1.8 if stretch == 1 else 1.1, color=COLORS[n], ls=DASHES[n], label=label)
        axes.axhline(0, color="black", lw=0.4)
        axes.set(xlim=(-1, cosine[-1]), ylabel="energy, eV")
        fit_to_data(axes, cosine, curves, data)
        draw_data(axes, data, -1, cosine[-1])
        angle_axis(axes)
        legend(axes)

    middle = curves[_STRETCHES.index(1.0)]
    least = np.degrees(np.arccos(cosine[np.argmin(middle)]))
    says = (
        f"Energy of two neighbours {b} and {c} of {a} by angle, at {near[0]:.2f} Å, the first neighbours, and nearer "
        f"and farther: lowest at {least:.0f}°, spread {np.ptp(middle):.3g} eV."
    )
    return Panel(f"angle_{a}-{b}-{c}", f"V at first neighbours: {a} between {b} and {c}", says, draw)


def trimer_panels(reading: Reading) -> Iterator[Panel]:
    """Of each centre with two neighbours that the data have: the energy of three atoms alone, by angle."""
    p = reading.potential
    for abc in triplets(p):
        near = [float(reading.coverage.nearest[p.ordered_index(abc[0], x)]) for x in abc[1:]]
        if np.isfinite(near).all():
            yield _trimer(reading, abc, near)


def trimer_energy(p: _core.Potential, abc: tuple[int, int, int], legs: Sequence[float], angles) -> np.ndarray:
    """Of a centre a with b and c at distances `legs`, Å, and angles (n,), degrees, less isolated atoms, (n,), eV."""
    names = [p.elements[x].name for x in abc]
    turned = np.radians(np.asarray(angles, dtype=float))
    ends = np.stack([np.cos(turned), np.sin(turned), np.zeros_like(turned)], axis=1)
    atoms = [Atoms(names, [[0, 0, 0], [legs[0], 0, 0], legs[1] * end]) for end in ends]
    s = structures(atoms, [e.name for e in p.elements], p.cutoff())
    energies = _core.Engine(p).evaluate(s, 1)["energies"].reshape(-1, 3).sum(axis=1)
    return energies - sum(p.elements[x].e0 for x in abc)


def _trimer(reading: Reading, abc: tuple[int, int, int], near: list[float]) -> Panel:
    a, b, c = (reading.names[x] for x in abc)
    angles = np.linspace(_SMALLEST + 10, 180, 71)
    curves = [trimer_energy(reading.potential, abc, [s * r for r in near], angles) for s in _STRETCHES]

    def draw(axes: Axes) -> None:
        for n, (stretch, curve) in enumerate(zip(_STRETCHES, curves, strict=True)):
            label = f"{stretch * near[0]:.2f} Å"
            axes.plot(angles, curve, lw=1.8 if stretch == 1 else 1.1, color=COLORS[n], ls=DASHES[n], label=label)
        axes.set(xlim=(angles[0], 180), xlabel="θ, °", ylabel="energy, eV")
        middle = curves[_STRETCHES.index(1.0)][angles > 60]
        axes.set_ylim(min(map(min, curves)) - 0.3 * np.ptp(middle), middle.max() + np.ptp(middle))
        legend(axes)

    middle = curves[_STRETCHES.index(1.0)]
    least = angles[np.argmin(middle)]
    says = f"Energy of a trimer by angle, {a} with {b} and {c} at {near[0]:.2f} Å, and nearer and farther: lowest, "
    return Panel(f"trimer_{a}-{b}-{c}", f"trimer {b}–{a}–{c}", f"{says}{middle.min():.3g} eV, at {least:.0f}°.", draw)
