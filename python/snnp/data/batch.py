"""What a fit reads: neighbour lists with targets, structure by structure, and how much each kind of target counts.

Units: eV, Å, eV/Å; virials W = −V σ in eV.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from snnp import _core
from snnp.data.frames import Frame, LabelWeights


@dataclass
class Labels:
    """Targets of one structure: energy in eV, forces (n, 3) in eV/Å, virial (3, 3) in eV or None.

    What is not known is NaN. weights: u_E, u_F and u_W of the loss, see `Weights`. volume: Å³, for errors of stresses.
    """

    energy: float
    forces: np.ndarray
    virial: np.ndarray | None
    weights: LabelWeights = field(default_factory=LabelWeights)
    volume: float = math.nan

    @property
    def energy_weight(self) -> float:
        """u_E; 0 if the energy is not known."""
        return 0.0 if np.isnan(self.energy) else self.weights.energy

    @property
    def force_weights(self) -> np.ndarray:
        """u_F of each component, (n, 3); 0 where it is not known."""
        return np.where(np.isnan(self.forces), 0.0, np.reshape(self.weights.force, (-1, 1)))

    @property
    def virial_weights(self) -> np.ndarray:
        """u_W of each component, (3, 3); 0 where it is not known."""
        if self.virial is None:
            return np.zeros((3, 3))
        return np.where(np.isnan(self.virial), 0.0, self.weights.stress)


@dataclass
class Weights:
    """Relative weights of the terms of the loss, which is for all kinds of models

        w_E ⟨u_E (ΔE/N)²⟩ + w_F ⟨u_F ΔF²⟩ + w_W ⟨u_W (ΔW/N)²⟩

    with means over structures, over force components and over virial components of structures; E in eV, F in eV/Å,
    W = −V σ in eV, N atoms. Means are over all structures: what is not known of one adds nothing (u = 0), and others do
    not count more for it. u is the weight of the label times that of its structure, relative to the mean weight of
    structures (for forces: of atoms).
    """

    energy: float = 30.0
    stress: float = 1.0
    force: float = 1.0


def relative_weights(frames: Sequence[Frame]) -> list[LabelWeights]:
    """u_E, u_F and u_W of each frame. Equal weights of all frames are the same as none."""
    weights = np.array([frame.weight for frame in frames])
    atoms = np.array([len(frame.atoms) for frame in frames])
    by_structure = weights * len(frames) / weights.sum()
    by_atom = weights * atoms.sum() / (weights @ atoms)
    return [
        LabelWeights(s * frame.label_weights.energy, a * frame.label_weights.force, s * frame.label_weights.stress)
        for frame, s, a in zip(frames, by_structure, by_atom, strict=True)
    ]


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
