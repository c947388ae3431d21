"""Structures in which symmetry fixes all atomic energies are found, and a fit is watched and improved by them."""

import csv

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc100
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from typer.testing import CliRunner

from fitting import QUICK, assignments
from run_lammps import Session, in_lammps_frame
from snnp import _core
from snnp.cli import fit_app
from snnp.data import from_atoms
from snnp.data.neighbors import NeighborLists
from snnp.mapping.environments import Descriptors, Reach
from snnp.mapping.invariant import find_invariant_points
from snnp.mapping.monitor import Monitor
from teacher import potential_file

REACH = Reach(6.0, 4.5)


def frames_of(*structures, energy=-1.0):
    """Labelled with an energy only."""
    for atoms in structures:
        atoms.calc = SinglePointCalculator(atoms, energy=energy)
    return from_atoms(structures, "here").frames


def found_in(*structures):
    frames = frames_of(*structures)
    elements = sorted({symbol for atoms in structures for symbol in atoms.symbols})
    lists = NeighborLists(elements, REACH.pairs, keep=False)
    return find_invariant_points(frames, Descriptors(elements, REACH), lists)


def strained(atoms, size=0.05, seed=0):
    """Under a general strain and turned: no symmetry is left but that of the lattice."""
    rng = np.random.default_rng(seed)
    atoms = atoms.copy()
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.uniform(-size, size, (3, 3))), scale_atoms=True)
    return atoms


CRYSTALS = [bulk("Mo", cubic=True), bulk("Si"), bulk("Mg"), bulk("Cu").repeat(2)]


@pytest.mark.parametrize("crystal", CRYSTALS, ids=["bcc", "diamond", "hcp", "fcc"])
def test_crystals_of_one_site_are_invariant_points_under_any_strain(crystal):
    """One atom in a primitive cell, or two that an inversion exchanges: homogeneous strain keeps both."""
    points = found_in(crystal, *(strained(crystal, seed=n) for n in range(3)))
    assert len(points) == 4
    assert all(point.by_symmetry for point in points)


def test_strained_crystals_have_the_name_of_the_crystal():
    names = {point.name for point in found_in(bulk("Si"), *(strained(bulk("Si"), 0.02, n) for n in range(3)))}
    assert names == {"diamond Si"}


def test_molecules_whose_atoms_are_alike_are_invariant_points():
    corners = np.array([[0, 0, 0], [1, 1, 0], [1, 0, 1], [0, 1, 1]]) * 1.7
    dimer, chain = Atoms("Si2", [[0, 0, 0], [0, 0, 2.4]]), Atoms("Si3", [[0, 0, 0], [0, 0, 2.4], [0, 0, 4.8]])
    boxed = Atoms("Si2", [[0, 0, 0], [1, 1, 2.0]], cell=[15, 16, 17], pbc=True)
    points = found_in(dimer, chain, boxed, Atoms("Si4", corners), Atoms("Si3", corners[:3]))
    assert [point.name for point in points] == ["dimer Si", "dimer Si", "tetramer Si", "trimer Si"]


def test_defects_surfaces_and_shaken_crystals_are_none():
    vacancy = bulk("Cu", cubic=True).repeat(2)
    del vacancy[0]
    shaken = bulk("Cu", cubic=True)
    shaken.rattle(0.05, seed=1)
    slab = fcc100("Cu", (1, 1, 5), vacuum=6.0)
    slab.pbc = True
    assert not found_in(vacancy, shaken, slab)


def test_two_layers_are_an_invariant_point():
    """A mirror exchanges both surfaces."""
    slab = fcc100("Cu", (1, 1, 2), vacuum=6.0)
    slab.pbc = True
    assert len(found_in(slab)) == 1


def test_of_a_compound_the_sum_is_known():
    L1_2 = Atoms("AlNi3", scaled_positions=[(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)], cell=[3.57] * 3,
                 pbc=True)  # fmt: skip
    (point,) = found_in(L1_2)
    assert point.known == "E(Al) + 3 E(Ni)"
    (salt,) = found_in(bulk("NaCl", "rocksalt", a=5.64))
    assert salt.known == "E(Na) + E(Cl)"
    ordered = L1_2.copy()
    ordered.symbols[1] = "Al"
    assert len(found_in(ordered)) == 1  # L1_0
    three = L1_2.copy().repeat((2, 1, 1))
    three.symbols[4] = "Ni"  # nickel on two kinds of sites
    assert not found_in(three)


