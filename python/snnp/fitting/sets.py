"""Frames by purpose: weighted, without isolated atoms, divided into training and validation sets."""

from collections.abc import Sequence
from dataclasses import dataclass

from snnp import console
from snnp.config import ConfigError, FitConfig
from snnp.data import DataError, Dataset, Frame, split
from snnp.data.duplicates import find_duplicates
from snnp.data.isolated import isolated_atoms, lowest_above, set_aside
from snnp.data.names import parse
from snnp.data.review import in_both, review
from snnp.data.robust import robust
from snnp.data.sources import tell_files_apart
from snnp.data.weights import check_groups, shares, weighted

Sets = dict[str, list[Frame]]


@dataclass
class DividedData:
    """Frames by "train", "validation" and "test", and those that may be isolated atoms.

    Isolated atoms of training and validation data fix the energies of elements and are in neither set: no mean over
    frames depends on them.
    """

    sets: Sets
    alone: list[Frame]
    from_training: bool
    """Whether the validation set is a part of the training data as given."""

    @property
    def elements(self) -> list[str]:
        """All elements, by atomic number. Raises DataError for one that is in no training frame."""
        known = Dataset([*self.sets["train"], *self.alone]).elements
        every = Dataset([*self.alone, *(frame for frames in self.sets.values() for frame in frames)]).elements
        missing = sorted(set(every) - set(known))
        if missing:
            raise DataError(f"element {missing[0]} occurs in the validation or test data, but in no training frame")
        return every

    def use_isolated_atoms(self, cutoff: float, given: dict[str, float], log: console.Log) -> dict[str, float]:
        """Energies of isolated atoms by element, eV; frames that are none within `cutoff` (Å) join the training set.

        given: the energies of the configuration, which go first.
        """
        found = isolated_atoms(self.alone, cutoff, given)
        for note in found.notes:
            log.print(f"note: {note}")
        if found.energies:
            log.print(
                f"isolated atoms: energies of {' '.join(found.energies)} from {len(self.alone) - len(found.others)} "
                "frames, which are in no set"
            )
        self.sets["train"] += found.others
        energies = {**found.energies, **given}
        if (lowest := lowest_above(self.sets["train"], energies)) > 0:
            log.print(
                f"warning: no training frame is bound, the lowest is {lowest:.3g} eV/atom above its isolated atoms: "
                "are these of the same calculation?"
            )
        for symbol in sorted(found.energies.keys() - set(Dataset(self.sets["train"]).elements)):
            log.print(f"note: {symbol} occurs as an isolated atom only: how it interacts is not known")
        return energies


def divide(config: FitConfig, data: dict[str, Dataset], log: console.Log) -> DividedData:
    """The sets of a fit; what was found, and how much it counts, goes to the log.

    data: by "train", "validation", "test". Raises ConfigError or DataError if there are no training data.
    """
    if "train" not in data:
        raise ConfigError("data.train: expected at least one file")
    tell_files_apart(frame for found in data.values() for frame in found.frames)
    for name, found in data.items():
        log.print(f"{name}: {found.summary()}")
        for note in [*found.notes, *_other_names(name, found, data["train"])]:
            log.print(f"note: {note}")
    sets = {name: found.frames for name, found in data.items()}
    duplicates = find_duplicates(sets)
    for note in review(sets, duplicates=duplicates):
        log.print(f"note: {note}")
    sets, alone = _without_isolated_atoms(_with_weights(config, sets, log))
    if not sets["train"]:
        raise DataError("the training data hold nothing but isolated atoms")
    if from_training := "validation" not in sets:
        sets["train"], sets["validation"] = split(sets["train"], config.data.validation_fraction, config.training.seed)
        count = len(sets["validation"])
        log.print(f"validation: {count} of these frames {'is' if count == 1 else 'are'} held out")
        if pairs := duplicates.divided("train", sets["validation"]):
            log.print(f"note: {in_both('validation', 'train', pairs)}")
        if not count:
            log.print("note: there are no validation data: nothing shows whether this fit holds for other structures")
    sets = {name: sets[name] for name in ("train", "validation", "test") if sets.get(name)}
    return DividedData(sets, alone, from_training)


def _other_names(name: str, found: Dataset, train: Dataset) -> list[str]:
    """A sentence if labels of a set are of no family of names that those of the training set are of."""
    here, there = ({parse(key).family for key in data.names if parse(key)} for data in (found, train))
    if not here or not there or here & there:
        return []
    return [
        f"labels of the {name} data are {', '.join(sorted(found.names))}, those of the training data "
        f"{', '.join(sorted(train.names))}: taken to be of one level of theory"
    ]


def _with_weights(config: FitConfig, sets: Sets, log: console.Log) -> Sets:
    """Training and validation sets with the weights of the configuration."""
    by_group = config.data.group_weights()
    if not by_group:
        return sets
    before = {name: sets[name] for name in ("train", "validation") if name in sets}
    check_groups({frame.group for frames in before.values() for frame in frames}, by_group)
    after = {name: weighted(frames, by_group) for name, frames in before.items()}
    for name, frames in before.items():
        if left_out := len(frames) - len(after[name]):
            log.print(f"data.weights: {left_out} of {len(frames)} {name} frames have weight 0 and are left out")
    if not after["train"]:
        raise DataError("data.weights: no training frame has a weight greater than 0")
    return {**sets, **after}


def _without_isolated_atoms(sets: Sets) -> tuple[Sets, list[Frame]]:
    alone = []
    for name in ("train", "validation"):
        if name in sets:
            aside, rest = set_aside(sets[name])
            alone += aside
            sets = {**sets, name: rest}
    return sets, alone


def with_robust_weights(sets: Sets, log: console.Log) -> Sets:
    """Training and validation sets in which frames with labels far beyond the usual size count less."""
    found = robust({name: sets[name] for name in ("train", "validation") if name in sets})
    for note in found.notes:
        log.print(f"note: {note}")
    return {**sets, **found.sets}


def say_what_counts(frames: Sequence[Frame], log: console.Log) -> None:
    """A table of what each group counts, if there are several or any weights."""
    found = shares(frames)
    if len(found) > 1 or any(frame.is_weighted for frame in frames):
        log.print(console.weight_table(found))
