"""Fits of a second to copper, as commands, and what they say and leave."""

import ase.io
import numpy as np
import yaml
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from typer.testing import CliRunner

from fitting import QUICK, assignments
from snnp.cli import fit_app

PAIR = {"loss.stress": 0, "model.kind": "pair", "model.pair_cutoff": 5.0, "training.threads": 1}
NETWORK = {**QUICK, "loss.stress": 0, "training.steps": 10}


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


def rewritten(change):
    frames = ase.io.read("train.xyz", ":")
    frames = change(frames) or frames
    ase.io.write("train.xyz", frames)


def edit_energy(frames):
    frames[2].calc.results["energy"] = -999.0
