"""The standard gauge: the same potential, whose curves can be compared."""

import numpy as np
import pytest

from models import KINDS, random_model
from snnp import _core
from snnp.data.neighbors import structures
from snnp.models.gauge import contributions, embedding, filters, in_standard_gauge
from support import liquid


@pytest.fixture(params=KINDS, ids=lambda kind: kind)
def case(request):
    potential = random_model(*KINDS[request.param]).potential(" DATE: none")
    names = [e.name for e in potential.elements]
    data = [structures([liquid(names, seed=n)], names, potential.cutoff()) for n in range(3)]
    return potential, data


def evaluated(potential, s):
    return _core.Engine(potential).evaluate(s, 1)


def test_gauge_leaves_energies_forces_and_virials_as_they_are(case):
    potential, data = case
    standard = in_standard_gauge(potential, data)
    other = structures([liquid([e.name for e in potential.elements], seed=9)],
                       [e.name for e in potential.elements], potential.cutoff())  # fmt: skip
    for s in (*data, other):
        before, after = evaluated(potential, s), evaluated(standard, s)
        scale = np.abs(before["energies"]).sum()
        assert after["energy"] == pytest.approx(before["energy"], abs=1e-11 * scale)  # sums of such numbers
        np.testing.assert_allclose(after["forces"], before["forces"], atol=1e-10 * np.abs(before["forces"]).max())
        np.testing.assert_allclose(after["virial"], before["virial"], atol=1e-10 * np.abs(before["virial"]).max())
        if len(potential.elements) == 1:
            np.testing.assert_allclose(after["energies"], before["energies"], atol=1e-11 * scale)


def test_another_gauge_of_the_same_potential_has_the_same_standard_gauge(case):
    """Filters scaled, reflected and in another order: curve by curve the same."""
    potential, data = case
    other = _core.parse_potential(_core.format_potential(potential), "copy")
    rng = np.random.default_rng(1)
    n2, n3 = other.n2, other.n3
    factors = rng.uniform(0.3, 3, n2) * rng.choice([-1, 1], n2)
    legs = rng.uniform(0.3, 3, n3) * rng.choice([-1, 1], n3)
    times = lambda s, c: _core.Spline(s.knots, c * np.array(s.coefficients), s.open)  # noqa: E731
    other.rho = [times(s, factors[k % n2]) for k, s in enumerate(other.rho)]
    other.f = [times(s, legs[k % n3]) for k, s in enumerate(other.f)]
    other.g = [times(s, 1 / legs[k % n3] ** 2) for k, s in enumerate(other.g)]
    scale = np.r_[factors, np.ones(n3)]
    elements = other.elements
    for e in elements:
        e.linear = np.array(e.linear) / scale
        if len(e.network.layers):
            network, first = e.network, e.network.layers[0]
            W = np.reshape(first.weights, (first.outputs, first.inputs)) / scale
            network.layers = [_core.Layer(first.inputs, first.outputs, W.ravel(), first.biases), *network.layers[1:]]
            e.network = network
    other.elements = elements
    a, b = (in_standard_gauge(p, data) for p in (potential, other))
    for some, others in ((a.rho, b.rho), (a.f, b.f), (a.g, b.g)):
        for one, two in zip(some, others, strict=True):
            np.testing.assert_allclose(one.coefficients, two.coefficients, atol=1e-9)
    for one, two in zip(a.pairs, b.pairs, strict=True):
        np.testing.assert_allclose(one.phi.coefficients, two.phi.coefficients, atol=1e-8)


def test_curves_are_of_size_one_and_filters_in_the_order_of_what_they_add(case):
    potential, data = case
    p = in_standard_gauge(potential, data)
    sizes = np.reshape([s(np.linspace(s.knots[0], s.knots[-1], 400)).max() for s in p.f], (len(p.elements), -1, p.n3))
    shared = len(p.elements) == 3
    np.testing.assert_allclose(sizes.max(axis=1) if shared else sizes, 1)
    found = contributions(p, *filters(p, data))
    assert (np.diff(found[: p.n2]) <= 1e-12).all()
    assert (np.diff(found[p.n2 :]) <= 1e-12).all()
    assert found.max() > 0


def test_pair_function_is_what_pairs_feel_on_average(case):
    """The embedding has no slope in ρ on average, so that φ holds all that is linear."""
    potential, data = case
    p = in_standard_gauge(potential, data)
    G, kinds = filters(p, data)
    same = all(np.array_equal(p.rho[k * p.n2].knots, p.pairs[0].phi.knots) for k in range(len(p.rho) // p.n2))
    for a, element in enumerate(p.elements):
        slopes = embedding(element, G[kinds == a])[1][:, : p.n2].mean(axis=0)
        if same or len(p.elements) == 1:
            np.testing.assert_allclose(slopes, 0, atol=1e-10)


def test_without_effective_pairs_atoms_keep_their_energies(case):
    potential, data = case
    standard = in_standard_gauge(potential, data, effective_pairs=False)
    for s in data:
        before, after = evaluated(potential, s)["energies"], evaluated(standard, s)["energies"]
        np.testing.assert_allclose(after, before, rtol=0, atol=1e-11 * np.abs(before).sum())


def test_angular_curves_that_neighbours_share_stay_shared():
    """To the last digit: the engine keeps such tables once."""
    potential = random_model(*KINDS["three elements, shared filters"]).potential(" DATE: none")
    names = [e.name for e in potential.elements]
    standard = in_standard_gauge(potential, [structures([liquid(names)], names, potential.cutoff())])
    for p in (potential, standard):
        by_centre = np.reshape([s.coefficients for s in p.g], (3, 6, p.n3, -1))
        assert (by_centre == by_centre[:, :1]).all()
