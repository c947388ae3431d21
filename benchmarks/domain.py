"""How many atoms are flagged as outside the training data: of held-out frames, and of what no data set has."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from snnp import _core
from snnp.data.neighbors import structures
from snnp.models.domain import Domain
from snnp.validation.prototypes import build
from snnp.validation.states import packing, supercell

EVERY = 10  # of the frames of a set without test frames are held out
SHAKEN = 0.03  # displacements, by the cube root of the volume of an atom
EXPANDED = (1.5, 2.0, 4.0, 8.0)  # volumes of crystals by that at rest
GAS, CLOSEST = 2.0, 0.75  # volume of a random packing by that of the crystal; distances by the shortest there


def flagged(potential: Path, train: Sequence[Atoms], held_out: Sequence[Atoms], crystal: Atoms) -> dict:
    """Shares of atoms that are flagged: without and with the energies by numbers of neighbours.

    train: frames that the domain is noted from. crystal: at rest.
    """
    p = _core.read_potential(str(potential))
    domain = Domain(p)
    for batch in _batches(p, train):
        domain.add(batch, 1)
    domain.note()
    engine = _core.Engine(p)
    sets = {"held out": held_out, **_absurd(crystal)}
    return {name: _shares(p, engine, frames) for name, frames in sets.items()}


def _shares(p: _core.Potential, engine: _core.Engine, frames: Sequence[Atoms]) -> dict[str, float]:
    ways = np.concatenate([engine.evaluate(batch, 1)["outside"] for batch in _batches(p, frames)]).astype(int)
    return {"before": float(np.mean(ways % 4 > 0)), "now": float(np.mean(ways > 0))}


def _batches(p: _core.Potential, frames: Iterable[Atoms]):
    elements, cutoff = [e.name for e in p.elements], p.cutoff()
    for atoms in frames:
        yield structures([atoms], elements, cutoff)


def _absurd(crystal: Atoms) -> dict[str, list[Atoms]]:
    """Crystals that have grown, one that is crushed, and atoms at random."""
    cell, rng = supercell(crystal), np.random.default_rng(0)
    found = {f"{volume:g} V0": [_shaken(cell, volume)] for volume in (0.6, *EXPANDED)}
    gas = _shaken(cell, GAS)
    shortest = np.sort(cell.get_all_distances(mic=True), axis=1)[:, 1].min()
    gas.set_scaled_positions(packing(rng, gas.cell.array, len(gas), CLOSEST * shortest))
    return {**found, "random": [gas]}


def _shaken(cell: Atoms, volume: float) -> Atoms:
    atoms = cell.copy()
    atoms.set_cell(atoms.cell * volume ** (1 / 3), scale_atoms=True)
    atoms.rattle(SHAKEN * (atoms.get_volume() / len(atoms)) ** (1 / 3), seed=1)
    return atoms


def divided(path: Path) -> tuple[list[Atoms], list[Atoms]]:
    """Frames of a file, and those that are held out."""
    frames = ase.io.read(path, ":")
    return [atoms for n, atoms in enumerate(frames) if n % EVERY], frames[::EVERY]


def crystal(kind: str, elements: str, *lengths: float) -> Atoms:
    """A crystal by its prototype, elements such as "InP" and lattice constants, Å."""
    return build(kind, Atoms(elements).symbols.formula.count(), *lengths)
