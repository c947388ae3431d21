"""A result never overwrites what a fit did not write, and is there whole or not at all, whatever happens on the way."""

import errno
import os
import signal
import socket
import sys
import threading

import ase.io
import pytest
import yaml
from typer.testing import CliRunner

import snnp
from small_fits import NETWORK, PAIR, content, edit_energy, fit, fitted, rewritten, sentence, settings_of, structures
from snnp.cli import app
from snnp.fitting import network, run
from snnp.fitting.interruption import Interrupted, StopSignals

pytestmark = pytest.mark.usefixtures("no_pictures")
PICTURES = run._pictures


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


# -- disks and folders --------------------------------------------------------------------------------------------


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
