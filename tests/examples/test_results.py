"""Tables and figures of the documentation show what was measured."""

import json
import re
import shutil
import sys
from pathlib import Path
from subprocess import run

import pytest

ROOT = Path(__file__).parents[2]
RESULTS = sorted((ROOT / "docs/results").glob("*.json"))


def pages(*words):
    command = [sys.executable, ROOT / "benchmarks/results.py", "pages", *words]
    return run([str(word) for word in command], capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path):
    """The documentation, to be changed."""
    for folder in ("docs", "potentials"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "README.md", tmp_path)
    return tmp_path


def test_pages_and_figures_show_the_results():
    done = pages("--check")
    assert done.returncode == 0, done.stderr


def test_another_number_in_the_results_changes_pages_and_figures(copy):
    file = copy / "docs/results/potentials.json"
    content = json.loads(file.read_text())
    content["results"]["Mo"]["all"]["energy_mae_meV_per_atom"] = 123.45
    file.write_text(json.dumps(content))
    before = pages("--check", "--root", copy)
    assert before.returncode == 1
    stale = {line.split()[0] for line in before.stderr.splitlines()}
    assert stale == {
        "docs/accuracy.md",
        "docs/boundary.md",
        "potentials/README.md",
        "docs/accuracy.png",
        "docs/boundary.png",
    }

    assert pages("--root", copy).returncode == 0
    assert pages("--check", "--root", copy).returncode == 0
    assert "123.45" in (copy / "docs/accuracy.md").read_text()


def test_a_number_typed_into_a_table_is_noticed(copy):
    page = copy / "docs/accuracy.md"
    text = page.read_text()
    number = re.search(r"\*\*snnp\*\* \| (\d\.\d\d)", text)[1]
    page.write_text(text.replace(number, "0.01"))
    done = pages("--check", "--root", copy)
    assert done.returncode == 1
    assert done.stderr.startswith("docs/accuracy.md")


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_results_say_where_they_come_from(path):
    content = json.loads(path.read_text())
    assert content["results"]
    assert content["date"]
    assert "source" in content or {"command", "snnp", "CPU"} <= content.keys()
