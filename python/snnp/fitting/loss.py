"""Loss and gradient of a batch of structures, with filters and their derivatives computed by the engine.

The loss is that of `snnp.data.batch.Weights`, divided by `unit`², so that 1 is the error of the linear model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from snnp import _core
from snnp.data.batch import LabelledStructure, Weights, concatenate
from snnp.models.network import Model


@dataclass
class Batch:
    """Structures with their labels and the weights u of these as tensors; both are 0 where a label is not known."""

    structures: _core.Structures
    counts: Tensor  # (structures,): atoms of each
    energies: Tensor  # (structures,)
    forces: Tensor  # (atoms, 3)
    virials: Tensor  # (structures, 3, 3)
    energy_weights: Tensor  # (structures,)
    force_weights: Tensor  # (atoms, 3)
    virial_weights: Tensor  # (structures, 3, 3)


def make_batch(frames: Sequence[LabelledStructure]) -> Batch:
    """One batch of single structures."""
    labels = [label for _, label in frames]
    arrays = (
        [label.energy for label in labels],
        np.concatenate([label.forces for label in labels]),
        [np.zeros((3, 3)) if label.virial is None else label.virial for label in labels],
        [label.energy_weight for label in labels],
        np.concatenate([label.force_weights for label in labels]),
        [label.virial_weights for label in labels],
    )
    return Batch(
        concatenate([s for s, _ in frames]),
        torch.tensor([float(len(s)) for s, _ in frames]).double(),
        *(torch.from_numpy(np.nan_to_num(np.asarray(array, dtype=float))) for array in arrays),
    )


class Loss:
    """Loss of a model and its gradient."""

    def __init__(self, model: Model, weights: Weights, unit: float, threads: int):
        self.model, self.weights, self.unit, self.threads = model, weights, unit, threads
        shape = model.shape
        angles = shape.n_elements * len(shape.unordered)
        knots = (shape.pair_knots, shape.radial_knots, [shape.angle_knots] * angles)
        self.trainer = _core.Trainer(shape.n_elements, shape.n2, shape.n3, *knots)

    def __call__(self, batch: Batch) -> Tensor:
        """The loss without gradient; shape ()."""
        self._set_tables()
        with torch.enable_grad():
            _, _, E, F, W = self._predict(batch)
        return self._loss(batch, E.detach(), F, W)

    def values(self, structures: _core.Structures) -> np.ndarray:
        """Filters G of all atoms, (atoms, 1 + n2 + n3)."""
        self._set_tables()
        return self.trainer.values(structures, self.threads)

    def backward(self, batch: Batch) -> float:
        """Adds the gradient to the parameters' `.grad`; returns the loss."""
        tables = self._set_tables()
        s, threads = batch.structures, self.threads
        G, A, E, F, W = self._predict(batch, create_graph=True)
        leaves = [x.detach().requires_grad_() for x in (E, F, W)]
        loss = self._loss(batch, *leaves)
        dE, dF, dW = torch.autograd.grad(loss, leaves)
        # The part of the gradient that goes through forces and virials is a derivative along this movement.
        atoms, strains = -dF.numpy(), -dW.numpy()
        Gd = torch.from_numpy(self.trainer.tangent(s, atoms, strains, threads))
        adjoint = (dE * E).sum() + (A * Gd).sum()
        heads = [p for p in self.model.head_parameters if p.requires_grad]
        B, *gradients = torch.autograd.grad(adjoint, [G, *heads], allow_unused=True)
        for p, gradient in zip(heads, gradients, strict=True):
            if gradient is not None:
                p.grad = gradient if p.grad is None else p.grad + gradient
        sums = self.trainer.parameters(s, atoms, strains, A.detach().numpy(), B.numpy(), threads)
        used = [(t, torch.from_numpy(np.stack(d))) for t, d in zip(tables, sums, strict=True) if len(d) and t.numel()]
        torch.autograd.backward([t for t, _ in used], [d for _, d in used])
        return float(loss.detach())

    def _set_tables(self) -> tuple[Tensor, ...]:
        tables = self.model.tables()
        self.trainer.set(*(list(t.detach().numpy()) for t in tables))
        return tables

    def _predict(self, batch: Batch, create_graph: bool = False):
        s = batch.structures
        G = torch.from_numpy(self.trainer.values(s, self.threads)).requires_grad_()
        atomic = self.model.embed(G, torch.from_numpy(s.elements.astype(np.int64)))
        (A,) = torch.autograd.grad(atomic.sum(), G, create_graph=create_graph)
        owner = torch.from_numpy(s.structure.astype(np.int64))
        E = torch.zeros(s.n_structures, dtype=torch.float64).index_add(0, owner, atomic)
        F, W = self.trainer.forces(s, A.detach().numpy(), self.threads)
        return G, A, E, torch.from_numpy(F), torch.from_numpy(W)

    def _loss(self, batch: Batch, E: Tensor, F: Tensor, W: Tensor) -> Tensor:
        n = batch.counts
        energy = (batch.energy_weights * ((E - batch.energies) / n).square()).mean()
        force = (batch.force_weights * (F - batch.forces).square()).mean()
        virial = ((W + W.mT) / 2 - batch.virials) / n[:, None, None]
        virial = (batch.virial_weights * virial.square()).mean()
        w = self.weights
        return (w.energy * energy + w.force * force + w.stress * virial) / self.unit**2
