"""Where a fit of filters and networks starts: the linear model, its three-body tensor compressed to filters.

The linear model (cpp/snnp/design.h) is solved by its normal equations, accumulated over structures, with a curvature
penalty whose strength the validation set decides (`snnp.fitting.least_squares`, `snnp.fitting.compression`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from snnp.data.batch import LabelledStructure, Weights
from snnp.fitting.compression import bumps, compress, refine
from snnp.fitting.divided_model import DividedModel
from snnp.fitting.least_squares import START_STRENGTHS, LinearFit, Trial, solve
from snnp.fitting.loss import Batch, Loss
from snnp.fitting.progress import Progress, no_progress
from snnp.fitting.shards import Shards
from snnp.models.curvature_prior import CurvaturePrior
from snnp.models.linear import coarsened, linear_shape
from snnp.models.network import Model
from snnp.models.normal_equations import fit_offsets
from snnp.models.shape import Shape


@dataclass
class LinearSolution:
    """The linear model of which filters are to be an approximation: its shape, its fit, and energies of elements that
    were taken off before, eV."""

    shape: Shape
    fit: LinearFit
    offsets: np.ndarray

    @property
    def unit(self) -> float:
        """The root of the training loss, eV/Å: the scale of what is left to learn."""
        return float(np.sqrt(self.fit.chosen.train_loss))


def linear_solution(
    model: Model,
    shape: Shape,
    train: Shards,
    validation: Shards,
    weights: Weights,
    threads: int,
    tick: Callable[[int], None] = lambda n: None,
    prior: CurvaturePrior | None = None,
) -> LinearSolution:
    """Of a shape that is that of the model, or coarser."""
    offsets, sets = without_offsets(model, train, validation)
    linear = DividedModel(linear_shape(shape))
    fit = solve(linear, *sets, weights, model.fixed_e0, START_STRENGTHS, threads, tick, differences=True, prior=prior)
    return LinearSolution(shape, fit, offsets)


def without_offsets(model: Model, train: Shards, validation: Shards) -> tuple[np.ndarray, list[Shards | None]]:
    """Energies of elements (elements,), eV, that leave the least, and both sets without them; None: it is empty."""
    offsets = fit_offsets(train.compositions(model.shape.n_elements), train.energies, model.fixed_e0)
    return offsets, [part.without(offsets) if len(part) else None for part in (train, validation)]


def linear_start(
    model: Model,
    train: Shards,
    validation: Shards,
    weights: Weights,
    threads: int,
    seed: int,
    steps: int = 150,
    progress: Progress = no_progress,
    prior: CurvaturePrior | None = None,
) -> Trial:
    """Sets the model's parameters, its unit and the standardisation of its filters from the linear solution.

    The unit is the root of the training loss of that solution, eV/Å: the scale of what is left to learn. steps: most
    iterations of the compression. prior: of φ, as a part of what the solution makes small.
    """
    with progress("linear model", len(train) + len(validation), "frames") as tick:
        found = linear_solution(model, coarsened(model.shape), train, validation, weights, threads, tick, prior)
    shape, chosen = found.shape, found.fit.chosen
    if shape.n3 > 0:
        with progress("first filters", steps, "steps") as tick:
            phi, f, g, energies = compress(
                shape, found.fit.penalised, steps, [seed], tick, positive="f" in model.positive
            )
    else:
        parts = np.split(chosen.x, [len(chosen.x) - shape.n_elements])
        phi, energies, f, g = parts[0].reshape(len(shape.unordered), -1), parts[1], None, None
    install(model, shape, found.unit, phi, f, g, energies + found.offsets)
    model.constrain()
    standardise(model, train, threads)
    balance(model)
    return chosen


def install(model: Model, coarse: Shape, unit: float, phi, f, g, energies: np.ndarray) -> None:
    """Gives a model φ, f and g of a coarser shape as `compress` finds them, and energies of elements, eV."""
    shape = model.shape
    n_pair, n_radial, n_angle = shape.functions
    each = len(shape.pair_knots) // len(model.rho)  # ordered pairs that share a table
    model.unit = unit

    def put(parameter: torch.nn.Parameter, values) -> None:
        parameter.copy_(torch.from_numpy(np.stack(list(values))))

    with torch.no_grad():
        model.set_pairs(phi)
        put(model.constant, energies / unit)
        # Two-body filters begin as evenly spread bumps that the energy does not use yet.
        place, width = (np.arange(shape.n2) + 0.5) / max(shape.n2, 1), np.full(shape.n2, 0.8 / max(shape.n2, 3))
        put(model.rho, (bumps(k, n_pair, place, width) for k in shape.pair_knots[::each]))
        model.linear.zero_()
        if f is not None:
            old_and_new = zip(f, coarse.radial_knots[::each], shape.radial_knots[::each], strict=True)
            put(model.f, (refine(c, old, new, n_radial) for c, old, new in old_and_new))
            put(model.g, (refine(c, coarse.angle_knots, shape.angle_knots, n_angle) for c in g))
            model.linear[:, shape.n2 :] = 1 / unit


def standardise(model: Model, frames: Shards, threads: int) -> None:
    """Filters of unit variance and zero mean over the training data, without a change of the energy."""
    shape = model.shape
    if shape.filters == 0:
        return
    loss, size = Loss(model, Weights(), 1.0, threads), (shape.n_elements, shape.filters)
    numbers = frames.compositions(shape.n_elements).sum(0)[:, None]
    means = frames.sum(_sums_of_filters, (loss, np.zeros(size), 1)).reshape(size) / numbers
    scales = np.sqrt(frames.sum(_sums_of_filters, (loss, means, 2)).reshape(size) / numbers)
    with torch.no_grad():
        for a in range(shape.n_elements):
            mean, scale = means[a], np.maximum(scales[a], 1e-6 * max(scales[a].max(), 1e-12))
            # x = (G − mean)/scale in place of G: linear·G = (linear·scale)·x + linear·mean.
            model.constant[a] += model.linear[a] @ torch.from_numpy(mean)
            model.linear[a] *= torch.from_numpy(scale)
            model.mean[a].copy_(torch.from_numpy(mean))
            model.scale[a].copy_(torch.from_numpy(scale))


def _sums_of_filters(frames: Sequence[LabelledStructure], argument: tuple) -> np.ndarray:
    """Sums over atoms of an element of filters less a mean, to a power, by element and filter in one row."""
    loss, means, power = argument
    sums = np.zeros_like(means)
    for frame in frames:
        s = frame.structures if isinstance(frame, Batch) else frame[0]
        G = loss.values(s)[:, 1:]
        for a in np.unique(s.elements):
            sums[a] += ((G[s.elements == a] - means[a]) ** power).sum(0)
    return sums.ravel()


@torch.no_grad()
def balance(model: Model) -> None:
    """Chooses the sizes of splines where the energy does not notice: G → s G, scale → s scale.

    A step of an optimizer then means as much in one coefficient as in another. Three-body filters get a variance as
    large as their share of the energy (in a compressed tensor large shares cancel), two-body filters one of one.
    """
    shape = model.shape
    E, n2 = shape.n_elements, shape.n2
    pairs, triples = len(model.f) // E, len(model.g) // E
    for a in range(E):
        around, angles = slice(a * pairs, (a + 1) * pairs), slice(a * triples, (a + 1) * triples)
        size = torch.cat([torch.ones(n2), model.linear[a, n2:].abs().clamp(min=1)])
        factor = size / model.scale[a]
        model.scale_filters("rho", a, factor[:n2])
        # f² g is what counts; f and g are to be of the same size.
        size_f = model.coefficients("f")[around].square().mean((0, 1)).sqrt().clamp(min=1e-12)
        size_g = model.g[angles].square().mean((0, 1)).sqrt().clamp(min=1e-12)
        k = (size_g * factor[n2:] / size_f) ** (1 / 3)
        model.scale_filters("f", a, k)
        model.g[angles] *= factor[n2:] / k**2
        model.mean[a] *= factor
        model.scale[a] = size
