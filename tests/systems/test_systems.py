"""Several systems in one fit: filters in common, everything else their own, a file for each and one of the filters."""

import re
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

import snnp
from fitting import command
from snnp import _core
from snnp.cli import app, fit_app
from snnp.config import ConfigError, validate
from snnp.console import Log
from snnp.data import DataError, from_atoms
from snnp.data.batch import Labels, Weights
from snnp.data.distances import survey
from snnp.data.neighbors import structures
from snnp.fitting.gradient import Gradient
from snnp.fitting.interruption import Interrupted, StopSignals
from snnp.fitting.label_errors import LabelErrors
from snnp.fitting.loss import make_batch
from snnp.fitting.ranks import Ranks
from snnp.fitting.shards import deal
from snnp.kinds import KINDS
from snnp.kinds.base import Budget
from snnp.models.filters_file import read_filters
from snnp.models.gauge import without_floor
from snnp.models.network import Model
from snnp.models.shape import Shape
from snnp.systems.model import JointLoss, JointModel
from snnp.systems.run import run_systems
from together import Together

MODEL = {
    "two_body_filters": 2,
    "three_body_filters": 4,
    "hidden": [5],
    "pair_knots": 9,
    "radial_knots": 7,
    "angle_knots": 5,
    "pair_cutoff": 5.0,
    "three_body_cutoff": 4.0,
    "floor": False,  # which adds two more ρ to a file
}
TRAINING = {"steps": 40, "threads": 1}


