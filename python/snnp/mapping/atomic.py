"""Atomic energies of structures by a potential, and how certain they are: numbers and extended XYZ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from snnp import _core
from snnp.data import Frame
from snnp.data.neighbors import NeighborLists
from snnp.data.writing import write_extxyz
from snnp.mapping.rigidity import Rigidity

ENERGIES, UNCERTAINTIES = "snnp_energies", "snnp_uncertainties"
"""Names of arrays in extended XYZ, eV."""


@dataclass(frozen=True)
class AtomicEnergies:
    """Of one frame: energies of atoms (n,), eV, and their uncertainties (n,), eV; None: not asked for."""

    frame: Frame
    energies: np.ndarray
    uncertainties: np.ndarray | None


def atomic_energies(
    potential: _core.Potential,
    frames: Sequence[Frame],
    rigidity: Rigidity | None,
    threads: int = 1,
    tick: Callable[[int], None] = lambda n: None,
) -> list[AtomicEnergies]:
    """Energies of all atoms, in the gauge of the potential; with their uncertainties if there is a rigidity.

    tick(1) after each frame. Raises ElementError for an element that the potential does not know.
    """
    engine = _core.Engine(potential)
    lists = NeighborLists([element.name for element in potential.elements], engine.cutoff, keep=False)
    found = []
    for frame in frames:
        structures = lists.of(frame.atoms)
        energies = engine.evaluate(structures, threads)["energies"]
        found.append(AtomicEnergies(frame, energies, rigidity(structures) if rigidity else None))
        tick(1)
    return found


def write_atomic(path: Path, found: Sequence[AtomicEnergies]) -> None:
    """Writes the frames with arrays `snnp_energies` and `snnp_uncertainties` to a new file of extended XYZ.

    Raises DataError if it is there already.
    """
    frames = []
    for one in found:
        atoms = one.frame.atoms.copy()
        atoms.arrays[ENERGIES] = one.energies
        if one.uncertainties is not None:
            atoms.arrays[UNCERTAINTIES] = one.uncertainties
        frames.append(replace(one.frame, atoms=atoms))
    write_extxyz(path, frames)
