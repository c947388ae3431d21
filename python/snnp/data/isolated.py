"""Atoms without neighbours, whose energy is that of their element."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from snnp.data.frames import Frame
from snnp.data.neighbors import full_list

# What groups of such frames are called; else an atom that is farther from all others, Å, may be meant.
_NAMES = re.compile(r"(?:isolated|free|single)[ _-]?atoms?", re.IGNORECASE)
_FAR = 5.0
_SAME = 1e-3  # eV: energies that differ by less are one


@dataclass
class IsolatedAtoms:
    """Energies of isolated atoms by element, eV; frames that are none after all; what the user should know."""

    energies: dict[str, float] = field(default_factory=dict)
    others: list[Frame] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def set_aside(frames: Iterable[Frame]) -> tuple[list[Frame], list[Frame]]:
    """Frames that may be isolated atoms, and all others.

    The first have one atom with a known energy, and are called isolated or have nothing within 5 Å: they are to be kept
    out of training and validation sets until the cutoff of the model is known.
    """
    aside, others = [], []
    for frame in frames:
        alone = len(frame.atoms) == 1 and not np.isnan(frame.energy) and (_is_called_so(frame) or _is_free(frame, _FAR))
        (aside if alone else others).append(frame)
    return aside, others


def isolated_atoms(frames: Sequence[Frame], cutoff: float, given: Mapping[str, float]) -> IsolatedAtoms:
    """What frames that were set aside say about energies of elements.

    cutoff: of the model, Å; an atom that sees its images within it is none, unless its group is called so. given: the
    energies of the configuration, eV, which go first. Of several energies the lowest is taken.
    """
    found = IsolatedAtoms()
    by_element: dict[str, list[Frame]] = {}
    for frame in frames:
        if not _is_free(frame, cutoff):
            if not _is_called_so(frame):
                found.others.append(frame)
                continue
            found.notes.append(
                f"{frame.origin} is taken for an isolated atom, as its group {frame.group} says, though its images are "
                f"within the cutoff of {cutoff} Å"
            )
        by_element.setdefault(frame.atoms.get_chemical_symbols()[0], []).append(frame)
    for symbol, members in by_element.items():
        lowest, highest = (pick(members, key=lambda frame: frame.energy) for pick in (min, max))
        found.energies[symbol] = lowest.energy
        if abs(given.get(symbol, lowest.energy) - lowest.energy) > _SAME:
            found.notes.append(
                f"model.e0 of {symbol}, {given[symbol]:.6g} eV, is used, not the energy of the isolated atom in the "
                f"data, {lowest.energy:.6g} eV ({lowest.origin})"
            )
        elif highest.energy - lowest.energy > _SAME:
            found.notes.append(
                f"isolated atoms of {symbol} have energies of {lowest.energy:.6g} eV ({lowest.origin}) and "
                f"{highest.energy:.6g} eV ({highest.origin}); the lowest is used"
            )
    return found


def lowest_above(frames: Iterable[Frame], isolated: Mapping[str, float]) -> float:
    """The lowest energy of frames of several atoms above that of isolated atoms, eV/atom; −∞ if none is known.

    isolated: energies of elements, eV.
    """
    found = [
        (frame.energy - sum(isolated[symbol] for symbol in frame.atoms.symbols)) / len(frame.atoms)
        for frame in frames
        if len(frame.atoms) > 1 and np.isfinite(frame.energy) and isolated.keys() >= set(frame.atoms.symbols)
    ]
    return min(found, default=-np.inf)


def unbound(frames: Iterable[Frame], isolated: Mapping[str, float]) -> dict[str, float]:
    """Elements, alone or together as "In P", of which no frame is bound: how far the lowest is above isolated atoms."""
    groups: dict[str, list[Frame]] = {}
    for frame in frames:
        groups.setdefault(" ".join(sorted(set(frame.atoms.symbols))), []).append(frame)
    lowest = {elements: lowest_above(members, isolated) for elements, members in groups.items()}
    return {elements: above for elements, above in lowest.items() if above > 0}


def _is_called_so(frame: Frame) -> bool:
    return _NAMES.fullmatch(frame.group) is not None


def _is_free(frame: Frame, cutoff: float) -> bool:
    return len(full_list(frame.atoms, cutoff)[0]) == 0
