"""Training ends when more of it does not help, keeps models simple, and takes longer cutoffs where forces need them."""

import numpy as np
import pytest
import torch
from ase.build import bulk

import models
import support
from snnp.config import FitConfig
from snnp.console import Log
from snnp.data import Frame
from snnp.data.batch import Labels, Weights
from snnp.data.neighbors import full_list, structures
from snnp.fitting.cutoffs import best_cutoffs
from snnp.fitting.decay import Decay
from snnp.fitting.loss import Loss
from snnp.fitting.minibatch import Optimizer, Schedule
from snnp.kinds.choose import alternatives
from snnp.kinds.snnp import SnnpConfig

SCHEDULE = Schedule(900, 1, 5e-3, 0, patience=60)


def optimizer(schedule=SCHEDULE):
    """Of a model that has nothing to learn: labels of training and validation frames are different noise."""
    torch.manual_seed(0)
    model = models.random_model(*models.KINDS["one element, tanh"])
    rng = np.random.default_rng(3)
    atoms = support.structures(model.shape.elements)["two_atom_cell"]
    s = structures([atoms], model.shape.elements, model.shape.cutoff)
    frames = [(s, Labels(rng.normal(), rng.normal(size=(len(s), 3)), None)) for _ in range(4)]
    return Optimizer(model, Loss(model, Weights(), 1.0, 1), schedule, frames[:1], frames[1:])


def trained(run, stop=lambda: False):
    run.run(lambda record: None, lambda step: None, stop)
    return run


@pytest.fixture(scope="module")
def ended():
    return trained(optimizer())


def test_training_ends_when_the_validation_loss_does_not_become_smaller(ended):
    best = min(ended.history, key=lambda record: record.validation_loss)
    assert ended.step == ended.history[-1].step < SCHEDULE.steps / 2
    assert ended.fall_begins - best.step >= SCHEDULE.patience
    assert ended.best_loss == best.validation_loss
    rates = [record.learning_rate for record in ended.history if record.step >= ended.fall_begins]
    assert np.all(np.diff(rates) < 0)
    assert rates[-1] < 0.02 * SCHEDULE.learning_rate


@pytest.mark.parametrize("behind", [-1, 1], ids=["before the end was known", "after it"])
def test_training_that_was_interrupted_ends_as_if_it_had_not_been(ended, behind):
    first = optimizer()
    trained(first, stop=lambda: first.step == ended.fall_begins + behind)
    second = optimizer()
    second.restore(first.state())
    assert [r.validation_loss for r in trained(second).history] == [r.validation_loss for r in ended.history]


def test_without_validation_data_training_does_all_its_steps():
    run = optimizer(Schedule(100, 1, 5e-3, 0, patience=10))
    run.validation = []
    assert trained(run).step == 100


def test_what_splines_gain_stays_if_straight_and_decays_if_rough_and_weights_decay():
    model = models.random_model(*models.KINDS["one element, tanh"])
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    decay = Decay(model, weights=2.0, curvature=0.5)
    straight = torch.arange(model.f.shape[1], dtype=torch.float64)[:, None]
    rough = torch.tensor([(-1.0) ** k for k in range(model.g.shape[1])], dtype=torch.float64)[:, None]
    with torch.no_grad():
        model.f += straight
        model.g += rough
    decay.step(0.1)
    after = dict(model.named_parameters())
    torch.testing.assert_close(after["f"], before["f"] + straight)
    # Far from the ends of a spline DᵀD is 16 for what alternates: it decays by exp(−0.5 · 0.1 · 16), nearly.
    gained = (after["g"] - before["g"])[:, model.g.shape[1] // 2].abs()
    torch.testing.assert_close(gained, torch.full_like(gained, np.exp(-0.8)), rtol=0.1, atol=0)
    for name in ("phi", "rho"):
        torch.testing.assert_close(after[name], before[name])
    for name in after:
        if name.startswith("networks") and name.endswith("weight"):
            torch.testing.assert_close(after[name], np.exp(-0.2) * before[name])
        elif name.startswith("networks"):
            torch.testing.assert_close(after[name], before[name])


def test_a_long_step_of_decay_equals_many_short_ones():
    long, short = (models.random_model(*models.KINDS["one element, tanh"]) for _ in range(2))
    decay, once = (Decay(model, weights=3.0, curvature=2.0) for model in (short, long))
    with torch.no_grad():
        for model in (long, short):
            model.f += torch.linspace(0, 1, model.f.shape[1], dtype=torch.float64).square()[:, None]
    once.step(5.0)
    for _ in range(50):
        decay.step(0.1)
    for one, other in zip(long.parameters(), short.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def crystals(reach):
    """Shaken crystals with forces between pairs of atoms that oscillate with their distance, up to a cutoff, Å."""
    rng = np.random.default_rng(11)
    frames = []
    for _ in range(48):
        atoms = bulk("Cu", a=3.6, cubic=True) * (2, 2, 1)
        atoms.positions += rng.normal(scale=0.12, size=(len(atoms), 3))
        i, _, d = full_list(atoms, reach)
        r = np.linalg.norm(d, axis=1)
        forces = np.zeros((len(atoms), 3))
        np.add.at(forces, i, d * (np.cos(2 * r) * (1 - r / reach) ** 2 / r)[:, None])
        frames.append(Frame(atoms, 0.0, forces, None, "all", "made here"))
    return frames


@pytest.mark.parametrize(("reach", "longer"), [(4.3, False), (6.8, True)])
def test_longer_cutoffs_are_taken_where_forces_reach_farther(reach, longer):
    frames = crystals(reach)
    model = SnnpConfig(pair_knots=9, radial_knots=5, angle_knots=5)
    options = alternatives(model, frames, ["Cu"], "default")
    assert len(options) == 2
    assert best_cutoffs(options, frames, 1, Log(quiet=True)) is options[longer]


def test_cutoffs_that_are_given_are_kept():
    frames = crystals(6.8)
    for effort in ("quick", "default", "high"):
        ((model, *_),) = alternatives(SnnpConfig(three_body_cutoff=4.0), frames, ["Cu"], effort)
        assert model.three_body_cutoff == 4.0
        assert all(m.pair_cutoff == 5.0 for m, *_ in alternatives(SnnpConfig(pair_cutoff=5.0), frames, ["Cu"], effort))


def test_effort_decides_what_is_left_open():
    def settings(training, model):
        config = FitConfig.model_validate({"training": training, "model": model})
        return config.training.steps, config.model.three_body_filters

    assert settings({}, {}) == (6000, 16)
    assert settings({"effort": "high"}, {}) == (20000, 24)
    assert settings({"effort": "high", "steps": None}, {"three_body_filters": 5}) == (20000, 5)
    assert settings({"effort": "quick", "steps": 70}, {}) == (70, 16)


def test_the_complete_configuration_of_an_effort_is_the_same_when_read_again():
    config = FitConfig.model_validate({"training": {"effort": "high"}})
    content = config.model_dump(by_alias=True, mode="json")
    assert FitConfig.model_validate(content).model_dump(by_alias=True, mode="json") == content
