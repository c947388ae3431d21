"""What a configuration leaves open about the model, chosen from the data."""

from collections.abc import Sequence
from typing import NamedTuple

from snnp.data import DataError, Frame
from snnp.data.distances import Distances, survey
from snnp.kinds import Kind, ModelSection, kind_of
from snnp.models.shape import Shape


class Choice(NamedTuple):
    """The section `model` with nothing left open, the shape, and remarks on what the data do not show."""

    model: ModelSection
    shape: Shape
    remarks: list[str]


def choose(model: ModelSection, frames: Sequence[Frame], elements: Sequence[str]) -> Choice:
    """What the section `model` leaves open, chosen from the distances in the data.

    Raises DataError if no atoms of two elements come closer than the cutoff.
    """
    kind, distances = kind_of(model), survey(frames, elements)
    return _choice(kind, model, kind.complete(model, distances), distances)


def alternatives(model: ModelSection, frames: Sequence[Frame], elements: Sequence[str], effort: str) -> list[Choice]:
    """What `choose` finds, and what takes more time and may be more accurate; effort: that of the section training."""
    kind, distances = kind_of(model), survey(frames, elements)
    return [_choice(kind, model, full, distances) for full in kind.alternatives(model, distances, effort)]


def _choice(kind: Kind, given: ModelSection, model: ModelSection, distances: Distances) -> Choice:
    elements, shape = distances.elements, kind.shape(model, distances)
    key, cutoff = min(kind.cutoffs(model).items(), key=lambda item: item[1])
    for (a, b), first in zip(shape.unordered, distances.first_knots(), strict=True):
        if first >= 0.9 * cutoff:
            chosen = "" if getattr(given, key) else ", chosen from the distances in these few structures,"
            raise DataError(
                f"model.{key} of {cutoff} Å{chosen} is too short: {elements[a]} and {elements[b]} come no closer than "
                f"{first:.2f} Å"
            )
    return Choice(model, shape, kind.remarks(model, distances))
