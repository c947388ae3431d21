"""snnp-fit as a user meets it: files, accuracy, determinism, interruption."""

import csv
import json
import re
import signal
import subprocess
import time

import ase.io
import numpy as np
import pytest
import yaml

import snnp as package
import tolerances
from fitting import QUICK, SNNP_FIT, assignments, best_errors
from snnp import _core
from snnp.models.gauge import without_floor


def curve(folder):
    """Training and validation loss of each line of a learning curve, as text."""
    with (folder / "Si.csv").open() as file:
        rows = list(csv.DictReader(file))[1:]
    return [(row["train_loss"], row["validation_loss"]) for row in rows]


@pytest.fixture(scope="module")
def fitted(data, tmp_path_factory):
    """A finished fit: folder and console output."""
    folder = tmp_path_factory.mktemp("fit")
    words = assignments(QUICK)
    done = subprocess.run(
        [SNNP_FIT, data / "train.xyz", "--test", data / "test.xyz", "-o", folder / "Si.snnp", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    return folder, done.stdout


def test_fit_leaves_potential_configuration_log_curve_and_pictures(fitted):
    folder, _ = fitted
    names = {path.name for path in folder.iterdir()}
    pictures = {"Si_parity.png", "Si_learning.png", "Si_splines.png"}
    assert names == {"Si.snnp", "Si.yaml", "Si.log", "Si.csv", "Si.checkpoint", *pictures}
    for name in pictures:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


def test_log_equals_console(fitted):
    folder, console = fitted
    assert (folder / "Si.log").read_text() == console


def test_curve_has_a_row_of_units_and_ends_at_the_last_step(fitted):
    folder, _ = fitted
    names, units, *rows = csv.reader((folder / "Si.csv").read_text().splitlines())
    assert len(names) == len(units) == len(rows[0])
    assert dict(zip(names, units, strict=True))["seconds"] == "s"
    assert int(rows[-1][names.index("step")]) == QUICK["training.steps"]


def test_training_moves_from_its_first_check_on(fitted):
    """Else the tests of repetition and resumption below would compare nothing but the linear start."""
    folder, _ = fitted
    losses = [losses[1] for losses in curve(folder)]
    assert len(losses) > 2
    assert len(set(losses)) == len(losses)


def test_best_check_of_the_training_has_the_errors_of_the_final_table(fitted):
    """Both are those of the same weights on the same frames."""
    found, table = best_errors(fitted[0])
    assert found == table
    lines = [line for line in fitted[1].splitlines() if line.startswith("step ")]
    line = next(line for line in reversed(lines) if "validation" in line)
    assert lines[-1].startswith("step     60/60  all data: loss")
    assert re.search(r"validation [\d.]+ meV/atom  [\d.]+ eV/Å  [\d.]+ GPa  loss [\d.]+  training [\d.]+ ", line)


def test_table_equals_errors_recomputed_with_the_calculator(fitted, data, snnp):
    folder, console = fitted
    frames = ase.io.read(data / "test.xyz", ":")
    calculator = package.load(folder / "Si.snnp")
    energies, forces = [], []
    for atoms in frames:
        copy = atoms.copy()
        copy.calc = calculator
        energies.append((copy.get_potential_energy() - atoms.get_potential_energy()) / len(atoms))
        forces.append(copy.get_forces() - atoms.get_forces())
    out = json.loads(snnp("eval", folder / "Si.snnp", data / "test.xyz", "--json").stdout)["all"]
    energy, force = 1000 * np.abs(energies).mean(), np.sqrt((np.concatenate(forces) ** 2).mean())
    assert out["energy_mae_meV_per_atom"] == pytest.approx(energy, abs=1000 * tolerances.ENERGY)
    assert out["force_rmse_eV_per_A"] == pytest.approx(force, abs=tolerances.FORCE)
    row = next(line for line in console.splitlines() if re.match(r"│ test +│ all", line))
    assert f"{out['energy_mae_meV_per_atom']:.2f} / " in row
    assert f"{out['force_mae_eV_per_A']:.4f} / " in row
    assert f"{out['stress_mae_GPa']:.3f} / " in row


def test_model_explains_forces_of_the_teacher(fitted, data, snnp):
    """The forces that are left are a small part of those that were there."""
    folder, _ = fitted
    out = json.loads(snnp("eval", folder / "Si.snnp", data / "test.xyz", "--json").stdout)["all"]
    forces = np.concatenate([atoms.get_forces() for atoms in ase.io.read(data / "test.xyz", ":")])
    assert out["force_rmse_eV_per_A"] < 0.1 * np.sqrt((forces**2).mean())


def test_potential_of_a_fit_is_in_the_standard_gauge(fitted):
    p = without_floor(_core.read_potential(fitted[0] / "Si.snnp"))
    for some in (p.rho, p.f, p.g):
        for s in some:
            assert s(np.linspace(s.knots[0], s.knots[-1], 400)).max() == pytest.approx(1)


def test_expanded_configuration_repeats_the_fit_exactly(fitted, tmp_path):
    """A seed decides everything: the configuration left beside a potential gives the same potential again."""
    folder, _ = fitted
    settings = yaml.safe_load((folder / "Si.yaml").read_text())
    settings["output"] = "again.snnp"
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(settings))
    subprocess.run([SNNP_FIT, tmp_path / "again.yaml"], check=True, capture_output=True)
    assert (tmp_path / "again.snnp").read_text() == (folder / "Si.snnp").read_text()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=["Ctrl-C", "terminate", "kill"])
def test_interrupted_fit_resumes_to_the_same_potential(how, fitted, data, tmp_path, snnp_fit):
    folder, _ = fitted
    files = [data / "train.xyz", "--test", data / "test.xyz", "-o", tmp_path / "Si.snnp"]
    settings = {**QUICK, "training.checkpoint_seconds": 0.01}
    words = assignments(settings)
    process = subprocess.Popen([SNNP_FIT, *files, *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    checkpoint = tmp_path / "Si.checkpoint"
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(how)
    _, errors = process.communicate()
    assert process.returncode != 0
    assert not (tmp_path / "Si.snnp").exists()
    if how != signal.SIGKILL:
        assert "go on with --resume" in errors

    log = (tmp_path / "Si.log").read_text()
    refused = snnp_fit(*files, check=False)
    assert "add --resume to go on with it" in refused.stderr
    assert (tmp_path / "Si.log").read_text() == log
    snnp_fit(*files, "--resume")
    assert (tmp_path / "Si.log").read_text().startswith(log)
    resumed = (tmp_path / "Si.snnp").read_text()
    assert resumed == (folder / "Si.snnp").read_text()
    assert curve(tmp_path) == curve(folder)


def test_resume_with_other_settings_is_refused(fitted, data, tmp_path, snnp_fit):
    files = [data / "train.xyz", "-o", tmp_path / "Si.snnp"]
    snnp_fit(*files, training__steps=20)
    refused = snnp_fit(*files, "--resume", check=False, training__steps=20, training__learning_rate=1e-4)
    assert refused.returncode == 1
    assert "other data or settings" in refused.stderr
