"""Crystals that are not periodic, and cells in another unit than positions, as atoms that fill a cell tell."""

from collections.abc import Callable, Sequence

import numpy as np
from ase import Atoms
from ase.units import Bohr

from snnp.data.frames import Frame
from snnp.data.layers import layer_gaps
from snnp.data.neighbors import full_list

_SAMPLE = 60  # frames are looked at
_FEWEST, _MOST_OF_THEM = 3, 0.8  # frames, and the part of those of the kind in question
_ATOMS = 8  # of a frame: few of them fill no cell for sure
_REACH, _NOTHING = 6.0, 1e-3  # Å
# Images of atoms come no closer than atoms do, but for this factor, if they belong to a crystal.
_APART = 0.8
_EMPTY = 0.42  # of a cell that is 1.89 times too long, along all vectors; 0.47 without motion of atoms
_SPREAD = 1.2  # cells, along all vectors, over which positions are spread that are 1.89 times too large


def wrong_boundaries(frames: Sequence[Frame]) -> list[str]:
    """What is wrong, as the end of a sentence: of frames that are not periodic, and of those that are."""
    some = [frame.atoms for frame in frames[:: max(len(frames) // _SAMPLE, 1)]]
    some = [atoms for atoms in some if len(atoms) >= _ATOMS and atoms.cell.rank == 3]
    open_ = [atoms for atoms in some if not atoms.pbc.all()]
    roomy = [atoms for atoms in some if atoms.pbc.all() and _is_empty(atoms)]
    spread = [atoms for atoms in some if atoms.pbc.all() and _is_spread(atoms)]
    found = []
    if _most(_fills_its_cell, open_):
        axes = {axis for atoms in open_ for axis in np.flatnonzero(~atoms.pbc)}
        where = ", ".join("abc"[axis] for axis in sorted(axes))
        found.append(f'not periodic along {where}, though atoms fill the cell there: is it a crystal, pbc="T T T"?')
    if _most(lambda atoms: _fills_its_cell(_changed(atoms, cell=Bohr)), roomy):
        found.append("cells are 1.89 times as long as what atoms fill: cells in Bohr, positions in Å?")
    if _most(lambda atoms: _fits(_changed(atoms, positions=Bohr)) and not _fits(atoms), spread):
        found.append("atoms overlap, and would not in cells 1.89 times as long: positions in Bohr, cells in Å?")
    return found


def _most(is_so: Callable[[Atoms], bool], some: Sequence[Atoms]) -> bool:
    if len(some) < _FEWEST:
        return False
    count = sum(map(is_so, some))
    return count >= max(_FEWEST, _MOST_OF_THEM * len(some))


def _changed(atoms: Atoms, cell: float = 1.0, positions: float = 1.0) -> Atoms:
    changed = atoms.copy()
    changed.set_cell(cell * atoms.cell.array, scale_atoms=False)
    changed.positions *= positions
    return changed


def _is_empty(atoms: Atoms) -> bool:
    """Whether nearly half of the cell is empty along all vectors."""
    return bool((layer_gaps(atoms)[0].max(axis=0) > _EMPTY * _widths(atoms)).all())


def _is_spread(atoms: Atoms) -> bool:
    return bool((_extent(atoms) > _SPREAD).all())


def _fills_its_cell(atoms: Atoms) -> bool:
    """Whether images are as far from atoms as their neighbours are, along all vectors of a periodic cell, or along all
    others; a cell that ends with its outermost atoms is none."""
    periodic = atoms.pbc.all()
    gaps = layer_gaps(atoms)[0].max(axis=0) if periodic else (_widths(atoms) * (1 - _extent(atoms)))[~atoms.pbc]
    return bool((gaps > _NOTHING).all() and (gaps < np.median(_nearest(atoms))).all() and _fits(atoms))


def _widths(atoms: Atoms) -> np.ndarray:
    """Of a cell along the normals of its faces, (3,), Å."""
    return 1 / np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)


def _extent(atoms: Atoms) -> np.ndarray:
    """Over how many cells positions are spread along each vector, (3,)."""
    return np.ptp(atoms.cell.scaled_positions(atoms.positions), axis=0)


def _fits(atoms: Atoms) -> bool:
    """Whether images come no closer than atoms of the cell do to each other."""
    crystal, inside = atoms.copy(), atoms.copy()
    crystal.pbc, inside.pbc = True, False
    return bool(_nearest(crystal).min() > _APART * _nearest(inside).min())


def _nearest(atoms: Atoms) -> np.ndarray:
    """Distances to the nearest neighbour within the reach, (atoms,), Å."""
    i, _, d = full_list(atoms, _REACH)
    nearest = np.full(len(atoms), _REACH)
    np.minimum.at(nearest, i, np.linalg.norm(d, axis=1))
    return nearest
