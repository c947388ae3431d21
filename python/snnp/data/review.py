"""What a user should know about data before they are fitted: duplicates and outliers, a sentence for each kind."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from snnp.data.bonds import bond_ratio
from snnp.data.boundaries import wrong_boundaries
from snnp.data.duplicates import Duplicates, find_duplicates
from snnp.data.energy_levels import unit_of_energies
from snnp.data.frames import Frame
from snnp.data.net_forces import has_fixed_atoms, net_forces
from snnp.data.outliers import Outlier, find_outliers
from snnp.data.symmetry import forces_against_symmetry, zeros_against_symmetry

_NAMED = 3  # frames are named at most
_FRAMES_OF_LONE = 200  # for each frame that is the only one of its composition: more of these are usual
_SAMPLE = 60  # frames are enough to tell the unit of length
_SHORT, _LONG = 0.5, 1.5  # distances in Bohr are 1.9 times those in Å

Pairs = Sequence[tuple[Frame, Frame]]


def review(
    sets: Mapping[str, Sequence[Frame]], training: str = "train", duplicates: Duplicates | None = None
) -> list[str]:
    """Sentences about equal frames inside a set and in training and other sets, about equal structures with different
    energies, about forces that symmetry says are zero, or that do not add up to zero, about boundaries, and about
    energies and forces far outside the rest.

    duplicates: those of the sets, if they are known.
    """
    found = duplicates or find_duplicates(sets, training)
    notes = [_inside(name, pairs) for name, pairs in found.inside.items() if pairs]
    notes += _lengths(sets)
    notes += _energies(sets)
    notes += [_alone(name, frames) for name, frames in sets.items() if _lone(frames)]
    notes += [in_both(name, training, pairs) for name, pairs in found.between.items() if pairs]
    if found.contradictions:
        notes.append(_contradictions(found.contradictions))
    for name, frames in sets.items():
        if against := forces_against_symmetry(frames):
            notes.append(_against_symmetry(name, against))
        if zeros := zeros_against_symmetry(frames):
            notes.append(_zeros(name, zeros))
        if net := net_forces(frames):
            notes.append(_net(name, net))
        notes += [f"{name}: {what}" for what in wrong_boundaries(frames)]
        outliers = find_outliers(frames)
        for what in ("energy", "force"):
            here = [outlier for outlier in outliers if outlier.what == what]
            if here:
                notes.append(_outside(name, here))
    return notes


def _lengths(sets: Mapping[str, Sequence[Frame]]) -> list[str]:
    """A sentence for each set whose atoms are so far apart, or so close, that Å can hardly be the unit."""
    notes = []
    for name, frames in sets.items():
        ratio = bond_ratio([frame.atoms for frame in frames[:: max(len(frames) // _SAMPLE, 1)]])
        if ratio is not None and not _SHORT < ratio < _LONG:
            why = "if lengths are not in Å, data.units says so"
            if ratio < _SHORT and all(_are_fractions(frame.atoms.positions) for frame in frames):
                why = "positions from 0 to 1 are fractions of the cell? Expected Å"
            notes.append(f"{name}: neighbours are {ratio:.2g} bond lengths apart: {why}")
    return notes


def _are_fractions(positions: np.ndarray) -> bool:
    return bool(np.abs(positions - 0.5).max(initial=0.0) < 0.6)


def _lone(frames: Sequence[Frame]) -> list[Frame]:
    """Frames each of which is the only one of its composition, if they are few: elsewhere that is usual."""
    first: dict[str, Frame] = {}
    counts: Counter[str] = Counter()
    for frame in frames:
        formula = frame.atoms.symbols.formula.reduce()[0].format("hill")
        first.setdefault(formula, frame)
        counts[formula] += 1
    found = [frame for formula, frame in first.items() if counts[formula] == 1]
    return found if len(found) * _FRAMES_OF_LONE <= len(frames) else []


def _alone(name: str, frames: Sequence[Frame]) -> str:
    found = _lone(frames)
    named = ", ".join(f"{frame.atoms.symbols.formula:hill} in {place(frame)}" for frame in _first(found))
    verb = "is the only frame of its composition" if len(found) == 1 else "are the only frames of their compositions"
    return f"{name}: {named}{_more(found)} {verb}: are the elements right?"


def _energies(sets: Mapping[str, Sequence[Frame]]) -> list[str]:
    """A sentence for each set whose energies are seen to be in another unit."""
    found = {name: unit_of_energies(frames) for name, frames in sets.items()}
    return [
        f"{name}: {what}: if they and forces are in another unit, data.units says so"
        for name, what in found.items()
        if what
    ]


def _inside(name: str, pairs: Pairs) -> str:
    verb = _frames(len(pairs), "repeats", "repeat")
    return f"{name}: {verb} an earlier structure, as it is or rotated ({_equal(pairs)})"


def in_both(name: str, training: str, pairs: Pairs) -> str:
    """A sentence about frames of a set that are in the training set, too."""
    verb = _frames(len(pairs), "is", "are")
    return f"{name}: {verb} in {training}, too ({_equal(pairs)}): errors of these say nothing about new structures"


def _contradictions(pairs: Pairs) -> str:
    largest = max(abs(a.energy - b.energy) / len(a.atoms) for a, b in pairs)
    verb = "has" if len(pairs) == 1 else "have"
    return (
        f"{len(pairs)} frame{'s' if len(pairs) > 1 else ''} {verb} the structure of another one, but an energy that "
        f"differs by up to {largest:.3g} eV/atom ({_equal(pairs)}): two settings of the calculation?"
    )


def _outside(name: str, outliers: Sequence[Outlier]) -> str:
    worst = sorted(outliers, key=lambda outlier: -abs(outlier.value))
    sign = "+" if worst[0].what == "energy" else ""
    named = ", ".join(f"{place(o.frame)}: {o.value:{sign}.3g} {o.unit}" for o in _first(worst)) + _more(worst)
    what = {
        "energy": "an energy far from that of the other frames",
        "force": "forces far beyond those of the other frames",
    }[worst[0].what]
    verb = _frames(len(outliers), "has", "have")
    return f"{name}: {verb} {what} ({named}; 95 % of the frames are within {worst[0].usual:.2g} {worst[0].unit})"


def _against_symmetry(name: str, found: Sequence[tuple[Frame, float]]) -> str:
    worst = sorted(found, key=lambda item: -item[1])
    named = ", ".join(f"{place(frame)}: {force:.3g} eV/Å" for frame, force in _first(worst)) + _more(worst)
    verb = _frames(len(found), "has", "have")
    return (
        f"{name}: {verb} forces that symmetry says are zero ({named}): forces of another structure, or another order?"
    )


def _zeros(name: str, found: Sequence[Frame]) -> str:
    verb = _frames(len(found), "has", "have")
    return (
        f"{name}: {verb} forces of exactly zero where symmetry does not say so ({some_places(found)}): not known? "
        "NaN, or no forces, stand for that"
    )


def _net(name: str, found: Sequence[tuple[Frame, float]]) -> str:
    worst = sorted(found, key=lambda item: -item[1])
    named = ", ".join(f"{place(frame)}: {force:.3g} eV/Å" for frame, force in _first(worst)) + _more(worst)
    verb = _frames(len(found), "has", "have")
    why = "of another structure, not of all atoms, or in an external field?"
    if 2 * sum(has_fixed_atoms(frame) for frame, _ in found) > len(found):
        why = "some are exactly zero, as ASE makes those of fixed atoms; NaN stands for what is not known"
    return f"{name}: {verb} forces that do not add up to zero ({named}): {why}"


def _frames(count: int, one: str, many: str) -> str:
    return f"1 frame {one}" if count == 1 else f"{count} frames {many}"


def _equal(pairs: Pairs) -> str:
    return ", ".join(_pair(place(a), place(b)) for a, b in _first(pairs)) + _more(pairs)


def _pair(a: str, b: str) -> str:
    """ "a.xyz:frame 5 = frame 3" if both are in one file."""
    file, _, number = b.rpartition(":")
    return f"{a} = {number if a.startswith(f'{file}:') else b}"


def place(frame: Frame) -> str:
    """Where a frame comes from, relative to the present folder if it is below it."""
    inside = os.path.relpath(frame.origin)
    return frame.origin if inside.startswith(os.pardir) else inside


def some_places(frames: Sequence[Frame]) -> str:
    """Where the first of some frames come from."""
    return ", ".join(map(place, _first(frames))) + _more(frames)


def _first(items: Sequence) -> Sequence:
    return items[:_NAMED]


def _more(items: Sequence) -> str:
    return ", …" if len(items) > _NAMED else ""
