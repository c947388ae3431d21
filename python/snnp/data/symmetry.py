"""Forces and symmetry: where surroundings of all atoms are balanced, as in a perfect crystal, forces are zero."""

from collections.abc import Sequence

import numpy as np

from snnp.data.frames import Frame
from snnp.data.neighbors import full_list

_REACH = 6.0  # Å
_WIDTH = 0.15  # Å, of the shells in which directions to neighbours are added
# Sums of directions of a balanced atom, and forces that codes leave on atoms of a perfect crystal, eV/Å.
_BALANCED, _NOTHING = 1e-3, 0.02
_LOOKED_AT = 100  # frames whose forces are zero


def forces_against_symmetry(frames: Sequence[Frame]) -> list[tuple[Frame, float]]:
    """Frames of which symmetry says that all forces are zero, with a largest force (eV/Å) that is not.

    Symmetry is told by neighbours up to 6 Å: in every shell, and for every element, the directions to them add up to
    nothing, as they do where a rotation, reflection or inversion leaves no vector unchanged.
    """
    found = []
    for frame in frames:
        largest = float(np.abs(np.nan_to_num(frame.forces)).max(initial=0.0))
        if largest > _NOTHING and _balanced(frame):
            found.append((frame, largest))
    return found


def zeros_against_symmetry(frames: Sequence[Frame]) -> list[Frame]:
    """Frames, of some that are looked at, whose forces are exactly zero though symmetry does not say so, if others have
    forces: they may not be known."""
    moving = [frame for frame in frames if len(frame.atoms) > 1 and np.isfinite(frame.forces).all()]
    still = [frame for frame in moving if not frame.forces.any()]
    if len(still) == len(moving):
        return []
    return [frame for frame in still[:: len(still) // _LOOKED_AT + 1] if not _balanced(frame)]


def _balanced(frame: Frame) -> bool:
    """Whether directions to the neighbours of each atom add up to nothing in every shell."""
    i, j, d = full_list(frame.atoms, _REACH)
    if not len(i):
        return False
    r = np.linalg.norm(d, axis=1)
    directions = d / r[:, None]
    # A smooth end: what is just beyond the reach or inside does not matter.
    directions *= ((1 - (r / _REACH) ** 2) ** 2)[:, None]
    for z in np.unique(frame.atoms.numbers):
        for centre in np.arange(0.5, _REACH, _WIDTH):
            weight = np.exp(-(((r - centre) / _WIDTH) ** 2)) * (frame.atoms.numbers[j] == z)
            near = weight > 1e-12
            for k in range(3):
                total = np.bincount(i[near], weight[near] * directions[near, k], minlength=len(frame.atoms))
                if np.abs(total).max() > _BALANCED:
                    return False
    return True
