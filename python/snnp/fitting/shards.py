"""The frames of a fit, each held by one of its processes, so that the memory of each falls as one over their number.

Neighbour lists are held packed, or not at all where there is no room: they are unpacked, or built, when needed.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from snnp import _core
from snnp.data.batch import LabelledStructure
from snnp.data.neighbors import Unlisted
from snnp.fitting.prepare import Held
from snnp.fitting.ranks import Move, Ranks
from snnp.models.normal_equations import shifted

_CHUNK = 50  # frames that are sent at once
# Of its mean work, that of a step may be uneven by: to move a frame costs some time, too.
_SLACK = 0.02

# function(frames, argument) → numbers, of some frames.
Sum = Callable[[Sequence, Any], np.ndarray]


@dataclass
class _Known:
    """What rank 0 knows of each frame: the rank that holds it, its work, its energy (eV), and atoms of each element."""

    owners: np.ndarray
    work: np.ndarray
    energies: np.ndarray
    contents: list[np.ndarray]
    atoms: np.ndarray


@dataclass
class Shards:
    """Some frames that were dealt out together with others, by their numbers among these; see `deal`.

    offsets: energies of elements (elements,), eV, that are taken off in sums.
    """

    ranks: Ranks
    name: str
    known: _Known
    numbers: Sequence[int]
    offsets: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def whole(self) -> "Shards":
        """All frames that were dealt out together."""
        return replace(self, numbers=range(len(self.known.owners)))

    def some(self, places: Sequence[int]) -> "Shards":
        """A few of the frames, by their places among them."""
        return replace(self, numbers=[self.numbers[int(place)] for place in places])

    @property
    def owners(self) -> np.ndarray:
        """The rank that holds each frame."""
        return self.known.owners[self.numbers]

    @property
    def work(self) -> np.ndarray:
        """Of each frame, about in proportion to the time that its forces take."""
        return self.known.work[self.numbers]

    @property
    def energies(self) -> np.ndarray:
        """Of each frame, eV; NaN: not known."""
        return self.known.energies[self.numbers]

    @property
    def atoms(self) -> np.ndarray:
        """Of each frame."""
        return self.known.atoms[self.numbers]

    def compositions(self, elements: int) -> np.ndarray:
        """Atoms of each element, (frames, elements)."""
        found = [self.known.contents[n] for n in self.numbers]
        return np.array([np.pad(each, (0, elements - len(each))) for each in found])

    def without(self, offsets: np.ndarray) -> "Shards":
        """The frames with the energies of their elements, offsets (elements,), eV, taken off."""
        return replace(self, offsets=offsets)

    def sum(self, function: Sum, argument: Any) -> np.ndarray:
        """Σ over ranks of function(frames, argument), (numbers,), with the frames that a rank holds. Raises RanksError.

        function: one of a module, which others can find by its name.
        """
        return self.ranks.sum(_of_frames, (self.name, self.numbers, self.offsets, function, argument))

    def here(self) -> Sequence:
        """Those that rank 0 holds."""
        return held_here(self.ranks.held, self.name, self.numbers, self.offsets)

    def convert(self, function: Callable[[LabelledStructure], Any]) -> None:
        """Each of all frames that were dealt out becomes function(frame), where it is held."""
        self.ranks.each(_convert, (self.name, function))

    def move(self, targets: Sequence[int]) -> list[Move]:
        """What gives the frames to ranks that shall hold them from now on."""
        moves: dict[tuple[int, int], list[int]] = {}
        for n, source, target in zip(self.numbers, self.owners.tolist(), targets, strict=True):
            if source != target:
                moves.setdefault((source, target), []).append(n)
                self.known.owners[n] = target
        return [Move(self.name, found, *between) for between, found in moves.items()]


def deal(sets: Sequence[Iterable[tuple]], ranks: Ranks, room: float = math.inf) -> list[Shards]:
    """Deals out the frames of some sets as they come, each to the rank with least work so far, and to no other.

    A frame is a structure, its labels and where its neighbour list comes from next time: see `prepare_to_hold`; without
    that, it is held as it is. room: bytes of lists in each of several processes.
    """
    name, load, known, ends = ranks.name(), np.zeros(ranks.count), [], [0]
    left = np.full(ranks.count, room if ranks.count > 1 else 0.0)
    waiting: list[dict] = [{} for _ in range(ranks.count)]

    def send(rank: int) -> None:
        ranks.give(name, rank, waiting[rank])
        waiting[rank] = {}

    for frames in sets:
        for s, labels, *source in frames:
            rank, work = int(load.argmin()), _work(s)
            load[rank] += work
            if source and isinstance(source[0], Unlisted) and left[rank] > 0:
                packed = source[0].packed(s)
                left[rank] -= packed.nbytes
                source = [packed] if left[rank] >= 0 else source
            waiting[rank][len(known)] = Held(*source, labels) if source else (s, labels)
            known.append((rank, work, labels.energy, np.bincount(s.elements)))
            if len(waiting[rank]) == _CHUNK:
                send(rank)
        ends.append(len(known))
    for rank in range(ranks.count):
        send(rank)
    owners, work, energies, contents = zip(*known, strict=True) if known else [()] * 4
    atoms = np.array([each.sum() for each in contents], dtype=int)
    found = _Known(np.array(owners, dtype=int), np.array(work), np.array(energies), list(contents), atoms)
    return [Shards(ranks, name, found, range(*between)) for between in pairwise(ends)]


def even_out(work: np.ndarray, owners: np.ndarray, ranks: int) -> np.ndarray:
    """Ranks that are to hold frames, (frames,), so that none has much more work than others; few change theirs.

    work, owners: of each frame, (frames,).
    """
    owners = owners.copy()
    load = np.bincount(owners, work, ranks)
    slack = _SLACK * load.mean()
    while True:
        most, least = int(load.argmax()), int(load.argmin())
        here = np.flatnonzero(owners == most)
        # Half of the difference is best; what is as large as all of it gains nothing.
        after = np.abs(load[most] - load[least] - 2 * work[here])
        best = int(after.argmin())
        if load[most] - load[least] - after[best] <= 2 * slack:
            return owners
        load[[most, least]] += np.array([-1, 1]) * work[here[best]]
        owners[here[best]] = least


def _of_frames(held: dict, argument: tuple) -> np.ndarray:
    *which, function, argument = argument
    return function(held_here(held, *which), argument)


def held_here(held: dict, name: str, numbers: Sequence[int], offsets: np.ndarray | None = None) -> Sequence:
    """Those frames of a name and of these numbers that this process holds; offsets: as of `Shards`, (elements,).

    Each is made when it is asked for.
    """
    own = held.get(name, {})
    return _Here([own[n] for n in numbers if n in own], offsets)


class _Here(Sequence):
    def __init__(self, frames: list, offsets: np.ndarray | None):
        self._frames, self._offsets = frames, offsets

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, n: int) -> Any:
        frame = self._frames[n]
        if isinstance(frame, Held):
            frame = frame()
        return frame if self._offsets is None else next(iter(shifted([frame], self._offsets)))


def _convert(held: dict, argument: tuple) -> None:
    name, function = argument
    frames = held.get(name, {})
    for n, frame in frames.items():
        frames[n] = frame.converted(function) if isinstance(frame, Held) else function(frame)


def _work(s: _core.Structures) -> float:
    """Triplets, and what each pair and atom needs beside them."""
    neighbors = np.diff(s.offsets).astype(float)
    return float((neighbors**2 / 2 + 10 * neighbors + 100).sum())
