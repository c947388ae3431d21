"""Physics built in by choice: ρ and f that are nowhere negative, and a network within bounds."""

import os
import signal
from dataclasses import replace

import ase.io
import numpy as np
import pytest
import torch

import models
import snnp
from small_fits import NETWORK, fit, fitted, sentence, settings_of, structures
from snnp import _core
from snnp.config import ConfigError, read
from snnp.fitting import network
from snnp.fitting.linear_start import balance
from snnp.models.constraints import Constraints, constrained_minimum
from snnp.models.density import Layout
from snnp.models.gauge import embedding, without_floor
from snnp.models.positive import free, positive
from snnp.models.potentials import bound_of, engine_spline, is_convex
from snnp.splines import SplineFunction

pytestmark = pytest.mark.usefixtures("no_pictures")

SETTINGS = settings_of(NETWORK)


def alloy():
    """The crystals of `small_fits`, half of them with two elements."""
    frames = structures()
    for atoms in frames[::2]:
        atoms.symbols[:2] = "Ag"
    return frames


def lowest(potential, name):
    """The least value of all ρ or f over their size, from touching atoms to the cutoff, and how many there are."""
    curves = getattr(without_floor(potential), name)
    r = np.linspace(0, potential.cutoff(), 3000)
    values = [SplineFunction(curve)(r) for curve in curves]
    assert all(np.abs(v).max() > 0 for v in values)
    return min(v.min() / np.abs(v).max() for v in values)


@pytest.mark.parametrize(
    ("frames", "elements"),
    [(structures, "separate"), (alloy, "separate"), (alloy, "shared")],
    ids=["one element", "two elements, separate", "two elements, shared"],
)
def test_curves_of_the_file_are_nowhere_negative(frames, elements, tmp_path):
    """Not by a rounding error, also where a spline goes on as a straight line below the data; φ and g are free."""
    few = {"radial_knots": 4, "angle_knots": 4}
    model = {**SETTINGS["model"], **few, "elements": elements, "positive": True}
    output = tmp_path / "x.snnp"
    snnp.fit(frames(), output=output, progress=False, **{**SETTINGS, "model": model})
    potential = snnp.Potential.read(output).data
    assert min(lowest(potential, name) for name in ("rho", "f")) >= 0


def test_what_is_not_named_is_free():
    found = snnp.fit(structures(), progress=False, **{**SETTINGS, "model": {**SETTINGS["model"], "positive": ["rho"]}})
    assert lowest(found.potential.data, "rho") >= 0
    assert lowest(found.potential.data, "f") < -0.01


@pytest.mark.parametrize("frozen", [[], ["g"]], ids=["free", "g frozen"])
def test_filters_of_a_file_become_positive(frozen, tmp_path):
    potential = models.random_model(*models.KINDS["one element, tanh"]).potential("")
    assert min(lowest(potential, name) for name in ("rho", "f")) < -0.01
    snnp.Potential(potential).write(tmp_path / "x.snnp")
    filters = {"file": tmp_path / "x.snnp", "freeze": frozen, "scale": 1.0, "elements": {"Cu": "Si"}}
    model = {"filters": filters, "positive": True, "hidden": [6]}
    found = snnp.fit(structures(), progress=False, **{**SETTINGS, "model": model}).potential.data
    assert min(lowest(found, name) for name in ("rho", "f")) >= 0


@pytest.mark.parametrize("networks", [1, 3])
def test_network_stays_within_its_bound(networks):
    """Wherever filters are, and at the bound, since these data ask for more; the mean of several networks, too."""
    bound = 2e-6
    model = {**SETTINGS["model"], "network_bound": bound, "floor": False, "networks": networks}
    (element,) = snnp.fit(structures(), progress=False, **{**SETTINGS, "model": model}).potential.data.elements
    assert 0.9 * bound < bound_of(element.network) <= bound
    G = np.random.default_rng(0).normal(scale=1e3, size=(10_000, len(element.linear)))
    beyond = embedding(element, G)[0] - G @ element.linear
    assert 0.1 * bound < np.abs(beyond).max() <= bound + 1e-11  # rounding of energies of 1e3 eV


