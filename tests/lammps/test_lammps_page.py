"""The examples on the user page work as they stand there."""

import re
from pathlib import Path

import numpy as np
import pytest

import run_lammps as lmp
from support import random_potential, silicon, write

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "pair_style_snnp.md").read_text()
INPUTS = re.findall(r"```lammps\n(.*?)```", PAGE, re.DOTALL)

SYSTEM = """
{units}
atom_style charge
lattice diamond 5.6
region box block 0 2 0 2 0 2
create_box {types} box
create_atoms 1 box
mass * 28.0855
{types_of_atoms}
"""


def test_the_page_has_examples():
    assert len(INPUTS) >= 9


def system(example):
    """A crystal with as many types as the example has elements, and the example in its place."""
    elements = re.search(r"\.snnp (.*)", example)[1].split()
    dealt = "\n".join(f"set type 1 type/fraction {t} 0.5 {t}" for t in range(2, len(elements) + 1))
    units = "" if "units" in example else "units metal"
    # what has to come before the box, comes before it
    first = "\n".join(line for line in example.splitlines() if line.startswith("units"))
    rest = "\n".join(line for line in example.splitlines() if not line.startswith("units"))
    box = SYSTEM.format(units=units or first, types=len(elements), types_of_atoms=dealt)
    return box + rest + ("" if re.search(r"^run ", rest, re.MULTILINE) else "\nrun 2\n")


def write_potentials(example, folder):
    """The files that the example names, for the elements in their names; all atoms are inside their domains."""
    for name in set(re.findall(r"(\w+)\.snnp", example)):
        potential = silicon() if name == "Si" else random_potential(re.findall("[A-Z][a-z]?", name))
        elements = potential.elements
        for element in elements:
            element.lowest, element.highest = np.full((2, len(element.linear)), [[-1e3], [1e3]])
        potential.elements = elements
        write(potential, folder / f"{name}.snnp")


# That with `plugin load` is run in tests/package/test_build_plugin.py.
@pytest.mark.parametrize("example", [e for e in INPUTS if "plugin load" not in e])
def test_an_example_runs(example, tmp_path):
    write_potentials(example, tmp_path)
    assert "Loop time" in lmp.output(system(example), tmp_path)
