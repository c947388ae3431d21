"""Random potentials and structures for tests."""

import numpy as np
from ase import Atoms
from ase.build import bulk

from snnp import _core
from snnp.splines import interpolate


def random_spline(rng, first, last, knots, ends_at_zero=True, uniform=True, scale=1.0):
    """A spline with random coefficients; radial ones end with value, slope and curvature zero."""
    x = np.linspace(first, last, knots)
    if not uniform:
        x[1:-1] += rng.uniform(-0.3, 0.3, knots - 2) * (last - first) / (knots - 1)
    c = scale * rng.normal(size=knots + 2)
    if ends_at_zero:
        c[-3:] = 0
    return _core.Spline(x, c)


def random_network(rng, inputs, hidden=(6, 5), activation="tanh"):
    net = _core.Network()
    net.activation = activation
    layers = []
    for outputs in (*hidden, 1):
        weights = rng.normal(size=outputs * inputs) / np.sqrt(inputs)
        layers.append(_core.Layer(inputs, outputs, weights, 0.3 * rng.normal(size=outputs)))
        inputs = outputs
    net.layers = layers
    return net


def random_potential(elements=("Si",), seed=0, n2=3, n3=4, cutoff=5.0, activation="tanh", uniform=True, core=True):
    """A potential with random splines whose cutoffs differ from filter to filter, and random networks.

    activation: tanh, silu, squareplus; or density, for splines U of a density in place of networks; or none.
    """
    rng = np.random.default_rng(seed)
    p = _core.Potential()
    p.comment = " DATE: 2026-01-01 UNITS: metal CONTRIBUTOR: tests CITATION: none"
    p.n2, p.n3 = n2, n3
    p.elements = [_random_element(rng, name, n2 + n3, activation) for name in elements]
    E, pairs = len(elements), len(elements) * (len(elements) + 1) // 2

    def radial(longest):
        last = longest * (1.0 if uniform else rng.uniform(0.8, 1.0))
        return random_spline(rng, rng.uniform(1.3, 1.6), last, int(rng.integers(6, 11)), uniform=uniform, scale=0.3)

    p.pairs = [_random_pair(radial(cutoff), core) for _ in range(pairs)]
    p.rho = [radial(cutoff) for _ in range(E * E * n2)]
    p.f = [radial(0.8 * cutoff) for _ in range(E * E * n3)]
    p.g = [random_spline(rng, -1, 1, int(rng.integers(5, 9)), False, uniform, scale=0.3) for _ in range(E * pairs * n3)]
    p.check()
    return p


def _random_element(rng, name, filters, activation):
    e = _core.Element()
    e.name, e.e0 = name, rng.normal()
    e.linear = 0.3 * rng.normal(size=filters)
    if activation == "density":
        e.density, e.U = rng.normal(size=filters), random_spline(rng, -0.5, 1.0, 7, False, uniform=False)
    elif activation != "none":
        e.network = random_network(rng, filters, activation=activation)
    e.lowest, e.highest = -np.ones(filters), np.ones(filters)
    return e


def _random_pair(phi, core):
    pair = _core.Pair()
    pair.phi = phi
    if core:
        pair.zbl_inner, pair.zbl_outer = 1.0, 2.2
    pair.shortest = 1.9
    return pair


def with_tensors(potential, seed=0):
    """Adds random V(r_ij, r_ik, r_jk) of uneven knots and cutoffs, up to one that is left out."""
    rng = np.random.default_rng(seed)
    E = len(potential.elements)
    potential.V = [_random_tensor(rng, b == c) for _ in range(E) for b in range(E) for c in range(b, E)]
    if E > 1:
        potential.V = [*potential.V[:-1], _core.Tensor()]
    potential.check()
    return potential


def with_floor(potential, seed=0):
    """Adds random floors, from which some atoms are far and some near, on one side or the other."""
    rng = np.random.default_rng(seed)
    filters, elements = potential.n2 + potential.n3, potential.elements
    for n, element in enumerate(elements):
        floor = _core.Floor()
        floor.directions, floor.centres = 0.5 * rng.normal(size=(filters + n) * filters), rng.normal(size=filters + n)
        floor.width, floor.softness = 0.7, 0.4
        floor.density = rng.normal(size=filters)
        C = random_spline(rng, -0.5, 1.0, 7, False, uniform=False)
        below = float(C(np.zeros(1))[0]) + floor.softness - element.e0 + 0.1
        floor.C = _core.Spline(C.knots, np.array(C.coefficients) - below)
        element.floor = floor
    potential.elements = elements
    potential.check()
    return potential


def with_four_body(potential, seed=0, degree=3, radial=3, mixtures=None):
    """Adds random four-body terms, of the last of several elements none; their cutoff is between those of f and ρ."""
    rng, elements = np.random.default_rng(seed), potential.elements
    E = len(elements)
    for element in elements[: max(E - 1, 1)]:
        terms = _core.FourBody()
        terms.degree, terms.radial, terms.mixtures = degree, radial, mixtures or min(E, 2)
        terms.inner, terms.outer, terms.cutoff = 1.3, 2.1, rng.uniform(3.5, 4.8)
        terms.bound = 2.0
        terms.weights = rng.normal(size=terms.mixtures * E)
        terms.coefficients = 0.1 * rng.normal(size=_core.four_body_count(degree, radial * terms.mixtures))
        element.four_body = terms
    potential.elements = elements
    potential.check()
    return potential


