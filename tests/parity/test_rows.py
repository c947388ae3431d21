"""Rows of linear and of linearised models say the same as the engine that evaluates their potentials."""

import numpy as np
import pytest

import support
import tolerances
from snnp import _core
from snnp.data.neighbors import structures
from snnp.models.density import Layout
from snnp.models.linear import LinearModel, LinearShape
from snnp.models.potentials import density_potential, effective_pair, linear_potential
from snnp.models.shape import Shape

CASES = ("triclinic", "cluster", "two_atom_cell")
ELEMENTS = [("Si",), ("In", "P")]


def uneven(rng, first, last, n):
    knots = np.linspace(first, last, n)
    knots[1:-1] += rng.uniform(-0.3, 0.3, n - 2) * (last - first) / (n - 1)
    return knots


def symmetric(rng, E, last, n):
    """Knots by ordered pair, the same for both orders."""
    knots = {(a, b): uneven(rng, 1.5, last - 0.1 * (a + b), n) for a in range(E) for b in range(a, E)}
    return [knots[min(a, b), max(a, b)] for a in range(E) for b in range(E)]


def linear_model(elements, radial_knots=6, jk_knots=9, seed=0):
    """A linear model of r_jk on uneven knots, and the shape of its potential."""
    rng, E = np.random.default_rng(seed), len(elements)
    pairs = E * (E + 1) // 2
    shape = Shape(list(elements), 0, 0, symmetric(rng, E, 5.0, 9), [None] * pairs)
    shape.radial_knots = [uneven(rng, 1.4, 3.6 + 0.2 * n, radial_knots) for n in range(E * E)]
    shape.jk_knots = [uneven(rng, 1.5, 6.4 + 0.1 * n, jk_knots) for n in range(E * pairs)]
    return LinearModel(LinearShape(E, shape.pair_knots, shape.radial_knots, shape.jk_knots, True)), shape


def linear_engine(linear, shape, x, tensors):
    E = shape.n_elements
    return _core.Engine(linear_potential(shape, linear.pair_coefficients(x), tensors, x[-E:], "tests"))


def assert_same(out, energy, forces, virial, s):
    assert out["energy"] == pytest.approx(energy, abs=tolerances.ENERGY * len(s))
    np.testing.assert_allclose(out["forces"], forces, rtol=0, atol=tolerances.FORCE)
    np.testing.assert_allclose(out["virial"], virial, rtol=0, atol=tolerances.VIRIAL * len(s))


@pytest.mark.parametrize("elements", ELEMENTS)
@pytest.mark.parametrize("case", CASES)
def test_linear_rows_times_coefficients_are_what_the_engine_finds(case, elements):
    linear, shape = linear_model(elements)
    x = np.random.default_rng(1).normal(size=linear.columns)
    tensors = [linear.tensor(kind, x) for kind in range(len(linear.shape.kinds))]
    engine = linear_engine(linear, shape, x, tensors)
    s = structures([support.structures(elements)[case]], elements, engine.cutoff)
    energies, virials, forces = linear.design.rows(s, 2)
    one_body = x[-len(elements) :][s.elements].sum()
    assert_same(engine.evaluate(s), energies[0] @ x + one_body, forces @ x, virials[0] @ x, s)


def test_coefficients_that_are_no_unknowns_are_those_that_no_triangle_sees():
    linear, shape = linear_model(("Si",), radial_knots=13, jk_knots=25)
    x = np.zeros(linear.columns)
    n_leg, n_third = linear.shape.functions[1:]
    (unknown,) = linear.packed
    seen = np.zeros((n_leg, n_leg, n_third), dtype=bool)
    seen.ravel()[unknown] = True
    seen |= seen.swapaxes(0, 1)
    assert 0 < seen.mean() < 0.9
    full = np.random.default_rng(2).normal(size=seen.shape)
    full = np.where(seen, 0, full + full.swapaxes(0, 1))
    engine = linear_engine(linear, shape, x, [np.pad(full, ((0, 3), (0, 3), (0, 3)))])
    for name in ("crowded", "triclinic", "cluster"):
        out = engine.evaluate(structures([support.structures()[name]], ("Si",), engine.cutoff))
        assert np.abs(out["energies"]).max() == 0


