"""The loss of some frames and its gradient, by one process or divided among several."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from torch import from_numpy, nn

from snnp import _core
from snnp.data.batch import LabelledStructure
from snnp.fitting.loss import Batch, Loss, join, make_batch
from snnp.fitting.ranks import ALONE, Ranks

Frames = Sequence[LabelledStructure]


@dataclass
class _Held:
    """What each process has. losses, frames: of each system, one or several; batches: each of a single frame."""

    parameters: list[nn.Parameter]
    losses: Sequence[Loss]
    batches: list[list[Batch]]

    def backward(self, chosen: Sequence[Sequence[int]], sizes: Sequence[tuple[int, int] | None]) -> float:
        """Adds to the parameters' `.grad`; returns the loss. chosen: numbers of frames of each system."""
        value = 0.0
        for loss, batches, numbers, whole in zip(self.losses, self.batches, chosen, sizes, strict=True):
            if len(numbers):
                value += loss.backward(join([batches[k] for k in numbers]), whole)
        return value


class Gradient:
    """Of the losses of systems, which share parameters or are one, by frames of each.

    With several ranks each computes the part of some frames, as equal in work as frames can be dealt out.
    """

    def __init__(
        self, losses: Sequence[Loss], parameters: list[nn.Parameter], frames: Sequence[Frames], ranks: Ranks = ALONE
    ):
        self._ranks = ranks
        self._own = _Held(parameters, losses, [[make_batch([frame]) for frame in own] for own in frames])
        self._work = [[_work(s) for s, _ in own] for own in frames]
        self._others_have_model = False
        if ranks.count > 1:
            for n, own in enumerate(frames):
                ranks.share_list(f"frames {n}", own)

    def __call__(self, chosen: Sequence[Sequence[int]]) -> float:
        """Sets the gradients of parameters; returns the loss. chosen: numbers of frames of each system."""
        own, count = self._own, self._ranks.count
        if count == 1:
            return own.backward(chosen, [None] * len(chosen))
        if not self._others_have_model:
            self._tell()
        sizes = [_sizes([b[k] for k in numbers]) for b, numbers in zip(own.batches, chosen, strict=True)]
        dealt = deal([[work[k] for k in numbers] for work, numbers in zip(self._work, chosen, strict=True)], count)
        parts = [[np.asarray(numbers)[places] for numbers, places in zip(chosen, part, strict=True)] for part in dealt]
        vector = np.concatenate([p.detach().numpy().ravel() for p in own.parameters])
        value, *_ = result = self._ranks.sum(_part, (vector, parts, sizes))
        _set(own.parameters, result[1:], gradient=True)
        return float(value)

    def loss(self, numbers: Iterable[int]) -> float:
        """The loss of frames of the first system, by this process alone."""
        return self._own.losses[0](*(self._own.batches[0][k] for k in numbers))

    def _tell(self) -> None:
        """Gives the others the model, as the first step finds it: all but its parameters stays as it is then."""
        self._ranks.share("losses", (self._own.parameters, self._own.losses))
        self._ranks.share("training", None)
        self._ranks.held["training"] = self._own
        self._others_have_model = True


def deal(work: Sequence[Sequence[float]], count: int) -> list[list[list[int]]]:
    """Frames of systems dealt out among ranks, so that none has much more work than others: the largest first, each to
    who has least. Places in `work`, by rank and system.
    """
    dealt: list[list[list[int]]] = [[[] for _ in work] for _ in range(count)]
    done = np.zeros(count)
    pieces = [(amount, s, k) for s, own in enumerate(work) for k, amount in enumerate(own)]
    for amount, system, place in sorted(pieces, reverse=True):
        rank = int(done.argmin())
        done[rank] += amount
        dealt[rank][system].append(place)
    return [[sorted(places) for places in part] for part in dealt]


def _part(held: dict, argument: tuple, rank: int) -> np.ndarray:
    """The loss of the frames of a rank, and its gradient."""
    vector, parts, sizes = argument
    if held["training"] is None:
        parameters, losses = held["losses"]
        frames = [held[f"frames {n}"] for n in range(len(losses))]
        held["training"] = _Held(parameters, losses, [[make_batch([frame]) for frame in own] for own in frames])
    own = held["training"]
    _set(own.parameters, vector)
    for p in own.parameters:
        p.grad = None
    value = own.backward(parts[rank], sizes)
    gradients = [np.zeros(p.numel()) if p.grad is None else p.grad.numpy().ravel() for p in own.parameters]
    return np.concatenate([[value], *gradients])


def _set(parameters: Sequence[nn.Parameter], values: np.ndarray, gradient: bool = False) -> None:
    """Sets parameters, or their gradients, from all numbers in one row."""
    parts = np.split(values, np.cumsum([p.numel() for p in parameters])[:-1])
    for p, part in zip(parameters, parts, strict=True):
        if gradient:
            p.grad = from_numpy(part.reshape(p.shape).copy())
        else:
            p.detach().numpy()[...] = part.reshape(p.shape)


def _sizes(batches: Sequence[Batch]) -> tuple[int, int]:
    """Structures and atoms of a batch."""
    return sum(b.structures.n_structures for b in batches), sum(len(b.structures) for b in batches)


def _work(s: _core.Structures) -> float:
    """About in proportion to the time of a structure: triplets, and what each pair and atom needs beside them."""
    neighbors = np.diff(s.offsets).astype(float)
    return float((neighbors**2 / 2 + 10 * neighbors + 100).sum())
