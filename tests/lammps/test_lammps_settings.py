"""Whatever a deck sets around the pair style, energy and forces are those of the formulas."""

from functools import cache

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import run_lammps as lmp
from snnp import reference
from support import alternating, random_potential, shaken, write

# As in test_lammps_parity.py.
ENERGY = 1e-10  # eV/atom
FORCE = 1e-9  # eV/Å
VIRIAL = 1e-8  # eV/atom
KCAL_PER_MOL = 23.060549  # eV in units real, as LAMMPS has it
ATM = 68568.415  # kcal/mol/Å³ in atm

ELEMENTS = ["Si", "Ge"]
HEAD = "units metal\natom_modify map array\nbox tilt large"
BY_ATOM = """
compute e all pe/atom
compute s all stress/atom NULL virial
compute sums all reduce sum c_e c_s[1]
thermo_style custom step pe press c_sums[*]
thermo_modify norm no
"""
WATCH = f"""{BY_ATOM}
compute c all centroid/stress/atom NULL virial
compute more all reduce sum c_c[1]
thermo_style custom step pe press c_sums[*] c_more
thermo_modify norm no
"""


@cache
def potential():
    return random_potential(ELEMENTS, seed=21, n2=2, n3=2, cutoff=4.5, uniform=False)


@cache
def crystal(elements=tuple(ELEMENTS)):
    """Sixteen atoms in a skewed cell, elements in turn."""
    atoms = bulk("Si", "diamond", a=5.43, cubic=True).repeat((2, 1, 1))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + [[0.02, 0.05, -0.04], [0, -0.03, 0.06], [0, 0, 0.01]]), True)
    return lmp.in_lammps_frame(alternating(shaken(atoms, seed=8), list(elements)))


@pytest.fixture
def pair(session):
    """The commands for potential() with elements named for each type."""
    write(potential(), session.folder / "p.snnp")

    def commands(*elements, style="pair_style snnp"):
        return f"{style}\npair_coeff * * {session.folder}/p.snnp {' '.join(elements)}"

    return commands


def assert_right(session, elements, right=None, unit=1.0):
    """Energy, forces and energies of atoms as they stand now."""
    right = right or reference.evaluate(potential(), session.atoms(elements))
    n = len(right.energies)
    assert session.thermo("pe") == pytest.approx(unit * right.energy, abs=unit * ENERGY * n, rel=0)
    np.testing.assert_allclose(session.of_atoms("f"), unit * right.forces, atol=unit * FORCE, rtol=0)
    return right


def virial(session, bar=lmp.BAR):
    """xx yy zz xy xz yz from the pressure, in the unit of energy."""
    volume = session.thermo("vol")
    return np.array([session.thermo(f"p{k}") for k in ("xx", "yy", "zz", "xy", "xz", "yz")]) * volume / bar


@pytest.mark.parametrize("suffix", ["off", "omp"])
def test_a_run_of_no_steps_repeats_itself_and_a_restart_and_a_data_file_bring_it_back(session, pair, suffix):
    """The list of LAMMPS' own tests of its force styles, as far as it applies."""
    session.start(crystal(), ELEMENTS, f"suffix {suffix}\n{pair(*ELEMENTS)}{WATCH}", HEAD)
    session.run("run 0")
    right = assert_right(session, ELEMENTS)
    first, pressure = session.of_atoms("f"), virial(session)
    np.testing.assert_allclose(pressure, right.virial.flatten()[[0, 4, 8, 1, 2, 5]], atol=16 * VIRIAL, rtol=0)
    np.testing.assert_allclose(session.compute("e"), right.energies, atol=ENERGY, rtol=0)
    by_atom = -session.compute("s").sum(0) / lmp.BAR, -session.compute("c").sum(0)[:6] / lmp.BAR
    for sum_over_atoms in by_atom:
        np.testing.assert_allclose(sum_over_atoms, pressure, atol=16 * VIRIAL, rtol=0)
    session.run("run 0")
    np.testing.assert_allclose(session.of_atoms("f"), first, atol=FORCE, rtol=0)
    session.run("pair_modify nofdotr", "run 0")
    np.testing.assert_allclose(virial(session), pressure, atol=16 * VIRIAL, rtol=0)
    session.run("write_restart FOLDER/r.restart", "write_data FOLDER/w.data nocoeff")
    for read in ("read_restart FOLDER/r.restart", "read_data FOLDER/w.data"):
        session.run("clear", HEAD, read, pair(*ELEMENTS), WATCH, "run 0")
        np.testing.assert_allclose(session.of_atoms("f"), first, atol=FORCE, rtol=0)
        assert_right(session, ELEMENTS)
    session.run("suffix off")


