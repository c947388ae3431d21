"""Input that is wrong gets one sentence and the status 1; no file of others, and no input, is lost."""

import os

import pytest
from ase.calculators.emt import EMT
from typer.testing import CliRunner

import snnp
import support
from snnp.cli import app
from snnp.lock import locked
from snnp.validation.check import Level
from snnp.validation.model import CalculatorModel, FileModel, LammpsModel
from snnp.validation.prototypes import parse_crystal
from snnp.validation.simulation import check_lammps
from snnp.validation.validate import Files, Question, validate

COPPER = {"elements": ["Cu"], "crystals": "fcc=3.6", "only": "dimers"}
CELL = 'Lattice="3 0 0 0 3 0 0 0 3" pbc="T T T"'


def sentence(*words) -> str:
    """The one line that a validation ends with that could not do its work."""
    found = CliRunner().invoke(app, ["validate", *map(str, words)])
    assert found.exit_code == 1
    (line,) = [line for line in found.output.splitlines() if line.startswith("error: ")]
    return line


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (f"1\n{CELL}\nCu nan 0 0\n", "no finite number"),
        (f"2\n{CELL}\nCu 0 0 0\nCu 0 0 0\n", "symmetry cannot be found"),
        ("2\n\nCu 0 0 0\nCu 0 0 2\n", "no cell"),
        (f"1\n{CELL}\nAu 0 0 0\n", "Au is no element of the potential"),
        ("", "cannot read a structure"),
    ],
)
def test_structure_that_is_no_crystal_is_named(tmp_path, text, wrong):
    file = tmp_path / "x.xyz"
    file.write_text(text)
    with pytest.raises(ValueError, match=wrong) as error:
        parse_crystal(str(file), ["Cu"])
    assert "x.xyz" in str(error.value)


def test_two_validations_do_not_write_to_one_output(tmp_path):
    files = Files(tmp_path / "new" / "x")
    files.prefix.parent.mkdir()
    with locked(files["lock"]), pytest.raises(snnp.data.DataError, match=f"at work \\(process {os.getpid()}"):
        snnp.validate(EMT(), output=files.prefix, **COPPER)
    assert os.listdir(files.prefix.parent) == []


def test_output_is_in_a_folder_that_is_there_or_is_made(tmp_path):
    snnp.validate(EMT(), output=tmp_path, **COPPER)
    snnp.validate(EMT(), output=tmp_path / "a" / "x", **COPPER)
    assert (tmp_path / "EMT.validation.json").exists() and (tmp_path / "a" / "x.validation.json").exists()
    assert not [*tmp_path.rglob("*.lock")]


def test_output_that_cannot_be_written_is_said_before_the_work(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(snnp.data.DataError, match="cannot be"):
        snnp.validate(EMT(), output=tmp_path / "file" / "x", **COPPER)
    assert (tmp_path / "file").read_text() == "mine"


def test_structure_file_is_not_overwritten(tmp_path):
    crystal = tmp_path / "x.validation.xyz"
    crystal.write_text(f"1\ncheck=1 {CELL}\nCu 0 0 0\n")
    with pytest.raises(snnp.data.DataError, match="is an input of the same command"):
        snnp.validate(EMT(), output=tmp_path / "x", **{**COPPER, "crystals": str(crystal)})
    assert crystal.exists()


def test_models_of_one_name_are_told_apart():
    models = [CalculatorModel(EMT, ["Cu"], "same") for _ in range(3)]
    question = Question(crystals=["fcc=3.6"], only=["dimers"], compare=models[1:], level=Level.QUICK)
    record = validate(models[0], question)
    assert record.identity["models"] == ["same", "same (2)", "same (3)"]
    assert len(record.outcomes) == 3


@pytest.mark.parametrize(
    ("commands", "wrong"),
    [
        ("pair_style", "names no pair style"),
        ("pair_style nonsense", "Unrecognized pair style"),
        ("pair_style eam/alloy / pair_coeff * * nofile {elements}", "cannot open eam/alloy potential file nofile"),
    ],
)
def test_commands_that_lammps_does_not_take_are_refused(commands, wrong):
    with pytest.raises(ValueError, match=wrong):
        snnp.validate(EMT(), compare=commands, **COPPER)


def test_potentials_of_lammps_are_found_by_name():
    commands = LammpsModel("pair_style eam/alloy / pair_coeff * * Cu_zhou.eam.alloy {elements}", ["Cu"]).lammps(["Cu"])
    assert os.path.isfile(commands[1].split('"')[1])


def test_lammps_finds_a_potential_of_any_name(tmp_path):
    path = tmp_path / "ü $x 'a\".snnp"
    support.write(support.silicon(), path)
    model = FileModel(path)
    assert path.name not in "".join(model.lammps(["Si"]))
    check_lammps(model)  # raises if LAMMPS does not find it


def test_wrong_command_line_is_one_sentence(tmp_path):
    path = tmp_path / "Si.snnp"
    support.write(support.silicon(), path)
    assert "cannot be opened" in sentence(tmp_path / "no.snnp")
    assert "there is no check 'elstic'" in sentence(path, "--only", "elstic")
    assert "W is no element of the potential" in sentence(path, "--crystal", "bcc W=3.2", "-o", tmp_path / "x")
    with pytest.raises(ValueError, match="has Si, but no C"):
        FileModel(path, elements=["C"])
