"""What is done about labels that contradict the others, before a fit uses them: as given, found, or found earlier."""

from collections.abc import Sequence
from dataclasses import dataclass

from snnp import console
from snnp.config import FitConfig
from snnp.data import Frame
from snnp.data.batch import Weights
from snnp.data.energy_offsets import AUTO, KEEP, LEFT_OUT, Offsets, given_offsets, with_offsets
from snnp.data.neighbors import NeighborLists
from snnp.data.sources import named, source
from snnp.data.stress import Conventions, given_conventions, settings, with_conventions
from snnp.fitting import energies_and_forces, energy_shifts, label_checks
from snnp.fitting.energies_and_forces import contradictions
from snnp.fitting.energy_shifts import EnergyShift, find_shifts
from snnp.fitting.label_checks import StressCheck
from snnp.fitting.sets import Sets, say_what_counts, with_robust_weights
from snnp.kinds import KINDS, kind_of
from snnp.kinds.choose import choose
from snnp.models.shape import Shape


@dataclass
class Settled:
    """Frames by set as the fit uses them; decisions: `energy_offsets` and `stress_convention` of the section `data`."""

    sets: Sets
    decisions: dict


def settle(
    config: FitConfig,
    shape: Shape,
    e0: Sequence[float | None],
    sets: Sets,
    lists: NeighborLists,
    threads: int,
    log: console.Log,
    saved: dict | None,
) -> Settled:
    """Energies, weights and stresses with everything decided; notes and the table of what counts go to the log.

    e0: energies of isolated atoms where they are known, eV. saved: the checkpoint of an interrupted fit, whose
    decisions are kept; None: there is none.
    """
    contradicted = saved is None and _contradicted(config, shape, sets, lists, threads, log)
    offsets = _energy_offsets(config, shape, sets, lists, threads, log, saved)
    sets = {name: with_offsets(frames, offsets) for name, frames in sets.items()}
    if config.loss.robust:
        sets = with_robust_weights(sets, log)
    conventions = _stress_conventions(config, shape, e0, sets, lists, threads, log, saved, contradicted)
    for name in sets:
        sets[name], notes = with_conventions(sets[name], conventions)
        for note in notes:
            log.print(f"note: {note}")
    say_what_counts(sets["train"], log)
    return Settled(sets, {"energy_offsets": offsets, "stress_convention": settings(conventions)})


def _contradicted(config: FitConfig, shape: Shape, sets: Sets, lists: NeighborLists, threads: int, log) -> bool:
    """Whether energies and forces of the training data contradict each other, which is said."""
    sampled = energies_and_forces.sample(sets["train"])
    if not sampled or not config.loss.energy:
        return False
    shape, lists = _explaining(config, shape, sets, lists)
    with log.progress("energies and forces", len(sampled), "frames") as tick:
        every = [*sets["train"], *sets.get("validation", [])]
        found = contradictions(sampled, every, shape, lists, threads, tick)
    for what in found:
        log.print(f"warning: {what}")
    return bool(found)


def _energy_offsets(
    config: FitConfig, shape: Shape, sets: Sets, lists: NeighborLists, threads: int, log: console.Log, saved
) -> Offsets:
    """What is done with the energies of each group: as given, as found, or as an interrupted fit had found."""
    if saved is not None:
        return saved["energy_offsets"]
    every = config.data.energy_offsets
    given = given_offsets(every, [frame for frames in sets.values() for frame in frames])
    asked = [f for name in ("train", "validation") for f in sets.get(name, []) if _is_open(f, given)]
    sampled = energy_shifts.sample(asked)
    found = []
    if config.loss.energy and sampled:
        shape, lists = _explaining(config, shape, sets, lists)
        with log.progress("offsets of energies", len(sampled), "frames") as tick:
            found = find_shifts(sampled, shape, lists, threads, tick)
    decided: dict[tuple[str, str], float | str] = {source(frame): KEEP for frame in asked} if sampled else {}
    for shift in found:
        auto = any(given.get(named(f, given)) == AUTO for f in asked if source(f) in shift.sources)
        decided |= dict.fromkeys(shift.sources, round(shift.offset, 6) if auto else LEFT_OUT)
        log.print(f"note: {sentence(shift, auto)}")
    return {**_by_group(decided), **{name: what for name, what in given.items() if what != AUTO}}


def _is_open(frame: Frame, given: Offsets) -> bool:
    """Whether what is done with the energy of a frame depends on what is found."""
    return given.get(named(frame, given), AUTO) == AUTO


def sentence(shift: EnergyShift, auto: bool = False) -> str:
    """A sentence about a shift and what a fit does; auto: it is subtracted."""
    if auto:
        return f"{shift}: this is subtracted, as data.energy_offsets says"
    return (
        f"{shift}: a fit leaves them out and uses the forces and stresses; data.energy_offsets by group or file says "
        f"otherwise (auto: the offset is subtracted; keep: they are used as they are)"
    )


def _by_group(decided: dict[tuple[str, str], float | str]) -> Offsets:
    """One entry for a group with the same decision in all files."""
    result: Offsets = {}
    for group in dict.fromkeys(group for _, group in decided):
        here = {f"{file}:{group}": what for (file, other), what in decided.items() if other == group}
        result |= here if len(set(here.values())) > 1 else {group: next(iter(here.values()))}
    return result


def _explaining(config: FitConfig, shape: Shape, sets: Sets, lists: NeighborLists) -> tuple[Shape, NeighborLists]:
    """Shape and neighbour lists of a model that describes energies, forces and stresses well enough to judge them."""
    if kind_of(config.model).explains_stress:
        return shape, lists
    shape = choose(KINDS["snnp"].config(zbl=config.model.zbl), sets["train"], shape.elements).shape
    return shape, NeighborLists(shape.elements, shape.cutoff, keep=False)


def _stress_conventions(
    config: FitConfig, shape: Shape, e0, sets: Sets, lists: NeighborLists, threads: int, log, saved, contradicted: bool
) -> Conventions:
    """How stress labels are meant by group, as given, as found, or as an interrupted fit had found.

    contradicted: energies and forces, which would judge stresses, contradict each other.
    """
    every = [frame for frames in sets.values() for frame in frames]
    if saved is not None:
        return given_conventions(saved["stress_convention"], None, every)
    given = given_conventions(config.data.stress_convention, config.data.shear_order, every)
    asked = [frame for frame in every if named(frame, given) is None]
    if contradicted or config.loss.stress == 0 or not label_checks.sample(asked):
        return given
    shape, lists = _explaining(config, shape, sets, lists)
    validation = sets.get("validation", [])
    weights = Weights(config.loss.energy, force=config.loss.force)
    check = StressCheck(shape, e0, lists, sets["train"], validation, asked, weights, threads)
    with log.progress("convention of stresses", check.total, "frames") as tick:
        found = check.conventions(tick)
    for note in found.notes:
        log.print(f"note: {note}")
    return {**found.conventions, **given}
