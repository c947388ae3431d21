"""The embedding of a batch with its derivatives, written out: what a training step needs of it.

With A = ∂E/∂G and a change Gd of G, a step needs the gradient of S = Σ_i (w_i E_i + A_i·Gd_i) by G and by all
parameters behind the filters. A·Gd is the derivative of E along Gd, so it is carried through the network beside the
values, a number and its derivative at each node, and the gradient of both comes from one pass backward.
"""

import torch
from torch import Tensor, nn

from snnp.models.network import Model


class Embedding:
    """E_i = unit (constant + linear·x + N(x)) + ½ G_0 of all atoms, x = (G − mean) / scale; see `Model`.

    G: (atoms, 1 + n2 + n3). elements: (atoms,).
    """

    @torch.no_grad()
    def __init__(self, model: Model, G: Tensor, elements: Tensor):
        self.energies = 0.5 * G[:, 0]
        """(atoms,), eV."""
        self.A = torch.zeros_like(G)
        """∂E/∂G, (atoms, 1 + n2 + n3), eV."""
        self.A[:, 0] = 0.5
        self._parts = []
        for a in range(model.shape.n_elements):
            here = torch.nonzero(elements == a)[:, 0]
            if len(here):
                part = _OneElement(model, a, G[here, 1:])
                self.energies[here] += part.energies
                self.A[here, 1:] = part.slopes
                self._parts.append((here, part))

    @torch.no_grad()
    def backward(self, weights: Tensor, Gd: Tensor) -> Tensor:
        """∂S/∂G of S = Σ_i (w_i E_i + A_i·Gd_i); adds the gradient by parameters to their `.grad`.

        weights: w, (atoms,). Gd: (atoms, 1 + n2 + n3). Returns the shape of Gd.
        """
        B = torch.zeros_like(Gd)
        B[:, 0] = 0.5 * weights
        for here, part in self._parts:
            B[here, 1:] = part.backward(weights[here], Gd[here, 1:])
        return B


class _OneElement:
    """Atoms of element a, by the values G of their filters. With a fixed e0 there is one row more, the isolated atom:
    the constant is what the rest of its energy leaves.
    """

    def __init__(self, model: Model, a: int, G: Tensor):
        self.unit, self.fixed = model.unit, model.fixed_e0[a] is not None
        self.mean, self.scale = model.mean[a], model.scale[a]
        self.constant, self.linear = model.constant, model.linear
        self.a, self.atoms = a, len(G)
        self.layers = [m for m in model.networks[a] if isinstance(m, nn.Linear)]
        self.x = (torch.cat([G, torch.zeros_like(G[:1])]) if self.fixed else G).sub(self.mean).div_(self.scale)
        self._forward(_DERIVATIVES[model.shape.activation])
        y = self.unit * self.y
        constant = model.fixed_e0[a] - y[-1] if self.fixed else self.unit * self.constant[a]
        self.energies = y[: self.atoms] + constant
        self.slopes = (self.unit * (self.linear[a] + self.slope) / self.scale)[: self.atoms]

    def _forward(self, derivatives) -> None:
        """Values h of all layers, the first two derivatives of activations, and slopes ∂N/∂z of their arguments z."""
        self.y, self.slope = self.x @ self.linear[self.a], torch.zeros_like(self.x)
        self.h, self.first, self.second, self.slopes_z = [self.x], [], [], []
        if not self.layers:
            return
        *hidden, last = self.layers
        for layer in hidden:
            h, first, second = derivatives(torch.addmm(layer.bias, self.h[-1], layer.weight.T))
            self.h.append(h)
            self.first.append(first)
            self.second.append(second)
        self.y = self.y + torch.addmm(last.bias, self.h[-1], last.weight.T)[:, 0]
        self.slope = last.weight
        for layer, first in zip(reversed(hidden), reversed(self.first), strict=True):
            self.slopes_z.insert(0, self.slope * first)
            self.slope = self.slopes_z[0] @ layer.weight

    def backward(self, weights: Tensor, Gd: Tensor) -> Tensor:
        unit = self.unit
        w, change = unit * weights, unit * Gd / self.scale
        if self.fixed:
            w, change = torch.cat([w, -w.sum()[None]]), torch.cat([change, torch.zeros_like(change[:1])])
        else:
            _add(self.constant, _at(self.a, self.constant, w.sum()))
        _add(self.linear, _at(self.a, self.linear, w @ self.x + change.sum(0)))
        B = torch.outer(w, self.linear[self.a])
        if self.layers:
            B += self._network_backward(w, change)
        return (B / self.scale)[: self.atoms]

    def _network_backward(self, w: Tensor, change: Tensor) -> Tensor:
        """∂S/∂x through the network; w and the change of x are in units of the energy."""
        *hidden, last = self.layers
        changes, changes_z = [change], []
        for layer, first in zip(hidden, self.first, strict=True):
            changes_z.append(changes[-1] @ layer.weight.T)
            changes.append(changes_z[-1] * first)
        _add(last.weight, (w @ self.h[-1] + changes[-1].sum(0))[None])
        _add(last.bias, w.sum()[None])
        p, q = torch.outer(w, last.weight[0]), last.weight  # ∂S/∂h and, by its change, ∂S/∂ḣ
        for n in reversed(range(len(hidden))):
            by_z = p * self.first[n] + (q * changes_z[n]) * self.second[n]
            by_change = self.slopes_z[n]
            _add(hidden[n].weight, torch.addmm(by_z.T @ self.h[n], by_change.T, changes[n]))
            _add(hidden[n].bias, by_z.sum(0))
            p, q = by_z @ hidden[n].weight, by_change @ hidden[n].weight
        return p


def _tanh(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    h = torch.tanh(z)
    first = 1 - h * h
    return h, first, -2 * h * first


def _silu(z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    s = torch.sigmoid(z)
    ds = s * (1 - s)
    return z * s, s + z * ds, ds * (2 + z * (1 - 2 * s))


# Value, first and second derivative.
_DERIVATIVES = {"tanh": _tanh, "silu": _silu}


def _at(a: int, parameter: Tensor, value: Tensor) -> Tensor:
    """Zeros of the shape of a parameter, with a value at element a."""
    gradient = torch.zeros_like(parameter)
    gradient[a] = value
    return gradient


def _add(parameter: nn.Parameter, gradient: Tensor) -> None:
    if parameter.requires_grad:
        parameter.grad = gradient if parameter.grad is None else parameter.grad + gradient
