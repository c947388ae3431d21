"""Linear models whose normal equations are sums over frames by several processes."""

from collections.abc import Callable, Sequence

import numpy as np

from snnp.data.batch import FrameStream, LabelledStructure, Weights
from snnp.fitting.blas import blas_threads
from snnp.fitting.shards import Shards
from snnp.models.linear import LinearModel
from snnp.models.normal_equations import Quadratic


class Divided:
    """The first base of such a model, the second one is that of one process. It can be pickled."""

    def accumulate(
        self, frames: Shards, weights: Weights, threads: int, tick: Callable[[int], None] = lambda n: None
    ) -> Quadratic:
        """The loss over all frames; tick(n) is called when n more frames are done."""
        size = len(frames), int(frames.atoms.sum())
        if frames.ranks.count == 1:
            return self._of_some(frames.here(), size, weights, threads, tick)
        found = frames.sum(_one_row, (self, size, weights, threads))
        tick(len(frames))
        n = self.columns
        return Quadratic(np.asfortranarray(found[: n * n].reshape(n, n)), found[n * n : -1], float(found[-1]))

    def _of_some(self, frames: Sequence[LabelledStructure], size: tuple[int, int], *how) -> Quadratic:
        """What some frames add to it. size: structures and atoms of all."""
        return super().accumulate(FrameStream(lambda: frames, *size), *how)


class DividedModel(Divided, LinearModel):
    """The one with a three-body tensor."""

    def __reduce__(self):
        return DividedModel, (self.shape,)


def _one_row(frames: Sequence[LabelledStructure], argument: tuple) -> np.ndarray:
    """Matrix, vector and constant of the frames of a rank."""
    model, size, weights, threads = argument
    with blas_threads(threads):  # torchrun leaves one
        found = model._of_some(frames, size, weights, threads, lambda n: None)
    return np.concatenate([found.A.ravel(), found.b, [found.c]])
