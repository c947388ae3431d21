"""Atomic energies in a fit: where they are known, and what the data leave open about them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from snnp import console
from snnp.config import ConfigError, FitConfig
from snnp.data import Frame, read
from snnp.data.neighbors import NeighborLists
from snnp.data.review import place
from snnp.fitting.sets import Sets
from snnp.mapping.degeneracy import Sight, find_degeneracies
from snnp.mapping.environments import Descriptors, Reach
from snnp.mapping.invariant import InvariantPoint, find_invariant_points
from snnp.mapping.monitor import Monitor
from snnp.models.shape import Shape
from snnp.validation.naming import formula, prototype
from snnp.validation.prototypes import parse_crystal

_NOTES = 3  # on what is open


def monitor_points(
    factor: float | None,
    sets: Sets,
    named: Sequence[Frame],
    shape: Shape,
    lists: NeighborLists,
    threads: int,
    log: console.Log,
) -> tuple[Sets, Monitor]:
    """The sets of a fit, in which energies of invariant points count `factor` times, and what watches the points.

    factor: of `loss.invariant_points`; None: all counts as it is. named: see `named_points`. Raises ConfigError if one
    of these is no invariant point.
    """
    frames = [frame for name in ("train", "validation") for frame in sets.get(name, [])]
    descriptors = Descriptors(shape.elements, _reach(shape), threads)
    with log.progress("invariant points", len(frames) + len(named), "frames") as tick:
        points = find_invariant_points([*frames, *named], descriptors, lists, tick)
    found = {id(point.frame) for point in points}
    if wrong := next((frame for frame in named if id(frame) not in found), None):
        raise ConfigError(
            f"invariant_points: in {place(wrong)} atoms of an element differ in their surroundings or forces, or "
            "the energy is not known: expected structures in which all atoms of an element are alike"
        )
    # What is given is told, and watched, apart from what the data show: they may not agree.
    given = {id(frame) for frame in named}
    points = [replace(p, name=f"{p.name}, given") if id(p.frame) in given else p for p in points]
    sets = _weighted(factor, sets, points, named, log)
    monitor = Monitor(points, lists, threads)
    _say(points, monitor, log)
    return sets, monitor


def _reach(shape: Shape) -> Reach:
    """As far as the model sees."""
    angles = [knots[-1] for knots in shape.radial_knots]
    return Reach(shape.cutoff, float(max(angles, default=shape.cutoff)))


def named_points(config: FitConfig, elements: Sequence[str]) -> list[Frame]:
    """The structures and crystals of the configuration; raises ConfigError or DataError if they make no sense."""
    section = config.invariant_points
    frames = read(section.structures, config.data.reading()).frames if section.structures else []
    for frame in frames:
        if strange := set(frame.atoms.symbols) - set(elements):
            raise ConfigError(f"invariant_points: {place(frame)} has {min(strange)}, which is not in the training data")
    for text, energy in section.crystals.items():
        try:
            atoms = parse_crystal(text, list(elements))
        except ValueError as error:
            raise ConfigError(f"invariant_points.crystals: {error}") from error
        n = len(atoms)
        name = f"{prototype(atoms)} {formula(atoms)}"
        frames.append(
            Frame(atoms, n * energy, np.full((n, 3), np.nan), None, name, f"invariant_points.crystals: {text}")
        )
    return frames


def _weighted(
    factor: float | None, sets: Sets, points: Sequence[InvariantPoint], named: Sequence[Frame], log: console.Log
) -> Sets:
    """Energies of points in the training set count `factor` times as much; those that are named join the set."""
    if factor is None:
        return sets
    inside = {id(point.frame) for point in points}
    train = [_heavier(frame, factor) if id(frame) in inside else frame for frame in [*sets["train"], *named]]
    count = sum(id(frame) in inside for frame in [*sets["train"], *named])
    log.print(
        f"loss.invariant_points: the energies of {count} invariant points of the training set count {factor:g} times"
    )
    return {**sets, "train": train}


def _heavier(frame: Frame, factor: float) -> Frame:
    weights = replace(frame.label_weights, energy=factor * frame.label_weights.energy)
    return replace(frame, label_weights=weights)


def say_what_is_open(frames: Sequence[Frame], shape: Shape, threads: int, log: console.Log) -> None:
    """Notes on what training frames leave open about atomic energies, for a model of this shape."""
    sentences = find_degeneracies(frames, threads, Sight(shape.elements, _reach(shape), shape.shortest)).sentences
    for sentence in sentences[:_NOTES]:
        log.print(f"note: atomic energies: {sentence}")
    if len(sentences) > _NOTES:
        log.print(f"note: atomic energies: {len(sentences) - _NOTES} more of the kind are shown by snnp data")


def _say(points: Sequence[InvariantPoint], monitor: Monitor, log: console.Log) -> None:
    if not points:
        log.print(
            "invariant points: there are none, so nothing tells whether energies are split rightly among atoms; "
            "expected a few perfect crystals in the data, or invariant_points (docs/atomic-energies.md)"
        )
        return
    names = list(dict.fromkeys(point.name for point in monitor.points))
    counts = {name: sum(point.name == name for point in points) for name in names}
    some = ", ".join(f"{name} ({counts[name]})" for name in names[:6]) + (", …" if len(names) > 6 else "")
    log.print(f"invariant points, whose atomic energies are known: {len(points)} structures: {some}")
