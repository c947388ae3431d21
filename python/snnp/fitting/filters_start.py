"""Where a fit on given filters starts: with the linear model that is closest to the data, as far as filters are free.

Filters that are kept have a linear model of their own,

    E_i = e0 + ½ Σ_j φ(r_ij) + a·G_i,

solved by its normal equations like any (`snnp.fitting.least_squares`). The length of filters is chosen like a cutoff.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from scipy import sparse

from snnp import _core, console, virial
from snnp.data import Frame
from snnp.data.batch import FrameStream, Weights
from snnp.fitting.compression import compress, refine
from snnp.fitting.cutoffs import force_error, samples
from snnp.fitting.divided_model import Divided
from snnp.fitting.least_squares import START_STRENGTHS, Trial, solve
from snnp.fitting.linear_start import balance, linear_solution, standardise, without_offsets
from snnp.fitting.loss import Loss, make_batch
from snnp.fitting.progress import Progress, no_progress
from snnp.fitting.ranks import Ranks
from snnp.fitting.shards import Shards, deal
from snnp.kinds.choose import Choice
from snnp.kinds.given_filters import given_filters
from snnp.models.curvature_prior import CurvaturePrior
from snnp.models.filters import Filters
from snnp.models.linear import LinearModel, coarsened, linear_shape
from snnp.models.network import Model
from snnp.models.normal_equations import Quadratic, Rows, accumulate
from snnp.models.shape import Shape

_FRAMES, _ATOMS = 20, 600  # are fitted, and as many others are held out, to choose the length
_STEPS = 150  # at most, of the compression
_SLACK = 1.1  # another length has to be better than that of the file by this factor


def install(model: Model, filters: Filters) -> None:
    """Gives a model filters for its elements."""
    E, P = model.shape.n_elements, len(model.shape.unordered)
    own, each = ([a * E + a for a in range(E)], P) if model.shape.shared else (range(E * E), 1)
    with torch.no_grad():
        for parameter, curves in ((model.rho, filters.rho), (model.f, filters.f)):
            parameter.copy_(_stack([curves[n] for n in own]))
        model.g.copy_(_stack(filters.g[::each]))
        if model.shape.shared:
            for mix, curves in ((model.mix_rho, filters.rho), (model.mix_f, filters.f)):
                mix.copy_(_stack([_mixture(curves[a * E + a], curves[a * E + b]) for a in range(E) for b in range(E)]))


def _stack(arrays: Sequence[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(np.stack(list(arrays)))


def _mixture(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """M with own M = other, as close as that is possible."""
    return np.eye(own.shape[1]) if np.array_equal(own, other) else np.linalg.lstsq(own, other, rcond=None)[0]


class FilterLinearModel:
    """A model like `snnp.models.linear.LinearModel`: φ by unordered pair, a by element, energies of elements.

    a is in units of the standardised filters of the model. Coefficients x: (columns,).
    """

    def __init__(self, model: Model, threads: int):
        shape = model.shape
        self.model, self.values = model, Loss(model, Weights(), 1.0, threads)
        self.pairs = LinearModel(linear_shape(replace(shape, n3=0)))
        self.shape, self.threads = self.pairs.shape, threads
        self.n_phi, self.n_a = self.pairs.columns - shape.n_elements, shape.n_elements * shape.filters
        self.columns = self.pairs.columns + self.n_a

    def accumulate(self, frames: FrameStream, weights: Weights, threads: int, tick) -> Quadratic:
        """The loss over all frames; tick(n) is called when n more frames are done."""
        return accumulate(self._rows(), self.columns, self.shape.n_elements, frames, weights, tick)

    def _rows(self) -> Rows:
        def rows(s: _core.Structures):
            of_pairs = self.pairs.design.rows(s, self.threads)
            of_filters = self._filter_rows(s)
            return tuple(
                np.insert(p, [self.n_phi] * self.n_a, f, axis=-1) for p, f in zip(of_pairs, of_filters, strict=True)
            )

        return rows

    def _filter_rows(self, s: _core.Structures):
        """Energies (structures, a), virials (structures, 6, a) and forces (atoms, 3, a) of one unit of each a."""
        G = self.values.values(s)
        E, M = self.shape.n_elements, self.model.shape.filters
        energies = np.zeros((s.n_structures, E * M))
        virials, forces = np.zeros((s.n_structures, 6, E * M)), np.zeros((len(s), 3, E * M))
        for a in sorted(set(s.elements.tolist())):
            here, scale = s.elements == a, self.model.scale[a].numpy()
            np.add.at(energies, (s.structure[here],), np.pad(G[here, 1:] / scale, ((0, 0), (a * M, (E - 1 - a) * M))))
            for m in range(M):
                A = np.zeros_like(G)
                A[here, 1 + m] = 1 / scale[m]
                forces[:, :, a * M + m], W = self.values.trainer.forces(A)
                virials[:, :, a * M + m] = [virial.components((w + w.T) / 2) for w in W]
        return energies, virials, forces

    def differences(self) -> sparse.csr_array:
        """Sum of squared second differences of coefficients of φ, as a matrix."""
        return self._with_filters(self.pairs.differences(), 0.0)

    def prior(self, prior: CurvaturePrior) -> sparse.csr_array:
        """What a prior of φ'' adds to the loss, as a matrix."""
        return self._with_filters(self.pairs.prior(prior), 0.0)

    def size(self) -> sparse.csr_array:
        """Sum of squares of all coefficients but energies of elements, as a matrix."""
        return self._with_filters(self.pairs.size(), 1.0)

    def fixed(self, fixed_e0: Sequence[float | None]) -> sparse.csr_array:
        """What keeps given energies of elements where they are, and free ones finite."""
        return self._with_filters(self.pairs.fixed(fixed_e0), 0.0)

    def leaning(self, x: np.ndarray) -> Quadratic:
        """The penalty of `LinearModel.leaning`, at coefficients x (columns,)."""
        lean = self.pairs.leaning(np.delete(x, np.s_[self.n_phi : self.n_phi + self.n_a]))
        A = self._with_filters(sparse.csr_array(lean.A), 0.0).toarray()
        return Quadratic(A, np.insert(lean.b, [self.n_phi] * self.n_a, 0.0), lean.c)

    def _with_filters(self, of_pairs: sparse.csr_array, diagonal: float) -> sparse.csr_array:
        """A matrix of φ and energies, (pairs.columns, pairs.columns), with a diagonal for a."""
        order = np.r_[: self.n_phi, self.pairs.columns : self.columns, self.n_phi : self.pairs.columns]
        both = sparse.block_diag([of_pairs, diagonal * sparse.eye_array(self.n_a)], format="csr")
        return sparse.csr_array(both[order][:, order])

    def parts(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """φ (pairs, functions), a (elements, filters), both eV, and energies of elements, eV."""
        phi, a, energies = np.split(x, [self.n_phi, self.n_phi + self.n_a])
        return phi.reshape(len(self.shape.unordered), -1), a.reshape(self.shape.n_elements, -1), energies


class DividedFilters(Divided, FilterLinearModel):
    """The same with normal equations that are sums over processes."""

    def __reduce__(self):
        return DividedFilters, (self.model, self.threads)


def filters_start(
    model: Model,
    filters: Filters,
    train: Shards,
    validation: Shards,
    weights: Weights,
    threads: int,
    frozen: Sequence[str],
    progress: Progress = no_progress,
    prior: CurvaturePrior | None = None,
) -> Trial:
    """Sets the model's parameters, its unit and the standardisation of its filters from a linear solution.

    Like `snnp.fitting.linear_start.linear_start`, with its `prior`. frozen: of rho, f, g those that stay as they are.
    If that is g, the linear model is that of φ and of the filters; if not, it is the one with a three-body tensor, from
    which g follows with the f of the file, or f and g do, beginning with those.
    """
    data = train, validation, weights, threads
    install(model, filters)
    if "g" in frozen or not filters.n3:
        with progress("linear model", len(train) + len(validation), "frames") as tick:
            start = _weigh_filters(model, *data, tick, prior)
    else:
        start = _follow_tensor(model, *data, "f" in frozen, progress, prior)
    if not frozen:
        balance(model)
    return start


def _weigh_filters(model: Model, train, validation, weights: Weights, threads: int, tick, prior) -> Trial:
    """φ, a and energies of elements by least squares."""
    model.constrain()
    standardise(model, train, threads)
    offsets, sets = without_offsets(model, train, validation)
    linear = DividedFilters(model, threads)
    fit = solve(linear, *sets, weights, model.fixed_e0, START_STRENGTHS, threads, tick, differences=True, prior=prior)
    chosen = fit.chosen
    phi, a, energies = linear.parts(chosen.x)
    model.unit = unit = float(np.sqrt(chosen.train_loss))
    with torch.no_grad():
        model.set_pairs(phi)
        model.linear.copy_(torch.from_numpy(a / unit))
        # a·G = linear·x + linear·mean / scale
        at_mean = (model.linear * model.mean / model.scale).sum(1)
        model.constant.copy_(torch.from_numpy((energies + offsets) / unit) + at_mean)
    return chosen


def _follow_tensor(
    model: Model, train, validation, weights: Weights, threads: int, keep_f: bool, progress: Progress, prior
) -> Trial:
    """φ, g, energies of elements, and f unless it is kept, from the linear model with a three-body tensor."""
    shape, (_, n_radial, n_angle) = model.shape, model.shape.functions
    with progress("linear model", len(train) + len(validation), "frames") as tick:
        found = linear_solution(model, coarsened(shape), train, validation, weights, threads, tick, prior)
    coarse, each = found.shape, shape.n_elements if shape.shared else 1
    knots = list(zip(coarse.radial_knots[::each], shape.radial_knots[::each], strict=True))
    given = zip(model.f.detach().numpy(), knots, strict=True)
    first = np.stack([refine(c, new, old, coarse.functions[1]) for c, (old, new) in given])
    steps = 0 if keep_f else _STEPS
    with progress("first filters", steps, "steps") as tick:
        phi, f, g, energies = compress(
            coarse, found.fit.penalised, steps, [], tick, [first], positive="f" in model.positive
        )
    with torch.no_grad():
        if keep_f:
            g = _for_size(g, np.linalg.norm(first, axis=1), shape)
        else:
            model.f.copy_(_stack([refine(c, old, new, n_radial) for c, (old, new) in zip(f, knots, strict=True)]))
        model.g.copy_(_stack([refine(c, coarse.angle_knots, shape.angle_knots, n_angle) for c in g]))
        if shape.shared:
            model.mix_f.copy_(torch.eye(shape.n3).expand_as(model.mix_f))
        model.unit = unit = found.unit
        model.set_pairs(phi)
        model.constant.copy_(torch.from_numpy((energies + found.offsets) / unit))
        model.linear.zero_()
        model.linear[:, shape.n2 :] = 1 / unit
    model.constrain()
    standardise(model, train, threads)
    # What filters cannot follow may be far more than what the tensor leaves.
    loss = Loss(model, weights, 1.0, threads)
    model.unit = float(np.sqrt(loss.of_sums(train.sum(_sums, loss).reshape(-1, 3))[0]))
    with torch.no_grad():
        for parameter in (model.phi, model.constant, model.linear):
            parameter *= unit / model.unit
    return found.fit.chosen


def _sums(frames, loss: Loss) -> np.ndarray:
    return loss.sums(make_batch([frame]) for frame in frames).ravel()


def _for_size(g: Sequence[np.ndarray], norms: np.ndarray, shape: Shape) -> list[np.ndarray]:
    """What g for f of unit norm is for those of norms (tables, n3)."""
    E = shape.n_elements
    if shape.shared:
        kinds = [(a, a) for a in range(E)]
    else:
        kinds = [(a * E + b, a * E + c) for a in range(E) for b, c in shape.unordered]
    return [curves / (norms[p] * norms[q]) for curves, (p, q) in zip(g, kinds, strict=True)]


def best_scale(options: Sequence[Choice], frames: Sequence[Frame], threads: int, log: console.Log) -> Choice:
    """The option, of models that differ in `filters.scale`, with which the linear model has least error in forces.

    The first one, with the lengths of the file, unless another is better.
    """
    known = [frame for frame in frames if not np.isnan(frame.forces).all()]
    if len(options) < 2 or len(known) < 4:
        return options[0]
    fitted, held_out = samples(known, _FRAMES, _ATOMS)
    errors, scales = [], [option.model.filters.scale for option in options]
    with log.progress("length of filters", len(options), "lengths") as tick:
        for option in options:
            both = [_force_error(option, *sets, threads) for sets in ((fitted, held_out), (held_out, fitted))]
            errors.append(float(np.sqrt(np.mean(np.square(both)))))
            tick(1)
    best = int(np.argmin(errors))
    if errors[0] <= _SLACK * errors[best]:
        best = 0
    found = ", ".join(f"{errors[n]:.4f} × {scales[n]:g}" for n in np.argsort(scales))
    log.print(f"length of filters: error of forces of a linear model, eV/Å: {found}; taken is × {scales[best]:g}")
    return options[best]


def _force_error(option: Choice, fitted: Sequence[Frame], held_out: Sequence[Frame], threads: int) -> float:
    """Of the linear model with the filters of an option."""
    shape = replace(option.shape, pinned=[])  # labels are as they were given

    def solved(train, validation, weights) -> Trial:
        model = Model(shape, [None] * shape.n_elements)
        filters = given_filters(option.model.filters, shape.elements, shape.shared)
        return filters_start(model, filters, *deal([train, validation], Ranks()), weights, threads, ("g",))

    return force_error(shape, fitted, held_out, threads, solved)
