"""What other commands of LAMMPS ask of a pair style: right, or refused in a sentence."""

import numpy as np
import pytest
from ase.build import bulk

import run_lammps as lmp
from snnp import SNNP, reference
from support import alternating, random_potential, shaken, silicon, write
from tolerances import DIFFERENCE, STEP

# As in test_lammps_parity.py.
ENERGY = 1e-10  # eV/atom
FORCE = 1e-9  # eV/Å
VIRIAL = 1e-6  # eV, of some: LAMMPS' factor for bar has eight digits
BAR = 1.6021765e6  # eV/Å³ in bar, as LAMMPS has it

HEAD = "units metal\natom_modify map array\nbox tilt large"
WARM = "velocity all create 900 4928459 loop all\nthermo_modify norm no\n"


@pytest.fixture
def crystal(session):
    """Silicon in a skewed cell of its own, with a potential on which it is stable; the commands to go on with."""
    write(silicon(), session.folder / "Si.snnp")
    atoms = bulk("Si", "diamond", a=5.45, cubic=True).repeat((2, 1, 1))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + [[0, 0.02, -0.01], [0, 0, 0.03], [0, 0, 0]]), True)
    atoms = lmp.in_lammps_frame(shaken(atoms, 0.08, seed=8))
    session.start(atoms, ["Si"], f"pair_style snnp\npair_coeff * * {session.folder}/Si.snnp Si\n{WARM}", HEAD)
    return atoms


def assert_right(session, potential=None, elements=("Si",)):
    """Energy and forces of the atoms where they are now are those of the formulas."""
    right = reference.evaluate(potential or silicon(), session.atoms(elements))
    n = len(right.energies)
    assert session.thermo("pe") == pytest.approx(right.energy, abs=ENERGY * n, rel=0)
    np.testing.assert_allclose(session.of_atoms("f"), right.forces, atol=FORCE, rtol=0)


@pytest.mark.parametrize("style", ["cg", "fire", "sd"])
def test_minimizers_find_the_crystal(session, crystal, style):
    session.run(f"min_style {style}", "minimize 0 1e-8 2000 20000")
    assert_right(session)
    assert np.abs(session.of_atoms("f")).max() < 1e-6
    perfect = SNNP(silicon())
    energies = [perfect.get_potential_energy(bulk("Si", "diamond", a=a)) / 2 for a in np.linspace(5.4, 5.5, 5)]
    assert session.thermo("pe") / 16 < min(energies) + 0.01  # in the skewed cell


def test_box_relax_takes_the_stress_away(session, crystal):
    session.run(
        "velocity all set 0 0 0",
        "min_style cg",
        "fix relax all box/relax tri 0.0 vmax 0.005",
        "minimize 0 1e-8 2000 20000",
    )
    assert_right(session)
    assert np.abs([session.thermo(f"p{k}") for k in ("xx", "yy", "zz", "xy", "xz", "yz")]).max() < 10  # bar


# Ensembles and other things that happen in a run, each for fifty steps.
RUNS = {
    "nve": "fix move all nve",
    "langevin": "fix move all nve\nfix bath all langevin 900 900 0.05 1234\nrun 20\nunfix bath",
    "npt of a tilted box": "fix move all npt temp 900 900 0.05 tri 0 0 0.5 flip yes",
    "nph": "fix move all nph aniso 0 0 0.5",
    "deform": "fix move all nve\nfix strain all deform 1 x erate 1.0 xy erate 0.5 remap x\nrun 20\nunfix strain",
    "half of the atoms stand still": "group moving id 1:8\nfix move moving nve",
    "rescaled": "fix move all nve\nfix t all temp/rescale 5 900 900 1.0 1.0",
    "a short step": "fix move all nve/limit 0.01",
    "respa": "run_style respa 2 2 pair 2\nfix move all nve",
}


@pytest.mark.parametrize("way", RUNS)
def test_where_a_run_has_led_to_energy_and_forces_are_right(session, crystal, way):
    session.run(RUNS[way], "run 50")
    assert_right(session)
    assert np.abs(session.of_atoms("x") - crystal.positions).max() > 0.01, "nothing moved"


def test_constant_temperature_and_pressure_conserve_their_extended_energy(session, crystal):
    """It adds up heat and work that flow into the system, by the virial among others."""
    session.run(
        "fix move all npt temp 900 900 0.1 tri 0 0 1.0", "thermo_style custom step pe etotal econserve", "run 0"
    )
    drifts = []
    for steps, step in ((200, 0.0005), (400, 0.00025)):
        session.run(f"timestep {step}", "run 0")
        before = session.thermo("econserve")
        session.run(f"run {steps}")
        drifts.append(abs(session.thermo("econserve") - before))
    assert max(drifts) < 2e-3 * 16  # eV


