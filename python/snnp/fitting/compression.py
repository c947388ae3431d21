"""Approximating the three-body tensor of a linear model by products of filters, f_m(r_ij) f_m(r_ik) g_m(cos θ).

L-BFGS over the f_m, everything else solved exactly at each step (variable projection: Golub and Pereyra,
SIAM J. Numer. Anal. 10, 413 (1973)).
"""

from collections.abc import Callable, Sequence

import numpy as np
import scipy.linalg
import scipy.optimize
import torch
from scipy.interpolate import BSpline

from snnp.models.normal_equations import Quadratic
from snnp.models.shape import Shape
from snnp.splines import clamped, project


def compress(
    shape: Shape,
    loss: Quadratic,
    steps: int,
    seeds: Sequence[int],
    tick: Callable[[int], None] = lambda n: None,
    first: Sequence[np.ndarray] = (),
):
    """Filters whose products approximate the minimum of a loss: the best of searches from different random ones, or
    from `first` ones f, each (tables, functions, n3). With no steps f is the first one, but of unit norm.

    Returns phi (pairs, functions), f (tables, functions, n3), g (tensors, functions, n3) and energies (E,); there are
    E·E tables and E·pairs tensors, or E of both where neighbours share filters. tick(1) is called after each search.
    """
    E, n3 = shape.n_elements, shape.n3
    n_pair, n_radial, n_angle = shape.functions
    n_phi = n_pair * len(shape.unordered)
    # In units of the smallest loss there is: energies and forces themselves are larger by orders.
    scale = loss(scipy.linalg.solve(loss.A, loss.b, assume_a="pos"))
    A, b, c = torch.from_numpy(loss.A / scale), torch.from_numpy(loss.b / scale), loss.c / scale
    if shape.shared:
        kinds, radial_knots = [(a, a) for a in range(E)], shape.radial_knots[::E]
    else:
        kinds, radial_knots = [(a * E + p, a * E + q) for a in range(E) for p, q in shape.unordered], shape.radial_knots
    lo, hi = torch.tril_indices(n_radial, n_radial).flip(0)

    def products(f):
        """For each three-body block: coefficient pairs × n3."""
        for p, q in kinds:
            yield f[p][hi] * f[p][lo] if p == q else torch.einsum("am,bm->abm", f[p], f[q]).reshape(-1, n3)

    def solve(f):
        """All but f, and the full solution that they stand for."""
        f = f / f.norm(dim=1, keepdim=True)
        one = torch.eye(n_angle, dtype=f.dtype)
        blocks = [torch.einsum("pm,cd->pcmd", W, one).reshape(-1, n3 * n_angle) for W in products(f)]
        Z = torch.block_diag(torch.eye(n_phi, dtype=f.dtype), *blocks, torch.eye(E, dtype=f.dtype))
        reduced = Z.T @ A @ Z
        reduced = reduced + 1e-9 * reduced.diagonal().mean() * torch.eye(len(reduced), dtype=f.dtype)
        y = torch.linalg.solve(reduced, Z.T @ b)
        return f, y, Z @ y

    size = (len(radial_knots), n_radial, n3)

    def objective(v):
        f = torch.from_numpy(v.reshape(size)).requires_grad_()
        _, _, x = solve(f)
        value = x @ A @ x - 2 * b @ x + c
        value.backward()
        return float(value.detach()), f.grad.numpy().ravel()

    options = {"maxiter": max(steps, 1), "maxcor": 30}
    ends = []
    for start in first or [_random_bumps(radial_knots, n_radial, n3, seed) for seed in seeds]:
        ends.append(scipy.optimize.minimize(objective, start.ravel(), jac=True, method="L-BFGS-B", options=options))
        tick(1)
    best = min(ends, key=lambda end: end.fun)
    with torch.no_grad():
        f, y, _ = solve(torch.from_numpy(best.x.reshape(size) if steps else first[0]))
    phi, g, energies = np.split(y.numpy(), [n_phi, len(y) - E])
    g = g.reshape(len(kinds), n3, n_angle).swapaxes(1, 2)
    return phi.reshape(-1, n_pair), f.numpy(), g, energies


def _random_bumps(knots: Sequence[np.ndarray], functions: int, n3: int, seed: int) -> np.ndarray:
    """Random smooth bumps of various widths as first f, shape (tables, functions, n3)."""
    rng = np.random.default_rng(seed)
    place, width = rng.uniform(0, 0.85, n3), rng.uniform(0.15, 0.4, n3)
    return np.stack([bumps(k, functions, place, width) for k in knots])


def bumps(knots: np.ndarray, functions: int, place: np.ndarray, width: np.ndarray) -> np.ndarray:
    """Coefficients (functions, n) of n smooth bumps; place, width (n,): in parts of the range of the knots."""

    def curves(x):
        y = (x[:, None] - knots[0]) / (knots[-1] - knots[0])
        return np.exp(-((y - place) ** 2) / (2 * width**2)) * np.clip(1 - y, 0, 1) ** 2

    return project(curves, knots, functions)


def refine(coefficients: np.ndarray, old: np.ndarray, new: np.ndarray, functions: int) -> np.ndarray:
    """Coefficients (functions, …) of the same splines on other knots."""
    if np.array_equal(old, new) and len(coefficients) == functions:
        return coefficients
    padded = np.zeros((len(old) + 2, coefficients.shape[1]))
    padded[: len(coefficients)] = coefficients
    return project(BSpline(clamped(old), padded, 3), new, functions)
