"""Where a fit starts: the linear model with a full tensor-product three-body spline, and its compression to filters.

The linear model (cpp/snnp/design.h) is solved by its normal equations, accumulated over structures, with a curvature
penalty whose strength the validation set decides. Its three-body tensor is then approximated by n3 products
f_m(r_ij) f_m(r_ik) g_m(cos θ): L-BFGS over the f_m, everything else solved exactly at each step (variable projection,
Golub and Pereyra, SIAM J. Numer. Anal. 10, 413 (1973)).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
import scipy.optimize
import torch
from scipy.interpolate import BSpline

from snnp import _core
from snnp.linear import LinearModel, LinearShape, solve
from snnp.model import Model, Shape
from snnp.normal import Frames, LabelledStructure, Quadratic, fit_offsets, shifted
from snnp.splines import END, clamped, project
from snnp.training import Loss, Weights

# Unknowns of the linear model: enough for the full resolution of one element; more elements get coarser knots.
_MOST_COLUMNS = 2000
# Penalties of differences of coefficients to choose from: with those of curvature in r, potentials of Mo and Si came
# out up to a tenth less accurate. A validation set knows only what the training set knows, too: for In-P it asked for
# 1e-9, and the crystal exploded at 1000 K where the data do not reach. From 1e-7 on it is stable.
STRENGTHS = 10.0 ** -np.arange(1.0, 8.0)


@dataclass
class Start:
    """The linear solution: its loss in (eV/Å)² on training and validation data, and the chosen penalty."""

    train_loss: float
    validation_loss: float
    strength: float

    @property
    def unit(self) -> float:
        """Root of the training loss, eV/Å: the scale of what is left to learn."""
        return float(np.sqrt(self.train_loss))


def warm_start(
    model: Model,
    train: Sequence[LabelledStructure],
    validation: Sequence[LabelledStructure],
    weights: Weights,
    threads: int,
    seed: int,
    steps: int = 150,
    tick: Callable[[int], None] = lambda n: None,
) -> Start:
    """Sets the model's parameters, its unit and the standardisation of its filters from the linear solution."""
    shape = coarsened(model.shape)
    linear = LinearModel(linear_shape(shape))
    E = shape.n_elements
    compositions = np.array([np.bincount(s.elements, minlength=E) for s, _ in train])
    offsets = fit_offsets(compositions, np.array([label.energy for _, label in train]), model.fixed_e0)
    frames = Frames.held(list(shifted(train, offsets)))
    held_out = Frames.held(list(shifted(validation, offsets))) if validation else None
    fit = solve(linear, frames, held_out, weights, model.fixed_e0, STRENGTHS, threads, tick, differences=True)
    chosen = fit.chosen
    start = Start(chosen.train_loss, chosen.validation_loss, chosen.strength)

    if shape.n3 > 0:
        phi, f, g, energies = compress(shape, fit.penalised, steps, [seed])
    else:
        phi, energies, f, g = linear.pair_coefficients(chosen.x), chosen.x[-E:], None, None
    _install(model, shape, start.unit, phi, f, g, energies + offsets)
    _standardise(model, [s for s, _ in train], threads)
    return start


def linear_shape(shape: Shape) -> LinearShape:
    """Of the linear model whose three-body tensor the filters of `shape` are to approximate."""
    three = shape.n3 > 0
    angles = [shape.angle_knots] * (shape.n_elements * len(shape.unordered)) if three else []
    return LinearShape(shape.n_elements, shape.pair_knots, shape.leg_knots if three else [], angles, distance=False)


