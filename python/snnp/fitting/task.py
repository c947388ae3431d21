"""What the fit of any kind of model is given, and the loop that trains one: checkpoints, progress, interruption."""

import math
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from snnp import __version__, _core, console
from snnp.config import FitConfig
from snnp.data import Frame
from snnp.data.batch import FrameStream, LabelledStructure, Weights
from snnp.data.neighbors import NeighborLists, Unlisted
from snnp.fitting.blas import blas_threads
from snnp.fitting.checkpoint import Checkpoint
from snnp.fitting.interruption import Interrupted, StopSignals
from snnp.fitting.prepare import baseline, prepare, prepare_to_hold, streamed
from snnp.fitting.ranks import Ranks, RanksError
from snnp.fitting.shards import Shards, deal
from snnp.mapping.monitor import Monitor
from snnp.models.shape import Shape


@dataclass
class Task:
    """All that a fit needs."""

    config: FitConfig
    shape: Shape
    e0: list[float | None]  # energies of isolated atoms, where they are known
    sets: dict[str, list[Frame]]
    lists: NeighborLists
    threads: int
    data_id: str  # of training and validation data: changes with them
    checkpoint: Checkpoint
    stop: StopSignals
    log: console.Log
    monitor: Monitor
    refits: bool = False
    """Whether validation frames may be fitted to in the end: they are some of the training data as given."""
    ranks: Ranks = field(default_factory=Ranks)
    validated: _core.Potential | None = None
    """To be set by a fit that has done so: the potential before, which validation errors are those of."""
    begun: float = field(default_factory=time.monotonic)
    """When the fit began, or went on, seconds."""

    @property
    def saved(self) -> dict | None:
        """The state to go on from; None: the fit begins."""
        return self.checkpoint.saved

    @property
    def weights(self) -> Weights:
        """Weights of the terms of the loss."""
        loss = self.config.loss
        return Weights(loss.energy, loss.stress, loss.force)

    def dealt(self) -> tuple[Shards, Shards]:
        """Training and validation frames, made ready one after the other, each to be held by one process."""
        known = (self.sets.get(name, []) for name in ("train", "validation"))
        sets = [prepare_to_hold(frames, self.shape, self.lists, self.threads) for frames in known]
        dealt = tuple(deal(sets, self.ranks, self.lists.room))
        self._say_what_is_kept()
        return dealt

    def _say_what_is_kept(self) -> None:
        frames = [frame for name in ("train", "validation") for frame in self.sets.get(name, [])]
        kept = sum(not isinstance(self.lists.source(frame.atoms), Unlisted) for frame in frames)
        if self.ranks.count == 1 and kept < len(frames):
            self.log.print(
                f"neighbour lists of {kept} of {len(frames)} frames are in memory, as {self.lists.room / 1e9:.3g} GB "
                "hold no more (training.lists_gb); others are built each time they are needed"
            )

    def prepared(self, name: str) -> list[LabelledStructure]:
        """Neighbour lists and targets of a set of frames, in memory."""
        return list(prepare(self.sets.get(name, []), self.shape, self.lists, self.threads))

    def streamed(self, name: str, baseline: Sequence[float]) -> FrameStream | None:
        """The same one after the other, without the energies `baseline` of elements (eV); None: there are no frames."""
        frames = self.sets.get(name, [])
        return streamed(frames, self.shape, self.lists, self.threads, baseline) if frames else None

    def baseline(self):
        """Energies per element, eV, (elements,), that leave the least of the energies of the training data."""
        return baseline(self.sets["train"], self.shape.elements, self.e0)

    def comment(self) -> str:
        """The first line of the potential file."""
        author = f"snnp-fit {__version__}, data {self.data_id}"
        return f" DATE: {date.today()} UNITS: metal CONTRIBUTOR: {author} CITATION: none"


class Optimizer(Protocol):
    """What `train` runs: see `snnp.fitting.minibatch.Optimizer` and `snnp.fitting.gauss_newton.DensityFit`."""

    step: int
    steps: int
    """Of the whole run, as far as is known."""

    def run(self, report, tick, stop) -> bool:
        """Steps to the end; report(record) at each check, tick(step) after each step; False if stop() said so."""

    def use_best(self) -> None:
        """Goes back to the best state found."""

    def state(self) -> dict:
        """All that a later `restore` needs."""

    def restore(self, state: dict) -> None:
        """Continues where `state` was taken."""


def train(task: Task, optimizer: Optimizer, unit: float) -> None:
    """Runs an optimizer to its end, with checkpoints on the way; raises Interrupted if told to stop.

    unit: eV/Å, the scale of the loss, which goes into the checkpoint.
    """
    if task.saved is not None:
        optimizer.restore(task.saved["optimizer"])
        task.log.print(f"resuming at step {optimizer.step} of {optimizer.steps}")

    def save() -> None:
        task.checkpoint.save(optimizer.steps, unit, optimizer.state())

    known = optimizer.steps

    def show(record) -> None:
        nonlocal known
        if optimizer.steps < known:
            known = optimizer.steps
            task.log.print(f"validation errors do not become smaller: training ends at step {known}")
        rate = (record.step or 1) / max(record.seconds, 1e-9)
        left = (optimizer.steps - record.step) / rate if record.step else math.nan
        task.log.print(console.learning_line(record, optimizer.steps, rate, left))

    progress = task.log.progress("training", optimizer.steps, "steps", optimizer.step)
    with task.stop.deferred(), blas_threads(1), progress as tick:
        last = task.begun  # a start that took long is not lost

        def each_step(step: int) -> None:
            nonlocal last
            tick(1)
            if time.monotonic() - last > task.config.training.checkpoint_seconds:
                save()
                last = time.monotonic()

        try:
            finished = optimizer.run(show, each_step, lambda: task.stop.asked)
        except RanksError as error:
            save()
            raise Interrupted(f"{error} at step {optimizer.step} of {optimizer.steps}", signal.SIGTERM) from error
        save()
    if not finished:
        raise Interrupted(f"stopped at step {optimizer.step} of {optimizer.steps}", task.stop.asked)
    optimizer.use_best()
