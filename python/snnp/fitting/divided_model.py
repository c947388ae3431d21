"""A linear model whose normal equations are sums over frames by several processes."""

from collections.abc import Callable

import numpy as np

from snnp.data.batch import FrameStream, Weights
from snnp.fitting.ranks import ALONE, Ranks
from snnp.models.linear import LinearModel, LinearShape
from snnp.models.normal_equations import Quadratic


class DividedModel(LinearModel):
    """Each rank takes every so many-th frame, and its part of the matrix (columns, columns)."""

    def __init__(self, shape: LinearShape, ranks: Ranks = ALONE):
        super().__init__(shape)
        self._ranks = ranks

    def accumulate(
        self, frames: FrameStream, weights: Weights, threads: int, tick: Callable[[int], None] = lambda n: None
    ) -> Quadratic:
        """The loss over all frames; tick(n) is called when n more frames are done."""
        if self._ranks.count == 1:
            return super().accumulate(frames, weights, threads, tick)
        self._ranks.share_list("frames", list(frames))
        size = frames.structures, frames.atoms
        found = self._ranks.sum(_part, (self.shape, weights, threads, self._ranks.count, size))
        self._ranks.share("frames", None)
        tick(frames.structures)
        n = self.columns
        return Quadratic(np.asfortranarray(found[: n * n].reshape(n, n)), found[n * n : -1], float(found[-1]))


def _part(held: dict, argument: tuple, rank: int) -> np.ndarray:
    """Matrix, vector and constant of the frames of a rank, in one row."""
    shape, weights, threads, count, size = argument
    own = held["frames"][rank::count]
    found = LinearModel(shape).accumulate(FrameStream(lambda: own, *size), weights, threads)
    return np.concatenate([found.A.ravel(), found.b, [found.c]])
