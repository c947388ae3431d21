"""Several networks on the same filters: the potential is their mean, and nothing else of a fit changes by it."""

import os
import signal

import ase.io
import numpy as np
import pytest
import torch
from ase import Atoms

import snnp
from fitting import command
from models import KINDS, random_model
from small_fits import NETWORK, fit, fitted, sentence, settings_of, structures
from snnp import _core
from snnp.analysis import beside
from snnp.analysis.report_tables import elements_table
from snnp.cli import app
from snnp.config import ConfigError, read
from snnp.data.batch import Labels, Weights
from snnp.data.neighbors import structures as neighbors
from snnp.fitting import network, networks
from snnp.fitting.loss import Loss
from snnp.fitting.minibatch import Optimizer, Schedule
from snnp.fitting.networks import Networks, another
from snnp.fitting.ranks import Ranks
from snnp.fitting.shards import deal
from snnp.models.potentials import is_convex_network, mean_of, means_of, sizes_of
from support import liquid
from together import Together

pytestmark = pytest.mark.usefixtures("no_pictures")

# 37 steps of each network, then 3 of each on all data.
SEVERAL = {
    **NETWORK,
    "training.steps": 40,
    "model.networks": 3,
    "model.hidden": "[6, 5]",
    "model.four_body_functions": 0,
}
PLAIN = {**SEVERAL, "model.floor": "false", "model.repulsion": "false"}


def alloy():
    """Half of the crystals with two elements."""
    frames = structures()
    for atoms in frames[::2]:
        atoms.symbols[:2] = "Ag"
    return frames


def results(potential, frames):
    """Energies of atoms, eV, forces, eV/Å, and virials, eV, of all frames."""
    symbols = [e.name for e in potential.elements]
    engine = _core.Engine(potential)
    found = engine.evaluate(neighbors([*frames], symbols, potential.cutoff()), 1)
    return [found[name] for name in ("energies", "forces", "virials")]


def assert_is_mean(potential, those, frames):
    """To rounding, relative to the largest of all numbers of a kind; those differ by far more than that."""
    every = [results(p, frames) for p in those]
    for kind, mean in enumerate(results(potential, frames)):
        parts = np.array([found[kind] for found in every])
        size = np.abs(parts).max()
        assert np.ptp(parts, axis=0).max() > 1e-6 * size
        np.testing.assert_allclose(mean, parts.mean(0), rtol=0, atol=1e-12 * size)


@pytest.mark.parametrize("kind", [kind for kind, (_, hidden, *_) in KINDS.items() if hidden])
def test_mean_of_potentials_has_the_mean_energy(kind):
    """Layers of sizes that the kernels do not take at once, too; an isolated atom has the mean e0."""
    elements = KINDS[kind][0]
    model, those = random_model(*KINDS[kind]), []
    (known,) = deal([[(neighbors([liquid(elements, 1)], elements, 5.0), Labels(0.0, None, None))]], Ranks())
    for seed in range(3):
        other = another(model, seed, known, 1)
        with torch.no_grad():
            for parameter in other.head_parameters:
                parameter.add_(0.3 * torch.randn_like(parameter))
        those.append(other.potential(""))
    mean = mean_of(those)
    assert_is_mean(mean, those, [liquid(elements, 2)])
    for a, element in enumerate(mean.elements):
        assert element.e0 == pytest.approx(np.mean([p.elements[a].e0 for p in those]), rel=1e-14)
    if len(KINDS[kind][1]) > 1:
        assert sizes_of(mean.elements[0].network) == (3, [*KINDS[kind][1], 1])
    assert means_of(those[0].elements[0].network) == 1


