"""Frames whose forces do not go with those of the others, as a linear model tells that is fitted to these."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snnp.data.review import some_places
from snnp.data.unit_factors import FORCES, units_near
from snnp.fitting.force_model import ForceModel

# Predictions are worse than zeros would be, and point elsewhere. In published data so are those of rare structures; but
# a model that is fitted to these alone leaves at most 0.7 of them, and 0.85 to 1 of forces that follow from nothing.
_WORSE, _ELSEWHERE, _CONTRADICTORY = 0.9, 0.6, 0.8
_UNUSUAL = 3.0  # times the median error of frames
_FREE = 0.5  # unknowns for each component: more of them, and anything could be fitted
# Predictions that point as forces do and are larger or smaller by one factor, which is that of several frames.
_PARALLEL, _RIGHT, _ALIKE, _MOST_OF_THEM = 0.9, (0.6, 1.6), 0.1, 0.6
# So many, and such a part of all, where the factor is not so large or so small that no model would make it.
_SEVERAL, _MANY, _PART, _UNMISTAKABLE = 3, 6, 0.1, 10.0
_SURE = 0.1  # eV/Å, root mean square of forces or of predictions: smaller ones may be noise
_NEARLY_ALL = 0.8  # then all are in question
_PAIR = 2  # atoms, whose forces have one direction only


@dataclass(frozen=True)
class Strange:
    """Numbers of frames, and what is wrong with them, as the end of a sentence."""

    members: np.ndarray
    what: str


def find_strange(model: ForceModel) -> list[Strange]:
    """Frames whose forces are multiples of those that follow from the others, if these are more than half, and those
    that follow from nothing."""
    many, components = model.atoms > _PAIR, 3 * model.atoms
    moving = many & (np.maximum(model.squares, model.predicted) > components * _SURE**2)
    errors = np.sqrt(model.left / components)
    wrong = many & (model.sizes > _SURE) & (errors > np.maximum(_WORSE * model.sizes, _UNUSUAL * np.median(errors)))
    size = np.sqrt(np.maximum(model.squares * model.predicted, 1e-60))
    cosine, factor = model.products / size, model.products / np.maximum(model.predicted, 1e-60)
    parallel = np.abs(cosine) > _PARALLEL
    found = [
        _multiplied(model, np.flatnonzero(moving & parallel & ~((factor > _RIGHT[0]) & (factor < _RIGHT[1]))), factor),
        _unrelated(model, np.flatnonzero(wrong & (cosine < _ELSEWHERE))),
    ]
    return [one for one in found if one]


def _multiplied(model: ForceModel, members: np.ndarray, factors: np.ndarray) -> Strange | None:
    if not len(members):
        return None
    middle = float(np.sort(factors[members])[len(members) // 2])
    alike = members[np.abs(factors[members] - middle) < _ALIKE * abs(middle)]
    usual = 1 / _UNMISTAKABLE < middle < _UNMISTAKABLE
    least = max(_MANY, _PART * len(model.frames)) if usual else _SEVERAL
    few = len(alike) < max(least, _MOST_OF_THEM * len(members))
    if few or 2 * len(alike) >= len(model.frames):
        return None
    return Strange(alike, f"are {middle:.3g} times what those of the others say{_why(middle)}")


def _unrelated(model: ForceModel, members: np.ndarray) -> Strange | None:
    members = members[model.products[members] > -_PARALLEL * np.sqrt(model.squares * model.predicted)[members]]
    if not len(members):
        return None
    left, unknowns = model.left_alone(members)
    if left < _CONTRADICTORY or unknowns > _FREE or len(members) > _NEARLY_ALL * len(model.frames):
        return None
    why = "other axes, another order of atoms, other elements, or another cell?"
    return Strange(members, f"do not follow from their structures as those of the others do ({why})")


def _why(factor: float) -> str:
    """What the factor may come from, in parentheses; "": nothing that is known."""
    if abs(factor + 1) < _ALIKE:
        return " (the sign of gradients?)"
    names = [f"in {unit}" for unit in units_near(FORCES, 1 / factor, 1 + _ALIKE)]
    names += [f"the others in {unit}" for unit in units_near(FORCES, factor, 1 + _ALIKE)]
    return f" ({' or '.join(names)}?)" if names else ""


def sentence(strange: Strange, model: ForceModel) -> str:
    """Which frames are strange."""
    named: Sequence = [model.frames[n] for n in strange.members]
    count, every = len(named), len(model.frames)
    return f"forces of {count} of {every} frames that were looked at ({some_places(named)}) {strange.what}"