def test_frames_without_an_energy_or_with_forces_of_two_sizes_are_none():
    """Equivalent atoms feel forces of equal size: other labels belong to another structure."""
    atoms = bulk("Cu", cubic=True)
    forces = np.zeros((4, 3))
    forces[0, 0] = 0.3
    atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=forces)
    unknown = bulk("Cu")
    unknown.calc = SinglePointCalculator(unknown, forces=np.zeros((1, 3)))
    lists = NeighborLists(["Cu"], REACH.pairs, keep=False)
    frames = from_atoms([atoms, unknown], "here").frames
    assert not find_invariant_points(frames, Descriptors(["Cu"], REACH), lists)


def test_descriptors_do_not_depend_on_orientation_but_on_elements():
    atoms = bulk("NaCl", "rocksalt", a=5.64).repeat(2)
    atoms.rattle(0.2, seed=2)
    turned = atoms.copy()
    turned.rotate(37, (1, 2, 3), rotate_cell=True)
    turned.set_cell(-turned.cell.array)
    turned.positions *= -1
    swapped = atoms.copy()
    swapped.symbols[3], swapped.symbols[4] = swapped.symbols[4], swapped.symbols[3]
    lists, descriptors = NeighborLists(["Na", "Cl"], 6.0, keep=False), Descriptors(["Na", "Cl"], REACH)
    G, same, other = (descriptors(lists.of(a)) for a in (atoms, turned, swapped))
    np.testing.assert_allclose(G, same, atol=1e-9 * np.abs(G).max())
    assert np.abs(G[0] - other[0]).max() > 0.01 * np.abs(G).max()


def test_teachers_of_known_atomic_energies_have_the_mean_at_invariant_points(tmp_path):
    """For an EAM, LAMMPS' compute pe/atom gives the energy of each atom: E/N in a strained crystal, not in a slab."""
    pair = f"pair_style eam\npair_coeff * * {potential_file('Cu_u3.eam')}"
    session = Session(tmp_path)

    def spread(atoms):
        session.start(in_lammps_frame(atoms), ["Cu"], pair)
        session.run("compute e all pe/atom", "run 0")
        energies = session.compute("e")
        return np.abs(energies - session.thermo("pe") / len(atoms)).max()

    slab = fcc100("Cu", (1, 1, 5), vacuum=6.0)
    slab.pbc = True
    assert spread(strained(bulk("Cu", cubic=True))) < 1e-9  # rounding of 4 eV
    assert spread(slab) > 0.1


# -- fits ---------------------------------------------------------------------------------------------------------