@pytest.mark.parametrize(
    ("frames", "model"),
    [
        (structures, {"convex": True}),
        (alloy, {"elements": "shared", "positive": True}),
        (alloy, {"elements": "separate"}),
    ],
    ids=["one element, convex", "two elements, shared and positive filters", "two elements, separate filters"],
)
def test_potential_of_a_fit_is_the_mean_of_its_networks(frames, model, monkeypatch):
    """With the same filters in each, also after the last steps, in which they change once more."""
    kept = []
    monkeypatch.setattr(networks, "mean_of", lambda those: kept.append(those) or mean_of(those))
    settings = settings_of({**PLAIN, "training.refit": 0.3})
    done = snnp.fit(frames(), progress=False, **{**settings, "model": {**settings["model"], **model}})
    those = kept[0]
    assert len(those) == 3
    for name in ("rho", "f", "g"):
        first, *others = ([s.coefficients for s in getattr(p, name)] for p in those)
        assert first
        for other in others:
            np.testing.assert_array_equal(first, other)
    assert_is_mean(done.potential.data, those, frames())
    assert all(is_convex_network(e.network) == ("convex" in model) for e in done.potential.data.elements)


def test_filters_of_a_file_stay_as_they_are(tmp_path):
    source = random_model(*KINDS["one element, tanh"]).potential("")
    snnp.Potential(source).write(tmp_path / "Si.snnp")
    filters = {"file": tmp_path / "Si.snnp", "freeze": True, "scale": 1.0, "elements": {"Cu": "Si"}}
    settings = settings_of(PLAIN)
    model = {"filters": filters, "networks": 2, "hidden": [6, 5], "floor": False, "repulsion": False}
    found = snnp.fit(structures(), progress=False, **{**settings, "model": model}).potential.data
    assert sizes_of(found.elements[0].network) == (2, [6, 5, 1])
    for name in ("rho", "f", "g"):
        then, now = ([np.asarray(s.coefficients) for s in getattr(p, name)] for p in (source, found))
        np.testing.assert_array_equal(then, now)


def test_isolated_atoms_have_their_energies(tmp_path):
    """Those of the configuration, as with one network. What is said of the file is that it is a mean."""
    model = {**settings_of(SEVERAL)["model"], "e0": {"Cu": -0.123}}
    found = snnp.fit(structures(), progress=False, **{**settings_of(SEVERAL), "model": model}).potential
    assert found.data.elements[0].e0 == pytest.approx(-0.123, rel=1e-14)
    assert results(found.data, [Atoms("Cu")])[0][0] == pytest.approx(-0.123, rel=1e-14)
    found.write(tmp_path / "x.snnp")
    assert "mean of 3 networks tanh 6 × 5 × 1" in command(app, "info", tmp_path / "x.snnp", check=True).stdout
    (said,) = elements_table(found.data).columns[1].cells
    assert said.startswith("mean of 3 networks tanh, layers of 6, 5, 1")


@pytest.mark.parametrize("at", [20, 50, 74, 100, 113, 117], ids=lambda at: f"step {at}")
def test_a_fit_goes_on_in_whichever_network_it_was_stopped(at, tmp_path, monkeypatch):
    """In the first one, in the second, between it and the third, there, and in the last steps of the first and others;
    files but for their comments are the same. The learning curve is, too, but for times.
    """
    ase.io.write(tmp_path / "train.xyz", structures())
    monkeypatch.chdir(tmp_path)
    said = fitted("train.xyz", "-o", "whole.snnp", settings=SEVERAL)
    assert "network 2 of 3, on the filters of the first" in said
    assert "the last 9 steps took validation frames, too" in said
    step, done = network.Optimizer._one_step, []

    def stopping(self):
        step(self)
        done.append(1)
        if len(done) == at:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch:
        patch.setattr(network.Optimizer, "_one_step", stopping)
        stopped = fit("train.xyz", "-o", "x.snnp", settings=SEVERAL)
    assert f"stopped at step {at} of 120" in sentence(stopped, 128 + signal.SIGTERM)
    assert f"resuming at step {at} of 120" in fitted("train.xyz", "-o", "x.snnp", "--resume", settings=SEVERAL)
    texts = [_core.format_potential(_core.read_potential(name)) for name in ("whole.snnp", "x.snnp")]
    assert texts[0].partition("\n")[2] == texts[1].partition("\n")[2]
    curves = [np.genfromtxt(f"{name}.csv", delimiter=",", names=True)[1:] for name in ("whole", "x")]
    for column in set(curves[0].dtype.names) - {"seconds"}:
        np.testing.assert_array_equal(curves[0][column], curves[1][column])


