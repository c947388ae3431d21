"""Training of several systems: each step takes frames of all of them."""

from collections.abc import Sequence

from snnp.data.batch import LabelledStructure
from snnp.fitting.loss import Batch, make_batch, make_batches
from snnp.fitting.minibatch import Epochs, Optimizer, Schedule
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
        self._systems = [
            Epochs([make_batch([frame]) for frame in frames], schedule.batch_size, schedule.seed, s)
            for s, frames in enumerate(train)
        ]
        self.validation = [make_batches(frames) for frames in validation] if all(validation) else []

    def _batch(self) -> list[Batch]:
        """The structures of this step by system."""
        return [epochs.batch(self.step) for epochs in self._systems]
