"""What a report says of a potential: parts add up, sums do not depend on the gauge, a potential is like itself."""

import numpy as np
import pytest
from ase.build import bulk

from models import KINDS, random_model
from snnp import _core
from snnp.analysis.interactions import angle_energy, bond_energy, trimer_energy
from snnp.analysis.likeness import alike, energy_difference
from snnp.analysis.neighbor_weights import weights, weights_tables
from snnp.analysis.reading import read_potential
from snnp.data.neighbors import structures
from snnp.models.gauge import embedding, filters, in_standard_gauge
from support import liquid, random_potential, shaken, silicon, with_four_body, with_tensors


@pytest.fixture(params=["one element, tanh", "two elements, silu"])
def case(request):
    potential = random_model(*KINDS[request.param]).potential(" DATE: none")
    return potential, [liquid([e.name for e in potential.elements], seed) for seed in range(3)]


def test_parts_of_atomic_energies_are_those_of_the_engine(case):
    """e0, half of the pair sums and the embedding of the filters are all there is."""
    potential, atoms = case
    names = [e.name for e in potential.elements]
    s = structures(atoms, names, potential.cutoff())
    out = _core.Engine(potential).evaluate(s, 1)
    G, kinds = filters(potential, [s])
    for a, element in enumerate(potential.elements):
        here = kinds == a
        energies = element.e0 + out["filters"][here, 0] / 2 + embedding(element, G[here])[0]
        np.testing.assert_allclose(energies, out["energies"][here], rtol=1e-10, atol=1e-9)


def test_slopes_of_the_embedding_are_derivatives(case):
    potential, atoms = case
    s = structures(atoms, [e.name for e in potential.elements], potential.cutoff())
    G, kinds = filters(potential, [s])
    element, h = potential.elements[0], 1e-5
    here = G[kinds == 0]
    slopes = embedding(element, here)[1]
    for m in range(here.shape[1]):
        step = h * np.eye(here.shape[1])[m]
        found = (embedding(element, here + step)[0] - embedding(element, here - step)[0]) / (2 * h)
        np.testing.assert_allclose(slopes[:, m], found, atol=1e-6 * max(np.abs(slopes).max(), 1))  # h² and rounding/h


def read(potential, atoms, standard=True):
    s = [structures([a], [e.name for e in potential.elements], potential.cutoff()) for a in atoms]
    return read_potential(in_standard_gauge(potential, s) if standard else potential, s)


def test_leading_filters_carry_nine_tenths(case):
    reading = read(*case)
    squares = reading.contributions**2
    chosen = squares[reading.leading]
    assert chosen.sum() >= 0.9 * squares.sum()
    assert chosen.sum() - chosen.min() < 0.9 * squares.sum()
    assert list(chosen) == sorted(chosen, reverse=True)


@pytest.mark.parametrize("kind", ["network", "density", "tensors", "four-body", "core"])
def test_shares_of_parts_add_up_to_the_variance_of_atomic_energies(kind):
    p = random_potential(("In", "P"), activation="density" if kind == "density" else "tanh", core=kind == "core")
    p = with_tensors(p) if kind == "tensors" else with_four_body(p) if kind == "four-body" else p
    atoms = [liquid(["In", "P"], seed) for seed in range(3)]
    reading = read(p, atoms, standard=False)
    out = _core.Engine(p).evaluate(structures(atoms, ["In", "P"], p.cutoff()), 1)
    e0 = np.array([e.e0 for e in p.elements])[reading.kinds]
    np.testing.assert_allclose(
        sum(reading.terms.values()), out["energies"] - e0, atol=1e-6
    )  # parts of less are left out
    names = {part.name for part in reading.parts}
    assert {"core": "ZBL core", "tensors": "tensors V", "four-body": "four-body", "density": "U, beyond linear"}.get(
        kind, "pair"
    ) in names
    together = [part for part in reading.parts if part.name not in reading.filter_names]
    assert sum(part.share for part in together) == pytest.approx(1)
    single = [part.share for part in reading.parts if part.name in reading.filter_names]
    assert sum(single) == pytest.approx(next(part.share for part in together if part.name == "all filters, linear"))


def test_bonds_and_angles_do_not_depend_on_how_filters_are_written(case):
    """To first order: scales, signs and the order of filters, and what stands in φ or ρ, change with the gauge."""
    potential, atoms = case
    one, two = read(potential, atoms, standard=False), read(potential, atoms)
    r, cosine = np.linspace(2, 3.4, 20), np.linspace(-1, 1, 20)
    E = range(len(potential.elements))
    for a in E:
        for b in E:
            np.testing.assert_allclose(bond_energy(one, a, b, r), bond_energy(two, a, b, r), atol=1e-9)
            x, y = (angle_energy(each, (a, 0, b), r, r + 0.1, cosine) for each in (one, two))
            np.testing.assert_allclose(x, y, atol=1e-9)


