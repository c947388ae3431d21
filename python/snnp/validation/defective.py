"""Labelled structures that are a crystal but for a surface or a vacancy: which crystal, which surface."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce

from snnp.data.layers import layer_gaps
from snnp.validation.symmetry import Symmetry, symmetry_data

# Lengths of the cell may differ from those of the crystal at zero pressure by this part, and the cosine of angles.
_STRAINED = 0.03
# Atoms are this near to sites of the crystal, by the cube root of the volume of an atom.
_NEAR = 0.3
_LONGEST = 20.0  # Å: of vectors of a cell, along which it is compared with the crystal
_MOST_TRIES = 2000


@dataclass(frozen=True)
class Slab:
    """A slab cut from a crystal. indices: Miller's, as in `miller`; area: of one side, Å²."""

    indices: tuple[int, int, int]
    area: float


def as_slab(atoms: Atoms, crystal: Atoms) -> Slab | None:
    """The slab of a crystal that a structure is, with vacuum along one vector of its cell; None: it is none."""
    if not _composed_alike(atoms, crystal):
        return None
    normal, middle = _vacuum(atoms)
    if normal is None:
        return None
    along = np.arange(3) != normal
    plane = minkowski_reduce(atoms.cell.array, pbc=along)[0][along]
    across = np.cross(*plane)
    heights = (atoms.positions - atoms.positions[middle]) @ across / np.linalg.norm(across)
    inside = np.abs(_folded(heights, atoms, normal)) < np.ptp(_folded(heights, atoms, normal)) / 3
    for own in _alike(plane, crystal):
        normal_own = np.cross(*own)
        basis = np.vstack([own, normal_own / np.linalg.norm(normal_own)])
        found = np.vstack([plane, across / np.linalg.norm(across)])
        if _on_sites(atoms, middle, np.linalg.solve(found, basis), crystal, inside):
            return Slab(miller(normal_own, crystal), float(np.linalg.norm(across)))
    return None


def is_vacancy(atoms: Atoms, crystal: Atoms) -> bool:
    """Whether a structure is a cell of a crystal in which one atom is missing."""
    cell = minkowski_reduce(atoms.cell.array)[0]
    sites = round(atoms.get_volume() / crystal.get_volume() * len(crystal))
    if len(set(crystal.numbers)) > 1 or set(atoms.numbers) != set(crystal.numbers) or len(atoms) != sites - 1:
        return False
    for own in _alike(cell[:2], crystal):
        normal, own_normal = np.cross(*cell[:2]), np.cross(*own)
        found = np.vstack([cell[:2], normal / np.linalg.norm(normal)])
        turn = np.linalg.solve(found, np.vstack([own, own_normal / np.linalg.norm(own_normal)]))
        third = cell[2] @ turn @ np.linalg.inv(crystal.cell.array)
        if np.abs(third - third.round()).max() > 0.1:
            continue
        turn = np.linalg.solve(cell, np.vstack([own, third.round() @ crystal.cell.array]))
        if _on_sites(atoms, 0, turn, crystal, np.ones(len(atoms), bool)):
            return True
    return False


def _composed_alike(atoms: Atoms, crystal: Atoms) -> bool:
    counts = (np.bincount(a.numbers, minlength=120) / len(a) for a in (atoms, crystal))
    return bool(np.allclose(*counts))


def _vacuum(atoms: Atoms) -> tuple[int | None, int]:
    """Along which vector of the cell there is the widest gap between atoms, and the atom in the middle of the slab."""
    gaps, places = layer_gaps(atoms)
    normal = int(gaps.max(axis=0).argmax())
    if gaps[:, normal].max() < 4.0:  # Å; between layers of a crystal it is less
        return None, 0
    end = places[gaps[:, normal].argmax(), normal]
    inside = (atoms.get_scaled_positions()[:, normal] - end - 1e-9) % 1  # from the far side of the vacuum on
    return normal, int(np.abs(inside - (inside.min() + inside.max()) / 2).argmin())


def _folded(heights: np.ndarray, atoms: Atoms, normal: int) -> np.ndarray:
    """Heights above the middle, of the nearest images."""
    width = 1 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)[normal]
    return heights - width * np.rint(heights / width)


def _alike(pair: np.ndarray, crystal: Atoms) -> Iterator[np.ndarray]:
    """Pairs of lattice vectors of the crystal, (2, 3), with about the lengths and the angle of a pair."""
    lengths = np.linalg.norm(pair, axis=1)
    if lengths.max() > _LONGEST:
        return
    lattice = minkowski_reduce(crystal.cell.array)[0]
    most = np.ceil(lengths.max() * 1.1 * np.linalg.norm(np.linalg.inv(lattice), axis=0)).astype(int)
    steps = np.stack(np.meshgrid(*[np.arange(-n, n + 1) for n in most], indexing="ij"), axis=-1).reshape(-1, 3)
    vectors = steps @ lattice
    sizes = np.linalg.norm(vectors, axis=1)
    first, second = (vectors[np.abs(sizes / length - 1) < _STRAINED] for length in lengths)
    off = np.abs(first @ second.T / lengths.prod() - pair[0] @ pair[1] / lengths.prod())
    good = np.argwhere(off < _STRAINED)
    order = np.argsort(off[tuple(good.T)].round(4), kind="stable")[:_MOST_TRIES]
    for i, j in good[order]:
        yield np.array([first[i], second[j]])


def _on_sites(atoms: Atoms, origin: int, turn: np.ndarray, crystal: Atoms, which: np.ndarray) -> bool:
    """Whether atoms are near sites of the crystal, once `turn` (3, 3) brings them to its frame."""
    length = (crystal.get_volume() / len(crystal)) ** (1 / 3)
    apart = atoms.positions[which] - atoms.positions[origin]
    apart = apart - np.rint(apart @ np.linalg.inv(atoms.cell.array)) @ atoms.cell.array
    inverse = np.linalg.inv(crystal.cell.array)
    for anchor in np.flatnonzero(crystal.numbers == atoms.numbers[origin]):
        places = apart @ turn + crystal.positions[anchor]
        off = (places[:, None] - crystal.positions[None]) @ inverse
        off = np.linalg.norm((off - np.rint(off)) @ crystal.cell.array, axis=-1)
        off += np.where(atoms.numbers[which][:, None] == crystal.numbers[None], 0, np.inf)
        if (off.min(axis=1) < _NEAR * length).all():
            return True
    return False


def miller(normal: np.ndarray, crystal: Atoms) -> tuple[int, int, int]:
    """The indices, in the conventional cell, of planes with this normal (3,), of any unit.

    Of all that the symmetry makes equivalent those without negative numbers, if there are such, with the largest first.
    """
    symmetry = Symmetry.of(crystal)
    conventional = symmetry_data(crystal).std_lattice
    found = set()
    for rotation in symmetry.rotations:
        indices = conventional @ (rotation @ normal)
        indices = indices / np.abs(indices).max()
        for factor in range(1, 13):
            whole = np.rint(indices * factor)
            if np.abs(indices * factor - whole).max() < 0.02 * factor:
                found.add(tuple(int(n) for n in whole // np.gcd.reduce(whole.astype(int))))
                break
    return max(found, key=lambda indices: (min(indices) >= 0, indices))
