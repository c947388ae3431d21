"""Every kind of model by snnp-fit: one line of configuration, the same files, the same engine."""

import csv
import json
import os
import pty
import re
import signal
import subprocess
import time

import ase.io
import numpy as np
import pytest
import yaml

from fitting import SNNP_FIT, assignments, best_errors
from snnp import _core

QUICK = {
    "pair": {"model.pair_knots": 15},
    "uf3": {"model.radial_knots": 6},
    "eam": {"model.pair_knots": 10, "model.density_knots": 8, "training.steps": 60},
    "smeam": {"model.pair_knots": 8, "model.density_knots": 6, "model.radial_knots": 6, "training.steps": 20},
}
# Part of the forces that each kind may leave: diamond is not made of pairs.
LEFT = {"pair": 0.6, "eam": 0.6, "uf3": 0.05, "smeam": 0.2}


def settings(kind):
    cutoffs = {"model.pair_cutoff": 4.5} | ({"model.three_body_cutoff": 3.8} if kind in ("uf3", "smeam") else {})
    return {"model.kind": kind, "training.threads": 1, **cutoffs, **QUICK[kind]}


@pytest.fixture(scope="module", params=QUICK)
def fitted(request, data, tmp_path_factory):
    """A finished fit of each kind: kind and folder."""
    folder = tmp_path_factory.mktemp(request.param)
    words = [data / "train.xyz", "--test", data / "test.xyz", "-o", folder / "Si.snnp"]
    subprocess.run([SNNP_FIT, *words, *assignments(settings(request.param))], capture_output=True, check=True)
    return request.param, folder


def test_fit_leaves_its_files(fitted):
    kind, folder = fitted
    linear = kind in ("pair", "uf3")
    curve = {"Si_smoothness.png"} if linear else {"Si_learning.png", "Si.checkpoint"}
    names = {path.name for path in folder.iterdir()}
    assert names == {"Si.snnp", "Si.yaml", "Si.log", "Si.csv", "Si_parity.png", "Si_splines.png"} | curve
    names, units, *rows = csv.reader((folder / "Si.csv").read_text().splitlines())
    assert len(names) == len(units) == len(rows[0])


def test_best_check_has_the_errors_of_the_final_table(fitted):
    """Both are those of the same coefficients on the same frames. Linear models have no checks."""
    kind, folder = fitted
    if kind in ("eam", "smeam"):
        found, table = best_errors(folder)
        assert found == table


def test_errors_in_the_log_are_those_of_the_potential(fitted, data, snnp):
    kind, folder = fitted
    out = json.loads(snnp("eval", folder / "Si.snnp", data / "test.xyz", "--json").stdout)["all"]
    row = next(line for line in (folder / "Si.log").read_text().splitlines() if line.startswith("│ test"))
    assert f"{out['energy_mae_meV_per_atom']:.2f} / " in row
    assert f"{out['force_mae_eV_per_A']:.4f} / " in row
    forces = np.concatenate([atoms.get_forces() for atoms in ase.io.read(data / "test.xyz", ":")])
    assert out["force_rmse_eV_per_A"] < LEFT[kind] * np.sqrt((forces**2).mean())


def test_potential_has_the_terms_of_its_kind_and_knows_its_domain(fitted):
    kind, folder = fitted
    p = _core.read_potential(str(folder / "Si.snnp"))
    (element,) = p.elements
    terms = p.n2, p.n3, len(element.density), len(p.V)
    assert terms == {"pair": (0, 0, 0, 0), "eam": (1, 0, 1, 0), "uf3": (0, 0, 0, 1), "smeam": (1, 1, 2, 0)}[kind]
    assert element.network.activation == "none"
    assert p.pairs[0].shortest > 1.5
    assert p.pairs[0].zbl_outer > 1.5
    assert len(element.lowest) == len(element.highest) == p.n2 + p.n3
    assert np.all(np.array(element.lowest) < element.highest)
    assert element.energies[0].lowest < element.energies[0].highest


def test_expanded_configuration_repeats_the_fit(fitted, tmp_path):
    kind, folder = fitted
    content = yaml.safe_load((folder / "Si.yaml").read_text())
    assert content["model"]["kind"] == kind
    content["output"] = "again.snnp"
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(content))
    subprocess.run([SNNP_FIT, tmp_path / "again.yaml"], check=True, capture_output=True)
    assert (tmp_path / "again.snnp").read_text() == (folder / "Si.snnp").read_text()


def test_search_for_a_start_says_how_far_it_is_and_finds_better_densities(fitted):
    kind, folder = fitted
    lines = [line for line in (folder / "Si.log").read_text().splitlines() if line.startswith("start ")]
    if kind not in ("eam", "smeam"):
        assert not lines
        return
    numbers = [re.findall(r"start +(\d+)/(\d+) .* error +([\d.]+) eV/Å", line)[0] for line in lines]
    step, steps, error = np.array(numbers, float).T
    assert len(lines) > 2
    assert step[0] == 0
    assert np.all(np.diff(step) > 0)
    assert np.all(steps == step[-1])
    assert error[-1] < error[0]
    assert all(re.search(r"steps/s +\d+:\d\d left$", line) for line in lines[1:])


def test_terminal_shows_bars_from_the_search_for_a_start_on(data, tmp_path):
    """One bar after the other: two at a time would be an error or a mess."""
    short = assignments({**settings("smeam"), "training.steps": 1})
    words = [SNNP_FIT, data / "train.xyz", "-o", tmp_path / "Si.snnp", *short]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120"}
    with subprocess.Popen(words, stdout=theirs, stderr=subprocess.PIPE, env=environment) as process:
        os.close(theirs)
        shown = b""
        try:
            while some := os.read(ours, 65536):
                shown += some
        except OSError:  # how Linux tells that the other side is closed
            pass
        errors = process.stderr.read()
    os.close(ours)
    assert process.returncode == 0, errors
    lines = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", shown.decode()).replace("\r", "\n").splitlines()
    bars = [re.match(r"([a-z ]+) ━+.* \d+/\d+ .*/s ", line) for line in lines]
    titles = list(dict.fromkeys(bar[1] for bar in bars if bar))
    expected = ["linear model", "f and g", "first densities", "search", "training", "errors"]
    assert [title for title in titles if title in expected] == expected


def test_interrupted_fit_of_densities_resumes_to_the_same_potential(data, tmp_path):
    words = [SNNP_FIT, data / "train.xyz", "-o", tmp_path / "Si.snnp", *assignments(settings("eam"))]
    subprocess.run(words, check=True, capture_output=True)
    expected = (tmp_path / "Si.snnp").read_text()
    for path in tmp_path.iterdir():
        path.unlink()
    process = subprocess.Popen([*words, "--set", "training.checkpoint_seconds=0.01"], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "Si.checkpoint").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert "go on with --resume" in errors
    assert not (tmp_path / "Si.snnp").exists()
    resumed = subprocess.run([*words, "--resume"], check=True, capture_output=True, text=True)
    assert "resuming at step" in resumed.stdout
    assert (tmp_path / "Si.snnp").read_text() == expected
