"""Labels far outside the rest, and labels that no structure has."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snnp.data.frames import Frame

# Beyond these nothing is a result of a calculation: the total energy of the heaviest atom, all electrons included, is
# 1.5e6 eV; nuclei 0.2 Å apart repel each other by less than 1e5 eV/Å. The unit of stresses is not known yet, see
# `snnp.data.stress`.
_IMPOSSIBLE = {"energy": (1e7, "eV/atom"), "force": (1e5, "eV/Å")}

# A value is outside the rest if it is so many robust standard deviations and so many times the 95th percentile of
# deviations away from the median, and at least so much.
_DEVIATIONS = 10.0
_PERCENTILES = 4.0
_LEAST = {"energy": 0.3, "force": 5.0}
_ENOUGH = 10  # values to speak of a rest


@dataclass
class Outlier:
    """A frame with a label that stands out: energy (eV/atom above what its elements have) or force (largest, eV/Å)."""

    frame: Frame
    what: str
    value: float
    unit: str
    usual: float
    """The 95th percentile of the same quantity (for energies of its size)."""


def impossible(frame: Frame) -> str | None:
    """Which label of a frame no structure can have, with its value; None: there is none."""
    sizes = {
        "energy": np.abs(frame.energy) / max(len(frame.atoms), 1),
        "force": _largest(frame.forces),
    }
    for what, (limit, unit) in _IMPOSSIBLE.items():
        if sizes[what] > limit:
            return f"{what} of {sizes[what]:.3g} {unit}"
    return None


def find_outliers(frames: Sequence[Frame]) -> list[Outlier]:
    """Frames whose energy or largest force lies far outside the rest, by a robust measure.

    Energies per atom are compared after those of the elements are taken off, forces element by element. A group of ten
    or more frames is its own rest; single atoms are left out.
    """
    frames = [frame for frame in frames if len(frame.atoms) > 1]
    return [*_energies([f for f in frames if np.isfinite(f.energy)]), *_forces(frames)]


def _energies(frames: Sequence[Frame]) -> list[Outlier]:
    if not frames:
        return []
    excess = excess_energies(frames)
    found = []
    for members in _rests(frames):
        far, usual = _far(excess[members], "energy")
        found += [Outlier(frames[n], "energy", float(excess[n]), "eV/atom", usual) for n in np.array(members)[far]]
    return found


def _forces(frames: Sequence[Frame]) -> list[Outlier]:
    by_element: dict[int, dict[int, float]] = defaultdict(dict)
    for n, frame in enumerate(frames):
        size = np.nan_to_num(np.linalg.norm(frame.forces, axis=1))
        for z in np.unique(frame.atoms.numbers):
            by_element[int(z)][n] = float(size[frame.atoms.numbers == z].max())
    found: dict[int, Outlier] = {}
    for largest in by_element.values():
        for members in _rests(frames, list(largest)):
            values = np.array([largest[n] for n in members])
            far, usual = _far(values, "force")
            for n, value in zip(np.array(members)[far].tolist(), values[far].tolist(), strict=True):
                if n not in found or value > found[n].value:
                    found[n] = Outlier(frames[n], "force", value, "eV/Å", usual)
    return [found[n] for n in sorted(found)]


def _rests(frames: Sequence[Frame], indices: Sequence[int] | None = None) -> list[list[int]]:
    """Indices of the frames of each large group, and of all others together."""
    groups: dict[str, list[int]] = defaultdict(list)
    for n in range(len(frames)) if indices is None else indices:
        groups[frames[n].group].append(n)
    small = [n for members in groups.values() if len(members) < _ENOUGH for n in members]
    return [*(m for m in groups.values() if len(m) >= _ENOUGH), *([small] if len(small) >= _ENOUGH else [])]


def _far(values: np.ndarray, what: str) -> tuple[np.ndarray, float]:
    """Indices of values far from the others, and the 95th percentile of sizes (of deviations, for energies)."""
    deviation = np.abs(values - np.median(values))
    usual = float(np.sort(deviation)[-1 - max(len(values) // 20, 1)])
    limit = max(_DEVIATIONS * 1.4826 * np.median(deviation), _PERCENTILES * usual, _LEAST[what])
    return np.flatnonzero(deviation > limit), usual


def excess_energies(frames: Sequence[Frame]) -> np.ndarray:
    """Energies per atom without those of the elements, (frames,), eV: the smallest sum of absolute values."""
    numbers = np.unique(np.concatenate([frame.atoms.numbers for frame in frames]))
    fractions = np.array([[(f.atoms.numbers == z).mean() for z in numbers] for f in frames])
    energies = np.array([frame.energy / len(frame.atoms) for frame in frames])
    excess = energies - np.median(energies)
    for _ in range(30):  # least absolute deviations, by least squares with weights
        root = 1.0 / np.sqrt(np.maximum(np.abs(excess), 1e-3))
        by_element = np.linalg.lstsq(root[:, None] * fractions, root * energies, rcond=None)[0]
        excess = energies - fractions @ by_element
    return excess - np.median(excess)


def _largest(values: np.ndarray) -> float:
    return float(np.nan_to_num(np.abs(values), nan=0.0, posinf=np.inf).max(initial=0.0))
