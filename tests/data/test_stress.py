"""Stress labels: sign, unit and order are recognised by group, contradictions are named, right labels left alone."""

from itertools import product

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.units import GPa, Hartree

from snnp.calculator import SNNP
from snnp.data import DataError, Frame, from_atoms
from snnp.data.neighbors import structures
from snnp.data.stress import (
    ASE,
    Convention,
    cluster_stress,
    detect,
    given_conventions,
    parse_convention,
    settings,
    units,
    with_conventions,
)
from snnp.data.stress.convention import ORDERS, UNITS, VOIGT
from snnp.data.stress.work import strain_work
from support import shaken, silicon

VASP = Convention(-1, "kbar", (*VOIGT[:3], "xy", "yz", "xz"))
# How programs write a stress of 1 eV/Å³ (Bohr: 0.529177 Å), for a cell of 100 Å³.
SIZES = {
    "eV/A^3": 1.0,
    "GPa": 160.2177,
    "kbar": 1602.177,
    "bar": 1.602177e6,
    "Pa": 1.602177e11,
    "Ha/Bohr^3": 0.529177**3 / Hartree,
    "Ry/Bohr^3": 2 * 0.529177**3 / Hartree,
    "eV": 100.0,
}


def label(convention, stress, volume=100.0):
    """What a file says in which stresses (…, 6), eV/Å³ in ASE's way, are written by some convention."""
    size = volume if convention.unit == "eV" else SIZES[convention.unit]
    return convention.sign * size * stress[..., [VOIGT.index(name) for name in convention.order]]


def random_stresses(n, seed=0):
    return 0.05 * np.random.default_rng(seed).normal(size=(n, 6))


def frames(labels, group="all", file="train.xyz"):
    """Frames of cells of 100 Å³ with no more than a stress."""
    atoms = Atoms("Si", cell=[5, 5, 4], pbc=True)
    return [
        Frame(atoms, np.nan, np.full((1, 3), np.nan), stress, group, f"{file}:frame {n}")
        for n, stress in enumerate(labels)
    ]


def found(labelled, predicted, uncertainty=None):
    return detect(units(labelled, labelled, predicted, uncertainty))


# -- conventions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "convention", [Convention(*c) for c in product((1, -1), UNITS, (ORDERS[0], ORDERS[4], ORDERS[6]))]
)
def test_every_convention_gives_back_the_stress(convention):
    stress = random_stresses(3)
    # The units of this test have seven digits.
    assert convention.stress(label(convention, stress), 100.0) == pytest.approx(stress, rel=1e-5)
    assert parse_convention(convention.settings, "") == convention


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"sign": 2}, r"key: sign: expected 1 \(tension positive\) or -1 \(compression positive\), found 2"),
        ({"unit": "GPA"}, "key: unit: expected one of eV/A.3, GPa, kbar, .*, found 'GPA'"),
        ({"order": "xy yz yz"}, "key: order: expected yz, xz and xy in some order, or all six components"),
        ({"signs": -1}, "key: unknown key signs, expected sign, unit or order"),
        ("out", "key: expected sign, unit and order, or 'left out', found 'out'"),
    ],
)
def test_what_is_no_convention_is_refused_by_name(wrong, sentence):
    with pytest.raises(DataError, match=sentence):
        parse_convention(wrong, "key")


def test_conventions_are_given_for_all_by_group_and_by_file():
    known = [*frames(random_stresses(1), "bulk", "a.xyz"), *frames(random_stresses(1), "slab", "a.xyz")]
    vasp = {"sign": -1, "unit": "kbar", "order": "xy yz xz"}
    assert given_conventions(vasp, None, known) == {"bulk": VASP, "slab": VASP}
    given = given_conventions({"bulk": vasp, "a.xyz:slab": "left out"}, None, known)
    assert given == {"bulk": VASP, "a.xyz:slab": None}
    assert given_conventions(settings(given), None, known) == given
    assert given_conventions(None, "xy yz xz", known)["bulk"].order == VASP.order
    with pytest.raises(DataError, match=r"data.shear_order: there is no group tube in the data, only bulk, slab"):
        given_conventions(None, {"tube": "xy yz xz"}, known)
    several = [*frames(random_stresses(1), "slab", "a.xyz"), *frames(random_stresses(1), "slab", "b.xyz")]
    assert [frame.stress is None for frame in with_conventions(several, given)[0]] == [True, False]


def test_a_stress_that_no_structure_has_is_left_out_alone():
    labelled = frames(label(Convention(unit="GPa"), random_stresses(6)))
    labelled[2].stress[1] = 1e300
    result = found(labelled, random_stresses(6))
    assert result.conventions == {"all": Convention(unit="GPa")}
    converted, notes = with_conventions(labelled, result.conventions)
    assert [frame.stress is None for frame in converted] == [False, False, True, False, False, False]
    assert notes == ["train.xyz:frame 2: stress of 1e+300 GPa cannot be: it is left out"]