def test_a_linear_potential_is_its_bonds_and_angles():
    """Of three atoms alone, the energy is that of bonds and angles, since all of it is of first order."""
    p = with_tensors(random_potential(("In", "P"), activation="none", core=True, cutoff=4.0))
    reading = read(p, [liquid(["In", "P"], seed) for seed in range(3)], standard=False)
    legs, angle = np.array([2.4, 2.7]), 75.0
    a, b, c = 0, 1, 0
    third = np.sqrt(legs @ legs - 2 * legs.prod() * np.cos(np.radians(angle)))
    sides = [(a, b, legs[0]), (a, c, legs[1]), (b, c, third)]
    bonds = sum(bond_energy(reading, x, y, np.array([r]))[0] for x, y, r in sides)
    # Centre, its neighbours with their distances, and the side opposite to it.
    triangle = [(0, (1, legs[0]), (0, legs[1]), third), (1, (0, legs[0]), (0, third), legs[1]),
                (0, (1, third), (0, legs[1]), legs[0])]  # fmt: skip
    angles = 0.0
    for centre, (j, r_j), (k, r_k), opposite in triangle:
        (j, r_j), (k, r_k) = sorted([(j, r_j), (k, r_k)])
        cosine = (r_j**2 + r_k**2 - opposite**2) / (2 * r_j * r_k)
        angles += float(angle_energy(reading, (centre, j, k), r_j, r_k, cosine))
    found = trimer_energy(p, (a, b, c), legs, [angle])[0]
    assert found == pytest.approx(bonds + angles, abs=1e-9)


def test_silicon_of_stillinger_and_weber_is_read_like_the_textbook():
    """Its angles are cheapest at that of the tetrahedron, where (cos θ + 1/3)² is zero."""
    reading = read(silicon(), [shaken(bulk("Si", "diamond", a=5.43, cubic=True), 0.05, seed) for seed in range(3)])
    (near,) = reading.coverage.nearest
    assert near == pytest.approx(5.43 * np.sqrt(3) / 4, abs=0.05)  # the shaking
    cosine = np.linspace(-1, 0.8, 500)
    energies = angle_energy(reading, (0, 0, 0), near, near, cosine)
    assert cosine[np.argmin(energies)] == pytest.approx(-1 / 3, abs=0.02)


def test_a_potential_is_like_itself_and_not_like_another(case):
    potential, atoms = case
    reading = read(potential, atoms)
    found = alike(reading, reading)
    assert all(one.cosine == pytest.approx(1) and one.partner == one.name for one in found)
    assert energy_difference(reading, reading) == 0
    other = read(changed(potential), atoms)
    assert min(one.cosine for one in alike(reading, other)) < 0.99
    assert energy_difference(reading, other) > 0.01


def test_filters_are_matched_whatever_their_order_scale_and_sign(case):
    potential, atoms = case
    one = read(potential, atoms)
    p = _core.parse_potential(_core.format_potential(one.potential), "copy")
    n2, n3 = p.n2, p.n3
    p.rho = [_core.Spline(s.knots, -np.array(s.coefficients), s.open) for s in p.rho]
    p.f = [p.f[k * n3 + m] for k in range(len(p.f) // n3) for m in reversed(range(n3))]
    p.g = [p.g[k * n3 + m] for k in range(len(p.g) // n3) for m in reversed(range(n3))]
    two = read(p, atoms, standard=False)  # its embedding is another now
    found = {x.name: (x.partner, x.cosine) for x in alike(one, two)}
    for m in range(n2):
        assert found[f"ρ{m + 1}"] == (f"ρ{m + 1}", pytest.approx(1))
    for m in range(n3):
        assert found[f"f{m + 1} g{m + 1}"] == (f"f{n3 - m} g{n3 - m}", pytest.approx(1))


def changed(potential):
    other = _core.parse_potential(_core.format_potential(potential), "copy")
    pairs = other.pairs
    for pair in pairs:
        bumps = np.sin(np.arange(len(pair.phi.coefficients) - 3.0))
        pair.phi = _core.Spline(pair.phi.knots, np.r_[bumps, 0, 0, 0])
    other.pairs = pairs
    return other


def test_weights_of_neighbours_are_those_that_curves_were_made_with():
    """ρ of In around In and P one curve times 1 and −0.5, around P times 0.25 and 0.125: relative to the larger one."""
    p = random_potential(("In", "P"))
    knots = np.linspace(1.5, 5, 8)
    c = np.r_[np.random.default_rng(0).normal(size=7), 0, 0, 0]
    rho = list(p.rho)
    for ab, weight in enumerate([1.0, -0.5, 0.25, 0.125]):
        rho[ab * p.n2 + 1] = _core.Spline(knots, weight * c)
    p.rho = rho
    for table, expected in zip(weights_tables(p), (["1.00", "-0.50"], ["1.00", "0.50"]), strict=True):
        rows = list(zip(*(column.cells for column in table.columns), strict=True))
        assert ("ρ2", *expected) in rows
        # Without a g in common, sizes of f mean nothing.
        assert [row[0] for row in rows] == [f"ρ{m + 1}" for m in range(p.n2)]


def test_weights_of_curves_with_other_shapes():
    """sin and cos over half a period are of one size, and not alike."""
    x = np.linspace(0, np.pi, 1001)
    sizes, likeness = weights(np.array([2 * np.sin(x), -np.sin(x), np.cos(x)]), np.ones_like(x))
    np.testing.assert_allclose(sizes[:2], [1, -0.5], rtol=1e-12)
    assert abs(sizes[2]) == pytest.approx(0.5, rel=2e-3)  # two end points more of 1001 have a cosine of 1
    np.testing.assert_allclose(likeness, [1, -1, 0], atol=1e-12)


def test_one_element_has_no_weights():
    assert not list(weights_tables(random_potential(("Si",))))
