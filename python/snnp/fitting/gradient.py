"""The loss of some frames and its gradient, by one process or divided among several."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import from_numpy, nn

from snnp.fitting.label_errors import LabelErrors
from snnp.fitting.loss import Batch, Loss, join, make_batch
from snnp.fitting.ranks import Move
from snnp.fitting.shards import Shards, even_out, held_here


@dataclass
class _Model:
    """What each process has of it. losses: of each system, one or several."""

    parameters: list[nn.Parameter]
    losses: Sequence[Loss]


# Batches of one frame, of each system.
_Batches = Sequence[Sequence[Batch]]


class Gradient:
    """Of the losses of systems, which share parameters or are one, by frames of each.

    With several ranks each computes the part of the frames that it holds. Before, some frames change hands, so that all
    have about as much to do. All frames that were dealt out together with `frames` become batches of one.
    """

    def __init__(self, losses: Sequence[Loss], parameters: list[nn.Parameter], frames: Sequence[Shards]):
        self._model, self._frames, self._ranks = _Model(parameters, losses), frames, frames[0].ranks
        self._name, self._others_have_model = self._ranks.name(), False
        for own in frames:
            own.convert(_batch)

    def __call__(self, numbers: Sequence[Sequence[int]]) -> float:
        """Sets the gradients of parameters; returns the loss. numbers: of frames of each system."""
        frames = [own.some(few) for own, few in zip(self._frames, numbers, strict=True)]
        sizes = [(len(own), int(own.atoms.sum())) for own in frames]
        if self._ranks.count == 1:
            return _backward(self._model, [own.here() for own in frames], sizes)
        value, *_ = result = self._sum(_gradient, frames, sizes, self._even_out(frames))
        _set(self._model.parameters, result[1:], gradient=True)
        return float(value)

    def errors(self, frames: Sequence[Shards]) -> list[tuple[float, LabelErrors]]:
        """The loss of all these frames, and errors of their labels, of each system."""
        sums = self._sum(_sums, frames, None).reshape(len(frames), 4, -1)
        return [loss.of_sums(own) for loss, own in zip(self._model.losses, sums, strict=True)]

    def slopes(self, frames: Shards) -> np.ndarray:
        """Root mean squares of ∂E/∂G over the atoms of frames of the one system, (elements, n2 + n3), eV."""
        shape = self._model.losses[0].model.shape
        sums = self._sum(_slopes, [frames], None).reshape(shape.n_elements, -1)
        return np.sqrt(sums[:, 1:] / np.maximum(sums[:, :1], 1))

    def _sum(
        self,
        function: Callable[[_Model, _Batches, Any], np.ndarray],
        frames: Sequence[Shards],
        argument: Any,
        moves: Sequence[Move] = (),
    ) -> np.ndarray:
        """Σ over ranks of function(model, batches, argument)."""
        if not self._others_have_model:
            self._tell()
        which = [(own.name, own.numbers) for own in frames]
        return self._ranks.sum(_with_model, (self._name, self._values(), which, function, argument), moves)

    def _values(self) -> np.ndarray:
        return np.concatenate([p.detach().numpy().ravel() for p in self._model.parameters])

    def renew(self) -> None:
        """To be called when something in the model has changed that is no parameter."""
        self._others_have_model = False

    def _tell(self) -> None:
        """Gives the others the model, as it is asked for next: all but its parameters stays as it is then."""
        self._ranks.put(self._name, self._model)
        self._others_have_model = True

    def _even_out(self, frames: Sequence[Shards]) -> list[Move]:
        """What frames of a batch change hands."""
        work, owners = (np.concatenate([getattr(own, what) for own in frames]) for what in ("work", "owners"))
        targets = np.split(even_out(work, owners, self._ranks.count), np.cumsum([len(own) for own in frames])[:-1])
        return [move for own, ranks in zip(frames, targets, strict=True) for move in own.move(ranks)]


def _batch(frame) -> Batch:
    return frame if isinstance(frame, Batch) else make_batch([frame])


def _with_model(held: dict, argument: tuple) -> np.ndarray:
    name, values, which, function, rest = argument
    model = held[name]
    _set(model.parameters, values)
    return function(model, [held_here(held, *own) for own in which], rest)


def _gradient(model: _Model, batches: _Batches, sizes: Sequence[tuple[int, int]]) -> np.ndarray:
    """The loss of batches, of sizes in structures and atoms with those of other ranks, and its gradient."""
    for p in model.parameters:
        p.grad = None
    value = _backward(model, batches, sizes)
    gradients = [np.zeros(p.numel()) if p.grad is None else p.grad.numpy().ravel() for p in model.parameters]
    return np.concatenate([[value], *gradients])


def _backward(model: _Model, batches: _Batches, sizes: Sequence[tuple[int, int]]) -> float:
    """Adds to the parameters' `.grad`; returns the loss."""
    found = zip(model.losses, batches, sizes, strict=True)
    return sum(loss.backward(join(own), whole) for loss, own, whole in found if own)


def _sums(model: _Model, batches: _Batches, _: None) -> np.ndarray:
    return np.concatenate([loss.sums(own).ravel() for loss, own in zip(model.losses, batches, strict=True)])


def _slopes(model: _Model, batches: _Batches, _: None) -> np.ndarray:
    return np.concatenate(
        [loss.squares_of_slopes(own).ravel() for loss, own in zip(model.losses, batches, strict=True)]
    )


def _set(parameters: Sequence[nn.Parameter], values: np.ndarray, gradient: bool = False) -> None:
    """Sets parameters, or their gradients, from all numbers in one row."""
    parts = np.split(values, np.cumsum([p.numel() for p in parameters])[:-1])
    for p, part in zip(parameters, parts, strict=True):
        if gradient:
            p.grad = from_numpy(part.reshape(p.shape).copy())
        else:
            p.detach().numpy()[...] = part.reshape(p.shape)
