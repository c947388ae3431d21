"""Where four-body terms of a fit begin: least squares for what filters leave.

It fixes the basis of their parameters, too: c = T y, with T such that the loss is round in y, but for directions that
the data hardly determine, which a ridge makes small.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy import ndarray

from snnp import _core
from snnp.data.batch import FrameStream, LabelledStructure, Weights
from snnp.fitting.loss import Batch, Loss
from snnp.fitting.progress import Progress, no_progress
from snnp.fitting.shards import Shards
from snnp.models.four_body import terms
from snnp.models.network import Model
from snnp.models.normal_equations import Quadratic, accumulate

# Ridges to choose from, relative to the mean square of each invariant; validation losses that differ by less count as
# equal, and the larger ridge is taken.
_RIDGES = 10.0 ** -np.arange(3.0, 9.0)
_SLACK = 0.003
# Invariants whose mean square is a smaller part of the largest one's are zero in all frames, by symmetry, but for
# rounding: no multiple of that tells anything. In strained crystals of one atom these are all with l = 1 or 3.
_NEVER = 1e-12
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
        held_out = _equations(loss, validation, tick) if len(validation) else None
    free = [count + a for a in range(E) if model.fixed_e0[a] is None]
    solve = _Solution.of(fitted, count, free)
    tried = [solve.with_ridge(ridge) for ridge in _RIDGES]
    losses = [(held_out or fitted)(x) for x, _ in tried]
    best = min(losses)
    chosen = next(n for n, value in enumerate(losses) if value <= best * (1 + _SLACK)) if held_out else -1
    x, basis = tried[chosen]
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
    """Normal equations without energies of isolated atoms, which are free: A of coefficients, in units in which its
    diagonal is 1, or less for those that the data do not show; values and axes of that.

    energies: takes coefficients to the energies that suit them.
    """

    size: ndarray
    values: ndarray
    axes: ndarray
    right: ndarray
    offset: ndarray
    slope: ndarray
    free: Sequence[int]
    columns: int

    @staticmethod
    def of(q: Quadratic, count: int, free: Sequence[int]) -> "_Solution":
        """free: columns of energies of isolated atoms that are free."""
        c = np.arange(count)
        of_free = q.A[np.ix_(free, free)]
        slope = np.linalg.lstsq(of_free, q.A[np.ix_(free, c)], rcond=None)[0] if len(free) else np.zeros((0, count))
        offset = np.linalg.lstsq(of_free, q.b[free], rcond=None)[0] if len(free) else np.zeros(0)
        A = q.A[:count, :count] - q.A[np.ix_(c, free)] @ slope
        right = q.b[:count] - q.A[np.ix_(c, free)] @ offset
        squares = np.diag(A)
        size = np.sqrt(squares.clip(max(_NEVER * squares.max(), 1e-300)))
        values, axes = np.linalg.eigh(A / size / size[:, None])
        return _Solution(size, values.clip(0), axes, right, offset, slope, free, len(q.b))

    def with_ridge(self, ridge: float) -> tuple[ndarray, ndarray]:
        """Coefficients and energies that suit them, (columns,), and T, (coefficients, coefficients)."""
        T = self.axes / np.sqrt(self.values + ridge) / self.size[:, None]
        x = np.zeros(self.columns)
        x[: len(T)] = T @ (T.T @ self.right)
        x[self.free] = self.offset - self.slope @ x[: len(T)]
        return x, T


def _equations(loss: Loss, frames: Shards, tick) -> Quadratic:
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


def _fourth_powers(frames: Sequence, argument: tuple) -> ndarray:
    """Sums over atoms of an element of the fourth power of E4, by element."""
    found, threads = argument
    sums = np.zeros(len(found))
    for frame in frames:
        s = frame.structures if isinstance(frame, Batch) else frame[0]
        np.add.at(sums, s.elements, _core.FourBodyTrainer().values(found, s, threads) ** 4)
    return sums