def coarsened(shape: Shape) -> Shape:
    """The shape with as many knots per leg and angle as the linear model can afford.

    Halving the number of intervals keeps splines exact when they are taken back to the full knots.
    """
    E = shape.n_elements

    def columns(legs: int, angles: int) -> int:
        a, c = legs + 2 - END, angles + 2
        return E * E * a * (a + 1) // 2 * c + E * (E * (E - 1) // 2) * a * a * c

    legs, angles = len(shape.leg_knots[0]), len(shape.angle_knots)
    if columns(legs, angles) > _MOST_COLUMNS and legs % 2 and angles % 2:
        legs, angles = (legs + 1) // 2, (angles + 1) // 2
    while columns(legs, angles) > _MOST_COLUMNS and legs > 4:
        legs, angles = legs - 1, max(angles - 1, 4)
    leg_knots = [np.linspace(k[0], k[-1], legs) if legs < len(k) else k for k in shape.leg_knots]
    angle_knots = np.linspace(-1, 1, angles) if angles < len(shape.angle_knots) else shape.angle_knots
    return replace(shape, leg_knots=leg_knots, angle_knots=angle_knots)


def compress(
    shape: Shape, loss: Quadratic, steps: int, seeds: Sequence[int], tick: Callable[[int], None] = lambda n: None
):
    """Filters whose products approximate the minimum of a loss: the best of searches from different random ones.

    Returns phi (pairs, functions), f (E·E, functions, n3), g (E·pairs, functions, n3) and energies (E,); tick(1) is
    called after each search.
    """
    E, n3 = shape.n_elements, shape.n3
    n_pair, n_leg, n_angle = shape.functions
    n_phi = n_pair * len(shape.unordered)
    # In units of the smallest loss there is: energies and forces themselves are larger by orders.
    scale = loss(scipy.linalg.solve(loss.A, loss.b, assume_a="pos"))
    A, b, c = torch.from_numpy(loss.A / scale), torch.from_numpy(loss.b / scale), loss.c / scale
    lo, hi = torch.tril_indices(n_leg, n_leg).flip(0)

    def products(f):
        """For each three-body block: coefficient pairs × n3."""
        for a in range(E):
            for p, q in shape.unordered:
                fp, fq = f[a * E + p], f[a * E + q]
                yield fp[hi] * fp[lo] if p == q else torch.einsum("am,bm->abm", fp, fq).reshape(-1, n3)

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

    size = (E * E, n_leg, n3)

    def objective(v):
        f = torch.from_numpy(v.reshape(size)).requires_grad_()
        _, _, x = solve(f)
        value = x @ A @ x - 2 * b @ x + c
        value.backward()
        return float(value.detach()), f.grad.numpy().ravel()

    options = {"maxiter": steps, "maxcor": 30}
    ends = []
    for start in (_bumps(shape, n3, seed) for seed in seeds):
        ends.append(scipy.optimize.minimize(objective, start.ravel(), jac=True, method="L-BFGS-B", options=options))
        tick(1)
    best = min(ends, key=lambda end: end.fun)
    with torch.no_grad():
        f, y, _ = solve(torch.from_numpy(best.x.reshape(size)))
    phi, g, energies = np.split(y.numpy(), [n_phi, len(y) - E])
    g = g.reshape(E * len(shape.unordered), n3, n_angle).swapaxes(1, 2)
    return phi.reshape(-1, n_pair), f.numpy(), g, energies


def _bumps(shape: Shape, n3: int, seed: int) -> np.ndarray:
    """Random smooth bumps of various widths as first f, shape (E·E, functions, n3)."""
    rng = np.random.default_rng(seed)
    place, width = rng.uniform(0, 0.85, n3), rng.uniform(0.15, 0.4, n3)
    return np.stack([_bump(k, shape.functions[1], place, width) for k in shape.leg_knots])


def _bump(knots: np.ndarray, functions: int, place: np.ndarray, width: np.ndarray) -> np.ndarray:
    def curves(x):
        y = (x[:, None] - knots[0]) / (knots[-1] - knots[0])
        return np.exp(-((y - place) ** 2) / (2 * width**2)) * np.clip(1 - y, 0, 1) ** 2

    return project(curves, knots, functions)


