"""Elements that share curves: their files have each curve once, whatever is done with the potential between."""

import copy
import pickle

import numpy as np
import pytest

from models import random_model
from snnp import _core
from snnp.data.neighbors import structures
from snnp.models.gauge import in_standard_gauge
from snnp.models.potentials import combinations
from support import liquid

ELEMENTS = ("P", "In", "Si")
KINDS = ("rho", "f", "g")


def model(elements=ELEMENTS):
    return random_model(elements, [5], "tanh", "shared")


def written_out(potential):
    """The same splines by their coefficients."""
    p = copy.deepcopy(potential)
    for kind in KINDS:
        setattr(p, kind, [_core.Spline(s.knots, s.coefficients, s.open) for s in getattr(p, kind)])
    return p


def lines(potential, beginning):
    return [line for line in _core.format_potential(potential).splitlines() if line.startswith(beginning)]


def atoms():
    return liquid(ELEMENTS, amplitude=0.2)


def test_a_file_has_the_curves_of_each_centre_and_the_weights_of_each_pair():
    m = model()
    p = m.potential(" DATE: none")
    assert len(lines(p, "curve ")) == 3 * (m.shape.n2 + 2 * m.shape.n3)
    assert lines(p, "spline g 2 ") == [
        f"spline g 2 {s} * * curves {k}" for s, k in zip(ELEMENTS, (17, 20, 23), strict=True)
    ]
    for a, f in enumerate(p.f[:: 3 * m.shape.n3]):
        assert [c.coefficients[:-3] for c in f.curves] == m.f[a].T.tolist()
        assert f.weights == m.mix_f[3 * a, :, 0].tolist()


def test_a_potential_with_curves_is_the_potential_of_their_sums():
    """Sums of three products are rounded in another order."""
    m = model()
    p = _core.parse_potential(_core.format_potential(m.potential(" DATE: none")), "name")
    for kind, curves in zip(KINDS, m.curves(), strict=True):
        expected = curves.detach().numpy().transpose(0, 2, 1).reshape(-1, curves.shape[1])
        found = np.array([s.coefficients for s in getattr(p, kind)])[:, : curves.shape[1]]
        np.testing.assert_allclose(found, expected, atol=1e-15 * np.abs(expected).max())
    s = structures([atoms()], ELEMENTS, p.cutoff())
    one, other = (_core.Engine(q).evaluate(s) for q in (p, written_out(p)))
    assert all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("sent", [copy.copy, copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p))],
                         ids=["copy", "deepcopy", "pickle"])  # fmt: skip
def test_copies_and_what_is_read_keep_the_curves(sent):
    p = model().potential(" DATE: none")
    text = _core.format_potential(p)
    assert _core.format_potential(sent(p)) == text
    assert _core.format_potential(_core.parse_potential(text, "name")) == text


def test_the_standard_gauge_keeps_the_curves():
    p = model().potential(" DATE: none")
    data = [structures([atoms()], ELEMENTS, p.cutoff())]
    standard = in_standard_gauge(p, data)
    for beginning in ("curve ", "spline "):
        assert len(lines(standard, beginning)) == len(lines(p, beginning))


def test_a_spline_that_is_replaced_is_written_by_its_coefficients():
    p = model().potential(" DATE: none")
    g = p.g
    g[0] = _core.Spline(g[0].knots, np.ones(len(g[0].coefficients)))
    p.g = g
    again = _core.parse_potential(_core.format_potential(p), "name")
    assert not again.g[0].weights
    assert [s.coefficients for s in again.g] == [s.coefficients for s in g]


def test_files_without_curves_are_of_the_version_that_they_were():
    p = model().potential(" DATE: none")
    assert lines(p, "snnp ") == ["snnp 4"]
    assert lines(written_out(p), "snnp ") == lines(model(("Si",)).potential(" DATE: none"), "snnp ") == ["snnp 2"]


def test_files_grow_with_the_parameters_of_a_model():
    """A number has 17 digits, a sign, a point, an exponent and a space; names of filters and curves come to it."""
    for elements in (("Si",), ("In", "P"), ELEMENTS, ("P", "In", "Si", "Ga", "As", "Sb")):
        m = model(elements)
        assert len(_core.format_potential(m.potential(" DATE: none"))) < 35 * sum(p.numel() for p in m.parameters())


def test_a_weight_of_zero_leaves_a_curve_out():
    curves = [_core.Spline([1.0, 2.0], [k, 1.0, 0.0, 0.0]) for k in range(3)]
    one, none = combinations(curves, [[0.0, 2.0, -1.0], [0.0, 0.0, 0.0]])
    assert (one.weights, one.coefficients) == ([2.0, -1.0], [0.0, 1.0, 0.0, 0.0])
    assert (none.weights, none.coefficients) == ([0.0], [0.0] * 4)


@pytest.mark.parametrize(
    ("weights", "knots", "sentence"),
    [
        ([1.0], [[1, 2], [1, 2]], "found 1 weights, expected one for each of 2 curves"),
        ([], [], "a combination of curves needs at least one"),
        ([1.0, 2.0], [[1, 2], [1, 3]], "curves of a combination must have the same knots"),
        ([1.0], [[]], "a combination needs curves of 2 or more knots"),
    ],
)
def test_what_is_no_combination_is_refused(weights, knots, sentence):
    with pytest.raises(_core.Error, match=sentence):
        _core.combination(weights, [_core.Spline(k, np.zeros(len(k) + 2 if k else 0)) for k in knots])
