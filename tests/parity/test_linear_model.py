"""The linear model that a fit starts from is the model without network, its tensors products of filters."""

import numpy as np
import pytest

import support
import tolerances
from models import linear_model, random_model, tensor_coefficients
from snnp.data.batch import FrameStream, Labels, Weights
from snnp.data.neighbors import structures
from snnp.fitting.linear_start import linear_start
from snnp.fitting.loss import Loss, make_batch
from snnp.fitting.ranks import Ranks
from snnp.fitting.shards import deal
from snnp.models.linear import LinearModel, coarsened, linear_shape

KINDS = {"one element": (("Si",), True), "two elements": (("In", "P"), True), "uneven knots": (("In", "P"), False)}
KINDS["shared filters"] = (("P", "In", "Si"), "shared")


def frames_for(elements, cutoff):
    names = ("triclinic", "crowded", "two_atom_cell")
    batch = [
        structures([atoms], elements, cutoff) for name, atoms in support.structures(elements).items() if name in names
    ]
    rng = np.random.default_rng(3)
    symmetric = [(w + w.T) for w in rng.normal(size=(len(batch), 3, 3))]
    return [
        (s, Labels(rng.normal(), rng.normal(size=(len(s), 3)), w if n else None))
        for n, (s, w) in enumerate(zip(batch, symmetric, strict=True))
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_linear_model_has_the_loss_of_the_filters_it_is_made_of(kind):
    elements, uniform = KINDS[kind]
    model = linear_model(elements, uniform)
    frames = frames_for(elements, model.shape.cutoff)
    weights = Weights(energy=7.0, stress=3.0)
    shape = coarsened(model.shape)
    assert len(shape.radial_knots[0]) == len(model.shape.radial_knots[0]), "the test wants full resolution"
    quadratic = LinearModel(linear_shape(shape)).accumulate(FrameStream.held(frames), weights, threads=2)
    direct = float(Loss(model, weights, 1.0, 2)(make_batch(frames)))
    assert quadratic(tensor_coefficients(model)) == pytest.approx(direct, rel=tolerances.GRADIENT)


def test_warm_start_recovers_a_teacher_of_its_own_form():
    """Labels made by a model without network are fitted to a small part of their size."""
    teacher = linear_model(("Si",), True)
    frames = []
    for seed in range(6):
        atoms = support.shaken(support.structures()["triclinic"], 0.2, seed)
        s = structures([atoms], ("Si",), teacher.shape.cutoff)
        loss = Loss(teacher, Weights(), 1.0, 1)
        loss.trainer.set(*loss.tables.pieces())
        _, E, F, W = loss.predict(s, single=False)
        frames.append((s, Labels(E[0], F, (W[0] + W[0].T) / 2)))
    student = random_model(("Si",), [4], "tanh", True)
    linear_start(student, *deal([frames, []], Ranks()), Weights(), threads=1, seed=0)
    forces = np.concatenate([label.forces for _, label in frames])
    assert student.unit < 1e-3 * forces.std()
    # Compressed to as many filters as the teacher has, by a search from random ones, it is still nearly exact.
    error = np.sqrt(float(Loss(student, Weights(), 1.0, 1)(make_batch(frames))))
    assert error < 0.02 * forces.std()
