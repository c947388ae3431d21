"""Labelled structures, and their division into training and validation sets.

Units as in ASE: eV, Å, eV/Å, stress in eV/Å³ with tension positive.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms
from ase.data import chemical_symbols
from ase.stress import voigt_6_to_full_3x3_stress

_SEVERAL = 10  # groups of one frame that are divided like one group


class DataError(ValueError):
    """Data that cannot be used; the text says which file and frame, what was found and what was expected."""


@dataclass(frozen=True)
class LabelWeights:
    """How much the labels of one structure count: positive factors, for forces one number or one per atom, (n,)."""

    energy: float = 1.0
    force: float | np.ndarray = 1.0
    stress: float = 1.0


@dataclass
class Frame:
    """A structure with labels: energy in eV, forces (n, 3) in eV/Å, stress (6,) in eV/Å³ or None.

    A label, or a component of one, that is not known is NaN. weight: how often the frame counts.
    """

    atoms: Atoms
    energy: float
    forces: np.ndarray
    stress: np.ndarray | None
    group: str
    origin: str  # file:frame
    weight: float = 1.0
    label_weights: LabelWeights = field(default_factory=LabelWeights)
    file: str = ""  # with the folders that tell it from others of its name: see `snnp.data.sources`

    @property
    def is_weighted(self) -> bool:
        """Whether any weight is not 1."""
        own = self.label_weights
        return not (self.weight == own.energy == own.stress == 1 and np.all(own.force == 1))

    @property
    def virial(self) -> np.ndarray | None:
        """−V σ, shape (3, 3), eV."""
        return None if self.stress is None else -self.atoms.get_volume() * voigt_6_to_full_3x3_stress(self.stress)


@dataclass
class Dataset:
    """The frames of some files, and what was found there."""

    frames: list[Frame] = field(default_factory=list)
    names: Counter = field(default_factory=Counter)  # under which names labels were found
    weights: Counter = field(default_factory=Counter)  # and weights
    skipped: Counter = field(default_factory=Counter)  # reason: number of frames
    unused: Counter = field(default_factory=Counter)  # what is not used of frames: their number
    notes: list[str] = field(default_factory=list)  # what the user should know, a sentence each

    @property
    def elements(self) -> list[str]:
        """Chemical symbols in order of atomic number."""
        numbers = {int(z) for frame in self.frames for z in frame.atoms.numbers}
        return [chemical_symbols[z] for z in sorted(numbers)]

    @property
    def n_atoms(self) -> int:
        """Atoms of all frames."""
        return sum(len(frame.atoms) for frame in self.frames)

    @property
    def n_energies(self) -> int:
        """Frames whose energy is known."""
        return sum(not np.isnan(frame.energy) for frame in self.frames)

    @property
    def n_forces(self) -> int:
        """Frames in which forces are known, at least one."""
        return sum(not np.isnan(frame.forces).all() for frame in self.frames)

    def summary(self) -> str:
        """What was found, in one or two sentences."""
        stress = sum(frame.stress is not None for frame in self.frames)
        groups, count = len({frame.group for frame in self.frames}), len(self.frames)
        text = (
            f"{count} frame{'s' if count > 1 else ''}, {self.n_atoms} atoms of {' '.join(self.elements)}: "
            f"energy in {self.n_energies}, forces in {self.n_forces}, stress in {stress}; "
            f"{groups} group{'s' if groups > 1 else ''}; labels: {', '.join(sorted(self.names))}"
        )
        if self.weights:
            text += f"; weights: {', '.join(sorted(self.weights))}"
        for reason, count in self.skipped.items():
            text += f"; skipped {count} frame{'s' if count > 1 else ''}: {reason}"
        for what, count in self.unused.items():
            text += f"; not used: {what}, in {count} frame{'s' if count > 1 else ''}"
        return text


def split(frames: Sequence[Frame], fraction: float, seed: int) -> tuple[list[Frame], list[Frame]]:
    """Training and validation frames: from each group the same fraction, at random. Groups of one frame are as one
    if there are many, else they stay in the training set.

    Each element, and each kind of label that is known at all, stays in the training set.
    """
    rng = np.random.default_rng(seed)
    held_out: set[int] = set()
    carried = 0.0
    for members in _divisible(frames):
        # Small groups share: what one is short of a whole frame, the next one gets.
        carried += fraction * len(members)
        count = min(int(carried), len(members) - 1)
        carried -= count
        held_out.update(int(n) for n in rng.permutation(members)[:count])
    if not held_out and len(frames) > 1 and fraction > 0:
        held_out.add(int(rng.integers(len(frames))))
    given_back = _needed(frames, held_out)
    held_out -= given_back
    if given_back and not held_out:
        candidates = (int(n) for n in rng.permutation(len(frames)) if not _needed(frames, {int(n)}))
        held_out.update(itertools.islice(candidates, 1))
    train = [frame for n, frame in enumerate(frames) if n not in held_out]
    return train, [frames[n] for n in sorted(held_out)]


def _divisible(frames: Sequence[Frame]) -> list[list[int]]:
    """Which frames each group has; those of many groups of one, as where each structure has a name, together."""
    groups: dict[str, list[int]] = {}
    for n, frame in enumerate(frames):
        groups.setdefault(frame.group, []).append(n)
    several = [members for _, members in sorted(groups.items()) if len(members) > 1]
    alone = [members[0] for members in groups.values() if len(members) == 1]
    return [*several, alone] if len(alone) >= _SEVERAL else [*several, *([n] for n in alone)]


def _needed(frames: Sequence[Frame], held_out: set[int]) -> set[int]:
    """Of the frames held out one for each element and kind of label that no other frame has."""
    has = [_holds(frame) for frame in frames]
    missing = set().union(*has).difference(*(has[n] for n in range(len(frames)) if n not in held_out))
    needed = set()
    for n in sorted(held_out):
        if has[n] & missing:
            needed.add(n)
            missing -= has[n]
    return needed


def _holds(frame: Frame) -> set:
    """The elements and known kinds of labels of a frame."""
    known = {
        "energy": not np.isnan(frame.energy),
        "forces": not np.isnan(frame.forces).all(),
        "stress": frame.stress is not None,
    }
    return {int(z) for z in np.unique(frame.atoms.numbers)} | {kind for kind, there in known.items() if there}
