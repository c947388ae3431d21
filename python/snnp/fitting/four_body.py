"""Four-body terms of a batch with their derivatives, as a step of the training needs them."""

import numpy as np
import torch

from snnp import _core
from snnp.models.embedding import add_gradient
from snnp.models.network import Model


class FourBodyTerms:
    """By the engine. model: one that has such terms."""

    def __init__(self, model: Model):
        self.model, self._engine = model, _core.FourBodyTrainer()

    def values(self, structures: _core.Structures, threads: int) -> np.ndarray:
        """E4 of all atoms, (atoms,), eV."""
        return self._engine.values(self.model.four_body_terms(), structures, threads)

    def forces(self) -> tuple[np.ndarray, np.ndarray]:
        """Forces (atoms, 3), eV/Å, and virials (structures, 3, 3), eV, for the last `values`."""
        return self._engine.forces()

    def backward(self, weights: np.ndarray, movement: np.ndarray, strains: np.ndarray) -> None:
        """Adds the derivative of Σ_i (w_i E4_i + Ė4_i) to the `.grad` of the parameters, for the last `values`.

        weights: w, (atoms,). movement: (atoms, 3), Å, and strains: (structures, 3, 3), along which Ė4 is taken.
        """
        sums = torch.from_numpy(self._engine.gradient(weights, movement, strains))
        y = self.model.four_body
        add_gradient(y, (self.model.four_body_basis.T @ sums).view_as(y))
