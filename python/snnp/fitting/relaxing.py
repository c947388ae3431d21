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
from snnp.data.neighbors import element_indices

_MEMORY = 8  # earlier steps of L-BFGS
_FIRST = 0.015  # Å²/eV: where there are none, a step is this times the force,
_LONGEST = 0.15  # Å, and no atom moves further in one
_MOST = 20_000  # neighbours of an atom
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
    engine: _core.Engine,
    cells: Sequence[Atoms],
    steps: int,
    threads: int,
    volumes: tuple[np.ndarray, np.ndarray],
    rigid: np.ndarray | None = None,
) -> State:
    """The cells after so many steps. A cell that would leave these lowest and highest volumes of an atom, Å³, each
    (cells,), stays where it is; one that would come to have too many neighbours does, too, and has no energy any more.

    rigid: cells of which only the atoms move, (cells,); no residues are known of these.
    """
    x = _Coordinates(cells, engine, rigid)
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
    residues[x.rigid] = np.nan
    return State(x.cells(), energies, residues)


class _Coordinates:
    """Of all cells in one array `values`, (rows, 3): three rows for each cell's deformation, times its number of
    atoms, then positions. owner: of each row, (rows,). rigid: cells that keep their deformation, (cells,).
    """

    def __init__(self, cells: Sequence[Atoms], engine: _core.Engine, rigid: np.ndarray | None):
        self._begun = cells
        self.rigid = np.zeros(len(cells), bool) if rigid is None else rigid
        self._vectors = np.array([atoms.cell.array for atoms in cells])
        self._volumes = np.abs(np.linalg.det(self._vectors))
        symbols = [element.name for element in engine.potential.elements]
        self._kinds = np.concatenate([element_indices(atoms, symbols) for atoms in cells])
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
        vectors = self._vectors @ F.swapaxes(1, 2)
        cells, failed = _core.Structures.of_cells(positions, vectors, self._kinds, self._of_atom, engine.cutoff, _MOST)
        out = engine.evaluate(cells, threads)
        energies = np.bincount(self._of_atom, out["energies"], len(F)) / self.counts
        energies[failed] = np.inf
        W = np.zeros((len(F), 3, 3))
        np.add.at(W, self._of_atom, out["virials"])
        W[self.rigid] = 0
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