def frames(symbols, constant, count, seed=0):
    """Hot fcc cells of 16 atoms with labels of the effective medium theory."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        atoms = bulk("Cu", "fcc", a=constant * rng.uniform(0.97, 1.03), cubic=True).repeat((2, 2, 1))
        atoms.symbols = rng.permutation(symbols * (16 // len(symbols)))
        atoms.positions += rng.normal(scale=0.12, size=atoms.positions.shape)
        atoms.calc = EMT()
        labels = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        atoms.calc = SinglePointCalculator(atoms, **labels)
        made.append(atoms)
    return made


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for name, symbols, constant in (("Cu", ["Cu"], 3.6), ("Ag", ["Ag"], 4.1), ("AuPd", ["Pd", "Au"], 3.98)):
        write(folder / f"{name}.xyz", frames(symbols, constant, 16), format="extxyz")
    return folder


def content(data, folder, names=("Cu", "Ag", "AuPd"), **systems):
    given = {name: {"train": [str(data / f"{name}.xyz")]} for name in names}
    return {
        "systems": {"data": given, **systems},
        "output": str(folder / "all.filters.snnp"),
        "model": MODEL,
        "training": TRAINING,
        "validate": "off",
    }


def fit(config, **how):
    with closing(Log(quiet=True)) as log:
        return run_systems(config, log, **how)


@pytest.fixture(scope="module")
def fitted(data, tmp_path_factory):
    """Files of a fit by the command line, with as many steps as the data ask for."""
    folder = tmp_path_factory.mktemp("systems")
    settings = {**content(data, folder), "training": {"threads": 1}}
    (folder / "systems.yaml").write_text(yaml.safe_dump(settings, sort_keys=False))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(KINDS["snnp"], "budgets", {"default": Budget(40, 1, 1e9)})
        command(fit_app, folder / "systems.yaml", check=True)
    return folder


def test_steps_are_those_that_the_budget_allows_and_are_left_in_the_configuration(fitted):
    assert yaml.safe_load((fitted / "all.filters.yaml").read_text())["training"]["steps"] == 40
    assert "training: at most 40 steps" in (fitted / "all.filters.log").read_text()
    assert (fitted / "all.filters.csv").read_text().splitlines()[-1].startswith("40")


def test_each_system_gets_a_potential_and_all_one_file_of_filters(fitted):
    for name, elements in (("Cu", ["Cu"]), ("Ag", ["Ag"]), ("AuPd", ["Pd", "Au"])):
        assert sorted(snnp.Potential.read(fitted / f"{name}.snnp").elements) == sorted(elements)
        assert (fitted / f"{name}_parity.png").stat().st_size > 0
    names = {path.name for path in fitted.iterdir()}
    assert names >= {f"all.filters{ending}" for ending in (".snnp", ".yaml", ".log", ".csv", ".checkpoint")}


def test_filters_of_all_systems_are_the_same_curves_over_relative_distances(fitted):
    cu, ag = (snnp.Potential.read(fitted / f"{name}.snnp") for name in ("Cu", "Ag"))
    shared = read_filters(fitted / "all.filters.snnp")
    ratio = ag.cutoff / cu.cutoff
    assert ratio == pytest.approx(4.1 / 3.6, rel=0.02)  # of the lattice constants: both are hot fcc crystals
    for m in (1, 2):
        one, other = cu.rho(m, "Cu", "Cu"), ag.rho(m, "Ag", "Ag")
        np.testing.assert_array_equal(one.coefficients, other.coefficients)
        np.testing.assert_allclose(ratio * np.array(one.knots), other.knots, rtol=1e-12)
        np.testing.assert_array_equal(one.coefficients[:-3], shared.rho[0][:, m - 1])
    for m in range(1, 5):
        np.testing.assert_array_equal(cu.f(m, "Cu", "Cu").coefficients, ag.f(m, "Ag", "Ag").coefficients)
        np.testing.assert_array_equal(cu.g(m, "Cu", "Cu", "Cu").coefficients, ag.g(m, "Ag", "Ag", "Ag").coefficients)
    assert not np.array_equal(cu.phi("Cu", "Cu").coefficients, ag.phi("Ag", "Ag").coefficients)


def test_alloy_has_combinations_of_the_shared_curves(fitted):
    alloy, shared = snnp.Potential.read(fitted / "AuPd.snnp"), read_filters(fitted / "all.filters.snnp")
    for centre in alloy.elements:
        for neighbor in alloy.elements:
            f = np.array([alloy.f(m, centre, neighbor).coefficients[:-3] for m in range(1, 5)]).T
            left = f - shared.f[0] @ np.linalg.lstsq(shared.f[0], f, rcond=None)[0]
            np.testing.assert_allclose(left, 0, atol=1e-10)


def test_file_of_filters_is_told_from_a_potential(fitted):
    path = fitted / "all.filters.snnp"
    said = command(app, "info", path, check=True).stdout
    assert "2 two-body and 4 three-body filters" in said
    assert "Cu, Ag, AuPd" in said
    with pytest.raises(_core.Error, match=r"all.filters.snnp:2: found a file of filters, expected a potential"):
        snnp.Potential.read(path)
    text = path.read_text()
    damaged = path.with_name("damaged.filters.snnp")
    damaged.write_text(text.replace("0.", "1.", 1))
    with pytest.raises(_core.Error, match=r"damaged.filters.snnp:.*altered"):
        read_filters(damaged)


def test_another_system_starts_from_the_shared_filters(fitted):
    """Lengths are those of the file times the ratio of bond lengths: of Pt and of the three systems."""
    filters = {"file": str(fitted / "all.filters.snnp"), "freeze": True}
    train = frames(["Pt"], 3.92, 12)
    done = snnp.fit(train, model={"filters": filters, "hidden": [4]}, training=TRAINING, progress=False)
    shared = read_filters(fitted / "all.filters.snnp")
    found = [done.potential.f(m, "Pt", "Pt").coefficients[:-3] for m in range(1, 5)]
    np.testing.assert_array_equal(np.array(found).T, shared.f[0])
    ratio = 3.92 / (3.6 * 4.1 * 3.98) ** (1 / 3)
    assert done.config.model.filters.scale == pytest.approx(ratio, rel=0.02)  # all are hot fcc crystals


def test_training_with_filters_in_common_makes_errors_smaller(fitted):
    """Than those of the start, the linear models compressed to these few filters."""
    rows = [line.split(",") for line in (fitted / "all.filters.csv").read_text().splitlines()]
    column = rows[0].index("validation_loss")
    losses = [float(row[column]) for row in rows[2:]]
    assert min(losses) < losses[0]


def test_configuration_that_is_left_can_be_fitted_again(fitted):
    left = yaml.safe_load((fitted / "all.filters.yaml").read_text())
    assert list(left["systems"]["data"]) == ["Cu", "Ag", "AuPd"]
    assert validate(left, "left").systems.share == ["rho", "f", "g"]


def test_configuration_of_the_documentation_is_valid():
    page = (Path(__file__).parents[2] / "docs" / "systems.md").read_text()
    (text,) = re.findall(r"<!-- systems -->\n```yaml\n(.*?)```", page, re.DOTALL)
    config = validate(yaml.safe_load(text), "docs")
    assert config.systems.data["InP"].weight == 2.0
    assert (config.systems.share, config.systems.scale) == (["rho", "f", "g"], True)


def test_interrupted_fit_ends_as_if_it_had_not_been(data, tmp_path, monkeypatch):
    monkeypatch.setattr("snnp.systems.run.write_figures", lambda outputs, figures: None)  # they take seconds
    configs = []
    for name in ("whole", "interrupted"):
        (tmp_path / name).mkdir()
        configs.append(validate(content(data, tmp_path / name, ("Cu", "Ag")), "test"))
    fit(configs[0])
    asked = iter([0] * 10)
    stopping = property(lambda self: next(asked, 15), lambda self, value: None)
    with monkeypatch.context() as patch, pytest.raises(Interrupted, match="--resume"):
        patch.setattr(StopSignals, "asked", stopping, raising=False)
        fit(configs[1])
    fit(configs[1], resume=True)
    one, other = ((tmp_path / name / "Ag.snnp").read_text() for name in ("whole", "interrupted"))
    assert one == other


@pytest.mark.parametrize("share", [["f"], ["rho", "g"]])
def test_what_is_not_shared_is_the_own_of_each_system(data, tmp_path, share):
    config = validate({**content(data, tmp_path, ("Cu", "Ag"), share=share), "output": None}, "test")
    done = fit(config)
    cu, ag = (without_floor(done.systems[name].potential) for name in ("Cu", "Ag"))
    for name in ("rho", "f", "g"):
        pairs = zip(getattr(cu, name), getattr(ag, name), strict=True)
        same = [np.array_equal(a.coefficients, b.coefficients) for a, b in pairs]
        assert set(same) == {name in share}
    # A file has whole filters only: ρ, or f and g.
    assert (done.filters is None) == (share != ["rho", "g"])


def joint_model(shared=("rho", "f", "g")):
    """Random models of one and of two elements."""
    torch.manual_seed(0)
    models = []
    for elements, length in ((["Cu"], 1.0), (["Pd", "Au"], 1.1)):
        n = len(elements) ** 2
        pair, radial = length * np.linspace(2.0, 5.0, 8), length * np.linspace(2.0, 4.0, 6)
        zbl = [None] * (len(elements) * (len(elements) + 1) // 2)
        knots = {"pair_knots": [pair] * n, "radial_knots": [radial] * n, "angle_knots": np.linspace(-1, 1, 5)}
        shape = Shape(elements, 2, 3, zbl=zbl, hidden=[4], shared=len(elements) > 1, **knots)
        models.append(Model(shape, unit=0.5))
    joint = JointModel(models, shared)
    with torch.no_grad():
        for parameter in joint.parameters():
            parameter.copy_(0.3 * torch.randn_like(parameter))
    return joint


def batches():
    return [make_batch([frame]) for frame in labelled()]


def labelled(seed=2):
    """A frame of each system."""
    rng = np.random.default_rng(seed)
    result = []
    for symbols in ("Cu4", "PdAuPdAu"):
        atoms = Atoms(symbols, positions=2.8 * np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0.4, 0.4, 0.8)]))
        atoms.positions += rng.normal(scale=0.1, size=(4, 3))
        elements = list(dict.fromkeys(atoms.symbols))
        s = structures([atoms], elements, 5.5)
        result.append((s, Labels(rng.normal(), rng.normal(size=(4, 3)), None)))
    return result


def total(loss, data):
    """The joint loss of a batch of each system."""
    return loss.combined([(own(batch), LabelErrors()) for own, batch in zip(loss.losses, data, strict=True)])[0]


def test_gradient_of_the_joint_loss_is_its_derivative():
    """Central differences with steps of 1e-5: errors of 1e-10 and rounding of 1e-11, of gradients of order 1."""
    joint = joint_model()
    loss = JointLoss(joint, Weights(), [1.0, 2.5], 1)
    data = batches()
    value = sum(own.backward(batch) for own, batch in zip(loss.losses, data, strict=True))
    assert value == pytest.approx(total(loss, data))
    rng = np.random.default_rng(0)
    for name, parameter in joint.named_parameters():
        flat, gradient = parameter.detach().view(-1), parameter.grad.reshape(-1)
        for k in rng.choice(len(flat), min(len(flat), 3), replace=False):
            ends = []
            for step in (1e-5, -1e-5):
                flat[k] += step
                ends.append(total(loss, data))
                flat[k] -= step
            assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(float(gradient[k]), rel=1e-6, abs=1e-7), name


@pytest.mark.parametrize("count", [2, 4])
def test_gradient_of_systems_does_not_depend_on_how_frames_are_divided(count):
    """Sums of the same numbers in another order: to rounding; shared parameters are the same ones in each process."""
    joint, data = joint_model(), [labelled(seed) for seed in range(3)]
    frames, parameters = list(zip(*data, strict=True)), list(joint.parameters())
    losses, found = JointLoss(joint, Weights(), [1.0, 2.5], 1).losses, []
    for ranks in (Ranks(), Together(count)):
        for p in parameters:
            p.grad = None
        value = Gradient(losses, parameters, [deal([own], ranks)[0] for own in frames])([[2, 0], [1, 0, 2]])
        found.append((value, torch.cat([p.grad.ravel() for p in parameters]).numpy()))
    assert found[1][0] == pytest.approx(found[0][0], rel=1e-12)
    np.testing.assert_allclose(found[1][1], found[0][1], rtol=1e-9, atol=1e-12 * np.abs(found[0][1]).max())


def test_shared_parameters_are_saved_and_stepped_once():
    joint = joint_model(("f", "g"))
    assert joint.models[0].f is joint.models[1].f
    assert joint.models[0].rho is not joint.models[1].rho
    names = list(joint.state_dict())
    assert [name for name in names if name.endswith((".f", ".g"))] == ["shared.f", "shared.g"]
    stepped = [p for block in joint.blocks() for p in block["params"]]
    assert len({id(p) for p in stepped}) == len(stepped)
    assert {id(p) for p in stepped} == {id(p) for p in joint.parameters()}


@pytest.mark.parametrize("change", ["balance", "to_unit_size"])
def test_sizes_of_filters_are_chosen_where_energies_do_not_notice(change):
    joint = joint_model()
    data = batches()
    loss = JointLoss(joint, Weights(), [1.0, 1.0], 1)
    before = total(loss, data)
    getattr(joint, change)()
    assert total(loss, data) == pytest.approx(before, rel=1e-10)


def test_bond_length_is_the_mean_distance_to_the_nearest_neighbour():
    crystals = [bulk("Cu", "fcc", a=3.6), bulk("Fe", "bcc", a=3.0)]
    for atoms in crystals:
        atoms.calc = SinglePointCalculator(atoms, energy=0.0, forces=np.zeros((1, 3)))
    expected = (3.6 / np.sqrt(2) + 3.0 * np.sqrt(3) / 2) / 2
    found = survey(from_atoms(crystals, "test").frames, ["Fe", "Cu"])
    assert found.bond_length == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("systems.share", ["phi"], "systems.share: expected true, false, or a list of rho, f, g"),
        ("systems.data", {"Cu": {"train": ["x.xyz"]}}, "systems.data: expected at least two systems"),
        ("systems.data", {"a/b": {}, "c": {}}, "systems.data: expected names of letters"),
        ("systems.data", {"Cu": {"train": ["x"]}, "cu": {"train": ["y"]}}, "names that differ not only in case"),
        ("systems.data", {"Cu": {"train": ["x"]}, "Ni": {}}, "system Ni: expected a file of data under the key train"),
        ("systems.data.Cu.weight", 0, "systems.data.Cu.weight: "),
        ("systems.shear", True, "unknown key systems.shear: did you mean share"),
        ("data.train", ["x.xyz"], "data makes no sense beside systems"),
        ("model.filters", "x.snnp", "model.filters makes no sense beside systems"),
        ("model", {"kind": "pair"}, "model.kind makes no sense beside systems"),
        ("training.smoothing", 0.1, "training.smoothing makes no sense beside systems"),
    ],
)
def test_what_makes_no_sense_is_told_in_one_sentence(data, tmp_path, key, value, sentence):
    with pytest.raises(ConfigError, match=sentence):
        validate(content(data, tmp_path), "test", {key: value})


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"systems.data.Cu.e0": {"Au": 1.0}}, "systems.data.Cu.e0: element Au is not in the data \\(Cu\\)"),
        ({"output": "Cu.snnp"}, "output: Cu.snnp is the potential of system Cu: expected another name"),
    ],
)
def test_what_data_and_outputs_contradict_is_told_before_the_fit(data, tmp_path, overrides, sentence):
    config = validate(content(data, tmp_path), "test", overrides)
    with pytest.raises(ConfigError, match=sentence):
        run_systems(config, Log(quiet=True))


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ({"train": ["none.xyz"]}, r"systems.data.AuPd: .*none.xyz: no such file"),
        ({"test": ["*.none"]}, r"systems.data.AuPd: .*none: no file matches"),
        ({"units": "furlong"}, r"systems.data.AuPd: .*furlong"),
        ({"elements": ["Xx"]}, r"systems.data.AuPd: elements: 'Xx' is no chemical symbol"),
        ({"format": "none"}, r"systems.data.AuPd: data.format 'none' is unknown"),
    ],
)
def test_mistakes_of_the_last_system_are_told_before_data_of_the_first_are_read(
    data, tmp_path, monkeypatch, overrides, sentence
):
    monkeypatch.setattr("snnp.systems.run.read_data", lambda config: pytest.fail("data were read"))
    settings = {f"systems.data.AuPd.{key}": value for key, value in overrides.items()}
    config = validate(content(data, tmp_path), "test", settings)
    with pytest.raises(DataError, match=sentence):
        run_systems(config, Log(quiet=True))
