"""A fit that attacks itself: random cells may not come to rest below the ground states of the data.

What data do not show is an extrapolation, and may be far below the ground state. While a network is trained, small
random cells of the compositions of ground states are relaxed with the potential of the moment. Where one is below the
ground state of its composition, the loss has another term from then on: the square of what its energy is too low by,
with a small weight, and none where it is not too low. No calculation of its energy is needed: whatever it is, it is
not below the ground state. Elements whose crystals are not in the data are not below what compounds allow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.formula import Formula

from snnp import _core
from snnp.data import Frame
from snnp.data.batch import Weights
from snnp.data.distances import shortest_distances
from snnp.data.frames import LabelWeights
from snnp.data.neighbors import NeighborLists
from snnp.fitting.ground_states import GroundState, ground_states, has_energy
from snnp.fitting.loss import SHORTFALL, Batch, Loss, make_batch
from snnp.fitting.prepare import prepare
from snnp.fitting.relaxing import relax
from snnp.random_cells import ATOMS, random_cell

# Cells that are on their way at a time; steps of relaxation in a search, and of a cell at most. One is at rest, if its
# largest force is less than this, eV/Å.
_CELLS, _STEPS, _MOST_STEPS, _AT_REST = 80, 40, 300, 0.03
# Atoms that the training has seen between two searches, where each step counts as some more: searches take about a
# tenth of its time then. Times longer after each one that finds nothing, and at most.
_EVERY, _STEP = 50_000, 100
_LONGER, _LONGEST = 1.25, 4.0
# Of the usual volume of an atom: a cell that would leave these stays there.
_VOLUMES = (0.2, 3.0)
# A frame on the hull may be a snapshot of a hot crystal, or a liquid: the ground state is held to be lower by so many
# times what the frame is above its nearest minimum. Then a bound counts from this far below, eV/atom.
_EXCESSES, _BELOW = 3.0, 0.005
# What a bound adds to the loss, which is 1 for the linear model, if the energy is too low by all that counts.
_WEIGHT = 0.3
# Bounds count that were less than this below the energy of their cell, eV/atom, at the last search.
_NEAR = 0.1
# Gaps between layers of atoms, by the shortest distance: larger ones are vacuum.
_VACUUM = 2.7
# At most so many bounds: the latest ones. So many tell the loss.
_MOST, _SOME = 2000, 200


@dataclass(frozen=True)
class Ground:
    """What bounds cells of a composition: energy, eV/atom, and, for random cells, volume of an atom, Å³, and shortest
    distance, Å, of the ground state."""

    formula: str
    energy: float
    volume: float
    shortest: float

    @classmethod
    def of(cls, state: GroundState) -> "Ground | None":
        """None: the frame is no bulk."""
        atoms = state.frame.atoms
        shortest = float(np.nanmin(np.r_[np.inf, shortest_distances([state.frame], sorted(set(atoms.symbols)))]))
        if not _largest_gap(atoms) < _VACUUM * shortest < np.inf:
            return None
        energy = state.frame.energy / len(atoms) - _EXCESSES * state.excess
        formula = atoms.symbols.formula.reduce()[0].format("hill")
        return cls(formula, energy, atoms.get_volume() / len(atoms), shortest)

    def frame(self, atoms: Atoms, weight: float) -> Frame:
        """A cell of this composition with the bound as its energy. weight: of this label."""
        nothing = np.full((len(atoms), 3), np.nan)
        weights = LabelWeights(energy=weight)
        return Frame(atoms, self.energy * len(atoms), nothing, None, "", "", label_weights=weights)


def grounds_of(frames: Sequence[Frame], elements: Sequence[str], weights: Weights) -> list[Ground]:
    """What training data say of compositions of which small cells can be; nothing, if energies have no weight."""
    if not weights.energy:
        return []
    states = ground_states(frames, elements)
    found = [ground for state in states if (ground := Ground.of(state)) and len(Formula(ground.formula)) <= ATOMS[1]]
    guessed = _elements(states, found)
    # Frames that are too few to be ground states may be right.
    few = [ground for one in guessed if (ground := _lowest(frames, one.formula)) and ground.energy < one.energy]
    if few:
        found += few
        guessed = _elements(states, found)
    return found + guessed


def _lowest(frames: Sequence[Frame], symbol: str) -> Ground | None:
    """Of frames of nothing but this element; None: there is none, or it is no bulk."""
    own = [frame for frame in frames if set(frame.atoms.symbols) == {symbol} and has_energy(frame)]
    lowest = min(own, key=lambda frame: frame.energy / len(frame.atoms), default=None)
    return Ground.of(GroundState.of(lowest)) if lowest else None


def _elements(states: Sequence[GroundState], compounds: Sequence[Ground]) -> list[Ground]:
    """Of elements that are in compounds of the data, and have no crystals there.

    A compound does not decay into its elements: their energies add up to that of the compound at least. How this is
    shared among them is what energies of other compositions, as those with defects, say by least squares.
    """
    known = {ground.formula: ground for ground in compounds}
    lacking = sorted({symbol for ground in compounds for symbol in Formula(ground.formula)} - set(known))
    if not lacking:
        return []

    def parts(formula: Formula) -> tuple[np.ndarray, float]:
        """Fractions of the elements that lack, and the energy of the others, eV/atom."""
        count, size = formula.count(), len(formula)
        rest = sum(n * known[symbol].energy for symbol, n in count.items() if symbol in known)
        return np.array([count.get(symbol, 0) for symbol in lacking]) / size, rest / size

    A, rests = zip(*(parts(state.frame.atoms.symbols.formula) for state in states), strict=True)
    energies = np.array([state.frame.energy / len(state.frame.atoms) for state in states])
    found = np.linalg.lstsq(np.array(A), energies - rests, rcond=None)[0]
    own = [(*parts(Formula(ground.formula)), ground.energy) for ground in compounds]
    found += max((energy - rest - a @ found) / a.sum() for a, rest, energy in own if a.any())
    return [_element(symbol, float(energy), compounds) for symbol, energy in zip(lacking, found, strict=True)]


def _element(symbol: str, energy: float, compounds: Sequence[Ground]) -> Ground:
    """Volume and distance are those of a compound, scaled to the radius of the atom."""
    compound = next(ground for ground in compounds if symbol in Formula(ground.formula).count())
    radii = covalent_radii[[atomic_numbers[other] for other in Formula(compound.formula)]]
    scale = covalent_radii[atomic_numbers[symbol]] / radii.mean()
    return Ground(symbol, energy, compound.volume * scale**3, compound.shortest * scale)


def _largest_gap(atoms: Atoms) -> float:
    """Between atoms along the normals of the faces of the cell, Å."""
    widths = 1 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    places = np.sort(atoms.get_scaled_positions(), axis=0)
    return float((np.diff(places, axis=0, append=places[:1] + 1) * widths).max())


class Bounds:
    """Random cells on their way to rest, and bounds of the energies of those that were found too low.

    grounds: of the data. loss: of the model that is trained. atoms: mean number of a step of the training.
    """

    def __init__(self, grounds: Sequence[Ground], loss: Loss, seed: int, atoms: float):
        self._grounds, self._loss, self._seed, self._atoms = list(grounds), loss, seed, atoms
        self._lists = NeighborLists(loss.model.shape.elements, loss.model.shape.cutoff, keep=False)
        self._cells: list[_Cell] = []  # on their way
        self._bounds: list[_Cell] = []
        self._batches: list[Batch] = []  # of each bound
        self._near = np.arange(0)  # numbers of the bounds that count
        self._last = 0  # step of the last search
        self._pause = 1.0  # until the next one, in parts of the shortest
        self.relaxed = self.below = 0
        """Cells that are no longer on their way, and how many of them were too low."""

    def search(self, step: int) -> None:
        """Relaxes cells a little with the model as it is after a step of the training, unless it is too early."""
        if not self._grounds or (step - self._last) * (self._atoms + _STEP) < _EVERY * self._pause:
            return
        self._last = step
        engine = _core.Engine(self._loss.model.potential(""))
        self._fill(np.random.default_rng([self._seed, step]))
        usual = np.array([self._grounds[cell.ground].volume for cell in self._cells])
        cells, limits = [cell.atoms for cell in self._cells], tuple(factor * usual for factor in _VOLUMES)
        found = relax(engine, cells, _STEPS, self._loss.threads, limits)
        moved = [replace(c, atoms=a, steps=c.steps + _STEPS) for c, a in zip(self._cells, found.cells, strict=True)]
        least = np.array([self._grounds[cell.ground].energy for cell in moved])
        short, resting = found.energies < least - _BELOW, ~(found.residues > _AT_REST)
        done = resting | np.array([cell.steps >= _MOST_STEPS for cell in moved]) | ~np.isfinite(found.energies)
        self._add([moved[n] for n in np.flatnonzero(short)])
        self._pause = 1.0 if short.any() else min(self._pause * _LONGER, _LONGEST)
        self._cells = [moved[n] for n in np.flatnonzero(~done)]
        self.relaxed, self.below = self.relaxed + int(done.sum()), self.below + int((short & done).sum())
        self._look(engine)

    def _fill(self, rng: np.random.Generator) -> None:
        """New cells in place of those that are no longer on their way."""
        for n in rng.integers(len(self._grounds), size=_CELLS - len(self._cells)):
            ground = self._grounds[n]
            self._cells.append(_Cell(random_cell(rng, ground.formula, ground.volume, ground.shortest), int(n)))

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

    def some(self, step: int, count: int) -> list[Batch]:
        """At most so many of those that count, for a step of the training."""
        rng = np.random.default_rng([self._seed, step, 1])
        return [self._batches[n] for n in rng.choice(self._near, min(count, len(self._near)), replace=False)]

    def loss(self) -> float:
        """The mean of some of them."""
        some = self._batches[:: len(self._batches) // _SOME + 1]
        return self._loss.of_sums(self._loss.sums(some))[0] if some else 0.0

    def __str__(self) -> str:
        bounds = ", ".join(f"{ground.formula} {ground.energy:.3f}" for ground in self._grounds)
        if not bounds:
            return "bounds: no frame of the data is a ground state of which small cells can be"
        return (
            f"bounds: during the training, {self.below} of {self.relaxed} random cells came to rest too low, and were "
            f"raised; the lowest energies allowed, eV/atom: {bounds}"
        )

    def state(self) -> dict:
        """All that a later `restore` needs."""
        return {
            "cells": _packed(self._cells),
            "bounds": _packed(self._bounds),
            "near": self._near,
            "counts": [self._last, self._pause, self.relaxed, self.below],
        }

    def restore(self, state: dict) -> None:
        """Continues where `state` was taken."""
        self._cells, bounds = _unpacked(state["cells"]), _unpacked(state["bounds"])
        self._bounds, self._batches = [], []
        self._add(bounds)
        self._near = np.asarray(state["near"])
        self._last, self._pause, self.relaxed, self.below = state["counts"]


@dataclass(frozen=True)
class _Cell:
    """ground: the number of the one that it is of. steps: of its relaxation."""

    atoms: Atoms
    ground: int
    steps: int = 0


def _packed(cells: Sequence[_Cell]) -> dict[str, np.ndarray]:
    """All cells in few arrays."""
    return {
        "cells": np.array([(len(cell.atoms), cell.ground, cell.steps) for cell in cells], int).reshape(-1, 3),
        "vectors": np.array([cell.atoms.cell.array for cell in cells]).reshape(-1, 3, 3),
        "numbers": np.concatenate([np.zeros(0, int), *(cell.atoms.numbers for cell in cells)]),
        "positions": np.vstack([np.zeros((0, 3)), *(cell.atoms.positions for cell in cells)]),
    }


def _unpacked(arrays: dict[str, np.ndarray]) -> list[_Cell]:
    cells, end = [], 0
    for (count, ground, steps), vectors in zip(arrays["cells"], arrays["vectors"], strict=True):
        here = slice(end, end := end + count)
        atoms = Atoms(arrays["numbers"][here], arrays["positions"][here], cell=vectors, pbc=True)
        cells.append(_Cell(atoms, int(ground), int(steps)))
    return cells
