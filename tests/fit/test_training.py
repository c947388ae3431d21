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
from snnp.fitting.decay import Decay, fading
from snnp.fitting.loss import Loss
from snnp.fitting.minibatch import Optimizer, Schedule
from snnp.fitting.ranks import Ranks
from snnp.fitting.shards import deal
from snnp.kinds.choose import alternatives
from snnp.kinds.snnp import SnnpConfig
from snnp.models.network import Model

SCHEDULE = Schedule(900, 1, 5e-3, 0, patience=60)


def optimizer(schedule=SCHEDULE):
    """Of a model that has nothing to learn: labels of training and validation frames are different noise."""
    torch.manual_seed(0)
    model = models.random_model(*models.KINDS["one element, tanh"])
    rng = np.random.default_rng(3)
    atoms = support.structures(model.shape.elements)["two_atom_cell"]
    s = structures([atoms], model.shape.elements, model.shape.cutoff)
    frames = [(s, Labels(rng.normal(), rng.normal(size=(len(s), 3)), None)) for _ in range(4)]
    return Optimizer(model, Loss(model, Weights(), 1.0, 1), schedule, *deal([frames[:1], frames[1:]], Ranks()))


def trained(run, stop=lambda: False):
    run.run(lambda record: None, lambda step: None, stop)
    return run


@pytest.fixture(scope="module")
def ended():
    return trained(optimizer())


def test_training_ends_when_the_validation_loss_does_not_become_smaller(ended):
    best = min(ended.history, key=lambda record: record.validation_loss)
    assert ended.step == ended.history[-1].step < SCHEDULE.steps
    assert ended.fall_begins < SCHEDULE.steps / 2
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


REFIT = Schedule(900, 1, 5e-3, 0, patience=60, refit=0.25)


@pytest.fixture(scope="module")
def refitted():
    return trained(optimizer(REFIT))


def test_validation_errors_are_those_of_weights_that_saw_no_validation_frame(ended, refitted):
    until = refitted.validated_until
    assert until == ended.step
    validated = [r.validation_loss for r in refitted.history if r.step <= until]
    assert validated == [r.validation_loss for r in ended.history]
    assert refitted.best_loss == ended.best_loss
    for name, value in ended.best.items():
        torch.testing.assert_close(refitted.best[name], value, rtol=0, atol=0)
    behind = [r for r in refitted.history if r.step > until]
    assert behind
    assert np.isnan([[r.validation_loss, r.energy_error, r.force_error] for r in behind]).all()


def test_the_last_steps_learn_validation_frames(refitted):
    assert refitted.step == int(np.ceil(refitted.validated_until * (1 + REFIT.refit)))
    refitted.use_best()
    assert refitted.errors(refitted.validation)[0] < 0.9 * refitted.best_loss


def test_steps_with_validation_frames_that_were_interrupted_end_as_if_they_had_not_been(refitted):
    first = optimizer(REFIT)
    trained(first, stop=lambda: first.step == refitted.validated_until + 3)
    second = optimizer(REFIT)
    second.restore(first.state())
    trained(second)
    for name, value in refitted.average.items():
        torch.testing.assert_close(second.average[name], value, rtol=0, atol=0)


def test_without_validation_data_training_does_all_its_steps():
    run = optimizer(Schedule(100, 1, 5e-3, 0, patience=10))
    run.validation = []
    assert trained(run).step == 100


def test_straight_splines_stay_and_rough_ones_decay_and_weights_decay():
    model = models.random_model(*models.KINDS["one element, tanh"])
    with torch.no_grad():
        for spline in (model.phi, model.f, model.g):
            spline.zero_()
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
    torch.testing.assert_close(after["phi"], before["phi"])
    for name in after:
        if name.startswith("networks") and name.endswith("weight"):
            torch.testing.assert_close(after[name], np.exp(-0.2) * before[name])
        elif name.startswith("networks"):
            torch.testing.assert_close(after[name], before[name])


