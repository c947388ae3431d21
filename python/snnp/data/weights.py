"""Weights of structures and labels: from the entries of a structure, and by group from the configuration."""

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

import numpy as np
from ase import Atoms

from snnp.data.frames import DataError, Dataset, Frame, LabelWeights

# Names that MACE, NEP, FitSNAP, pacemaker and others use.
_FRAME = re.compile(r"(?:(?:config|configuration|frame|structure|sample)_?)?weights?", re.IGNORECASE)
_LABEL = re.compile(
    r"(?:config_)?(energy|e|forces?|f|stress(?:es)?|s|virials?|v)_?weights?|w_(energy|forces?|stress|virials?)",
    re.IGNORECASE,
)
# GAP's, which are standard deviations or choose atoms.
_OTHER = re.compile(r"(?:energy|forces?|virial|stress|hessian)_(?:atom_)?(?:sigma|mask)", re.IGNORECASE)
_TERMS = {"e": "energy", "f": "force", "s": "stress", "v": "stress"}


def frame_weights(atoms: Atoms, origin: str, data: Dataset) -> tuple[float, LabelWeights]:
    """The weight of a structure and those of its labels; the names that they have are counted in `data`.

    Raises DataError for a weight that is no number ≥ 0, and for two that contradict each other.
    """
    found: dict[str, tuple[str, float | np.ndarray]] = {}
    for source in (atoms.info, atoms.arrays):
        for key, value in source.items():
            term = _term(str(key))
            if term is None:
                if _OTHER.fullmatch(str(key)):
                    data.unused[str(key)] += 1
                continue
            weight = _number(str(key), value, origin, len(atoms) if term == "force" else 0)
            if term in found and not np.array_equal(found[term][1], weight):
                raise DataError(f"{origin}: {found[term][0]} and {key} contradict each other: expected one of them")
            found[term] = str(key), weight
            data.weights[str(key)] += 1
    values = {term: weight for term, (_, weight) in found.items()}
    frame = values.pop("frame", 1.0)
    for term, weight in values.items():
        if frame and not np.any(weight):
            data.unused[f"{term} of weight 0"] += 1
    return frame, LabelWeights(**values)


def _term(key: str) -> str | None:
    """What an entry of this name is the weight of: frame, energy, force, stress; None: it is no weight."""
    if _FRAME.fullmatch(key):
        return "frame"
    match = _LABEL.fullmatch(key)
    return _TERMS[(match[1] or match[2])[0].lower()] if match else None


def _number(key: str, value: object, origin: str, atoms: int) -> float | np.ndarray:
    """A weight ≥ 0: one number, or for forces also one per atom, (atoms,)."""
    array = np.asarray(value)
    if array.dtype.kind in "iuf" and array.shape in ((), (1,), (atoms,)) and np.all(np.isfinite(array) & (array >= 0)):
        return float(array.item()) if array.size == 1 else array.astype(float)
    raise DataError(f"{origin}: {key} is {str(value)[:40]!r}, expected a number ≥ 0")


# -- by group -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GroupWeights:
    """Factors for the frames of a group: one for the frames, and one for each kind of label."""

    frame: float = 1.0
    energy: float = 1.0
    force: float = 1.0
    stress: float = 1.0


def weighted(frames: Sequence[Frame], by_group: Mapping[str, GroupWeights]) -> list[Frame]:
    """Frames with the weights that they have times those of their groups; without those of which nothing is left.

    Keys of `by_group` are names of groups or patterns like "bulk_*"; a name goes before a pattern, and the first
    pattern before the next one.
    """
    chosen = {group: by_group.get(group) or _first(group, by_group) for group in {frame.group for frame in frames}}
    made = (_times(frame, factors) if (factors := chosen[frame.group]) else frame for frame in frames)
    return [frame for frame in made if frame is not None]


def check_groups(groups: Set[str], by_group: Mapping[str, GroupWeights]) -> None:
    """Raises DataError for a name or a pattern that is that of no group."""
    for name in by_group:
        if not any(group == name or fnmatchcase(group, name) for group in groups):
            raise DataError(
                f"data.weights: there is no group {name} in the training data, only {', '.join(sorted(groups))}"
            )


def _first(group: str, by_group: Mapping[str, GroupWeights]) -> GroupWeights | None:
    return next((weights for name, weights in by_group.items() if fnmatchcase(group, name)), None)


def _times(frame: Frame, by: GroupWeights) -> Frame | None:
    """The frame with weights multiplied; labels of weight 0 are not known any more. None: it does not count."""
    if by.frame == 0:
        return None
    own = frame.label_weights
    weights = LabelWeights(own.energy * by.energy, own.force * by.force, own.stress * by.stress)
    energy = frame.energy if by.energy else np.nan
    forces = frame.forces if by.force else np.full_like(frame.forces, np.nan)
    stress = frame.stress if by.stress else None
    if np.isnan(energy) and np.isnan(forces).all() and stress is None:
        return None
    made = replace(frame, energy=energy, forces=forces, stress=stress)
    return replace(made, weight=frame.weight * by.frame, label_weights=weights)


@dataclass
class Share:
    """What a group counts: range of the weights of its frames (without those of labels), and the parts that its
    energies, forces and stresses have in the sums over all groups; None: none are known."""

    frames: int
    atoms: int
    weights: tuple[float, float]
    energy: float | None
    force: float | None
    stress: float | None


def shares(frames: Sequence[Frame]) -> dict[str, Share]:
    """How much each group counts."""
    weights = np.array([_total_weights(frame) for frame in frames])  # (frames, 3)
    parts = np.divide(weights, weights.sum(0), out=np.full_like(weights, np.nan), where=weights.sum(0) > 0)
    groups = np.array([frame.group for frame in frames])
    result = {}
    for group in sorted(set(groups.tolist())):
        here = np.flatnonzero(groups == group)
        own = [frames[n].weight for n in here]
        known = [None if w == 0 else float(p) for w, p in zip(weights[here].sum(0), parts[here].sum(0), strict=True)]
        result[group] = Share(len(here), sum(len(frames[n].atoms) for n in here), (min(own), max(own)), *known)
    return result


def _total_weights(frame: Frame) -> tuple[float, float, float]:
    """Sums over the known energies, force components and stress components of a frame."""
    u = frame.label_weights
    forces = np.where(np.isnan(frame.forces), 0.0, np.reshape(u.force, (-1, 1)))
    stress = 0 if frame.stress is None else int(np.isfinite(frame.stress).sum())
    terms = 0.0 if np.isnan(frame.energy) else u.energy, float(forces.sum()), stress * u.stress
    return tuple(frame.weight * term for term in terms)