def density_model(elements, n3, seed=0):
    """Knots, layout and random coefficients of a model of densities, and its rows for structures."""
    rng, E = np.random.default_rng(seed), len(elements)
    pairs = E * (E + 1) // 2
    pair_knots = symmetric(rng, E, 5.0, 9)
    rho_knots = [uneven(rng, 1.3, 4.6, 8) for _ in range(E * E)] if n3 else pair_knots
    shape = Shape(list(elements), 1, n3, pair_knots, [None] * pairs, rho_knots=rho_knots, end=2)
    shape.radial_knots = [uneven(rng, 1.4, 3.6 + 0.1 * n, 7) for n in range(E * E)] if n3 else []
    shape.angle_knots = uneven(rng, -1, 1, 6)
    knots = np.array([uneven(rng, -0.5, 1.5, 8) for _ in range(E)])  # some densities lie beyond
    layout = Layout.of(shape, knots.shape[1])
    x = 0.3 * rng.normal(size=layout.columns)
    angles = [shape.angle_knots] * (E * pairs) if n3 else []
    functions = [layout.phi[1], layout.rho[1], layout.f[1]]
    model = _core.Density(E, pair_knots, rho_knots, shape.radial_knots, angles, knots, functions)
    return shape, knots, layout, x, lambda s, x: model.rows(s, x[:-E], 2)


def predicted(layout, rows, s, x):
    """Energies, virials and forces: rows times the coefficients in which the model is linear."""
    energies, virials, forces, _ = rows(s, x)
    linear = x.copy()
    parts = layout.split(linear)
    for name in ("rho", "f", "g"):
        parts[name][:] = 0
    return energies @ linear, virials @ linear, forces @ linear


@pytest.mark.parametrize("elements", ELEMENTS)
@pytest.mark.parametrize("n3", [0, 1], ids=["eam", "smeam"])
def test_density_rows_times_linear_coefficients_are_what_the_engine_finds(n3, elements):
    shape, knots, layout, x, rows = density_model(elements, n3)
    parts = layout.split(x)
    parts["e0"][:] = 0
    engine = _core.Engine(density_potential(shape, parts, knots, np.zeros(len(elements)), "tests"))
    for case in CASES:
        s = structures([support.structures(elements)[case]], elements, engine.cutoff)
        (energy,), (virial,), forces = predicted(layout, rows, s, x)
        assert_same(engine.evaluate(s), energy, forces, virial, s)


@pytest.mark.parametrize("elements", ELEMENTS)
@pytest.mark.parametrize("n3", [0, 1], ids=["eam", "smeam"])
def test_density_rows_are_derivatives_by_coefficients(n3, elements):
    shape, _, layout, x, rows = density_model(elements, n3)
    s = structures([support.structures(elements)["triclinic"]], elements, shape.cutoff)
    exact = rows(s, x)[:3]
    columns = len(x) - len(elements)
    for column in np.random.default_rng(3).choice(columns, min(columns, 30), replace=False):
        step = np.zeros(len(x))
        step[column] = tolerances.STEP
        above, below = (predicted(layout, rows, s, x + sign * step) for sign in (1, -1))
        for up, down, row in zip(above, below, exact, strict=True):
            difference = (up - down) / (2 * tolerances.STEP)
            # Virials of hundreds of eV, to the same number of digits.
            size = max(np.abs(row[..., column]).max(), 1)
            np.testing.assert_allclose(difference / size, row[..., column] / size, rtol=0, atol=tolerances.DIFFERENCE)


@pytest.mark.parametrize("elements", ELEMENTS)
def test_effective_pair_potential_is_another_form_of_the_same_eam(elements):
    shape, knots, layout, x, rows = density_model(elements, 0)
    s = structures([support.structures(elements)["triclinic"]], elements, shape.cutoff)
    before = predicted(layout, rows, s, x)
    parts = layout.split(x)
    parts["phi"][:], parts["U"][:] = effective_pair(shape, parts, knots)
    middle = [_core.Spline(k, u)(np.array([k.mean()]), 1)[0] for k, u in zip(knots, parts["U"], strict=True)]
    assert np.abs(middle).max() < tolerances.ENERGY
    for old, new in zip(before, predicted(layout, rows, s, x), strict=True):
        np.testing.assert_allclose(new, old, rtol=0, atol=tolerances.FORCE)
