"""Which frames of the training data are ground states: those on the convex hull of energies over composition."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linprog

from snnp.data import Frame
from snnp.data.neighbors import element_indices

# Of all frames: a composition with fewer may be a mistake in a label.
_LEAST = 0.002
# Of an ordinary force constant, eV/Å²; an estimate of more than the limit, eV/atom, is none.
_STIFFNESS, _MOST = 5.0, 0.5


@dataclass
class GroundState:
    """A periodic frame on the hull. excess: how far it lies above its nearest minimum, eV/atom: harmonically F²/2k, so
    that it is nothing for a relaxed crystal and the energy of the motion for a snapshot of a melt."""

    frame: Frame
    excess: float

    @classmethod
    def of(cls, frame: Frame) -> "GroundState":
        """With its excess."""
        square = np.nansum(frame.forces**2) / len(frame.atoms)
        return cls(frame, min(square / (2 * _STIFFNESS), _MOST))


def ground_states(frames: Sequence[Frame], elements: Sequence[str]) -> list[GroundState]:
    """The ground states of training data; empty: no periodic frame has an energy."""
    frames = [frame for frame in frames if has_energy(frame)]
    counts = Counter(tuple(_fractions(frame, elements)) for frame in frames)
    frames = [frame for frame in frames if counts[tuple(_fractions(frame, elements))] >= _LEAST * len(frames)]
    energies = np.array([frame.energy / len(frame.atoms) for frame in frames])
    lowest: dict[tuple, int] = {}
    for n in np.argsort(energies, kind="stable"):
        lowest.setdefault(tuple(_fractions(frames[n], elements)), int(n))
    compositions, at = np.array(list(lowest)), list(lowest.values())
    return [
        GroundState.of(frames[n])
        for x, n in lowest.items()
        if energies[n] < _hull(compositions, energies[at], x) + 1e-9
    ]


def has_energy(frame: Frame) -> bool:
    """Whether it is periodic, with a known energy."""
    return bool(frame.atoms.pbc.all() and np.isfinite(frame.energy))


def _fractions(frame: Frame, elements: Sequence[str]) -> np.ndarray:
    counts = np.bincount(element_indices(frame.atoms, elements), minlength=len(elements))
    return np.round(counts / counts.sum(), 9)


def _hull(compositions: np.ndarray, energies: np.ndarray, wanted: Sequence[float]) -> float:
    """The lowest energy of mixtures of compositions (states, elements) that have the wanted one in all."""
    return float(linprog(energies, A_eq=compositions.T, b_eq=wanted).fun)
