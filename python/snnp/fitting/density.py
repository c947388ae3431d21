"""Fits of EAM and s-MEAM: Gauss-Newton steps from the best of some simple densities."""

from snnp import _core, console
from snnp.analysis.curves import Curve
from snnp.fitting.gauss_newton import DensityFit
from snnp.fitting.linear import WITHOUT_VALIDATION
from snnp.fitting.successive_halving import find_start
from snnp.fitting.task import Task, train
from snnp.models.curvature_prior import CurvaturePrior
from snnp.models.potentials import density_potential


def fit_density(task: Task) -> tuple[_core.Potential, Curve]:
    """The potential, and the losses by steps."""
    model, shape = task.config.model, task.shape
    data = task.prepared("train"), task.prepared("validation")
    smoothness = model.smoothness
    if smoothness is None and not data[1]:
        smoothness = WITHOUT_VALIDATION
    steps = task.config.training.steps
    atoms = sum(len(s) for s, _ in data[0])
    prior = CurvaturePrior.of(model, len(data[0]), atoms, task.weights)
    built_in = (model.positive, model.convex, prior)
    fit = DensityFit(
        shape, model.embedding_knots, task.e0, data, task.weights, task.threads, steps, smoothness, *built_in
    )
    if task.saved is None:
        task.log.print(f"{fit.layout.columns} unknowns; looking for densities to start from")
        show = lambda search: task.log.print(console.search_line(search))  # noqa: E731
        fit.start(*find_start(fit.model, fit.train, fit.validation, task.log.progress, show))

    def potential_now() -> _core.Potential:
        parts = fit.layout.split(fit.x)
        return density_potential(shape, parts, fit.knots, parts["e0"][:, 0] + fit.offsets, task.comment())

    fit.watch = lambda: task.monitor.rmse(potential_now())
    train(task, fit, 1.0)
    potential = potential_now()
    return potential, Curve.learning(fit.history, "pair model")
