"""Training of several systems: each step takes frames of all of them."""

from collections.abc import Sequence

import numpy as np

from snnp.fitting.gradient import Gradient
from snnp.fitting.minibatch import Epochs, Optimizer
from snnp.fitting.shards import Shards


class JointOptimizer(Optimizer):
    """A training run like `Optimizer`, in which a batch is `batch_size` frames of each system."""

    def _take(self, train: Sequence[Shards], validation: Sequence[Shards]) -> None:
        size, seed = self.schedule.batch_size, self.schedule.seed
        self._systems = [Epochs(len(frames), size, seed, s) for s, frames in enumerate(train)]
        self.known, self.validation = train, validation if all(map(len, validation)) else []
        self.refit = 0.0
        self.gradient = Gradient(self.loss.losses, self.adam.parameters, train)

    def _batch(self) -> list[np.ndarray]:
        """Numbers of the frames of this step by system."""
        return [epochs.batch(self.step) for epochs in self._systems]