def falls(U):
    """By how much the slope of an embedding ever falls, relative to its range over the densities of the data."""
    slopes = U(np.linspace(U.knots[0], U.knots[-1], 1000), 1)
    return max(-np.diff(slopes).min(), 0) / np.abs(slopes).max()


EAM = {"pair_cutoff": 4.5, "pair_knots": 8, "density_knots": 8, "embedding_knots": 6, "smoothness": 1e-7}
KINDS = {"eam": EAM, "smeam": {**EAM, "radial_knots": 4, "angle_knots": 4, "three_body_cutoff": 3.8}}


@pytest.mark.parametrize("kind", KINDS)
def test_embedded_atoms_have_densities_and_a_convex_embedding(kind):
    model = {"kind": kind, "positive": True, "convex": True, **KINDS[kind]}
    rest = {"training": {"steps": 30, "threads": 1}, "loss": {"stress": 0}, "progress": False}
    potential = snnp.fit(structures(), model=model, **rest).potential.data
    assert all(lowest(potential, name) >= 0 for name in ("rho", "f")[: 2 if kind == "smeam" else 1])
    assert falls(potential.elements[0].U) < 1e-12  # rounding
    assert is_convex(potential.elements[0].U)
    if kind == "eam":
        (element,) = snnp.fit(structures(), model={**model, "convex": False}, **rest).potential.data.elements
        assert falls(element.U) > 1e-6
        assert not is_convex(element.U)


def test_any_coefficients_are_made_to_obey_constraints():
    knots = np.linspace(0, 1, 6)
    shape = models.random_model(*models.KINDS["two elements, silu"]).shape
    layout = Layout.of(replace(shape, rho_knots=shape.pair_knots, n2=1, n3=1, end=2), 6)
    constraints = Constraints(layout, ("rho", "f"), True)
    x = constraints.feasible(np.random.default_rng(0).normal(size=layout.columns), [knots, 2 * knots])
    C = constraints.rows(np.array([knots, 2 * knots]))
    assert (C @ x).min() > -1e-12  # rounding
    parts = layout.split(x)
    for U, k in zip(parts["U"], (knots, 2 * knots), strict=True):
        assert falls(_core.Spline(k, U)) < 1e-12
    r = np.linspace(0, 5, 1000)
    for name, of in (("rho", shape.pair_knots), ("f", shape.radial_knots)):
        for k, c in zip(of, parts[name], strict=True):
            assert SplineFunction(engine_spline(k, c, 2))(r).min() >= 0


def test_constrained_minimum_is_one():
    """Karush, Kuhn and Tucker: the slope is a sum of active constraints with multipliers that are not negative."""
    rng = np.random.default_rng(0)
    X, C = rng.normal(size=(30, 12)), rng.normal(size=(8, 12))
    A, b = X.T @ X, rng.normal(size=12)
    x = constrained_minimum(A, b, C)
    values = C @ x
    assert values.min() > -1e-12
    active = C[values < 1e-12]
    assert 0 < len(active) < len(C)
    multipliers, rest, *_ = np.linalg.lstsq(active.T, A @ x - b, rcond=None)
    assert multipliers.min() > 0
    np.testing.assert_allclose(rest, 0, atol=1e-20)


def test_a_fit_that_was_stopped_ends_as_if_it_had_not_been(tmp_path, monkeypatch):
    ase.io.write(tmp_path / "train.xyz", structures())
    settings = {**NETWORK, "model.positive": "true"}
    words = (tmp_path / "train.xyz", "-o", tmp_path / "x.snnp")
    fitted(*words, settings=settings)
    whole = (tmp_path / "x.snnp").read_bytes()
    original = network.Optimizer._one_step

    def step(self):
        original(self)
        if self.step == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as stopped:
        stopped.setattr(network.Optimizer, "_one_step", step)
        assert "stopped at step 5 of 10" in sentence(fit(*words, "--restart", settings=settings), 128 + signal.SIGTERM)
    fitted(*words, "--resume", settings=settings)
    assert (tmp_path / "x.snnp").read_bytes() == whole


