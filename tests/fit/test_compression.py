"""Three-body tensors approximated by products of filters: what is solved exactly, and where the search goes."""

import numpy as np
import pytest

from models import linear_model, tensor_coefficients
from snnp.fitting.compression import _Projection, compress
from snnp.models.normal_equations import Quadratic

MODELS = {"separate": (("In", "P"), True), "shared": (("In", "P"), "shared")}


@pytest.fixture(params=MODELS)
def teacher(request):
    """A model of filters, and a loss with its least value, 1, where the linear model is this one."""
    model = linear_model(*MODELS[request.param])
    x = tensor_coefficients(model)
    rows = np.random.default_rng(0).normal(size=(2 * len(x), len(x)))
    A = rows.T @ rows
    return model, Quadratic(A, A @ x, float(x @ A @ x) + 1)


def test_all_but_f_is_solved_exactly(teacher):
    """With f of the teacher, of any size, its φ, f f g and energies come back."""
    model, loss = teacher
    f = model.f.detach().numpy()
    phi, unit_f, g, energies = compress(model.shape, loss, 0, [], first=[3 * f])
    np.testing.assert_allclose(np.linalg.norm(unit_f, axis=1), 1)
    # The ridge, 1e-9 of the mean diagonal, is what is left of differences.
    np.testing.assert_allclose(phi, model.pairs().detach(), atol=1e-6)
    np.testing.assert_allclose(energies, model.constant.detach(), atol=1e-6)
    E, triples = model.shape.n_elements, len(g) // model.shape.n_elements
    sizes = np.linalg.norm(f, axis=1)
    for n, (given, found) in enumerate(zip(model.curves()[2].detach().numpy()[:: 3 // triples], g, strict=True)):
        if model.shape.shared:
            size = sizes[n] ** 2
        else:
            a, (b, c) = n // triples, model.shape.unordered[n % triples]
            size = sizes[a * E + b] * sizes[a * E + c]
        np.testing.assert_allclose(found, given * size, atol=1e-6)


def test_derivatives_are_those_of_the_least_loss(teacher):
    model, loss = teacher
    least = _Projection(model.shape, loss)
    f, direction = np.random.default_rng(1).normal(size=(2, np.prod(least.size)))
    h = 1e-5  # rounding and the next term of the series are then both about 1e-9
    difference = (least(f + h * direction)[0] - least(f - h * direction)[0]) / (2 * h)
    assert least(f)[1] @ direction == pytest.approx(difference, rel=1e-6)


def test_each_step_is_told_and_comes_closer(teacher):
    model, loss = teacher
    told, losses = [], []
    for steps in (1, 20):
        f = compress(model.shape, loss, steps, [0], told.append)[1]
        losses.append(_Projection(model.shape, loss)(f.ravel())[0])
        assert sum(told) == steps
        told.clear()
    assert 1 <= losses[1] < losses[0]
