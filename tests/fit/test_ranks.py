"""Several processes do what one does: gradients are those of the whole batch, results are written once."""

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import astuple

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from fitting import command
from models import random_model
from snnp.cli import fit_app
from snnp.data.batch import Labels, Weights
from snnp.data.neighbors import structures
from snnp.fitting.divided_model import DividedModel
from snnp.fitting.filters_start import DividedFilters
from snnp.fitting.gradient import Gradient
from snnp.fitting.linear_start import standardise
from snnp.fitting.loss import Loss, make_batch
from snnp.fitting.minibatch import Epochs
from snnp.fitting.ranks import Ranks
from snnp.fitting.shards import deal, even_out
from snnp.models.gauge import embedding, filters
from snnp.models.linear import linear_shape
from support import liquid
from together import Together

PROGRAM = "import sys; from snnp.cli import fit_app; fit_app()"


def frames(count, elements=("In", "P")):
    rng = np.random.default_rng(0)
    found = []
    for seed in range(count):
        atoms = liquid(elements, seed, n=6 + 5 * seed)
        s = structures([atoms], elements, 5.0)
        virial = rng.normal(size=(3, 3)) if seed % 2 else None
        found.append((s, Labels(rng.normal(), rng.normal(size=(len(atoms), 3)), virial)))
    return found


@pytest.mark.parametrize("count", [2, 3, 7])
def test_gradient_of_a_batch_does_not_depend_on_how_it_is_divided(count):
    """Sums of the same numbers in another order: to rounding, also with more ranks than frames in the batch."""
    model, data = random_model(("In", "P"), [6, 5], "tanh", True), frames(5)
    loss, parameters = Loss(model, Weights(1.0, 0.5), 0.7, 1), list(model.parameters())
    found = []
    for ranks in (Ranks(), Together(count)):
        gradient = Gradient([loss], parameters, deal([data], ranks))
        gradient([np.array([2, 1])])  # frames change hands
        for p in parameters:
            p.grad = None
        value = gradient([np.array([4, 0, 3, 1])])
        found.append((value, [p.grad.numpy().copy() for p in parameters]))
    (one, whole), (other, summed) = found
    assert other == pytest.approx(one, rel=1e-12)
    for a, b in zip(whole, summed, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12 * max(np.abs(g).max() for g in whole))


def test_ranks_have_the_model_that_a_checkpoint_restores():
    """With all that is no parameter, as the mean and spread of filters: a fit that goes on has it after the frames."""
    model, data = random_model(("In", "P"), [6, 5], "tanh", True), frames(5)
    loss, parameters = Loss(model, Weights(1.0, 0.5), 0.7, 1), list(model.parameters())
    made = [Gradient([loss], parameters, deal([data], ranks)) for ranks in (Ranks(), Together(3))]
    model.load_state_dict({name: 1.1 * value + 0.1 for name, value in model.state_dict().items()})
    found = []
    for gradient in made:
        for p in parameters:
            p.grad = None
        found.append((gradient([np.arange(5)]), parameters[0].grad.numpy().copy()))
    (one, whole), (other, summed) = found
    assert other == pytest.approx(one, rel=1e-12)
    np.testing.assert_allclose(whole, summed, rtol=1e-10, atol=1e-12 * np.abs(whole).max())


def test_errors_of_labels_are_those_of_all_frames():
    """So are losses; of a part of the frames, too."""
    model, data = random_model(("In", "P"), [6, 5], "tanh", True), frames(5)
    loss, parameters = Loss(model, Weights(1.0, 0.5), 0.7, 1), list(model.parameters())
    found = []
    for ranks in (Ranks(), Together(3)):
        known, held_out = deal([data[:2], data[2:]], ranks)
        (value, errors), *_ = Gradient([loss], parameters, [known.whole]).errors([held_out])
        found.append([value, *astuple(errors)])
    assert found[0][0] == pytest.approx(loss(make_batch(data[2:])), rel=1e-12)
    assert found[0] == pytest.approx(found[1], rel=1e-12, nan_ok=True)