def test_curves_that_are_positive_stay_as_they_are():
    """A density that falls, as of atoms; where a curve is zero, it begins with a hundredth of its size."""
    c = torch.tensor([[[3.0], [2.0], [1.0], [0.5], [0.0]]], dtype=torch.float64)
    v, size = free(c)
    np.testing.assert_allclose(positive(v, size)[:, :4], c[:, :4], rtol=1e-12)
    assert 0 < positive(v, size)[0, 4, 0] < 0.02 * c.square().mean().sqrt()


def test_free_parameters_reach_zero_and_nothing_below():
    v = torch.tensor([[[-1.0], [0.0], [-1e6], [-1e3], [1e6]]], dtype=torch.float64)
    c = positive(v, torch.ones_like(v))[0, :, 0]
    assert c.min() >= 0
    assert c[2] == 0
    assert c[-1] == 1e6


@pytest.mark.parametrize("positive", [(), ("rho", "f")], ids=["free", "positive"])
def test_sizes_of_filters_are_chosen_without_a_change_of_energies(positive):
    """Also where elements share curves in combinations that mix them."""
    model = models.random_model(*models.KINDS["three elements, shared filters"])
    model.positive = positive
    model.constrain()
    before = model.potential("")
    balance(model)
    after = model.potential("")
    assert not np.allclose(before.f[0].coefficients, after.f[0].coefficients)
    atoms = ase.Atoms("PInSiIn", [[0, 0, 0], [2.1, 0, 0], [0, 2.4, 0], [1.0, 1.0, 2.0]])
    energies = [snnp.Potential(p).calculator(1).get_potential_energies(atoms) for p in (before, after)]
    np.testing.assert_allclose(*energies, rtol=1e-10)


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        ({"kind": "uf3"}, "model.positive makes no sense for model.kind uf3"),
        ({"network_bound": 0.1, "activation": "silu"}, "model.network_bound: expected model.activation tanh"),
        ({"filters": {"file": "x.snnp", "freeze": ["f"]}}, "model.positive: f stays as it is by model.filters.freeze"),
    ],
)
def test_where_it_cannot_be(model, complaint):
    with pytest.raises(ConfigError, match=complaint):
        read({"model": {**model, "positive": True}})


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        ({"two_body_filters": 0, "positive": ["rho"]}, "model.positive: expected model.two_body_filters above 0"),
        ({"three_body_filters": 0, "positive": ["f"]}, "model.positive: expected model.three_body_filters above 0"),
        ({"two_body_filters": 0, "three_body_filters": 0, "positive": True}, "model.two_body_filters or model.three"),
        ({"two_body_filters": 0, "three_body_filters": 0, "network_bound": 1.0}, "model.network_bound: expected model"),
        ({"hidden": [], "network_bound": 1.0}, "model.network_bound: expected at least one layer in model.hidden"),
    ],
)
def test_what_is_built_in_must_be_there(model, complaint):
    with pytest.raises(ConfigError, match=complaint):
        read({"model": model})
    for more in ({"two_body_filters": 0, "positive": True}, {"hidden": [], "positive": True}):
        read({"model": more})


def test_filters_of_a_file_may_lack_what_is_to_be_positive(tmp_path):
    potential = models.random_model(*models.KINDS["one element, tanh"], n2=0).potential("")
    snnp.Potential(potential).write(tmp_path / "x.snnp")
    model = {"filters": {"file": tmp_path / "x.snnp", "scale": 1.0, "elements": {"Cu": "Si"}}, "positive": ["rho"]}
    with pytest.raises(ConfigError, match="two_body_filters above 0"):
        snnp.fit(structures(), progress=False, **{**SETTINGS, "model": model})


@pytest.mark.parametrize("key", ["positive", "network_bound", "convex"])
def test_not_of_systems(key):
    systems = {"data": {name: {"train": ["x.xyz"]} for name in "ab"}}
    with pytest.raises(ConfigError, match=f"{key} makes no sense beside systems"):
        read({"model": {key: 1.0 if key == "network_bound" else True}, "systems": systems})