def _install(model: Model, coarse: Shape, unit: float, phi, f, g, energies: np.ndarray) -> None:
    shape = model.shape
    n_pair, n_leg, n_angle = shape.functions
    model.unit = unit

    def install(parameter: torch.nn.Parameter, values) -> None:
        parameter.copy_(torch.from_numpy(np.stack(list(values))))

    with torch.no_grad():
        install(model.phi, phi / unit)
        install(model.constant, energies / unit)
        # Two-body filters begin as evenly spread bumps that the energy does not use yet.
        place, width = (np.arange(shape.n2) + 0.5) / max(shape.n2, 1), np.full(shape.n2, 0.8 / max(shape.n2, 3))
        install(model.rho, (_bump(k, n_pair, place, width) for k in shape.pair_knots))
        model.linear.zero_()
        if f is not None:
            legs = zip(f, coarse.leg_knots, shape.leg_knots, strict=True)
            install(model.f, (refine(c, old, new, n_leg) for c, old, new in legs))
            install(model.g, (refine(c, coarse.angle_knots, shape.angle_knots, n_angle) for c in g))
            model.linear[:, shape.n2 :] = 1 / unit


def refine(coefficients: np.ndarray, old: np.ndarray, new: np.ndarray, functions: int) -> np.ndarray:
    """Coefficients (functions, …) of the same splines on other knots."""
    if np.array_equal(old, new) and len(coefficients) == functions:
        return coefficients
    padded = np.zeros((len(old) + 2, coefficients.shape[1]))
    padded[: len(coefficients)] = coefficients
    return project(BSpline(clamped(old), padded, 3), new, functions)


def _standardise(model: Model, structures: Sequence[_core.Structures], threads: int) -> None:
    """Filters of unit variance and zero mean over the training data, without a change of the energy."""
    shape = model.shape
    if shape.filters == 0:
        return
    values = Loss(model, Weights(), 1.0, threads).values
    G = np.concatenate([values(s)[:, 1:] for s in structures])
    kinds = np.concatenate([s.elements for s in structures])
    with torch.no_grad():
        for a in range(shape.n_elements):
            mean, scale = G[kinds == a].mean(0), G[kinds == a].std(0)
            scale = np.maximum(scale, 1e-6 * max(scale.max(), 1e-12))
            # x = (G − mean)/scale in place of G: linear·G = (linear·scale)·x + linear·mean.
            model.constant[a] += model.linear[a] @ torch.from_numpy(mean)
            model.linear[a] *= torch.from_numpy(scale)
            model.mean[a].copy_(torch.from_numpy(mean))
            model.scale[a].copy_(torch.from_numpy(scale))
        _balance(model)


def _balance(model: Model) -> None:
    """Chooses the sizes of splines where the energy does not notice: G → s G, scale → s scale.

    A step of an optimizer then means as much in one coefficient as in another. Three-body filters get a variance as
    large as their share of the energy (in a compressed tensor large shares cancel), two-body filters one of one.
    """
    shape = model.shape
    E, pairs, n2 = shape.n_elements, len(shape.unordered), shape.n2
    for a in range(E):
        legs, angles = slice(a * E, (a + 1) * E), slice(a * pairs, (a + 1) * pairs)
        size = torch.cat([torch.ones(n2), model.linear[a, n2:].abs().clamp(min=1)])
        factor = size / model.scale[a]
        model.rho[legs] *= factor[:n2]
        # f² g is what counts; f and g are to be of the same size.
        size_f = model.f[legs].square().mean((0, 1)).sqrt().clamp(min=1e-12)
        size_g = model.g[angles].square().mean((0, 1)).sqrt().clamp(min=1e-12)
        k = (size_g * factor[n2:] / size_f) ** (1 / 3)
        model.f[legs] *= k
        model.g[angles] *= factor[n2:] / k**2
        model.mean[a] *= factor
        model.scale[a] = size
