"""Priors of second derivatives of curves, in energy and length, by choice."""

import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.calculators.morse import MorsePotential
from ase.calculators.singlepoint import SinglePointCalculator

import models
import snnp
import support
from small_fits import NETWORK, settings_of, structures
from snnp.config import ConfigError, read
from snnp.data.batch import Labels, Weights
from snnp.data.neighbors import structures as with_neighbors
from snnp.fitting.curvature import CurvatureTerm
from snnp.fitting.loss import Loss
from snnp.fitting.minibatch import Optimizer, Schedule
from snnp.fitting.ranks import Ranks
from snnp.fitting.shards import deal
from snnp.models.curvature_prior import CurvaturePrior
from snnp.models.gauge import embedding, filters

pytestmark = pytest.mark.usefixtures("no_pictures")

SMOOTHNESS = 1e-9  # Å: so little that only the data and the prior make φ smooth


# -- φ of a pair potential, where the prior and the data are two quadratic forms ----------------------------------


def noisy(scale=1.0, noise=0.1, frames=3):
    """Shaken crystals with energies and forces of a Morse potential, times `scale`, and noise of forces, eV/Å."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(frames):
        atoms = bulk("Cu", a=3.6, cubic=True) * (2, 1, 1)
        atoms.positions += rng.normal(scale=0.15, size=(len(atoms), 3))
        morse = MorsePotential(epsilon=0.5, r0=2.6, rho0=4.0, rcut1=4.0, rcut2=4.6)
        energy, forces = morse.get_potential_energy(atoms), morse.get_forces(atoms)
        forces = scale * (forces + rng.normal(scale=noise, size=forces.shape))
        atoms.calc = SinglePointCalculator(atoms, energy=scale * energy, forces=forces)
        found.append(atoms)
    return found


def pair(frames, **curvature):
    """φ of a fit with many knots to these frames."""
    model = {"kind": "pair", "pair_cutoff": 5.0, "pair_knots": 40, "smoothness": SMOOTHNESS, "zbl": {"enabled": False}}
    settings = {"data": {"validation_fraction": 0}, "loss": {"stress": 0, "robust": False}}
    fit = snnp.fit(
        frames,
        progress=False,
        model={**model, "curvature": curvature},
        training={"threads": 1},
        **settings,
    )
    return fit.potential.data.pairs[0].phi


def bend(curve):
    """Root mean square of s'' at the knots."""
    return np.sqrt(np.mean(np.square(curve(np.asarray(curve.knots), 2))))


def test_a_tighter_prior_makes_phi_smoother():
    found = [bend(pair(noisy()))] + [bend(pair(noisy(), phi=d)) for d in (100.0, 10.0, 1.0)]
    assert np.all(np.diff(found) < 0)
    assert found[-1] < 0.1 * found[0]


def test_a_wiggly_fit_to_few_noisy_data_comes_closer_to_the_truth():
    """Second derivatives of this potential are 16 eV/Å² at the minimum, and less beyond it."""
    exact = np.linspace(2.5, 4.5, 100)
    x = np.exp(-4.0 * (exact / 2.6 - 1))
    truth = np.gradient(2 * 0.5 * 4.0 / 2.6 * (x - x**2), exact)
    truth = truth[exact < 4.0]
    errors = [
        np.sqrt(np.mean((curve(exact[exact < 4.0], 2) - truth) ** 2))
        for curve in (pair(noisy()), pair(noisy(), phi=10.0))
    ]
    assert errors[1] < 0.5 * errors[0]


def test_energies_and_deviations_in_another_unit_give_the_same_curve_in_it():
    one, other = pair(noisy(), phi=10.0), pair(noisy(7.0), phi=70.0)
    np.testing.assert_allclose(other.coefficients, 7.0 * np.array(one.coefficients), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("times", [2, 4])
def test_twice_the_data_count_twice_beside_the_prior(times):
    few, many = pair(noisy(), phi=np.sqrt(times) * 5.0), pair(noisy() * times, phi=5.0)
    np.testing.assert_allclose(many.coefficients, few.coefficients, rtol=1e-6, atol=1e-6)


def test_lengths_in_another_unit_leave_the_prior_as_it_is():
    """φ in eV/Å², and g, of a cosine, in eV."""
    knots = np.array([1.5, 2.0, 2.7, 3.0])
    one = CurvaturePrior({"phi": 8.0}, 100).form("phi", knots, 6)
    other = CurvaturePrior({"phi": 2.0}, 100).form("phi", 2 * knots, 6)
    np.testing.assert_allclose(one, other, rtol=1e-12)


def test_the_prior_is_a_sum_over_knots():
    knots = np.array([0.0, 0.4, 0.7, 1.0])
    parabola = np.linalg.lstsq(*_parabola(knots), rcond=None)[0]
    form = CurvaturePrior({"g": 0.5}, 10).form("g", knots, 6)
    assert parabola @ form @ parabola == pytest.approx(len(knots) * (3.0 / 0.5) ** 2 / 10)
    assert not CurvaturePrior({"g": 0.5}, 10).form("phi", knots, 6).any()


def _parabola(knots):
    """Equations for the coefficients of 1.5 x², whose second derivative is 3."""
    from snnp.splines import basis

    x = np.linspace(knots[0], knots[-1], 30)
    return basis(knots)(x), 1.5 * x**2


# -- without it nothing changes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["pair", "eam", "snnp"])
def test_without_a_deviation_nothing_changes(kind):
    flat = NETWORK if kind == "snnp" else {"loss.stress": 0, "model.kind": kind, "model.pair_cutoff": 5.0}
    settings = settings_of({**flat, "training.threads": 1})
    both = [{}, {"curvature": {"phi": None}}]
    found = [
        snnp.fit(structures(), progress=False, **{**settings, "model": {**settings["model"], **more}}) for more in both
    ]
    one, other = (fit.potential.data for fit in found)
    assert [s.coefficients for s in one.rho] == [s.coefficients for s in other.rho]
    assert one.pairs[0].phi.coefficients == other.pairs[0].phi.coefficients


# -- filters ------------------------------------------------------------------------------------------------------


def energy_curvatures(potential, frames):
    """Root mean squares of second derivatives of curves in units of energy by name, of a potential of copper."""
    G, _ = filters(potential, [with_neighbors([a], ["Cu"], potential.cutoff()) for a in frames])
    slopes = np.sqrt((embedding(potential.elements[0], G)[1] ** 2).mean(0))
    n2, n3 = potential.n2, potential.n3
    f, g = ([np.abs(s(np.asarray(s.knots))).max() for s in curves] for curves in (potential.f, potential.g))
    sizes = {
        "rho": slopes[:n2],
        "f": [slopes[n2 + m] * f[m] * g[m] / f[m] for m in range(n3)],
        "g": [slopes[n2 + m] * f[m] ** 2 for m in range(n3)],
    }
    found = {}
    for name, by in sizes.items():
        bends = [size * bend(curve) for size, curve in zip(by, getattr(potential, name), strict=True)]
        found[name] = np.sqrt(np.mean(np.square(bends))) if bends else 0.0
    return {**found, "phi": bend(potential.pairs[0].phi)}


@pytest.mark.parametrize(
    ("kind", "name", "deviation"),
    [("eam", "rho", 0.05), ("eam", "phi", 0.3), ("smeam", "g", 0.05)],
)
def test_curves_of_densities_become_smooth(kind, name, deviation):
    frames, found = noisy(), []
    for curvature in ({}, {name: deviation}):
        model = {"kind": kind, "pair_cutoff": 4.6, "smoothness": 1e-6, "curvature": curvature}
        settings = {"data": {"validation_fraction": 0}, "loss": {"stress": 0}, "training": {"threads": 1, "steps": 30}}
        fit = snnp.fit(frames, progress=False, model=model, **settings)
        found.append(energy_curvatures(fit.potential.data, frames)[name])
    assert found[1] < 0.5 * found[0]


@pytest.mark.parametrize("steps", [1, 2, 7, 40])
def test_the_stage_with_the_prior_is_within_the_steps(steps):
    """It is the last one, and has a step at least; 40 are too few for all stages before."""
    model = {"kind": "eam", "pair_cutoff": 4.6, "smoothness": 1e-6, "curvature": {"rho": 0.05}}
    settings = {"data": {"validation_fraction": 0}, "loss": {"stress": 0}, "training": {"threads": 1, "steps": steps}}
    fit = snnp.fit(noisy(), progress=False, model=model, **settings)
    done = [row[fit.curve.columns.index("step")] for row in fit.curve.rows]
    assert done[-1] <= steps
    assert done[-1] > done[-2]
    assert done[-2] == max(steps - 25, steps - steps // 2, 0) - (steps == 1)


def training(deviations, steps):
    """Of a random model to its own energies and forces in few structures."""
    torch.manual_seed(0)
    model = models.random_model(*models.KINDS["one element, tanh"])
    loss, frames = Loss(model, Weights(), 1.0, 1), []
    for atoms in support.structures(model.shape.elements).values():
        s = with_neighbors([atoms], model.shape.elements, model.shape.cutoff)
        if len(s) <= 40:
            loss.trainer.set(*loss.tables.pieces())
            _, E, F, _ = loss.predict(s, False)
            frames.append((s, Labels(E[0], F, None)))
    prior = CurvaturePrior(deviations, sum(3 * len(s) for s, _ in frames))
    data = deal([frames, []], Ranks())
    return Optimizer(
        model, loss, Schedule(steps, 1, 5e-3, 0), *data, CurvatureTerm(model, prior) if deviations else None
    )


def trained(run, stop=lambda: False):
    run.run(lambda record: None, lambda step: None, stop)
    return run


def wiggles(run, name):
    """The term of one kind of curves, at present slopes."""
    term = CurvatureTerm(run.model, CurvaturePrior({name: 1.0}, 1))
    term.slopes = run.gradient.slopes(run.known[0])
    return float(term.value().detach())


@pytest.mark.parametrize("name", ["phi", "rho", "f", "g"])
def test_curves_that_data_leave_open_become_smooth_while_filters_are_trained(name):
    run = training({name: 1.0}, 600)
    before = wiggles(run, name)
    trained(run).use_best()
    assert wiggles(run, name) < 0.3 * before
    assert run.errors(run.known)[0] < 1e-2  # (eV/Å)²; forces are of order one
    assert run.best_loss < run.history[0].validation_loss


def test_training_with_a_prior_that_was_interrupted_ends_as_if_it_had_not_been():
    whole, first, second = (training({"g": 1.0}, 100) for _ in range(3))
    trained(whole)
    trained(first, stop=lambda: first.step == 47)
    second.restore(first.state())
    trained(second)
    assert torch.equal(second.model.g, whole.model.g)
    assert [r.validation_loss for r in second.history] == [r.validation_loss for r in whole.history]


EVERYTHING = {"phi": 2.0, "rho": 1.0, "f": 0.7, "g": 0.3}


@pytest.fixture(params=["one element, tanh", "two elements, silu", "three elements, shared filters"])
def term(request):
    model = models.random_model(*models.KINDS[request.param])
    found = CurvatureTerm(model, CurvaturePrior(EVERYTHING, 50))
    found.slopes = 0.5 + np.random.default_rng(0).random(found.slopes.shape)
    return found


@pytest.mark.parametrize("name", ["rho", "f", "g"])
def test_the_size_of_a_filter_is_not_part_of_the_prior(term, name):
    """If the embedding undoes a factor, the term stays; the gradient does not ask for another one."""
    term.backward()
    p, factor, n2 = getattr(term.model, name), 1.7, term.model.shape.n2
    assert p.grad.norm() > 1e-3
    assert abs((p.grad * p.detach()).sum()) < 1e-10 * p.grad.norm() * p.detach().norm()
    before = float(term.value().detach())
    with torch.no_grad():
        p *= factor
    term.slopes[:, :n2] /= factor if name == "rho" else 1
    term.slopes[:, n2:] /= {"rho": 1, "f": factor**2, "g": factor}[name]
    assert float(term.value().detach()) == pytest.approx(before, rel=1e-12)


def test_the_gradient_is_that_of_the_term_where_sizes_stay(term):
    """Along a change of φ, and along one of ρ that keeps the sum of the squares of its coefficients."""
    term.backward()
    rng = torch.Generator().manual_seed(0)
    for name in ("phi", "rho"):
        p = getattr(term.model, name)
        d = torch.randn(p.shape, generator=rng, dtype=p.dtype)
        if name == "rho":
            E = term.model.shape.n_elements
            c, v = (x.reshape(E, -1, p.shape[2]) for x in (p.detach(), d))
            d = (v - c * (c * v).sum(1, keepdim=True) / (c * c).sum(1, keepdim=True)).reshape(p.shape)
            if term.model.shape.shared:
                continue  # sizes are those of mixtures
        values = []
        for step in (1e-5, -1e-5):
            with torch.no_grad():
                p += step * d
                values.append(float(term.value()))
                p -= step * d
        assert (values[0] - values[1]) / 2e-5 == pytest.approx(float((p.grad * d).sum()), rel=1e-5)


# -- where there is nothing to apply it to ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        ({"kind": "pair", "curvature": {"rho": 1.0}}, "model.curvature.rho"),
        ({"kind": "uf3", "curvature": {"g": 1.0}}, "model.curvature.g"),
        ({"kind": "eam", "curvature": {"f": 1.0}}, "model.curvature.f"),
        ({"curvature": {"U": 1.0}}, "model.curvature.U"),
        ({"curvature": {"phi": 0.0}}, "model.curvature.phi"),
        ({"curvature": {"phi": -1.0}}, "model.curvature.phi"),
        ({"two_body_filters": 0, "curvature": {"rho": 1.0}}, "curvature.rho: expected model.two_body_filters above 0"),
        ({"three_body_filters": 0, "curvature": {"g": 1.0}}, "curvature.g: expected model.three_body_filters above 0"),
        (
            {"filters": {"file": "x.snnp", "freeze": ["f"]}, "curvature": {"f": 1.0}},
            "model.curvature: f stays as it is",
        ),
    ],
)
def test_where_it_cannot_be(model, complaint):
    with pytest.raises(ConfigError, match=complaint):
        read({"model": model})


def test_not_of_systems():
    systems = {"data": {name: {"train": ["x.xyz"]} for name in "ab"}}
    with pytest.raises(ConfigError, match="curvature makes no sense beside systems"):
        read({"model": {"curvature": {"phi": 1.0}}, "systems": systems})