# -- by predictions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("order", [ORDERS[0], ORDERS[4], ORDERS[6]])
def test_each_convention_is_found_despite_errors_of_the_model_and_a_constant_pressure(sign, unit, order):
    """Errors of a third of the stresses, and a Pulay stress of their size."""
    convention = Convention(sign, unit, order)
    truth = random_stresses(20) - 0.05 * np.array([1, 1, 1, 0, 0, 0])
    predicted = random_stresses(20) + random_stresses(20, seed=1) / 3
    # By another order of all components, the third is no constant pressure any more.
    result = found(frames(label(convention, truth)), predicted)
    assert result.conventions == {"all": convention}
    assert len(result.notes) == (convention != ASE)


def test_groups_and_files_have_conventions_of_their_own():
    truth = random_stresses(70)
    gpa = Convention(unit="GPa")
    labelled = [
        *frames(truth[:20], "bulk", "a.xyz"),
        *frames(label(VASP, truth[20:40]), "slab", "a.xyz"),
        *frames(label(gpa, truth[40:60]), "bulk", "b.xyz"),
        *frames(label(gpa, truth[60:63]), "tube", "b.xyz"),  # too few to tell: like the others of the file
        *frames(label(VASP, truth[63:66]), "slab", "c.xyz"),  # like those of the group
    ]
    result = found(labelled, truth[:66] + random_stresses(66, seed=1) / 5)
    expected = {"a.xyz:bulk": ASE, "b.xyz:bulk": gpa, "slab": VASP, "tube": gpa}
    assert result.conventions == expected
    assert [note.split(" are labelled ")[0] for note in result.notes] == [
        "stresses of slab",
        "stresses of bulk in b.xyz, tube",
    ]
    converted, _ = with_conventions(labelled, result.conventions)
    assert np.array([frame.stress for frame in converted]) == pytest.approx(truth[:66], rel=1e-5)


@pytest.mark.parametrize("seed", range(5))
def test_labels_of_which_the_model_knows_nothing_are_left_alone(seed):
    """As for groups that a simple model does not describe: predictions have nothing to do with labels."""
    result = found(frames(random_stresses(20, seed)), random_stresses(20, seed + 100))
    assert result.conventions == {"all": ASE}
    assert not result.notes


def test_labels_that_are_certainly_something_else_are_left_out():
    truth = random_stresses(40)
    labelled = [*frames(truth[:20], "right"), *frames(random_stresses(20, seed=1), "wrong")]
    certain = np.full(40, 1e-3)
    result = found(labelled, truth, certain)
    assert result.conventions == {"right": ASE, "wrong": None}
    assert "stresses of wrong contradict energies and forces by every known convention" in result.notes[0]
    assert result.notes[0].endswith("they are left out; stress_convention of these data overrides this")
    assert found(labelled, truth, 100 * certain).conventions == {"right": ASE, "wrong": ASE}


def test_an_unknown_factor_is_named():
    result = found(frames(7 * random_stresses(20)), random_stresses(20), np.full(20, 1e-3))
    assert result.conventions == {"all": None}
    assert "these say 0.143 times as much" in result.notes[0]


def test_a_factor_that_a_unit_of_energies_would_make_is_named_after_it():
    """Energies and forces in kcal/mol, from which stresses are predicted, and stresses in eV/Å³."""
    truth = random_stresses(20)
    (note,) = found(frames(truth), 23.06 * truth, np.full(20, 1e-3)).notes
    assert "these say 23.1 times as much, as in kcal/mol they would (data.units)" in note


# -- by energies of strained cells ------------------------------------------------------------------------------------


def strained(tensors, seed=0, shift=0.01, rotated=False):
    """Frames of a silicon crystal, its atoms off their places, at strains (3, 3), labelled by a potential.

    shift: by how much atoms are moved from frame to frame at most, Å.
    """
    calculator = SNNP(silicon(), threads=1)
    rng = np.random.default_rng(seed)
    labelled = []
    for tensor in tensors:
        atoms = shaken(bulk("Si", "diamond", a=5.5, cubic=True), 0.1)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + tensor), scale_atoms=True)
        atoms.positions += rng.uniform(-shift, shift, atoms.positions.shape)
        if rotated:
            atoms.rotate(rng.uniform(0, 180), rng.normal(size=3), rotate_cell=True)
        atoms.calc = calculator
        labelled.append(atoms)
    return from_atoms([_with_results(atoms) for atoms in labelled], "strained").frames


def _with_results(atoms):
    result = atoms.copy()
    result.info = {"energy": atoms.get_potential_energy(), "stress": atoms.get_stress()}
    result.arrays["forces"] = atoms.get_forces()
    return result


def small_strains(n, size=0.02, seed=0):
    e = np.random.default_rng(seed).uniform(-size, size, (n, 3, 3))
    return (e + e.swapaxes(1, 2)) / 2


