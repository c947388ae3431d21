"""Fits of seconds: commands and settings."""

import csv
import sys
from pathlib import Path
from types import SimpleNamespace

from typer.testing import CliRunner

SNNP_FIT = str(Path(sys.executable).with_name("snnp-fit"))
SNNP = str(Path(sys.executable).with_name("snnp"))
# A fit of seconds: a coarse model, few steps.
QUICK = {
    "model.two_body_filters": 2,
    "model.three_body_filters": 3,
    "model.hidden": "[6]",
    "model.pair_knots": 8,
    "model.radial_knots": 6,
    "model.angle_knots": 5,
    "model.pair_cutoff": 4.5,
    "model.three_body_cutoff": 3.8,
    "training.steps": 60,
    "training.threads": 1,
}


def assignments(settings):
    """Settings as words of a command line; checks of physics, which depend on the time that a fit takes, are off."""
    return [word for key, value in {"validate": "off", **settings}.items() for word in ("--set", f"{key}={value}")]


def command(app, *words, check=False):
    """A command in this process, with a result like that of `subprocess.run`: a new process takes seconds."""
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0 or not check, done.output
    return SimpleNamespace(returncode=done.exit_code, stdout=done.stdout, stderr=done.stderr)


def best_errors(folder):
    """Mean absolute errors of the check with the lowest validation loss, and the same in the final table, as text.

    meV/atom, eV/Å, GPa, with the digits of the table.
    """
    rows = list(csv.DictReader((folder / "Si.csv").read_text().splitlines()))[1:]
    best = min(rows, key=lambda row: float(row["validation_loss"]))
    line = next(line for line in (folder / "Si.log").read_text().splitlines() if line.startswith("│ validation"))
    table = [cell.split(" / ")[0].strip() for cell in line.split("│")[5:8]]
    digits = {"energy_error": 2, "force_error": 4, "stress_error": 3}
    return [f"{float(best[name]):.{n}f}" for name, n in digits.items()], table