def test_several_types_may_be_one_element_in_any_order(session, pair):
    symbols = ["C", "Si", "Ge", "Sn"]
    atoms = crystal(tuple(symbols))
    elements = ["Ge", "Si", "Ge", "Si"]
    session.start(atoms, symbols, pair(*elements), HEAD)
    session.run("run 0")
    assert set(session.of_atoms("type")) == {1, 2, 3, 4}
    assert_right(session, elements)


@pytest.mark.parametrize("element", ELEMENTS)
def test_a_run_may_have_one_element_of_a_potential_for_two(session, pair, element):
    session.start(crystal((element,)), [element], pair(element), HEAD)
    session.run("run 0")
    assert_right(session, [element])


def test_several_instances_live_in_one_process(session, pair):
    other = lmp.Session(session.folder)
    session.start(crystal(), ELEMENTS, pair(*ELEMENTS), HEAD)
    other.start(crystal(("Ge",)), ["Ge"], pair("Ge"), HEAD)
    session.run("run 0")
    other.run("run 0")
    assert_right(session, ELEMENTS)
    assert_right(other, ["Ge"])
    other.lmp.close()
    session.run("run 0")
    assert_right(session, ELEMENTS)


def test_a_second_pair_coeff_replaces_the_first(session, pair):
    session.start(crystal(), ELEMENTS, pair(*ELEMENTS), HEAD)
    session.run("run 0", pair("Ge", "Ge", style=""), "run 0")
    assert_right(session, ["Ge", "Ge"])


# Other pair styles that act on all pairs at once with this one, and what each needs before and after.
PARTNERS = {
    "zbl": ("zbl 1.5 3.0", "pair_coeff 1 1 zbl 14 14\npair_coeff 1 2 zbl 14 32\npair_coeff 2 2 zbl 32 32"),
    "coul/cut": ("coul/cut 5.0", "pair_coeff * * coul/cut"),
    "coul/dsf": ("coul/dsf 0.1 6.0", "pair_coeff * * coul/dsf"),
    "coul/long": ("coul/long 6.0", "pair_coeff * * coul/long\nkspace_style ewald 1e-6"),
    "lj/cut": ("lj/cut 4.0", "pair_coeff * * lj/cut 0.01 2.2"),
}
CHARGES = "set type 1 charge 0.4\nset type 2 charge -0.4"
CHARGED = HEAD + "\natom_style charge"


@pytest.mark.parametrize("partner", PARTNERS)
def test_an_overlay_adds_what_the_other_style_says_alone(session, pair, partner):
    style, coeff = PARTNERS[partner]
    charged = crystal().copy()
    charged.set_initial_charges(np.zeros(len(charged)))
    alone = f"pair_style hybrid {style}\n{coeff}\n{CHARGES}{BY_ATOM}"
    results = []
    snnp = pair(*ELEMENTS, style=f"pair_style hybrid/overlay snnp {style}").replace("* * ", "* * snnp ")
    for commands in (alone, f"{snnp}\n{coeff}\n{CHARGES}{BY_ATOM}"):
        session.start(charged, ELEMENTS, commands, CHARGED)
        session.run("run 0")
        results.append((session.thermo("pe"), session.of_atoms("f"), virial(session), session.compute("e")))
        results[-1] += (session.compute("s"),)
    (energy, forces, pressure, energies, _), together = results
    right = reference.evaluate(potential(), charged)
    assert together[0] == pytest.approx(energy + right.energy, abs=16 * ENERGY, rel=0)
    np.testing.assert_allclose(together[1], forces + right.forces, atol=FORCE, rtol=0)
    right_virial = right.virial.flatten()[[0, 4, 8, 1, 2, 5]]
    np.testing.assert_allclose(together[2], pressure + right_virial, atol=16 * VIRIAL, rtol=0)
    np.testing.assert_allclose(together[3], energies + right.energies, atol=ENERGY, rtol=0)
    np.testing.assert_allclose(-together[4].sum(0) / lmp.BAR, together[2], atol=16 * VIRIAL, rtol=0)


