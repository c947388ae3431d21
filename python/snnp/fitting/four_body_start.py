"""Where four-body terms of a fit begin: least squares for what filters leave.

Data know little of most of these terms, whose energies may be anything where no data are. So they have a prior: over
atoms of random cells, energies E4 - ⟨E4⟩ are small. The validation set chooses how small, the strongest prior that
leaves its loss about as it is.

The start fixes the basis of their parameters, too: c = T y, with T such that loss and prior are round in y.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy import ndarray

from snnp import _core
from snnp.data.batch import FrameStream, LabelledStructure, Weights
from snnp.data.neighbors import structures
from snnp.fitting.loss import Loss
from snnp.fitting.progress import Progress, no_progress
from snnp.fitting.shards import Shards
from snnp.models.four_body import terms
from snnp.models.network import Model
from snnp.models.normal_equations import Quadratic, accumulate
from snnp.random_cells import random_cell

# Strengths of the prior to choose from: what a mean square of E4 - ⟨E4⟩ of 1 eV² adds to the loss, which is 1 for the
# linear model; validation losses that differ by less than this part count as equal.
_STRENGTHS = 10.0 ** -np.arange(-2.0, 5.5, 0.5)
_SLACK = 0.01
_CELLS = 300  # random ones
_RIDGE = 1e-9  # of the mean square of an invariant, or of the largest of them: against rounding
# S in parts of the size of E4 at the start, which is the fourth root of the mean of its fourth power.
_BOUND = 5.0


def four_body_start(
    model: Model,
    train: Shards,
    validation: Shards,
    weights: Weights,
    threads: int,
    progress: Progress = no_progress,
) -> None:
    """Sets four-body terms and their basis, and moves energies of isolated atoms that are free."""
    loss, E, count = Loss(model, weights, 1.0, threads), model.shape.n_elements, model.four_body_basis.shape[0]
    with progress("four-body terms", len(train) + len(validation), "frames") as tick:
        fitted = _equations(loss, train, tick)
        held_out = _equations(loss, validation, tick) if len(validation) else fitted
    free = [count + a for a in range(E) if model.fixed_e0[a] is None]
    solve = _Solution.of(fitted, model.unit**2 * _covariance(model, train), free)
    tried = [solve.with_prior(strength) for strength in _STRENGTHS]
    losses = [held_out(x) for x, _ in tried]
    x, basis = next(one for one, value in zip(tried, losses, strict=True) if value <= min(losses) * (1 + _SLACK))
    with torch.no_grad():
        T = torch.from_numpy(model.unit * basis)
        model.four_body_basis.zero_()
        model.four_body_basis[:, :count] = T
        model.four_body.view(-1)[:count] = torch.linalg.solve(T, torch.from_numpy(x[:count]))
        for a in range(E):
            model.constant[a] += x[count + a] / model.unit
    model.four_body_bound.copy_(torch.from_numpy(_bounds(model, train, x[:count].reshape(E, -1), threads)))


@dataclass
class _Solution:
    """Normal equations A, right of coefficients, without energies of isolated atoms, which are free, and the prior.

    offset, slope: take coefficients to the energies that suit them, in the columns `free`.
    """

    A: ndarray
    prior: ndarray
    right: ndarray
    offset: ndarray
    slope: ndarray
    free: Sequence[int]
    columns: int

    @staticmethod
    def of(q: Quadratic, prior: ndarray, free: Sequence[int]) -> "_Solution":
        """free: columns of energies of isolated atoms that are free."""
        c = np.arange(len(prior))
        of_free = q.A[np.ix_(free, free)]
        slope = np.linalg.lstsq(of_free, q.A[np.ix_(free, c)], rcond=None)[0] if len(free) else np.zeros((0, len(c)))
        offset = np.linalg.lstsq(of_free, q.b[free], rcond=None)[0] if len(free) else np.zeros(0)
        A = q.A[np.ix_(c, c)] - q.A[np.ix_(c, free)] @ slope
        right = q.b[c] - q.A[np.ix_(c, free)] @ offset
        return _Solution(A, prior, right, offset, slope, free, len(q.b))

    def with_prior(self, strength: float) -> tuple[ndarray, ndarray]:
        """Coefficients and energies that suit them, (columns,), and T, (coefficients, coefficients)."""
        A = self.A + strength * self.prior
        squares = np.diag(A)
        size = np.sqrt(squares + _RIDGE * squares.max())
        values, axes = np.linalg.eigh(A / size / size[:, None])
        T = axes / np.sqrt(values.clip(0) + _RIDGE) / size[:, None]
        x = np.zeros(self.columns)
        x[: len(T)] = T @ (T.T @ self.right)
        x[self.free] = self.offset - self.slope @ x[: len(T)]
        return x, T


def _covariance(model: Model, frames: Shards) -> ndarray:
    """Of E4 per unit of each coefficient, over atoms of random cells, (coefficients, coefficients)."""
    shape, rng = model.shape, np.random.default_rng(0)
    own, count = terms(shape.four_body, shape.n_elements), model.four_body_basis.shape[0]
    density, known = frames.sum(_densities, None)
    closest = shape.four_body.outer
    volume = known / density if known else 2 * closest**3
    cells = [random_cell(rng, "".join(shape.elements), volume, closest / 0.8) for _ in range(_CELLS)]
    s = structures(cells, shape.elements, shape.cutoff)
    # Each atom is a structure of its own: energies are those of atoms.
    each = _core.Structures(s.offsets, s.indices, s.vectors, s.elements, np.arange(len(s)), len(s))
    rows, *_ = _core.four_body_rows(own, each, count, 1)
    covariance = np.zeros((count, count))
    for a in range(shape.n_elements):
        here = rows[s.elements == a]
        varying = here - here.mean(axis=0)
        covariance += varying.T @ varying / len(here)
    return covariance


def _densities(frames: Sequence[LabelledStructure], _: None) -> ndarray:
    """The sum of atoms by volume, 1/Å³, of frames that have one, and their number."""
    found = [(len(s), labels.volume) for s, labels in frames]
    densities = [atoms / volume for atoms, volume in found if np.isfinite(volume) and volume > 0]
    return np.array([sum(densities), float(len(densities))])


def _equations(loss: Loss, frames: Shards, tick: Callable[[int], None]) -> Quadratic:
    """The loss of all frames by coefficients and energies of isolated atoms; tick(n): n more frames are done."""
    size, n = (len(frames), int(frames.atoms.sum())), loss.model.four_body_basis.shape[0] + loss.model.shape.n_elements
    found = frames.sum(_of_frames, (loss, *size))
    tick(len(frames))
    return Quadratic(np.asfortranarray(found[: n * n].reshape(n, n)), found[n * n : -1], float(found[-1]))


def _of_frames(frames: Sequence[LabelledStructure], argument: tuple[Loss, int, int]) -> ndarray:
    """What frames of a rank add, in one row."""
    loss, structures, atoms = argument
    shape, count = loss.model.shape, loss.model.four_body_basis.shape[0]
    own, columns = terms(shape.four_body, shape.n_elements), count + shape.n_elements
    left = FrameStream(lambda: (_left(loss, frame) for frame in frames), structures, atoms)
    found = accumulate(
        lambda s: _core.four_body_rows(own, s, columns, loss.threads), columns, shape.n_elements, left, loss.weights
    )
    return np.concatenate([found.A.ravel(), found.b, [found.c]])


def _left(loss: Loss, frame: LabelledStructure) -> LabelledStructure:
    """A frame with what the model leaves of its labels."""
    s, labels = frame
    _, (energy,), F, (W,) = loss.predict(s)
    virial = None if labels.virial is None else labels.virial - (W + W.T) / 2
    return s, replace(labels, energy=labels.energy - energy, forces=labels.forces - F, virial=virial)


def _bounds(model: Model, frames: Shards, coefficients: ndarray, threads: int) -> ndarray:
    """S of each element, eV."""
    E, found = model.shape.n_elements, terms(model.shape.four_body, model.shape.n_elements, coefficients)
    for one in found:
        one.bound = 1e6
    fourth = frames.sum(_fourth_powers, (found, threads))
    size = (fourth / np.maximum(frames.compositions(E).sum(0), 1)) ** 0.25
    return _BOUND * np.maximum(size, 1e-3 * model.unit)


def _fourth_powers(frames: Sequence[LabelledStructure], argument: tuple[list[_core.FourBody], int]) -> ndarray:
    """Sums over atoms of an element of the fourth power of E4, by element."""
    found, threads = argument
    sums = np.zeros(len(found))
    for s, _ in frames:
        np.add.at(sums, s.elements, _core.FourBodyTrainer().values(found, s, threads) ** 4)
    return sums
