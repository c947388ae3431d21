"""How many steps of training there are, where the configuration leaves it open."""

import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from ase.build import bulk

from small_fits import NETWORK, fit, fitted, sentence
from snnp.config import FitConfig
from snnp.data import Frame
from snnp.fitting import network
from snnp.fitting.steps import with_steps
from snnp.kinds import KINDS
from snnp.kinds.base import Budget

OPEN = {key: value for key, value in NETWORK.items() if key != "training.steps"}


def frames(count, atoms):
    """The same frame many times."""
    crystal = bulk("Cu", cubic=True) * (atoms // 4, 1, 1)
    return [Frame(crystal, 0.0, np.zeros((len(crystal), 3)), None, "all", "made here")] * count


def decided(*sets, model=None, **training):
    """Steps of a fit to systems of these frames, and what the log says."""
    said = []
    config = FitConfig.model_validate({"training": training, "model": model or {}})
    config = with_steps(config, sets, SimpleNamespace(print=said.append))
    return config.training.steps, said


@pytest.mark.parametrize("effort", ["quick", "default", "high"])
def test_steps_grow_with_the_frames_from_a_least_to_a_most_number(effort):
    budget = KINDS["snnp"].budgets[effort]
    few, many, most = (decided(frames(n, 20), effort=effort)[0] for n in (100, 1200, 10**6))
    assert few == budget.steps
    assert many == budget.passes * 1200 / 4 > few
    # Each step takes 4 frames of 20 atoms, and the time of 100 atoms for itself.
    assert most == pytest.approx(budget.work / 180, abs=1) and most < budget.passes * 10**6 / 4


def test_large_cells_make_steps_fewer_but_not_too_few():
    """Fits to as many frames of cells of 20, 400 and 100 000 atoms."""
    steps = [decided(frames(100, atoms))[0] for atoms in (20, 400, 100_000)]
    budget = KINDS["snnp"].budgets["default"]
    assert steps == [budget.steps, pytest.approx(budget.work / 1700, abs=1), budget.least]
    assert budget.steps > steps[1] > budget.least


def test_large_batches_need_fewer_steps_for_as_many_passes():
    assert decided(frames(4000, 4), batch_size=8)[0] == decided(frames(4000, 4))[0] / 2
    _, (line,) = decided(frames(2, 4), batch_size=8)
    assert "steps of 2 frames" in line  # there are no more


def test_efforts_are_in_order():
    for count, atoms in ((10, 4), (200, 50), (1700, 64), (25_000, 20), (30, 1000)):
        steps = [decided(frames(count, atoms), effort=effort)[0] for effort in ("quick", "default", "high")]
        assert steps == sorted(steps)


def test_steps_of_several_systems_are_passes_through_the_largest_one():
    """A step takes a batch of each."""
    large, small = frames(1000, 20), frames(50, 20)
    assert decided(large, small)[0] == decided(large)[0]
    many, work = frames(10**6, 20), KINDS["snnp"].budgets["default"].work
    assert decided(many, many)[0] == pytest.approx(work / (80 + 80 + 100), abs=1)


def test_steps_that_are_given_and_those_of_other_kinds_stay():
    assert decided(frames(5000, 4), steps=70) == (70, [])
    assert (
        "effort high does not change what is given: 70 training.steps"
        in decided(frames(9, 4), steps=70, effort="high")[1][0]
    )
    assert decided(frames(5000, 4), model={"kind": "eam"}) == (200, [])
    assert decided(frames(5000, 4), model={"kind": "uf3"}) == (None, [])


def test_a_fit_says_and_writes_what_its_steps_are_and_goes_on_with_them(folder, no_pictures, monkeypatch):
    """Six frames, of which one is held out: 8 passes are 10 steps of 4 frames."""
    monkeypatch.setattr(KINDS["snnp"], "budgets", {"default": Budget(2, 8, 1e9, least=1)})
    words = ("train.xyz", "-o", "x.snnp")
    original = network.Optimizer._one_step

    def step(self):
        original(self)
        if self.step == 4:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as stopped:
        stopped.setattr(network.Optimizer, "_one_step", step)
        done = fit(*words, settings=OPEN)
    assert "stopped at step 4 of 10" in sentence(done, 128 + signal.SIGTERM)
    assert "training: at most 10 steps of 4 frames, 8 passes through the data (by effort default" in done.stdout
    assert yaml.safe_load((folder / "x.yaml").read_text())["training"]["steps"] == 10
    assert "resuming at step 4 of 10" in fitted(*words, "--resume", settings=OPEN)
    # The complete configuration is that of the same fit, whatever efforts become.
    monkeypatch.setattr(KINDS["snnp"], "budgets", {"default": Budget(3, 3, 1e9, least=1)})
    fitted("x.yaml", "-o", "y.snnp", settings={})
    assert yaml.safe_load((folder / "y.yaml").read_text())["training"]["steps"] == 10
