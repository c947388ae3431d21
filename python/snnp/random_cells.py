"""Small cells with atoms where chance puts them: what a search for structures begins with."""

import itertools

import numpy as np
from ase import Atoms
from ase.formula import Formula
from ase.geometry import cellpar_to_cell

ATOMS = (2, 8)  # in a cell
# Of the volume of the known phases: from closer than any liquid to half of the places empty.
VOLUMES = (0.7, 1.6)
# Of the shortest distance in the known phases, scaled by the density. Atoms that meet in a hot liquid come as close
# as 0.7; a little less lets the search see holes there, and is not yet where only the repulsive core counts.
CLOSEST = 0.65


def random_cell(rng: np.random.Generator, formula: str, volume: float, shortest: float) -> Atoms:
    """A cell of 2 to 8 atoms, neither flat nor long, with atoms where chance puts them but not on top of each other.

    volume: of an atom, Å³, and shortest: distance, Å, in known phases of this composition.
    """
    unit = Formula(formula).count()
    size = sum(unit.values())
    least, most = -(-ATOMS[0] // size), max(1, ATOMS[1] // size)
    units = rng.integers(least, max(least, most) + 1)
    symbols = [element for element, count in unit.items() for _ in range(count * units)]
    scale = rng.uniform(*VOLUMES)
    closest = CLOSEST * shortest * min(1.0, scale ** (1 / 3))
    while True:
        cell = cellpar_to_cell([*np.exp(rng.uniform(-0.4, 0.4, 3)), *rng.uniform(60, 120, 3)])
        if not np.linalg.det(cell) > 0.4:  # flat, or angles that no cell has
            continue
        cell *= (len(symbols) * volume * scale / np.linalg.det(cell)) ** (1 / 3)
        positions = _positions(rng, cell, len(symbols), closest)
        if positions is not None:
            return Atoms(rng.permutation(symbols), scaled_positions=positions, cell=cell, pbc=True)
        closest *= 0.98


_IMAGES = np.array([*itertools.product((-1, 0, 1), repeat=3)], float)


def _positions(rng: np.random.Generator, cell: np.ndarray, number: int, closest: float) -> np.ndarray | None:
    """Scaled positions, one after the other; None: there was no place for one of them."""
    lengths = np.linalg.norm(_IMAGES @ cell, axis=1)
    if lengths[lengths > 0].min() < closest:
        return None
    placed = rng.random((1, 3))
    for _ in range(40 * number):
        if len(placed) == number:
            break
        tried = rng.random(3)
        vectors = (placed - tried - np.round(placed - tried))[:, None] + _IMAGES
        if np.linalg.norm(vectors @ cell, axis=-1).min() >= closest:
            placed = np.vstack([placed, tried])
    return placed if len(placed) == number else None
