"""What a configuration leaves open about the model, chosen from the data."""

from collections.abc import Sequence

from snnp.data import DataError, Frame
from snnp.data.distances import survey
from snnp.kinds import ModelSection, kind_of
from snnp.models.shape import Shape


def choose(
    model: ModelSection, frames: Sequence[Frame], elements: Sequence[str]
) -> tuple[ModelSection, Shape, list[str]]:
    """The section `model` with what it leaves open chosen from the data, the shape, and remarks on what is not shown.

    Raises DataError if no atoms of two elements come closer than the cutoff.
    """
    kind, distances = kind_of(model), survey(frames, elements)
    given, model = model, kind.complete(model, distances)
    shape = kind.shape(model, distances)
    key, cutoff = min(kind.cutoffs(model).items(), key=lambda item: item[1])
    for (a, b), first in zip(shape.unordered, distances.first_knots(), strict=True):
        if first >= 0.9 * cutoff:
            chosen = "" if getattr(given, key) else ", chosen from the distances in these few structures,"
            raise DataError(
                f"model.{key} of {cutoff} Å{chosen} is too short: {elements[a]} and {elements[b]} come no closer than "
                f"{first:.2f} Å"
            )
    return model, shape, kind.remarks(model, distances)