def test_atoms_can_be_deleted_added_displaced_and_swapped_between_runs(session):
    potential = random_potential(["Si", "Ge"], seed=21, n2=2, n3=2, cutoff=4.5)
    write(potential, session.folder / "p.snnp")
    atoms = alternating(shaken(bulk("Si", "diamond", a=5.43, cubic=True).repeat((2, 1, 1)), seed=8), ["Si", "Ge"])
    commands = f"pair_style snnp\npair_coeff * * {session.folder}/p.snnp Si Ge\n"
    session.start(lmp.in_lammps_frame(atoms), ["Si", "Ge"], commands, HEAD)
    for change in (
        "group gone id 3 7 8\ndelete_atoms group gone compress yes",
        "create_atoms 2 single 0.3 4.4 1.2",
        "displace_atoms all random 0.1 0.1 0.1 987",
        "set atom 1*4 type 2",
        "change_box all triclinic x scale 0.98 xy final 0.4 remap units box",
        "replicate 1 2 1",
    ):
        session.run(change, "run 0")
        assert_right(session, potential, ["Si", "Ge"])
    types = session.of_atoms("type")
    session.run("fix swap all atom/swap 1 20 12345 30000 ke no types 1 2", "run 3", "unfix swap", "run 0")
    assert (session.of_atoms("type") != types).any()
    assert_right(session, potential, ["Si", "Ge"])


def test_an_atom_that_leaves_leaves_the_others_as_they_were(session):
    """It is lost at the wall of the box; what stays is alone, with the energy of an isolated atom."""
    write(silicon(), session.folder / "Si.snnp")
    box = "region box block 0 9 0 9 0 9\ncreate_box 1 box\ncreate_atoms 1 single 1 4 4\ncreate_atoms 1 single 4 4 4"
    pair = f"mass 1 28.0855\npair_style snnp\npair_coeff * * {session.folder}/Si.snnp Si"
    session.run("clear", "units metal\nboundary f f f\natom_modify map array", box, pair)
    session.run(
        "thermo_modify lost ignore norm no", "group fast id 1", "velocity fast set -100 0 0", "fix move all nve"
    )
    session.run("run 100", "run 0")
    assert session.lmp.get_natoms() == 1
    assert session.thermo("pe") == silicon().elements[0].e0


def test_rerun_gives_the_energies_of_the_run(session, crystal):
    session.run("thermo_style custom step pe press", "fix move all nve")
    session.run("dump d all custom 10 FOLDER/run.dump id type x y z", "dump_modify d format float %.17g sort id")
    energies = []
    for _ in range(4):
        session.run("run 10")
        energies.append(session.thermo("pe"))
    session.run("undump d", "unfix move", "variable pe equal pe")
    session.run('fix print all print 10 "${pe}" file FOLDER/rerun.txt screen no')
    session.run("rerun FOLDER/run.dump first 10 dump x y z box yes")
    np.testing.assert_allclose(np.loadtxt(session.folder / "rerun.txt")[-4:], energies, rtol=1e-5)  # printed %g
    assert session.thermo("pe") == pytest.approx(energies[-1], abs=16 * ENERGY)


def test_the_dynamical_matrix_is_the_second_derivative(session, crystal):
    session.run("mass * 1.0", "neighbor 1.0 bin", "run 0")
    session.run("dynamical_matrix all regular 1.0e-5 file FOLDER/matrix.dat", "run 0")
    matrix = np.loadtxt(session.folder / "matrix.dat").reshape(48, 48)
    calculator, right = SNNP(silicon()), np.zeros((48, 48))
    for n in range(48):
        for sign in (1, -1):
            moved = crystal.copy()
            moved.positions.flat[n] += sign * STEP
            right[n] -= sign * calculator.get_forces(moved).flatten() / (2 * STEP)
    np.testing.assert_allclose(matrix, right, atol=1e3 * DIFFERENCE, rtol=0)  # forces to 1e-12 over steps of 1e-5


