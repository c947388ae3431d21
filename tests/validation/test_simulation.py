"""LAMMPS in a process of its own: numbers of what went well, and a sentence for what did not."""

import os
import tempfile
import time

import numpy as np
import pytest
from ase.build import bulk

import support
from classical_models import argon, copper, silicon
from snnp.validation.minimization import minimize
from snnp.validation.model import FileModel, LammpsModel
from snnp.validation.simulation import simulate, time_step

WARM = ["timestep 0.001", "velocity all create 600 1", "fix move all nve"]


def test_energy_of_warm_silicon_is_conserved_and_frames_follow_its_atoms():
    crystal = bulk("Si", cubic=True)
    run = simulate(silicon(), crystal * (2, 2, 2), [*WARM, "run 200"], every=20)
    assert run.problem == ""
    assert len(run.blocks) == 1 and len(run.frames) == len(run.joined("Time")) == 11
    # 1 fs is a fiftieth of the shortest period of vibration: velocity Verlet keeps the energy to 1e-4 of what moves
    energies = run.joined("TotEng")
    assert np.ptp(energies) < 1e-3 * np.ptp(run.joined("PotEng")) + 1e-2
    assert np.ptp(run.joined("PotEng")) > 1
    moved = run.frames[-1].positions - run.frames[0].positions
    assert 0.01 < np.linalg.norm(moved, axis=1).max() < 0.5  # unwrapped, each atom beside its site


def test_ranks_and_threads_give_the_same_energy(tmp_path):
    model = FileModel(support.write(support.silicon(), tmp_path / "Si.snnp"))
    atoms = support.shaken(bulk("Si", cubic=True) * (2, 2, 2))
    expected = model.calculator().get_potential_energy(atoms)
    for how in ({}, {"ranks": 2}, {"threads": 2}):
        run = simulate(model, atoms, ["run 0"], **how)
        assert run.joined("PotEng") == pytest.approx([expected], abs=1e-6)  # written with 12 digits
    assert simulate(copper(), bulk("Cu"), ["run 0"], threads=2).problem == ""  # by the variant for threads


def test_flagged_atoms_are_counted_and_marked(tmp_path):
    model = FileModel(support.write(support.silicon(), tmp_path / "Si.snnp"))
    atoms = bulk("Si", cubic=True) * (2, 2, 2)
    atoms.positions[0] += 0.3  # to 1.8 Å from a neighbour, where the data end at 1.9 Å
    run = simulate(model, atoms, ["run 0"])
    outside = model.outside(atoms)
    assert 0 < outside.sum() < len(atoms)
    assert run.joined("Outside") == [outside.sum()]
    assert np.array_equal(run.frames[0].arrays["outside"] > 0, outside)


def test_elements_and_triclinic_cells_come_back(tmp_path):
    model = LammpsModel("pair_style lj/cut 6 / pair_coeff * * 0.01 2.5 / pair_coeff 1 1 0.02 3", ["Xe", "Ar", "Ne"])
    atoms = bulk("NeXe", "zincblende", a=6.0) * (2, 2, 2)
    frame = simulate(model, atoms, ["run 0"]).frames[0]
    assert frame.symbols.get_chemical_formula() == atoms.symbols.get_chemical_formula()
    assert frame.cell.cellpar() == pytest.approx(atoms.cell.cellpar())
    assert frame.get_all_distances(mic=True) == pytest.approx(atoms.get_all_distances(mic=True))


@pytest.mark.parametrize(
    ("temperature", "commands", "said"),
    [
        (1e9, ["fix move all nve", "run 1000"], "Lost atoms"),
        (100, ["fix move all nve", "run 1000000000"], "not done after 3 s"),
        (100, ["run 10", "no_such_command"], "no_such_command"),
    ],
)
def test_what_ends_a_run_is_told_and_what_came_before_is_kept(temperature, commands, said):
    begun = time.monotonic()
    atoms = bulk("Ar", a=5.3, cubic=True) * (3, 3, 3)
    run = simulate(argon(), atoms, [f"velocity all create {temperature} 1", *commands], every=10, timeout=3)
    assert said in run.problem
    assert run.frames and run.blocks
    assert time.monotonic() - begun < 30


def test_all_ranks_end_with_the_time(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    atoms = bulk("Ar", a=5.3, cubic=True) * (3, 3, 3)
    run = simulate(argon(), atoms, ["fix move all nve", "run 1000000000"], ranks=2, timeout=3)
    assert "not done" in run.problem
    assert _of(tmp_path) == []


def _of(folder) -> list[str]:
    """Numbers of the processes that have a file in this folder among their arguments."""
    found = []
    for number in filter(str.isdecimal, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/cmdline") as file:
                if str(folder) in file.read():
                    found.append(number)
        except OSError:
            continue
    return found


def test_energies_that_are_no_numbers_are_a_problem():
    atoms = bulk("Ar", a=5.3, cubic=True)
    atoms.positions[1] = atoms.positions[0]
    assert "not a number" in simulate(argon(), atoms, ["run 0"]).problem


def test_minimisation_goes_on_after_a_cell_that_ends_lammps():
    good, bad = bulk("Ar", a=5.0, cubic=True), bulk("Ar", a=5.0, cubic=True)
    bad.positions[1] = bad.positions[0]  # forces are no numbers
    found = minimize(argon(), [good, bad, good], volume=37.0)
    assert [minimum.problem == "" for minimum in found] == [True, False, True]
    # Lennard-Jones' fcc at rest: −8.61 ε with all neighbours, here those within 2.5 σ
    assert found[0].energy == pytest.approx(found[2].energy)
    assert found[0].energy == pytest.approx(-8.3 * 0.0104, rel=0.05)


def test_time_step_is_a_fraction_of_the_shortest_period():
    assert time_step(["Mo"]) == 0.002
    assert time_step(["O", "H"]) < 0.0005  # O–H vibrates with 110 THz: 9 fs
