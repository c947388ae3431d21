"""A standard gauge: of all ways to write one potential down, the one in which curves can be read and compared.

Energies do not depend on the scale of a filter, which its embedding can undo; on the scale of f, which g can undo; on
the order of filters; and on whether energy that is linear in ρ stands in ρ or in φ. In the standard gauge

- every f is 1 where it is largest over its knots (where all neighbours of a centre share one g, as they then still do:
  where it is largest for any of them); ρ and g of each filter are 1 where they are largest for any elements;
- φ is the effective pair potential: the embedding has no slope in any ρ on average over the data, as in an EAM whose U
  is flat there (Johnson, Phys. Rev. B 39, 12554 (1989));
- filters stand in the order of what they contribute to the energies of the data.

Total energies, forces and virials stay as they were, to rounding. Energies of atoms do, too, if there is one element;
of several, unlike neighbours then share the linear pair energy half and half. A floor, which acts outside the domain of
the data only, is left out.
"""

import copy
from collections.abc import Sequence

import numpy as np

from snnp import _core
from snnp.models.potentials import with_inputs

_GRID = 400  # points of a curve at which its largest value is looked for
_NOTHING = 1e-9  # of the largest contribution: rounding


def in_standard_gauge(
    potential: _core.Potential,
    structures: Sequence[_core.Structures],
    threads: int = 1,
    effective_pairs: bool = True,
) -> _core.Potential:
    """The same potential in the standard gauge of the data `structures` (neighbour lists within the cutoff, Å).

    effective_pairs: whether what is linear in ρ moves into φ; if not, energies of atoms stay as they are in any case.
    """
    p = without_floor(copy.deepcopy(potential))
    if not p.n2 + p.n3:
        return p
    G, kinds = filters(p, structures, threads)
    if effective_pairs:
        _with_effective_pairs(p, G, kinds)
    _scaled(p)
    order = np.concatenate([part + start for part, start in _orders(p, *filters(p, structures, threads))])
    _ordered(p, order.astype(int))
    p.check()
    return p


def without_floor(potential: _core.Potential) -> _core.Potential:
    """What a potential is inside the domain of its data, with φ as pair potential; without a floor it is itself.

    A fit with a floor writes φ as the first two-body filter and the bonds of the floor as the second one
    (`snnp.fitting.floor`).
    """
    if not any(len(e.floor.directions) for e in potential.elements):
        return potential
    p, n2 = copy.deepcopy(potential), potential.n2  # its elements and pairs are changed
    q, E = _core.Potential(), len(p.elements)
    q.comment, q.n2, q.n3, q.f, q.g, q.V = p.comment, n2 - 2, p.n3, p.f, p.g, p.V
    q.rho = [p.rho[ab * n2 + m] for ab in range(E * E) for m in range(2, n2)]
    pairs = p.pairs
    for a in range(E):
        for b in range(a, E):
            pairs[p.pair_index(a, b)].phi = p.rho[p.ordered_index(a, b) * n2]
    q.pairs, elements = pairs, p.elements
    for element in elements:
        element.floor, element.linear, element.energies = _core.Floor(), element.linear[2:], []
        element.lowest, element.highest = element.lowest[2:], element.highest[2:]
        element.network = with_inputs(element.network, lambda W: W[:, 2:])
    q.elements = elements
    q.check()
    return q


