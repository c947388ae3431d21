"""The example of shared filters runs, and every way to fit aluminium learns something."""

import re
import subprocess
import sys
from pathlib import Path

from snnp.models.filters_file import read_filters

SCRIPT = Path(__file__).parents[2] / "examples" / "07_shared_filters" / "run.py"


def test_example_fits_three_metals_together_and_aluminium_from_their_filters(tmp_path):
    words = ["--folder", tmp_path, "--steps", "40", "--frames", "8", "--few", "6"]
    done = subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert read_filters(tmp_path / "all.filters.snnp").n3 == 6
    assert all((tmp_path / f"{metal}.snnp").exists() for metal in ("Cu", "Ag", "Ni"))
    rows = re.findall(r"^(of .+?) +([\d.]+) +([\d.]+)$", done.stdout, re.MULTILINE)
    assert [row[0] for row in rows] == ["of its own", "of the others, trained further", "of the others, frozen"]
    # Forces on displaced atoms are of the order of 1 eV/Å.
    assert all(float(force) < 0.3 for _, _, force in rows)
