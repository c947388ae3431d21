"""Weights of structures and labels: from the entries of a structure, and by group from the configuration."""

import re

import numpy as np
from ase import Atoms

from snnp.data.frames import DataError, Dataset, LabelWeights

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
