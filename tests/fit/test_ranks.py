"""Several processes do what one does: gradients are those of the whole batch, results are written once."""

import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from fitting import command
from models import random_model
from snnp.cli import fit_app
from snnp.data.batch import FrameStream, Labels, Weights
from snnp.data.neighbors import structures
from snnp.fitting.divided_model import DividedModel
from snnp.fitting.gradient import Gradient, deal
from snnp.fitting.loss import Loss
from snnp.fitting.ranks import ALONE
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
    for ranks in (ALONE, Together(count)):
        for p in parameters:
            p.grad = None
        value = Gradient([loss], parameters, [data], ranks)([np.array([4, 0, 3, 1])])
        found.append((value, [p.grad.numpy().copy() for p in parameters]))
    (one, whole), (other, summed) = found
    assert other == pytest.approx(one, rel=1e-12)
    for a, b in zip(whole, summed, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12 * max(np.abs(g).max() for g in whole))


def test_ranks_have_the_model_that_a_checkpoint_restores():
    """With all that is no parameter, as the mean and spread of filters: a fit that goes on has it after the frames."""
    model, data = random_model(("In", "P"), [6, 5], "tanh", True), frames(5)
    loss, parameters = Loss(model, Weights(1.0, 0.5), 0.7, 1), list(model.parameters())
    made = [Gradient([loss], parameters, [data], ranks) for ranks in (ALONE, Together(3))]
    model.load_state_dict({name: 1.1 * value + 0.1 for name, value in model.state_dict().items()})
    found = []
    for gradient in made:
        for p in parameters:
            p.grad = None
        found.append((gradient([np.arange(5)]), parameters[0].grad.numpy().copy()))
    (one, whole), (other, summed) = found
    assert other == pytest.approx(one, rel=1e-12)
    np.testing.assert_allclose(whole, summed, rtol=1e-10, atol=1e-12 * np.abs(whole).max())


def test_frames_are_dealt_out_in_parts_of_like_work():
    """No rank has more than the mean and one frame."""
    rng = np.random.default_rng(1)
    work = [list(rng.uniform(1, 2, 9)), list(rng.uniform(1, 2, 4))]
    for count in (1, 2, 5):
        parts = deal(work, count)
        given = [sorted((s, k) for part in parts for k in part[s]) for s in range(2)]
        assert given == [[(s, k) for k in range(len(own))] for s, own in enumerate(work)]
        done = [sum(work[s][k] for s in range(2) for k in part[s]) for part in parts]
        assert max(done) <= sum(map(sum, work)) / count + 2


def test_normal_equations_are_sums_over_ranks():
    model, data = random_model(("In", "P"), [6, 5], "tanh", True), frames(5)
    shape, stream = linear_shape(model.shape), FrameStream.held(data)
    one, other = (DividedModel(shape, ranks).accumulate(stream, Weights(1.0, 0.5), 1) for ranks in (ALONE, Together(3)))
    for a, b in ((one.A, other.A), (one.b, other.b), (one.c, other.c)):
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
    small, steps differ. After 60 steps losses do by 6e-5; without the gradients of one process they would by 1.5 %.
    Only the first process speaks.
    """
    for name in ("1", "2"):
        (tmp_path / name).mkdir()
    command(fit_app, *arguments(copper, "-o", tmp_path / "1" / "Cu.snnp"), check=True)
    said, status = ended(start(2, copper, "-o", tmp_path / "2" / "Cu.snnp"))
    assert status == (0, 0), said
    assert "written: " in said[0] and not said[1]
    assert "note: 4 frames of a step (training.batch_size) are few for 2 processes" in said[0]
    one, two = (curve(tmp_path / name / "Cu.csv") for name in ("1", "2"))
    np.testing.assert_array_equal(one[:, 0], two[:, 0])
    np.testing.assert_allclose(one[0, 3], two[0, 3], rtol=1e-6)  # of the start, in double precision
    np.testing.assert_allclose(one[1:, 3], two[1:, 3], rtol=2e-4)


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
