"""Atoms at the same place, or at none, stop a run with a sentence, every time."""

import re

import numpy as np
import pytest
from ase.build import bulk
from ase.io import write as write_atoms

import run_lammps as lmp
from snnp import _core
from support import random_potential, shaken, with_tensors, write


@pytest.fixture
def atoms():
    return lmp.in_lammps_frame(shaken(bulk("Si", "diamond", a=5.43, cubic=True), seed=8))


def pair(folder, precision):
    write(random_potential(seed=21, n2=2, n3=2, cutoff=4.5), folder / "p.snnp")
    return f"pair_style snnp precision {precision}\npair_coeff * * {folder}/p.snnp Si"


@pytest.mark.parametrize("precision", ["double", "mixed"])
def test_atoms_at_the_same_place_are_named_every_time_and_forgotten_when_they_part(session, atoms, precision):
    session.start(atoms, ["Si"], pair(session.folder, precision), "units metal\natom_modify map array")
    session.run("run 0")
    energy, forces = session.thermo("pe"), session.of_atoms("f")
    there = session.of_atoms("x")
    for command in ("run 0", "run 0", "minimize 0 1e-4 100 1000"):
        session.run("set atom 6 x {:.17g} y {:.17g} z {:.17g}".format(*there[2]))
        with pytest.raises(Exception, match=r"Pair style snnp: atoms (3 and 6|6 and 3) are at the same place"):
            session.run(command)
    session.run("set atom 6 x {:.17g} y {:.17g} z {:.17g}".format(*there[5]), "run 0")
    assert session.thermo("pe") == energy
    np.testing.assert_array_equal(session.of_atoms("f"), forces)


POTENTIALS = {
    "network": random_potential(seed=1, n2=3, n3=3, cutoff=4.5),
    "network of many filters": random_potential(seed=2, n2=4, n3=19, cutoff=4.5),
    "spline of a density": random_potential(seed=3, n2=1, n3=1, cutoff=4.5, activation="density"),
    "tensors": with_tensors(random_potential(seed=4, n2=0, n3=0, cutoff=4.5, activation="none")),
    "pairs": random_potential(seed=5, n2=0, n3=0, cutoff=4.5, activation="none"),
    "pairs without core": random_potential(seed=6, n2=0, n3=0, cutoff=4.5, activation="none", core=False),
}


@pytest.mark.parametrize("isa", ["base", "avx2", "avx512"])
@pytest.mark.parametrize("kind", POTENTIALS)
def test_no_kernel_leaves_out_atoms_at_the_same_place(session, atoms, kind, isa, monkeypatch):
    """Also not where the square of their distance, 1e-200 Å, is zero as a number."""
    monkeypatch.setenv("SNNP_ISA", isa)
    try:
        _core.Engine(POTENTIALS[kind])
    except _core.Error:
        pytest.skip(f"the CPU has no {isa}")
    write(POTENTIALS[kind], session.folder / "p.snnp")
    atoms.positions[0], atoms.positions[1] = 0, [0, 0, 0.1]
    for precision in ("double", "mixed"):
        style = f"pair_style snnp precision {precision}\npair_coeff * * {session.folder}/p.snnp Si"
        session.start(atoms, ["Si"], style, "units metal\natom_modify map array")
        session.run("run 0")
        for distance in (0, 1e-200):
            session.run(f"set atom 2 z {distance}")
            with pytest.raises(Exception, match=r"Pair style snnp: atoms (1 and 2|2 and 1) are at the same place"):
                session.run("run 0")


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (np.nan, "Pair style snnp: the position of atom 4 is infinite or not a number"),
        (np.inf, "Non-numeric atom coords"),  # LAMMPS itself sees that the atom has moved, and builds its lists again
    ],
)
def test_an_atom_that_is_nowhere_ends_the_run_every_time(session, atoms, value, sentence):
    """As an atom is after a step that no integrator can make."""
    session.start(atoms, ["Si"], pair(session.folder, "double"), "units metal\natom_modify map array")
    session.run("run 0")
    row = list(session.lmp.numpy.extract_atom("id")).index(4)
    session.lmp.numpy.extract_atom("x")[row, 1] = value
    for _ in range(2):
        with pytest.raises(Exception, match=sentence):
            session.run("run 1 pre no")


def test_all_ranks_stop_when_one_finds_atoms_at_the_same_place(tmp_path, atoms):
    atoms.positions[5] = atoms.positions[2]
    write_atoms(tmp_path / "a.data", atoms, format="lammps-data", specorder=["Si"])
    deck = f"units metal\nread_data a.data\nmass * 28\n{pair(tmp_path, 'double')}\nminimize 0 1e-4 100 1000"
    said = lmp.error(deck, tmp_path, ranks=2)
    assert re.fullmatch(r"ERROR on proc \d: Pair style snnp: atoms (3 and 6|6 and 3) are at the same place", said)
