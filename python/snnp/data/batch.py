"""What a fit reads: neighbour lists with targets, structure by structure, and how much each kind of target counts.

Units: eV, Å, eV/Å; virials W = −V σ in eV.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from snnp import _core


@dataclass
class Labels:
    """Targets of one structure: energy in eV, forces (n, 3) in eV/Å, virial (3, 3) in eV or None."""

    energy: float
    forces: np.ndarray
    virial: np.ndarray | None


@dataclass
class Weights:
    """Relative weights of the terms of the loss."""

    energy: float = 30.0
    stress: float = 1.0


LabelledStructure = tuple[_core.Structures, Labels]


@dataclass
class FrameStream:
    """Labelled structures, made anew each time they are asked for, and how many there are of what."""

    make: Callable[[], Iterable[LabelledStructure]]
    structures: int
    atoms: int

    def __iter__(self):
        return iter(self.make())

    @staticmethod
    def held(frames: Sequence[LabelledStructure]) -> "FrameStream":
        """Of structures that are in memory anyway."""
        return FrameStream(lambda: frames, len(frames), sum(len(s) for s, _ in frames))


def concatenate(parts: Sequence[_core.Structures]) -> _core.Structures:
    """Several structures as one object."""
    atoms = np.cumsum([0] + [len(p) for p in parts])
    pairs = np.cumsum([0] + [len(p.indices) for p in parts])
    owners = np.cumsum([0] + [p.n_structures for p in parts])
    return _core.Structures(
        np.concatenate([[0]] + [p.offsets[1:] + n for p, n in zip(parts, pairs, strict=False)]),
        np.concatenate([p.indices + n for p, n in zip(parts, atoms, strict=False)]),
        np.concatenate([p.vectors for p in parts]),
        np.concatenate([p.elements for p in parts]),
        np.concatenate([p.structure + n for p, n in zip(parts, owners, strict=False)]),
        owners[-1],
    )
