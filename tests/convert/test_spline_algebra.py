"""Piecewise cubics stay the same function whatever is done to their form."""

import numpy as np
import pytest
from scipy.interpolate import BSpline, CubicSpline

from snnp.convert.splines import Cubic, adaptive, uniform_fit

# Values of order one to ten pass through a dozen products.
ROUNDING = 1e-12

KNOTS = np.array([1.0, 1.4, 2.0, 2.0, 2.7, 3.0, 3.0, 3.0, 4.0])  # single, double and triple


@pytest.fixture
def rough():
    """A function whose second derivative jumps at 2 and whose first does at 3."""
    return Cubic.of_bspline(KNOTS, np.random.default_rng(0).normal(size=len(KNOTS) + 2))


@pytest.fixture
def smooth():
    rng = np.random.default_rng(1)
    return Cubic.through(np.linspace(1, 4, 8), rng.normal(size=8), 0.5, -2.0)


def test_pieces_are_those_of_the_bspline_and_give_it_back():
    c = np.random.default_rng(2).normal(size=(len(KNOTS) + 2, 3, 2))
    s = Cubic.of_bspline(KNOTS, c)
    expected = BSpline(np.r_[[1.0] * 3, KNOTS, [4.0] * 3], c, 3)
    x = np.linspace(1, 3.999, 500)
    for k in range(2):
        np.testing.assert_allclose(s(x, k), expected(x, nu=k), atol=100 * ROUNDING)
    np.testing.assert_array_equal(s.smooth, [2, 1, 2, 0])
    knots, again = s.bspline()
    np.testing.assert_array_equal(knots, KNOTS)
    np.testing.assert_allclose(again, c, atol=ROUNDING)


def test_the_clamped_spline_through_points_is_that_of_scipy():
    rng = np.random.default_rng(3)
    x, y = np.sort(rng.uniform(1, 5, 9)), rng.normal(size=9)
    expected = CubicSpline(x, y, bc_type=((1, 2.0), (1, -1.0)))
    at = np.linspace(x[0], x[-1], 300)
    np.testing.assert_allclose(Cubic.through(x, y, 2.0, -1.0)(at), expected(at), atol=ROUNDING)


def test_a_function_continued_cut_and_refined_is_the_same_function(rough):
    x = np.linspace(0.2, 5.5, 1000)
    for s in (rough.to_above(5).to_below(0.5), rough.refined(np.array([1.1, 2.0, 3.7]))):
        np.testing.assert_allclose(s(x), rough(x), atol=ROUNDING)
        np.testing.assert_allclose(Cubic.of_bspline(*s.bspline())(x), rough(x), atol=ROUNDING)
    inside = np.linspace(1.2, 3.5, 200)
    np.testing.assert_allclose(rough.cut(1.2, 3.5)(inside), rough(inside), atol=ROUNDING)


def test_linear_ends_are_found_and_nothing_else(rough):
    wide = rough.to_above(5).to_below(0.5)
    np.testing.assert_array_equal(wide.without_linear_ends().x, rough.x)
    np.testing.assert_array_equal(rough.without_linear_ends().x, rough.x)
    assert wide.without_linear_ends(above=False).back == 5


def test_sums_lines_and_mirrors_are_those_of_the_functions(rough, smooth):
    x = np.linspace(1, 4, 500)
    np.testing.assert_allclose((rough + smooth)(x), rough(x) + smooth(x), atol=ROUNDING)
    np.testing.assert_array_equal(
        (rough + smooth).smooth[[list((rough + smooth).x).index(t) - 1 for t in (2, 3)]], [1, 0]
    )
    np.testing.assert_allclose(rough.plus_line(2.0, 1.0)(x), rough(x) + 2 * x + 1, atol=ROUNDING)
    np.testing.assert_allclose(rough.mirrored()(-x), rough(x), atol=ROUNDING)


def test_stretching_the_end_pieces_leaves_the_polynomials(smooth):
    wide = smooth.stretched(0.7, 4.4)
    x = np.linspace(1, 4, 200)
    np.testing.assert_allclose(wide(x), smooth(x), atol=ROUNDING)
    np.testing.assert_allclose(wide.stretched(1.0, 4.0).c, smooth.c, atol=ROUNDING)


def test_a_grid_that_holds_all_breaks_is_exact_and_any_other_as_close_as_asked(smooth):
    x = np.linspace(1, 4, 300)
    merged = Cubic(*smooth.cut(1.0, smooth.x[5]).joined(smooth.cut(smooth.x[5], 4.0)).__dict__.values())
    fit, error = uniform_fit(merged, 1e-6)
    assert error == 0
    np.testing.assert_allclose(fit(x), smooth(x), atol=ROUNDING)
    uneven = smooth.refined(np.array([1.1234567]))
    fit, error = uniform_fit(uneven, 1e-6)
    assert 0 < error <= 1e-6
    np.testing.assert_allclose(np.diff(fit.x), fit.x[1] - fit.x[0], rtol=1e-9)
    np.testing.assert_allclose(fit(x), smooth(x), atol=2 * error)


def test_adaptive_splines_are_as_close_as_asked_also_at_kinks():
    def f(x):
        """e^(−x) with a kink at 2, a node."""
        return np.exp(-x) + np.abs(x - 2), -np.exp(-x) + np.where(x < 2, -1.0, 1.0)

    nodes = np.linspace(1, 4, 301)
    x = np.linspace(1, 4, 5000)
    sizes = []
    for tolerance in (1e-3, 1e-5, 1e-7):
        s = adaptive(f, nodes, lambda x, v, t=tolerance: (t, 10 * t))
        away = np.abs(x - 2) > 0.02
        np.testing.assert_allclose(s(x[away]), f(x[away])[0], atol=1.1 * tolerance)
        sizes.append(len(s.x))
    assert sizes == sorted(sizes) and sizes[-1] < 150
