"""A fit that was stopped goes on from its checkpoint, with the same data and settings only, also after a full disk."""

import os
import resource
import signal
import time
from contextlib import contextmanager

import ase.io
import pytest
from ase.calculators.singlepoint import SinglePointCalculator

import snnp
from small_fits import NETWORK, content, edit_energy, fit, fitted, rewritten, sentence, settings_of, structures
from snnp.fitting import checkpoint, network, run

pytestmark = pytest.mark.usefixtures("no_pictures")


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """Data and the checkpoint of a fit that was stopped half way, as files; and the potential it ends with."""
    folder = tmp_path_factory.mktemp("half")
    ase.io.write(folder / "train.xyz", structures())
    stopped = pytest.MonkeyPatch()
    original = network.Optimizer._one_step

    def step(self):
        original(self)
        if self.step == 5:
            os.kill(os.getpid(), signal.SIGTERM)

    stopped.setattr(network.Optimizer, "_one_step", step)
    done = fit(folder / "train.xyz", "-o", folder / "x.snnp", settings=NETWORK)
    stopped.undo()
    assert sentence(done, 128 + signal.SIGTERM).endswith("stopped at step 5 of 10; go on with --resume")
    assert {path.name for path in folder.iterdir()} == {"train.xyz", "x.checkpoint", "x.log", "x.yaml"}
    whole = snnp.fit(folder / "train.xyz", progress=False, **settings_of(NETWORK))
    return content(folder), whole.potential


@pytest.fixture
def stopped(half, tmp_path, monkeypatch):
    """A folder with a fit that was stopped, and the potential that it has to end with."""
    for name, bytes_ in half[0].items():
        (tmp_path / name).write_bytes(bytes_)
    monkeypatch.chdir(tmp_path)
    return half[1]


def edit_force(frames):
    frames[1].calc.results["forces"][0, 0] += 1e-6


def edit_stress(frames):
    frames[0].calc.results["stress"][4] += 1e-6


def move_an_atom(frames):
    results = frames[3].calc.results
    frames[3].positions[0, 0] += 1e-6
    frames[3].calc = SinglePointCalculator(frames[3], **results)


def strain(frames):
    results = frames[3].calc.results
    frames[3].set_cell(frames[3].cell.array * (1 + 1e-6))
    frames[3].calc = SinglePointCalculator(frames[3], **results)


@pytest.mark.parametrize(
    "change",
    [
        edit_energy,
        edit_force,
        edit_stress,
        move_an_atom,
        strain,
        lambda frames: frames[:-1],
        lambda frames: frames[::-1],
        lambda frames: [*frames, frames[0]],
    ],
    ids=["energy", "force", "stress", "position", "cell", "frame less", "order", "frame more"],
)
def test_changed_data_are_noticed(change, stopped):
    rewritten(change)
    line = sentence(fit("train.xyz", "-o", "x.snnp", "--resume", settings=NETWORK))
    assert "x.checkpoint belongs to a fit with other data or settings (content." in line


def same(a, b):
    """Whether two potentials are the same but for their comments."""
    text = [snnp._core.format_potential(p.data).partition("\n")[2] for p in (a, b)]
    return text[0] == text[1]


def test_renamed_and_moved_data_are_the_same_data(stopped, tmp_path):
    os.makedirs("elsewhere")
    frames = ase.io.read("train.xyz", ":")
    ase.io.write("elsewhere/a.xyz", frames[:2])
    ase.io.write("elsewhere/b.extxyz", frames[2:])
    for name in ("x.checkpoint", "x.log", "x.yaml"):
        os.rename(name, f"elsewhere/{name.replace('x', 'y', 1)}")
    text = fitted("elsewhere/a.xyz", "elsewhere/b.extxyz", "-o", "elsewhere/y.snnp", "--resume", settings=NETWORK)
    assert "resuming at step 5 of 10" in text
    assert same(snnp.Potential.read("elsewhere/y.snnp"), stopped)


