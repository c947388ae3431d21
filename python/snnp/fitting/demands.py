"""What a model has to obey where there are no data: bounds of energies, and crystals that stiffen evenly.

Each demand looks, now and then, where the averaged weights break it. Each step of the training is followed by a step
towards where it is kept.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from snnp.fitting.eigenadam import EigenAdam

# Atoms that the training has seen between two searches, where each step counts as some more: searches take about a
# tenth of its time then. After each one that finds nothing this becomes larger by a factor, and else smaller, within
# limits.
_EVERY, _STEP = 50_000, 100
_LONGER, _PAUSES = 1.25, (0.5, 4.0)


class Rhythm:
    """When it is time for a search. atoms: mean number of a step of the training."""

    def __init__(self, atoms: float):
        self._atoms = atoms
        self._last = 0  # step of the last search
        self._pause = 1.0  # until the next one, in parts of the usual one

    def is_due(self, step: int) -> bool:
        """Whether it is, after this step of the training."""
        return (step - self._last) * (self._atoms + _STEP) >= _EVERY * self._pause

    def searched(self, step: int, found: bool) -> None:
        """To be called after a search."""
        self._last = step
        self._pause = float(np.clip(self._pause * _LONGER ** (-1 if found else 1), *_PAUSES))

    def state(self) -> list[float]:
        """All that a later `restore` needs."""
        return [self._last, self._pause]

    def restore(self, state: Sequence[float]) -> None:
        """Continues where `state` was taken."""
        self._last, self._pause = int(state[0]), float(state[1])


class Demand(Protocol):
    """On the model of one system. As a string it is a sentence for the log.

    part: of the way to where it is kept, that a step goes; less at the end, as all steps. lasting: whether it demands
    the same during the whole training.
    """

    part: float
    lasting: bool

    def is_due(self, step: int) -> bool:
        """Whether it is time to look where the model breaks it, after this step of the training."""

    def search(self, step: int) -> None:
        """Looks there, with the model as it is."""

    def backward(self, step: int) -> float:
        """Adds the gradient of a sum of squares, which is zero where it is kept, to that of the parameters; returns
        the sum."""

    def loss(self) -> float:
        """What it adds to the loss by which the best weights are chosen, which is 1 for the linear model."""

    def state(self) -> dict:
        """All that a later `restore` needs."""

    def restore(self, state: dict) -> None:
        """Continues where `state` was taken."""


class Demands:
    """systems: the demands on each system of a fit, one of each kind, in the same order."""

    def __init__(self, systems: Sequence[Sequence[Demand]] = ()):
        self._systems = systems

    def __iter__(self) -> Iterator[Demand]:
        return (demand for own in self._systems for demand in own)

    def due(self, step: int) -> list[Demand]:
        """Those that it is time to search for."""
        return [demand for demand in self if demand.is_due(step)]

    def obey(self, step: int, adam: EigenAdam, part: float) -> None:
        """Moves the parameters. part: the size of steps for the loss, relative to what it is at most."""
        for kind in zip(*self._systems, strict=True) if part else ():
            adam.zero_grad()
            value = sum(demand.backward(step) for demand in kind)
            if value:
                adam.descend(value, kind[0].part * part)

    def loss(self, lasting: bool) -> float:
        """The sum of those that last, or of those that do not."""
        return sum(demand.loss() for demand in self if demand.lasting == lasting)

    def lines(self, names: Sequence[str] = ("",)) -> Iterator[str]:
        """Sentences for the log. names: of systems."""
        for name, own in zip(names, self._systems, strict=False):
            yield from (f"{name}: {demand}" if name else str(demand) for demand in own)

    def state(self) -> list[dict]:
        """All that a later `restore` needs."""
        return [demand.state() for demand in self]

    def restore(self, states: Sequence[dict]) -> None:
        """Continues where `state` was taken."""
        for demand, own in zip(self, states, strict=True):
            demand.restore(own)
