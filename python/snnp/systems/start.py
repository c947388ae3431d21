"""Where a fit of several systems starts: their linear models, compressed to the same filters.

The three-body tensors of the linear models, over distances in units of lengths, become Σ_m a_m f_m f_m g_m with the
same f and g in all systems, found by L-BFGS, and φ, a and energies of each, solved exactly at each step (variable
projection: Golub and Pereyra, SIAM J. Numer. Anal. 10, 413 (1973)).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import scipy.optimize
import torch
from torch import Tensor

from snnp.data.batch import Weights
from snnp.fitting.compression import bumps
from snnp.fitting.linear_start import LinearSolution, linear_solution, standardise
from snnp.fitting.linear_start import install as install_alone
from snnp.fitting.progress import Progress, no_progress
from snnp.fitting.shards import Shards
from snnp.models.linear import coarsened
from snnp.models.shape import Shape
from snnp.splines import project
from snnp.systems.model import JointModel

_STEPS = 200  # at most, of the compression


def coarse_shapes(shapes: Sequence[Shape]) -> list[Shape]:
    """The shapes with as many radial and angular knots as the linear model of the largest system can afford."""
    largest = min((coarsened(shape) for shape in shapes), key=lambda s: (len(s.radial_knots[0]), len(s.angle_knots)))
    radial, angles = len(largest.radial_knots[0]), largest.angle_knots

    def coarse(shape: Shape) -> Shape:
        knots = [np.linspace(k[0], k[-1], radial) for k in shape.radial_knots]
        return replace(shape, radial_knots=knots, angle_knots=angles)

    return [coarse(shape) for shape in shapes]


def compress(
    found: Sequence[LinearSolution], shared: Sequence[str], seed: int, tick: Callable[[int], None]
) -> tuple[list, list, list]:
    """f (functions, n3), g (functions, n3) of each system, and its other coefficients: φ, a by centre, energies."""
    n3, (_, n_radial, n_angle) = found[0].shape.n3, found[0].shape.functions
    forms = []
    for one in found:
        scale = one.fit.penalised(one.fit.chosen.x)
        forms.append([torch.from_numpy(part / scale) for part in (one.fit.penalised.A, one.fit.penalised.b)])
    S = len(found)
    copies = [1 if name in shared else S for name in ("f", "g")]
    sizes = copies[0] * n_radial * n3, copies[1] * n_angle * n3

    def unpack(v: Tensor) -> tuple[Tensor, Tensor]:
        """f and g of all systems, (systems, functions, n3), of unit norm."""
        f, g = v.split(sizes)
        f, g = f.reshape(copies[0], n_radial, n3), g.reshape(copies[1], n_angle, n3)
        return (f / f.norm(dim=1, keepdim=True)).expand(S, -1, -1), (g / g.norm(dim=1, keepdim=True)).expand(S, -1, -1)

    def objective(v):
        v = torch.from_numpy(v).requires_grad_()
        value = sum(_best(one.shape, *form, f, g)[0] for one, form, f, g in zip(found, forms, *unpack(v), strict=True))
        value.backward()
        return float(value.detach()), v.grad.numpy()

    rng = np.random.default_rng(seed)
    place, width = rng.uniform(0, 0.85, n3), rng.uniform(0.15, 0.4, n3)
    f = bumps(found[0].shape.radial_knots[0], n_radial, place, width)
    waves = project(lambda x: np.cos(np.arange(n3) % 5 * np.arccos(x)[:, None]), found[0].shape.angle_knots, n_angle)
    g = waves + 0.1 * rng.normal(size=waves.shape)
    start = np.concatenate([np.tile(f.ravel(), copies[0]), np.tile(g.ravel(), copies[1])])
    how = {"jac": True, "method": "L-BFGS-B", "options": {"maxiter": _STEPS, "maxcor": 30}}
    end = scipy.optimize.minimize(objective, start, callback=lambda _: tick(1), **how)
    with torch.no_grad():
        f, g = unpack(torch.from_numpy(end.x))
        rest = [_best(one.shape, *form, *curves)[1] for one, form, *curves in zip(found, forms, f, g, strict=True)]
    return list(f.numpy()), list(g.numpy()), rest


def _best(shape: Shape, A: Tensor, b: Tensor, f: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    """The loss xᵀ A x − 2 b·x of the best φ, a and energies with f and g (functions, n3), and these, (unknowns,)."""
    E, (n_pair, n_radial, _) = shape.n_elements, shape.functions
    n_phi = n_pair * len(shape.unordered)
    hi, lo = np.tril_indices(n_radial)
    tensor = torch.einsum("pm,cm->pcm", f[hi] * f[lo], g).reshape(-1, shape.n3)
    one = torch.eye(n_phi, dtype=A.dtype), torch.eye(E, dtype=A.dtype)
    Z = torch.block_diag(one[0], *[tensor] * E, one[1])
    reduced, c = Z.T @ A @ Z, Z.T @ b
    reduced = reduced + torch.diag(1e-9 * reduced.detach().diagonal().clamp(min=1e-300))
    x = torch.linalg.solve(reduced, c)
    return x @ (Z.T @ A @ Z) @ x - 2 * c @ x, x


def install(
    joint: JointModel,
    found: Sequence[LinearSolution],
    shared: Sequence[str],
    seed: int,
    progress: Progress = no_progress,
) -> None:
    """Sets all parameters and units from the linear solutions; filters are not standardised yet."""
    n3 = found[0].shape.n3
    f = g = rest = None
    if n3:
        with progress("first filters", _STEPS, "steps") as tick:
            f, g, rest = compress(found, shared, seed, tick)
    for s, (model, one) in enumerate(zip(joint.models, found, strict=True)):
        shape = model.shape
        E, n_pair = shape.n_elements, shape.functions[0]
        n_phi = n_pair * len(shape.unordered)
        x = rest[s].numpy() if n3 else one.fit.chosen.x
        phi, a, energies = np.split(x, [n_phi, len(x) - E])
        curves = (f[s][None], g[s][None]) if n3 else (None, None)
        install_alone(model, one.shape, one.unit, phi.reshape(-1, n_pair), *curves, energies + one.offsets)
        if n3:
            with torch.no_grad():
                model.linear[:, shape.n2 :] = torch.from_numpy(a.reshape(E, n3) / one.unit)


def joint_start(
    joint: JointModel,
    data: Sequence[tuple[Shards, Shards]],
    weights: Weights,
    shared: Sequence[str],
    threads: int,
    seed: int,
    progress: Progress = no_progress,
) -> list[LinearSolution]:
    """Sets parameters, units and standardisation of all systems; data: training and validation frames of each."""
    coarse = coarse_shapes([model.shape for model in joint.models])
    with progress("linear models", sum(len(part) for sets in data for part in sets), "frames") as tick:
        found = [
            linear_solution(model, shape, *sets, weights, threads, tick)
            for model, shape, sets in zip(joint.models, coarse, data, strict=True)
        ]
    install(joint, found, shared, seed, progress)
    for model, (train, _) in zip(joint.models, data, strict=True):
        standardise(model, train, threads)
    joint.balance()
    return found
