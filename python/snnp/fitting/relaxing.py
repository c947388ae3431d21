"""Many small cells brought to rest together, by the engine: atoms and cells, at zero pressure.

Each cell goes its own way by L-BFGS (Liu and Nocedal, Math. Program. 45, 503 (1989)), with steps of limited length in
place of a search along lines, in the coordinates of Tadmor et al. (Phys. Rev. B 59, 235 (1999)): positions before the
cell was deformed, and the deformation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from snnp import _core
from snnp.data.neighbors import element_indices, full_list

_MEMORY = 8  # earlier steps of L-BFGS
_FIRST = 0.015  # Å²/eV: where there are none, a step is this times the force,
_LONGEST = 0.15  # Å, and no atom moves further in one
_MARGIN = 0.7  # Å, of lists beyond the cutoff
_RISE = 1e-3  # eV/atom: a cell whose energy rises by more forgets earlier steps


@dataclass
class State:
    """Where cells are. energies: eV/atom, (cells,). residues: the largest force of each, that on the vectors of the
    cell by atom included, eV/Å, (cells,). Both are infinite where neither can be had: too many neighbours.
    """

    cells: list[Atoms]
    energies: np.ndarray
    residues: np.ndarray


def relax(
    engine: _core.Engine, cells: Sequence[Atoms], steps: int, threads: int, volumes: tuple[np.ndarray, np.ndarray]
) -> State:
    """The cells after so many steps. A cell that would leave these lowest and highest volumes of an atom, Å³, each
    (cells,), stays where it is; one that would come to have too many neighbours does, too, and has no energy any more.
    """
    x = _Coordinates(cells, engine)
    g, energies = x.evaluate(engine, threads)
    memory = _Memory(x)
    moving = np.isfinite(energies)
    for _ in range(steps):
        step = memory.step(g)
        step[~moving[x.owner]] = 0
        before = x.values.copy()
        x.values = x.values + step
        size = x.volumes()
        out = moving & ~((size > volumes[0]) & (size < volumes[1]))
        moving &= ~out
        x.values[out[x.owner]] = before[out[x.owner]]
        after, found = x.evaluate(engine, threads)
        if not np.isfinite(found).all():
            lost = moving & ~np.isfinite(found)
            moving &= ~lost
            x.values[lost[x.owner]] = before[lost[x.owner]]
            after[lost[x.owner]], found[lost] = g[lost[x.owner]], energies[lost]
        memory.add(x.values - before, after - g, found > energies + _RISE)
        g, energies = after, found
    residues = np.where(np.isfinite(energies), x.largest(g), np.inf)
    return State(x.cells(), energies, residues)


class _Coordinates:
    """Of all cells in one array `values`, (rows, 3): three rows for each cell's deformation, times its number of
    atoms, then positions. owner: of each row, (rows,).
    """

    def __init__(self, cells: Sequence[Atoms], engine: _core.Engine):
        self._begun = cells
        self._vectors = np.array([atoms.cell.array for atoms in cells])
        self._volumes = np.abs(np.linalg.det(self._vectors))
        self._lists = _Lists(cells, engine)
        self.counts = np.array([len(atoms) for atoms in cells])
        self._deformed = 3 * len(cells)
        self._of_atom = np.repeat(np.arange(len(cells)), self.counts)
        self.owner = np.r_[np.repeat(np.arange(len(cells)), 3), self._of_atom]
        deformations = (np.eye(3) * self.counts[:, None, None]).reshape(-1, 3)
        self.values = np.vstack([deformations, *(atoms.positions for atoms in cells)])
        self._ends = np.r_[0, np.cumsum(self.counts)]

    def _deformations(self) -> np.ndarray:
        return self.values[: self._deformed].reshape(-1, 3, 3) / self.counts[:, None, None]

    def volumes(self) -> np.ndarray:
        """Of an atom, (cells,)."""
        return self._volumes / self.counts * np.linalg.det(self._deformations())

    def cells(self) -> list[Atoms]:
        """As they are."""
        F = self._deformations()
        positions = np.einsum("nj,nij->ni", self.values[self._deformed :], F[self._of_atom])
        parts = zip(self._begun, F, np.split(positions, self._ends[1:-1]), strict=True)
        return [Atoms(a.numbers, p, cell=a.cell.array @ f.T, pbc=True) for a, f, p in parts]

    def evaluate(self, engine: _core.Engine, threads: int) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives of the energies by `values`, eV/Å, and energies, eV/atom; infinite where there are none."""
        F = self._deformations()
        positions = np.einsum("nj,nij->ni", self.values[self._deformed :], F[self._of_atom])
        out = engine.evaluate(self._lists.of(positions, self._vectors @ F.swapaxes(1, 2)), threads)
        energies = np.bincount(self._of_atom, out["energies"], len(F)) / self.counts
        energies[self._lists.failed] = np.inf
        W = np.zeros((len(F), 3, 3))
        np.add.at(W, self._of_atom, out["virials"])
        by_deformation = -(W @ np.linalg.inv(F).swapaxes(1, 2)) / self.counts[:, None, None]
        by_position = -np.einsum("ni,nij->nj", out["forces"], F[self._of_atom])
        return np.vstack([by_deformation.reshape(-1, 3), by_position]), energies

    def largest(self, rows: np.ndarray) -> np.ndarray:
        """The longest row of each cell, (cells,)."""
        found = np.zeros(len(self.counts))
        np.maximum.at(found, self.owner, np.linalg.norm(rows, axis=1))
        return found

    def dot(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Products of rows, summed for each cell, (cells,)."""
        return np.bincount(self.owner, np.einsum("ri,ri->r", a, b), len(self.counts))


class _Lists:
    """Neighbour lists of cells that change little: pairs a little beyond the cutoff are kept, and found again when a
    pair further away may have come within it.
    """

    def __init__(self, cells: Sequence[Atoms], engine: _core.Engine):
        self._cells, self._cutoff = cells, engine.cutoff
        symbols = [element.name for element in engine.potential.elements]
        self._kinds = np.concatenate([element_indices(atoms, symbols) for atoms in cells])
        self._owner = np.repeat(np.arange(len(cells)), [len(atoms) for atoms in cells])
        self._first = np.searchsorted(self._owner, np.arange(len(cells)))
        self._pairs: list[tuple] = [()] * len(cells)
        self._known = None  # positions and vectors of cells when their pairs were found
        self.failed = np.zeros(len(cells), bool)
        """Cells with too many neighbours; they are treated as without any."""

    def of(self, positions: np.ndarray, vectors: np.ndarray) -> _core.Structures:
        """positions: of all atoms, (atoms, 3), and vectors of all cells, (cells, 3, 3), Å."""
        changed = self._changed(positions, vectors)
        for n in changed:
            self._pairs[n] = self._find(n, positions[self._owner == n], vectors[n])
        if len(changed):
            self._i, self._j = (np.concatenate([pairs[k] for pairs in self._pairs]) for k in range(2))
        across = [shifts @ own for (_, _, shifts), own in zip(self._pairs, vectors, strict=True)]
        d = positions[self._j] - positions[self._i] + np.concatenate(across)
        near = np.flatnonzero(np.einsum("pi,pi->p", d, d) < self._cutoff**2)
        offsets = np.searchsorted(self._i[near], np.arange(len(positions) + 1))
        return _core.Structures(offsets, self._j[near], d[near], self._kinds, self._owner, len(self._cells))

    def _changed(self, positions: np.ndarray, vectors: np.ndarray) -> np.ndarray:
        """Numbers of the cells whose pairs have to be found again."""
        if self._known is None:
            self._known = positions.copy(), vectors.copy()
            return np.arange(len(self._cells))
        # As if the cell's deformation had taken all atoms along: what they have moved beyond that.
        before, old = self._known
        change = np.linalg.inv(old) @ vectors
        moved = np.linalg.norm(positions - np.einsum("ni,nij->nj", before, change[self._owner]), axis=1)
        most = np.maximum.reduceat(moved, self._first)
        shrunk = np.linalg.svd(change, compute_uv=False)[:, -1]
        far = np.flatnonzero((self._cutoff + _MARGIN) * shrunk - 2 * most < self._cutoff)
        before[np.isin(self._owner, far)] = positions[np.isin(self._owner, far)]
        old[far] = vectors[far]
        return far

    def _find(self, n: int, positions: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Both atoms of each pair, and by which vectors of the cell they are apart beside their positions."""
        atoms = Atoms(self._cells[n].numbers, positions, cell=vectors, pbc=True)
        try:
            i, j, d = full_list(atoms, self._cutoff + _MARGIN)
        except _core.Error:
            i, j, d = np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros((0, 3))
            self.failed[n] = True
        shifts = np.rint((d - positions[j] + positions[i]) @ np.linalg.inv(vectors))
        first = np.int32(self._first[n])
        return i + first, j + first, shifts


class _Memory:
    """Earlier steps and changes of the gradient, and the step that follows from them."""

    def __init__(self, x: _Coordinates):
        self._x, self._kept = x, []
        self._size = np.full(len(x.counts), _FIRST)

    def step(self, g: np.ndarray) -> np.ndarray:
        """The next one of all cells, (rows, 3)."""
        x, d, factors = self._x, -g, []
        for s, y, rho in reversed(self._kept):
            a = rho * x.dot(s, d)
            factors.append(a)
            d = d - a[x.owner, None] * y
        d = d * self._size[x.owner, None]
        for (s, y, rho), a in zip(self._kept, reversed(factors), strict=True):
            d = d + (a - rho * x.dot(y, d))[x.owner, None] * s
        uphill = x.dot(d, g) >= 0
        d = np.where(uphill[x.owner, None], -_FIRST * g, d)
        return d * np.minimum(1, _LONGEST / np.maximum(x.largest(d), 1e-300))[x.owner, None]

    def add(self, s: np.ndarray, y: np.ndarray, forget: np.ndarray) -> None:
        """A step, and how the gradient changed by it. forget: the cells that are to forget all of them."""
        x = self._x
        sy, yy = x.dot(s, y), x.dot(y, y)
        good = (sy > 1e-10) & ~forget
        rho = np.where(good, 1 / np.where(good, sy, 1), 0)
        self._size = np.where(good, sy / np.where(good, yy, 1), np.where(forget, _FIRST, self._size))
        self._kept = [(a, b, np.where(forget, 0, r)) for a, b, r in self._kept[1 - _MEMORY :]] + [(s, y, rho)]
