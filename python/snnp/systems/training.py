"""Training of several systems: each step takes frames of all of them."""

from collections.abc import Sequence

import numpy as np

from snnp.data.batch import LabelledStructure
from snnp.fitting.loss import Batch, join, make_batch, make_batches
from snnp.fitting.minibatch import Optimizer, Schedule
from snnp.systems.model import JointLoss, JointModel

Frames = Sequence[LabelledStructure]


class JointOptimizer(Optimizer):
    """A training run like `Optimizer`, in which a batch is `batch_size` frames of each system."""

    def __init__(
        self,
        model: JointModel,
        loss: JointLoss,
        schedule: Schedule,
        train: Sequence[Frames],
        validation: Sequence[Frames],
    ):
        super().__init__(model, loss, schedule, [], [])
        self.systems = [[make_batch([frame]) for frame in frames] for frames in train]
        self.validation = [make_batches(frames) for frames in validation] if all(validation) else []
        self._orders = [(-1, np.arange(0))] * len(train)  # of each system: an epoch, and its frames as they come in it

    def _batch(self) -> list[Batch]:
        """The structures of this step by system: each epoch of a system passes all of its frames once."""
        batches = []
        for s, frames in enumerate(self.systems):
            n, size = len(frames), min(self.schedule.batch_size, len(frames))
            epoch, place = divmod(self.step, n // size)
            if self._orders[s][0] != epoch:
                order = np.random.default_rng([self.schedule.seed, epoch, s]).permutation(n)
                self._orders[s] = epoch, order
            batches.append(join([frames[k] for k in self._orders[s][1][place * size : (place + 1) * size]]))
        return batches
