"""Loss and gradient of a batch of structures, with filters and their derivatives computed by the engine.

The loss is that of `snnp.data.batch.Weights`, divided by `unit`², so that 1 is the error of the linear model.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy import ndarray

from snnp import _core
from snnp.data.batch import LabelledStructure, Labels, Weights
from snnp.fitting.four_body import FourBodyTerms
from snnp.fitting.label_errors import LabelErrors, Residuals, mean_errors, sums_of_errors
from snnp.models.embedding import Embedding
from snnp.models.network import Model
from snnp.models.tables import Tables


@dataclass
class Batch:
    """Structures with their labels and the weights u of these; both are 0 where a label is not known."""

    structures: _core.Structures
    counts: ndarray  # (structures,): atoms of each
    energies: ndarray  # (structures,)
    forces: ndarray  # (atoms, 3)
    virials: ndarray  # (structures, 3, 3)
    volumes: ndarray  # (structures,), Å³; without bounds where it is not known
    energy_weights: ndarray  # (structures,)
    force_weights: ndarray  # (atoms, 3)
    virial_weights: ndarray  # (structures, 3, 3)
    bounds: ndarray  # (structures,): whether the energy is not to be lower, but may be higher


def make_batch(frames: Sequence[LabelledStructure], bounds: bool = False) -> Batch:
    """One batch of single structures. bounds: whether energies are bounds from below."""
    return join([_batch_of_one(s, labels, bounds) for s, labels in frames])


def _batch_of_one(s: _core.Structures, labels: Labels, bound: bool) -> Batch:
    virial = np.zeros((3, 3)) if labels.virial is None else labels.virial
    arrays = (
        [float(len(s))],
        [labels.energy],
        labels.forces,
        [virial],
        [np.nan_to_num(labels.volume, nan=math.inf)],
        [labels.energy_weight],
        labels.force_weights,
        [labels.virial_weights],
    )
    return Batch(s, *(np.nan_to_num(np.array(array, dtype=float)) for array in arrays), np.array([bound]))


def join(batches: Sequence[Batch]) -> Batch:
    """Several batches as one."""
    if len(batches) == 1:
        return batches[0]
    structures, *arrays = zip(*(vars(batch).values() for batch in batches), strict=True)
    return Batch(_core.Structures.concatenate(structures), *map(np.concatenate, arrays))


# Of an energy below its bound, eV/atom: more counts like this, and pulls like this.
SHORTFALL = 0.1
# Atoms of a batch whose loss is taken without a gradient: enough to keep all threads busy.
_ATOMS = 4000


def _some_thousand_atoms(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Larger batches, but no larger than that: a loss over them all needs no more memory than one of them."""
    waiting, atoms = [], 0
    for batch in batches:
        if waiting and atoms + len(batch.structures) > _ATOMS:
            yield join(waiting)
            waiting, atoms = [], 0
        waiting.append(batch)
        atoms += len(batch.structures)
    if waiting:
        yield join(waiting)


# A function of forces (atoms, 3), eV/Å, and virials (structures, 3, 3), eV: its value, and derivatives by both, which
# are symmetric for virials.
Term = Callable[[ndarray, ndarray], tuple[float, ndarray, ndarray]]


