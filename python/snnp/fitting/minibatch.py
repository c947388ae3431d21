"""The training loop: mini-batches, averaged weights, best state on validation data; can stop and go on anywhere."""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass

import numpy as np
import torch

from snnp.fitting.decay import Decay
from snnp.fitting.eigenadam import EigenAdam
from snnp.fitting.label_errors import LabelErrors
from snnp.fitting.loss import Batch, Loss, join, make_batch, make_batches
from snnp.memory import require_memory
from snnp.models.network import Model

# Steps before the first move, a tenth of a short run; as many again until they have their full size.
_LOOK = 100


@dataclass
class Schedule:
    """How to train: steps on `batch_size` structures each, of size `learning_rate`, in the end smaller, as a half
    cosine. If validation errors have not become smaller for a while, this end comes earlier, from the best weights."""

    steps: int  # at most
    batch_size: int
    learning_rate: float
    seed: int
    checks: int = 50  # how often the validation loss is taken in all steps
    average: float = 0.01  # memory of the averaged weights, in parts of all steps
    patience: int = 1000  # steps without smaller validation errors; a third of all is done in any case
    fall: float = 0.3  # steps that become smaller, in parts of those before
    weight_decay: float = 0.0  # of networks, and
    smoothing: float = 0.0  # of second differences of spline coefficients: see `Decay`


@dataclass
class Record:
    """One line of the learning curve. Losses are relative to the linear model's, errors mean absolute ones."""

    step: int
    learning_rate: float
    train_loss: float
    validation_loss: float
    energy_error: float  # of the validation data, meV/atom
    force_error: float  # eV/Å
    stress_error: float  # GPa
    seconds: float
    invariant_points: float = math.nan  # root mean square error of their atomic energies, meV


