"""A floor under the energies of atoms that are unlike those of the training data.

What data do not show is an extrapolation of splines and networks, and may be far below the ground state. The domain
of the data is a box around the filters G of all their atoms, along the principal components of G: filters vary
together, so that the box of each filter by itself holds much that no data are near to. Outside the box an atom has at
least the energy of a coarse potential that knows the lengths of bonds only,

    C = ε + E_c (s − 1)²,  s² = ρ / ρ_0,  ρ = Σ_j exp(−p (r_ij / d_ij − 1)),

with ε and ρ_0 the energy and the density of an atom in the ground state. It is a sum of pair repulsions and roots of
densities (Finnis and Sinclair, Phil. Mag. A 50, 45, 1984); as the repulsion falls off twice as fast as the root, no
coordination is better than another, and nothing is below ε. See `snnp._core.Floor` for how it acts.
"""

import itertools
from collections.abc import Sequence

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from snnp import _core
from snnp.data.neighbors import NeighborLists
from snnp.fitting.ground_states import GroundState
from snnp.splines import END, interpolate, project

# Bulk moduli, volumes and cohesive energies of metals and semiconductors ask for p between 6 and 8.
_DECAY = 7.0
# eV, E_c, if that is not more than this part of the energy of an isolated atom above ε. Where that is next to nothing,
# there is no floor.
_COHESION, _PART, _LEAST = 3.5, 0.9, 0.3
_SOFTNESS = 0.05  # eV
# Parts of the half width of the box.
_WIDTH = 0.05
# Principal components of filters of unit variance: smaller standard deviations count as this one, and the box is at
# least so many of them wide. What is left are rounding errors.
_SMALLEST, _NARROWEST = 1e-3, 3.0
# Of the root, s ≈ √(x + ε) with x = ρ/ρ_0, so that its slope at zero is finite; the last knot in x; knots.
_SOFT, _DENSEST, _KNOTS = 0.02, 4.0, 40


def with_floor(
    potential: _core.Potential,
    structures: Sequence[_core.Structures],
    ground: Sequence[GroundState],
    lists: NeighborLists,
    threads: int,
) -> _core.Potential:
    """The same potential with floors; no filters, or no ground states: the potential itself.

    structures: all that span the domain. φ becomes the first two-body filter, since the floor is one of the whole
    energy, and the bonds of C the second.
    """
    if potential.n2 + potential.n3 == 0 or not ground:
        return potential
    p = _with_filters(potential)
    engine = _core.Engine(p)
    found = [engine.evaluate(s, threads) for s in structures]
    G = np.concatenate([out["filters"][:, 1:] for out in found])
    kinds = np.concatenate([s.elements for s in structures])
    floors = _levels(engine, ground, lists, threads)
    elements = p.elements
    for a, (element, (level, density)) in enumerate(zip(elements, floors, strict=True)):
        depth = min(_COHESION, _PART * (element.e0 - level) - _SOFTNESS)
        here = G[kinds == a]
        if np.isfinite(level) and depth > _LEAST and len(here) > 1:
            element.floor = _floor(here, level, density, depth)
    p.elements = elements
    p.check()
    return p


def _with_filters(p: _core.Potential) -> _core.Potential:
    """φ and the bonds of C as two-body filters; the energy stays as it is."""
    q, E = _core.Potential(), len(p.elements)
    q.comment, q.n2, q.n3 = p.comment, p.n2 + 2, p.n3
    radii = [covalent_radii[atomic_numbers[e.name]] for e in p.elements]
    rho = []
    for a, b in itertools.product(range(E), repeat=2):
        phi = p.pairs[p.pair_index(a, b)].phi
        rho += [phi, _bond(np.array(phi.knots), radii[a] + radii[b])]
        rho += p.rho[(a * E + b) * p.n2 : (a * E + b + 1) * p.n2]
    q.rho = rho
    q.f, q.g = p.f, p.g
    q.elements = [_with_inputs(element) for element in p.elements]
    pairs = p.pairs
    for pair in pairs:
        pair.phi = _core.Spline(pair.phi.knots, np.zeros(len(pair.phi.coefficients)))
    q.pairs = pairs
    return q


def _with_inputs(element: _core.Element) -> _core.Element:
    element.linear = [0.5, 0.0, *element.linear]
    element.lowest = element.highest = []
    network = element.network
    if network.layers:
        first = network.layers[0]
        W = np.reshape(first.weights, (first.outputs, first.inputs))
        W = np.hstack([np.zeros((first.outputs, 2)), W])
        network.layers = [_core.Layer(first.inputs + 2, first.outputs, W.ravel(), first.biases), *network.layers[1:]]
        element.network = network
    return element


def _bond(knots: np.ndarray, length: float) -> _core.Spline:
    """What a neighbour adds to ρ, on these knots; it comes to zero over the last third of them."""

    def value(r):
        x = np.clip(3 * (r - knots[0]) / (knots[-1] - knots[0]) - 2, 0, 1)
        return np.exp(-_DECAY * (r / length - 1)) * (1 - x**3 * (10 - 15 * x + 6 * x**2))

    functions = len(knots) + 2 - END
    return _core.Spline(knots, np.r_[project(value, knots, functions), np.zeros(END)])


def _levels(
    engine: _core.Engine, ground: Sequence[GroundState], lists: NeighborLists, threads: int
) -> list[tuple[float, float]]:
    """ε, eV, and ρ_0 of each element: those of the ground state in which it has the least energy; infinite: in none."""
    levels = [(np.inf, 1.0)] * len(engine.potential.elements)
    for state in ground:
        s = lists.of(state.frame.atoms)
        out = engine.evaluate(s, threads)
        for a in set(s.elements.tolist()):
            here = s.elements == a
            level = float(out["energies"][here].mean()) - state.excess
            if level < levels[a][0]:
                levels[a] = level, float(out["filters"][here, 2].mean())
    return levels


def _floor(G: np.ndarray, level: float, ground: float, depth: float) -> _core.Floor:
    """G: filters of all atoms of one element, (atoms, filters)."""
    floor = _core.Floor()
    size = np.maximum(G.std(0), 1e-9 * max(G.std(0).max(), 1e-9))
    values, vectors = np.linalg.eigh(np.cov((G / size).T))
    P = (vectors / np.maximum(np.sqrt(np.maximum(values, 0)), _SMALLEST)).T / size
    lowest, highest = (G @ P.T).min(0), (G @ P.T).max(0)
    half = np.maximum((highest - lowest) / 2, _NARROWEST)
    floor.directions, floor.centres = (P / half[:, None]).ravel(), -(lowest + highest) / (2 * half)
    floor.width, floor.softness = _WIDTH, _SOFTNESS
    floor.density = np.r_[0.0, 1 / ground, np.zeros(G.shape[1] - 2)]
    x = np.linspace(0, np.sqrt(_DENSEST), _KNOTS) ** 2
    f = x - 2 * (np.sqrt(x + _SOFT) - np.sqrt(_SOFT))
    lowest_f = (1 - _SOFT) - 2 * (1 - np.sqrt(_SOFT))
    floor.C = _core.Spline(x, interpolate(x, level + depth * (f - lowest_f) / -lowest_f, radial=False))
    return floor
