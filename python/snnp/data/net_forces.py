"""Frames whose forces do not add up to zero, as those of all atoms that nothing outside acts on do."""

from collections.abc import Sequence

import numpy as np

from snnp.data.frames import Frame

# As if each force had an error of this size of its own, eV/Å, and part of the forces of a frame. What programs leave is
# far less: 3e-5 eV/Å for all atoms together in seven published data sets, a tenth where a grid is coarse.
_LARGE, _PART = 0.05, 0.02


def net_forces(frames: Sequence[Frame]) -> list[tuple[Frame, float]]:
    """Frames with the size of the sum of their forces, eV/Å, where it is no rounding; all forces have to be known."""
    found = []
    for frame in frames:
        net = float(np.linalg.norm(frame.forces.sum(axis=0)))  # NaN, if a force is not known
        if net > max(_LARGE * np.sqrt(len(frame.atoms)), _PART * np.linalg.norm(frame.forces)):
            found.append((frame, net))
    return found


def has_fixed_atoms(frame: Frame) -> bool:
    """Whether forces of some atoms, but not of all, are exactly zero."""
    still = ~frame.forces.any(axis=1)
    return bool(still.any() and not still.all())