def test_splines_decay_less_where_those_of_the_linear_start_bend_much():
    """What bends 1000 times as much as usual takes 10⁶ times as long; its neighbours change it by some thousandths."""
    model = models.random_model(*models.KINDS["one element, tanh"])
    n = model.f.shape[1]
    bends = torch.tensor([(-1.0) ** k for k in range(n - 2)], dtype=torch.float64)
    bends[0] *= 1000.0
    curve = torch.zeros(n, dtype=torch.float64)
    for k, bend in enumerate(bends):
        curve[k + 2] = bend + 2 * curve[k + 1] - curve[k]
    with torch.no_grad():
        model.f.copy_(curve[:, None].expand_as(model.f))
    Decay(model, weights=0.0, curvature=0.5).step(0.1)
    left = (model.f.detach().diff(n=2, dim=1)[0, :, 0] / bends).numpy()
    assert left[0] == pytest.approx(1, abs=0.01)
    assert np.all(left[2:] < 0.9)


@pytest.mark.parametrize("positive", [(), ("rho", "f")])
def test_smoothing_leaves_straight_curves_as_they_are(positive):
    """Also those of free parameters, which are what a positive curve is where it is large."""
    example = models.random_model(*models.KINDS["one element, tanh"])
    model = Model(example.shape, positive=positive)
    line = torch.linspace(3, 2, model.rho.shape[1], dtype=torch.float64)
    with torch.no_grad():
        for curve in (model.rho, model.f):
            curve.copy_(line[: curve.shape[1], None].expand_as(curve))
    model.constrain()
    before = [model.coefficients(name).detach().clone() for name in ("rho", "f")]
    Decay(model, weights=0.0, curvature=0.05).step(18.0)  # as much as a whole fit
    for name, old in zip(("rho", "f"), before, strict=True):
        # c is p(v), which differs from v by 2 % of its size where c is as large as this.
        torch.testing.assert_close(model.coefficients(name).detach(), old, rtol=0.02, atol=0)


@pytest.mark.parametrize("stiffness", [1e-6, 1e3])
def test_smoothing_becomes_weaker_where_it_alone_would_spoil_the_loss(stiffness):
    """The loss is 2 for the curves of the start. Smoothing may add 10; for n times that, it is n² times weaker."""
    model = models.random_model(*models.KINDS["one element, tanh"])
    start = {name: p.detach().clone() for name, p in model.named_parameters()}

    def loss():
        changes = [(p.detach() - start[name]).square().sum() for name, p in model.named_parameters()]
        return 2 + stiffness * float(sum(changes))

    Decay(model, weights=0.0, curvature=0.5).step(0.5)
    added = loss() - 2
    model.load_state_dict(start, strict=False)
    decay = Decay(model, weights=0.0, curvature=0.5)
    decay.soften(loss, 0.5)
    assert loss() == 2
    assert decay.curvature == pytest.approx(0.5 / max(added / 10, 1) ** 2)
    assert (added > 10) == (stiffness > 1)


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
        return config.model.three_body_filters, config.model.hidden

    assert settings({}, {}) == settings({"effort": "quick"}, {}) == (16, [24, 24])
    assert settings({"effort": "high"}, {}) == (24, [32, 32])
    assert settings({"effort": "high"}, {"three_body_filters": 5, "hidden": [7]}) == (5, [7])


def test_the_complete_configuration_of_an_effort_is_the_same_when_read_again():
    config = FitConfig.model_validate({"training": {"effort": "high"}})
    content = config.model_dump(by_alias=True, mode="json")
    assert FitConfig.model_validate(content).model_dump(by_alias=True, mode="json") == content


def test_smoothing_fades_with_the_variance_that_data_leave():
    few, many = fading(0.02, 4000), fading(0.02, 16000)
    assert few == pytest.approx(4 * many)
    assert fading(0.04, 16000) == pytest.approx(4 * many)
    assert fading(0.2, 4000) == 1
