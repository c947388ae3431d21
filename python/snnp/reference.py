"""The energy expression in plain NumPy, as it stands on paper: slow, obvious, independent of the engine.

E   = Σ_i E_i + ½ Σ_{i≠j} φ(r_ij) + ½ Σ_{i≠j} ZBL(r_ij) s(r_ij)
E_i = e0 + a·G_i + [N(G_i) − N(0)] + [U(d·G_i) − U(0)] + Σ_{j<k} V(r_ij, r_ik, r_jk) + E4_i
G_i = (Σ_j ρ_m(r_ij);  Σ_{j<k} f_m(r_ij) f_m(r_ik) g_m(cos θ_jik))
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers
from scipy.interpolate import BSpline

from snnp import _core
from snnp.data.neighbors import element_indices, full_list


@dataclass
class Result:
    """Energies in eV, forces in eV/Å, virial = Σ r ⊗ F in eV."""

    energy: float
    energies: np.ndarray  # (n_atoms,)
    forces: np.ndarray  # (n_atoms, 3)
    virial: np.ndarray  # (3, 3)


def spline(s: _core.Spline, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Values and slopes at x (n,): linear below the first knot, zero beyond the last; a cosine stays inside."""
    knots = np.asarray(s.knots)
    b = BSpline(np.r_[[knots[0]] * 3, knots, [knots[-1]] * 3], s.coefficients, 3)
    inside = np.clip(x, knots[0], knots[-1])
    slope = b(inside, nu=1)
    value = b(inside) + slope * np.minimum(x - knots[0], 0)
    return np.where(x > knots[-1], 0, value), np.where(x > knots[-1], 0, slope)


def embedding(e: _core.Element, n: float) -> tuple[float, float]:
    """U(n) and its slope: linear on both sides of the knots; 0 if the element has none."""
    if not e.density:
        return 0.0, 0.0
    return linear_ends(e.U, n)


def linear_ends(s: _core.Spline, n: float) -> tuple[float, float]:
    """Value and slope of a spline that goes on linearly on both sides of its knots."""
    knots = np.asarray(s.knots)
    inside = np.clip(n, knots[0], knots[-1])
    b = BSpline(np.r_[[knots[0]] * 3, knots, [knots[-1]] * 3], s.coefficients, 3)
    slope = float(b(inside, nu=1))
    return float(b(inside)) + slope * float(n - inside), slope


def basis(knots: np.ndarray, x: float) -> tuple[np.ndarray, np.ndarray]:
    """All clamped B-spline basis functions at x and their slopes, (n + 2,) for n knots, (n,).

    Linear below the first knot, zero beyond the last; x and knots in one unit.
    """
    functions = BSpline(np.r_[[knots[0]] * 3, knots, [knots[-1]] * 3], np.eye(len(knots) + 2), 3)
    inside = np.clip(x, knots[0], knots[-1])
    slopes = functions(inside, nu=1) * (x <= knots[-1])
    return functions(inside) * (x <= knots[-1]) + slopes * min(x - knots[0], 0), slopes