def test_difference_of_settings_is_named(stopped):
    line = sentence(fit("train.xyz", "-o", "x.snnp", "--resume", settings={**NETWORK, "training.learning_rate": 1e-4}))
    assert "(training.learning_rate was 0.005, now it is 0.0001)" in line
    assert "expected only one of" in sentence(fit("train.xyz", "-o", "x.snnp", "--resume", "--restart"))


def test_unfinished_fit_is_not_begun_anew_unasked(stopped, monkeypatch):
    monkeypatch.setattr(run, "read", lambda *_: pytest.fail("read the data"))
    line = sentence(fit("train.xyz", "-o", "x.snnp", settings=NETWORK))
    assert "unfinished fit (step 5 of 10): add --resume to go on with it, or --restart" in line


def test_fit_killed_before_its_potential_is_written_is_unfinished(stopped, monkeypatch):
    """All steps are done, but what they are for is not there."""
    with monkeypatch.context() as killed:
        killed.setattr(run, "_write_potential", lambda *_: (_ for _ in ()).throw(SystemExit(9)))
        assert fit("train.xyz", "-o", "x.snnp", "--resume", settings=NETWORK).exit_code == 9
    line = sentence(fit("train.xyz", "-o", "x.snnp", settings=NETWORK))
    assert "unfinished fit (step 10 of 10): add --resume" in line
    fitted("train.xyz", "-o", "x.snnp", "--resume", settings=NETWORK)
    assert same(snnp.Potential.read("x.snnp"), stopped)
    assert checkpoint.load(run.Path("x.checkpoint"))["finished"]


@contextmanager
def full_disk(most=1000):
    """No file can grow beyond `most` bytes: the system cuts a write there, and refuses the next."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def on_a_full_disk(function, when=lambda *_: True):
    def limited(*arguments):
        if not when(*arguments):
            return function(*arguments)
        with full_disk():
            return function(*arguments)

    return limited


def test_full_disk_costs_a_checkpoint_and_not_the_fit(stopped, monkeypatch):
    older = content(run.Path("."))["x.checkpoint"]
    monkeypatch.setattr(checkpoint, "save", on_a_full_disk(checkpoint.save))
    text = fitted("train.xyz", "-o", "x.snnp", "--resume", settings={**NETWORK, "training.checkpoint_seconds": 1e-9})
    assert text.count("cannot be written") == 1
    assert "x.checkpoint cannot be written (File too large); the fit goes on" in text
    assert same(snnp.Potential.read("x.snnp"), stopped)
    assert len(older) > 1000
    assert not run.Path("x.checkpoint").exists()  # it would be that of an unfinished fit
    assert not [path for path in run.Path(".").iterdir() if path.name.startswith(".")]


def test_full_disk_at_the_potential_keeps_the_fit(stopped, monkeypatch):
    with monkeypatch.context() as full:
        full.setattr(run, "write_text", on_a_full_disk(run.write_text, lambda path, _: path.name == "x.snnp"))
        line = sentence(fit("train.xyz", "-o", "x.snnp", "--resume", settings=NETWORK))
    assert line.endswith("x.snnp cannot be written (File too large): make room and finish the fit with --resume")
    assert not run.Path("x.snnp").exists()
    assert not [path for path in run.Path(".").iterdir() if path.name.startswith(".")]
    fitted("train.xyz", "-o", "x.snnp", "--resume", settings=NETWORK)
    assert same(snnp.Potential.read("x.snnp"), stopped)


def test_a_start_that_took_long_is_in_the_checkpoint_of_the_first_step(tmp_path, monkeypatch):
    """It is saved if no state has been for `checkpoint_seconds` since the fit began, not since its first step."""
    ase.io.write(tmp_path / "train.xyz", structures())
    saved, original = [], checkpoint.Checkpoint.save
    monkeypatch.setattr(
        checkpoint.Checkpoint, "save", lambda self, *state: (saved.append(state[2]["step"]), original(self, *state))
    )
    start = network._start
    monkeypatch.setattr(network, "_start", lambda *words: (start(*words), time.sleep(0.6))[0])
    fit(tmp_path / "train.xyz", "-o", tmp_path / "x.snnp", settings={**NETWORK, "training.checkpoint_seconds": 0.5})
    assert saved[0] == 1