def test_slopes_by_filters_are_those_over_the_atoms_of_all_frames():
    model, data = random_model(("In", "P"), [6, 5], "tanh", True), frames(5)
    loss, parameters = Loss(model, Weights(), 0.7, 1), list(model.parameters())
    p = model.potential("")
    G, kinds = filters(p, [s for s, _ in data])
    for ranks in (Ranks(), Together(3)):
        (known,) = deal([data], ranks)
        found = Gradient([loss], parameters, [known]).slopes(known)
        for a, element in enumerate(p.elements):
            slopes = embedding(element, G[kinds == a])[1]
            np.testing.assert_allclose(found[a], np.sqrt((slopes**2).mean(0)), rtol=1e-9)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_each_process_holds_a_like_share_of_the_frames_and_no_frame_is_held_twice(count):
    """When they are dealt out shares differ by no more than a frame; after an epoch of four batches by four, as those
    of a batch do by one, but for what is not worth a move.
    """
    model, data = random_model(("In", "P"), [6, 5], "tanh", True), 20 * frames(3)
    ranks = Together(count)
    shards = deal([data[:50], data[50:]], ranks)[0].whole
    gradient = Gradient([Loss(model, Weights(), 0.7, 1)], list(model.parameters()), [shards])
    epochs = Epochs(60, 15, 0)
    for epoch in range(3):
        held = [list(each.get(shards.name, {})) for each in ranks.everyone]
        assert sorted(n for own in held for n in own) == list(range(len(data)))
        assert all((shards.owners[own] == rank).all() for rank, own in enumerate(held))
        load = [shards.work[own].sum() for own in held]
        assert max(load) - min(load) <= (4.2 if epoch else 1) * shards.work.max()
        for step in range(4):
            gradient([epochs.batch(4 * epoch + step)])


def test_the_frames_of_a_step_are_evened_out_by_few_moves():
    """No rank has more than the mean and one frame; a batch that is even stays where it is."""
    rng = np.random.default_rng(1)
    for count in (1, 2, 5):
        work, owners = rng.uniform(1, 2, 40), rng.integers(count, size=40)
        after = even_out(work, owners, count)
        load = np.bincount(after, work, count)
        assert load.max() <= load.mean() + 1
        surplus = np.maximum(np.bincount(owners, work, count) - load.mean(), 0).sum()
        assert (after != owners).sum() <= surplus + count
        np.testing.assert_array_equal(even_out(work, after, count), after)


def test_the_start_is_a_sum_over_ranks():
    """Normal equations, and means and spreads of filters."""
    data, found = frames(5), []
    for ranks in (Ranks(), Together(3)):
        model = random_model(("In", "P"), [6, 5], "tanh", True)
        (known,) = deal([data], ranks)
        one = DividedModel(linear_shape(model.shape)).accumulate(known, Weights(1.0, 0.5), 1)
        other = DividedFilters(model, 1).accumulate(known, Weights(1.0, 0.5), 1)
        standardise(model, known, 1)
        found.append([one.A, one.b, one.c, other.A, other.b, other.c, model.mean.numpy(), model.scale.numpy()])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12 * np.abs(a).max())


# -- processes of their own ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def copper(tmp_path_factory):
    rng = np.random.default_rng(0)
    made = []
    for _ in range(14):
        atoms = bulk("Cu", "fcc", a=3.6 * rng.uniform(0.97, 1.03), cubic=True).repeat((2, 2, 1))
        atoms.positions += rng.normal(scale=0.12, size=atoms.positions.shape)
        atoms.calc = EMT()
        labels = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        atoms.calc = SinglePointCalculator(atoms, **labels)
        made.append(atoms)
    path = tmp_path_factory.mktemp("copper") / "Cu.xyz"
    write(path, made, format="extxyz")
    return path