class Loss:
    """Loss of a model and its gradient.

    single: whether the gradient, and the loss beside it, have three-body filters in single precision.
    """

    def __init__(self, model: Model, weights: Weights, unit: float, threads: int, single: bool = False):
        self.model, self.weights, self.unit, self.threads, self.single = model, weights, unit, threads, single
        shape = model.shape
        angles = shape.n_elements * (1 if shape.shared else len(shape.unordered))
        knots = (shape.pair_knots, shape.radial_knots, [shape.angle_knots] * angles)
        self.trainer = _core.Trainer(shape.n_elements, shape.n2, shape.n3, *knots)
        self.tables, self.embedding = Tables(model), Embedding(model)
        self.four_body = FourBodyTerms(model) if shape.four_body else None

    def __call__(self, *batches: Batch) -> float:
        """The loss of all structures of the batches."""
        return self.of_sums(self.sums(batches))[0]

    def sums(self, batches: Iterable[Batch]) -> np.ndarray:
        """Sums over structures, which can be added to those of others: of squares with weights, numbers of them, of
        absolute errors of labels and their numbers, (4, terms of the loss).
        """
        sums = np.zeros((4, 3))
        for batch in _some_thousand_atoms(batches):
            _, E, F, W = self.predict(batch.structures)
            residuals, u = _residuals(batch, E, F, W), _weights(batch)
            sums[0] += [(w * x * x).sum() for w, x in zip(u, residuals, strict=True)]
            sums[1] += [x.size for x in residuals]
            sums[2:] += sums_of_errors(_in_units(batch, residuals))
        return sums

    def of_sums(self, sums: np.ndarray) -> tuple[float, LabelErrors]:
        """The loss of structures with such sums (4, terms), and errors of labels; NaN: there are no structures."""
        if not sums[1].all():
            return math.nan, LabelErrors()
        return float(self._factors @ (sums[0] / sums[1])), mean_errors(*sums[2:])

    def values(self, structures: _core.Structures) -> np.ndarray:
        """Filters G of all atoms, (atoms, 1 + n2 + n3)."""
        self.trainer.set(*self.tables.pieces())
        return self.trainer.values(structures, self.threads)

    def squares_of_slopes(self, batches: Iterable[Batch]) -> np.ndarray:
        """By element the number of atoms, and sums over them of squares of ∂E/∂G, eV², (elements, 1 + n2 + n3)."""
        self.trainer.set(*self.tables.pieces())
        sums = np.zeros((self.model.shape.n_elements, 1 + self.model.shape.filters))
        for batch in _some_thousand_atoms(batches):
            s = batch.structures
            _, A = self.embedding.values(self.trainer.values(s, self.threads), s, self.threads)
            np.add.at(sums, s.elements, np.column_stack([np.ones(len(A)), A[:, 1:] ** 2]))
        return sums

    def __reduce__(self):
        return Loss, (self.model, self.weights, self.unit, self.threads, self.single)

    @property
    def losses(self) -> "list[Loss]":
        """Of each system, as of several."""
        return [self]

    def combined(self, found: "Sequence[tuple[float, LabelErrors]]") -> tuple[float, LabelErrors]:
        """Of the loss and errors of labels of each system those of all."""
        return found[0]

    def backward(self, batch: Batch, whole: tuple[int, int] | None = None) -> float:
        """Adds the gradient to the parameters' `.grad`; returns the loss.

        whole: structures and atoms of a larger batch, of whose loss this is to be the part of these structures.
        """
        A, E, F, W = self.predict(batch.structures, self.single)
        residuals = _residuals(batch, E, F, W)
        structures, atoms = whole or (batch.structures.n_structures, len(batch.structures))
        sizes = structures, 3 * atoms, 9 * structures
        weighted = [w * x / size for w, x, size in zip(_weights(batch), residuals, sizes, strict=True)]
        terms = [(w * x).sum() for w, x in zip(weighted, residuals, strict=True)]
        dE, dF, dW = (2 * c * w for c, w in zip(self._factors, weighted, strict=True))
        dE, dW = dE / batch.counts, (dW + dW.swapaxes(1, 2)) / (2 * batch.counts[:, None, None])
        self._pull(batch.structures, A, dE, dF, dW)
        return float(self._factors @ terms)

    def backward_of(self, s: _core.Structures, term: Term) -> float:
        """The same for another term."""
        A, E, F, W = self.predict(s, self.single)
        value, dF, dW = term(F, W)
        self._pull(s, A, np.zeros_like(E), dF, dW)
        return value

    def _pull(self, s: _core.Structures, A: ndarray, dE: ndarray, dF: ndarray, dW: ndarray) -> None:
        """Adds the gradient of Σ dE·E + dF·F + dW·W of what was predicted last."""
        # The part that goes through forces and virials is a derivative along this movement.
        Gd = self.trainer.tangent(-dF, -dW)
        B = self.embedding.backward(dE[s.structure], Gd)
        self.tables.backward(*self.trainer.parameters(A, B))
        if self.four_body:
            self.four_body.backward(dE[s.structure], -dF, -dW)

    @property
    def _factors(self) -> np.ndarray:
        w = self.weights
        return np.array([w.energy, w.force, w.stress]) / self.unit**2

    def predict(self, s: _core.Structures, single: bool = False) -> tuple[ndarray, ndarray, ndarray, ndarray]:
        """∂E/∂G of all atoms, energies (structures,), forces (atoms, 3), virials (structures, 3, 3)."""
        self.trainer.set(*self.tables.pieces())
        energies, A = self.embedding.values(self.trainer.values(s, self.threads, single), s, self.threads)
        F, W = self.trainer.forces(A)
        if self.four_body:
            energies = energies + self.four_body.values(s, self.threads)
            more_F, more_W = self.four_body.forces()
            F, W = F + more_F, W + more_W
        return A, np.bincount(s.structure, energies, s.n_structures), F, W


def _residuals(batch: Batch, E: ndarray, F: ndarray, W: ndarray) -> tuple[ndarray, ndarray, ndarray]:
    """What the terms of the loss square: of energies and virials by atom, and of forces."""
    n = batch.counts
    symmetric = (W + W.swapaxes(1, 2)) / 2
    energies = (E - batch.energies) / n
    energies = np.where(batch.bounds, energies.clip(-SHORTFALL, 0), energies)
    return energies, F - batch.forces, (symmetric - batch.virials) / n[:, None, None]


def _in_units(batch: Batch, residuals: tuple[ndarray, ndarray, ndarray]) -> Residuals:
    """Residuals in the units of `label_errors`; NaN where no label counts."""
    energy, force, virial = residuals
    stress = virial * (batch.counts / batch.volumes)[:, None, None]
    values = zip((energy, force, stress), _weights(batch), strict=True)
    return tuple(np.where(w > 0, x, math.nan) for x, w in values)


def _weights(batch: Batch) -> tuple[ndarray, ndarray, ndarray]:
    return batch.energy_weights, batch.force_weights, batch.virial_weights
