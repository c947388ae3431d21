"""What keeps networks and splines simple while they are trained: their parameters decay apart from the gradient.

Decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101), of weights of layers and of second differences of
spline coefficients. A penalty in the loss would act the less, the larger gradients are, by which steps are divided.
"""

import numpy as np
import torch
from torch import Tensor, nn

from snnp.models.network import Model


class Decay:
    """dW/ds = −weights W of layers, dc/ds = −curvature DᵀD (c − c₀) of ρ, f and g; s is the sum of step sizes, D the
    second difference of neighbouring coefficients, c₀ what they are when training begins.

    The linear model has found how smooth f and g have to be, and what they become beside that decays: towards straight
    lines, steep curves, as those of strongly compressed crystals of In-P, were lost. φ stays as it is.
    """

    def __init__(self, model: Model, weights: float, curvature: float):
        layers = [m for net in model.networks for m in net if isinstance(m, nn.Linear)]
        self.rate, self.weights = weights, [layer.weight for layer in layers]
        splines = [p for p in (model.rho, model.f, model.g) if p.numel()] if curvature else []
        self.splines = [(p, *_modes(p.shape[1], curvature)) for p in splines]
        self.first = [p.detach().clone() for p in splines]
        """c₀ of each, for a fit that goes on later."""

    @torch.no_grad()
    def step(self, size: float) -> None:
        """A step of this size, without an error of its own however large."""
        for weight in self.weights:
            weight.mul_(np.exp(-size * self.rate))
        for (coefficients, rates, modes), first in zip(self.splines, self.first, strict=True):
            matrix = (modes * torch.exp(-size * rates)) @ modes.T
            coefficients.copy_(first + matrix @ (coefficients - first))


def _modes(n: int, curvature: float) -> tuple[Tensor, Tensor]:
    """Rates and modes of the decay of n coefficients."""
    D = np.diff(np.eye(n), n=2, axis=0)
    rates, modes = np.linalg.eigh(curvature * D.T @ D)
    return torch.from_numpy(rates.clip(0)), torch.from_numpy(modes)
