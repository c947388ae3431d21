"""Molecular dynamics: neighbour lists grow old, atoms change rank, and energy stays."""

import numpy as np
import pytest

import run_lammps as lmp
from support import random_potential, write

ORDER_RATIO = pytest.approx(4.0, rel=0.05)  # velocity Verlet: half the step, a quarter of the error; then fourth order
TRAJECTORY = 1e-10  # Å: rounding of positions, 1e-15, which grows with time; 1e-14 was measured

DYNAMICS = """
units metal
lattice diamond 5.43
region box block 0 2 0 2 0 2
create_box 1 box
create_atoms 1 box
mass 1 28.0855
pair_style snnp
pair_coeff * * p.snnp Si
neighbor 0.3 bin
neigh_modify every 1 delay 0 check yes
velocity all create 600 1 loop geom
thermo_modify norm no
thermo {every}
variable E equal etotal
fix E all print {every} "$(v_E:%.17g)" file {out}.energies screen no
fix nve all nve
timestep {step}
run {steps}
write_dump all custom {out}.atoms id xu yu zu modify sort id format float %.17g
"""


@pytest.fixture
def folder(tmp_path):
    write(random_potential(["Si"], seed=3), tmp_path / "p.snnp")
    return tmp_path


def trajectory(folder, out, step=0.001, steps=200, every=10, **how):
    """Total energies along a run (eV) and positions at its end (Å)."""
    lmp.output(DYNAMICS.format(out=out, step=step, steps=steps, every=every), folder, **how)
    return np.loadtxt(folder / f"{out}.energies"), np.loadtxt(folder / f"{out}.atoms", skiprows=9)[:, 1:]


def test_energy_is_conserved_at_the_order_of_the_integrator(folder):
    coarse, _ = trajectory(folder, "coarse", step=0.0005, steps=400, every=10)
    fine, _ = trajectory(folder, "fine", step=0.00025, steps=800, every=20)
    assert np.ptp(coarse) / np.ptp(fine) == ORDER_RATIO


def test_a_trajectory_is_the_same_on_two_ranks(folder):
    _, one = trajectory(folder, "one")
    _, two = trajectory(folder, "two", ranks=2)
    np.testing.assert_allclose(two, one, atol=TRAJECTORY, rtol=0)


def test_a_run_repeats_itself_to_the_last_bit_for_a_given_number_of_threads(folder):
    first, second = (trajectory(folder, out, OMP_NUM_THREADS="2") for out in ("first", "second"))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


# ranks, threads, and how the box is cut up
WAYS = [
    (1, 1, ""),
    (1, 2, ""),
    (2, 1, "processors 1 2 1"),
    (2, 1, "comm_style tiled"),
    (2, 2, ""),
    (4, 1, "processors 2 2 1"),
    (4, 1, "processors 1 1 4"),
    (4, 2, ""),
]


def test_thermo_output_does_not_depend_on_how_the_work_is_shared_out(folder):
    """Relative to the size of each number in the run."""
    tables = []
    for ranks, threads, grid in WAYS:
        deck = f"{grid}\n" + DYNAMICS.format(out="x", step=0.001, steps=20, every=5)
        if "tiled" in grid:
            deck = deck.replace("velocity all", "balance 1.0 rcb\nvelocity all")
        thermo = "thermo_style custom step temp pe etotal press pxx pxy\nthermo_modify norm no format float %.17g\n"
        deck = deck.replace("thermo_modify norm no\n", thermo)
        tables.append(lmp.thermo(lmp.output(deck, folder, ranks=ranks, options=f"-pk omp {threads} -sf omp")))
    first = tables[0]
    assert len(first) == 5
    for table in tables[1:]:
        np.testing.assert_allclose(table / np.abs(first).max(0), first / np.abs(first).max(0), atol=1e-10, rtol=0)
