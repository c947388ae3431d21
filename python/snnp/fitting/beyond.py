"""What a fit demands where there are no data, as its data and its configuration say."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from snnp.fitting.bounds import Bounds
from snnp.fitting.demands import Demand
from snnp.fitting.grounds import Ground, grounds_of
from snnp.fitting.known_crystals import known_crystals, known_series, lowest_crystals
from snnp.fitting.loss import Loss
from snnp.fitting.minibatch import Schedule
from snnp.fitting.shards import Shards
from snnp.fitting.stability import Stability
from snnp.fitting.stiffening import Stiffening
from snnp.fitting.task import Task
from snnp.fitting.unstable_crystals import why_unstable
from snnp.validation.crystals import Crystal


@dataclass(frozen=True)
class Beyond:
    """grounds: which bound energies. crystals: which stiffen evenly, and of which the lowest are minima, but for the
    unstable ones: their names, and what of the data shows it. asked: whether anything is demanded."""

    grounds: Sequence[Ground] = ()
    crystals: Sequence[Crystal] = ()
    unstable: Mapping[str, str] = field(default_factory=dict)
    asked: bool = False

    @classmethod
    def of(cls, task: Task) -> "Beyond":
        """Of a fit."""
        if not task.config.model.bounds:
            return cls()
        frames = task.sets["train"]
        series = known_series(frames)
        crystals = known_crystals(series)
        lowest = {crystal.name for crystal in lowest_crystals(crystals)}
        unstable = {one.name: why for one in series if one.name in lowest and (why := why_unstable(one, frames))}
        return cls(grounds_of(frames, task.shape.elements, task.weights), crystals, unstable, True)

    def demands(self, loss: Loss, schedule: Schedule, frames: Shards) -> list[Demand]:
        """On a model that is trained on these frames: one of each kind, or none."""
        how = loss, schedule.seed, schedule.batch_size * float(frames.atoms.mean())
        if not self.asked:
            return []
        lowest = lowest_crystals(self.crystals)
        return [Bounds(self.grounds, *how), Stiffening(self.crystals, *how), Stability(lowest, *how, self.unstable)]
