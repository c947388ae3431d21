"""The embedding of a batch with its derivatives, by the engine: what a training step needs of it.

With A = ∂E/∂G and a change Gd of G, a step needs the gradient of S = Σ_i (w_i E_i + A_i·Gd_i) by G and by all
parameters behind the filters. A·Gd is the derivative of E along Gd, so it is carried through the network beside the
values, a number and its derivative at each node, and the gradient of both comes from one pass backward
(cpp/snnp/kernels/training_embedding.h).
"""

import math

import numpy as np
import torch
from torch import Tensor

from snnp import _core
from snnp.models.network import Model


class Embedding:
    """E_i = unit (constant + linear·x + N(x)) + ½ G_0 of all atoms, x = (G − mean) / scale; see `Model`."""

    def __init__(self, model: Model):
        shape = model.shape
        self.model, self.parameters = model, model.head_parameters
        self._fixed = np.array([math.nan if e0 is None else e0 for e0 in model.fixed_e0])
        self._engine = _core.Embedding(shape.n_elements, shape.filters, shape.hidden, shape.activation)

    def values(self, G: np.ndarray, structures: _core.Structures, threads: int) -> tuple[np.ndarray, np.ndarray]:
        """Energies of atoms, (atoms,), and A = ∂E/∂G, both in eV; G and A are (atoms, 1 + n2 + n3)."""
        model = self.model
        parameters = torch.cat([p.detach().reshape(-1) for p in self.parameters]).numpy()
        mean, scale = model.mean.numpy(), model.scale.numpy()
        return self._engine.values(parameters, mean, scale, model.unit, self._fixed, G, structures, threads)

    def backward(self, weights: np.ndarray, Gd: np.ndarray) -> np.ndarray:
        """∂S/∂G, of the shape of Gd, for the last `values`; adds the gradient by parameters to their `.grad`.

        weights: w, (atoms,). Gd: (atoms, 1 + n2 + n3).
        """
        B, sums = self._engine.gradient(weights, Gd)
        parts = torch.from_numpy(sums).split([p.numel() for p in self.parameters])
        for p, part in zip(self.parameters, parts, strict=True):
            add_gradient(p, part.view_as(p))
        return B


def add_gradient(values: Tensor, gradient: Tensor) -> None:
    """Adds to the `.grad` of a parameter, or of those that the values come from; both of one shape, in any unit."""
    if not values.is_leaf:
        values.backward(gradient)
    elif values.requires_grad:
        values.grad = gradient.contiguous() if values.grad is None else values.grad + gradient