def filters(
    potential: _core.Potential, structures: Sequence[_core.Structures], threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Filters G of all atoms, (atoms, n2 + n3), in units of the filters, and their elements (atoms,)."""
    engine = _core.Engine(potential)
    found = [engine.evaluate(s, threads)["filters"][:, 1:] for s in structures]
    return np.concatenate(found), np.concatenate([s.elements for s in structures])


def embedding(element: _core.Element, G: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Energies of atoms beside φ and e0, (atoms,), eV, and their slopes (atoms, m) by filters G (atoms, m)."""
    slopes = np.tile(np.asarray(element.linear, dtype=float), (len(G), 1))
    energies = G @ slopes[0] if len(G) else np.zeros(0)
    if len(element.network.layers):
        value, slope = _network(element.network, np.vstack([G, np.zeros(G.shape[1])]))
        energies, slopes = energies + value[:-1] - value[-1], slopes + slope[:-1]
    if len(element.density):
        d = np.asarray(element.density)
        knots = np.asarray(element.U.knots)
        n = np.clip(G @ d, knots[0], knots[-1])
        slope = element.U(n, 1)
        energies = energies + element.U(n) + slope * (G @ d - n) - _at_zero(element)
        slopes = slopes + slope[:, None] * d
    return energies, slopes


def _at_zero(element: _core.Element) -> float:
    knots = np.asarray(element.U.knots)
    n = np.clip(np.zeros(1), knots[0], knots[-1])
    return float((element.U(n) + element.U(n, 1) * (0 - n))[0])


def _network(network: _core.Network, G: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """N(G), (atoms,), and ∂N/∂G, (atoms, filters): values forward, then slopes backward."""
    from snnp.reference import activation

    weights = [np.reshape(layer.weights, (layer.outputs, layer.inputs)) for layer in network.layers]
    values, local = G, []
    for W, layer in zip(weights[:-1], network.layers[:-1], strict=True):
        values, slope = activation(network.activation, values @ W.T + layer.biases)
        local.append(slope)
    back = np.tile(weights[-1], (len(G), 1))
    for W, slope in zip(weights[-2::-1], local[::-1], strict=True):
        back = (back * slope) @ W
    return (values @ weights[-1].T + network.layers[-1].biases)[:, 0], back


# -- the parts of the gauge ---------------------------------------------------------------------------------------


def _with_effective_pairs(p: _core.Potential, G: np.ndarray, kinds: np.ndarray) -> None:
    """Moves what is linear in ρ on average into φ, where their knots are the same."""
    E, n2 = len(p.elements), p.n2
    same = all(
        _core_equal(p.rho[p.ordered_index(a, b) * n2 + m].knots, p.pairs[p.pair_index(a, b)].phi.knots)
        for a in range(E)
        for b in range(E)
        for m in range(n2)
    )
    elements = p.elements
    if not n2 or not same or any(len(e.density) for e in elements):
        return
    moved = np.zeros((E, n2))
    for a, element in enumerate(elements):
        here = G[kinds == a]
        moved[a] = embedding(element, here)[1][:, :n2].mean(axis=0) if len(here) else 0.0
        linear = np.array(element.linear)
        linear[:n2] -= moved[a]
        element.linear = linear
    pairs, rho = p.pairs, p.rho
    for a in range(E):
        for b in range(a, E):
            pair = pairs[p.pair_index(a, b)]
            c = np.array(pair.phi.coefficients)
            for centre, neighbor in ((a, b), (b, a)):
                first = p.ordered_index(centre, neighbor) * n2
                for m in range(n2):
                    c += moved[centre, m] * np.array(rho[first + m].coefficients)
            pair.phi = _core.Spline(pair.phi.knots, c, pair.phi.open)
    p.elements, p.pairs = elements, pairs


def _core_equal(a, b) -> bool:
    return np.array_equal(np.asarray(a), np.asarray(b))


def _scaled(p: _core.Potential) -> None:
    """ρ, f and g of size 1; embeddings undo it."""
    E, n2, n3 = len(p.elements), p.n2, p.n3
    rho, f, g = p.rho, p.f, p.g
    factors = np.ones(n2 + n3)
    for m in range(n2):
        factors[m] = _largest([rho[ab * n2 + m] for ab in range(E * E)])
        for ab in range(E * E):
            rho[ab * n2 + m] = _times(rho[ab * n2 + m], 1 / factors[m])
    for m in range(n3):
        sizes = _leg_sizes(p, m)
        for ab in range(E * E):
            f[ab * n3 + m] = _times(f[ab * n3 + m], 1 / sizes[ab])
        kinds = {p.triplet_index(a, b, c): (a, b, c) for a in range(E) for b in range(E) for c in range(b, E)}
        for k, (a, b, c) in kinds.items():
            both = sizes[p.ordered_index(a, b)] * sizes[p.ordered_index(a, c)]
            g[k * n3 + m] = _times(g[k * n3 + m], both)
        factors[n2 + m] = _largest([g[k * n3 + m] for k in kinds])
        for k in kinds:
            g[k * n3 + m] = _times(g[k * n3 + m], 1 / factors[n2 + m])
    p.rho, p.f, p.g = rho, f, g
    _embeddings(p, lambda rows: rows * factors, lambda bounds: bounds / factors)


def _leg_sizes(p: _core.Potential, m: int) -> np.ndarray:
    """Largest values of f of a filter by centre and neighbour; one for all neighbours of a centre that share its g."""
    E, n3 = len(p.elements), p.n3
    sizes = np.empty(E * E)
    for a in range(E):
        legs = [p.ordered_index(a, b) for b in range(E)]
        angular = [p.g[p.triplet_index(a, b, c) * n3 + m] for b in range(E) for c in range(b, E)]
        shared = len({(tuple(s.knots), tuple(s.coefficients)) for s in angular}) == 1
        together = _largest([p.f[ab * n3 + m] for ab in legs])
        for ab in legs:
            sizes[ab] = together if shared else _largest([p.f[ab * n3 + m]])
    return sizes


def _largest(splines: Sequence[_core.Spline]) -> float:
    """The value that is largest in size, with its sign, over the knots of all splines; 1 if all are zero."""
    values = np.concatenate([s(np.linspace(s.knots[0], s.knots[-1], _GRID)) for s in splines])
    value = float(values[np.abs(values).argmax()])
    return value or 1.0


def _times(spline: _core.Spline, factor: float) -> _core.Spline:
    if spline.weights:
        return _core.combination(factor * np.array(spline.weights), spline.curves)
    return _core.Spline(spline.knots, factor * np.array(spline.coefficients), spline.open)


def _orders(p: _core.Potential, G: np.ndarray, kinds: np.ndarray):
    """Two-body and three-body filters by what each contributes, and where they begin."""
    found = contributions(p, G, kinds)
    found = np.where(found > _NOTHING * found.max(initial=0.0), found, 0.0)
    # Where none is left, as of what is linear in ρ, curves decide.
    shapes = [sum(p.rho[m].coefficients) for m in range(p.n2)]
    yield np.lexsort((shapes, -found[: p.n2])), 0
    yield np.argsort(-found[p.n2 :], kind="stable"), p.n2


def contributions(p: _core.Potential, G: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """How much each filter adds to atomic energies, (n2 + n3,), eV: root mean square change where it stays at its mean.

    G: filters (atoms, n2 + n3); kinds: elements (atoms,).
    """
    squares = np.zeros(p.n2 + p.n3)
    for a, element in enumerate(p.elements):
        here = G[kinds == a]
        if not len(here):
            continue
        energies = embedding(element, here)[0]
        for m in range(p.n2 + p.n3):
            without = here.copy()
            without[:, m] = here[:, m].mean()
            change = energies - embedding(element, without)[0]
            squares[m] += ((change - change.mean()) ** 2).sum()
    return np.sqrt(squares / max(len(G), 1))


def _ordered(p: _core.Potential, order: np.ndarray) -> None:
    n2, n3 = p.n2, p.n3
    two, three = order[:n2], order[n2:] - n2
    p.rho = [p.rho[k * n2 + m] for k in range(len(p.rho) // max(n2, 1)) for m in two]
    p.f = [p.f[k * n3 + m] for k in range(len(p.f) // max(n3, 1)) for m in three]
    p.g = [p.g[k * n3 + m] for k in range(len(p.g) // max(n3, 1)) for m in three]
    _embeddings(p, lambda rows: rows[..., order], lambda bounds: bounds[order])


def _embeddings(p: _core.Potential, rows, bounds) -> None:
    """Changes all that takes filters: `rows` of weights (…, filters), and `bounds` of filters (filters,)."""
    elements = p.elements
    for element in elements:
        element.linear = rows(np.array(element.linear))
        if len(element.density):
            element.density = rows(np.array(element.density))
        element.network = with_inputs(element.network, rows)
        if len(element.lowest):
            both = np.array([bounds(np.array(element.lowest)), bounds(np.array(element.highest))])
            element.lowest, element.highest = both.min(axis=0), both.max(axis=0)
    p.elements = elements
