"""How each rung of the ladder is fitted: from data and configuration to a potential and the curve that led to it."""

import math
import signal
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from snnp import __version__, _core, console, plots
from snnp.checkpoint import save
from snnp.config import FitConfig
from snnp.data import Frame
from snnp.export import density_potential, linear_potential, set_ranges
from snnp.gauss_newton import DensityFit
from snnp.linear import LinearModel, LinearShape, solve
from snnp.model import Model, Shape
from snnp.optimize import Optimizer, Record, Schedule
from snnp.prepare import offsets, prepare, streamed
from snnp.training import Loss, Weights
from snnp.warmstart import warm_start

# Penalties of curvature that a linear rung chooses from, strongest first, and what it takes without validation data.
# Held-out frames are like those of the training set: they cannot ask for what keeps splines smooth where there are no
# data, so the choice ends before the penalty vanishes. `smoothness` takes any value.
_STRENGTHS = 10.0 ** -np.arange(0.0, 8.0)
_WITHOUT_VALIDATION = 1e-4


class Interrupted(Exception):
    """The fit was asked to stop; its checkpoint is written."""


@dataclass
class Task:
    """All that a fit needs."""

    config: FitConfig
    shape: Shape
    e0: list[float | None]  # energies of isolated atoms, where they are known
    sets: dict[str, list[Frame]]
    threads: int
    checkpoint: Path
    comparable: dict  # what a checkpoint holds beside the state of an optimizer
    saved: dict | None  # the checkpoint to go on from
    log: console.Log

    @property
    def weights(self) -> Weights:
        return Weights(self.config.loss.energy, self.config.loss.stress)

    def prepared(self, name: str) -> list:
        """Neighbour lists and targets of a set of frames."""
        return list(prepare(self.sets.get(name, []), self.shape, self.threads))


@dataclass
class Curve:
    """What was tried on the way: a table, and a picture with the ending of its file's name."""

    csv: str
    picture: Figure
    ending: str

    @staticmethod
    def learning(history: Sequence[Record]) -> "Curve":
        return Curve(console.learning_csv(history), plots.learning(history), "_learning.png")


def comment() -> str:
    """The first line of a potential file."""
    return f" DATE: {date.today()} UNITS: metal CONTRIBUTOR: snnp-fit {__version__} CITATION: none"


# -- pair, uf3 ----------------------------------------------------------------------------------------------------


def fit_linear(task: Task) -> tuple[_core.Potential, Curve]:
    """Least squares, with the smoothness that the validation set asks for."""
    shape, smoothness = task.shape, task.config.model.smoothness
    legs = shape.leg_knots if shape.opposite_knots else []
    linear = LinearModel(LinearShape(shape.n_elements, shape.pair_knots, legs, shape.opposite_knots, distance=True))
    train, validation = task.sets["train"], task.sets.get("validation", [])
    strengths = _STRENGTHS if validation else [_WITHOUT_VALIDATION]
    if smoothness is not None:
        strengths = [smoothness]
    less = offsets(train, shape.elements, task.e0)
    known, held_out = (streamed(frames, shape, task.threads, less) for frames in (train, validation))
    with task.log.progress("normal equations", len(train) + len(validation), "frames") as tick:
        found = solve(
            linear, known, held_out if validation else None, task.weights, task.e0, strengths, task.threads, tick
        )
    error = np.sqrt(found.chosen.train_loss)
    task.log.print(
        f"{linear.columns} unknowns; error {error:.4f} eV/Å (weighted RMS), smoothness {found.chosen.strength:g}"
    )
    x, E = found.chosen.x, shape.n_elements
    tensors = [linear.tensor(kind, x) for kind in range(len(linear.shape.kinds))]
    potential = linear_potential(shape, linear.pair_coefficients(x), tensors, x[-E:] + less, comment())
    csv = console.smoothness_csv(found.trials)
    return potential, Curve(csv, plots.smoothness(found.trials, found.chosen), "_smoothness.png")


# -- eam, smeam ---------------------------------------------------------------------------------------------------


