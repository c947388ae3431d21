"""`snnp convert`, and what the other commands make of what it writes."""

import re
import shutil
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from typer.testing import CliRunner

import foreign_files
from converting import WHEEL
from snnp import _core
from snnp.cli import app

PAGE = Path(__file__).parents[2] / "docs" / "convert.md"


def snnp(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def uf3(tmp_path):
    path = tmp_path / "X.uf3"
    path.write_text(foreign_files.uf3(np.random.default_rng(0), ["W"]))
    return path


def test_commands_of_the_page_work_as_they_stand(tmp_path, monkeypatch):
    (text,) = re.findall(r"<!-- example -->\n```bash\n(.*?)```", PAGE.read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    for line in text.splitlines():
        words = line.split()
        if (WHEEL / words[2]).exists():
            shutil.copy(WHEEL / words[2], tmp_path)
        done = snnp(*words[1:])
        assert done.exit_code == 0, done.output
        assert (tmp_path / words[3]).stat().st_size > 0
    assert _core.read_potential("Nb.snnp").elements[0].e0 == -10.1


def test_date_and_citation_stay_and_the_source_is_named_once(uf3, tmp_path):
    snnp("convert", uf3, tmp_path / "p.snnp")
    snnp("convert", tmp_path / "p.snnp", tmp_path / "back.uf3")
    snnp("convert", tmp_path / "back.uf3", tmp_path / "q.snnp")
    for name in ("p", "q"):
        first = (tmp_path / f"{name}.snnp").read_text().splitlines()[0]
        for word in ("UNITS: metal", "DATE: 2026-01-01", "CITATION: nothing", "(converted from X.uf3)"):
            assert first.count(word) == 1


def test_other_commands_take_converted_files(uf3, tmp_path):
    snnp("convert", uf3, tmp_path / "p.snnp")
    assert "three-body tensors; cutoff 5 Å" in snnp("info", tmp_path / "p.snnp").output
    atoms = bulk("W", cubic=True)
    atoms.calc = SinglePointCalculator(atoms, energy=1.0, forces=atoms.positions)
    ase.io.write(tmp_path / "data.xyz", atoms)
    done = snnp("eval", tmp_path / "p.snnp", tmp_path / "data.xyz", "--json")
    assert done.exit_code == 0 and "energy_mae_meV_per_atom" in done.output


def test_the_format_can_be_told_apart_from_the_name(tmp_path):
    (tmp_path / "X.eam.alloy").write_text(foreign_files.setfl(["Si"]))
    snnp("convert", tmp_path / "X.eam.alloy", tmp_path / "p.snnp")
    assert snnp("convert", tmp_path / "p.snnp", tmp_path / "potential.txt", "--to", "eam.fs").exit_code == 0
    assert (tmp_path / "potential.txt").read_text().splitlines()[3] == "1 Si"


def test_errors_are_one_sentence_and_exit_with_1(uf3, tmp_path):
    for words, sentence in (
        (["convert", tmp_path / "missing.uf3", tmp_path / "p.snnp"], "No such file"),
        (["convert", uf3, tmp_path / "p.xyz"], "unknown format"),
        (["convert", uf3, tmp_path / "p.snnp", "--e0", "W"], "--e0 W: expected element=energy"),
        (["convert", uf3, tmp_path / "no" / "folder" / "p.snnp"], "cannot be written"),
    ):
        done = snnp(*words)
        assert done.exit_code == 1
        assert sentence in done.output and done.output.startswith("error: ")


def test_a_finer_tolerance_takes_more_knots(tmp_path):
    (tmp_path / "X.eam.alloy").write_text(foreign_files.setfl(["Si"]))
    knots = []
    for tolerance in ("1e-3", "1e-5", "1e-7"):
        snnp("convert", tmp_path / "X.eam.alloy", tmp_path / "p.snnp", "--tolerance", tolerance)
        knots.append(len(_core.read_potential(str(tmp_path / "p.snnp")).pairs[0].phi.knots))
    assert knots == sorted(set(knots)) and knots[-1] < 1000
