"""The point group of a crystal, and the tensors and displacements that it leaves as they are.

Symmetric matrices (strains, stresses) are vectors of six in Mandel's notation, xx yy zz √2·yz √2·xz √2·xy: a rotation
of space is then an orthogonal matrix (6, 6), and the double contraction of two matrices the product of two vectors.
"""

import os
from dataclasses import dataclass
from itertools import combinations_with_replacement, permutations

import numpy as np
import spglib
from ase import Atoms

_ROWS, _COLUMNS = np.array([0, 1, 2, 1, 0, 0]), np.array([0, 1, 2, 2, 2, 1])
# From Voigt's notation of a stress or an elastic tensor to Mandel's.
FACTORS = np.array([1, 1, 1, 2**0.5, 2**0.5, 2**0.5])
# Positions and cells of standardised crystals are symmetric to rounding, those of relaxed ones to some 1e-5 Å.
PRECISION = 1e-3  # Å
# Averages over a group have the eigenvalues 0 and 1.
_HALF = 0.5


os.environ.setdefault("SPGLIB_WARNING", "OFF")  # what it says in between; what it finds tells enough


def symmetry_data(atoms: Atoms, precision: float = PRECISION):
    """What spglib finds, its dataset; None: nothing, as where atoms lie on each other."""
    cell = (atoms.cell.array, atoms.get_scaled_positions(wrap=False), atoms.numbers)
    try:
        return spglib.get_symmetry_dataset(cell, symprec=precision)
    except Exception:  # older versions return None, and have no class of their own
        return None


def mandel(matrix: np.ndarray) -> np.ndarray:
    """Symmetric matrices (…, 3, 3) of any unit as vectors (…, 6)."""
    return matrix[..., _ROWS, _COLUMNS] * FACTORS


def from_mandel(vector: np.ndarray) -> np.ndarray:
    """Vectors (…, 6) of any unit as symmetric matrices (…, 3, 3)."""
    full = np.empty((*vector.shape[:-1], 3, 3))
    full[..., _ROWS, _COLUMNS] = full[..., _COLUMNS, _ROWS] = vector / FACTORS
    return full


@dataclass(eq=False)
class Symmetry:
    """Of a crystal: its space group, and each operation as a rotation and what atoms it brings where.

    number: of the space group. rotations: (m, 3, 3), of Cartesian coordinates. images: (m, n), where atoms get to.
    """

    number: int
    rotations: np.ndarray
    images: np.ndarray

    @classmethod
    def of(cls, atoms: Atoms, precision: float = PRECISION) -> "Symmetry":
        """Raises ValueError if there is none to be found, as where atoms lie on each other."""
        data = symmetry_data(atoms, precision)
        if data is None:
            raise ValueError(f"the symmetry of {atoms.symbols} cannot be found")
        scaled = atoms.get_scaled_positions(wrap=False)
        to_cartesian = atoms.cell.array.T
        rotations = to_cartesian @ data.rotations @ np.linalg.inv(to_cartesian)
        images = np.empty((len(rotations), len(atoms)), dtype=int)
        for n, (rotation, shift) in enumerate(zip(data.rotations, data.translations, strict=True)):
            moved = scaled @ rotation.T + shift
            apart = moved[:, None] - scaled[None]
            apart = (apart - apart.round()) @ atoms.cell.array
            images[n] = np.linalg.norm(apart, axis=-1).argmin(axis=1)
        return cls(data.number, _orthogonal(rotations), images)

    @property
    def mandel_rotations(self) -> np.ndarray:
        """The operations (m, 6, 6) on vectors in Mandel's notation."""
        unit = from_mandel(np.eye(6))
        turned = np.einsum("mij,ajk,mlk->mail", self.rotations, unit, self.rotations)
        return mandel(turned).swapaxes(1, 2)

    def strains(self) -> np.ndarray:
        """An orthonormal basis (k, 6) of the strains that break no symmetry."""
        return _kept(self.mandel_rotations.mean(axis=0))

    def displacements(self) -> np.ndarray:
        """An orthonormal basis (k, n, 3) of displacements of atoms that break no symmetry, common shifts left out."""
        n = self.images.shape[1]
        average = np.zeros((n, 3, n, 3))
        for rotation, images in zip(self.rotations, self.images, strict=True):
            average[images, :, np.arange(n), :] += rotation / len(self.images)
        shifts = np.tile(np.eye(3), n) / n**0.5
        average = average.reshape(3 * n, 3 * n)
        average = average - shifts.T @ shifts @ average
        return _kept((average + average.T) / 2).reshape(-1, n, 3)

    def tensors(self, order: int) -> np.ndarray:
        """An orthonormal basis (k, 6, …, 6) of elastic tensors of an order: 2 for the usual ones."""
        return _tensors(self.mandel_rotations, order)

    def symmetrised(self, tensor: np.ndarray) -> np.ndarray:
        """The average of an elastic tensor (6, 6) over the point group."""
        turns = self.mandel_rotations
        return (turns @ tensor @ turns.swapaxes(1, 2)).mean(axis=0)

    @property
    def system(self) -> str:
        """The crystal system."""
        ends = {2: "triclinic", 15: "monoclinic", 74: "orthorhombic", 142: "tetragonal", 167: "trigonal"}
        ends |= {194: "hexagonal", 230: "cubic"}
        return next(name for last, name in ends.items() if self.number <= last)


def _orthogonal(rotations: np.ndarray) -> np.ndarray:
    """The closest orthogonal matrices: those of a cell that is symmetric to some 1e-5 Å only are not quite so."""
    left, _, right = np.linalg.svd(rotations)
    return left @ right


def _kept(average: np.ndarray) -> np.ndarray:
    """What a symmetric projector keeps: rows."""
    values, vectors = np.linalg.eigh(average)
    return vectors[:, values > _HALF].T


def _tensors(turns: np.ndarray, order: int) -> np.ndarray:
    """An orthonormal basis of totally symmetric tensors of six dimensions that the operations leave as they are."""
    unit = np.eye(6)
    found = []
    letters = "abcd"[:order]
    for indices in combinations_with_replacement(range(6), order):
        # The product of the columns, averaged over operations; its symmetric part follows.
        columns = [turns @ unit[i] for i in indices]
        pattern = ",".join(f"m{a}" for a in letters) + f"->{letters}"
        tensor = np.einsum(pattern, *columns) / len(turns)
        found.append(_symmetric(tensor))
    _, sizes, rows = np.linalg.svd(np.array(found).reshape(len(found), -1), full_matrices=False)
    return rows[sizes > 1e-8 * sizes[0]].reshape(-1, *[6] * order)


def _symmetric(tensor: np.ndarray) -> np.ndarray:
    orders = list(permutations(range(tensor.ndim)))
    return sum(tensor.transpose(order) for order in orders) / len(orders)