def zbl(z1: int, z2: int, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Universal screened repulsion of Ziegler, Biersack and Littmark (1985).

    Energy (eV) and slope (eV/Å) at distances r (n,), Å, of atoms with these atomic numbers.
    """
    length = 0.46850 / (z1**0.23 + z2**0.23)
    c = np.array([0.18175, 0.50986, 0.28022, 0.028171])
    d = np.array([3.19980, 0.94229, 0.40290, 0.20162]) / length
    # e²/(4πε0), CODATA 2018
    strength = 14.399645478425668 * z1 * z2
    terms = c * np.exp(-d * r[:, None])
    return strength * terms.sum(1) / r, -strength * ((d * terms).sum(1) / r + terms.sum(1) / r**2)


def switch(r: np.ndarray, inner: float, outer: float) -> tuple[np.ndarray, np.ndarray]:
    """1 below `inner`, 0 above `outer`, 1 − 10x³ + 15x⁴ − 6x⁵ between; value and slope (1/Å) at r (n,), Å."""
    x = np.clip((r - inner) / (outer - inner), 0, 1)
    return 1 - 10 * x**3 + 15 * x**4 - 6 * x**5, (-30 * x**2 + 60 * x**3 - 30 * x**4) / (outer - inner)


def network(net: _core.Network, G: np.ndarray) -> tuple[float, np.ndarray]:
    """N(G), eV, and ∂N/∂G, (m,), of one atom with filters G (m,)."""
    value, jacobian = np.asarray(G, dtype=float), np.eye(len(G))
    for depth, layer in enumerate(net.layers, start=1):
        W = np.reshape(layer.weights, (layer.outputs, layer.inputs))
        value, jacobian = W @ value + layer.biases, W @ jacobian
        if depth == len(net.layers):
            return float(value[0]), jacobian[0]
        value, slope = activation(net.activation, value)
        jacobian = slope[:, None] * jacobian
    return 0.0, np.zeros(len(G))


def activation(kind: str, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """tanh x, silu x = x/(1 + exp(−x)), or squareplus x = (x + √(x² + 4))/2 (Barron, arXiv 2112.11687), and its slope,
    at numbers x (n,); raises KeyError for another kind.
    """
    return ACTIVATIONS[kind](x)


def _tanh(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.tanh(x), 1 - np.tanh(x) ** 2


def _silu(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    s = 1 / (1 + np.exp(-x))
    return x * s, s * (1 + x * (1 - s))


def _squareplus(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    root = np.sqrt(x**2 + 4)
    return (x + root) / 2, (1 + x / root) / 2


ACTIVATIONS = {"tanh": _tanh, "silu": _silu, "squareplus": _squareplus}


def evaluate(potential: _core.Potential, atoms: Atoms) -> Result:
    """Energy, forces and virial of a structure by the formulas above, atom by atom."""
    symbols = [e.name for e in potential.elements]
    kinds = element_indices(atoms, symbols)
    i_all, j_all, d_all = full_list(atoms, potential.cutoff())
    energies, forces, virial = np.zeros(len(atoms)), np.zeros((len(atoms), 3)), np.zeros((3, 3))
    for i in range(len(atoms)):
        neighbors, d = j_all[i_all == i], d_all[i_all == i]
        energies[i], gradient = atom_energy(potential, kinds[i], kinds[neighbors], d)
        forces[i] += gradient.sum(0)
        np.subtract.at(forces, neighbors, gradient)
        virial -= d.T @ gradient
    return Result(float(energies.sum()), energies, forces, virial)


def atom_energy(p: _core.Potential, a: int, kinds: np.ndarray, d: np.ndarray) -> tuple[float, np.ndarray]:
    """E_i of an atom of element a whose neighbours are of elements `kinds` (n,) at d (n, 3), and ∂E_i/∂d (n, 3)."""
    r = np.linalg.norm(d, axis=1)
    u = d / r[:, None]
    G, dG = filters(p, a, kinds, r, u)
    element = p.elements[a]
    N, dN = network(element.network, G)
    N0, _ = network(element.network, np.zeros(len(G)))
    density = np.array(element.density or np.zeros(len(G)))
    U, dU = embedding(element, density @ G)
    U0, _ = embedding(element, 0.0)
    three, gradient = three_body(p, a, kinds, d)
    M, dM = element.e0 + np.dot(element.linear, G) + N - N0 + U - U0, element.linear + dN + dU * density
    M, dM = above_floor(element.floor, G, M, dM)
    four, four_gradient = four_body(element.four_body, kinds, d)
    energy, gradient = M + three + four, gradient + four_gradient
    gradient += np.einsum("m,mnd->nd", dM, dG)
    for n in range(len(r)):
        pair_energy, slope = two_body(p, a, kinds[n], r[n : n + 1])
        energy += 0.5 * pair_energy
        gradient[n] += 0.5 * slope * u[n]
    return float(energy), gradient


def above_floor(f: _core.Floor, G: np.ndarray, M: float, dM: np.ndarray) -> tuple[float, np.ndarray]:
    """E = M + o h(C(d·G) − M) of `_core.Floor` and ∂E/∂G, from the energy M, eV, of filters G (m,) and dM = ∂M/∂G."""
    if not f.directions:
        return M, dM
    P, d = np.reshape(f.directions, (-1, len(G))), np.array(f.density)
    y = P @ G + f.centres
    x = np.maximum(y - 1, 0) + np.minimum(y + 1, 0)
    D2, w2, t = x @ x, f.width**2, f.softness
    o, do = D2 / (D2 + w2), w2 / (D2 + w2) ** 2 * 2 * x @ P
    C, dC = linear_ends(f.C, d @ G)
    gap = C - M
    h, dh = (0, 0) if gap < -t else (gap, 1) if gap > t else ((gap + t) ** 2 / (4 * t), (gap + t) / (2 * t))
    return M + o * h, dM + o * dh * (dC * d - dM) + h * do


def two_body(p: _core.Potential, a: int, b: int, r: np.ndarray) -> tuple[float, float]:
    """φ(r) + ZBL(r) s(r) and its slope, for one distance, shape (1,)."""
    pair = p.pairs[p.pair_index(a, b)]
    value, slope = spline(pair.phi, r)
    if pair.zbl_outer > 0:
        z, dz = zbl(atomic_numbers[p.elements[a].name], atomic_numbers[p.elements[b].name], r)
        s, ds = switch(r, pair.zbl_inner, pair.zbl_outer)
        value, slope = value + z * s, slope + dz * s + z * ds
    return value[0], slope[0]


def three_body(p: _core.Potential, a: int, kinds: np.ndarray, d: np.ndarray) -> tuple[float, np.ndarray]:
    """Σ_{j<k} V(r_ij, r_ik, r_jk) of an atom of element a, and its gradient (n, 3)."""
    energy, gradient, V = 0.0, np.zeros(d.shape), p.V
    for j in range(len(d)):
        for k in range(len(d)):
            # The first of the two is that of the element that comes first; among equals each pair counts once.
            if not V or kinds[j] > kinds[k] or (kinds[j] == kinds[k] and k >= j):
                continue
            t = V[p.triplet_index(a, kinds[j], kinds[k])]
            if not t.knots_ij:
                continue
            sides = d[j], d[k], d[k] - d[j]
            lengths = [np.linalg.norm(s) for s in sides]
            bases = [basis(x, r) for x, r in zip((t.knots_ij, t.knots_ik, t.knots_jk), lengths, strict=True)]
            c = np.reshape(t.coefficients, [len(b) for b, _ in bases])
            (B1, D1), (B2, D2), (B3, D3) = bases
            energy += np.einsum("abc,a,b,c", c, B1, B2, B3)
            slopes = [np.einsum("abc,a,b,c", c, *x) for x in ((D1, B2, B3), (B1, D2, B3), (B1, B2, D3))]
            along = [slope * s / r for slope, s, r in zip(slopes, sides, lengths, strict=True)]
            gradient[j] += along[0] - along[2]
            gradient[k] += along[1] + along[2]
    return float(energy), gradient


def four_body(t: _core.FourBody, kinds: np.ndarray, d: np.ndarray) -> tuple[float, np.ndarray]:
    """E4 of an atom whose neighbours are of elements `kinds` (n,) at d (n, 3), and its gradient (n, 3).

    By the addition theorem, Σ_m Y_lm(u) Y_lm(u_j) = (2l + 1) P_l(u·u_j), invariants are means over directions u:
    B = ⟨F_αl F_α'l' F_α''l''⟩ with F_αl(u) = Σ_j w R(r_j) (2l + 1) P_l(u·u_j).
    """
    if not t.radial or not len(d):
        return 0.0, np.zeros(d.shape)
    u, mean = directions()
    r = np.linalg.norm(d, axis=1)
    R, dR = four_body_radial(t, r)
    w = np.reshape(t.weights, (t.mixtures, -1))[:, kinds]
    R, dR = ((w[:, None] * x).reshape(-1, len(r)) for x in (R, dR))  # by channel
    along = d / r[:, None]
    cosine = u @ along.T
    turn = (u[:, None] - cosine[:, :, None] * along) / r[:, None]  # ∂cosine/∂d
    F, dF = [], []  # by l: (channels, directions), (channels, directions, n, 3)
    for degree in range(t.degree + 1):
        P = np.polynomial.Legendre.basis(degree)
        value, slope = (2 * degree + 1) * P(cosine), (2 * degree + 1) * P.deriv()(cosine)
        F.append(R @ value.T)
        dF.append(np.einsum("an,un,nx->aunx", dR, value, along) + np.einsum("an,un,unx->aunx", R, slope, turn))
    b, by_F = 0.0, np.zeros((t.degree + 1, len(R), len(u)))
    for c, factors in zip(t.coefficients, invariants(t.degree, len(R)), strict=True):
        x, y, z = (F[degree][channel] for degree, channel in factors)
        b += c * mean @ (x * y * z)
        for (degree, channel), rest in zip(factors, (y * z, x * z, x * y), strict=True):
            by_F[degree, channel] += c * mean * rest
    gradient = sum(np.einsum("au,aunx->nx", slopes, each) for slopes, each in zip(by_F, dF, strict=True))
    return t.bound * float(np.tanh(b / t.bound)), gradient / np.cosh(b / t.bound) ** 2


def invariants(degree: int, channels: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Of each B of `_core.FourBody`, in the order of its coefficients, l and channel of its three factors."""
    for degrees in product(range(degree + 1), repeat=3):
        if not degrees[0] <= degrees[1] <= degrees[2] <= degrees[0] + degrees[1] or sum(degrees) % 2:
            continue
        for each in product(range(channels), repeat=3):
            factors = tuple(zip(degrees, each, strict=True))
            if list(factors) == sorted(factors):
                yield factors


def four_body_radial(t: _core.FourBody, r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """R_n of `_core.FourBody` and slopes, 1/Å, at distances r (n,), Å: (radial functions, n) each."""
    s, inside = np.clip((r - t.inner) / (t.outer - t.inner), 0, 1), r < t.cutoff
    least = (t.inner + t.outer) / 2
    u = np.where(r > t.outer, r, least + (t.outer - t.inner) * (s**3 - s**4 / 2))
    du = 3 * s**2 - 2 * s**3
    y, near, far = (1 / (1 + 2 * x / t.cutoff) for x in (u, least, t.cutoff))
    x, dx = 2 * (y - far) / (near - far) - 1, -4 * y**2 / t.cutoff / (near - far) * du
    end, d_end = (1 - (u / t.cutoff) ** 2) ** 2, -4 * (1 - (u / t.cutoff) ** 2) * u / t.cutoff**2 * du
    T = [np.polynomial.Chebyshev.basis(n) for n in range(t.radial)]
    values, slopes = np.array([each(x) for each in T]), np.array([each.deriv()(x) for each in T])
    return inside * values * end, inside * (slopes * dx * end + values * d_end)


def directions() -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (n, 3), and weights (n,) with which means of polynomials up to order 15 are exact."""
    z, weights = np.polynomial.legendre.leggauss(8)
    phi = 2 * np.pi * np.arange(16) / 16
    rho = np.sqrt(1 - z**2)[:, None]
    vectors = np.stack(np.broadcast_arrays(rho * np.cos(phi), rho * np.sin(phi), z[:, None]), axis=2)
    return vectors.reshape(-1, 3), np.repeat(weights, 16) / 32


def filters(
    p: _core.Potential, a: int, kinds: np.ndarray, r: np.ndarray, u: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """G, shape (n2 + n3,), and ∂G/∂d, shape (n2 + n3, n, 3), of one atom with neighbours at r (n,) along u (n, 3)."""
    n = len(r)
    G, dG = np.zeros(p.n2 + p.n3), np.zeros((p.n2 + p.n3, n, 3))
    rho, f, g = p.rho, p.f, p.g  # lists are copied on access
    for m in range(p.n2):
        for j in range(n):
            value, slope = spline(rho[p.ordered_index(a, kinds[j]) * p.n2 + m], r[j : j + 1])
            G[m] += value[0]
            dG[m, j] += slope[0] * u[j]
    cosine = np.clip(u @ u.T, -1, 1)
    turn = (u[None, :, :] - cosine[:, :, None] * u[:, None, :]) / r[:, None, None]  # ∂cos_jk/∂d_j
    for m in range(p.n3):
        legs = [spline(f[p.ordered_index(a, kinds[j]) * p.n3 + m], r[j : j + 1]) for j in range(n)]
        for j in range(n):
            for k in range(j):
                (fj,), (dfj,), (fk,), (dfk,) = *legs[j], *legs[k]
                angle = g[p.triplet_index(a, kinds[j], kinds[k]) * p.n3 + m]
                (gv,), (dg,) = spline(angle, cosine[j, k : k + 1])
                M = p.n2 + m
                G[M] += fj * fk * gv
                dG[M, j] += dfj * fk * gv * u[j] + fj * fk * dg * turn[j, k]
                dG[M, k] += fj * dfk * gv * u[k] + fj * fk * dg * turn[k, j]
    return G, dG
