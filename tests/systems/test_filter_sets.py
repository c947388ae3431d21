"""Filters that come with snnp are known by name: to fits, `snnp info` and `snnp report`."""

import json
import subprocess
import sys
from pathlib import Path

import ase.io
import numpy as np
import pytest
import yaml
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

import snnp
from snnp import _core
from snnp.config import ConfigError
from snnp.models.filter_sets import filters_path, set_names
from snnp.models.filters_file import is_filters, read_filters
from snnp.models.gauge import without_floor
from support import shaken

FILE = Path(__file__).parents[2] / "potentials" / "reference.filters.snnp"
NAME = Path("reference")
TRAINING = {"steps": 20, "threads": 1, "effort": "quick"}


def labelled(symbols, count=6):
    """Hot fcc crystals of 32 atoms with labels of EMT, which knows copper and gold."""
    frames = []
    for seed in range(count):
        atoms = shaken(bulk("Cu", "fcc", a=3.7, cubic=True).repeat(2), 0.1, seed)
        atoms.symbols = np.random.default_rng(seed).permutation(symbols * (32 // len(symbols)))
        atoms.calc = EMT()
        labels = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        atoms.calc = SinglePointCalculator(atoms, **labels)
        frames.append(atoms)
    return frames


def program(name, *words, folder):
    command = [str(Path(sys.executable).with_name(name)), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


def coefficients(splines):
    """Of functions, a row each, without the zeros at their end."""
    return np.array([s.coefficients for s in splines])


def test_name_stands_for_the_file_of_the_repository():
    assert set_names() == ["reference"]
    assert filters_path(NAME).read_bytes() == FILE.read_bytes()
    assert is_filters(FILE)
    assert filters_path(Path("Cu.snnp")) == Path("Cu.snnp")


def test_reference_filters_are_eight_of_each_kind_none_of_which_is_zero():
    filters = read_filters(FILE)
    assert (filters.n2, filters.n3, filters.elements) == (8, 8, [""])
    for curves in (filters.rho, filters.f, filters.g):
        assert np.abs(curves[0]).max(axis=0).min() > 0
    assert 1 < filters.bond_length < 4


def test_fit_by_a_configuration_keeps_the_frozen_filters_of_the_name(tmp_path):
    """A name is no file beside the configuration; elements do not matter to filters, lengths are scaled."""
    ase.io.write(tmp_path / "train.xyz", labelled(["Cu"]))
    (tmp_path / "fit.yaml").write_text(
        yaml.safe_dump(
            {
                "data": {"train": ["train.xyz"]},
                "output": "Cu.snnp",
                "model": {"filters": {"file": "reference", "freeze": True}, "hidden": [4]},
                "training": TRAINING,
                "validate": "off",
            }
        )
    )
    done = program("snnp-fit", "fit.yaml", folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "filters of reference" in done.stdout
    assert yaml.safe_load((tmp_path / "Cu.yaml").read_text())["model"]["filters"]["file"] == "reference"
    fitted, filters = without_floor(_core.read_potential(str(tmp_path / "Cu.snnp"))), read_filters(FILE)
    for mine, theirs in ((fitted.rho, filters.rho), (fitted.f, filters.f), (fitted.g, filters.g)):
        rows = theirs[0].T
        np.testing.assert_array_equal(coefficients(mine)[:, : rows.shape[1]], rows)
    scale = fitted.f[0].knots[-1] / filters.radial_knots[0][-1]
    # Nearest neighbours of copper in the data, 2.6 Å apart and displaced by 0.1 Å, set the length.
    assert scale == pytest.approx(2.45 / filters.bond_length, rel=0.05)


def test_alloy_is_fitted_with_combinations_of_the_reference_filters():
    model = {"filters": {"file": "reference", "freeze": True}, "hidden": [4]}
    fitted = snnp.fit(labelled(["Cu", "Au"]), model=model, training=TRAINING, progress=False)
    curves = read_filters(FILE).f[0].T
    for neighbor in ("Cu", "Au"):
        found = coefficients([fitted.potential.f(m, "Au", neighbor) for m in range(1, 9)])[:, : curves.shape[1]]
        mixture = np.linalg.lstsq(curves.T, found.T, rcond=None)[0]
        np.testing.assert_allclose(curves.T @ mixture, found.T, atol=1e-9 * np.abs(found).max())


def test_option_of_the_command_takes_the_name(tmp_path):
    ase.io.write(tmp_path / "train.xyz", labelled(["Cu"]))
    words = ["--set", "training.steps=1", "--set", "model.hidden=[4]", "--set", "validate=off", "--effort", "quick"]
    done = program("snnp-fit", "train.xyz", "-o", "Cu.snnp", "--filters", "reference", *words, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "they are trained further" in done.stdout


def test_info_and_report_take_the_name(tmp_path):
    done = program("snnp", "info", "reference", folder=tmp_path)
    assert "8 two-body and 8 three-body filters, without energies" in done.stdout
    done = program("snnp", "report", "reference", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["three_body_filters"] == 8
    assert (tmp_path / "reference.filters.report.html").is_file()


def test_unknown_name_is_told_with_the_names_that_there_are(tmp_path):
    known = r"or the name of filters that come with snnp \(reference\)"
    with pytest.raises(ConfigError, match=f"refrence does not exist: expected a potential, a file of filters, {known}"):
        snnp.fit(labelled(["Cu"]), model={"filters": "refrence"}, training=TRAINING, progress=False)
    for words in (["info", "refrence"], ["report", "refrence"]):
        done = program("snnp", *words, folder=tmp_path)
        assert done.returncode == 1
        assert done.stderr.startswith("error: refrence: no such file: expected a potential, a file of filters, or the")
        assert done.stderr.strip().endswith("(reference)")
