"""What labels of data sets say about each other, before anything is fitted: sentences for `snnp data`."""

from collections.abc import Mapping

from snnp import _core
from snnp.calculator import available_cores
from snnp.console import Log
from snnp.data import DataError, Dataset, split
from snnp.data.batch import Weights
from snnp.data.neighbors import NeighborLists
from snnp.fitting.label_checks import StressCheck, sample
from snnp.kinds import KINDS
from snnp.kinds.choose import choose


def review_labels(sets: Mapping[str, Dataset], threads: int | None, log: Log) -> list[str]:
    """A sentence for each group of frames whose stresses are in another convention than ASE's, or contradict energies.

    sets: by "train", "validation", "test"; the model behind this is fitted to the first. threads: None: all cores.
    """
    frames = [frame for data in sets.values() for frame in data.frames]
    if not sample(frames):
        return []
    try:
        data = sets["train"]
        train, validation = split(data.frames, 0.1, seed=0)
        _, shape = choose(KINDS["snnp"].config(), train, data.elements)
        lists = NeighborLists(shape.elements, shape.cutoff, keep=False)
        e0 = [None] * len(shape.elements)
        check = StressCheck(shape, e0, lists, train, validation, frames, Weights(), threads or available_cores())
        with log.progress("convention of stresses", check.total, "frames") as tick:
            return check.conventions(tick).notes
    except (DataError, _core.Error) as error:
        return [f"stresses were not compared with energies and forces: {error}"]
