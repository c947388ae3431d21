"""The penalty of curvature is the integral that it claims to be, on any knots."""

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.interpolate import BSpline

from snnp.models.linear import LinearModel, LinearShape
from snnp.splines import clamped, gram

KNOTS = np.array([1.5, 1.9, 2.7, 3.0, 4.2, 5.0])


@pytest.mark.parametrize("derivative", [0, 1, 2])
def test_gram_matrix_integrates_squares_of_derivatives(derivative):
    c = np.random.default_rng(0).normal(size=len(KNOTS) + 2)
    spline = BSpline(clamped(KNOTS), c, 3)
    integral = sum(quad(lambda r: float(spline(r, nu=derivative)) ** 2, *piece)[0] for piece in pairwise(KNOTS))
    assert c @ gram(KNOTS, len(c), derivative) @ c == pytest.approx(integral, rel=1e-10)


def test_finer_knots_leave_the_curvature_of_a_function_as_it_is():
    """So one strength means the same for all knots."""

    def curvature(n):
        knots = np.linspace(1.5, 5.0, n)
        x = np.linspace(1.5, 5.0, 2000)
        basis = BSpline(clamped(knots), np.eye(n + 2), 3)
        c = np.linalg.lstsq(basis(x), np.cos(2 * x), rcond=None)[0]
        return c @ gram(knots, n + 2, 2) @ c

    exact = quad(lambda r: (4 * np.cos(2 * r)) ** 2, 1.5, 5.0)[0]
    assert curvature(20) == pytest.approx(exact, rel=1e-2)
    assert curvature(40) == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize("elements", [1, 2])
def test_curvature_of_a_tensor_is_summed_over_its_directions(elements):
    pairs = elements * (elements + 1) // 2
    legs = [np.array([1.5, 1.8, 2.6, 3.0, 3.6])] * elements**2
    opposite = [np.array([1.5, 2.5, 3.1, 4.8, 6.0])] * (elements * pairs)
    linear = LinearModel(LinearShape(elements, [KNOTS] * elements**2, legs, opposite, True))
    x = np.random.default_rng(1).normal(size=linear.columns)
    x[: linear.first[0]] = 0  # φ is for the other tests
    expected = 0.0
    for kind in range(len(linear.shape.kinds)):
        V = linear.tensor(kind, x)
        for direction in range(3):
            matrices = [
                gram(knots, len(knots) + 2, 2 if d == direction else 0)
                for d, knots in enumerate((legs[0], legs[0], opposite[0]))
            ]
            expected += np.einsum("abc,ax,by,cz,xyz->", V, *matrices, V)
    assert x @ linear.curvature() @ x == pytest.approx(expected, rel=1e-10)
