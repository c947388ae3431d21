"""The picture of a potential shows data, units and the filters that count."""

import copy

import numpy as np
import pytest
from ase.build import bulk

from snnp import _core
from snnp.analysis.coverage import coverage
from snnp.analysis.spline_plots import splines
from snnp.data.neighbors import structures
from snnp.models.gauge import contributions, filters
from support import random_potential, shaken, silicon


def crystals(p, symbols="Si"):
    crystal = bulk(symbols, "zincblende" if symbols != "Si" else "diamond", a=5.43, cubic=True)
    return [structures([shaken(crystal, 0.05, seed)], [e.name for e in p.elements], p.cutoff()) for seed in range(4)]


def test_first_neighbours_of_diamond_are_where_they_belong():
    p = silicon()
    perfect = structures([bulk("Si", "diamond", a=5.43)], ["Si"], p.cutoff())
    found = coverage(p, [perfect])
    r, cosine = found.distances[0], found.cosines[0]
    # Two atoms, four neighbours each at √3/4 a within 3.77 Å, six pairs of these at the tetrahedral angle.
    assert r.counts.sum() == 8 and cosine.counts.sum() == 12
    assert r.seen[0] <= 5.43 * np.sqrt(3) / 4 <= r.seen[1]
    assert cosine.seen[0] <= -1 / 3 <= cosine.seen[1]


def test_distances_and_angles_are_counted_by_elements():
    p = random_potential(("In", "P"), core=False)
    found = coverage(p, [structures([bulk("InP", "zincblende", a=5.87)], ["In", "P"], 3.0)])
    assert [h.counts.sum() for h in found.distances] == [0, 4, 4, 0]
    assert [h.counts.sum() for h in found.cosines] == [0, 0, 6, 6, 0, 0]
    assert found.distances[0].seen is None


def test_the_filters_that_carry_the_energy_are_labelled_with_their_share():
    p = silicon()
    s = crystals(p)
    squares = contributions(p, *filters(p, s)) ** 2
    share = squares[1] / squares.sum()
    assert share > 0.9  # the angular filter of Stillinger and Weber
    figure = splines(p, s)
    legends = {axes.get_ylabel(): axes.get_legend() for axes in figure.axes if axes.get_ylabel()}
    assert list(legends) == ["φ, eV", "ρ, eV", "f, √eV", "g"]
    for label, legend in legends.items():
        texts = [t.get_text() for t in legend.get_texts()] if legend else []
        assert texts == ([f"1: {100 * share:.2g} %"] if label in ("f, √eV", "g") else [])


def test_curves_in_ev_do_not_depend_on_the_scale_of_filters():
    p = random_potential(n3=0, core=False)
    other, rho = copy.deepcopy(p), list(p.rho)
    e = other.elements[0]
    rho[1] = _core.Spline(rho[1].knots, -3 * np.array(rho[1].coefficients), rho[1].open)
    other.rho, e.linear = rho, np.array(e.linear) / [1, -3, 1]
    first, *others = e.network.layers
    W = np.reshape(first.weights, (first.outputs, -1)) / [1, -3, 1]
    e.network.layers = [_core.Layer(first.inputs, first.outputs, W.ravel(), first.biases), *others]
    one, two = (
        [line.get_ydata() for line in splines(x, crystals(x)).axes[1].lines if len(line.get_ydata()) > 2]
        for x in (p, other)
    )
    assert len(one) == p.n2
    for y, z in zip(one, two, strict=True):
        np.testing.assert_allclose(y, z, rtol=0, atol=1e-10)


@pytest.mark.parametrize("activation", ["tanh", "density", "none"])
def test_a_picture_needs_no_data(activation, tmp_path):
    figure = splines(random_potential(("In", "P"), activation=activation))
    assert "filter units" in {axes.get_ylabel().partition(", ")[2] for axes in figure.axes}
    figure.savefig(tmp_path / "p.png", dpi=30)
