"""Sizes of the models of several systems, which have the same curves over distances in units of their lengths."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from snnp.config import FitConfig
from snnp.data.distances import Distances
from snnp.kinds import ModelSection
from snnp.kinds.base import common_knots
from snnp.kinds.snnp import SnnpConfig
from snnp.models.shape import Shape


def lengths(config: FitConfig, surveys: Mapping[str, Distances]) -> dict[str, float]:
    """By which filters of each system are scaled, Å: as given, or bond lengths; all 1 if they are not scaled."""
    if not config.systems.scale:
        return dict.fromkeys(surveys, 1.0)
    given = {name: system.length for name, system in config.systems.data.items()}
    return {name: round(given[name] or survey.bond_length, 4) for name, survey in surveys.items()}


def reference_length(lengths: Mapping[str, float]) -> float:
    """Of the curves that systems share, Å: the geometric mean."""
    return float(np.exp(np.mean(np.log(list(lengths.values())))))


def completed(
    model: SnnpConfig, surveys: Mapping[str, Distances], lengths: Mapping[str, float], complete
) -> dict[str, ModelSection]:
    """The section `model` of each system with nothing left open: cutoffs are the same in units of lengths.

    They are those at the reference length where they are given, else means over systems, each as its data ask for.
    complete: of `snnp.kinds.snnp.Snnp`.
    """
    alone = {name: complete(model, survey) for name, survey in surveys.items()}
    mean = reference_length(lengths)
    cutoffs = {}
    for key in ("pair_cutoff", "three_body_cutoff"):
        given = getattr(model, key)
        found = [getattr(alone[name], key) / lengths[name] for name in surveys]
        cutoffs[key] = given / mean if given else float(np.mean(found))
    result = {}
    for name, survey in surveys.items():
        own = {key: round(lengths[name] * value, 6) for key, value in cutoffs.items()}
        elements = "shared" if len(survey.elements) > 1 else "separate"
        result[name] = model.model_copy(update={**own, "elements": elements})
    return result


def with_common_knots(
    shapes: Mapping[str, Shape], surveys: Mapping[str, Distances], lengths: Mapping[str, float], model: ModelSection
) -> dict[str, Shape]:
    """The shapes with the same knots in units of lengths: from where the closest pair of any system begins."""
    starts = {name: np.array(surveys[name].first_knots()) / lengths[name] for name in shapes}
    closest = min(min(surveys[name].core_radii()) / lengths[name] for name in shapes)
    mean = float(np.mean(np.concatenate(list(starts.values()))))
    name = next(iter(shapes))
    common = {}
    for key, knots in (("pair_knots", model.pair_knots), ("radial_knots", model.radial_knots)):
        common[key] = common_knots(closest, mean, getattr(shapes[name], key)[0][-1] / lengths[name], knots)
    return {
        name: replace(shape, **{k: [lengths[name] * knots] * shape.n_elements**2 for k, knots in common.items()})
        for name, shape in shapes.items()
    }
