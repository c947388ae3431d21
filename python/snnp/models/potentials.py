"""Fitted coefficients as potentials."""

import copy
import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy.linalg import block_diag

from snnp import _core
from snnp.models.shape import Shape


def linear_potential(
    shape: Shape, phi: np.ndarray, tensors: Sequence[np.ndarray], energies: np.ndarray, comment: str
) -> _core.Potential:
    """φ (pairs, functions) and tensors (by centre and pair of neighbours, all coefficients) as a potential."""
    p = _core.Potential()
    p.comment = comment
    p.elements = [_element(symbol, e0) for symbol, e0 in zip(shape.elements, energies, strict=True)]
    p.pairs = pair_potentials(shape, phi)
    E = shape.n_elements
    kinds = [(a, b, c) for a in range(E) for b, c in shape.unordered]
    radial = shape.radial_knots
    p.V = [
        _core.Tensor(radial[a * E + b], radial[a * E + c], opposite, V)
        for (a, b, c), opposite, V in zip(kinds, shape.jk_knots, tensors, strict=False)
    ]
    p.check()
    return p


def density_potential(
    shape: Shape, parts: dict[str, np.ndarray], knots: np.ndarray, energies: np.ndarray, comment: str
) -> _core.Potential:
    """EAM or s-MEAM: coefficients phi, rho, f, g and U, one row per spline, and knots of U (elements, knots)."""
    p = _core.Potential()
    p.comment, p.n2, p.n3 = comment, shape.n2, shape.n3
    phi, U = parts["phi"], parts["U"]
    if has_effective_pair(shape):
        phi, U = effective_pair(shape, parts, knots)
    elements = [_element(symbol, e0) for symbol, e0 in zip(shape.elements, energies, strict=True)]
    for element, k, c in zip(elements, knots, U, strict=True):
        element.linear = np.zeros(shape.filters)
        element.density, element.U = np.ones(shape.filters), _core.Spline(k, c)
    p.elements = elements
    p.pairs = pair_potentials(shape, phi)
    p.rho = [engine_spline(k, c, shape.end) for k, c in zip(shape.rho_knots, parts["rho"], strict=True)]
    p.f = [engine_spline(k, c, shape.end) for k, c in zip(shape.radial_knots, parts["f"], strict=False)]
    p.g = [engine_spline(shape.angle_knots, c, 0) for c in parts["g"]]
    p.check()
    return p


def has_effective_pair(shape: Shape) -> bool:
    """Whether φ of an EAM can take up what is linear in ρ, and may."""
    return not shape.pinned and shape.n3 == 0 and all(map(np.array_equal, shape.pair_knots, shape.rho_knots))


