"""Four-body terms of a trainable model: invariants of third order of sums over neighbours, with fixed radial functions.

E4_i = S tanh(c·B_i / S); see `_core.FourBody` for B. Coefficients are c = T y, with y the parameters and T a matrix
that makes the loss round in y where training begins (`snnp.fitting.four_body_start`).
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from snnp import _core
from snnp.models.shape import FourBodyShape
from snnp.reference import directions, invariants

# Parameters of which covariances are known to the optimiser: of all of them they would take most of its time, and in y
# they are hardly correlated.
_BLOCK = 64


def padded(count: int) -> tuple[int, int]:
    """The shape of `count` parameters, in blocks of the optimiser of which the last one may have some that are zero."""
    return math.ceil(count / _BLOCK), min(count, _BLOCK)


def terms(
    shape: FourBodyShape, elements: int, coefficients: np.ndarray | None = None, bounds: Sequence[float] | None = None
) -> list[_core.FourBody]:
    """Those of each element. coefficients: c, eV, (elements, B); None: zero. bounds: S, eV, (elements,)."""
    found = []
    for a in range(elements):
        one = _core.FourBody()
        one.degree, one.radial, one.mixtures = shape.degree, shape.radial, len(shape.weights)
        one.inner, one.outer, one.cutoff = shape.inner, shape.outer, shape.cutoff
        one.bound = 1.0 if bounds is None else float(bounds[a])
        one.weights = np.ravel(shape.weights)
        one.coefficients = np.zeros(shape.count) if coefficients is None else coefficients[a]
        found.append(one)
    return found


def energies(model, structures: _core.Structures, vectors: Tensor) -> Tensor:
    """E4 of all atoms, (atoms,), eV, in plain PyTorch: differentiable in `vectors` (neighbours, 3), Å, and in y.

    As in `snnp.reference`: B are means over directions u of products of Σ_j w R(r_j) (2l + 1) P_l(u·u_j).
    """
    shape: FourBodyShape = model.shape.four_body
    u, mean = map(torch.from_numpy, directions())
    kinds = torch.from_numpy(structures.elements.astype(np.int64))
    i = torch.from_numpy(np.repeat(np.arange(len(kinds)), np.diff(structures.offsets)))
    r = vectors.norm(dim=1)
    weights = torch.tensor(shape.weights, dtype=torch.float64)[
        :, kinds[torch.from_numpy(structures.indices.astype(np.int64))]
    ]
    wR = (weights[:, None] * _radial(shape, r)).flatten(0, 1)  # (channels, neighbours)
    cosine = (vectors / r[:, None]) @ u.T
    P = [torch.ones_like(cosine), cosine]
    for l in range(1, shape.degree):  # noqa: E741
        P.append(((2 * l + 1) * cosine * P[l] - l * P[l - 1]) / (l + 1))
    zero = torch.zeros(len(kinds), len(u), dtype=r.dtype)
    F = [[zero.index_add(0, i, (2 * l + 1) * w[:, None] * P[l]) for w in wR] for l in range(shape.degree + 1)]  # noqa: E741
    c = model.four_body_coefficients()[kinds]  # (atoms, B)
    b = torch.zeros(len(kinds), dtype=r.dtype)
    for n, factors in enumerate(invariants(shape.degree, len(wR))):
        x, y, z = (F[degree][channel] for degree, channel in factors)
        b = b + c[:, n] * ((x * y * z) @ mean)
    S = model.four_body_bound[kinds]
    return S * torch.tanh(b / S)


def _radial(shape: FourBodyShape, r: Tensor) -> Tensor:
    """R_n at distances r (n,), Å: (radial functions, n)."""
    width, least = shape.outer - shape.inner, (shape.inner + shape.outer) / 2
    s = ((r - shape.inner) / width).clamp(0, 1)
    u = torch.where(r > shape.outer, r, least + width * (s**3 - s**4 / 2))
    far = 1 / 3
    x = 2 * (1 / (1 + 2 * u / shape.cutoff) - far) / (1 / (1 + 2 * least / shape.cutoff) - far) - 1
    T = [torch.ones_like(x), x]
    while len(T) < shape.radial:
        T.append(2 * x * T[-1] - T[-2])
    inside = (1 - (u / shape.cutoff) ** 2) ** 2 * (r < shape.cutoff)
    return torch.stack([t * inside for t in T[: shape.radial]])
