"""Frames that are a crystal with displaced atoms, as thermal ones, and what their forces say of its force constants.

At each wave vector q that fits into the cells of frames, a linear regression: F(q) = −D(q) u(q), with a Hermitian D
(Born and Huang, Dynamical Theory of Crystal Lattices, 1954, section 24).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from snnp.data import Frame
from snnp.validation.series import Series

# Root mean square of displacements, by the cube root of the volume of an atom: crystals melt at 0.1.
_MOST = 0.06
_FRAMES = 1000  # are looked at
# Strain up to which force constants are those of the crystal: some per cent of its volume.
_STRAIN = 0.01
_ALIKE = 0.1  # turns that differ by less bring the same cells together
# Wave vectors have components that are multiples of 1 / this: those of cells of 2, 3, 4 and 6 primitive ones.
GRID = 12
# What displacements have by a mode: at least this part of the largest one, and so much, Å; else it is not displaced.
_LEAST, _SMALLEST = 1e-2, 1e-4

# A wave vector, in parts of the reciprocal vectors / GRID.
Wave = tuple[int, int, int]


@dataclass(frozen=True)
class Displaced:
    """A frame of n atoms as a crystal, turned as that is, in whose primitive cells are repeats, the cell, (3, 3), and
    places, where the primitive cell of each atom is, (n, 3). sites: which atom of it, (n,). u, F: displacements and
    forces, (n, 3), Å and eV/Å.
    """

    frame: Frame
    repeats: np.ndarray
    places: np.ndarray
    sites: np.ndarray
    u: np.ndarray
    F: np.ndarray


def displaced(series: Series, frames: Iterable[Frame]) -> list[Displaced]:
    """Those frames that are one with a small strain and small displacements. They are turned as any of those that are
    known to be this crystal, or as tables have it."""
    turns = [np.eye(3)]
    for sample in series.samples:
        left, _, right = np.linalg.svd(sample.match.gradient)
        relative = [turn.T @ left @ right for turn in turns]
        if not any(np.abs(series.symmetry.rotations - one).max(axis=(1, 2)).min() < _ALIKE for one in relative):
            turns.append(left @ right)
    able = [frame for frame in frames if _may_be(series, frame)]
    some = able[:: len(able) // _FRAMES + 1]
    found = (next(filter(None, (_displaced(series, frame, turn) for turn in turns)), None) for frame in some)
    return [one for one in found if one is not None]


def _may_be(series: Series, frame: Frame) -> bool:
    """Whether it is periodic, with energy and forces, and has the composition of the crystal."""
    own, found = series.atoms.numbers, frame.atoms.numbers
    copies, rest = divmod(len(found), len(own))
    if rest or not frame.atoms.pbc.all() or sorted(found) != sorted(np.tile(own, copies)):
        return False
    return bool(np.isfinite(frame.energy) and np.isfinite(frame.forces).all())


def _displaced(series: Series, frame: Frame, turn: np.ndarray) -> Displaced | None:
    """turn: r = turn · R. None: the frame is no such one."""
    atoms, cell = series.atoms, series.atoms.cell.array
    back = np.linalg.inv(cell)
    repeats = np.rint(frame.atoms.cell.array @ turn @ back)
    copies = len(frame.atoms) // len(atoms)
    if round(abs(np.linalg.det(repeats))) != copies:
        return None
    gradient = np.linalg.solve(repeats @ cell, frame.atoms.cell.array)  # rows: r = R · gradient
    if np.abs(gradient @ gradient.T - np.eye(3)).max() > 2 * _STRAIN:
        return None
    scaled, numbers = frame.atoms.positions @ np.linalg.inv(gradient) @ back, frame.atoms.numbers
    wrong = np.where(numbers[:, None] == atoms.numbers, 0, np.inf)
    for anchor in np.flatnonzero(atoms.numbers == numbers[0]):
        origin = scaled[0] - atoms.get_scaled_positions()[anchor]
        for _ in range(2):  # the first atom is displaced, too
            off = (scaled - origin)[:, None] - atoms.get_scaled_positions()
            distances = np.linalg.norm((off - np.rint(off)) @ cell, axis=2) + wrong
            sites = distances.argmin(axis=1)
            off = off[np.arange(len(sites)), sites]
            places = np.rint(off)
            u = (off - places) @ cell
            origin = origin + u.mean(axis=0) @ back
        u = u - u.mean(axis=0)
        inside = np.rint(places @ np.linalg.inv(repeats) % 1 * copies).astype(int) % copies
        filled = len(np.unique(np.c_[sites, inside], axis=0)) == len(sites)
        if filled and np.sqrt((u**2).sum() / len(u)) < _MOST * series.volume ** (1 / 3):
            F = (frame.forces - frame.forces.mean(axis=0)) @ gradient.T
            return Displaced(frame, repeats, places, sites, u, F)
    return None


def softest_waves(series: Series, frames: Sequence[Displaced]) -> Iterator[tuple[float, float, float, Wave]]:
    """By wave vectors, each for all equivalent ones: the lowest eigenvalue of D, its standard error and the largest of
    their sizes, eV/Å²."""
    pairs, chosen = defaultdict(list), _of_each_star(series)
    for one in frames:
        for q, u, F in _waves(series, one, np.array(list(chosen))):
            pairs[q].append((u, F))
    for q, found in pairs.items():
        yield *_softest(*np.array(found).transpose(1, 2, 0), chosen[q]), q


def _of_each_star(series: Series) -> dict[Wave, int]:
    """Of equivalent wave vectors one, and how many operations of the crystal leave it as it is."""
    turns = _of_lattice(series).swapaxes(1, 2)
    grid = np.array(list(np.ndindex(*[GRID] * 3)))
    number = (grid @ turns % GRID) @ [GRID**2, GRID, 1]
    own = np.arange(len(grid))
    first, kept = number.min(axis=0) == own, (number == own).sum(axis=0)
    return {tuple(q): int(n) for q, n in zip(grid[first].tolist(), kept[first], strict=True)}


def _of_lattice(series: Series) -> np.ndarray:
    """The operations of the crystal on rows of primitive cells, (m, 3, 3)."""
    cell = series.atoms.cell.array
    return np.rint(cell @ series.symmetry.rotations.swapaxes(1, 2) @ np.linalg.inv(cell)).astype(int)


def _waves(series: Series, one: Displaced, chosen: np.ndarray) -> Iterator[tuple[Wave, np.ndarray, np.ndarray]]:
    """Displacements and forces of the n sublattices, (3n,), at those of the q that fit into the cell, as each operation
    of the crystal has them."""
    scaled, size = series.atoms.get_scaled_positions(), (len(series.atoms) / len(one.sites)) ** 0.5
    operations = zip(series.symmetry.rotations, series.symmetry.images, _of_lattice(series), strict=True)
    for rotation, images, move in operations:
        sites = images[one.sites]
        off = (one.places + scaled[one.sites]) @ move - scaled[sites]
        places = np.rint(off - off[0])
        fitting = chosen[(one.repeats @ move @ chosen.T % GRID == 0).all(axis=0)]
        phases = size * np.exp(-2j * np.pi / GRID * fitting @ places.T)
        both = np.array([one.u, one.F]) @ rotation.T
        sums = np.zeros((2, len(fitting), len(scaled), 3), complex)
        for site in range(len(scaled)):
            here = sites == site
            sums[:, :, site] = phases[:, here] @ both[:, here]
        for q, u, F in zip(fitting.tolist(), *sums.reshape(2, len(fitting), -1), strict=True):
            yield tuple(q), u, F


def _softest(u: np.ndarray, F: np.ndarray, alike: int) -> tuple[float, float, float]:
    """Of columns (3n, m) of u and F, of which so many are alike by symmetry: see `softest_waves`. The error is infinite
    if nothing tells it."""
    basis, sizes, rows = np.linalg.svd(u, full_matrices=False)
    moved = sizes > max(_LEAST * sizes[0], _SMALLEST)
    basis, sizes, rows = basis[:, moved], sizes[moved], rows[moved]
    if not len(sizes):
        return 0.0, 0.0, 0.0
    F = basis.conj().T @ F
    D = -F @ rows.conj().T / sizes
    left = F + D @ (sizes[:, None] * rows)
    values, vectors = np.linalg.eigh((D + D.conj().T) / 2)
    along = vectors[:, 0]
    known = left.shape[1] - alike * len(left)
    if known <= 0:  # as many numbers as there are forces: any forces have some D
        return float(values[0]), np.inf, float(np.abs(values).max())
    noise = np.linalg.norm(along.conj() @ left) * (alike / known) ** 0.5
    return float(values[0]), float(noise * np.linalg.norm(along / sizes)), float(np.abs(values).max())
