"""Every mistake in data, configuration or files is answered by one sentence that says what and where."""

import io

import ase.io
import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from fitting import QUICK, assignments, command
from snnp.cli import fit_app
from snnp.config import ConfigError
from snnp.fitting import checkpoint
from support import random_potential, write


def labelled(atoms=None, forces=True, energy=-1.0, stress=None):
    atoms = atoms or bulk("Si", "diamond", a=5.43)
    results = {"energy": energy}
    if forces:
        results["forces"] = np.zeros((len(atoms), 3))
    if stress is not None:
        results["stress"] = stress
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def failing(result):
    """The one line on stderr of a command that failed."""
    assert result.returncode == 1, result.stdout
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    return lines[0]


def no_labels():
    return [bulk("Si", "diamond", a=5.43)], "data.xyz:frame 0: no energy and no forces under a known name; there are"


def infinite_energy():
    return [labelled(), labelled(energy=np.inf)], "data.xyz:frame 1: energy holds infinity"


def infinite_force():
    atoms = labelled()
    atoms.calc.results["forces"][0, 0] = np.inf
    return [atoms], "data.xyz:frame 0: forces holds infinity"


def atoms_outside_their_cell():
    atoms = Atoms("Si2", [[0, 0, 0], [0, 0, 7.0]], cell=[5, 5, 5], pbc=(True, True, False))
    return [labelled(atoms)], "frame 0: not periodic along c, but the atoms spread over 1.40 cells there"


def atoms_on_top_of_each_other():
    return [labelled(Atoms("Si2", [[0, 0, 0], [0, 0, 0.1]]))], "frame 0: atoms 0 and 1 are 0.100 Å apart"


@pytest.mark.parametrize(
    "case", [no_labels, infinite_energy, infinite_force, atoms_outside_their_cell, atoms_on_top_of_each_other]
)
def test_bad_data(case, tmp_path, snnp_fit):
    frames, sentence = case()
    ase.io.write(tmp_path / "data.xyz", frames)
    assert sentence in failing(snnp_fit(tmp_path / "data.xyz", "-o", tmp_path / "x.snnp", check=False))


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory):
    """The checkpoint of a fit, as bytes."""
    folder = tmp_path_factory.mktemp("finished")
    words = [data / "train.xyz", "-o", folder / "Si.snnp", *assignments({**QUICK, "training.steps": 2})]
    command(fit_app, *words, check=True)
    return (folder / "Si.checkpoint").read_bytes()


