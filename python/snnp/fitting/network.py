"""Fits of filters and networks (s-NNP): mini-batches from the linear model, compressed to filters."""

from dataclasses import replace

import torch

from snnp import _core
from snnp.analysis.curves import Curve
from snnp.fitting.beyond import Beyond
from snnp.fitting.curvature import CurvatureTerm
from snnp.fitting.decay import fading
from snnp.fitting.demands import Demands
from snnp.fitting.filters_start import filters_start
from snnp.fitting.four_body_start import four_body_start
from snnp.fitting.grounds import grounds_of
from snnp.fitting.linear_start import linear_start
from snnp.fitting.loss import Loss
from snnp.fitting.minibatch import Optimizer, Schedule
from snnp.fitting.networks import Networks, another, seed_of
from snnp.fitting.sound import made_sound
from snnp.fitting.task import Task, train
from snnp.kinds.given_filters import given_filters
from snnp.models.curvature_prior import CurvaturePrior
from snnp.models.gauge import in_standard_gauge
from snnp.models.network import Model

_FRAMES = 300  # tell what each filter adds to energies


def fit_network(task: Task) -> tuple[_core.Potential, Curve]:
    """The potential, and the losses by steps."""
    # The engine's threads do the work; torch's own would only compete with them.
    torch.set_num_threads(1)
    training = task.config.training
    config = task.config.model
    known, held_out = task.dealt()
    prior = CurvaturePrior.of(config, len(known), int(known.atoms.sum()), task.weights)
    model = _start(task, known, held_out, prior) if task.saved is None else _empty(task, task.saved["unit"])
    frozen = _frozen(task)
    for name in frozen:
        getattr(model, name).requires_grad_(False)
    smoothing = training.smoothing * fading(model.unit, int(known.atoms.sum()))
    schedule = Schedule.of(training, smoothing, training.refit * task.refits, config.network_bound)

    beyond = Beyond.of(task)

    def optimizer_of(model: Model, schedule: Schedule) -> Optimizer:
        loss = Loss(model, task.weights, model.unit, task.threads, single=True)
        optimizer = Optimizer(model, loss, schedule, known, held_out, CurvatureTerm(model, prior) if prior else None)
        optimizer.watch = lambda: task.monitor.rmse(model.potential(""))
        optimizer.demands = Demands([beyond.demands(loss, schedule, known)])
        return optimizer

    def following(n: int, first: Model, steps: int) -> Optimizer:
        seed = seed_of(training.seed, n)
        return optimizer_of(another(first, seed, known, task.threads), replace(schedule, steps=steps, seed=seed))

    optimizer = Networks(optimizer_of(model, schedule), config.networks, following, task.log.print)
    train(task, optimizer, model.unit)
    if not optimizer.improved:
        task.log.print(
            "warning: training did not make the validation loss smaller: this is the linear model it began with"
        )
    for n, demands in enumerate(optimizer.demands, 1):
        for line in demands.lines([f"network {n}" if config.networks > 1 else ""]):
            task.log.print(line)
    potential = optimizer.potential(task.comment())
    if optimizer.refitted:
        task.validated = optimizer.validated()
        last = optimizer.steps - optimizer.validated_until
        task.log.print(f"the last {last} steps took validation frames, too: validation errors are those before")
    if not frozen:
        # Only the order of filters depends on data: some are enough.
        sample = [task.lists.of(frame.atoms) for frame in task.sets["train"][:: len(known) // _FRAMES + 1]]
        potential = in_standard_gauge(potential, sample, task.threads, effective_pairs=False)
    return made_sound(potential, task), Curve.learning(optimizer.history, "linear model")


def _start(task: Task, known, held_out, prior: CurvaturePrior | None) -> Model:
    seed = task.config.training.seed
    torch.manual_seed(seed)
    section = task.config.model
    model = Model(task.shape, task.e0, positive=section.positive, convex=section.convex)
    data, given = (known, held_out, task.weights, task.threads), section.filters
    if given:
        filters = given_filters(given, task.shape.elements, task.shape.shared)
        start = filters_start(model, filters, *data, given.freeze, task.log.progress, prior)
    else:
        start = linear_start(model, *data, seed, progress=task.log.progress, prior=prior)
    if task.shape.four_body:
        grounds = grounds_of(task.sets["train"], task.shape.elements, task.weights)
        four_body_start(model, known, task.weights, grounds, task.threads, task.log.progress)
    terms = "energies, forces and stresses" if task.weights.stress else "energies and forces"
    task.log.print(
        f"linear model of {terms}: error {model.unit:.4f} eV/Å (weighted RMS), smoothness {start.strength:g}"
    )
    return model


def _empty(task: Task, unit: float) -> Model:
    """A model for the state of an optimizer."""
    model = Model(task.shape, task.e0, unit, task.config.model.positive, task.config.model.convex)
    model.constrain()
    return model


def _frozen(task: Task) -> list[str]:
    """Functions that stay as they are in a file."""
    given = task.config.model.filters
    return given.freeze if given else []
