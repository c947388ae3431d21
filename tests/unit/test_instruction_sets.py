"""The environment variable SNNP_ISA chooses kernels, and a word that is none of them is refused."""

import os
import subprocess

import numpy as np
import pytest
from ase.build import bulk

import support
from fitting import SNNP
from snnp import _core
from snnp.data.neighbors import structures

KNOTS, COSINES = np.linspace(1.5, 5.0, 12), np.linspace(-1, 1, 9)


def test_a_word_that_is_no_instruction_set_is_refused_with_those_there_are(monkeypatch):
    monkeypatch.setenv("SNNP_ISA", "avx1024")
    sentence = "SNNP_ISA: found 'avx1024', expected one of the instruction sets of this machine: base"
    with pytest.raises(_core.Error, match=sentence):
        _core.Engine(support.random_potential())
    trainer = _core.Trainer(1, 0, 1, [KNOTS], [KNOTS], [COSINES])
    with pytest.raises(_core.Error, match=sentence):
        trainer.values(structures([bulk("Si")], ["Si"], 5.0), 1)


def test_the_command_says_so_in_one_line(tmp_path):
    potential = support.write(support.random_potential(), tmp_path / "p.snnp")
    bulk("Si").write(tmp_path / "data.xyz")
    command = [SNNP, "eval", potential, tmp_path / "data.xyz"]
    done = subprocess.run(command, env={**os.environ, "SNNP_ISA": "avx1024"}, capture_output=True, text=True)
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    assert "SNNP_ISA: found 'avx1024', expected one of" in line


def test_the_slowest_instruction_set_gives_the_same_energy(monkeypatch):
    potential, atoms = support.random_potential(), support.shaken(bulk("Si", cubic=True))
    best = _core.Engine(potential).evaluate(structures([atoms], ["Si"], potential.cutoff()))
    monkeypatch.setenv("SNNP_ISA", "base")
    base = _core.Engine(potential).evaluate(structures([atoms], ["Si"], potential.cutoff()))
    # Sums in another order: rounding of some hundred terms of the order of 1 eV.
    assert base["energy"] == pytest.approx(best["energy"], rel=0, abs=1e-11)