def test_the_learning_curve_goes_through_all_networks(tmp_path):
    """Steps are counted through, and validation errors end where validation data are fitted to."""
    snnp.fit(structures(), output=tmp_path / "x.snnp", progress=False, **settings_of(SEVERAL))
    table = np.genfromtxt(tmp_path / "x.csv", delimiter=",", names=True)[1:]
    known = ~np.isnan(table["validation_loss"])
    assert (np.diff(table["step"]) >= 0).all() and (np.diff(table["seconds"]) >= 0).all()
    assert table["step"][-1] == 120 and table["step"][known].max() == 111
    assert not known[table["step"] > 111].any()
    shown = beside.convergence(tmp_path / "x.snnp")
    assert "of each of 3 networks" in shown.says
    axes = shown.draw().axes[0]
    labels = axes.get_legend_handles_labels()[1]
    assert {"the next network begins", "best of each network"} <= set(labels)
    # Of each network training and validation, before and with validation data; no line from one to the next.
    curves = [line for line in axes.lines if line.get_linestyle() == "-"]
    assert [len(line.get_xdata()) for line in curves] == [n for n in _records(table) for _ in range(2)]


def _records(table):
    """How many records there are of each of three networks, then of each with validation data, too."""
    before = table["step"][~np.isnan(table["validation_loss"])]
    begins = np.flatnonzero(np.diff(before) == 0) + 1
    found = np.diff([0, *begins, len(before)]).tolist()
    last = len(table) - len(before)
    return [*found, *[last // 3] * 3]


def trained(ranks):
    """Three networks of a random model after 20 steps and 4 on all data, to random labels of liquids."""
    rng, elements = np.random.default_rng(0), ("In", "P")
    frames = [neighbors([liquid(elements, seed, n=8 + seed)], elements, 5.0) for seed in range(8)]
    data = [(s, Labels(rng.normal(), rng.normal(size=(len(s), 3)), None)) for s in frames]
    known, held_out = deal([data[:6], data[6:]], ranks)
    schedule = Schedule(24, 4, 5e-4, 0, refit=0.2)

    def optimizer(model):
        return Optimizer(model, Loss(model, Weights(1.0), model.unit, 1), schedule, known, held_out)

    def following(n, model, steps):
        return optimizer(another(model, n, known, 1))

    several = Networks(optimizer(random_model(elements, [6, 5], "tanh", True, 1)), 3, following)
    assert several.run(lambda record: None, lambda step: None, lambda: False)
    return several


def test_several_processes_do_what_one_does():
    """Each has the network that is trained, also in the last steps, when it is the first one's turn again: gradients
    differ by rounding, and steps, which are divided by gradients, by little more."""
    one, other = trained(Ranks()), trained(Together(3))
    assert [n.step for n in one.all] == [n.step for n in other.all]
    assert one.all[0].validated_until < one.all[0].steps
    for a, b in zip(one.all, other.all, strict=True):
        for name, values in a.model.state_dict().items():
            np.testing.assert_allclose(values, b.model.state_dict()[name], rtol=1e-6, atol=1e-8)


def test_what_cannot_have_several_networks_says_so(tmp_path):
    with pytest.raises(ConfigError, match="networks makes no sense beside systems"):
        ase.io.write(tmp_path / "a.xyz", structures(2))
        systems = {name: {"train": [str(tmp_path / "a.xyz")]} for name in ("a", "b")}
        read(None, {"systems": {"data": systems}, "model.networks": 2})
    with pytest.raises(ConfigError, match="networks: "):
        read(None, {"model.networks": 0})
    with pytest.raises(ConfigError, match="networks: expected at least one layer"):
        read(None, {"model.networks": 2, "model.hidden": []})
    with pytest.raises(ConfigError, match="networks"):
        read(None, {"model.kind": "eam", "model.networks": 2})
