"""The training loop: mini-batches, averaged weights, best state on validation data; can stop and go on anywhere."""

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, astuple, dataclass

import numpy as np
import torch

from snnp.config import TrainingConfig
from snnp.fitting.curvature import CurvatureTerm
from snnp.fitting.decay import STEPS, Decay
from snnp.fitting.demands import Demands
from snnp.fitting.eigenadam import EigenAdam
from snnp.fitting.gradient import Gradient
from snnp.fitting.label_errors import LabelErrors
from snnp.fitting.loss import Loss
from snnp.fitting.shards import Shards
from snnp.memory import require_memory
from snnp.models.network import FEW, Model

# Steps before the first move, a tenth of a short run; as many again until they have their full size.
_LOOK = 100
# Of the loss, by one step along one direction: good linear models (In-P) are lost again with larger ones.
_CHANGE = 2e-4
# A batch with more than so many times the usual loss counts as one with that: few frames have a hundred times it.
_MOST = 3.0
# Steps between updates of the optimiser's bases, with few elements.
_REFRESH = 50
# Frames over which slopes of the energy by filters are averaged, at each check.
_SLOPES = 40


@dataclass
class Schedule:
    """How to train: steps on `batch_size` structures each, of size `learning_rate`, in the end smaller, as a half
    cosine. If validation errors have not become smaller for a while, this end comes earlier, from the best weights.
    Then come some steps on all structures, those of the validation set included, which become smaller in the same way.
    """

    steps: int  # at most
    batch_size: int
    learning_rate: float
    seed: int
    checks: int = 50  # how often the validation loss is taken in all steps
    average: float = 0.01  # memory of the averaged weights, in parts of all steps
    patience: int = 1000  # steps without smaller validation errors; a third of all is done in any case
    fall: float = 0.3  # steps that become smaller, in parts of those before
    refit: float = 0.0  # steps with validation data in the end, in parts of those before
    weight_decay: float = 0.0  # of networks, and
    smoothing: float = 0.0  # of second differences of spline coefficients: see `Decay`
    bound: float | None = None  # of what networks add, eV: see there

    @staticmethod
    def of(
        training: TrainingConfig, smoothing: float = 0.0, refit: float = 0.0, bound: float | None = None
    ) -> "Schedule":
        """That of a configuration."""
        return Schedule(
            training.steps,
            training.batch_size,
            training.learning_rate,
            training.seed,
            patience=max(training.steps // 6, 1000),
            refit=refit,
            weight_decay=training.weight_decay,
            smoothing=smoothing,
            bound=bound,
        )


@dataclass
class Record:
    """One line of the learning curve. Losses are relative to the linear model's, that of validation has the prior of
    curvature in it, if there is one; errors are mean absolute ones."""

    step: int
    learning_rate: float
    train_loss: float
    validation_loss: float  # this and errors of labels: NaN where validation data are trained on
    energy_error: float  # of the validation data, meV/atom
    force_error: float  # eV/Å
    stress_error: float  # GPa
    seconds: float
    invariant_points: float = math.nan  # root mean square error of their atomic energies, meV


class Epochs:
    """Batches of some of `count` frames: each epoch passes all once, in an order that only the seeds and it decide."""

    def __init__(self, count: int, size: int, seed: int, *seeds: int):
        self.count, self._size, self._seed, self._seeds = count, min(size, count), seed, seeds
        self._epoch, self._order = -1, np.arange(0)  # the last one, and its frames as they come

    def batch(self, step: int) -> np.ndarray:
        """Numbers of the frames of a step, which is counted from 0; (frames,)."""
        epoch, place = divmod(step, self.count // self._size)
        if epoch != self._epoch:
            order = np.random.default_rng([self._seed, epoch, *self._seeds]).permutation(self.count)
            self._epoch, self._order = epoch, order
        return self._order[place * self._size : (place + 1) * self._size]


class Optimizer:
    """A training run. `state` and `restore` hold all of it: one that was interrupted ends as if it had not been.

    train, validation: of the same `deal`, one after the other, and no others; batches are made of them. curvature: a
    term beside the loss.
    """

    def __init__(
        self,
        model: Model,
        loss: Loss,
        schedule: Schedule,
        train: Shards,
        validation: Shards,
        curvature: CurvatureTerm | None = None,
    ):
        self.model, self.loss, self.schedule, self.curvature = model, loss, schedule, curvature
        blocks, rate = _trained(model.blocks()), schedule.learning_rate
        self.adam = EigenAdam(blocks, lr=rate, most=_CHANGE, refresh=self._refresh())
        self._take(train, validation)
        self.decay = Decay(model, schedule.weight_decay, schedule.smoothing, schedule.bound)
        self.decay.limit()
        require_memory(self.adam.memory(), "training", "expected fewer filters or narrower layers (model.hidden)")
        self._current = model.state_dict()  # the tensors themselves
        self.average = copy.deepcopy(model.state_dict())
        self.best = copy.deepcopy(model.state_dict())
        self.best_loss, self._best_step = math.inf, 0  # of validation data and lasting demands; when that was
        self.history: list[Record] = []
        self.step = 0
        # Step from which on they become smaller.
        self.fall_begins = round(schedule.steps / (1 + schedule.fall) / (1 + self.refit))
        self.seconds = 0.0
        self.refitted = False
        """Whether the weights in the model are of all data: `use_best` decides."""
        self._running = 0.0  # loss of the last batches
        self._usual = 1.0  # the same with at most _MOST times the usual one
        self.watch: Callable[[], float] = lambda: math.nan
        """The error of the model at invariant points, meV, at each check."""
        self.demands = Demands()
        """To be set, if there are any where no data are."""

    @property
    def steps(self) -> int:
        """Of the whole run, as far as is known."""
        return min(math.ceil(self.validated_until * (1 + self.refit)), self.schedule.steps)

    @property
    def validated_until(self) -> int:
        """The step after which validation data are trained on, too."""
        return min(math.ceil(self.fall_begins * (1 + self.schedule.fall)), self.schedule.steps)

    @property
    def refits(self) -> bool:
        """Whether the last steps take validation data, too."""
        return self.validated_until < self.steps

    @property
    def improved(self) -> bool:
        """Whether training made the model better."""
        return self._best_step > 0

    def _refresh(self) -> int:
        """Steps between updates of bases: what belongs to one of many elements sees few atoms in a step."""
        elements = max(loss.model.shape.n_elements for loss in self.loss.losses)
        return _REFRESH if elements <= FEW else _REFRESH * elements // 2

    def _take(self, train: Shards, validation: Shards) -> None:
        """Takes the data; those of the last steps are of both sets, one after the other."""
        self.known, self.validation = [train], [validation] if len(validation) else []
        self.refit = self.schedule.refit if self.validation else 0.0
        everything = train.whole if self.refit else train
        size, seed = self.schedule.batch_size, self.schedule.seed
        self._train, self._everything = (Epochs(len(frames), size, seed) for frames in (train, everything))
        self.gradient = Gradient(self.loss.losses, self.adam.parameters, [everything])

    def run(
        self,
        report: Callable[[Record], None],
        tick: Callable[[int], None],
        stop: Callable[[], bool],
        validated: bool = False,
    ) -> bool:
        """Trains to the end, or until stop() says so; False in that case. validated: without the steps on all data."""
        if not self.history:
            self.decay.soften(lambda: self.errors(self.known)[0], STEPS * self.schedule.learning_rate)
            self._check(report)
        while self.step < (self.validated_until if validated else self.steps):
            if stop():
                return False
            begun = time.monotonic()
            self._one_step()
            self._search()
            self.seconds += time.monotonic() - begun
            if self._check_due():
                self._check(report)
            if self._fall_due():
                self.fall_begins = self.step
                self._go_back()
            elif self.refits and self.step == self.validated_until:
                self._go_back()
            tick(self.step)
        return True

    def _go_back(self) -> None:
        """To the best weights."""
        self.model.load_state_dict(self.best)
        self.average = copy.deepcopy(self.best)

    def _one_step(self) -> None:
        schedule = self.schedule
        self.adam.lr = self._learning_rate()
        term = self._gradient_of_curvature()
        self.adam.zero_grad()
        batch = self._batch()
        value = self.gradient(batch)
        self._limit(value)
        self.adam.step(term)
        self.demands.obey(self.step, self.adam, self.adam.lr / schedule.learning_rate)
        self.decay.step(self.adam.lr)
        self.step += 1
        self._running += (value - self._running) / min(self.step, 50)
        decay = min(1 - 1 / (schedule.average * schedule.steps + 1), self.step / (self.step + 10))
        for name, value in self._current.items():
            self.average[name].lerp_(value, 1 - decay)

    def _search(self) -> None:
        """Looks where the averaged weights break demands, where that is due."""
        if due := self.demands.due(self.step):
            current = copy.deepcopy(self.model.state_dict())
            self.model.load_state_dict(self.average)
            for demand in due:
                demand.search(self.step)
            self.model.load_state_dict(current)

    def _limit(self, loss: float) -> None:
        """Makes gradients of a batch with an unusual loss smaller."""
        limited = min(loss, _MOST * self._usual)
        if limited < loss:
            for p in self.adam.parameters:
                if p.grad is not None:
                    p.grad *= limited / loss
        self._usual += (limited - self._usual) / 50

    def _learning_rate(self) -> float:
        # The first steps only look at gradients: what is stiff has to be known before anything moves.
        look = max(min(_LOOK, self.schedule.steps // 10), 1)
        warm = min(max(self.step / look - 1, 0.0), 1.0)
        begin, end = self.fall_begins, self.validated_until
        if self.refits and self.step >= end:
            begin, end = end, self.steps
        fallen = max(self.step - begin, 0) / max(end - begin, 1)
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

    def _batch(self) -> list[np.ndarray]:
        """Numbers of the frames of this step."""
        return [(self._train if self.step < self.validated_until else self._everything).batch(self.step)]

    def _check_due(self) -> bool:
        every = max(self.schedule.steps // self.schedule.checks, 20)
        return self.step % every == 0 or self.step in (self.validated_until, self.steps)

    def _check(self, report: Callable[[Record], None]) -> None:
        current = copy.deepcopy(self.model.state_dict())
        self.model.load_state_dict(self.average)
        loss, errors = self._validate()
        loss += self._of_curvature()
        asked = loss + self.demands.loss(lasting=True)
        if not self.history or self._is_better(asked):
            self.best_loss, self._best_step, self.best = asked, self.step, copy.deepcopy(self.average)
        points = self.watch()
        self.model.load_state_dict(current)
        running = self._running if self.step else math.nan
        record = Record(self.step, self._learning_rate(), running, loss, *astuple(errors), self.seconds, points)
        self.history.append(record)
        report(record)

    def _validate(self) -> tuple[float, LabelErrors]:
        """Loss and errors of the model; NaN where they are those of data that it is trained on."""
        if self.step > self.validated_until:
            return math.nan, LabelErrors()
        if not self.validation:
            return self._running if self.step else math.inf, LabelErrors()
        return self.errors(self.validation)

    def _is_better(self, loss: float) -> bool:
        """Whether the averaged weights, in the model, with this loss, are better than the best ones, also by demands
        that have changed since these were found."""
        if not np.isfinite(loss):
            return False
        loss += self.demands.loss(lasting=False)
        self.model.load_state_dict(self.best)
        best = self.best_loss + self.demands.loss(lasting=False)
        self.model.load_state_dict(self.average)
        return loss < best

    def _of_curvature(self) -> float:
        """The term of the model, with its slopes brought up to date."""
        if not self.curvature:
            return 0.0
        (known,) = self.known
        some = np.unique(np.linspace(0, len(known) - 1, _SLOPES).astype(int))
        self.curvature.slopes = self.gradient.slopes(known.some(some))
        self.adam.stiffness = self.curvature.stiffness(self.adam)
        return float(self.curvature.value().detach())

    def _gradient_of_curvature(self) -> np.ndarray | None:
        if not self.curvature:
            return None
        self.adam.zero_grad()
        self.curvature.backward()
        return self.adam.gradients()

    def errors(self, frames: Sequence[Shards]) -> tuple[float, LabelErrors]:
        """The loss of all frames, of each system, and errors of their labels."""
        return self.loss.combined(self.gradient.errors(frames))

    def use_best(self) -> None:
        """Puts averaged weights into the model: the last ones of all data, or those of the lowest validation loss.

        These stay if training did not help, or if steps on all data made the loss of validation data larger.
        """
        self.model.load_state_dict(self.average)
        self.refitted = self.refits and self.improved and self._is_better(self._loss())
        if not self.refitted:
            self.model.load_state_dict(self.best)

    def _loss(self) -> float:
        """Of the model, as in `best_loss`."""
        return self.errors(self.validation)[0] + self._of_curvature() + self.demands.loss(lasting=True)

    def state(self) -> dict:
        """All that a later `restore` needs."""
        return {
            "model": self.model.state_dict(),
            "adam": self.adam.state_dict(),
            "bends": self.decay.bends,
            "curvature": self.decay.curvature,
            **({"slopes": self.curvature.slopes, "stiffness": self.adam.stiffness} if self.curvature else {}),
            "average": self.average,
            "best": self.best,
            "best_loss": self.best_loss,
            "best_step": self._best_step,
            "history": [asdict(record) for record in self.history],
            "step": self.step,
            "fall_begins": self.fall_begins,
            "seconds": self.seconds,
            "running": self._running,
            "usual": self._usual,
            "demands": self.demands.state(),
        }

    def restore(self, state: dict) -> None:
        """Continues where `state` was taken; arrays may be NumPy's."""
        self.demands.restore(state["demands"])
        state = _tensors(state)
        self.model.load_state_dict(state["model"])
        self.adam.load_state_dict(state["adam"])
        self.decay.begin_with(state["bends"], state["curvature"])
        if self.curvature:
            self.curvature.slopes = np.asarray(state["slopes"])
            self.adam.stiffness = [np.asarray(block) for block in state["stiffness"]]
        self.average, self.best, self.best_loss = state["average"], state["best"], state["best_loss"]
        self._best_step = state["best_step"]
        self.history = [Record(**record) for record in state["history"]]
        self.step, self.seconds, self._running = state["step"], state["seconds"], state["running"]
        self.fall_begins, self._usual = state["fall_begins"], state["usual"]


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
