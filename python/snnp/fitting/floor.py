"""A floor under the energies of atoms that are unlike those of the training data.

What data do not show is an extrapolation of splines and networks, and may be far below the ground state. Few atoms of
the data have less energy than in the ground state, or nearly as little. Others that have are held to be wrong: outside
a box around the filters G of these few, along their principal components, an atom has at least the energy of a coarse
potential that knows the lengths of bonds only,

    C = ε + E_c (s − 1)²,  s² = ρ / ρ_0,  ρ = Σ_j exp(−p (r_ij / d_ij − 1)),

with ε and ρ_0 the energy and the density of an atom in the ground state. It is a sum of pair repulsions and roots of
densities (Finnis and Sinclair, Phil. Mag. A 50, 45, 1984); as the repulsion falls off twice as fast as the root, no
coordination is better than another, and nothing is below ε. E_c is so small that C is softer than materials are: where
the energy is right, the floor is below it. Bonds shorter than any in the data count more and more. See
`snnp._core.Floor` for how it acts. It begins slowly where atoms leave the box: an energy that changes much within the
movement of one time step is not conserved.
"""

import copy
import itertools
from collections.abc import Iterable, Sequence

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from snnp import _core
from snnp.data.neighbors import NeighborLists
from snnp.fitting.ground_states import GroundState
from snnp.models.potentials import with_inputs
from snnp.splines import END, SplineFunction, interpolate, project

# Bulk moduli, volumes and cohesive energies of metals and semiconductors ask for p between 6 and 8.
_DECAY = 7.0
# eV, E_c, if that is not more than this part of the energy of an isolated atom above ε. Where that is next to nothing,
# there is no floor. Bulk moduli times volumes ask for 0.5 eV (Li) to 5 eV.
_COHESION, _PART, _LEAST = 0.9, 0.25, 0.05
# eV: the floor takes over from C + this to C − this, and C is below ε by as much: a crystal of the ground state that is
# strained may be outside the box, and is lifted by nothing.
_SOFTNESS = 0.01
# Atoms of the data whose energy is less than C + this, eV, make the box: thermal motion at 1200 K. At least this part.
_NEAR, _SOME = 0.1, 0.01
# How far beyond a side of the box the floor is at half its height: this part of its half width, but at least as far as
# filters change when all atoms move at random by so much, Å; the step with which that is found, Å.
_WIDTH, _ONSET, _STEP = 0.2, 0.1, 1e-4
# Principal components of filters of unit variance: smaller standard deviations count as this one, and the box is at
# least so many of them wide. What is left are rounding errors.
_SMALLEST, _NARROWEST = 1e-2, 3.0
# Combinations of elements that the data lack may be lower than those that they show: by so many times what energies of
# atoms of an element differ by among ground states.
_UNSEEN = 2.0
# Atoms whose filters are looked at together.
_BLOCK = 10_000
# Bonds shorter than any of the data, by the shortest: how much steeper they are, where they continue linearly.
_STEEP, _CLOSEST = 15.0, 0.75
# Of bonds, equal in spacing: a kernel looks up as many in registers.
_BOND_KNOTS = 30
# Of the root, s ≈ √(x + ε) with x = ρ/ρ_0, so that its slope at zero is finite; the last knot in x; knots.
_SOFT, _DENSEST, _KNOTS = 0.02, 4.0, 40


def with_floor(
    potential: _core.Potential,
    structures: Sequence[_core.Structures],
    ground: Sequence[GroundState],
    lists: NeighborLists,
    threads: int,
    unseen: bool = False,
) -> _core.Potential:
    """The same potential with floors; the potential itself, if there is nothing to base one on.

    structures: all training data, one frame each. unseen: whether they lack combinations of elements. φ becomes the
    first two-body filter, since the floor is one of the whole energy, and the bonds of C the second.
    """
    if potential.n2 + potential.n3 == 0 or not ground:
        return potential
    p = _with_filters(copy.deepcopy(potential))
    engine = _core.Engine(p)
    atoms = _atoms(engine, structures, threads)
    floors = _levels(engine, ground, lists, threads, _UNSEEN if unseen else 0.0)
    elements = p.elements
    for here, element, (level, density) in zip(atoms, elements, floors, strict=True):
        depth = min(_COHESION, _PART * (element.e0 - level))
        if np.isfinite(level) and depth > _LEAST and here.count > 1:
            element.floor = _floor(here, level, density, depth, min(_SOFTNESS, element.e0 - level - depth))
    if not any(element.floor.directions for element in elements):
        return potential
    p.elements = elements
    p.check()
    return p


