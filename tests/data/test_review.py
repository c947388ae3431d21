"""Equal structures and labels far from all others are pointed out, by name; other data raise no alarm."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.units import Bohr, Hartree

from snnp.data import Frame, from_atoms
from snnp.data.duplicates import find_duplicates
from snnp.data.review import review


def made(n, seed=0, name="a.xyz", group="all"):
    """Frames of silicon with thermal noise; energies and forces are those of springs to the lattice."""
    rng = np.random.default_rng(seed)
    frames = []
    for index in range(n):
        ideal = bulk("Si", "diamond", a=5.43, cubic=True)
        temperature = rng.uniform(0.01, 0.2)
        moved = temperature * rng.normal(size=(8, 3))
        moved -= moved.mean(axis=0)  # forces add up to zero
        atoms = Atoms(ideal.numbers, ideal.positions + moved, cell=ideal.cell, pbc=True)
        energy = float(-8 * 4.6 + 5 * (moved**2).sum())
        frames.append(Frame(atoms, energy, -10 * moved, None, group, f"{name}:frame {index}"))
    return frames


def moved(frame, origin, energy=None):
    """The same structure: shifted by less than a cell, rotated, its atoms in another order."""
    rng = np.random.default_rng(7)
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    order = rng.permutation(len(frame.atoms))
    atoms = frame.atoms.copy()
    atoms.positions += rng.uniform(0, 5, 3)
    atoms.wrap()
    atoms = atoms[order]
    atoms.set_cell(atoms.cell.array @ rotation, scale_atoms=True)
    energy = frame.energy if energy is None else energy
    return Frame(atoms, energy, frame.forces[order] @ rotation, None, frame.group, origin)


def test_ordinary_data_raise_no_alarm():
    assert review({"train": made(60), "test": made(20, seed=1, name="t.xyz")}) == []


def test_a_structure_in_training_and_test_is_found_however_it_is_placed():
    train, test = made(30), made(10, seed=1, name="t.xyz")
    test[3] = moved(train[12], "t.xyz:frame 3")
    (note,) = review({"train": train, "test": test})
    assert note.startswith("test: 1 frame is in train, too (t.xyz:frame 3 = a.xyz:frame 12)")


def test_repeated_structures_are_found_when_written_with_six_digits():
    train = made(30)
    for n in (21, 25):
        copy = train[4].atoms.copy()
        copy.positions = np.round(copy.positions, 6)
        train[n] = Frame(copy, train[4].energy, train[4].forces, None, "all", f"a.xyz:frame {n}")
    (note,) = review({"train": train})
    assert "2 frames repeat an earlier structure" in note
    assert "(a.xyz:frame 21 = frame 4, a.xyz:frame 25 = frame 4)" in note


def test_frames_held_out_of_a_set_are_found_among_the_others():
    """Once each, whichever of two equal frames is held out; none, if both are."""
    train = made(9)
    train[6:] = [moved(train[n], f"a.xyz:frame {n + 6}") for n in range(3)]
    found = find_duplicates({"train": train})
    pairs = found.divided("train", [train[0], train[7], train[2], train[8]])
    assert [(a.origin, b.origin) for a, b in pairs] == [
        ("a.xyz:frame 0", "a.xyz:frame 6"),
        ("a.xyz:frame 7", "a.xyz:frame 1"),
    ]


def test_a_displacement_of_a_hundredth_of_an_angstrom_makes_another_structure():
    """As in calculations of phonons: of 64 atoms one is moved, to second order in distances."""
    crystal = bulk("Si", "diamond", a=5.43, cubic=True).repeat(2)
    frames = []
    for n, size in enumerate((0.0, 0.01, 0.02)):
        atoms = crystal.copy()
        atoms.positions[0] += size * np.array([1.0, 0.3, -0.5])
        frames.append(Frame(atoms, -64 * 4.6 + size, np.zeros((64, 3)), None, "all", f"a.xyz:frame {n}"))
    assert review({"train": frames}) == []


def test_equal_structures_with_other_energies_contradict_each_other():
    train = made(30)
    train[9] = moved(train[2], "a.xyz:frame 9", energy=train[2].energy + 0.8)
    notes = review({"train": train})
    assert "1 frame has the structure of another one, but an energy that differs by up to 0.1 eV/atom" in notes[1]


@pytest.mark.parametrize("shift", [-999.0, 20.0])
def test_an_energy_far_from_the_others(shift):
    train = made(60)
    train[33].energy += shift
    (note,) = review({"train": train})
    assert note.startswith("train: 1 frame has an energy far from that of the other frames (a.xyz:frame 33: ")
    assert f"{shift / 8:+.3g}"[:3] in note


def test_forces_far_beyond_the_others():
    train = made(60)
    train[5].forces[2:4] = [[0, 0, 250.0], [0, 0, -250.0]]
    (note,) = review({"train": train})
    assert "train: 1 frame has forces far beyond those of the other frames (a.xyz:frame 5: 250 eV/Å" in note


def test_energies_of_elements_and_of_groups_are_no_outliers():
    """All-electron energies of another element, and a hot group beside cold ones."""
    cold, hot = made(60), made(20, seed=3, name="hot.xyz", group="liquid")
    for frame in hot:
        frame.energy += 8 * 1.5
        frame.forces *= 20
    germanium = made(20, seed=4, name="Ge.xyz", group="Ge")
    for frame in germanium:
        frame.atoms.numbers[:] = 32
        frame.energy += 8 * -56000.0
    assert review({"train": [*cold, *hot, *germanium]}) == []


def test_lengths_in_bohr_taken_for_angstrom_are_suspected():
    train = made(12)
    for frame in train:
        frame.atoms.set_cell(frame.atoms.cell / 0.529177, scale_atoms=True)
    (note,) = review({"train": train})
    assert "neighbours are 1.8 bond lengths apart: if lengths are not in Å, data.units" in note


def test_positions_that_are_fractions_of_the_cell_are_suspected():
    train = made(12)
    for frame in train:
        frame.atoms.positions = frame.atoms.get_scaled_positions()
    (note,) = review({"train": train})
    assert note.endswith("bond lengths apart: positions from 0 to 1 are fractions of the cell? Expected Å")


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda atoms: atoms.info.update(energy=1e300), "energy of 1.25e.299 eV/atom"),
        (lambda atoms: atoms.arrays["forces"].fill(1e6), "force of 1e.06 eV/Å"),
    ],
)
def test_labels_that_no_structure_can_have_are_left_out_and_said(spoil, what):
    structures = []
    for frame in made(3):
        atoms = frame.atoms.copy()
        atoms.info["energy"], atoms.arrays["forces"] = frame.energy, frame.forces.copy()
        structures.append(atoms)
    spoil(structures[1])
    data = from_atoms(structures, "x")
    assert [frame.origin for frame in data.frames] == ["x:frame 0", "x:frame 2"]
    assert data.skipped == {"a label that no structure can have": 1}
    (note,) = data.notes
    assert note.replace("+", ".") == f"x:frame 1: {what} cannot be: the frame is left out"


def molecules(unit, names=("CH4", "H2O", "C6H6", "N2", "CO2", "CF4", "CH3CH2OH")):
    """Small molecules whose energies are sums of those of atoms (PBE, all electrons), in parts of a Hartree."""
    atoms = {"H": -0.5, "C": -37.80, "N": -54.54, "O": -75.01, "F": -99.65, "P": -341.1, "S": -397.9}
    frames = []
    for n, name in enumerate(names):
        a = molecule(name)
        energy = unit * (sum(atoms[s] for s in a.symbols) - 0.1 * len(a))
        frames.append(Frame(a, energy, np.full((len(a), 3), np.nan), None, "all", f"m.xyz:frame {n}"))
    return frames


@pytest.mark.parametrize(
    ("unit", "sentence"),
    [
        (627.509, "energies are 23.* times as low as those of all electrons in eV (kcal/mol?)"),
        (2625.5, "energies are 9.* times as low as those of all electrons in eV (kJ/mol?)"),
        (1.0, "energies are those of all electrons in Hartree"),
    ],
)
def test_total_energies_of_all_electrons_tell_their_unit(unit, sentence):
    start, _, end = sentence.partition(".*")
    (note,) = review({"train": molecules(unit)})
    assert note.startswith(f"train: {start}") and f"{end}: if they and forces are in another unit, data.units" in note


@pytest.mark.parametrize("unit", [Hartree, 1.35, 0.65, 0.15, 5.0])
def test_total_energies_of_other_programs_in_ev_raise_no_alarm(unit):
    """All electrons; and what tight binding, VASP and pseudopotentials make of the same molecules, roughly."""
    assert review({"train": molecules(unit)}) == []


def test_heavier_elements_and_hydrogen_do_not_tell_hartree():
    assert review({"train": molecules(1.0, ("SH2", "PH3", "SO2", "H2", "H2", "H2"))[:4]}) == []


def test_two_frames_do_not_tell_hartree():
    assert review({"train": molecules(1.0)[:2]}) == []


def test_the_only_frame_of_a_composition_is_named_if_there_are_many_others():
    train = made(200)
    train[7].atoms.symbols[:4] = "Ge"
    (note,) = review({"train": train})
    assert note == "train: Ge4Si4 in a.xyz:frame 7 is the only frame of its composition: are the elements right?"
    assert review({"train": train[:150]}) == []  # of few frames that is usual


# -- forces that something else acts on, and boundaries -----------------------------------------------------------


def shaken(size=2, count=8, pbc=True):
    """Silicon with thermal noise; forces are those of springs to the lattice, which add up to zero."""
    rng, frames = np.random.default_rng(3), []
    for n in range(count):
        atoms = bulk("Si", "diamond", a=5.43, cubic=True) * (size, 1, 1)
        u = 0.1 * rng.normal(size=(len(atoms), 3))
        u -= u.mean(axis=0)
        atoms.positions += u
        atoms.wrap()
        atoms.pbc = pbc
        frames.append(
            Frame(atoms, float(-4.6 * len(atoms) + 5 * (u**2).sum()), -10 * u, None, "all", f"a.xyz:frame {n}")
        )
    return frames


def test_forces_that_do_not_add_up_to_zero_are_told():
    """Of atoms that are left out, and of fixed ones; forces that are not known say nothing."""
    frames = shaken()
    assert review({"train": frames}) == []
    for n in (2, 5):
        kept = np.arange(16) != 3
        frames[n].atoms, frames[n].forces = frames[n].atoms[kept], frames[n].forces[kept]
    (note,) = review({"train": frames})
    assert note.startswith("train: 2 frames have forces that do not add up to zero (a.xyz:frame ")
    assert "not of all atoms" in note
    frames = shaken()
    for frame in frames:
        frame.forces[:5] = 0
    (note,) = review({"train": frames})
    assert "8 frames have forces that do not add up to zero" in note and "those of fixed atoms" in note
    for frame in frames:
        frame.forces[:5] = np.nan
    assert review({"train": frames}) == []


def changed(frame, cell=1.0, positions=1.0):
    atoms = frame.atoms.copy()
    atoms.set_cell(cell * atoms.cell.array, scale_atoms=False)
    atoms.positions *= positions
    return Frame(atoms, frame.energy, frame.forces, None, frame.group, frame.origin)


def test_crystals_without_periodic_boundaries_are_told():
    (note,) = review({"train": shaken(pbc=False)})
    assert note.startswith("train: not periodic along a, b, c, though atoms fill the cell there")
    (note,) = review({"train": shaken(pbc=(True, True, False))})
    assert "not periodic along c, though" in note


@pytest.mark.parametrize("pbc", [False, (True, True, False), True])
def test_slabs_and_clusters_in_a_cell_raise_no_alarm(pbc):
    """With vacuum, or in a cell that ends with the outermost atoms."""
    for vacuum in (0.0, 2.0, 8.0):
        frames = shaken(pbc=pbc)
        for frame in frames:
            frame.atoms.center(vacuum=vacuum, axis=2)
            if not np.any(pbc):
                frame.atoms.center(vacuum=vacuum)
        if np.all(pbc) and not vacuum:
            continue  # atoms of different images overlap
        assert not [note for note in review({"train": frames}) if "periodic" in note or "Bohr" in note]


def test_cells_in_bohr_beside_positions_in_angstrom_are_told_and_the_other_way_round():
    (note,) = review({"train": [changed(frame, cell=1 / Bohr) for frame in shaken()]})
    assert note == "train: cells are 1.89 times as long as what atoms fill: cells in Bohr, positions in Å?"
    found = review({"train": [changed(frame, positions=1 / Bohr) for frame in shaken()]})
    assert "train: atoms overlap, and would not in cells 1.89 times as long: positions in Bohr, cells in Å?" in found


def test_molecules_in_a_box_and_atoms_that_have_left_their_cell_raise_no_alarm():
    rng, frames = np.random.default_rng(0), []
    for n in range(8):
        atoms = molecule("C6H6", cell=[12.0] * 3, pbc=True)
        atoms.rattle(0.05, seed=n)
        frames.append(Frame(atoms, -76.0 + 0.01 * n, np.zeros((12, 3)), None, "gas", f"b.xyz:frame {n}"))
    for frame in (gone := shaken()):
        frame.atoms.positions += rng.integers(-2, 3, size=(16, 3)) @ frame.atoms.cell.array
    for some in (frames, gone):
        assert not [note for note in review({"train": some}) if "cell" in note]
