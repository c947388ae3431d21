"""A linear model of forces that predicts each of some frames from others, and by which of them it is guided."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from snnp.data import Frame
from snnp.data.neighbors import NeighborLists
from snnp.fitting.prepare import prepare
from snnp.models.linear import RIDGE, LinearModel, coarsened, linear_shape
from snnp.models.shape import Shape

_COLUMNS = 200  # unknowns of the linear model
_ENOUGH_FORCES = 3  # known components of forces for each unknown
_STRENGTHS = 10.0 ** -np.arange(2.0, 8.0)  # as in `energy_shifts`
_ROUNDS = 5
# Frames whose errors are this many times the median count half, those further away next to nothing.
_FAR = 2.0
_NEARLY = 0.01  # part of the squares of forces that a model may leave more than the best one
_EXACT = 1e-3  # relative errors below this one are equally good


@dataclass
class ForceModel:
    """Frames, and what a model fitted to the forces of the other half of them says about each.

    Errors are relative to the forces of a frame, or to the median of all frames where these are larger; frames that
    agree with no others are left out of the fit by their errors, step by step. elements: (frames, elements), parts of
    atoms; energies: of the model, which knows them up to a constant for each element, eV; others: the same of models
    that explain forces nearly as well, (models, frames); coefficients: of the models for both halves, (2, columns);
    derivatives: of energies by coefficients, (frames, columns); squares, products, predicted: |f|², f·p and |p|² of
    forces f and predicted forces p, (eV/Å)².
    """

    frames: Sequence[Frame]
    elements: np.ndarray
    energies: np.ndarray
    others: np.ndarray
    derivatives: np.ndarray
    squares: np.ndarray
    products: np.ndarray
    predicted: np.ndarray
    rows: list[np.ndarray]
    forces: list[np.ndarray]
    linear: LinearModel
    shape: Shape
    threads: int

    @classmethod
    def of(
        cls, frames: Sequence[Frame], shape: Shape, lists: NeighborLists, threads: int, tick: Callable[[int], None]
    ) -> "ForceModel | None":
        """None: there are too few forces. tick(n): called when n more frames are done."""
        shape = coarsened(shape, _COLUMNS)
        linear, E = LinearModel(linear_shape(shape)), shape.n_elements
        columns = linear.columns - E
        if sum(3 * len(frame.atoms) for frame in frames) < _ENOUGH_FORCES * columns:
            return None
        X, rows, forces, elements = [], [], [], []
        for s, label in prepare(frames, shape, lists, threads):
            energy, _, design = linear.design.rows(s, threads)
            X.append(energy[0, :columns])
            rows.append(design.reshape(-1, linear.columns)[:, :columns].astype(np.float32))
            forces.append(label.forces.ravel())
            elements.append(np.bincount(s.elements, minlength=E) / len(s))
            tick(1)
        nothing = np.zeros(len(frames))
        squares = np.array([f @ f for f in forces])
        model = cls(
            frames,
            np.array(elements),
            nothing,
            nothing[None],
            np.array(X),
            squares,
            nothing,
            nothing,
            rows,
            forces,
            linear,
            shape,
            threads,
        )
        model._fit()
        return model

    @property
    def atoms(self) -> np.ndarray:
        """Numbers of atoms, (frames,)."""
        return np.array([len(frame.atoms) for frame in self.frames])

    @property
    def sizes(self) -> np.ndarray:
        """Root mean squares of forces, (frames,), eV/Å."""
        return np.sqrt(self.squares / (3 * self.atoms))

    @property
    def half(self) -> np.ndarray:
        """Of which half each frame is, (frames,)."""
        return np.arange(len(self.frames)) % 2

    @property
    def left(self) -> np.ndarray:
        """|f − p|², (frames,), (eV/Å)²."""
        return np.maximum(self.squares - 2 * self.products + self.predicted, 0.0)

    @property
    def roughness(self) -> np.ndarray:
        """The quadratic form of coefficients that is penalised, (columns, columns)."""
        columns = self.linear.columns - self.shape.n_elements
        return (self.linear.differences() + RIDGE * self.linear.size()).toarray()[:columns, :columns]

    def forces_of(self, n: int) -> np.ndarray:
        """Predicted forces (atoms, 3), eV/Å, of a frame."""
        x = self.coefficients[self.half[n]]
        return (self.rows[n][:, : len(x)] @ x).reshape(-1, 3)

    def forces_at(self, n: int, displacements: np.ndarray) -> np.ndarray:
        """Forces (atoms, 3), eV/Å, of a frame whose atoms are displaced, (atoms, 3), Å; without the ZBL repulsion."""
        atoms = self.frames[n].atoms.copy()
        atoms.positions += displacements
        s = NeighborLists(self.shape.elements, self.shape.cutoff, keep=False).of(atoms)
        rows = self.linear.design.rows(s, self.threads)[2].reshape(3 * len(atoms), -1)
        x = self.coefficients[self.half[n]]
        return (rows[:, : len(x)] @ x).reshape(-1, 3)

    def _fit(self) -> None:
        """Predictions of each frame by the other half."""
        scales = np.maximum(self.sizes, np.median(self.sizes))
        even = 1 / (scales**2 * self.atoms)
        weights = even * (self.sizes / scales) ** 4  # small forces last: they may be wrong, and hardly matter
        for _ in range(_ROUNDS):
            xs = np.array([self._solutions(np.flatnonzero(self.half != h), weights, _STRENGTHS) for h in (0, 1)])
            of_others = [xs[h] for h in self.half]
            p = [R @ x.T for R, x in zip(self.rows, of_others, strict=True)]
            products = np.array([f @ each for f, each in zip(self.forces, p, strict=True)])
            predicted = np.array([(each**2).sum(0) for each in p])
            left = np.maximum(self.squares[:, None] - 2 * products + predicted, 0.0)
            errors = np.sqrt(left / (3 * self.atoms[:, None])) / scales[:, None]
            best = int(np.argmin((np.minimum(errors, 1.0) ** 2).sum(0)))
            far = errors[:, best] / (_FAR * max(np.median(errors[:, best]), _EXACT))
            weights = even / (1 + far**4)
        self.products, self.predicted = products[:, best], predicted[:, best]
        self.coefficients = xs[:, best]
        energies = np.array([one @ x for x, one in zip(self.derivatives, of_others, strict=True)])
        explained = (np.minimum(errors, 1.0) ** 2).mean(0)
        self.energies, self.others = energies[:, best], energies[:, explained < explained[best] + _NEARLY].T

    def _solutions(self, members: np.ndarray, weights: np.ndarray, strengths: Sequence[float]) -> list[np.ndarray]:
        """The least squares of weighted frames with each of the strengths."""
        A, b = self._normal_equations(members, weights)
        scale, roughness = max(A.diagonal().mean(), 1e-30), self.roughness
        return [scipy.linalg.solve(A + one * scale * roughness, b, assume_a="pos") for one in strengths]

    def _normal_equations(self, members: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        columns = self.linear.columns - self.shape.n_elements
        A, b = np.zeros((columns, columns)), np.zeros(columns)
        for n in members:
            R = self.rows[n].astype(float)
            A += weights[n] * R.T @ R
            b += weights[n] * R.T @ self.forces[n]
        return A, b

    def left_alone(self, members: np.ndarray) -> tuple[float, float]:
        """What is left of the forces of some frames by a model that is fitted to them alone, as part of their root
        mean square, with the unknowns that they fix taken off; and that number of unknowns for each component."""
        even = 1 / np.maximum(self.squares, 1e-30)
        A, b = self._normal_equations(members, even)
        strong = A + _STRENGTHS[-1] * max(A.diagonal().mean(), 1e-30) * self.roughness
        factor = scipy.linalg.cho_factor(strong, lower=True)
        x = scipy.linalg.cho_solve(factor, b)
        unknowns = float(np.trace(scipy.linalg.cho_solve(factor, A))) / sum(3 * self.atoms[members])
        errors = [even[n] * float(np.sum((self.forces[n] - self.rows[n] @ x) ** 2)) for n in members]
        return float(np.sqrt(np.mean(errors) / max(1 - unknowns, 1e-9))), unknowns