class _Atoms:
    """Those of one element: filters G (atoms, filters) of each frame, energies (atoms,), eV, and sums over atoms of
    products of what filters change by as all atoms move at random by 1 Å, (filters, filters).

    Filters of all atoms are what takes memory: nothing makes a copy of them all.
    """

    def __init__(self, filters: int):
        self.G: list[np.ndarray] = []
        self._energies: list[np.ndarray] = []
        self._products, self.count = np.zeros((filters, filters)), 0

    def add(self, G: np.ndarray, energies: np.ndarray, changes: np.ndarray) -> None:
        """Takes atoms of a frame."""
        self.G.append(G)
        self._energies.append(energies)
        self._products += changes.T @ changes
        self.count += len(G)

    def low(self, C: _core.Spline, density: np.ndarray) -> np.ndarray:
        """Filters of those that the floor C would lift, or nearly so, (some, filters)."""
        rho = np.concatenate([G @ density for G in self.G])
        gap = SplineFunction(C, continues=True)(rho) - np.concatenate(self._energies)
        low = gap > min(-_NEAR, np.quantile(gap, 1 - _SOME))
        of_frames = np.split(low, np.cumsum([len(G) for G in self.G])[:-1])
        return np.concatenate([G[some] for G, some in zip(self.G, of_frames, strict=True)])

    def spread(self) -> np.ndarray:
        """Standard deviations of filters, (filters,)."""
        mean = sum(G.sum(0) for G in self.G) / self.count
        return np.sqrt(sum(((G - mean) ** 2).sum(0) for G in self.G) / self.count)

    def changes(self, P: np.ndarray) -> np.ndarray:
        """Root mean squares of what P G changes by, (rows of P,)."""
        return np.sqrt(np.sum((P @ self._products) * P, axis=1) / self.count)


def _atoms(engine: _core.Engine, structures: Iterable[_core.Structures], threads: int) -> list[_Atoms]:
    """Of each element."""
    potential, rng = engine.potential, np.random.default_rng(0)
    found = [_Atoms(potential.n2 + potential.n3) for _ in potential.elements]
    for s in structures:
        out, moved = engine.evaluate(s, threads), engine.evaluate(_moved(s, rng), threads)
        G = out["filters"][:, 1:]
        changes = (moved["filters"][:, 1:] - G) / _STEP
        for a in np.unique(s.elements):
            here = s.elements == a
            found[a].add(G[here], out["energies"][here], changes[here])
    return found


def _moved(s: _core.Structures, rng: np.random.Generator) -> _core.Structures:
    """The same with all atoms a little away from where they are, by random vectors."""
    step = _STEP * rng.normal(size=(len(s.elements), 3))
    vectors = s.vectors + step[s.indices] - np.repeat(step, np.diff(s.offsets), axis=0)
    return _core.Structures(s.offsets, s.indices, vectors, s.elements, s.structure, s.n_structures)


def _with_filters(p: _core.Potential) -> _core.Potential:
    """φ and the bonds of C as two-body filters; the energy stays as it is."""
    q, E = _core.Potential(), len(p.elements)
    q.comment, q.n2, q.n3 = p.comment, p.n2 + 2, p.n3
    radial, filters = (p.rho, p.n2) if p.n2 else (p.f, p.n3)
    radii = [covalent_radii[atomic_numbers[e.name]] for e in p.elements]
    rho = []
    for a, b in itertools.product(range(E), repeat=2):
        pair, first = p.pairs[p.pair_index(a, b)], radial[(a * E + b) * filters].knots[0]
        rho += [pair.phi, _bond(pair, first, radii[a] + radii[b])]
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
    element.network = with_inputs(element.network, lambda W: np.pad(W, ((0, 0), (2, 0))))
    return element


def _bond(pair: _core.Pair, first: float, length: float) -> _core.Spline:
    """What a neighbour adds to ρ; it comes to zero over the last third of φ, and is steep where no data are.

    first: knot of other filters, Å. If that is the same for all pairs, so are the knots, as kernels like it.
    """
    last = pair.phi.knots[-1]
    shortest = pair.shortest or first
    knots = np.linspace(_CLOSEST * first, last, _BOND_KNOTS)

    def value(r):
        x = np.clip(3 * (r - shortest) / (last - shortest) - 2, 0, 1)
        near = np.maximum(1 - r / shortest, 0)
        return np.exp(-_DECAY * (r / length - 1) + _STEEP * near**2 / (near + 0.05)) * (
            1 - x**3 * (10 - 15 * x + 6 * x**2)
        )

    return _core.Spline(knots, np.r_[project(value, knots, len(knots) + 2 - END), np.zeros(END)])