@pytest.mark.parametrize("rotated", [False, True])
def test_the_work_of_stresses_is_the_difference_of_energies(rotated):
    """What is left is of third order: relative to the work it falls by four when strains and shifts are halved."""
    left = []
    for size in (0.02, 0.01):
        work = strain_work(strained(small_strains(6, size), shift=size / 2, rotated=rotated))
        assert len(work.pairs) >= 10
        left.append(np.abs(work.changes - work.work(ASE)).mean() / np.abs(work.changes).mean())
    # Relative to the change, which is of first order, the rest is of second.
    assert left[0] < 0.02
    assert left[1] < left[0] / 2


@pytest.mark.parametrize("convention", [VASP, Convention(-1), Convention(unit="Ha/Bohr^3"), Convention(-1, "eV")])
def test_strained_cells_tell_the_convention_without_a_model(convention):
    labelled = strained(small_strains(10))
    for frame in labelled:
        frame.stress = label(convention, frame.stress, frame.atoms.get_volume())
    assert found(labelled, np.zeros((10, 6))).conventions == {"all": convention}


def test_shear_stresses_that_contradict_energies_are_named_with_numbers():
    """Normal strains are labelled rightly; sheared cells with a wrong modulus of the wrong sign."""
    tensors = [s * np.diag(np.eye(3)[k]) for k in range(3) for s in (-0.02, -0.01, 0.01, 0.02)]
    for j, k in ((1, 2), (0, 2), (0, 1)):
        for s in (-0.02, -0.01, 0.01, 0.02):
            tensor = np.zeros((3, 3))
            tensor[j, k] = tensor[k, j] = s
            tensors.append(tensor)
    labelled = strained(tensors)
    truth = np.array([frame.stress for frame in labelled])
    assert found(labelled, truth).conventions == {"all": ASE}
    for frame in labelled[12:]:
        frame.stress[3:] *= -0.7
    result = found(labelled, truth)
    assert result.conventions == {"all": None}
    assert "pairs of strained cells, all of them sheared, differ in energy by something else" in result.notes[0]


def test_strained_cells_whose_stress_is_known_in_part_are_not_asked():
    labelled = strained(small_strains(12))
    for frame in labelled:
        frame.stress = label(VASP, frame.stress, frame.atoms.get_volume())
    for frame in labelled[::4]:
        frame.stress[4] = np.nan
    known = [frame for frame in labelled if np.isfinite(frame.stress).all()]
    result = detect(units(labelled, known, np.zeros((len(known), 6))))
    assert result.conventions == {"all": VASP}
    assert all(np.isfinite(frame.stress).all() for pair in strain_work(labelled).pairs for frame in pair)


# -- without a model --------------------------------------------------------------------------------------------------


def test_forces_say_the_stress_of_a_molecule_in_a_box():
    atoms = Atoms("Si3", [[0.2, 0.1, 0.4], [2.3, 0.5, 0.1], [0.8, 2.2, 11.6]], cell=[12, 12, 12], pbc=True)
    atoms.calc = SNNP(silicon(), threads=1)
    frame = from_atoms([_with_results(atoms)]).frames[0]
    lists = structures([atoms], ["Si"], 5.0)
    assert np.abs(frame.stress).max() > 0.01 * GPa
    assert cluster_stress(lists, frame) == pytest.approx(frame.stress, abs=1e-12)
    crystal = strained([np.zeros((3, 3))])[0]
    assert cluster_stress(structures([crystal.atoms], ["Si"], 5.0), crystal) is None


def both(convention, wrong=0.0):
    """Structures with a virial and a stress in some convention; wrong: parts of another stress in it."""
    result = []
    for n, (stress, other) in enumerate(zip(random_stresses(3), random_stresses(3, seed=1), strict=True)):
        atoms = Atoms("Si", cell=[5, 5, 4 + 0.1 * n], pbc=True)
        volume = atoms.get_volume()
        atoms.info = {
            "energy": -1.0,
            "stress": label(convention, stress + wrong * other, volume),
            "virial": -volume * stress[[0, 5, 4, 5, 1, 3, 4, 3, 2]].reshape(3, 3),
        }
        result.append(atoms)
    return from_atoms(result)


def test_stress_and_virial_of_one_frame_that_agree_are_one_label():
    data = both(ASE)
    assert [frame.stress for frame in data.frames] == pytest.approx(random_stresses(3))
    assert not data.unused


@pytest.mark.parametrize("convention", [VASP, Convention(-1, "eV"), Convention(-1)])
def test_of_stress_and_virial_in_different_conventions_the_virial_counts(convention):
    data = both(convention)
    assert [frame.stress for frame in data.frames] == pytest.approx(random_stresses(3))
    assert dict(data.unused) == {f"stress, which agrees with virial only if it is {convention}": 3}


def test_stress_and_virial_that_contradict_each_other_are_not_used():
    data = both(ASE, wrong=0.5)
    assert [frame.stress for frame in data.frames] == [None] * 3
    assert dict(data.unused) == {"stress and virial, which contradict each other": 3}
