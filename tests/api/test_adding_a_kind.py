"""A kind of model is one module and one name in a registry: the example of the documentation, added and fitted."""

import re
import sys
from pathlib import Path
from subprocess import run

import ase.io
import numpy as np

from teacher import make_data

PAGE = Path(__file__).parents[2] / "docs" / "developing.md"
# What a name in `kinds/__init__.py` does.
REGISTER = "\nimport sys, snnp.kinds; snnp.kinds.KINDS['even'] = Even(); from snnp.cli import fit_app; fit_app()"


def test_documented_kind_is_fitted_by_the_command_line(tmp_path):
    (code,) = re.findall(r"<!-- kind -->\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    frames = make_data(2, seed=1)
    ase.io.write(tmp_path / "train.xyz", frames)
    settings = ["model.kind=even", "model.pair_cutoff=4.5", "model.knots_per_angstrom=4", "data.validation_fraction=0"]
    words = ["train.xyz", "-o", "Si.snnp", *(word for setting in settings for word in ("--set", setting))]
    done = run([sys.executable, "-c", code + REGISTER, *words], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "model: even, φ to 4.5 Å" in done.stdout
    shortest = min(a.get_all_distances(mic=True)[np.triu_indices(len(a), 1)].min() for a in frames)
    header = next(line for line in (tmp_path / "Si.snnp").read_text().splitlines() if line.startswith("spline phi"))
    assert int(header.split()[5]) == round(4 * (4.5 - shortest)) + 1
