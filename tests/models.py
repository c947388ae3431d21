"""Random trainable models for tests."""

import numpy as np
import torch

from snnp.models.network import Model
from snnp.models.shape import FourBodyShape, Shape

# elements, hidden layers, activation, and knots: uniform, or not, or shared by elements as all curves are then; radial
# functions of four-body terms
KINDS = {
    "one element, tanh": (("Si",), [6, 5], "tanh", True),
    "one element, linear, uneven knots": (("Si",), [], "tanh", False),
    "two elements, silu": (("In", "P"), [5], "silu", True),
    "two elements, tanh, uneven knots": (("In", "P"), [6, 5], "tanh", False),
    "two elements, squareplus": (("In", "P"), [5, 4], "squareplus", True),
    "three elements, shared filters": (("P", "In", "Si"), [5], "tanh", "shared"),
    "one element, four-body terms": (("Si",), [5], "tanh", True, 3),
    "two elements, four-body terms": (("In", "P"), [5], "tanh", False, 2),
}


def random_model(elements, hidden, activation, uniform, four_body=0, n2=2, n3=3, fixed_e0=None):
    """A model without repulsive core, all of whose parameters are random."""
    rng = np.random.default_rng(0)
    torch.manual_seed(0)
    E = len(elements)
    pairs = E * (E + 1) // 2
    shared = uniform == "shared"
    pair_knots = _symmetric([_knots(rng, 1.5, 5.0 - 0.3 * n, 9, uniform) for n in range(E * E)], E)
    radial_knots = [_knots(rng, 1.4, 3.6 + 0.2 * n, 7, uniform) for n in range(E * E)]
    model = Model(
        Shape(
            elements=list(elements),
            n2=n2,
            n3=n3,
            pair_knots=pair_knots[:1] * E**2 if shared else pair_knots,
            radial_knots=radial_knots[:1] * E**2 if shared else radial_knots,
            angle_knots=_knots(rng, -1, 1, 6, uniform),
            hidden=hidden,
            activation=activation,
            zbl=[None] * pairs,
            shared=shared,
            four_body=four_body_shape(rng, E, four_body) if four_body else None,
        ),
        fixed_e0,
        unit=0.7,
    )
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(0.3 * torch.randn_like(parameter))
        model.mean.copy_(torch.randn_like(model.mean))
        model.scale.copy_(0.5 + torch.rand_like(model.scale))
        if four_body:
            model.four_body_basis.copy_(0.01 * torch.randn_like(model.four_body_basis))
            model.four_body_bound.copy_(0.5 + torch.rand_like(model.four_body_bound))
    return model


def four_body_shape(rng, elements, radial):
    """Four-body terms whose cutoff is between those of f and φ."""
    return FourBodyShape(3, radial, rng.normal(size=(elements, elements)).tolist(), 1.3, 2.0, 4.2)


def linear_model(elements, uniform):
    """A model whose energy is ½ Σ φ plus the sum of its three-body filters."""
    model = random_model(elements, [], "tanh", uniform, n2=0)
    with torch.no_grad():
        model.unit = 1.0
        model.mean.zero_()
        model.scale.fill_(1.0)
        model.linear.fill_(1.0)
        if model.shape.shared:
            model.mix_f.copy_(torch.eye(model.shape.n3))
    return model


def tensor_coefficients(model):
    """The coefficients of the full linear model that a model of filters stands for."""
    f, g = (curve.detach().numpy() for curve in model.curves()[1:])
    E, pairs = model.shape.n_elements, model.shape.unordered
    parts = [model.pairs().detach().numpy().ravel()]
    for a in range(E):
        for n, (b, c) in enumerate(pairs[:1] if model.shape.shared else pairs):
            tensor = np.einsum("am,bm,cm->abc", f[a * E + b], f[a * E + c], g[a * len(pairs) + n])
            hi, lo = np.tril_indices(len(tensor))
            parts.append((tensor[hi, lo] if b == c else tensor).ravel())
    return np.concatenate([*parts, model.constant.detach().numpy()])


def _knots(rng, first, last, n, uniform):
    knots = np.linspace(first, last, n)
    if not uniform:
        knots[1:-1] += rng.uniform(-0.3, 0.3, n - 2) * (last - first) / (n - 1)
    return knots


def forces(structures, gradient):
    """Forces, shape (atoms, 3), eV/Å, from the energy's gradient with respect to the vectors to neighbours."""
    i = torch.from_numpy(np.repeat(np.arange(len(structures)), np.diff(structures.offsets)))
    j = torch.from_numpy(structures.indices.astype(np.int64))
    zero = torch.zeros(len(structures), 3, dtype=gradient.dtype)
    return zero.index_add(0, i, gradient).index_add(0, j, -gradient)


def _symmetric(by_ordered_pair, elements):
    """Knots of φ and ρ: the same for both orders of a pair of elements, as φ is."""
    return [by_ordered_pair[min(a, b) * elements + max(a, b)] for a in range(elements) for b in range(elements)]
