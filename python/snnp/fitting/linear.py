"""Fits of linear models (pair, UF3): least squares with the smoothness that the validation data ask for."""

import numpy as np

from snnp import _core
from snnp.analysis.curves import Curve
from snnp.fitting.least_squares import solve
from snnp.fitting.task import Task
from snnp.models.curvature_prior import CurvaturePrior
from snnp.models.linear import LinearModel, LinearShape
from snnp.models.potentials import linear_potential

# Penalties of curvature to choose from, strongest first, and the one that is taken without validation data. Held-out
# frames are like those of the training set: they cannot ask for what keeps splines smooth where there are no data, so
# the choice ends before the penalty vanishes. `smoothness` takes any value.
STRENGTHS = 10.0 ** -np.arange(0.0, 8.0)
WITHOUT_VALIDATION = 1e-4


def fit_linear(task: Task) -> tuple[_core.Potential, Curve]:
    """The potential, and the losses by smoothness."""
    shape, smoothness = task.shape, task.config.model.smoothness
    radial = shape.radial_knots if shape.jk_knots else []
    knots = shape.pair_knots, radial, shape.jk_knots
    linear = LinearModel(LinearShape(shape.n_elements, *knots, distance=True, pinned=shape.pinned))
    baseline = task.baseline()
    train, validation = task.streamed("train", baseline), task.streamed("validation", baseline)
    strengths = STRENGTHS if validation else [WITHOUT_VALIDATION]
    if smoothness is not None:
        strengths = [smoothness]
    prior = CurvaturePrior.of(task.config.model, train.structures, train.atoms, task.weights)
    frames = train.structures + (validation.structures if validation else 0)
    with task.log.progress("normal equations", frames, "frames") as tick:
        found = solve(linear, train, validation, task.weights, task.e0, strengths, task.threads, tick, prior=prior)
    error = np.sqrt(found.chosen.train_loss)
    task.log.print(
        f"{linear.columns} unknowns; error {error:.4f} eV/Å (weighted RMS), smoothness {found.chosen.strength:g}"
    )

    def potential(x: np.ndarray) -> _core.Potential:
        tensors = [linear.tensor(kind, x) for kind in range(len(linear.shape.kinds))]
        energies = x[-shape.n_elements :] + baseline
        return linear_potential(shape, linear.pair_coefficients(x), tensors, energies, task.comment())

    points = [task.monitor.rmse(potential(trial.x)) for trial in found.trials]
    return potential(found.chosen.x), Curve.smoothness(found.trials, found.chosen, points)
