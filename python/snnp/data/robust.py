"""Weights of frames with labels far beyond the usual size, so that a few extreme structures do not rule a fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from snnp.data.frames import Frame, LabelWeights
from snnp.data.outliers import excess_energies

# A frame counts in full up to so many times the median size of a label, and up to this size in any case.
_TIMES = {"energy": 10.0, "force": 5.0}
_LEAST = {"energy": 5.0, "force": 15.0}
_UNITS = {"energy": "eV/atom", "force": "eV/Å"}
# Errors of a model that is too simple for such frames grow with their labels, and their squares by a power of 2 only.
_POWER = 8


@dataclass
class Robust:
    """Frames by set, weights of extreme ones reduced; `notes`: a sentence if there are any."""

    sets: dict[str, list[Frame]]
    notes: list[str]


def robust(sets: Mapping[str, Sequence[Frame]]) -> Robust:
    """The frames with the weights of all their labels multiplied by min(1, limit / size)⁸.

    Sizes are the distance of the energy per atom from the median, after the energies of the elements are taken off, and
    the root mean square of |F|; that one counts which is further beyond its limit. Limits are ten times the median size
    of energies, at least 5 eV/atom, and five times that of forces, at least 15 eV/Å.
    """
    frames = [frame for members in sets.values() for frame in members]
    factors, sentences = np.ones(len(frames)), []
    for what, sizes in (("energy", _energies(frames)), ("force", _forces(frames))):
        known = sizes[np.isfinite(sizes)]
        limit = max(_TIMES[what] * float(np.median(known)), _LEAST[what]) if len(known) else np.inf
        far = np.flatnonzero(sizes > limit)
        if len(far):
            factors[far] = np.minimum(factors[far], (limit / sizes[far]) ** _POWER)
            sentences.append(f"{'energies' if what == 'energy' else 'forces'} beyond {limit:.3g} {_UNITS[what]}")
    if not sentences:
        return Robust({name: list(members) for name, members in sets.items()}, [])
    changed = iter([_times(frame, factor) for frame, factor in zip(frames, factors.tolist(), strict=True)])
    return Robust(
        {name: [next(changed) for _ in members] for name, members in sets.items()},
        [_sentence(sentences, frames, factors)],
    )


def _sentence(reasons: Sequence[str], frames: Sequence[Frame], factors: np.ndarray) -> str:
    count, least = int((factors < 1).sum()), int(factors.argmin())
    verb = "1 frame counts" if count == 1 else f"{count} frames count"
    return (
        f"{verb} less than 1, down to {factors[least]:.2g} ({frames[least].origin}), for {' and '.join(reasons)}: "
        "loss.robust=false gives them full weight"
    )


def _energies(frames: Sequence[Frame]) -> np.ndarray:
    """Distances of energies from what their elements have and from the median, eV/atom, (frames,); NaN: not known."""
    sizes = np.full(len(frames), np.nan)
    known = [n for n, frame in enumerate(frames) if np.isfinite(frame.energy)]
    if known:
        sizes[known] = np.abs(excess_energies([frames[n] for n in known]))
    return sizes


def _forces(frames: Sequence[Frame]) -> np.ndarray:
    """Root mean squares of the known |F|, eV/Å, (frames,); NaN: none is known."""
    known = [frame.forces[np.isfinite(frame.forces).all(1)] for frame in frames]
    return np.array([np.sqrt((f**2).sum(1).mean()) if len(f) else np.nan for f in known])


def _times(frame: Frame, factor: float) -> Frame:
    if factor == 1:
        return frame
    own = frame.label_weights
    return replace(frame, label_weights=LabelWeights(own.energy * factor, own.force * factor, own.stress * factor))
