"""The gradient of the training loss by the engine = by PyTorch's automatic differentiation, for every parameter."""

import numpy as np
import pytest
import torch

import models
import support
from snnp.data.batch import Labels, Weights
from snnp.data.neighbors import structures
from snnp.fitting.loss import Loss, make_batch
from tolerances import ENERGY, GRADIENT

WEIGHTS, UNIT = Weights(energy=7.0, stress=3.0), 0.6
KINDS = {
    **{kind: (arguments, {}) for kind, arguments in models.KINDS.items()},
    "two-body filters only": ((("In", "P"), [4], "tanh", True), {"n2": 3, "n3": 0}),
    "three-body filters only": ((("In", "P"), [4], "silu", True), {"n2": 0, "n3": 2}),
}


def batch_and_labels(shape):
    """A few structures with random labels; the first one has no virial."""
    rng = np.random.default_rng(5)
    cases = support.structures(shape.elements)
    frames, labels = [], []
    for name in ("cluster", "two_atom_cell", "triclinic", "isolated"):
        n = len(cases[name])
        virial = None if name == "cluster" else rng.normal(size=(3, 3))
        if virial is not None:
            virial += virial.T
        labels.append(Labels(rng.normal(), rng.normal(size=(n, 3)), virial))
        frames.append(structures([cases[name]], shape.elements, shape.cutoff))
    return make_batch(list(zip(frames, labels, strict=True))), labels


def plain_loss(model, batch, labels):
    """The loss as its definition reads, with forces that autograd can differentiate once more."""
    s = batch.structures
    vectors = torch.tensor(s.vectors).requires_grad_()
    energies = model.energies(s, vectors)
    (gradient,) = torch.autograd.grad(energies.sum(), vectors, create_graph=True)
    force_errors = models.forces(s, gradient) - torch.from_numpy(np.concatenate([label.forces for label in labels]))
    energy_errors, virial_errors = [], []
    for number, label in enumerate(labels):
        atoms = np.flatnonzero(s.structure == number)
        pairs = slice(s.offsets[atoms[0]], s.offsets[atoms[-1] + 1])
        energy_errors.append((energies[atoms].sum() - label.energy) / len(atoms))
        virial = -(vectors[pairs].T @ gradient[pairs])
        known = label.virial is not None
        error = virial - torch.from_numpy(label.virial) if known else torch.zeros(3, 3, dtype=torch.float64)
        virial_errors.append(error / len(atoms))
    terms = (torch.stack(energy_errors), force_errors, torch.stack(virial_errors))
    energy, force, virial = (t.square().mean() for t in terms)
    return (WEIGHTS.energy * energy + force + WEIGHTS.stress * virial) / UNIT**2


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("fixed", [False, True], ids=["free e0", "fixed e0"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradient_of_the_loss_is_exact(kind, fixed, threads):
    arguments, sizes = KINDS[kind]
    fixed_e0 = [-1.5, 0.5, None][: len(arguments[0])] if fixed else None
    require_exact_gradient(models.random_model(*arguments, **sizes, fixed_e0=fixed_e0), threads)


@pytest.mark.parametrize("kind", ["two elements, tanh, uneven knots", "three elements, shared filters"])
def test_gradient_by_free_parameters_of_positive_curves_is_exact(kind):
    model = models.random_model(*models.KINDS[kind])
    model.positive = ("rho", "f")
    model.constrain()
    require_exact_gradient(model, threads=1)


def require_exact_gradient(model, threads):
    batch, labels = batch_and_labels(model.shape)

    expected = plain_loss(model, batch, labels)
    gradients = torch.autograd.grad(expected, list(model.parameters()), allow_unused=True)
    loss = Loss(model, WEIGHTS, UNIT, threads)
    value = loss.backward(batch)

    assert value == pytest.approx(float(expected.detach()), rel=ENERGY)
    assert float(loss(batch)) == pytest.approx(value, rel=ENERGY)
    names = [name for name, _ in model.named_parameters()]
    assert names
    for name, parameter, gradient in zip(names, model.parameters(), gradients, strict=True):
        if not parameter.numel():
            continue
        known = torch.zeros_like(parameter) if gradient is None else gradient
        found = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        scale = max(float(known.abs().max()), 1e-3)
        np.testing.assert_allclose(found.numpy() / scale, known.numpy() / scale, rtol=0, atol=GRADIENT, err_msg=name)


def test_single_precision_gives_the_same_gradient_to_rounding():
    """Energies of some 10 eV are rounded to 1e-6 of themselves, as are residuals, of order one, and what follows."""
    model = models.random_model(*models.KINDS["two elements, silu"])
    batch, _ = batch_and_labels(model.shape)
    values, gradients = [], []
    for single in (False, True):
        model.zero_grad()
        values.append(Loss(model, WEIGHTS, UNIT, 1, single).backward(batch))
        gradients.append(torch.cat([p.grad.reshape(-1) for p in model.parameters() if p.grad is not None]).numpy())
    assert values[1] == pytest.approx(values[0], rel=1e-4)
    assert np.linalg.norm(gradients[1] - gradients[0]) < 1e-4 * np.linalg.norm(gradients[0])


def test_the_loss_of_batches_is_that_of_all_their_structures():
    model = models.random_model(*models.KINDS["one element, tanh"])
    shape, rng = model.shape, np.random.default_rng(6)
    cases = [support.structures(shape.elements)[name] for name in ("cluster", "two_atom_cell", "triclinic")]
    frames = [
        (structures([a], shape.elements, shape.cutoff), Labels(rng.normal(), rng.normal(size=(len(a), 3)), None))
        for a in cases
    ]
    loss = Loss(model, WEIGHTS, UNIT, threads=1)
    assert loss(make_batch(frames[:1]), make_batch(frames[1:])) == pytest.approx(loss(make_batch(frames)), rel=ENERGY)


def test_backward_adds_to_the_gradient():
    model = models.random_model(*models.KINDS["one element, tanh"])
    batch, _ = batch_and_labels(model.shape)
    loss = Loss(model, WEIGHTS, UNIT, threads=1)
    loss.backward(batch)
    once = [p.grad.clone() for p in model.parameters()]
    loss.backward(batch)
    for parameter, gradient in zip(model.parameters(), once, strict=True):
        np.testing.assert_allclose(parameter.grad.numpy(), 2 * gradient.numpy(), rtol=1e-12)


def test_isolated_atoms_have_the_energies_that_were_fixed():
    model = models.random_model(("In", "P"), [5, 4], "tanh", True, fixed_e0=[-1.5, None])
    assert model.e0()[0] == pytest.approx(-1.5, abs=ENERGY)
    assert model.potential("tests").elements[0].e0 == pytest.approx(-1.5, abs=ENERGY)