def fit_density(task: Task) -> tuple[_core.Potential, Curve]:
    """Gauss-Newton steps from the best of some simple densities."""
    config, shape = task.config, task.shape
    train, validation = task.prepared("train"), task.prepared("validation")
    smoothness = config.model.smoothness
    if smoothness is None and not validation:
        smoothness = _WITHOUT_VALIDATION
    embedding_knots, steps = config.model.embedding_knots, config.training.steps
    fit = DensityFit(
        shape, embedding_knots, task.e0, (train, validation), task.weights, task.threads, steps, smoothness
    )
    if task.saved is None:
        task.log.print(f"{fit.layout.columns} unknowns; looking for densities to start from")
        fit.start(task.log.progress, lambda heat: task.log.print(console.race_line(heat)))
    _train(task, fit, steps, 1.0)
    parts = fit.layout.split(fit.x)
    potential = density_potential(shape, parts, fit.knots, parts["e0"][:, 0] + fit.offsets, comment())
    set_ranges(potential, [s for s, _ in train], task.threads)
    return potential, Curve.learning(fit.history)


# -- snnp ---------------------------------------------------------------------------------------------------------


def fit_network(task: Task) -> tuple[_core.Potential, Curve]:
    """Mini-batches from the linear model, compressed to filters."""
    training = task.config.training
    train, validation = task.prepared("train"), task.prepared("validation")
    if task.saved is None:
        model = _linear_start(task, train, validation)
    else:
        model = Model(task.shape, task.e0, task.saved["unit"])
    loss = Loss(model, task.weights, model.unit, task.threads)
    schedule = Schedule(training.steps, training.batch, training.rate, training.seed)
    optimizer = Optimizer(model, loss, schedule, train, validation)
    _train(task, optimizer, training.steps, model.unit)
    potential = model.potential(comment())
    set_ranges(potential, [s for s, _ in train], task.threads)
    return potential, Curve.learning(optimizer.history)


def _linear_start(task: Task, train, validation) -> Model:
    seed = task.config.training.seed
    torch.manual_seed(seed)
    model = Model(task.shape, task.e0)
    with task.log.progress("linear model", len(train) + len(validation), "frames") as tick:
        start = warm_start(model, train, validation, task.weights, task.threads, seed, tick=tick)
    terms = "energies, forces and stresses" if task.weights.stress else "energies and forces"
    task.log.print(
        f"linear model of {terms}: error {start.unit:.4f} eV/Å (weighted RMS), smoothness {start.strength:g}"
    )
    return model


RUNGS: dict[str, Callable[[Task], tuple[_core.Potential, Curve]]] = {
    "pair": fit_linear,
    "uf3": fit_linear,
    "eam": fit_density,
    "smeam": fit_density,
    "snnp": fit_network,
}


# -- training -----------------------------------------------------------------------------------------------------


def _train(task: Task, optimizer: Optimizer | DensityFit, steps: int, unit: float) -> None:
    """Runs an optimizer to its end, with checkpoints on the way; raises Interrupted if told to stop."""
    if task.saved is not None:
        optimizer.restore(task.saved["optimizer"])
        task.log.print(f"resuming at step {optimizer.step} of {steps}")

    def checkpoint(end: int) -> None:
        save({**task.comparable, "steps": end, "unit": unit, "optimizer": optimizer.state()}, task.checkpoint)

    def show(record: Record) -> None:
        rate = (record.step or 1) / max(record.seconds, 1e-9)
        left = (steps - record.step) / rate if record.step else math.nan
        task.log.print(console.learning_line(record, steps, rate, left))

    with _stop_signal() as stopped, task.log.progress("training", steps, "steps", optimizer.step) as tick:
        last = time.monotonic()

        def each_step(step: int) -> None:
            nonlocal last
            tick(1)
            if time.monotonic() - last > task.config.training.checkpoint_seconds:
                checkpoint(steps)
                last = time.monotonic()

        finished = optimizer.run(show, each_step, stopped.is_set)
    checkpoint(optimizer.step if finished else steps)
    if not finished:
        raise Interrupted(f"stopped at step {optimizer.step} of {steps}; go on with --resume")
    optimizer.use_best()


@contextmanager
def _stop_signal():
    """An event that Ctrl-C and SIGTERM set instead of ending the program."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = {s: signal.signal(s, lambda *_: event.set()) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)
