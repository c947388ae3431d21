"""What keeps networks and splines simple while they are trained: their parameters decay apart from the gradient.

Decoupled weight decay (Loshchilov and Hutter, arXiv 1711.05101), of weights of layers and of second differences of
spline coefficients. A penalty in the loss would act the less, the larger gradients are, by which steps are divided.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from snnp.models.network import Model

# (eV/Å)², of the square of the error of the linear model over the number of atoms: below, splines are smoothed less. Mo
# and Si of Zuo et al. have 4e-6 and 2e-6, Li and In-P 1e-8.
_UNCERTAIN = 1e-6
_ROUNDING = 1e-9  # of a bound
# What smoothing may add to the loss before training, in parts of it, in steps whose sizes add up to that of so many.
_RISE, STEPS = 5.0, 100


def fading(error: float, atoms: int) -> float:
    """The factor of `training.smoothing`, at most 1: data that are many, or that a simple model describes, know better.

    error: of the linear model, eV/Å. atoms: of the training data.
    """
    return min(1.0, error**2 / max(atoms, 1) / _UNCERTAIN)


class Decay:
    """dW/ds = −weights W of layers, and of four-body terms in the basis in which training begins; dc/ds = −curvature Dᵀ
    diag(w) D c of ρ, f and g; s is the sum of step sizes, D the second difference of neighbouring coefficients; c are
    the free parameters of curves that are nowhere negative.

    w is 1, but less where curves of the linear start bend more than they usually do: median(b) / b with b the square of
    their second differences, for ρ those of φ. Steep curves of strongly compressed crystals are no noise. φ stays as it
    is.

    bound: of |N(G) − N(0)|, eV; None: there is none. As tanh is within ±1, it holds if absolute values of the weights
    of the last layer add up to no more than half of it, and for means of such weights; if they are larger, all become
    smaller alike. In convex models weights that became negative become 0; means of such weights are not negative,
    either. bends: b of each kind of spline, (tables, second differences). curvature: that of the equation.
    """

    def __init__(self, model: Model, weights: float, curvature: float, bound: float | None = None):
        layers = [m for net in model.networks for m in net if isinstance(m, nn.Linear)]
        self._last = [net[-1].weight for net in model.networks if len(net)] if bound is not None else []
        self._not_negative = model.later_weights if model.convex else []
        self._most = np.inf if bound is None else (1 - _ROUNDING) * bound / (2 * model.unit)
        self.rate, self.weights = weights, [layer.weight for layer in layers]
        if (four_body := getattr(model, "four_body", None)) is not None:
            self.weights.append(four_body)
        self.curvature = curvature
        names = [name for name in ("rho", "f", "g") if curvature and _decays(getattr(model, name))]
        self.splines = [getattr(model, name) for name in names]
        self._positive = [name in model.positive for name in names]
        self.begin_with(_bends(model) if curvature else [])

    def begin_with(self, bends: Sequence[Tensor], curvature: float | None = None) -> None:
        """What curves were like when training began, and how much they are smoothed; None: as before."""
        self.bends = list(bends)
        self.curvature = self.curvature if curvature is None else curvature
        parts = zip(self.bends, self._positive, strict=True)
        self._modes = [_modes(b.numpy(), self.curvature, positive) for b, positive in parts]

    @torch.no_grad()
    def soften(self, loss: Callable[[], float], size: float) -> None:
        """Makes `curvature` smaller where smoothing alone, by a step of this size, would add more than five times a
        loss to it: with the square of what it adds.

        Else curves that data hold with much force, as those of strongly compressed crystals, are lost: steps of
        training are the smaller, the larger gradients are, and smoothing is not.
        """
        if not self.splines:
            return
        before, start = loss(), [p.detach().clone() for p in self.splines]
        self._smooth(size)
        added, most = loss() - before, _RISE * before
        for p, old in zip(self.splines, start, strict=True):
            p.copy_(old)
        if not added <= most:
            self.begin_with(self.bends, self.curvature * float(np.nan_to_num(most / added)) ** 2)

    @torch.no_grad()
    def step(self, size: float) -> None:
        """A step of this size, without an error of its own however large."""
        left = float(np.exp(-size * self.rate))
        for weight in self.weights if self.rate else []:
            weight.mul_(left)
        self._smooth(size)
        self.limit()

    def _smooth(self, size: float) -> None:
        for coefficients, (rates, modes) in zip(self.splines, self._modes, strict=True):
            coefficients.copy_((modes * torch.exp(-size * rates)[:, None]) @ modes.mT @ coefficients)

    @torch.no_grad()
    def limit(self) -> None:
        """Makes the last layers of networks so small that the bound holds, and networks convex that are to be."""
        for weight in self._not_negative:
            weight.clamp_(min=0)
        for weight in self._last:
            weight *= min(1.0, self._most / max(float(weight.abs().sum()), 1e-300))


def _bends(model: Model) -> list[Tensor]:
    """Mean squares of second differences of φ for ρ, and of f and g, by table."""
    E, shape = model.shape.n_elements, model.shape
    phi = _squares(model.pairs().unsqueeze(2))
    unordered = [[shape.unordered.index((min(a, b), max(a, b))) for b in range(E)] for a in range(E)]
    around = phi[torch.tensor(unordered)]  # (E, E, functions − 2)
    phi = around.mean(1) if shape.shared else around.flatten(0, 1)
    found = phi, _squares(model.coefficients("f")), _squares(model.g)
    return [b for b, p in zip(found, (model.rho, model.f, model.g), strict=True) if _decays(p)]


def _decays(p: nn.Parameter) -> bool:
    return bool(p.numel()) and p.requires_grad


def _squares(coefficients: Tensor) -> Tensor:
    """Of second differences of splines (tables, functions, filters), means over filters."""
    return coefficients.detach().diff(n=2, dim=1).square().mean(2)


def _modes(bends: np.ndarray, curvature: float, positive: bool = False) -> tuple[Tensor, Tensor]:
    """Rates and modes of the decay of coefficients, (tables, functions) and (tables, functions, functions).

    positive: of free parameters v, which c are where they are large, but v_0, which stands for c_0 − c_1, stays.
    """
    D = np.diff(np.eye(bends.shape[1] + 2), n=2, axis=0)
    if positive:
        D[0] = 0
    usual = np.median(bends, axis=1, keepdims=True)
    weights = np.minimum(1, (usual + 1e-300) / (bends + 1e-300))
    rates, modes = np.linalg.eigh(curvature * D.T @ (weights[:, :, None] * D))
    return torch.from_numpy(rates.clip(0)), torch.from_numpy(modes)