def _random_tensor(rng, symmetric):
    ij, ik, jk = (
        random_spline(rng, first, rng.uniform(0.9, 1.0) * last, n, uniform=False).knots
        for first, last, n in [(1.5, 3.9, 6), (1.4, 4.2, 5), (1.2, 7.5, 8)]
    )
    c = 0.1 * rng.normal(size=(len(ij) + 2, len(ij if symmetric else ik) + 2, len(jk) + 2))
    c[-3:], c[:, -3:], c[:, :, -3:] = 0, 0, 0
    if symmetric:
        return _core.Tensor(ij, ij, jk, c + c.swapaxes(0, 1))
    return _core.Tensor(ij, ik, jk, c)


def with_shared_angles(potential):
    """The potential of two elements, with the g of two like neighbours the same for both elements of these."""
    g, n3 = potential.g, potential.n3
    for first in (0, 3 * n3):
        g[first + 2 * n3 : first + 3 * n3] = g[first : first + n3]
    potential.g = g
    return potential


def open_ended(potential):
    """φ that end with a value and a slope, on knots of which one stands twice."""
    pairs = potential.pairs
    for n, pair in enumerate(pairs):
        knots = np.array(pair.phi.knots)
        knots[3] = knots[2]
        pair.phi = _core.Spline(knots, np.random.default_rng(n).normal(size=len(knots) + 2), open=True)
    potential.pairs = pairs
    potential.check()
    return potential


def silicon():
    """A potential like a fitted one: silicon after Stillinger and Weber (1985), with a small network on top.

    It knows nothing below 1.9 Å but its repulsive core, and says which range of filter values it knows.
    """
    A, B, epsilon, sigma, a = 7.049556277, 0.6022245584, 2.1683, 2.0951, 1.80
    last = 0.999 * a * sigma

    def tail(r, gamma=1.0):
        return np.exp(gamma * sigma / (r - a * sigma))

    r, c = np.linspace(1.9, last, 16), np.linspace(-1, 1, 6)
    p = _core.Potential()
    p.comment = " DATE: 2026-01-01 UNITS: metal CONTRIBUTOR: tests CITATION: none"
    p.n2, p.n3 = 1, 1
    element = _core.Element()
    element.name, element.e0, element.linear = "Si", -0.5, [0.0, 21.0 * epsilon]
    net = _core.Network()
    net.activation = "tanh"
    net.layers = [_core.Layer(2, 2, [0.3, 0.5, -0.2, 0.4], [0.1, 0.0]), _core.Layer(2, 1, [0.2, -0.1], [0.0])]
    element.network = net
    element.lowest, element.highest = [0.0, 0.0], [1.5, 0.1]
    p.elements = [element]
    pair = _core.Pair()
    pair.phi = _interpolated(r, A * epsilon * (B * (sigma / r) ** 4 - 1) * tail(r))
    pair.zbl_inner, pair.zbl_outer, pair.shortest = 0.95, 1.9, 1.9
    p.pairs = [pair]
    p.rho = [_interpolated(r, tail(r))]
    p.f = [_interpolated(r, tail(r, 1.2))]
    p.g = [_interpolated(c, (c + 1 / 3) ** 2, radial=False)]
    p.check()
    return p


def _interpolated(x, y, radial=True):
    return _core.Spline(x, interpolate(x, y, radial))


def write(potential, path):
    _core.write_potential(potential, str(path))
    return path


def shaken(atoms, amplitude=0.1, seed=0):
    """A copy with Gaussian displacements, Å."""
    atoms = atoms.copy()
    atoms.positions += np.random.default_rng(seed).normal(scale=amplitude, size=atoms.positions.shape)
    return atoms


def liquid(elements, seed=0, n=20, amplitude=0.25, spacing=2.4):
    """Up to 27 atoms at usual distances in a periodic cell: Gaussian displacements from a simple cubic lattice, Å."""
    rng = np.random.default_rng(seed)
    grid = np.array(list(np.ndindex(3, 3, 3)))[:n] * spacing
    symbols = [elements[k % len(elements)] for k in range(n)]
    return Atoms(symbols, grid + rng.normal(0, amplitude, (n, 3)), cell=[3 * spacing] * 3, pbc=True)


def alternating(atoms, elements):
    """A copy with the elements dealt out in turn."""
    atoms = atoms.copy()
    atoms.set_chemical_symbols([elements[i % len(elements)] for i in range(len(atoms))])
    return atoms


def structures(elements=("Si",)):
    """Named structures that between them hold what a neighbour list can get wrong."""
    si = bulk("Si", "diamond", a=5.43)
    cubic = bulk("Si", "diamond", a=5.43, cubic=True)
    triclinic = shaken(si.repeat((2, 2, 3)), seed=1)
    triclinic.set_cell(
        triclinic.cell.array @ (np.eye(3) + [[0.02, 0.06, -0.04], [0, -0.03, 0.08], [0, 0, 0.01]]), scale_atoms=True
    )
    cluster = shaken(cubic, seed=2)
    cluster.pbc = False
    slab = shaken(cubic.repeat((1, 1, 2)), seed=3)
    slab.center(vacuum=6.0, axis=2)
    slab.pbc = (True, True, False)
    crowded = shaken(bulk("Si", "fcc", a=3.4, cubic=True).repeat((2, 1, 1)), seed=4)
    cases = {
        "triclinic": triclinic,
        "crowded": crowded,
        "one_atom_cell": bulk("Si", "fcc", a=3.0),
        "two_atom_cell": shaken(bulk("Si", "diamond", a=5.0), seed=5),
        "cluster": cluster,
        "slab": slab,
        "sparse": shaken(bulk("Si", "sc", a=4.6).repeat(2), seed=6),
        "dimer": Atoms("Si2", [[0, 0, 0], [1.2, 0.3, 0.4]]),
        "isolated": Atoms("Si"),
    }
    return {name: alternating(atoms, elements) for name, atoms in cases.items()}
