"""One loss for all kinds of models, whatever weights labels have and whichever are known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import models
import support
import tolerances
from models import linear_model, tensor_coefficients
from snnp import _core
from snnp.data import from_atoms
from snnp.data.batch import FrameStream, Labels, Weights
from snnp.data.frames import LabelWeights
from snnp.data.neighbors import NeighborLists, structures
from snnp.fitting.loss import Loss, make_batch
from snnp.fitting.prepare import prepare
from snnp.models.density import DensityModel
from snnp.models.linear import LinearModel, coarsened, linear_shape
from snnp.models.normal_equations import fit_offsets
from snnp.models.potentials import density_potential
from snnp.virial import matrix

WEIGHTS = Weights(energy=7.0, stress=3.0, force=2.0)


def labelled(elements, cutoff, seed=0):
    """Structures with random labels, some or all of which are not known, and random weights."""
    rng = np.random.default_rng(seed)
    frames = []
    for n, (name, atoms) in enumerate(support.structures(elements).items()):
        if name not in ("triclinic", "crowded", "two_atom_cell", "cluster"):
            continue
        forces = rng.normal(size=(len(atoms), 3))
        forces[1] = np.nan
        forces[0, 2] = np.nan
        virial = rng.normal(size=(3, 3))
        virial += virial.T
        virial[0, 1] = virial[1, 0] = np.nan
        labels = Labels(
            energy=np.nan if name == "crowded" else rng.normal(),
            forces=np.full_like(forces, np.nan) if name == "triclinic" else forces,
            virial=None if name == "cluster" else virial,
            weights=LabelWeights(*rng.uniform(0.2, 3.0, 3)),
        )
        if n % 2:  # some with a weight for each atom
            labels = replace(labels, weights=replace(labels.weights, force=rng.uniform(0.0, 2.0, len(atoms))))
        frames.append((structures([atoms], elements, cutoff), labels))
    return frames


def plain_loss(predictions, frames):
    """The loss as its definition reads; predictions: energy, forces (n, 3) and virial (3, 3) of each structure."""
    energy = force = virial = 0.0
    components = sum(3 * len(s) for s, _ in frames)
    for (E, F, W), (s, labels) in zip(predictions, frames, strict=True):
        u = labels.weights
        if not np.isnan(labels.energy):
            energy += u.energy * ((E - labels.energy) / len(s)) ** 2 / len(frames)
        for i in range(len(s)):
            for k in range(3):
                if not np.isnan(labels.forces[i, k]):
                    u_F = u.force if np.ndim(u.force) == 0 else u.force[i]
                    force += u_F * (F[i, k] - labels.forces[i, k]) ** 2 / components
        for a in range(3):
            for b in range(3):
                if labels.virial is not None and not np.isnan(labels.virial[a, b]):
                    virial += u.stress * ((W[a, b] - labels.virial[a, b]) / len(s)) ** 2 / (9 * len(frames))
    return WEIGHTS.energy * energy + WEIGHTS.force * force + WEIGHTS.stress * virial


def predictions(potential, frames):
    engine = _core.Engine(potential)
    found = (engine.evaluate(s, 1) for s, _ in frames)
    return [(out["energy"], out["forces"], matrix(out["virial"])) for out in found]


@pytest.mark.parametrize("elements", [("Si",), ("In", "P")], ids=" ".join)
def test_mini_batches_and_normal_equations_have_the_loss_that_is_documented(elements):
    model = linear_model(elements, uniform=True)
    frames = labelled(elements, model.shape.cutoff)
    direct = plain_loss(predictions(model.potential("tests"), frames), frames)
    batch = float(Loss(model, WEIGHTS, 0.6, 2)(make_batch(frames)))
    assert batch == pytest.approx(direct / 0.6**2, rel=tolerances.GRADIENT)
    linear = LinearModel(linear_shape(coarsened(model.shape)))
    quadratic = linear.accumulate(FrameStream.held(frames), WEIGHTS, threads=2)
    assert quadratic(tensor_coefficients(model)) == pytest.approx(direct, rel=tolerances.GRADIENT)


@pytest.mark.parametrize("n3", [0, 1], ids=["EAM", "s-MEAM"])
def test_gauss_newton_has_the_same_loss(n3):
    shape = models.random_model(("Si",), [], "tanh", True, n2=1, n3=n3).shape
    shape = replace(shape, rho_knots=shape.pair_knots, end=2)
    frames = labelled(("Si",), shape.cutoff)
    model = DensityModel(shape, 8, [None], WEIGHTS, threads=1)
    x = 0.1 * np.random.default_rng(1).normal(size=model.layout.columns)
    knots = np.linspace(-2.0, 2.0, model.layout.U[1] - 2)[None]
    parts = model.layout.split(x)
    potential = density_potential(shape, parts, knots, parts["e0"][:, 0], "tests")
    direct = plain_loss(predictions(potential, frames), frames)
    assert model.linearise(frames, x, knots).quadratic(x) == pytest.approx(direct, rel=tolerances.GRADIENT)


def test_gradient_is_the_slope_of_the_loss():
    """Along a random direction; the central difference errs by h² times a third derivative, and by rounding / h."""
    model = models.random_model(*models.KINDS["two elements, silu"])
    batch = make_batch(labelled(("In", "P"), model.shape.cutoff))
    loss = Loss(model, WEIGHTS, 0.6, 1)
    loss.backward(batch)
    torch.manual_seed(1)
    parameters = [p for p in model.parameters() if p.grad is not None]
    direction = [torch.randn_like(p) for p in parameters]
    slope = sum(float((p.grad * d).sum()) for p, d in zip(parameters, direction, strict=True))
    h, values = 1e-5, []
    for step in (h, -2 * h):
        with torch.no_grad():
            for p, d in zip(parameters, direction, strict=True):
                p.add_(d, alpha=step)
        values.append(float(loss(batch)))
    assert (values[0] - values[1]) / (2 * h) == pytest.approx(slope, rel=1e-6)


def labelled_atoms(weights):
    """Cells of different size with random labels and these weights."""
    rng = np.random.default_rng(2)
    frames = []
    for n, weight in enumerate(weights):
        atoms = support.shaken(support.structures()["two_atom_cell"].repeat((n + 1, 1, 1)), 0.05, n)
        atoms.info.update(energy=rng.normal(), stress=rng.normal(size=6), weight=weight)
        atoms.arrays["forces"] = rng.normal(size=(len(atoms), 3))
        frames.append(atoms)
    return frames


def normal_equations(atoms):
    shape = linear_model(("Si",), uniform=True).shape
    linear = LinearModel(linear_shape(coarsened(shape)))
    lists = NeighborLists(["Si"], shape.cutoff, keep=False)
    frames = list(prepare(from_atoms(atoms).frames, shape, lists, 1))
    return linear.accumulate(FrameStream.held(frames), WEIGHTS, threads=1)


def test_a_frame_of_weight_two_counts_like_two_frames():
    one, two, three = labelled_atoms([1, 1, 1])
    twice = normal_equations([one, two, two, three])
    weighted = normal_equations(labelled_atoms([1, 2, 1]))
    scale = np.abs(twice.A).max()
    np.testing.assert_allclose(weighted.A, twice.A, rtol=0, atol=1e-12 * scale)
    np.testing.assert_allclose(weighted.b, twice.b, rtol=0, atol=1e-12 * np.abs(twice.b).max())
    assert weighted.c == pytest.approx(twice.c, rel=1e-12)


def test_equal_weights_change_nothing():
    np.testing.assert_array_equal(
        normal_equations(labelled_atoms([3, 3, 3])).A, normal_equations(labelled_atoms([1, 1, 1])).A
    )


def test_energies_of_elements_follow_from_known_energies_only():
    compositions = np.array([[1, 0], [1, 1], [2, 1]])
    offsets = fit_offsets(compositions, np.array([-1.0, -3.0, np.nan]), [None, None])
    np.testing.assert_allclose(offsets, [-1.0, -2.0], atol=1e-12)
    assert not fit_offsets(compositions, np.full(3, np.nan), [None, None]).any()