class Optimizer:
    """A training run. `state` and `restore` hold all of it: one that was interrupted ends as if it had not been."""

    def __init__(self, model: Model, loss: Loss, schedule: Schedule, train: Sequence, validation: Sequence):
        self.model, self.loss, self.schedule = model, loss, schedule
        self.train = [make_batch([frame]) for frame in train]
        self.validation = make_batches(validation)
        self.adam = EigenAdam(_trained(model.blocks()), lr=schedule.learning_rate)
        self.decay = Decay(model, schedule.weight_decay, schedule.smoothing)
        require_memory(self.adam.memory(), "training", "expected fewer filters or narrower layers (model.hidden)")
        self._current = model.state_dict()  # the tensors themselves
        self.average = copy.deepcopy(model.state_dict())
        self.best = copy.deepcopy(model.state_dict())
        self.best_loss = math.inf
        self.history: list[Record] = []
        self.step = 0
        self.fall_begins = round(schedule.steps / (1 + schedule.fall))  # step from which on they become smaller
        self.seconds = 0.0
        self._running = 0.0
        self._order = (-1, np.arange(0))  # an epoch, and the frames as they come in it
        self.watch: Callable[[], float] = lambda: math.nan
        """The error of the model at invariant points, meV, at each check."""

    @property
    def steps(self) -> int:
        """Of the whole run, as far as is known."""
        return min(math.ceil(self.fall_begins * (1 + self.schedule.fall)), self.schedule.steps)

    def run(self, report: Callable[[Record], None], tick: Callable[[int], None], stop: Callable[[], bool]) -> bool:
        """Trains to the end, or until stop() says so; False in that case."""
        if self.step == 0:
            self._check(report)
        while self.step < self.steps:
            if stop():
                return False
            begun = time.monotonic()
            self._one_step()
            self.seconds += time.monotonic() - begun
            if self._check_due():
                self._check(report)
            if self._fall_due():
                self.fall_begins = self.step
                self.model.load_state_dict(self.best)
                self.average = copy.deepcopy(self.best)
            tick(self.step)
        return True

    def _one_step(self) -> None:
        schedule = self.schedule
        self.adam.lr = self._learning_rate()
        self.adam.zero_grad()
        value = self.loss.backward(self._batch())
        self.adam.step()
        self.decay.step(self.adam.lr)
        self.step += 1
        self._running += (value - self._running) / min(self.step, 50)
        decay = min(1 - 1 / (schedule.average * schedule.steps + 1), self.step / (self.step + 10))
        for name, value in self._current.items():
            self.average[name].lerp_(value, 1 - decay)

    def _learning_rate(self) -> float:
        # The first steps only look at gradients: what is stiff has to be known before anything moves.
        look = max(min(_LOOK, self.schedule.steps // 10), 1)
        warm = min(max(self.step / look - 1, 0.0), 1.0)
        fallen = max(self.step - self.fall_begins, 0) / max(self.steps - self.fall_begins, 1)
        return self.schedule.learning_rate * warm * (0.005 + 0.995 * (1 + math.cos(math.pi * fallen)) / 2)

    def _fall_due(self) -> bool:
        """Whether validation loss and force error have not become smaller for so long that steps should.

        The loss alone may be that of the energies of a few frames. First it often rises: the linear start is very good
        where forces reach far, and steps of full size lose some.
        """
        marks = [[(getattr(r, name), r.step) for r in self.history] for name in ("validation_loss", "force_error")]
        best = max(min(mark)[1] for mark in marks)
        waited = self.step >= max(best + self.schedule.patience, self.schedule.steps // 3)
        return waited and self.step < self.fall_begins and self._check_due() and bool(self.validation)

    def _batch(self) -> Batch:
        """The structures of this step: each epoch passes all once, in an order that only seed and epoch decide."""
        n, size = len(self.train), min(self.schedule.batch_size, len(self.train))
        per_epoch = n // size
        epoch, place = divmod(self.step, per_epoch)
        if self._order[0] != epoch:
            self._order = epoch, np.random.default_rng([self.schedule.seed, epoch]).permutation(n)
        return join([self.train[k] for k in self._order[1][place * size : (place + 1) * size]])

    def _check_due(self) -> bool:
        every = max(self.schedule.steps // self.schedule.checks, 20)
        return self.step % every == 0 or self.step == self.steps

    def _check(self, report: Callable[[Record], None]) -> None:
        current = copy.deepcopy(self.model.state_dict())
        self.model.load_state_dict(self.average)
        running = self._running if self.step else math.inf
        loss, errors = self.loss.with_errors(*self.validation) if self.validation else (running, LabelErrors())
        if loss < self.best_loss or not self.history:
            self.best_loss, self.best = loss, copy.deepcopy(self.average)
        points = self.watch()
        self.model.load_state_dict(current)
        running = self._running if self.step else math.nan
        record = Record(self.step, self._learning_rate(), running, loss, *astuple(errors), self.seconds, points)
        self.history.append(record)
        report(record)

    def use_best(self) -> None:
        """Puts the averaged weights with the lowest validation loss into the model."""
        self.model.load_state_dict(self.best)

    def state(self) -> dict:
        """All that a later `restore` needs."""
        return {
            "model": self.model.state_dict(),
            "adam": self.adam.state_dict(),
            "first": self.decay.first,
            "average": self.average,
            "best": self.best,
            "best_loss": self.best_loss,
            "history": [asdict(record) for record in self.history],
            "step": self.step,
            "fall_begins": self.fall_begins,
            "seconds": self.seconds,
            "running": self._running,
        }

    def restore(self, state: dict) -> None:
        """Continues where `state` was taken; arrays may be NumPy's."""
        state = _tensors(state)
        self.model.load_state_dict(state["model"])
        self.adam.load_state_dict(state["adam"])
        self.decay.first = state["first"]
        self.average, self.best, self.best_loss = state["average"], state["best"], state["best_loss"]
        self.history = [Record(**record) for record in state["history"]]
        self.step, self.seconds, self._running = state["step"], state["seconds"], state["running"]
        self.fall_begins = state["fall_begins"]


def _trained(blocks: Sequence[dict]) -> list[dict]:
    """Blocks without parameters that stay as they are."""
    left = [{**block, "params": [p for p in block["params"] if p.requires_grad]} for block in blocks]
    return [block for block in left if block["params"]]


def _tensors(value):
    """The same with arrays as tensors."""
    if isinstance(value, dict):
        return {key: _tensors(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_tensors(item) for item in value]
    return torch.from_numpy(value) if isinstance(value, np.ndarray) else value