def foreign(content):
    """What PyTorch saves, as bytes."""
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def one_bit_flipped(content):
    """In the middle: in the numbers of a tensor, where PyTorch would not notice."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda content: content[:-100], "is damaged or cut short"),
        (lambda content: b"", "is damaged or cut short"),
        (one_bit_flipped, "is damaged or cut short"),
        (lambda content: b"notes of mine\n" * 20, "is no checkpoint of snnp-fit"),
        (lambda content: foreign({"weights": torch.ones(3)}), "is no checkpoint of snnp-fit"),
        (lambda content: foreign(torch.ones(3)), "is no checkpoint of snnp-fit"),
    ],
    ids=["truncated", "empty", "one bit", "text", "other dictionary", "tensor"],
)
def test_checkpoint_that_is_not_whole(spoil, what, finished, tmp_path):
    path = tmp_path / "Si.checkpoint"
    path.write_bytes(finished)
    assert checkpoint.load(path)["steps"] == 2
    path.write_bytes(spoil(finished))
    with pytest.raises(ConfigError) as error:
        checkpoint.load(path)
    assert str(error.value) == f"{path} {what}: delete it, or begin anew with --restart"


@pytest.mark.parametrize("words", [[], ["--resume"]], ids=["begin", "resume"])
def test_fit_beside_a_checkpoint_that_is_not_whole(words, finished, data, tmp_path, snnp_fit):
    path = tmp_path / "Si.checkpoint"
    path.write_bytes(finished[:-100])
    line = failing(snnp_fit(data / "train.xyz", "-o", tmp_path / "Si.snnp", *words, check=False, training__steps=2))
    assert line.startswith(f"error: {path} is damaged")


def test_restart_replaces_a_checkpoint_that_is_not_whole(finished, data, tmp_path, snnp_fit):
    (tmp_path / "Si.checkpoint").write_bytes(finished[:-100])
    files = [data / "train.xyz", "-o", tmp_path / "Si.snnp"]
    snnp_fit(*files, "--restart", training__steps=2)
    assert "resuming at step 2 of 2" in snnp_fit(*files, "--resume", training__steps=2).stdout


def test_checkpoint_of_another_kind_of_model(finished, data, tmp_path):
    (tmp_path / "Si.checkpoint").write_bytes(finished)
    words = [data / "train.xyz", "-o", tmp_path / "Si.snnp", "--resume", "--set", "model.kind=eam"]
    line = failing(command(fit_app, *words))
    assert "Si.checkpoint belongs to a fit with other data or settings (model.kind was snnp, now it is eam)" in line


@pytest.mark.parametrize(("version", "layout"), [("0.0.1", checkpoint.LAYOUT), (checkpoint.__version__, 1)])
def test_checkpoint_of_another_version(finished, data, tmp_path, snnp_fit, monkeypatch, version, layout):
    """Or of another build of this one, which keeps other things in it."""
    path = tmp_path / "Si.checkpoint"
    path.write_bytes(finished)
    with monkeypatch.context() as before:
        before.setattr(checkpoint, "LAYOUT", layout)
        checkpoint.save(checkpoint.load(path), path, version=version)
    words = [data / "train.xyz", "-o", tmp_path / "Si.snnp", "--resume"]
    line = failing(snnp_fit(*words, check=False, training__steps=2))
    assert "Si.checkpoint was not written by this version of snnp-fit" in line


def test_missing_file(tmp_path, snnp_fit):
    line = failing(snnp_fit(tmp_path / "none.xyz", "-o", tmp_path / "x.snnp", check=False))
    assert line.endswith("none.xyz: no such file")


def test_file_that_is_no_structure(tmp_path, snnp_fit):
    (tmp_path / "data.xyz").write_text("two\nwords\n")
    line = failing(snnp_fit(tmp_path / "data.xyz", "-o", tmp_path / "x.snnp", check=False))
    assert line.endswith("data.xyz:1: frame 0: expected the number of atoms, found 'two'")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("output: x.snnp\n", "key data.train is missing"),
        ("data: {train: [a.xyz]}\noutput: x\nmodle: {}\n", "unknown key modle: did you mean model?"),
        (
            "data: {train: [a.xyz]}\noutput: x\ntraining: {step: 5}\n",
            "unknown key training.step: did you mean steps?",
        ),
        (
            "data: {train: [a.xyz]}\noutput: x\ntraining: {batch: 0}\n",
            "training.batch_size: input should be greater than or equal to 1, found 0",
        ),
        ("data: [\n", "not valid YAML"),
        (
            "data: {train: [a.xyz]}\noutput: x\nmodel: {kind: meam}\n",
            "model.kind: expected one of pair, eam, uf3, smeam, snnp, found 'meam'",
        ),
        (
            "data: {train: [a.xyz]}\noutput: x\nmodel: {kind: pair, hidden: [3]}\n",
            "model.hidden makes no sense for model.kind pair: expected one of kind, pair_cutoff",
        ),
        (
            "data: {train: [a.xyz]}\noutput: x\nmodel: {kind: uf3, radial_knot: 9}\n",
            "unknown key model.radial_knot: did you mean radial_knots?",
        ),
        (
            "data: {train: [a.xyz]}\noutput: x\nmodel: {kind: uf3}\ntraining: {steps: 9}\n",
            "training.steps makes no sense for model.kind uf3",
        ),
        (
            "data: {train: [a.xyz]}\noutput: x\nmodel: {kind: eam, smoothness: -1}\n",
            "model.smoothness: input should be greater than or equal to 0, found -1",
        ),
        (
            "systems: {data: {A: {train: [a.xyz], foo: 1}, B: {train: [b.xyz]}}}\noutput: x\n",
            "unknown key systems.data.A.foo: expected one of train",
        ),
        (
            "data: {train: [a.xyz]}\noutput: x\nmodel: {activation: relu}\n",
            "model.activation: input should be 'tanh', 'silu' or 'squareplus'",
        ),
    ],
)
def test_bad_configuration(text, sentence, tmp_path, snnp_fit):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    line = failing(command(fit_app, path))
    assert str(path) in line
    assert sentence in line


def test_output_is_needed(data, snnp_fit):
    assert "missing -o" in failing(snnp_fit(data / "train.xyz", check=False))


def test_element_that_the_potential_does_not_know(tmp_path, snnp):
    potential = write(random_potential(["Cu"]), tmp_path / "Cu.snnp")
    ase.io.write(tmp_path / "data.xyz", [labelled()])
    line = failing(snnp("eval", potential, tmp_path / "data.xyz", check=False))
    assert line.endswith("element Si is not among those of the potential (Cu)")


def test_altered_potential(tmp_path, snnp):
    path = write(random_potential(["Si"]), tmp_path / "Si.snnp")
    text = path.read_text()
    path.write_text(text.replace("elements Si", "elements Ge"))
    line = failing(snnp("info", path, check=False))
    assert f"{path}:" in line


def test_truncated_potential(tmp_path, snnp):
    path = write(random_potential(["Si"]), tmp_path / "Si.snnp")
    path.write_text(path.read_text()[:-500])
    assert "is the file truncated?" in failing(snnp("info", path, check=False))