def test_hybrid_scaled_scales(session, pair):
    lines = ["pair_style hybrid/scaled 0.25 snnp 0.5 snnp"]
    lines += [f"pair_coeff * * snnp {n} {session.folder}/p.snnp Si Ge" for n in (1, 2)]
    session.start(crystal(), ELEMENTS, pair(*ELEMENTS) + WATCH, HEAD)
    session.run("run 0")
    once = session.thermo("pe"), session.of_atoms("f"), session.compute("s"), session.compute("c")
    session.run(*lines, "run 0")
    scaled = session.thermo("pe"), session.of_atoms("f"), session.compute("s"), session.compute("c")
    tolerances = 16 * ENERGY, FORCE, VIRIAL * lmp.BAR, VIRIAL * lmp.BAR
    for found, right, tolerance in zip(scaled, once, tolerances, strict=True):
        np.testing.assert_allclose(found, 0.75 * right, atol=tolerance, rtol=0)


def test_each_half_of_a_hybrid_sees_its_own_types_only(session, pair):
    """Two instances, one for silicon and one for germanium, with nothing between them."""
    snnp = ["pair_style hybrid snnp snnp zero 5.0"]
    snnp += [f"pair_coeff * * snnp {n} {session.folder}/p.snnp {e}" for n, e in ((1, "Si NULL"), (2, "NULL Ge"))]
    session.start(crystal(), ELEMENTS, "\n".join([*snnp, "pair_coeff 1 2 zero"]), HEAD)
    session.run("run 0")
    atoms = crystal()
    assert_parts(session, atoms, [atoms.symbols == "Si", atoms.symbols == "Ge"])


def assert_parts(session, atoms, parts):
    """Energy and forces are those of parts that do not see each other."""
    energy, forces = 0, np.zeros((len(atoms), 3))
    for part in parts:
        right = reference.evaluate(potential(), atoms[part])
        energy += right.energy
        forces[part] = right.forces
    assert session.thermo("pe") == pytest.approx(energy, abs=ENERGY * len(atoms), rel=0)
    np.testing.assert_allclose(session.of_atoms("f"), forces, atol=FORCE, rtol=0)


def test_excluded_pairs_do_not_see_each_other(session, pair):
    session.start(crystal(), ELEMENTS, pair(*ELEMENTS), HEAD)
    session.run("neigh_modify exclude type 1 2", "run 0")
    atoms = crystal()
    assert_parts(session, atoms, [atoms.symbols == "Si", atoms.symbols == "Ge"])
    # Pairs within a group, as for a frozen layer: no longer parts, but forces are still slopes of the energy.
    session.run("neigh_modify exclude none", "group frozen id 1:6", "neigh_modify exclude group frozen frozen")
    session.run("fix slopes all numdiff 1 1e-5", "run 0")
    np.testing.assert_allclose(session.of_atoms("f"), session.fix("slopes"), atol=DIFFERENCE, rtol=0)


# h²/6 of a third derivative of up to 1e4 eV/Å³ with h = 1e-5 Å, and rounding of 1e2 eV over h.
DIFFERENCE = 1e-5  # eV/Å

NEIGHBOR = {
    "no skin": "neighbor 0.0 bin",
    "a wide skin": "neighbor 3.0 bin",
    "no bins": "neighbor 1.0 nsq",
    "multi": "neighbor 1.0 multi",
    "small bins": "neighbor 1.0 bin\nneigh_modify binsize 1.0",
    "a large cluster": "neigh_modify one 10000 page 200000 cluster yes",
    "ghosts from afar": "comm_modify cutoff 12.0",
    "tiled": "comm_style tiled\nneighbor 0.3 bin",
}


@pytest.mark.parametrize("setting", NEIGHBOR)
def test_neighbor_lists_may_be_made_in_any_way(session, pair, setting):
    session.start(crystal(), ELEMENTS, pair(*ELEMENTS), HEAD)
    session.run(NEIGHBOR[setting], "run 0")
    assert_right(session, ELEMENTS)


