"""Atoms that LAMMPS takes away or puts in on trial: energies are those with and without them."""

import numpy as np
import pytest
from ase.build import bulk

import run_lammps as lmp
from snnp import reference
from support import alternating, random_potential, shaken, silicon, write

# As in test_lammps_parity.py.
ENERGY = 1e-10  # eV/atom
FORCE = 1e-9  # eV/Å

ELEMENTS = ["Si", "Ge"]
KB = 8.617333262e-5  # eV/K
DENSITY = 1.0e-6  # atoms/Å³
SIDE = 200.0  # Å
TEMPERATURE = 10000.0  # K: 0.86 eV. A bond of 2.2 eV then makes a second virial coefficient of some 1e2 Å³ …
EXPECTED = DENSITY * SIDE**3  # … which changes this by 1e-4 of it

GAS = f"""
units metal
neighbor 2.0 nsq
region box block 0 {SIDE} 0 {SIDE} 0 {SIDE}
create_box 1 box
mass 1 28.0855
pair_style snnp extrapolation ignore e0 {{e0}}
pair_coeff * * Si.snnp Si
"""
WAVELENGTH = 17.458 / np.sqrt(28.0855 * TEMPERATURE)  # Å: h/√(2π m kT)
IDEAL = KB * TEMPERATURE * np.log(DENSITY * WAVELENGTH**3)  # eV
PRESSURE = KB * TEMPERATURE * DENSITY * lmp.BAR  # bar


@pytest.fixture
def folder(tmp_path):
    write(silicon(), tmp_path / "Si.snnp")
    return tmp_path


EXCLUSIONS = {
    "a group from all": "group gone id 3 4 7\nneigh_modify exclude group gone all",
    "all from a group": "group gone id 3 4 7\nneigh_modify exclude group all gone",
    "by two groups": "group one id 3\ngroup two id 4 7\nneigh_modify exclude group one all exclude group two all",
    "a type from all types": "set atom 3 type 3\nset atom 4 type 3\nset atom 7 type 3\n"
    "neigh_modify exclude type 1 3 exclude type 2 3 exclude type 3 3",
}


@pytest.mark.parametrize("exclusion", EXCLUSIONS)
def test_atoms_excluded_from_all_others_are_not_there(session, exclusion):
    potential = random_potential(ELEMENTS, seed=21, n2=2, n3=2, cutoff=4.5)
    write(potential, session.folder / "p.snnp")
    crystal = alternating(shaken(bulk("Si", "diamond", a=5.43, cubic=True), seed=8), ELEMENTS)
    crystal = lmp.in_lammps_frame(crystal)
    gone = np.isin(np.arange(8), [2, 3, 6])
    pair = f"pair_style snnp\npair_coeff * * {session.folder}/p.snnp Si Ge Si"
    session.start(crystal, [*ELEMENTS, "Xe"], pair, "units metal\natom_modify map array")
    session.run("compute e all pe/atom", "compute sum all reduce sum c_e", "thermo_style custom step pe c_sum press")
    session.run("compute far all pair snnp", EXCLUSIONS[exclusion], "run 0")
    right = reference.evaluate(potential, crystal[~gone])
    assert session.thermo("pe") == pytest.approx(right.energy, abs=8 * ENERGY, rel=0)
    np.testing.assert_allclose(session.of_atoms("f")[~gone], right.forces, atol=FORCE, rtol=0)
    np.testing.assert_allclose(session.compute("e")[~gone], right.energies, atol=ENERGY, rtol=0)
    assert not session.of_atoms("f")[gone].any()
    assert not session.compute("e")[gone].any()
    session.run("neigh_modify exclude none", "run 0")
    assert (session.compute("e")[gone] != 0).all()


# A gas so thin that N atoms have the energy N e0 and ⟨N⟩ = V/Λ³ exp((μ − e0)/kT) = pV/kT. After every 20 attempts to
# insert or to delete, N has forgotten what it was; 4000 values with a variance of ⟨N⟩ = 8 have a mean to within 0.05.
RESERVOIRS = {
    "the chemical potential counts e0": ("yes", -0.5, f"{IDEAL - 0.5} 0.01"),
    "the chemical potential counts from isolated atoms": ("no", 0.0, f"{IDEAL} 0.01"),
    "the pressure of an ideal gas, whose atoms have no energy": ("no", 0.0, f"0 0.01 pressure {PRESSURE}"),
}


@pytest.mark.parametrize("reservoir", RESERVOIRS)
def test_gcmc_of_a_thin_gas_has_the_density_of_an_ideal_one(folder, reservoir):
    e0, energy_of_atom, which = RESERVOIRS[reservoir]
    assert silicon().elements[0].e0 == -0.5
    deck = GAS.format(e0=e0) + f"fix mc all gcmc 1 20 0 1 4711 {TEMPERATURE} {which}"
    deck += """
    variable n equal atoms
    fix mean all ave/time 1 4000 4050 v_n
    thermo_style custom step atoms pe f_mean
    thermo_modify norm no
    thermo 4050
    run 4050
    """
    _, atoms, energy, mean = lmp.thermo(lmp.output(deck, folder))[-1]
    assert mean == pytest.approx(EXPECTED, abs=0.25)
    assert energy == pytest.approx(energy_of_atom * atoms, abs=1e-6)


@pytest.mark.parametrize("e0, energy", [("yes", -0.5), ("no", 0.0)])
def test_widom_finds_the_energy_of_an_atom_far_from_others(folder, e0, energy):
    deck = GAS.format(e0=e0) + "create_atoms 1 single 1 1 1\n"
    deck += f"fix insert all widom 1 100 1 29494 {TEMPERATURE}\nthermo_style custom step f_insert[1]\nrun 2\n"
    assert lmp.thermo(lmp.output(deck, folder))[-1, 1] == pytest.approx(energy, abs=1e-6)


@pytest.mark.parametrize("e0", ["yes", "no"])
def test_swaps_of_isolated_atoms_cost_the_difference_of_their_energies(folder, e0):
    """If chemical potentials make up for it, every attempt of `fix atom/swap` succeeds."""
    potential = random_potential(ELEMENTS)
    write(potential, folder / "p.snnp")
    mu = [e.e0 if e0 == "yes" else 0.0 for e in potential.elements]
    swap = "fix mc all atom/swap 1 50 29494 300 ke no semi-grand yes types 1 2 mu {} {}"
    deck = f"""
    units metal
    region box block 0 40 0 40 0 40
    create_box 2 box
    create_atoms 1 single 10 10 10
    create_atoms 2 single 30 30 30
    mass * 28.0855
    pair_style snnp e0 {e0}
    pair_coeff * * p.snnp Si Ge
    {swap.format(*mu)}
    thermo_style custom step f_mc[1] f_mc[2]
    run 10
    """
    _, attempts, successes = lmp.thermo(lmp.output(deck, folder))[-1]
    assert attempts == successes == 500
