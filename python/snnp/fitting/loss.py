"""Loss and gradient of a batch of structures, with filters and their derivatives computed by the engine.

The loss is that of `snnp.data.batch.Weights`, divided by `unit`², so that 1 is the error of the linear model.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from snnp import _core
from snnp.data.batch import LabelledStructure, Labels, Weights
from snnp.fitting.label_errors import LabelErrors, Residuals, label_errors
from snnp.models.embedding import Embedding
from snnp.models.network import Model


@dataclass
class Batch:
    """Structures with their labels and the weights u of these as tensors; both are 0 where a label is not known."""

    structures: _core.Structures
    counts: Tensor  # (structures,): atoms of each
    energies: Tensor  # (structures,)
    forces: Tensor  # (atoms, 3)
    virials: Tensor  # (structures, 3, 3)
    volumes: Tensor  # (structures,), Å³; 0 where no virial is known
    energy_weights: Tensor  # (structures,)
    force_weights: Tensor  # (atoms, 3)
    virial_weights: Tensor  # (structures, 3, 3)


def make_batch(frames: Sequence[LabelledStructure]) -> Batch:
    """One batch of single structures."""
    return join([_batch_of_one(s, labels) for s, labels in frames])


def _batch_of_one(s: _core.Structures, labels: Labels) -> Batch:
    virial = np.zeros((3, 3)) if labels.virial is None else labels.virial
    arrays = (
        [float(len(s))],
        [labels.energy],
        labels.forces,
        [virial],
        [labels.volume],
        [labels.energy_weight],
        labels.force_weights,
        [labels.virial_weights],
    )
    return Batch(s, *(torch.from_numpy(np.nan_to_num(np.array(array, dtype=float))) for array in arrays))


def join(batches: Sequence[Batch]) -> Batch:
    """Several batches as one."""
    if len(batches) == 1:
        return batches[0]
    structures, *tensors = zip(*(vars(batch).values() for batch in batches), strict=True)
    return Batch(_core.Structures.concatenate(structures), *map(torch.cat, tensors))


# Atoms of a batch whose loss is taken without a gradient: enough to keep all threads busy.
_ATOMS = 4000


def make_batches(frames: Sequence[LabelledStructure]) -> list[Batch]:
    """Batches of some thousand atoms or one structure: a loss over them all needs no more memory than one of them."""
    batches, atoms = [], math.inf
    for frame in frames:
        if atoms + len(frame[0]) > _ATOMS:
            batches.append([])
            atoms = 0
        batches[-1].append(frame)
        atoms += len(frame[0])
    return [make_batch(batch) for batch in batches]


class Loss:
    """Loss of a model and its gradient."""

    def __init__(self, model: Model, weights: Weights, unit: float, threads: int):
        self.model, self.weights, self.unit, self.threads = model, weights, unit, threads
        shape = model.shape
        angles = shape.n_elements * len(shape.unordered)
        knots = (shape.pair_knots, shape.radial_knots, [shape.angle_knots] * angles)
        self.trainer = _core.Trainer(shape.n_elements, shape.n2, shape.n3, *knots)

    def __call__(self, *batches: Batch) -> float:
        """The loss of all structures of the batches."""
        return self.with_errors(*batches)[0]

    def with_errors(self, *batches: Batch) -> tuple[float, LabelErrors]:
        """The loss of all structures of the batches, and errors of the labels that count."""
        self._set_tables()
        sums, counts, found = np.zeros(3), np.zeros(3), []
        for batch in batches:
            _, E, F, W = self._predict(batch)
            residuals, u = _residuals(batch, E, F, W), _weights(batch)
            sums += [float((w * x.square()).sum()) for w, x in zip(u, residuals, strict=True)]
            counts += [x.numel() for x in residuals]
            found.append(_in_units(batch, residuals))
        return float(self._factors @ (sums / counts)), label_errors(found)

    def values(self, structures: _core.Structures) -> np.ndarray:
        """Filters G of all atoms, (atoms, 1 + n2 + n3)."""
        self._set_tables()
        return self.trainer.values(structures, self.threads)

    def backward(self, batch: Batch) -> float:
        """Adds the gradient to the parameters' `.grad`; returns the loss."""
        tables = self._set_tables()
        embedding, E, F, W = self._predict(batch)
        residuals = _residuals(batch, E, F, W)
        weighted = [w * x / x.numel() for w, x in zip(_weights(batch), residuals, strict=True)]
        terms = [float((w * x).sum()) for w, x in zip(weighted, residuals, strict=True)]
        dE, dF, dW = (2 * c * w for c, w in zip(self._factors, weighted, strict=True))
        dE, dW = dE / batch.counts, (dW + dW.mT) / (2 * batch.counts[:, None, None])
        # The part of the gradient that goes through forces and virials is a derivative along this movement.
        Gd = torch.from_numpy(self.trainer.tangent(-dF.numpy(), -dW.numpy()))
        B = embedding.backward(dE[_owner(batch)], Gd)
        sums = self.trainer.parameters(embedding.A.numpy(), B.numpy())
        both = zip(tables, sums, strict=True)
        used = [(t, torch.from_numpy(np.stack(d))) for t, d in both if t.numel() and t.requires_grad]
        torch.autograd.backward([t for t, _ in used], [d for _, d in used])
        return float(self._factors @ terms)

    @property
    def _factors(self) -> np.ndarray:
        w = self.weights
        return np.array([w.energy, w.force, w.stress]) / self.unit**2

    def _set_tables(self) -> tuple[Tensor, ...]:
        tables = self.model.tables()
        self.trainer.set(*(list(t.detach().numpy()) for t in tables))
        return tables

    def _predict(self, batch: Batch) -> tuple[Embedding, Tensor, Tensor, Tensor]:
        """Embedding of all atoms, energies (structures,), forces (atoms, 3), virials (structures, 3, 3)."""
        s = batch.structures
        G = torch.from_numpy(self.trainer.values(s, self.threads))
        embedding = Embedding(self.model, G, torch.from_numpy(s.elements.astype(np.int64)))
        E = torch.zeros(s.n_structures, dtype=G.dtype).index_add(0, _owner(batch), embedding.energies)
        F, W = self.trainer.forces(embedding.A.numpy())
        return embedding, E, torch.from_numpy(F), torch.from_numpy(W)


def _owner(batch: Batch) -> Tensor:
    """The structure of each atom."""
    return torch.from_numpy(batch.structures.structure.astype(np.int64))


def _residuals(batch: Batch, E: Tensor, F: Tensor, W: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What the terms of the loss square: of energies and virials by atom, and of forces."""
    n = batch.counts
    return (E - batch.energies) / n, F - batch.forces, ((W + W.mT) / 2 - batch.virials) / n[:, None, None]


def _in_units(batch: Batch, residuals: tuple[Tensor, Tensor, Tensor]) -> Residuals:
    """Residuals in the units of `label_errors`; NaN where no label counts."""
    energy, force, virial = residuals
    stress = virial * (batch.counts / batch.volumes)[:, None, None]
    values = zip((energy, force, stress), _weights(batch), strict=True)
    return tuple(torch.where(w > 0, x, math.nan).numpy() for x, w in values)


def _weights(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
    return batch.energy_weights, batch.force_weights, batch.virial_weights