@pytest.mark.parametrize("boundary", ["f f f", "s s s", "m m m", "p f s", "p p m"])
def test_boundaries_of_all_kinds(session, pair, boundary):
    atoms = alternating(shaken(bulk("Si", "diamond", a=5.43, cubic=True), seed=2), ELEMENTS)
    atoms.set_cell(atoms.cell.array + 4 * np.eye(3))
    atoms.positions += 2
    session.start(atoms, ELEMENTS, pair(*ELEMENTS), f"units metal\nboundary {boundary}")
    session.run("run 0")
    right = session.atoms(ELEMENTS)
    assert list(right.pbc) == [kind == "p" for kind in boundary.split()]
    assert_right(session, ELEMENTS)


def test_units_real_are_converted_to(session, pair):
    session.start(crystal(), ELEMENTS, pair(*ELEMENTS) + WATCH, HEAD.replace("metal", "real"))
    session.run("run 0")
    right = assert_right(session, ELEMENTS, unit=KCAL_PER_MOL)
    np.testing.assert_allclose(session.compute("e"), KCAL_PER_MOL * right.energies, atol=KCAL_PER_MOL * ENERGY, rtol=0)
    right_virial = KCAL_PER_MOL * right.virial.flatten()[[0, 4, 8, 1, 2, 5]]
    for commands in ("", "pair_modify nofdotr"):
        session.run(commands, "run 0")
        np.testing.assert_allclose(virial(session, ATM), right_virial, atol=16 * KCAL_PER_MOL * VIRIAL, rtol=0)


def test_atoms_without_ids_and_in_other_atom_styles(session, pair):
    atoms = Atoms("SiGe", [[1, 1, 1], [3, 1.2, 1]], cell=[9, 9, 9], pbc=True)
    box = "region box block 0 9 0 9 0 9\ncreate_box 2 box\ncreate_atoms 1 single 1 1 1\ncreate_atoms 2 single 3 1.2 1"
    right = reference.evaluate(potential(), atoms)
    for head in ("newton on off", "atom_modify id no", "atom_style charge", "atom_style full", "atom_style sphere"):
        mass = "" if "sphere" in head else "mass * 28.0"
        session.run("clear", "units metal", head, box, mass, pair(*ELEMENTS), "run 0")
        assert session.thermo("pe") == pytest.approx(right.energy, abs=2 * ENERGY, rel=0)


def test_special_bonds_of_weight_zero_take_pairs_out_and_others_do_nothing(session, pair):
    atoms = Atoms("SiGe", [[1, 1, 1], [3, 1.2, 1]], cell=[9, 9, 9], pbc=True)
    box = "region box block 0 9 0 9 0 9\ncreate_box 2 box bond/types 1 extra/bond/per/atom 1 extra/special/per/atom 1"
    bond = "create_atoms 1 single 1 1 1\ncreate_atoms 2 single 3 1.2 1\nbond_style zero\nbond_coeff 1\nmass * 28.0"
    session.run("clear", "units metal", "atom_style full", box, bond, pair(*ELEMENTS), "create_bonds single/bond 1 1 2")
    together = reference.evaluate(potential(), atoms).energy
    apart = sum(e.e0 for e in potential().elements)
    for weight, energy in ((0.0, apart), (0.5, together), (1.0, together)):
        session.run(f"special_bonds lj/coul {weight} {weight} {weight}", "run 0")
        assert session.thermo("pe") == pytest.approx(energy, abs=2 * ENERGY, rel=0)


def test_a_very_tilted_box_is_the_same_crystal(session, pair):
    """Three cell vectors further along x and y than LAMMPS would choose; each holds the same lattice."""
    atoms = crystal().copy()
    right = reference.evaluate(potential(), atoms)
    cell = atoms.cell.array.copy()
    cell[1] += 2 * cell[0]
    cell[2] += 3 * cell[1] - 4 * cell[0]
    atoms.set_cell(cell)
    session.start(atoms, ELEMENTS, pair(*ELEMENTS), HEAD)
    session.run("run 0")
    assert abs(session.lmp.extract_box()[2]) > 20
    assert_right(session, ELEMENTS, right)


def test_atoms_that_enter_are_there(session, pair):
    session.start(crystal(), ELEMENTS, pair(*ELEMENTS), HEAD)
    session.run("region all block 2 8 1 4 1 4", "timestep 1e-6", "fix move all nve")
    session.run("fix rain all deposit 3 2 2 1234 region all near 1.0 attempt 1000", "run 10", "run 0")
    assert session.lmp.get_natoms() == 19
    assert_right(session, ELEMENTS)
