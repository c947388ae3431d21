"""Energies of atoms that are convex functions of their filters, by choice."""

import ase
import numpy as np
import pytest
from typer.testing import CliRunner

import models
import snnp
from small_fits import NETWORK, settings_of, structures
from snnp import _core
from snnp.cli import app
from snnp.config import ConfigError, read
from snnp.models.gauge import embedding, without_floor
from snnp.models.potentials import is_convex_network

pytestmark = pytest.mark.usefixtures("no_pictures")

SETTINGS = settings_of({**NETWORK, "training.steps": 60, "model.floor": "false", "model.repulsion": "false"})


def fit(**model):
    model = {**SETTINGS["model"], "hidden": [6, 5], **model}
    return snnp.fit(structures(), progress=False, **{**SETTINGS, "model": model}).potential.data


def bends(element, size):
    """Least and largest E(a) + E(b) − 2 E((a + b)/2) at random filters of this size, relative to the energies."""
    rng = np.random.default_rng(0)
    a, b = size * rng.normal(size=(2, 3000, len(element.linear)))
    ends, middle = (embedding(element, G)[0] for G in (np.concatenate([a, b]), (a + b) / 2))
    found = (ends[: len(a)] + ends[len(a) :] - 2 * middle) / np.abs(ends).max()
    return found.min(), found.max()


ROUNDING = 1e-14  # of the largest of the energies


@pytest.mark.parametrize("size", [0.1, 1.0, 30.0, 1e4])
def test_energies_along_random_segments_are_convex(size, convex_fit):
    """Also far from the data, whose filters are of order one."""
    least, largest = bends(convex_fit.elements[0], size)
    assert least >= -ROUNDING
    assert largest > 10 * ROUNDING


@pytest.fixture(scope="module")
def convex_fit():
    return fit(convex=True)


def test_without_they_are_not():
    assert bends(fit(activation="squareplus").elements[0], 1.0)[0] < -1e-6


def around(potential, distance, most=12):
    """Energies of an atom with 0 … most neighbours at this distance, eV, by the engine."""
    directions = np.random.default_rng(1).normal(size=(most, 3))
    positions = distance * directions / np.linalg.norm(directions, axis=1)[:, None]
    found = []
    for n in range(most + 1):
        atoms = ase.Atoms("Cu" * (n + 1), np.vstack([np.zeros(3), positions[:n]]))
        found.append(snnp.Potential(potential).calculator(1).get_potential_energies(atoms)[0])
    return np.array(found)


def test_each_further_neighbor_lowers_the_energy_by_less():
    """With two-body filters, whose sums grow evenly with the number of neighbours at a distance."""
    found = fit(convex=True, three_body_filters=0)
    for distance in (2.4, 2.7, 3.2):
        energies = around(found, distance)
        assert np.diff(energies, 2).min() > -ROUNDING * np.abs(energies).max()
        assert np.ptp(np.diff(energies)) > 1e-6


@pytest.mark.parametrize("element", [0, 1])
def test_a_network_is_recognised_as_convex(element):
    model = models.random_model(*models.KINDS["two elements, squareplus"])
    assert not is_convex_network(model.potential("").elements[element].network)
    for weight in model.later_weights:
        weight.data.abs_()
    found = model.potential("").elements[element]
    assert is_convex_network(found.network)
    assert bends(found, 3.0)[0] >= -ROUNDING
    found.network.activation = "silu"
    assert not is_convex_network(found.network)


def test_training_begins_with_values_of_nodes_around_zero():
    """As with weights of both signs: else all nodes behind the first layer would work as straight lines."""
    model = models.random_model(*models.KINDS["two elements, squareplus"])
    model = type(model)(model.shape, convex=True)
    x = model.networks[0][:3](model.linear.new_zeros(1, model.shape.filters))
    assert x.abs().max() < 1


def test_the_file_tells_it(tmp_path, convex_fit):
    snnp.Potential(convex_fit).write(tmp_path / "x.snnp")
    assert "network squareplus 6 5 1" in (tmp_path / "x.snnp").read_text()
    assert is_convex_network(_core.read_potential(str(tmp_path / "x.snnp")).elements[0].network)
    said = CliRunner().invoke(app, ["info", str(tmp_path / "x.snnp")]).stdout
    assert "convex network squareplus 6 × 5 × 1" in said


def test_filters_can_be_positive_beside():
    found = without_floor(fit(convex=True, positive=True))
    assert bends(found.elements[0], 1.0)[0] >= -ROUNDING
    assert all(min(spline.coefficients) >= 0 for spline in [*found.rho, *found.f])


def test_the_mean_of_convex_networks_is_convex():
    (element,) = fit(convex=True, networks=2).elements
    assert is_convex_network(element.network)
    assert bends(element, 1.0)[0] >= -ROUNDING


def test_the_activation_follows():
    assert read({"model": {"convex": True}}).model.activation == "squareplus"
    assert read({"model": {"convex": False}}).model.activation == "tanh"


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        ({"activation": "tanh"}, "model.convex: expected model.activation squareplus, as tanh is not convex"),
        ({"network_bound": 0.1}, "model.network_bound makes no sense with model.convex"),
        ({"hidden": []}, "model.convex: expected at least one layer in model.hidden"),
        ({"two_body_filters": 0, "three_body_filters": 0}, "model.convex: expected model.two_body_filters or"),
    ],
)
def test_where_it_cannot_be(model, complaint):
    with pytest.raises(ConfigError, match=complaint):
        read({"model": {**model, "convex": True}})