def labelled(atoms, group):
    atoms.calc = EMT()
    results = {name: atoms.calc.get_property(name, atoms) for name in ("energy", "forces")}
    atoms.calc = SinglePointCalculator(atoms, **results)
    atoms.info = {"config_type": group}
    return atoms


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Shaken slabs of copper in slabs.xyz, strained crystals in crystals.xyz."""
    folder = tmp_path_factory.mktemp("copper")
    slabs = [fcc100("Cu", (2, 2, 4), vacuum=5.0, periodic=True) for _ in range(8)]
    for n, slab in enumerate(slabs):
        slab.rattle(0.1, seed=n)
    ase.io.write(folder / "slabs.xyz", [labelled(slab, "slab") for slab in slabs])
    ase.io.write(
        folder / "crystals.xyz", [labelled(strained(bulk("Cu", cubic=True), seed=n), "bulk") for n in range(4)]
    )
    return folder


NETWORK = {**QUICK, "training.steps": 40, "loss.stress": 0}
EAM = {"model.kind": "eam", "model.pair_cutoff": 4.5, "training.steps": 3, "training.threads": 1, "loss.stress": 0}

PAIR = {"model.kind": "pair", "model.pair_cutoff": 4.5, "training.threads": 1, "loss.stress": 0}


def fit(folder, *words, check=True, kind=NETWORK, **settings):
    keys = {**kind, **settings}
    done = CliRunner().invoke(fit_app, [*words, "-o", str(folder / "Cu.snnp"), "--restart", *assignments(keys)])
    assert done.exit_code == 0 or not check, done.output
    return done


def curve(folder):
    with (folder / "Cu.csv").open() as file:
        rows = list(csv.DictReader(file))
    return rows[0], rows[1:]


def test_error_at_invariant_points_is_shown_from_the_first_step(folder):
    done = fit(folder, str(folder / "slabs.xyz"), str(folder / "crystals.xyz"))
    assert "invariant points, whose atomic energies are known: 4 structures: fcc Cu (4)" in done.stdout
    assert [line for line in done.stdout.splitlines() if "step      0/40" in line and "atomic energies" in line]
    units, rows = curve(folder)
    assert units["invariant_points"] == "meV"
    assert all(float(row["invariant_points"]) > 0 for row in rows)
    # The table at the end is of the potential that is written.
    frames = from_atoms(ase.io.read(folder / "crystals.xyz", ":"), "crystals").frames
    potential = _core.read_potential(folder / "Cu.snnp")
    lists = NeighborLists(["Cu"], potential.cutoff(), keep=False)
    points = find_invariant_points(frames, Descriptors(["Cu"], Reach(6.0, 4.5)), lists)
    errors = 1000 * Monitor(points, lists, 1).errors(potential)
    assert f"{errors.mean():+.2f}" in done.stdout
    assert f"{np.abs(errors).max():.2f}" in done.stdout


def test_fit_without_invariant_points_says_so(folder):
    done = fit(folder, str(folder / "slabs.xyz"), kind=EAM)
    assert "invariant points: there are none" in done.stdout
    assert "invariant_points" not in curve(folder)[0]


@pytest.mark.parametrize("kind", [EAM, PAIR], ids=["eam", "pair"])
def test_other_kinds_of_models_are_watched_too(folder, kind):
    done = fit(folder, str(folder / "slabs.xyz"), str(folder / "crystals.xyz"), kind=kind)
    units, rows = curve(folder)
    assert units["invariant_points"] == "meV"
    assert all(np.isfinite(float(row["invariant_points"])) for row in rows)
    assert "Atomic energies at invariant points" in done.stdout


def test_crystal_of_the_configuration_is_watched_and_changes_nothing(folder):
    fit(folder, str(folder / "slabs.xyz"))
    before = (folder / "Cu.snnp").read_text()
    done = fit(folder, str(folder / "slabs.xyz"), **{"invariant_points.crystals": "{fcc=3.6: -0.006}"})
    assert "fcc Cu, given (1)" in done.stdout
    assert (folder / "Cu.snnp").read_text() == before


def test_weight_of_invariant_points_makes_their_error_smaller(folder):
    """Slabs alone leave the energy of the crystal to chance; in the loss it is one number that a fit can meet."""
    crystals = {"invariant_points.structures": f"[{folder / 'crystals.xyz'}]"}
    fit(folder, str(folder / "slabs.xyz"), **crystals)
    watched = float(curve(folder)[1][-1]["invariant_points"])
    done = fit(folder, str(folder / "slabs.xyz"), **crystals, **{"loss.invariant_points": 300.0})
    assert "the energies of 4 invariant points of the training set count 300 times" in done.stdout
    assert float(curve(folder)[1][-1]["invariant_points"]) < 0.8 * watched


def test_structure_that_is_no_invariant_point_is_refused(folder):
    done = fit(folder, str(folder / "slabs.xyz"), check=False,
               **{"invariant_points.structures": f"[{folder / 'slabs.xyz'}]"})  # fmt: skip
    assert done.exit_code == 1
    assert "slabs.xyz:frame 0 atoms of an element differ in their surroundings or forces" in done.stderr


def test_crystal_without_meaning_is_refused(folder):
    done = fit(folder, str(folder / "slabs.xyz"), check=False, **{"invariant_points.crystals": "{cube=3.6: -0.006}"})
    assert done.exit_code == 1
    assert "invariant_points.crystals: crystal 'cube=3.6': cube is not known" in done.stderr
