"""Where a fit starts: the linear model with a full tensor-product three-body spline, and its compression to filters.

The linear model (cpp/snnp/design.h) is solved by its normal equations, accumulated over structures, with a curvature
penalty whose strength the validation set decides. Its three-body tensor is then approximated by n3 products
f_m(r_ij) f_m(r_ik) g_m(cos θ): L-BFGS over the f_m, everything else solved exactly at each step (variable projection,
Golub and Pereyra, SIAM J. Numer. Anal. 10, 413 (1973)).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
import scipy.optimize
import torch
from scipy.interpolate import BSpline

from snnp import _core
from snnp.model import Model, Shape
from snnp.splines import END, clamped, project, table_matrix
from snnp.training import Labels, Loss, Weights, concatenate

# Unknowns of the linear model: enough for the full resolution of one element; more elements get coarser knots.
_MOST_COLUMNS = 2000
# Memory of the rows that are held at once, bytes.
_CHUNK = 2e8
# Curvature penalties to choose from, relative to the mean diagonal of the normal equations. A validation set knows only
# what the training set knows, too: for In-P it asked for 1e-9, and the crystal exploded at 1000 K where the data do not
# reach. From 1e-7 on it is stable.
_STRENGTHS = 10.0 ** np.arange(-7, 0)
_RIDGE = 0.1  # penalty of the size of coefficients, relative to that of their curvature

LabelledStructure = tuple[_core.Structures, Labels]


@dataclass
class Quadratic:
    """Loss of a linear model: c − 2 b·x + xᵀ A x."""

    A: np.ndarray
    b: np.ndarray
    c: float

    def __call__(self, x: np.ndarray) -> float:
        return float(self.c - 2 * self.b @ x + x @ self.A @ x)


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


class LinearModel:
    """The linear model of a shape: coefficients of φ, of the three-body tensors, and one energy per element."""

    def __init__(self, shape: Shape):
        self.shape = shape = coarsened(shape)
        E = shape.n_elements
        n_pair, n_leg, n_angle = shape.functions
        angles = E * len(shape.unordered)
        three = shape.n3 > 0

        def basis(knots: Sequence[np.ndarray]) -> list[np.ndarray]:
            return [table_matrix(k, len(k) + 2) for k in knots]

        angle_knots = [shape.angle_knots] * angles
        self.design = _core.Design(
            E,
            shape.pair_knots,
            shape.leg_knots if three else [],
            angle_knots if three else [],
            basis(shape.pair_knots),
            basis(shape.leg_knots) if three else [],
            basis(angle_knots) if three else [],
            [n_pair, n_leg if three else 0, n_angle if three else 0],
        )
        self.columns = self.design.columns

    def accumulate(
        self, frames: Sequence[LabelledStructure], weights: Weights, threads: int, tick: Callable[[int], None]
    ) -> Quadratic:
        """The loss over all frames; tick(n) is called when n more frames are done."""
        size = self.columns + self.shape.n_elements
        A, b, c = np.zeros((size, size)), np.zeros(size), 0.0
        n_forces = 3 * sum(len(s) for s, _ in frames)
        for chunk in _chunks(frames, self.columns):
            for X, y in self._rows(chunk, weights, threads, len(frames), n_forces):
                A[: X.shape[1], : X.shape[1]] += X.T @ X
                b[: X.shape[1]] += X.T @ y
                c += float(y @ y)
            tick(len(chunk))
        return Quadratic(A, b, c)

    def _rows(self, frames, weights: Weights, threads: int, n_frames: int, n_forces: int):
        """Blocks of weighted rows and targets: the loss is the sum of squares of X x − y."""
        s = concatenate([structure for structure, _ in frames])
        energies, virials, forces = self.design.rows(s, threads)
        counts = np.array([len(structure) for structure, _ in frames])
        composition = np.zeros((len(frames), self.shape.n_elements))
        np.add.at(composition, (s.structure, s.elements), 1.0)
        w = np.sqrt(weights.energy / n_frames) / counts
        yield w[:, None] * np.hstack([energies, composition]), w * [label.energy for _, label in frames]

        w = np.sqrt(1.0 / n_forces)
        yield w * forces.reshape(-1, self.columns), w * np.concatenate([label.forces.ravel() for _, label in frames])

        known = [n for n, (_, label) in enumerate(frames) if label.virial is not None]
        if known:
            # The loss averages over the nine components of the tensor.
            w = np.sqrt(weights.stress / (9 * n_frames) * np.array([1, 1, 1, 2, 2, 2])) / counts[known, None]
            target = np.array([frames[n][1].virial[[0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]] for n in known])
            yield (w[:, :, None] * virials[known]).reshape(-1, self.columns), (w * target).ravel()

    def penalty(self) -> np.ndarray:
        """Sum of squared second differences of coefficients along every direction, as a matrix."""
        shape = self.shape
        n_pair, n_leg, n_angle = shape.functions
        blocks = [_second_differences(n_pair)] * len(shape.unordered)
        if shape.n3 > 0:
            leg, angle = _second_differences(n_leg), _second_differences(n_angle)
            one, one_angle = np.eye(n_leg), np.eye(n_angle)
            full = np.kron(np.kron(leg, one) + np.kron(one, leg), one_angle) + np.kron(np.kron(one, one), angle)
            unpack = np.kron(_unpack(n_leg), one_angle)
            same = unpack.T @ full @ unpack
            blocks += [same if b == c else full for _ in range(shape.n_elements) for b, c in shape.unordered]
        blocks.append(np.zeros((shape.n_elements, shape.n_elements)))
        return scipy.linalg.block_diag(*blocks)

    def compress(self, loss: Quadratic, steps: int, seed: int):
        """Filters whose products approximate the minimum of a loss.

        Returns phi (pairs, functions), f (E·E, functions, n3), g (E·pairs, functions, n3) and energies (E,).
        """
        shape = self.shape
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

        start = _bumps(shape, n3, seed).ravel()
        options = {"maxiter": steps, "maxcor": 30}
        best = scipy.optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
        with torch.no_grad():
            f, y, _ = solve(torch.from_numpy(best.x.reshape(size)))
        phi, g, energies = np.split(y.numpy(), [n_phi, len(y) - E])
        g = g.reshape(E * len(shape.unordered), n3, n_angle).swapaxes(1, 2)
        return phi.reshape(-1, n_pair), f.numpy(), g, energies


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
    linear = LinearModel(model.shape)
    offsets = _fit_offsets(train, model, [e or 0.0 for e in model.fixed_e0])
    loss = linear.accumulate(_shifted(train, offsets), weights, threads, tick)
    held_out = linear.accumulate(_shifted(validation, offsets), weights, threads, tick) if validation else loss

    size = np.trace(loss.A) / len(loss.A)
    shrink = np.r_[np.full(linear.columns, _RIDGE), np.zeros(model.shape.n_elements)]
    penalty = size * (linear.penalty() + np.diag(shrink))
    # Energies of elements are free, but for those that are given.
    fixed = size * np.diag(np.r_[np.zeros(linear.columns), [1e-10 if e0 is None else 1e6 for e0 in model.fixed_e0]])
    trials = []
    for strength in _STRENGTHS:
        x = scipy.linalg.solve(loss.A + strength * penalty + fixed, loss.b, assume_a="pos")
        trials.append((held_out(x), strength, loss(x)))
    validation_loss, strength, train_loss = min(trials)
    start = Start(train_loss, validation_loss, strength)

    loss = replace(loss, A=loss.A + strength * penalty + fixed)
    if model.shape.n3 > 0:
        phi, f, g, energies = linear.compress(loss, steps, seed)
    else:
        x = scipy.linalg.solve(loss.A, loss.b, assume_a="pos")
        phi, energies = x[: linear.columns].reshape(len(model.shape.unordered), -1), x[linear.columns :]
        f = g = None
    _install(model, linear.shape, start.unit, phi, f, g, energies + offsets)
    _standardise(model, [s for s, _ in train], threads)
    return start


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


def _chunks(frames: Sequence[LabelledStructure], columns: int) -> Iterable[Sequence[LabelledStructure]]:
    chunk: list[LabelledStructure] = []
    rows = 0
    for frame in frames:
        chunk.append(frame)
        rows += 3 * len(frame[0]) + 7
        if rows * columns * 8 > _CHUNK:
            yield chunk
            chunk, rows = [], 0
    if chunk:
        yield chunk


def _fit_offsets(frames: Sequence[LabelledStructure], model: Model, fixed: Sequence[float]) -> np.ndarray:
    """Energies per element, eV, that leave the least behind: small numbers keep the normal equations accurate."""
    E = model.shape.n_elements
    free = [a for a in range(E) if model.fixed_e0[a] is None]
    counts = np.array([np.bincount(s.elements, minlength=E) for s, _ in frames], dtype=float)
    energies = np.array([label.energy for _, label in frames])
    offsets = np.array(fixed, dtype=float)
    per_atom = 1 / counts.sum(1)
    rest = (energies - counts @ offsets) * per_atom
    if free:
        offsets[free] = np.linalg.lstsq(counts[:, free] * per_atom[:, None], rest, rcond=1e-6)[0]
    return offsets


def _shifted(frames: Sequence[LabelledStructure], offsets: np.ndarray) -> list[LabelledStructure]:
    return [(s, replace(label, energy=label.energy - float(offsets[s.elements].sum()))) for s, label in frames]


def _second_differences(n: int) -> np.ndarray:
    D = np.diff(np.eye(n), n=2, axis=0)
    return D.T @ D


def _unpack(n: int) -> np.ndarray:
    """The map from a packed symmetric matrix (hi (hi + 1)/2 + lo) to all n² entries."""
    U = np.zeros((n * n, n * (n + 1) // 2))
    for a in range(n):
        for b in range(n):
            hi, lo = max(a, b), min(a, b)
            U[a * n + b, hi * (hi + 1) // 2 + lo] = 1
    return U


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
            install(model.f, (_refine(c, old, new, n_leg) for c, old, new in legs))
            install(model.g, (_refine(c, coarse.angle_knots, shape.angle_knots, n_angle) for c in g))
            model.linear[:, shape.n2 :] = 1 / unit


def _refine(coefficients: np.ndarray, old: np.ndarray, new: np.ndarray, functions: int) -> np.ndarray:
    if np.array_equal(old, new):
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
