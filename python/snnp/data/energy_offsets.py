"""What is done with the energies of groups of frames: used as they are, with an offset subtracted, or left out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from snnp.data.frames import Frame
from snnp.data.sources import named, require_named

KEEP, LEFT_OUT, AUTO = "keep", "left out", "auto"
# By group, or by "file:group"; numbers are offsets in eV/atom.
Offsets = dict[str, float | str]


def given_offsets(given: Mapping[str, float | str] | str, frames: Sequence[Frame]) -> Offsets:
    """What `data.energy_offsets` says, by group; a word for all groups at once is that of each of the frames' groups.

    Raises DataError for a group that is not there.
    """
    if isinstance(given, str):
        return dict.fromkeys(sorted({frame.group for frame in frames}), given)
    require_named(given, frames, "data.energy_offsets")
    return dict(given)


def with_offsets(frames: Sequence[Frame], offsets: Offsets) -> list[Frame]:
    """The frames with offsets subtracted from their energies, or without energies."""

    def changed(frame: Frame) -> Frame:
        what = offsets.get(named(frame, offsets), KEEP)
        if what == LEFT_OUT:
            return replace(frame, energy=np.nan)
        return frame if isinstance(what, str) else replace(frame, energy=frame.energy - what * len(frame.atoms))

    return [changed(frame) for frame in frames]
