"""A result never overwrites what a fit did not write, and is there whole or not at all, whatever happens on the way."""

import errno
import os
import resource
import signal
import socket
import sys
import threading
from contextlib import contextmanager

import ase.io
import numpy as np
import pytest
import yaml
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from typer.testing import CliRunner

import snnp
from fitting import QUICK, assignments
from snnp.cli import app, fit_app
from snnp.fitting import checkpoint, network, run
from snnp.fitting.interruption import Interrupted, StopSignals

PAIR = {"loss.stress": 0, "model.kind": "pair", "model.pair_cutoff": 5.0, "training.threads": 1}
NETWORK = {**QUICK, "loss.stress": 0, "training.steps": 10}
PICTURES = run._pictures


def structures(n=6):
    """Shaken copper crystals with energies, forces and stresses of the effective medium theory."""
    rng = np.random.default_rng(7)
    frames = []
    for _ in range(n):
        atoms = bulk("Cu", cubic=True)
        atoms.positions += rng.normal(scale=0.1, size=(4, 3))
        atoms.calc = EMT()
        results = {name: atoms.calc.get_property(name, atoms) for name in ("energy", "forces", "stress")}
        atoms.calc = SinglePointCalculator(atoms, **results)
        frames.append(atoms)
    return frames


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with structures in train.xyz."""
    ase.io.write(tmp_path / "train.xyz", structures())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    """They take most of the time: only tests that are about them draw them."""
    monkeypatch.setattr(run, "_pictures", lambda fitted: {})


def fit(*words, settings=PAIR):
    return CliRunner().invoke(fit_app, [*map(str, words), *assignments(settings)])


def fitted(*words, settings=PAIR):
    done = fit(*words, settings=settings)
    assert done.exit_code == 0, done.output
    return done.stdout


def sentence(done, status=1):
    """The one line on stderr of a command that failed."""
    assert done.exit_code == status, (done.output, done.exception)
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    return line


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def settings_of(flat):
    """Settings by section, for snnp.fit."""
    sections = {}
    for key, value in flat.items():
        section, name = key.split(".")
        sections.setdefault(section, {})[name] = yaml.safe_load(str(value))
    return sections


# -- what an output may replace -----------------------------------------------------------------------------------


def symlink(folder):
    (folder / "x.snnp").symlink_to("train.xyz")
    return "x.snnp", "is an input"


def hard_link(folder):
    os.link(folder / "train.xyz", folder / "x.log")
    return "x.snnp", "x.log is an input"


def foreign(name, text="1,2,3\n"):
    def make(folder):
        (folder / name).write_text(text)
        return "x.snnp", f"{name} is there already and was not written by this program"

    return make


def foreign_lock(folder):
    (folder / "x.lock").write_text("1,2,3\n")
    return "x.snnp", "x.lock is there, expected no file of this name, which is the lock of a running fit"


def pipe(folder):
    os.mkfifo(folder / "x.snnp")
    return "x.snnp", "is a pipe"


def both_configurations(folder):
    (folder / "x.yaml").write_text("a: 1\n")
    (folder / "x.full.yaml").write_text("a: 1\n")
    return "x.snnp", "x.full.yaml is there already"


@pytest.mark.parametrize(
    "case",
    [
        lambda folder: ("train.xyz", "train.xyz is an input"),
        lambda folder: ("./none/../train.xyz", "train.xyz is an input"),
        lambda folder: ("", "is a folder"),
        lambda folder: ("/dev/null", "is a device"),
        lambda folder: ("train.xyz/x.snnp", "train.xyz"),
        symlink,
        hard_link,
        pipe,
        *map(foreign, ["x.snnp", "x.log", "x.csv", "x_parity.png", "x_learning.png", "x.checkpoint"]),
        foreign_lock,
        both_configurations,
    ],
    ids=lambda case: case.__name__,
)
@pytest.mark.parametrize("words", [[], ["--restart"], ["--resume"]], ids=["begin", "restart", "resume"])
def test_what_a_fit_did_not_write_is_never_replaced(case, words, folder, monkeypatch):
    """And it is known before anything is read."""
    output, what = case(folder)
    before = content(folder)
    monkeypatch.setattr(run, "read", lambda *_: pytest.fail("read the data"))
    line = sentence(fit("train.xyz", "-o", folder / output, *words))
    assert what in line
    assert content(folder) == before


def test_test_data_are_not_overwritten_either(folder):
    os.rename("train.xyz", "x.csv")
    ase.io.write("train.xyz", structures(2))
    assert "x.csv is an input" in sentence(fit("train.xyz", "--test", "x.csv", "-o", "x.snnp"))


def test_what_a_fit_wrote_is_replaced(folder, monkeypatch):
    monkeypatch.setattr(run, "_pictures", PICTURES)
    fitted("train.xyz", "-o", "x.snnp")
    first = content(folder)
    fitted("train.xyz", "-o", "x.snnp", settings={**PAIR, "model.pair_knots": 10})
    second = content(folder)
    assert first.keys() == second.keys()
    assert first["x.snnp"] != second["x.snnp"]


def test_link_is_followed_and_stays(folder):
    (folder / "store").mkdir()
    (folder / "x.snnp").symlink_to("store/Cu.snnp")
    fitted("train.xyz", "-o", "x.snnp")
    assert os.readlink("x.snnp") == "store/Cu.snnp"
    assert (folder / "store" / "Cu.snnp").read_text().startswith("#")
    assert (folder / "store" / "Cu.log").exists()
    snnp.Potential.read("x.snnp").write("x.snnp")
    assert os.readlink("x.snnp") == "store/Cu.snnp"


def test_names_keep_their_dots(folder, monkeypatch):
    """Mo.v1 and Mo.v2 are two potentials."""
    monkeypatch.setattr(run, "_pictures", PICTURES)
    fitted("train.xyz", "-o", "Cu.v1")
    beside = {".yaml", ".log", ".csv", "_parity.png", "_smoothness.png", "_splines.png"}
    assert {path.name for path in folder.iterdir()} == {"train.xyz", "Cu.v1", *(f"Cu.v1{e}" for e in beside)}


def test_configuration_of_the_user_stays_and_the_full_one_is_beside_it(folder):
    text = "# mine\ndata: {train: [train.xyz]}\noutput: Cu.snnp\nmodel: {kind: pair}\n"
    (folder / "Cu.yaml").write_text(text)
    fitted("Cu.yaml")
    assert (folder / "Cu.yaml").read_text() == text
    assert yaml.safe_load((folder / "Cu.full.yaml").read_text())["model"]["pair_knots"] == 25
    fitted("train.xyz", "-o", "Cu.snnp")
    assert (folder / "Cu.yaml").read_text() == text


def test_configuration_that_a_fit_wrote_is_an_input_like_any_other(folder):
    fitted("train.xyz", "-o", "Cu.snnp")
    edited = (folder / "Cu.yaml").read_text().replace("pair_knots: 25", "pair_knots: 10")
    (folder / "Cu.yaml").write_text(edited)
    fitted("Cu.yaml")
    assert (folder / "Cu.yaml").read_text() == edited
    assert "pair_knots: 10" in (folder / "Cu.full.yaml").read_text()


def test_conversion_replaces_only_what_is_ours(folder):
    def convert(*words):
        return CliRunner().invoke(app, ["convert", *words])

    fitted("train.xyz", "-o", "Cu.snnp")
    before = content(folder)
    (folder / "Cu.eam.alloy").write_text("a published potential\n")
    (folder / "link.snnp").symlink_to("Cu.snnp")
    assert "is there already and was not written" in sentence(convert("Cu.snnp", "Cu.eam.alloy"))
    assert "link.snnp is an input" in sentence(convert("Cu.snnp", "link.snnp"))
    assert (folder / "Cu.eam.alloy").read_text() == "a published potential\n"
    assert content(folder)["Cu.snnp"] == before["Cu.snnp"]
    for _ in range(2):  # what a conversion wrote is ours
        assert convert("Cu.snnp", "new.meam.spline").exit_code == 0
        assert convert("new.meam.spline", "new.snnp").exit_code == 0


# -- two fits at a time -------------------------------------------------------------------------------------------


def test_second_fit_to_one_output_is_refused_while_the_first_runs(folder, monkeypatch):
    begun, go_on = threading.Event(), threading.Event()
    read = run.read

    def slowly(*arguments):
        begun.set()
        go_on.wait(60)
        return read(*arguments)

    monkeypatch.setattr(run, "read", slowly)
    settings = settings_of(PAIR)
    first = threading.Thread(target=lambda: snnp.fit("train.xyz", output="x.snnp", progress=False, **settings))
    first.start()
    assert begun.wait(60)
    (folder / "link.snnp").symlink_to("x.snnp")
    for name in ("x.snnp", "link.snnp", "x"):  # all of them would write x.log
        line = sentence(fit("train.xyz", "-o", name))
        assert f"another run with this output is at work (process {os.getpid()} on {socket.gethostname()})" in line
    go_on.set()
    first.join()
    assert (folder / "x.snnp").exists() and not (folder / "x.lock").exists()


# -- a checkpoint and its data ------------------------------------------------------------------------------------


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


def rewritten(change):
    frames = ase.io.read("train.xyz", ":")
    frames = change(frames) or frames
    ase.io.write("train.xyz", frames)


def edit_energy(frames):
    frames[2].calc.results["energy"] = -999.0


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


# -- full disks ---------------------------------------------------------------------------------------------------


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


def test_full_disk_costs_lines_of_the_log_and_not_the_fit(folder, monkeypatch):
    class Full:
        encoding = "utf-8"

        def write(self, text):
            raise OSError(errno.ENOSPC, "No space left on device")

        flush = close = lambda self: None
        isatty = lambda self: False  # noqa: E731

    really = run.Path.open
    monkeypatch.setattr(
        run.Path, "open", lambda self, *a, **k: Full() if self.suffix == ".log" else really(self, *a, **k)
    )
    text = fitted("train.xyz", "-o", "x.snnp")
    assert text.count("warning: the log cannot be written (No space left on device)") == 1
    assert (folder / "x.snnp").exists()


def test_folder_that_takes_no_files(folder, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied", "x.lock")

    monkeypatch.setattr(os, "open", refuse)
    assert sentence(fit("train.xyz", "-o", "x.snnp")).endswith("x.snnp cannot be written (Permission denied)")


def test_folders_are_made_and_go_again_if_nothing_comes(folder):
    fitted("train.xyz", "-o", "a/b/x.snnp")
    assert (folder / "a" / "b" / "x.snnp").exists()
    assert "no such file" in sentence(fit("none.xyz", "-o", "a/c/d/x.snnp"))
    assert [path.name for path in (folder / "a").iterdir()] == ["b"]


def test_names_may_be_anything_that_the_system_takes(folder, monkeypatch):
    """Also what is no text, and what would be a line of the configuration by itself."""
    name = "a\nloss: {}\n\udcff.xyz"
    os.rename("train.xyz", name)
    monkeypatch.setattr(sys, "argv", ["snnp-fit", name])
    fitted(name, "-o", "x\udcff.snnp")
    head = (folder / "x\udcff.yaml").read_text().splitlines()
    assert head[1] == "# command: snnp-fit 'a\\nloss: {}\\n\\udcff.xyz'"
    assert head[3] == "data:"
    assert "a\\n" in sentence(fit("a\n.xyz", "-o", "y.snnp"))


# -- Ctrl-C -------------------------------------------------------------------------------------------------------


def interrupting(function, number):
    def interrupted(*arguments, **named):
        os.kill(os.getpid(), number)
        return function(*arguments, **named)

    return interrupted


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "terminate"])
@pytest.mark.parametrize(
    ("module", "name", "left", "how"),
    [
        (run, "read", set(), "stopped; there is no checkpoint: start again"),
        (network, "linear_start", {"x.log", "x.yaml"}, "stopped; there is no checkpoint: start again"),
        (
            run,
            "predict",
            {"x.log", "x.yaml", "x.checkpoint", "x.snnp"},
            "stopped; the potential is written, --resume writes what is missing beside it",
        ),
    ],
    ids=["reading", "linear start", "error tables"],
)
def test_interruption_anywhere_is_a_sentence_and_leaves_nothing_half_written(
    module, name, left, how, number, folder, monkeypatch
):
    handlers = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    monkeypatch.setattr(module, name, interrupting(getattr(module, name), number))
    done = fit("train.xyz", "-o", "x.snnp", settings=NETWORK)
    assert sentence(done, 128 + number) == f"error: {how}"
    assert {path.name for path in folder.iterdir()} == {"train.xyz", *left}
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_second_signal_stops_at_once():
    with StopSignals() as stop:
        with pytest.raises(Interrupted) as told, stop.deferred():
            os.kill(os.getpid(), signal.SIGINT)
            assert stop.asked == signal.SIGINT
            os.kill(os.getpid(), signal.SIGINT)
            pytest.fail("went on")
        assert told.value.signal == signal.SIGINT
        # The next one does not even need Python to be ready for it.
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


# -- where a result comes from ------------------------------------------------------------------------------------


def test_files_say_what_made_them(folder, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["snnp-fit", "train.xyz", "-o", "x.snnp"])
    text = fitted("train.xyz", "-o", "x.snnp")
    (line,) = (line for line in text.splitlines() if line.startswith("data "))
    head = (folder / "x.yaml").read_text().splitlines()[:3]
    assert head[0].startswith(f"# snnp-fit {snnp.__version__}, ")
    assert head[1] == "# command: snnp-fit train.xyz -o x.snnp"
    assert head[2] == f"# {line}"
    assert (folder / "x.log").read_text() == text
    assert text.startswith(f"snnp-fit {snnp.__version__}\ncommand: snnp-fit ")
    assert (
        f"CONTRIBUTOR: snnp-fit {snnp.__version__}, data {line.split()[1]} CITATION: none"
        in (folder / "x.snnp").read_text().partition("\n")[0]
    )
    rewritten(edit_energy)
    assert line not in fitted("train.xyz", "-o", "x.snnp")


def test_fit_from_python_says_so_too(folder):
    snnp.fit(structures(), output="x.snnp", progress=False, **settings_of(PAIR))
    assert (folder / "x.log").read_text().splitlines()[1] == "command: snnp.fit in Python"
    snnp.fit(structures(), output="x.snnp", progress=False, **settings_of(PAIR))  # what it wrote is ours
