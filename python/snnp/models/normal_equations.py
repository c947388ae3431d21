"""Weighted least squares by normal equations, accumulated over structures: memory does not grow with their number.

The loss is that of `snnp.data.batch.Weights`, here a quadratic function of the coefficients of a linear (or linearised)
model, whose last coefficients are the energies of the elements.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg
from scipy.linalg.blas import dsyrk
from scipy.sparse import csr_array

from snnp import _core, virial
from snnp.data.batch import FrameStream, LabelledStructure, Weights
from snnp.memory import require_memory

# Matrices (columns, columns) at a time: training, validation, their sum with the penalty, its factor.
_MATRICES = 4
# Memory of the rows that are held at once, bytes.
_CHUNK = 2e8

# Rows of a model for structures: energies (structures, columns), virials (structures, 6, columns) and forces
# (atoms, 3, columns). The last columns, one per element, are left empty.
Rows = Callable[[_core.Structures], tuple[np.ndarray, np.ndarray, np.ndarray]]


@dataclass
class Quadratic:
    """Loss of a linear model: c − 2 b·x + xᵀ A x."""

    A: np.ndarray
    b: np.ndarray
    c: float

    def __call__(self, x: np.ndarray) -> float:
        return max(float(self.c - 2 * self.b @ x + x @ self.A @ x), 0.0)  # less is rounding

    def plus(self, strength: float, other: "Quadratic") -> "Quadratic":
        """The sum of this and `strength` times another one."""
        return Quadratic(self.A + strength * other.A, self.b + strength * other.b, self.c + strength * other.c)

    def minimum(self, penalty: csr_array, pull: np.ndarray | float = 0.0) -> np.ndarray:
        """Where the loss plus xᵀ penalty x − 2 pull·x is smallest, (columns,).

        Raises LinAlgError if rounding leaves no minimum.
        """
        A = self.A.copy(order="F")
        entries = penalty.tocoo()
        np.add.at(A, (entries.row, entries.col), entries.data)
        return scipy.linalg.cho_solve(scipy.linalg.cho_factor(A, lower=True, overwrite_a=True), self.b + pull)


def accumulate(
    rows: Rows,
    columns: int,
    elements: int,
    frames: FrameStream,
    weights: Weights,
    tick: Callable[[int], None] = lambda n: None,
    base: np.ndarray | None = None,
) -> Quadratic:
    """The loss over all frames, with a matrix (columns, columns).

    columns: number of coefficients, those of the elements included. tick(n): called when n more frames are done.

    base: for a model that was made linear there, its coefficients, but 0 for those in which it is linear anyway: rows
    @ base is no part of its energy, and taken as if the labels had it, too.
    """
    cure = "expected fewer knots (model.radial_knots, jk_knots, …) or elements"
    require_memory(_MATRICES * 8 * columns**2, f"a model of {columns} unknowns", cure)
    A, b, c = np.zeros((columns, columns), order="F"), np.zeros(columns), 0.0
    for chunk in _chunks(frames, columns):
        for X, y in _blocks(rows, elements, chunk, weights, frames):
            if base is not None:
                y = y + X @ base
            A = dsyrk(1.0, X.T, 1.0, A, lower=1, overwrite_c=1)
            b += X.T @ y
            c += float(y @ y)
        tick(len(chunk))
    lower = np.tril_indices(columns, -1)
    A.T[lower] = A[lower]
    return Quadratic(A, b, c)


def _blocks(rows: Rows, elements: int, chunk: Sequence[LabelledStructure], weights: Weights, all_frames: FrameStream):
    """Blocks of weighted rows and targets: the loss is the sum of squares of X x − y."""
    s = _core.Structures.concatenate([structure for structure, _ in chunk])
    energies, virials, forces = rows(s)
    columns = energies.shape[1]
    counts = np.array([len(structure) for structure, _ in chunk])
    np.add.at(energies[:, columns - elements :], (s.structure, s.elements), 1.0)
    labels = [label for _, label in chunk]
    if weights.energy:
        u = np.sqrt([label.energy_weight for label in labels])
        w = np.sqrt(weights.energy / all_frames.structures) / counts * u
        energies *= w[:, None]
        yield energies, w * np.nan_to_num([label.energy for label in labels])

    if weights.force:
        u = np.sqrt(np.concatenate([label.force_weights for label in labels]))
        w = np.sqrt(weights.force / (3 * all_frames.atoms)) * u
        forces *= w[:, :, None]
        target = np.nan_to_num(np.concatenate([label.forces for label in labels]))
        yield forces.reshape(-1, columns), (w * target).ravel()

    known = [n for n, label in enumerate(labels) if label.virial is not None]
    if known and weights.stress:
        # The loss averages over the nine components of the tensor.
        w = np.sqrt(weights.stress / (9 * all_frames.structures) * np.array([1, 1, 1, 2, 2, 2])) / counts[known, None]
        w = w * np.sqrt([virial.components(labels[n].virial_weights) for n in known])
        target = np.nan_to_num([virial.components(labels[n].virial) for n in known])
        yield (w[:, :, None] * virials[known]).reshape(-1, columns), (w * target).ravel()


def _chunks(frames: Iterable[LabelledStructure], columns: int) -> Iterable[Sequence[LabelledStructure]]:
    chunk: list[LabelledStructure] = []
    rows = 0
    for frame in frames:
        chunk.append(frame)
        rows += 3 * len(frame[0]) + 7
        if rows * columns * 8 > _CHUNK:
            yield chunk
            chunk, rows = [], 0
    if chunk:
        yield chunk


def fit_offsets(compositions: np.ndarray, energies: np.ndarray, fixed_e0: Sequence[float | None]) -> np.ndarray:
    """Energies per element, eV, that leave the least behind: small numbers keep the normal equations accurate.

    compositions: atoms of each element, (frames, elements); energies: eV, (frames,), NaN where not known; fixed_e0:
    those that are known.
    """
    known = ~np.isnan(energies)
    compositions, energies = compositions[known], energies[known]
    free = [a for a, e0 in enumerate(fixed_e0) if e0 is None]
    offsets = np.array([e0 or 0.0 for e0 in fixed_e0])
    per_atom = 1 / compositions.sum(1)
    rest = (energies - compositions @ offsets) * per_atom
    if free and len(energies):
        offsets[free] = np.linalg.lstsq(compositions[:, free] * per_atom[:, None], rest, rcond=1e-6)[0]
    return offsets


def shifted(frames: Iterable[LabelledStructure], offsets: np.ndarray) -> Iterable[LabelledStructure]:
    """The frames with the energies of their elements, offsets (elements,), eV, taken off."""
    for s, label in frames:
        yield s, replace(label, energy=label.energy - float(offsets[s.elements].sum()))