def arguments(*words, steps=60):
    """Of a small fit."""
    small = {"two_body_filters": 2, "three_body_filters": 2, "hidden": "[4]", "pair_knots": 8, "radial_knots": 6}
    settings = {f"model.{key}": value for key, value in (small | {"angle_knots": 5, "floor": "false"}).items()}
    settings |= {"training.steps": steps, "training.threads": 1, "validate": "off", "training.checkpoint_seconds": 0.2}
    settings |= {"training.learning_rate": 5e-4}
    return [*map(str, words), *(w for key, value in settings.items() for w in ("--set", f"{key}={value}"))]


def start(count, *words, steps=60):
    """A fit by so many processes, as torchrun starts them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    words, made = arguments(*words, steps=steps), []
    for rank in range(count):
        where = {"RANK": rank, "WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = os.environ | {key: str(value) for key, value in where.items()} | {"OMP_NUM_THREADS": "1"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        made.append(subprocess.Popen([sys.executable, "-c", PROGRAM, *words], env=environment, **pipes))
    return made


def ended(processes):
    """What each says, and its status."""
    found = [(each.communicate(timeout=120)[0], each.returncode) for each in processes]
    return zip(*found, strict=True)


def curve(path):
    return np.genfromtxt(path.read_text().splitlines()[2:], delimiter=",")


def test_two_processes_write_what_one_writes(copper, tmp_path):
    """Three-body filters of gradients are in single precision, and the optimiser divides by gradients: where these are
    small, as those of four-body terms that the prior holds, steps differ. After 60 steps losses do by 6e-4; without the
    gradients of one process they would by 1.5 %. Only the first process speaks.
    """
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
    command(fit_app, *arguments(copper, "-o", tmp_path / "1" / "Cu.snnp"), check=True)
    said, status = ended(start(2, copper, "-o", tmp_path / "2" / "Cu.snnp"))
    assert status == (0, 0), said
    assert "written: " in said[0] and "memory of the processes at most: " in said[0] and not said[1]
    assert "note: 4 frames of a step (training.batch_size) are few for 2 processes" in said[0]
    one, two = (curve(tmp_path / name / "Cu.csv") for name in ("1", "2"))
    np.testing.assert_array_equal(one[:, 0], two[:, 0])
    np.testing.assert_allclose(one[0, 3], two[0, 3], rtol=1e-6)  # of the start, in double precision
    np.testing.assert_allclose(one[1:, 3], two[1:, 3], rtol=1e-3)


def test_a_process_that_dies_ends_the_fit_and_any_number_resumes_it(copper, tmp_path):
    output = tmp_path / "Cu.snnp"
    steps = 3000
    first, second = start(2, copper, "-o", output, steps=steps)
    checkpoint = tmp_path / "Cu.checkpoint"
    for _ in range(600):
        if checkpoint.exists():
            break
        time.sleep(0.1)
    os.kill(second.pid, signal.SIGKILL)
    said, status = ended([first, second])
    assert status[0] not in (0, None)
    assert "a process of this fit has ended at step" in said[0] and "go on with --resume" in said[0]
    assert "Traceback" not in said[0]
    assert not output.exists()
    command(fit_app, *arguments(copper, "-o", output, "--resume", steps=steps), check=True)
    assert output.exists()


def test_processes_that_cannot_meet_say_so(copper, tmp_path, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    found = command(fit_app, *arguments(copper, "-o", tmp_path / "Cu.snnp"))
    assert found.returncode == 1
    assert "error: the 2 processes of this fit cannot meet" in found.stderr


def test_processes_stop_with_the_first(copper, tmp_path):
    """Also of a fit that cannot begin."""
    said, status = ended(start(2, tmp_path / "none.xyz", "-o", tmp_path / "Cu.snnp"))
    assert status[0] == 1 and "none.xyz" in said[0]
    assert status[1] == 0 and not said[1]


def test_only_the_first_process_says_what_is_wrong_with_a_command(tmp_path):
    said, status = ended(start(2, tmp_path / "none.xyz", "--nonsense"))
    assert status == (2, 2)
    assert "--nonsense" in said[0] and not said[1]
