"""A fit that attacks itself: random cells may not come to rest below the ground states of the data.

What data do not show is an extrapolation, and may be far below the ground state. While a network is trained, small
random cells are relaxed with the potential of the moment. Where one is below the ground state of its composition, its
energy has a bound from then on, and steps of the training raise it where it is too low. No calculation of its energy
is needed: whatever it is, it is not below the ground state.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from snnp import _core
from snnp.data.neighbors import NeighborLists
from snnp.fitting.demands import Rhythm
from snnp.fitting.grounds import Ground
from snnp.fitting.loss import SHORTFALL, Batch, Loss, join, make_batch
from snnp.fitting.prepare import prepare
from snnp.fitting.relaxing import relax
from snnp.random_cells import random_cell

# Cells that are on their way at a time; steps of relaxation in a search, and of a cell at most. One is at rest, if its
# largest force is less than this, eV/Å.
_CELLS, _STEPS, _MOST_STEPS, _AT_REST = 80, 40, 300, 0.03
# Of the cells that begin, in so many only the atoms move in the first search: they find dense cells, which would have
# expanded else.
_RIGID = 0.5
# Of the usual volume of an atom: a cell that would leave these stays there.
_VOLUMES = (0.2, 3.0)
# A cell is too low if it is so far below, eV/atom.
_BELOW = 0.005
# What a bound adds to the loss by which the best weights are chosen, which is 1 for the linear model, if the energy is
# too low by all that counts.
_WEIGHT = 0.3
# Bounds count that were less than this below the energy of their cell, eV/atom, at the last search.
_NEAR = 0.1
# At most so many bounds: the latest ones. So many are raised in a step, and so many tell the loss.
_MOST, _RAISED, _SOME = 2000, 2, 200


class Bounds:
    """A `Demand`: random cells on their way to rest, and bounds of the energies of those that were found too low.

    grounds: of the data. loss: of the model that is trained. atoms: mean number of a step of the training.
    """

    part = 0.05  # with 0.25, errors of In-P were 3 to 10 % larger
    lasting = False

    def __init__(self, grounds: Sequence[Ground], loss: Loss, seed: int, atoms: float):
        self._grounds, self._loss, self._seed = list(grounds), loss, seed
        self._rhythm = Rhythm(atoms)
        self._lists = NeighborLists(loss.model.shape.elements, loss.model.shape.cutoff, keep=False)
        self._cells: list[_Cell] = []  # on their way
        self._bounds: list[_Cell] = []
        self._batches: list[Batch] = []  # of each bound
        self._near = np.arange(0)  # numbers of the bounds that count
        self.relaxed = self.below = 0
        """Cells that are no longer on their way, and how many of them were too low."""

    def is_due(self, step: int) -> bool:
        """See `Demand`."""
        return bool(self._grounds) and self._rhythm.is_due(step)

    def search(self, step: int) -> None:
        """See `Demand`; relaxes cells a little."""
        engine = _core.Engine(self._loss.model.potential(""))
        self._fill(np.random.default_rng([self._seed, step]))
        usual = np.array([self._grounds[cell.ground].volume for cell in self._cells])
        cells, limits = [cell.atoms for cell in self._cells], tuple(factor * usual for factor in _VOLUMES)
        rigid = np.array([cell.is_rigid for cell in self._cells])
        found = relax(engine, cells, _STEPS, self._loss.threads, limits, rigid)
        moved = [_Cell(a, c.ground, c.steps + _STEPS) for c, a in zip(self._cells, found.cells, strict=True)]
        least = np.array([self._grounds[cell.ground].energy for cell in moved])
        short, resting = found.energies < least - _BELOW, found.residues < _AT_REST
        done = resting | np.array([cell.steps >= _MOST_STEPS for cell in moved]) | ~np.isfinite(found.energies)
        self._add([moved[n] for n in np.flatnonzero(short)])
        self._rhythm.searched(step, bool(short.any()))
        self._cells = [moved[n] for n in np.flatnonzero(~done)]
        self.relaxed, self.below = self.relaxed + int(done.sum()), self.below + int((short & done).sum())
        self._look(engine)

    def _fill(self, rng: np.random.Generator) -> None:
        """New cells in place of those that are no longer on their way."""
        shares = np.array([ground.share for ground in self._grounds])
        for n in rng.choice(len(self._grounds), _CELLS - len(self._cells), p=shares / shares.sum()):
            ground = self._grounds[n]
            cell = random_cell(rng, ground.formula, ground.volume, ground.shortest)
            self._cells.append(_Cell(cell, int(n), is_rigid=rng.random() < _RIGID))

    def _add(self, cells: Sequence["_Cell"]) -> None:
        weight = _WEIGHT * (self._loss.unit / SHORTFALL) ** 2 / self._loss.weights.energy
        frames = [self._grounds[cell.ground].frame(cell.atoms, weight) for cell in cells]
        known = prepare(frames, self._loss.model.shape, self._lists, self._loss.threads) if frames else []
        self._batches += [make_batch([labelled], bounds=True) for labelled in known]
        self._bounds += cells
        self._bounds, self._batches = self._bounds[-_MOST:], self._batches[-_MOST:]

    def _look(self, engine: _core.Engine) -> None:
        """Which bounds count until the next search."""
        if not self._bounds:
            return
        structures = [batch.structures for batch in self._batches]
        out = engine.evaluate(_core.Structures.concatenate(structures), self._loss.threads)
        counts = np.array([len(one) for one in structures])
        energies = np.add.reduceat(out["energies"], np.cumsum(counts) - counts) / counts
        least = np.array([self._grounds[cell.ground].energy for cell in self._bounds])
        self._near = np.flatnonzero(energies < least + _NEAR)

    def backward(self, step: int) -> float:
        """See `Demand`; of some of the bounds that count."""
        if not len(self._near):
            return 0.0
        rng = np.random.default_rng([self._seed, step, 1])
        some = rng.choice(self._near, min(_RAISED, len(self._near)), replace=False)
        return self._loss.backward(join([self._batches[n] for n in some]))

    def loss(self) -> float:
        """See `Demand`; the mean of some of them."""
        some = self._batches[:: len(self._batches) // _SOME + 1]
        return self._loss.of_sums(self._loss.sums(some))[0] if some else 0.0

    def __str__(self) -> str:
        bounds = ", ".join(f"{g.formula} {g.energy:.3f}" for g in self._grounds if not g.is_mixture)
        if not bounds:
            return "bounds: no frame of the data is a ground state of which small cells can be"
        return (
            f"bounds: during the training, {self.below} of {self.relaxed} random cells came to rest too low, and were "
            f"raised; the lowest energies allowed, eV/atom: {bounds}"
        )

    def state(self) -> dict:
        """See `Demand`."""
        return {
            "cells": _packed(self._cells),
            "bounds": _packed(self._bounds),
            "near": self._near,
            "rhythm": self._rhythm.state(),
            "counts": [self.relaxed, self.below],
        }

    def restore(self, state: dict) -> None:
        """See `Demand`."""
        self._cells, bounds = _unpacked(state["cells"]), _unpacked(state["bounds"])
        self._bounds, self._batches = [], []
        self._add(bounds)
        self._near = np.asarray(state["near"])
        self._rhythm.restore(state["rhythm"])
        self.relaxed, self.below = state["counts"]


@dataclass(frozen=True)
class _Cell:
    """ground: the number of the one that it is of. steps: of its relaxation. is_rigid: whether only atoms move next."""

    atoms: Atoms
    ground: int
    steps: int = 0
    is_rigid: bool = False


def _packed(cells: Sequence[_Cell]) -> dict[str, np.ndarray]:
    """All cells in few arrays."""
    return {
        "cells": np.array([(len(c.atoms), c.ground, c.steps, c.is_rigid) for c in cells], int).reshape(-1, 4),
        "vectors": np.array([cell.atoms.cell.array for cell in cells]).reshape(-1, 3, 3),
        "numbers": np.concatenate([np.zeros(0, int), *(cell.atoms.numbers for cell in cells)]),
        "positions": np.vstack([np.zeros((0, 3)), *(cell.atoms.positions for cell in cells)]),
    }


def _unpacked(arrays: dict[str, np.ndarray]) -> list[_Cell]:
    cells, end = [], 0
    for (count, ground, steps, rigid), vectors in zip(arrays["cells"], arrays["vectors"], strict=True):
        here = slice(end, end := end + count)
        atoms = Atoms(arrays["numbers"][here], arrays["positions"][here], cell=vectors, pbc=True)
        cells.append(_Cell(atoms, int(ground), int(steps), bool(rigid)))
    return cells
