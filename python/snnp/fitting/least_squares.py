"""Least squares for linear models, with the smoothness that the validation data ask for. Needs no PyTorch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from snnp.data import DataError
from snnp.data.batch import FrameStream, Weights
from snnp.models.curvature_prior import CurvaturePrior
from snnp.models.linear import RIDGE, LinearModel
from snnp.models.normal_equations import Quadratic

# Penalties of differences of coefficients to choose from: with those of curvature in r, potentials of Mo and Si came
# out up to a tenth less accurate. A validation set knows only what the training set knows, too: for In-P it asked for
# 1e-9, and the crystal exploded at 1000 K where the data do not reach. From 1e-7 on it is stable.
START_STRENGTHS = 10.0 ** -np.arange(1.0, 8.0)
# With filters shared by elements, a penalty of 1e-7 in place of 1e-5 made errors in forces of an unseen alloy a third
# larger. There, φ of unlike elements leans on those of like ones this strongly: from 1e-4 to 1e-3 errors are the same,
# beyond that those of binaries rise.
_WEAKEST_SHARED = 1e-5
_LEANING = 3e-4
# Validation losses that differ by less than this part count as equal.
_SLACK = 0.003


@dataclass
class Trial:
    """A solution: losses, (eV/Å)², that a strength of the penalty of curvature leads to."""

    strength: float
    train_loss: float
    validation_loss: float
    x: np.ndarray


@dataclass
class LinearFit:
    """The solutions of a linear model for all strengths, strongest first, the chosen one, and its normal equations."""

    trials: list[Trial]
    chosen: Trial
    penalised: Quadratic  # the loss with the chosen penalty


def solve(
    linear: LinearModel,
    train: FrameStream,
    validation: FrameStream | None,
    weights: Weights,
    fixed_e0: Sequence[float | None],
    strengths: Sequence[float],
    threads: int,
    tick: Callable[[int], None] = lambda n: None,
    differences: bool = False,
    prior: CurvaturePrior | None = None,
) -> LinearFit:
    """Least squares with each strength of a penalty (strongest first), from one pass over the data.

    The strongest penalty is taken whose validation loss comes within _SLACK of the smallest one; without validation
    data the weakest. Penalised is curvature, or `differences` of coefficients: then strengths are relative to the mean
    diagonal of the normal equations. prior: of φ, for labels with errors as large as those of the solution without it.
    Raises DataError if there is no solution at all.
    """
    loss = linear.accumulate(train, weights, threads, tick)
    held_out = linear.accumulate(validation, weights, threads, tick) if validation else loss
    penalty = (linear.differences() if differences else linear.curvature()) + RIDGE * linear.size()
    if differences:
        penalty = loss.A.diagonal().mean() * penalty
    fixed = linear.fixed(fixed_e0)
    shared = linear.shape.shared
    lean = _LEANING * loss.A.diagonal().mean()

    def leaning(strength: float) -> Quadratic:
        """The loss and, where elements share filters, what φ of unlike ones leans on."""
        if not shared:
            return loss
        return loss.plus(lean, linear.leaning(loss.minimum(strength * penalty + fixed)))

    def search() -> tuple[list[Trial], Trial]:
        """The solutions, and the chosen one."""
        trials = []
        for strength in strengths:
            if shared and strength < 0.99 * _WEAKEST_SHARED:
                break
            try:
                x = leaning(strength).minimum(strength * penalty + fixed)
            except np.linalg.LinAlgError:
                break  # rounding hides what so weak a penalty leaves undetermined
            trials.append(Trial(strength, loss(x), held_out(x), x))
        if not trials:
            raise DataError(
                "the data do not determine all coefficients: expected a greater model.smoothness, or more frames"
            )
        best = min(trial.validation_loss for trial in trials)
        close = (t for t in trials if t.validation_loss <= best + _SLACK * abs(best))
        return trials, next(close) if validation else trials[-1]

    trials, chosen = search()
    if prior:
        fixed = fixed + chosen.train_loss * linear.prior(prior)
        trials, chosen = search()
    loss = leaning(chosen.strength)
    loss.A += (chosen.strength * penalty + fixed).toarray()
    return LinearFit(trials, chosen, loss)