def test_fix_numdiff_agrees_with_forces_and_virial(session, crystal):
    session.run(
        "velocity all set 0 0 0", "fix slopes all numdiff 1 1e-4", "fix strain all numdiff/virial 1 1e-5", "run 0"
    )
    np.testing.assert_allclose(session.fix("slopes"), session.of_atoms("f"), atol=1e-5, rtol=0)
    by_strain = [session.lmp.extract_fix("strain", 0, 1, n) for n in range(6)]
    pressure = [session.thermo(f"p{k}") for k in ("xx", "yy", "zz", "yz", "xz", "xy")]
    np.testing.assert_allclose(by_strain, pressure, atol=1.0, rtol=0)  # bar, of some 1e4


def test_stresses_of_atoms_are_those_of_the_calculator(session, crystal):
    session.run("compute s all stress/atom NULL virial", "compute sum all reduce sum c_s[1]")
    session.run("thermo_style custom step pe c_sum", "run 0")
    in_voigts_order = session.compute("s")[:, [0, 1, 2, 5, 4, 3]] / BAR  # V σ, eV
    stresses = SNNP(silicon(), threads=1).get_stresses(session.atoms(["Si"]))
    assert np.abs(in_voigts_order).max() > 0.1
    np.testing.assert_allclose(stresses * crystal.get_volume(), in_voigts_order, atol=VIRIAL, rtol=0)


def test_the_heat_flux_is_that_of_a_many_body_potential(session):
    """J = d/dt Σ r_i E_i, by differences along the velocities, in a cluster, where it is defined without doubt.

    An energy sits on its central atom; half of the work between two atoms is not what flows between them.
    """
    write(silicon(), session.folder / "Si.snnp")
    atoms = shaken(bulk("Si", "diamond", a=5.43, cubic=True), 0.1, seed=4)
    atoms.set_cell(16 * np.eye(3))
    atoms.pbc = False
    atoms.positions += 5
    session.start(atoms, ["Si"], f"pair_style snnp\npair_coeff * * {session.folder}/Si.snnp Si\n{WARM}", HEAD)
    session.run("compute k all ke/atom", "compute e all pe/atom", "compute w all centroid/stress/atom NULL virial")
    session.run("compute j all heat/flux k e w", "thermo_style custom step pe c_j[*]", "run 0")
    found = session.lmp.numpy.extract_compute("j", 0, 1)[:3]

    velocities, h = session.of_atoms("v"), 1e-5  # Å/ps; ps
    before, after = (np.zeros(3), np.zeros(3))
    for sign, moments in ((-1, before), (1, after)):
        moved = session.atoms(["Si"])
        moved.positions += sign * h * velocities
        moments += moved.positions.T @ reference.evaluate(silicon(), moved).energies
    kinetic = 0.5 * MASS_VELOCITY_SQUARED * 28.0 * (velocities**2).sum(1)
    power = (session.of_atoms("f") * velocities).sum(1)  # by which kinetic energies change
    right = (after - before) / (2 * h) + velocities.T @ kinetic + session.atoms(["Si"]).positions.T @ power
    assert np.abs(right).max() > 1
    np.testing.assert_allclose(found, right, atol=1e-5 * np.abs(right).max(), rtol=0)


MASS_VELOCITY_SQUARED = 1.0364269e-4  # g/mol (Å/ps)² in eV, as LAMMPS has it

RESPA = "run_style respa 2 2 inner 1 3.0 4.0 outer 2\nfix move all nve\nrun 1"
REFUSED = {
    "compute g all group/group all\nrun 0": "Pair style does not support compute group/group",
    "compute p all pair/local eng\nrun 0": "Pair style does not support compute pair/local",
    "compute b all born/matrix\nrun 0": "Pair style snnp does not support compute born/matrix",
    "compute t all pe/tally all\nrun 0": "Pair style snnp does not support compute pe/tally",
    "compute t all heat/flux/tally all\nrun 0": "Pair style snnp does not support compute heat/flux/tally",
    "pair_write 1 1 10 r 1 4 table x": "Pair style snnp does not support pair_write",
    RESPA: "Pair style does not support rRESPA inner/middle/outer",
}


@pytest.mark.parametrize("commands", REFUSED)
def test_what_a_many_body_potential_cannot_do_is_refused(tmp_path, commands):
    write(silicon(), tmp_path / "Si.snnp")
    box = "units metal\nlattice diamond 5.43\nregion box block 0 2 0 2 0 2\ncreate_box 1 box\ncreate_atoms 1 box\n"
    pair = "mass 1 28\npair_style snnp\npair_coeff * * Si.snnp Si\n"
    assert lmp.error(box + pair + commands, tmp_path) == REFUSED[commands]
