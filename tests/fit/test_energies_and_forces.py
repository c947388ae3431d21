"""Energies and forces that do not belong together are told, with what is wrong, and no others are."""

import re

import ase.io
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import Bohr, Hartree

import snnp
from small_fits import PAIR, settings_of
from snnp.console import Log
from snnp.data import from_atoms
from snnp.fitting.review_labels import review_labels

pytestmark = pytest.mark.usefixtures("no_pictures")


def labelled(count, group="bulk", change=lambda n, energy, forces: (energy, forces), rattled=1.0):
    """Rattled palladium of 8 and 27 atoms in a classical potential, with labels that `change` makes of right ones."""
    frames, rng = [], np.random.default_rng(7)
    for n in range(count):
        atoms = bulk("Pd", a=rng.uniform(3.8, 4.0)) * ((2 + n % 2,) * 3)
        atoms.positions += rng.normal(scale=rattled * rng.uniform(0.05, 0.2), size=atoms.positions.shape)
        atoms.calc = EMT()
        energy, forces = change(n, atoms.get_potential_energy(), atoms.get_forces())
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
        atoms.info["config_type"] = group
        frames.append(atoms)
    return frames


def notes(*frames):
    return review_labels({"train": from_atoms([atoms for some in frames for atoms in some])}, 1, Log(quiet=True))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda n, e, f: (e / Hartree, f), "energies in Hartree"),
        (lambda n, e, f: (e, f * Bohr / Hartree), "forces in Hartree/Bohr"),
        (lambda n, e, f: (e / Hartree, f * Bohr / Hartree), "forces per Bohr"),
        (lambda n, e, f: (23.06 * e, f), "energies in kcal/mol"),
        (lambda n, e, f: (e, -f), "forces with the sign of gradients"),
        (lambda n, e, f: (e / len(f), f), "energies are those of one atom"),
        (lambda n, e, f: (e / (len(f) if n % 3 else 1), f), "energies have nothing to do with forces"),
        (lambda n, e, f: (e + 2.0 * len(f) * np.sin(40 * n), f), "energies have nothing to do with forces"),
        (lambda n, e, f: (e, f[:, [1, 2, 0]]), "forces do not follow from structures"),
        (lambda n, e, f: (e, np.roll(f, 1, axis=0)), "forces do not follow from structures"),
    ],
)
def test_what_is_wrong_is_said(change, expected):
    (note,) = notes(labelled(30, change=change))
    assert note.startswith("energies and forces contradict each other: ") and expected in note


def spoiled(fraction, change):
    """Changes labels of every so many-th frame."""
    every = round(1 / fraction)
    return lambda n, e, f: change(e, f) if n % every == every // 2 else (e, f)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda e, f: (e, f * Bohr / Hartree), "times what those of the others say (in Hartree/Bohr?)"),
        (lambda e, f: (e, f * Hartree / Bohr), "times what those of the others say (the others in Hartree/Bohr?)"),
        (lambda e, f: (e, -f), "times what those of the others say (the sign of gradients?)"),
        (lambda e, f: (e, f[:, [1, 2, 0]]), "do not follow from their structures as those of the others do"),
        (lambda e, f: (e, np.roll(f, 1, axis=0)), "are those of atoms in another order"),
        (lambda e, f: (e, f[[1, 0, *range(2, len(f))]]), "are those of atoms in another order"),
    ],
)
def test_single_frames_whose_forces_are_spoiled_are_named(change, expected):
    (note,) = notes(labelled(40, change=spoiled(0.2, change)))
    assert expected in note
    named = [int(number) for number in re.findall(r"frame (\d+)[,)]", note)]
    assert named and all(n % 5 == 2 for n in named)


def test_forces_of_which_a_part_is_in_another_order_are_told_in_all_frames():
    """A model follows them in part then: it finds half of all forces."""

    def half(n, e, f):
        k = len(f) // 2
        return e, np.concatenate([f[:k], np.roll(f[k:], 1, axis=0)])

    (note,) = notes(labelled(40, change=half))
    assert "are those of atoms in another order" in note
    assert int(re.search(r"forces of (\d+) of", note)[1]) > 25


def test_energies_on_two_levels_are_told_whatever_the_frames_are():
    """As frames alike of two settings of the calculation, in one group."""

    def some_above(n, e, f):
        return e + 0.2 * len(f) * (n % 7 in (1, 2)), f

    (note,) = notes(labelled(60, change=some_above))
    assert "are 0.19 eV/atom above those of frames alike, as forces say" in note
    named = [int(number) for number in re.findall(r"frame (\d+)[,)]", note)]
    assert sum(n % 7 in (1, 2) for n in named) >= 2
    (note,) = notes(labelled(60, change=lambda n, e, f: (e - 0.2 * len(f) * (n % 7 in (1, 2)), f)))
    assert "eV/atom below those" in note


def test_energies_that_differ_between_phases_raise_no_alarm():
    """Forces do not know the difference between crystals that nothing leads from one to the other."""
    assert not notes(two_phases())


