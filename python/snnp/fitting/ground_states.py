"""Which frames of the training data are ground states: those on the convex hull of energies over composition."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from scipy.optimize import linprog

from snnp.data import Frame
from snnp.data.neighbors import element_indices

# Of all frames: a composition with fewer may be a mistake in a label.
LEAST = 0.002
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
    lowest = lowest_frames(frames, elements, LEAST)
    compositions, energies = np.array(list(lowest)), np.array([energy_of(frame) for frame in lowest.values()])
    found = zip(lowest.values(), compositions, energies, strict=True)
    return [GroundState.of(frame) for frame, x, e in found if e < hull(compositions, energies, x) + 1e-9]


def lowest_frames(frames: Sequence[Frame], elements: Sequence[str], least: float = 0.0) -> dict[tuple, Frame]:
    """Of each composition the periodic frame with the lowest energy by atom.

    least: compositions of fewer frames, in parts of all, are left out.
    """
    frames = [frame for frame in frames if frame.atoms.pbc.all() and np.isfinite(frame.energy)]
    compositions = [fractions(frame.atoms, elements) for frame in frames]
    counts, found = Counter(compositions), {}
    for n in np.argsort([energy_of(frame) for frame in frames], kind="stable"):
        if counts[compositions[n]] >= least * len(frames):
            found.setdefault(compositions[n], frames[n])
    return found


def energy_of(frame: Frame) -> float:
    """eV/atom."""
    return frame.energy / len(frame.atoms)


def fractions(atoms: Atoms, elements: Sequence[str]) -> tuple[float, ...]:
    """The composition: of each element the part of the atoms."""
    counts = np.bincount(element_indices(atoms, elements), minlength=len(elements))
    return tuple(np.round(counts / counts.sum(), 9))


def hull(compositions: np.ndarray, energies: np.ndarray, wanted: Sequence[float]) -> float:
    """The lowest energy of mixtures that have the wanted composition in all, eV/atom; infinite: there is none.

    compositions: (states, elements), and energies: (states,), eV/atom, of what is mixed.
    """
    found = linprog(energies, A_eq=compositions.T, b_eq=wanted)
    return float(found.fun) if found.success else np.inf
