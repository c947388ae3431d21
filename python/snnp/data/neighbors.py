"""Neighbour lists of ASE structures, as the engine takes them."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from threading import RLock

import numpy as np
from ase import Atoms
from vesin import NeighborList

from snnp import _core
from snnp.data.limits import search_cutoff

# vesin has locks of its own. A process that forks holds this one meanwhile: else a child could inherit those from a
# thread that it does not have, and would wait for ever.
_in_vesin = RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_in_vesin.acquire, after_in_parent=_in_vesin.release, after_in_child=_in_vesin.release)


class ElementError(ValueError):
    """A structure holds an element that the potential does not know."""


def element_indices(atoms: Atoms, elements: Sequence[str]) -> np.ndarray:
    """The index of each atom's element in `elements`, shape (n_atoms,); raises ElementError for one that is missing."""
    symbols = atoms.get_chemical_symbols()
    unknown = sorted(set(symbols) - set(elements))
    if unknown:
        raise ElementError(f"element {unknown[0]} is not among those of the potential ({' '.join(elements)})")
    index = {symbol: i for i, symbol in enumerate(elements)}
    return np.array([index[s] for s in symbols], dtype=np.int32)


def full_list(atoms: Atoms, cutoff: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All pairs of atoms closer than `cutoff` (Å), periodic images included, sorted by the first atom.

    Returns i and j, shape (n_pairs,), and r_j − r_i, shape (n_pairs, 3), Å. Raises snnp.Error for a structure that
    cannot be meant, see `limits`.
    """
    search = search_cutoff(atoms, cutoff)
    # One thread: the order of pairs, and with it every sum over them, is always the same.
    calculator = NeighborList(cutoff=search, full_list=True, sorted=True, n_threads=1)
    with _in_vesin:
        i, j, vectors = calculator.compute(atoms.positions, atoms.cell.array, atoms.pbc, quantities="ijD")
    if search > cutoff:
        near = np.linalg.norm(vectors, axis=1) < cutoff
        i, j, vectors = i[near], j[near], vectors[near]
    return i.astype(np.int32), j.astype(np.int32), vectors


def structures(batch: Sequence[Atoms], elements: Sequence[str], cutoff: float) -> _core.Structures:
    """The engine's view of several structures with all neighbours within `cutoff` (Å)."""
    offsets, indices, vectors, kinds, owner = [np.zeros(1, dtype=np.int64)], [], [], [], []
    atoms_before = pairs_before = 0
    for s, atoms in enumerate(batch):
        i, j, d = full_list(atoms, cutoff)
        counts = np.bincount(i, minlength=len(atoms))
        offsets.append(pairs_before + np.cumsum(counts))
        indices.append(j + atoms_before)
        vectors.append(d)
        kinds.append(element_indices(atoms, elements))
        owner.append(np.full(len(atoms), s))
        atoms_before += len(atoms)
        pairs_before += len(i)
    return _core.Structures(*map(np.concatenate, (offsets, indices, vectors, kinds, owner)), len(batch))


@dataclass(frozen=True, slots=True)
class Unlisted:
    """What the neighbour list of a structure is built from, each time it is asked for."""

    atoms: Atoms
    elements: list[str]
    cutoff: float

    def unpacked(self) -> _core.Structures:
        """The structure with its list, as of `_core.Packed`."""
        return structures([self.atoms], self.elements, self.cutoff)

    def packed(self, made: _core.Structures) -> _core.Packed:
        """The same with its list, `made` before, in little memory."""
        cell = self.atoms.cell.array
        return _core.Packed(made, self.atoms.positions, cell, np.linalg.pinv(cell))


class NeighborLists:
    """Neighbour lists of frames within one cutoff (Å), each built when it is first asked for.

    keep: whether they stay in memory, packed, so that none is built twice; a fit that reads its data as a stream does
    not keep them. room: bytes that they may take; when it is used up, others are built each time.
    """

    def __init__(self, elements: Sequence[str], cutoff: float, keep: bool, room: float = math.inf):
        self.elements, self.cutoff, self.room = list(elements), cutoff, room
        self._left = room if keep else 0.0
        self._kept: dict[int, tuple[Atoms, _core.Packed]] = {}

    def of(self, atoms: Atoms) -> _core.Structures:
        """The list of one structure."""
        if id(atoms) in self._kept:
            return self._kept[id(atoms)][1].unpacked()
        made = self._unlisted(atoms).unpacked()
        if self._left > 0:
            packed = self._unlisted(atoms).packed(made)
            self._left -= packed.nbytes
            if self._left >= 0:
                self._kept[id(atoms)] = atoms, packed  # the structure, too, so that no other one gets its number
        return made

    def source(self, atoms: Atoms) -> _core.Packed | Unlisted:
        """Where the list of a structure, which was asked for, comes from next time."""
        return self._kept[id(atoms)][1] if id(atoms) in self._kept else self._unlisted(atoms)

    def each(self, batch: Sequence[Atoms]) -> "ListsOfEach":
        """Those of some structures."""
        return ListsOfEach(self, batch)

    def _unlisted(self, atoms: Atoms) -> Unlisted:
        return Unlisted(atoms, self.elements, self.cutoff)


class ListsOfEach(Sequence):
    """Neighbour lists of structures, each made when it is asked for: in memory is only what is kept anyway."""

    def __init__(self, lists: NeighborLists, batch: Sequence[Atoms]):
        self._lists, self._batch = lists, batch

    def __len__(self) -> int:
        return len(self._batch)

    def __getitem__(self, n: int) -> _core.Structures:
        return self._lists.of(self._batch[n])