def two_phases():
    """Rattled crystals, fcc and bcc, of which the latter are 0.3 eV/atom higher."""
    rng, frames = np.random.default_rng(3), []
    for n in range(40):
        a = rng.uniform(3.8, 4.0)
        crystal = bulk("Pd", a=a) if n // 2 % 2 else bulk("Pd", "bcc", a=a / 2 ** (1 / 3))  # of the same volumes
        atoms = crystal * (2, 2, 2)
        atoms.positions += rng.normal(scale=0.08, size=atoms.positions.shape)
        atoms.calc = EMT()
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        atoms.calc = SinglePointCalculator(atoms, energy=energy + 0.3 * len(atoms) * (1 - n // 2 % 2), forces=forces)
        frames.append(atoms)
    return frames


def test_energies_of_the_next_frame_are_told():
    frames = labelled(62)
    energies = [atoms.get_potential_energy() for atoms in frames]
    for n, atoms in enumerate(frames[:-2]):
        results = {"energy": energies[n + 2], "forces": atoms.get_forces()}
        atoms.calc = SinglePointCalculator(atoms, **results)
    assert not notes(labelled(60))
    odd = frames[1:-2:2]  # all of one size
    (note,) = notes(odd)
    assert "energies are those of the frame after, in the order of the file" in note


def test_shuffled_energies_are_told_in_all_frames_and_in_some():
    """Those that go with forces in part are not called unrelated."""
    energies = [atoms.get_potential_energy() for atoms in labelled(60)]
    (note,) = notes(labelled(60, change=lambda n, e, f: (energies[(n + 20) % 60], f)))
    assert "energies have nothing to do with forces" in note
    (note,) = notes(labelled(60, change=lambda n, e, f: (energies[(n + 20) % 60 if n % 5 < 3 else n], f)))
    assert "energies" in note and "forces" in note


def test_energies_that_forces_do_not_determine_raise_no_alarm():
    """Frames that differ by shear alone, all with the same large forces: these are described by any model, which then
    says what it likes about energies."""
    rng, frames = np.random.default_rng(5), []
    start = bulk("Pd", a=3.9) * (2, 2, 2)
    start.positions += rng.normal(scale=0.25, size=start.positions.shape)
    for _ in range(40):
        atoms = start.copy()
        shear = np.eye(3)
        shear[0, 1] = rng.uniform(-0.02, 0.02)
        atoms.set_cell(atoms.cell.array @ shear, scale_atoms=True)
        atoms.calc = EMT()
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
        frames.append(atoms)
    assert not notes(frames)


def test_transposed_cells_are_told():
    """Of a triclinic crystal, whose atoms then meet other neighbours across the boundary."""
    rng, frames = np.random.default_rng(5), []
    for n in range(30):
        atoms = bulk("Ti", "hcp", a=2.95, c=4.68) * (2, 2, 1 + n % 2)
        atoms.set_chemical_symbols(["Pd"] * len(atoms))
        atoms.positions += rng.normal(scale=0.1, size=atoms.positions.shape)
        atoms.calc = EMT()
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
        frames.append(atoms)
    assert not notes(frames)
    for atoms in frames:
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
        atoms.set_cell(atoms.cell.array.T)
        atoms.calc = SinglePointCalculator(atoms, **results)
    (note,) = notes(frames)
    assert "forces go with cells whose rows and columns are exchanged" in note


def test_the_sign_of_forces_is_told_without_energies_that_differ():
    """By the stiffness of bonds, where energies say nothing: that of each frame is one of its own."""
    frames = labelled(30, change=lambda n, e, f: (-3.0 * len(f), -f))
    for n, atoms in enumerate(frames):
        atoms.info["config_type"] = f"group {n}"
    (note,) = notes(frames)
    assert note.startswith("forces drive atoms on in the direction of displacements")


def test_right_labels_are_no_contradiction():
    assert not notes(labelled(30))
    assert not notes(labelled(30, change=lambda n, e, f: (e + 5.0 * len(f), f)))


@pytest.mark.parametrize(
    ("factor", "unit"), [(1 / Hartree, "Hartree or Rydberg"), (23.06, "kcal/mol"), (96.49, "kJ/mol")]
)
def test_a_common_unit_of_energies_and_forces_is_told_by_the_stiffness_of_bonds(factor, unit):
    (note,) = notes(labelled(30, change=lambda n, e, f: (factor * e, factor * f)))
    assert (
        note.startswith("bonds are at least ") and "energies and forces are in another unit (" in note and unit in note
    )


def per_bohr(n, energy, forces):
    return energy / Hartree, forces * Bohr / Hartree


def test_forces_per_bohr_are_told_where_atoms_hardly_move():
    """The largest is 0.001 Hartree/Bohr or so, less than what is looked at in eV/Å."""
    frames = labelled(30, change=per_bohr, rattled=0.1)
    assert max(np.sqrt(np.mean(atoms.get_forces() ** 2)) for atoms in frames) < 0.01
    (note,) = notes(frames)
    assert "forces per Bohr" in note


def test_small_forces_raise_no_alarm():
    """Right ones, and those that are nothing but noise beside energies of different structures."""
    noise = np.random.default_rng(3)
    assert not notes(labelled(30, rattled=0.01))
    for size in (0.001, 0.005, 0.02):
        assert not notes(labelled(30, change=lambda n, e, f, size=size: (e, size * noise.normal(size=f.shape))))


def test_the_group_that_is_wrong_is_named():
    found = notes(labelled(20), labelled(20, "slab", lambda n, e, f: (e, -f)))
    assert len(found) == 1
    assert "sign of gradients?) (group slab in" in found[0]


def test_a_fit_says_it(tmp_path, capsys):
    ase.io.write(tmp_path / "train.xyz", labelled(30, change=lambda n, e, f: (e, -f)))
    snnp.fit(tmp_path / "train.xyz", progress=True, **settings_of(PAIR))
    said = " ".join(capsys.readouterr().out.split())
    assert "warning: energies and forces contradict each other: energies differ by -" in said
