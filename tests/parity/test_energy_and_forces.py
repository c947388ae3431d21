"""NumPy = PyTorch = C++ engine: three ways from the formulas to energies, forces and virials."""

import numpy as np
import pytest
import torch

import models
import support
from snnp import _core, reference
from snnp.data.neighbors import structures
from tolerances import ENERGY, FORCE, KERNEL_FORCE, MIXED_ENERGY, MIXED_FORCE, MIXED_FORCE_RMS, VIRIAL

# Each kind of element set, knots and embedding, with and without core, in few combinations.
POTENTIALS = {
    "one element, tanh": support.random_potential(("Si",), n2=2, n3=2),
    "one element, silu, uneven knots": support.random_potential(("Si",), n2=2, n3=2, activation="silu", uniform=False),
    "one element, linear, no core": support.random_potential(("Si",), n2=1, n3=2, activation="none", core=False),
    "two elements, tanh, uneven knots": support.random_potential(("In", "P"), n2=2, n3=2, uniform=False),
    "two elements, squareplus": support.random_potential(("In", "P"), n2=2, n3=2, activation="squareplus"),
    "two elements, silu": support.random_potential(("In", "P"), n2=2, n3=2, activation="silu"),
    "two elements, linear, uneven": support.random_potential(("In", "P"), n2=1, n3=1, activation="none", uniform=False),
    "two elements, shared g": support.with_shared_angles(support.random_potential(("In", "P"), n2=2, n3=2)),
    "two-body filters only": support.random_potential(("In", "P"), n2=3, n3=0),
    "three-body filters only": support.random_potential(("In", "P"), n2=0, n3=2),
    "spline of a density": support.random_potential(("Si",), n2=1, n3=1, activation="density"),
    "splines of densities, two elements": support.random_potential(("In", "P"), n2=2, n3=1, activation="density"),
    "floors": support.with_floor(support.random_potential(("Si",), n2=2, n3=2)),
    "floors without networks, two elements": support.with_floor(
        support.random_potential(("In", "P"), n2=1, n3=1, activation="none", uniform=False)
    ),
    "tensors": support.with_tensors(support.random_potential(("Si",), n2=0, n3=0, activation="none")),
    "tensors of two elements and all else": support.with_tensors(support.random_potential(("In", "P"), n2=1, n3=1)),
    "four-body terms": support.with_four_body(support.random_potential(("Si",), n2=1, n3=2)),
    "four-body terms alone": support.with_four_body(
        support.random_potential(("Si",), n2=0, n3=0, activation="none"), degree=4, radial=4
    ),
    "four-body terms of two elements": support.with_four_body(support.random_potential(("In", "P"), n2=2, n3=2)),
    "four-body terms and tensors": support.with_four_body(
        support.with_tensors(support.random_potential(("In", "P"), n2=1, n3=1)), degree=2, mixtures=1
    ),
    "four-body terms of three elements": support.with_four_body(
        support.random_potential(("In", "P", "Ga"), n2=1, n3=1), radial=2
    ),
    "four-body terms, elements alike": support.with_four_body(
        models.random_model(("P", "In", "Si"), [5], "tanh", "shared").potential(" DATE: none")
    ),
    "open ends": support.open_ended(support.random_potential(("In", "P"), n2=1, n3=0, activation="none")),
    "pair potential": support.random_potential(("In", "P"), n2=0, n3=0, activation="none"),
}
STRUCTURES = list(support.structures())


def engine_result(potential, atoms, precision=_core.Precision.full):
    """What the engine says, in the form of the reference."""
    elements = [e.name for e in potential.elements]
    out = _core.Engine(potential, precision).evaluate(structures([atoms], elements, potential.cutoff()))
    virial = out["virial"][[0, 3, 4, 3, 1, 5, 4, 5, 2]].reshape(3, 3)
    return reference.Result(out["energy"], out["energies"], out["forces"], virial)


def torch_result(model, atoms):
    """Energies of the PyTorch model, and forces and virial by its automatic differentiation."""
    batch = structures([atoms], model.shape.elements, model.shape.cutoff)
    vectors = torch.tensor(batch.vectors).requires_grad_()
    energies = model.energies(batch, vectors)
    (gradient,) = torch.autograd.grad(energies.sum(), vectors)
    forces = models.forces(batch, gradient)
    virial = -(vectors.detach().T @ gradient)
    return reference.Result(float(energies.sum().detach()), energies.detach().numpy(), forces.numpy(), virial.numpy())


def assert_same(a, b):
    n = len(a.energies)
    assert a.energy == pytest.approx(b.energy, rel=0, abs=n * ENERGY)
    np.testing.assert_allclose(a.energies, b.energies, rtol=0, atol=ENERGY)
    np.testing.assert_allclose(a.forces, b.forces, rtol=0, atol=FORCE)
    np.testing.assert_allclose(a.virial, b.virial, rtol=0, atol=n * VIRIAL)


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("kind", POTENTIALS)
def test_engine_is_the_formula(kind, name):
    potential = POTENTIALS[kind]
    atoms = support.structures([e.name for e in potential.elements])[name]
    assert_same(engine_result(potential, atoms), reference.evaluate(potential, atoms))


@pytest.mark.parametrize("n2, n3", [(1, 0), (1, 1), (3, 3), (8, 8), (4, 19)])
@pytest.mark.parametrize("elements", [("Si",), ("In", "P")])
def test_every_kernel_is_the_formula(elements, n2, n3, monkeypatch):
    """Widths and kinds of kernels, the instruction sets that the CPU has, in double and in mixed precision."""
    potential = support.random_potential(elements, seed=n3, n2=n2, n3=n3, cutoff=4.5, uniform=False)
    if n2 == 3:
        potential = support.with_four_body(potential)
    atoms = support.structures(elements)["cluster"]
    right = reference.evaluate(potential, atoms)
    for isa in ("base", "avx2", "avx512"):
        monkeypatch.setenv("SNNP_ISA", isa)
        full = engine_result(potential, atoms)
        assert_same(full, right)
        assert np.abs(full.forces - right.forces).max() < KERNEL_FORCE
        mixed = engine_result(potential, atoms, _core.Precision.mixed)
        difference = mixed.forces - right.forces
        assert np.abs(difference).max() < MIXED_FORCE
        assert np.sqrt(np.mean(difference**2)) < MIXED_FORCE_RMS
        np.testing.assert_allclose(mixed.energies, right.energies, rtol=0, atol=MIXED_ENERGY)


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("kind", models.KINDS)
def test_trained_model_is_the_exported_potential(kind, name):
    model = models.random_model(*models.KINDS[kind])
    atoms = support.structures(model.shape.elements)[name]
    assert_same(torch_result(model, atoms), engine_result(model.potential("tests"), atoms))


@pytest.mark.parametrize("elements", [("Si",), ("In", "P")])
def test_structures_do_not_depend_on_the_batch_they_are_in(elements):
    potential = support.random_potential(elements)
    cases = list(support.structures(elements).values())
    together = _core.Engine(potential).evaluate(structures(cases, elements, potential.cutoff()))
    alone = [engine_result(potential, atoms) for atoms in cases]
    np.testing.assert_allclose(together["energies"], np.concatenate([a.energies for a in alone]), rtol=0, atol=ENERGY)
    np.testing.assert_allclose(together["forces"], np.concatenate([a.forces for a in alone]), rtol=0, atol=FORCE)