def effective_pair(shape: Shape, parts: dict[str, np.ndarray], knots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """φ (pairs, functions) and U (elements, functions), eV, of the same EAM whose U is flat in the middle of its knots.

    U(n) − s n and φ_ab + s_a ρ_ab + s_b ρ_ba are the same potential: with U flat where the data are, φ is what pairs
    feel (the effective pair potential of Johnson, Phys. Rev. B 39, 12554 (1989)).
    """
    E = shape.n_elements
    phi, U, slopes = parts["phi"].copy(), parts["U"].copy(), np.zeros(E)
    for a in range(E):
        slopes[a] = _core.Spline(knots[a], U[a])(np.array([knots[a].mean()]), 1)[0]
        U[a] -= slopes[a] * greville(knots[a])
    for n, (a, b) in enumerate(shape.unordered):
        phi[n] += slopes[a] * parts["rho"][a * E + b] + slopes[b] * parts["rho"][b * E + a]
    return phi, U


def greville(knots: np.ndarray) -> np.ndarray:
    """The coefficients (n + 2,) of the spline s(x) = x with knots (n,)."""
    t = np.r_[[knots[0]] * 3, knots, [knots[-1]] * 3]
    return (t[1:-3] + t[2:-2] + t[3:-1]) / 3


def pair_potentials(shape: Shape, phi: np.ndarray) -> list[_core.Pair]:
    """What belongs to pairs of elements; phi: free coefficients of φ, eV, (pairs, functions)."""
    pairs = []
    for n, (a, b) in enumerate(shape.unordered):
        pair = _core.Pair()
        pair.phi = engine_spline(shape.pair_knots[a * shape.n_elements + b], phi[n], shape.end)
        if shape.zbl[n]:
            pair.zbl_inner, pair.zbl_outer = shape.zbl[n]
        if shape.shortest:
            pair.shortest = shape.shortest[n]
        pairs.append(pair)
    return pairs


def engine_spline(knots: np.ndarray, coefficients: np.ndarray, zeros: int) -> _core.Spline:
    """The engine's spline of coefficients (functions,) on knots (n,) with so many zeros at its end."""
    return _core.Spline(knots, np.r_[coefficients, np.zeros(zeros)])


def combinations(curves: Sequence[_core.Spline], weights: np.ndarray) -> list[_core.Spline]:
    """The splines Σ_k w_nk · curve_k, one for each row of weights (splines, curves); a weight of 0 leaves a curve out.

    A potential file has each curve once, and of such splines the weights. Raises Error if curves of one spline have
    different knots.
    """
    rows = [(row, np.flatnonzero(row) if row.any() else [0]) for row in np.asarray(weights, dtype=float)]
    return [_core.combination(row[used], [curves[k] for k in used]) for row, used in rows]


def sums_of_curves(
    knots: Sequence[np.ndarray], curves: np.ndarray, weights: np.ndarray, zeros: int
) -> list[_core.Spline]:
    """Splines by ordered pair of elements, f_αβ,m = Σ_k w_αβ,km f_αk, in the order of a potential.

    knots: of each centre α, (n,); curves: coefficients of f_αk, (centres, functions, curves), and so many zeros at
    their ends; weights: w, (ordered pairs, curves, splines).
    """
    splines, E = [], len(curves)
    for a in range(E):
        own = [engine_spline(knots[a], c, zeros) for c in curves[a].T]
        for w in weights[a * E : (a + 1) * E]:
            splines += combinations(own, w.T)
    return splines


def same_for_neighbors(knots: np.ndarray, curves: np.ndarray, pairs: int) -> list[_core.Spline]:
    """Splines by centre and pair of neighbours, g_αβγ,m = g_αm, in the order of a potential.

    knots: (n,); curves: coefficients of g_αm, (centres, functions, curves); pairs: number of pairs of neighbours.
    """
    own = [combinations([engine_spline(knots, c, 0) for c in g.T], np.eye(g.shape[1])) for g in curves]
    return [spline for of_centre in own for _ in range(pairs) for spline in of_centre]


def nowhere_negative(potential: _core.Potential) -> list[str]:
    """Of ρ and f those of which no curve of a potential is below zero at any distance, as their coefficients say."""
    found = []
    for name, splines in (("ρ", potential.rho), ("f", potential.f)):
        curves = [np.asarray(s.coefficients) for s in splines]
        if curves and all(c.min() >= 0 and c[0] >= c[1] for c in curves):
            found.append(name)
    return found


def is_convex(spline: _core.Spline) -> bool:
    """Whether a spline is nowhere bent downwards, as its coefficients say, but for rounding."""
    slopes = np.diff(spline.coefficients) / np.diff(greville(np.asarray(spline.knots)))
    return bool(np.diff(slopes).min() >= -1e-12 * np.abs(slopes).max())


def bound_of(network: _core.Network) -> float:
    """What |N(G) − N(0)| is at most, eV, by the last layer of a network; infinite: its activation has no bounds."""
    if network.activation != "tanh":
        return np.inf
    return 2 * float(np.abs(network.layers[-1].weights).sum())


def is_convex_network(network: _core.Network) -> bool:
    """Whether N is a convex function of G, as its activation and signs of weights say (Amos, Xu and Kolter, ICML 2017);
    one without hidden layers is linear, and not meant.
    """
    later = network.layers[1:]
    return bool(later) and network.activation == "squareplus" and all(min(layer.weights) >= 0 for layer in later)


def mean_of(potentials: Sequence[_core.Potential]) -> _core.Potential:
    """The mean of the energies of potentials that differ in φ, e0, linear terms and networks only, as one potential.

    Its networks are as wide as all together: N = Σ_n N_n / n, with the nodes of all in each layer, and weights only
    between those of one.
    """
    p = copy.deepcopy(potentials[0])
    if len(potentials) == 1:
        return p
    pairs, elements = p.pairs, p.elements
    for n, pair in enumerate(pairs):
        phi = [q.pairs[n].phi.coefficients for q in potentials]
        pair.phi = _core.Spline(pair.phi.knots, np.mean(phi, axis=0))
    for a, element in enumerate(elements):
        those = [q.elements[a] for q in potentials]
        element.e0 = float(np.mean([e.e0 for e in those]))
        element.linear = np.mean([e.linear for e in those], axis=0)
        element.network = _mean_network([e.network for e in those])
    p.pairs, p.elements = pairs, elements
    p.check()
    return p


def _mean_network(networks: Sequence[_core.Network]) -> _core.Network:
    mean = copy.copy(networks[0])
    layers = list(zip(*(network.layers for network in networks), strict=True))
    weights = [[np.reshape(one.weights, (one.outputs, one.inputs)) for one in layer] for layer in layers]
    biases = [np.concatenate([one.biases for one in layer]) for layer in layers[:-1]]
    *inner, last = weights
    joined = [np.vstack(W) if n == 0 else block_diag(*W) for n, W in enumerate(inner)]
    joined.append(np.hstack(last) / len(networks))
    biases.append(np.mean([one.biases for one in layers[-1]], axis=0))
    mean.layers = [_core.Layer(W.shape[1], W.shape[0], W.ravel(), b) for W, b in zip(joined, biases, strict=True)]
    return mean


def means_of(network: _core.Network) -> int:
    """Of how many networks of one size a network is the mean, as `mean_of` writes it: by the zeros between them.

    1 if there is one hidden layer: nodes of that are not connected in any case.
    """
    inner = [np.reshape(layer.weights, (layer.outputs, layer.inputs)) != 0 for layer in network.layers[1:-1]]
    if not inner:
        return 1
    widest = math.gcd(*(n for W in inner for n in W.shape))
    fits = (n for n in range(widest, 0, -1) if widest % n == 0 and all(_in_blocks(W, n) for W in inner))
    return next(fits)


def sizes_of(network: _core.Network) -> tuple[int, list[int]]:
    """Of how many networks it is the mean, and the widths of the layers of one of them, the output last."""
    count, sizes = means_of(network), [layer.outputs for layer in network.layers]
    return count, [size // count for size in sizes[:-1]] + sizes[-1:]


def kind_and_sizes(network: _core.Network) -> tuple[str, list[int]]:
    """What a network is, in words, and the widths of its layers; of a mean of several, those of one of them."""
    (count, sizes), one = sizes_of(network), f"{'convex ' * is_convex_network(network)}network"
    return f"{f'mean of {count} {one}s' if count > 1 else one} {network.activation}", sizes


def _in_blocks(nonzero: np.ndarray, count: int) -> bool:
    """Whether a matrix (rows, columns) is zero but for so many blocks of one size along its diagonal."""
    block = np.ones([n // count for n in nonzero.shape], dtype=bool)
    return not nonzero[np.kron(np.eye(count, dtype=bool), block) == 0].any()


def with_inputs(network: _core.Network, change: Callable[[np.ndarray], np.ndarray]) -> _core.Network:
    """A network for other filters: `change` gives the weights of its first layer, (outputs, filters), from those that
    it has; one without layers stays as it is.
    """
    if not network.layers:
        return network
    first = network.layers[0]
    W = change(np.reshape(first.weights, (first.outputs, first.inputs)))
    changed = copy.copy(network)
    changed.layers = [_core.Layer(W.shape[1], first.outputs, W.ravel(), first.biases), *network.layers[1:]]
    return changed


def _element(symbol: str, e0: float) -> _core.Element:
    e = _core.Element()
    e.name, e.e0 = symbol, float(e0)
    return e
