"""What labels of data sets say about each other, before anything is fitted: sentences for `snnp data`."""

from collections.abc import Mapping, Sequence

from snnp import _core
from snnp.calculator import available_cores
from snnp.console import Log
from snnp.data import DataError, Dataset, Frame, split
from snnp.data.batch import Weights
from snnp.data.energy_offsets import LEFT_OUT, with_offsets
from snnp.data.isolated import set_aside
from snnp.data.neighbors import NeighborLists
from snnp.fitting import energies_and_forces, energy_shifts, label_checks
from snnp.fitting.energy_shifts import EnergyShift
from snnp.fitting.label_checks import StressCheck
from snnp.fitting.settle import sentence
from snnp.kinds import KINDS
from snnp.kinds.choose import choose
from snnp.models.shape import Shape


def review_labels(sets: Mapping[str, Dataset], threads: int | None, log: Log) -> list[str]:
    """A sentence for each group of frames whose energies are shifted against all others, and for each whose stresses
    are in another convention than ASE's, or contradict energies. If energies contradict forces, only that is said.

    sets: by "train", "validation", "test"; the model behind this is fitted to the first. threads: None: all cores.
    """
    frames = [frame for data in sets.values() for frame in data.frames]
    _, several = set_aside(frames)
    checks = (energies_and_forces.sample, energy_shifts.sample, label_checks.sample)
    if not any(sample(several) for sample in checks):
        return []
    threads = threads or available_cores()
    try:
        data = sets["train"]
        shape = choose(KINDS["snnp"].config(), data.frames, data.elements).shape
        lists = NeighborLists(shape.elements, shape.cutoff, keep=False)
        wrong = _contradictions(data.frames, shape, lists, threads, log)
        if wrong:
            return wrong
        shifts = _shifts(several, shape, lists, threads, log)
        shifted = {":".join(source): LEFT_OUT for shift in shifts for source in shift.sources}
        stresses = _stresses(with_offsets(data.frames, shifted), frames, shape, lists, threads, log)
    except (DataError, _core.Error) as error:
        return [f"labels were not compared with each other: {error}"]
    return [*map(sentence, shifts), *stresses]


def _contradictions(frames: Sequence[Frame], shape: Shape, lists: NeighborLists, threads: int, log: Log) -> list[str]:
    sampled = energies_and_forces.sample(frames)
    if not sampled:
        return []
    with log.progress("energies and forces", len(sampled), "frames") as tick:
        return energies_and_forces.contradictions(sampled, frames, shape, lists, threads, tick)


def _shifts(frames: Sequence[Frame], shape: Shape, lists: NeighborLists, threads: int, log: Log) -> list[EnergyShift]:
    sampled = energy_shifts.sample(frames)
    if not sampled:
        return []
    with log.progress("offsets of energies", len(sampled), "frames") as tick:
        return energy_shifts.find_shifts(sampled, shape, lists, threads, tick)


def _stresses(
    known: Sequence[Frame], frames: Sequence[Frame], shape: Shape, lists: NeighborLists, threads: int, log: Log
) -> list[str]:
    """Sentences about the stresses of `frames`; the energies and forces of `known` are trusted."""
    if not label_checks.sample(frames):
        return []
    train, validation = split(known, 0.1, seed=0)
    e0 = [None] * len(shape.elements)
    check = StressCheck(shape, e0, lists, train, validation, frames, Weights(), threads)
    with log.progress("convention of stresses", check.total, "frames") as tick:
        return check.conventions(tick).notes