def _levels(
    engine: _core.Engine, ground: Sequence[GroundState], lists: NeighborLists, threads: int, lower: float
) -> list[tuple[float, float]]:
    """ε, eV, and ρ_0 of each element; infinite: it is in no ground state.

    ρ_0 is that of the ground state in which its atoms have the least energy. ε is that energy, raised alike for all
    elements as much as is needed for no ground state to be above it, and lowered by so many times what energies of
    atoms of this element differ by among ground states.
    """
    E, states = len(engine.potential.elements), []
    means, densities = np.full((len(ground), E), np.nan), np.zeros((len(ground), E))
    for n, state in enumerate(ground):
        s = lists.of(state.frame.atoms)
        out = engine.evaluate(s, threads)
        for a in set(s.elements.tolist()):
            here = s.elements == a
            means[n, a] = out["energies"][here].mean() - state.excess
            densities[n, a] = out["filters"][here, 2].mean()
        states.append((s.elements, float(out["energies"].mean()) - state.excess))
    least, most = np.fmin.reduce(means), np.fmax.reduce(means)
    above = max(energy - least[kinds].mean() for kinds, energy in states)
    epsilon = least + max(above, 0.0) - lower * (most - least) - _SOFTNESS
    return [
        (level, densities[np.nanargmin(column), a]) if np.isfinite(level) else (np.inf, 1.0)
        for a, (level, column) in enumerate(zip(epsilon, means.T, strict=True))
    ]


def _floor(atoms: _Atoms, level: float, ground: float, depth: float, softness: float) -> _core.Floor:
    """Of one element; ground: density of bonds in the ground state."""
    floor = _core.Floor()
    floor.width, floor.softness = _WIDTH, softness
    floor.density = np.r_[0.0, 1 / ground, np.zeros(atoms.G[0].shape[1] - 2)]
    x = np.linspace(0, np.sqrt(_DENSEST), _KNOTS) ** 2
    f = x - 2 * (np.sqrt(x + _SOFT) - np.sqrt(_SOFT))
    lowest_f = (1 - _SOFT) - 2 * (1 - np.sqrt(_SOFT))
    floor.C = _core.Spline(x, interpolate(x, level + depth * (f - lowest_f) / -lowest_f, radial=False))
    directions, floor.centres = _slow(*_box(atoms.low(floor.C, floor.density), atoms.spread()), atoms)
    floor.directions = directions.ravel()
    return floor


def _box(G: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Directions (n, filters) and centres (n,) of a box around filters G (atoms, filters); spread: of more atoms."""
    size = np.maximum(spread, 1e-9 * max(spread.max(), 1e-9))
    mean = G.mean(0)
    blocks = [slice(n, n + _BLOCK) for n in range(0, len(G), _BLOCK)]
    X = ((G[some] - mean) / size for some in blocks)
    values, vectors = np.linalg.eigh(sum(x.T @ x for x in X) / len(G))
    P = (vectors / np.maximum(np.sqrt(np.maximum(values, 0)), _SMALLEST)).T / size
    P = np.vstack([P, np.eye(len(size))[1] / size[1]])  # the density of bonds by itself
    ends = [(y.min(0), y.max(0)) for y in (G[some] @ P.T for some in blocks)]
    lowest, highest = np.min([low for low, _ in ends], axis=0), np.max([high for _, high in ends], axis=0)
    half = np.maximum((highest - lowest) / 2, np.r_[np.full(len(P) - 1, _NARROWEST), _SMALLEST])
    return P / half[:, None], -(lowest + highest) / (2 * half)


def _slow(P: np.ndarray, q: np.ndarray, atoms: _Atoms) -> tuple[np.ndarray, np.ndarray]:
    """The same box |P G + q| < 1, beyond whose sides the floor begins more slowly.

    Where the width is too little for what filters of atoms change by, a row for each of the two
    sides takes the place of one for both: s (y − 1) + 1 and s (y + 1) − 1, with s so far below 1 that a row is at its
    other side only where the floor is half there.
    """
    reach = _ONSET * atoms.changes(P)
    fast = reach > _WIDTH
    s = np.minimum(_WIDTH / reach[fast], 1 - _WIDTH / 2)
    P_fast, q_fast = s[:, None] * P[fast], s * q[fast]
    return np.vstack([P[~fast], P_fast, P_fast]), np.r_[q[~fast], q_fast + 1 - s, q_fast - 1 + s]
