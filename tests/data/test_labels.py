"""Labels are of one level of theory: which entries of a structure are taken, and what is said about it."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from snnp.data import DataError, LabelKeys, Reading, from_atoms


def structure(n=0, calculator=None, info=(), **arrays):
    """Two atoms of silicon with entries; n makes values differ from structure to structure."""
    atoms = bulk("Si", "diamond", a=5.43 + 0.01 * n)
    if calculator:
        atoms.calc = SinglePointCalculator(atoms, **calculator)
    atoms.info.update(info)
    for key, value in arrays.items():
        atoms.arrays[key] = np.full((2, 3), float(value))
    return atoms


def two_levels(n, other="REF_"):
    """Energy and forces of one level in the calculator, those of another beside it."""
    atoms = structure(n, {"energy": -10.0 - n, "forces": np.full((2, 3), 1.0)}, {f"{other}energy": -9.0 - n})
    atoms.arrays[f"{other}forces"] = np.full((2, 3), 2.0)
    return atoms


def keys(**names):
    return Reading(labels=LabelKeys(**names))


def labels(data):
    return [(frame.energy, frame.forces[0, 0]) for frame in data.frames]


@pytest.mark.parametrize(
    ("energy", "forces"),
    [
        ("energy", "forces"),
        ("energy", "force"),
        ("REF_energy", "REF_forces"),
        ("energy_ref", "forces_ref"),
        ("dft_energy", "dft_force"),
        ("DFT_energy", "forces_DFT"),
        ("energyDFT", "forcesDFT"),
        ("QM_total_energy", "QM_forces"),
        ("TotEnergy", "force"),
        ("potential_energy", "forces"),
        ("vasp_energy", "vasp_forces"),
        ("energy_corrected", "forces"),
        ("TOTEN", "forces"),
        ("PBE_D3_energy", "PBE_D3_forces"),
    ],
)
def test_names_that_programs_use(energy, forces):
    data = from_atoms([structure(info={energy: -3.0}, **{forces: 0.5})])
    assert labels(data) == [(-3.0, 0.5)]
    assert set(data.names) == {energy, forces}
    assert not data.notes


@pytest.mark.parametrize(
    "prefix", ["MACE_", "mace_", "pred_", "nequip_", "allegro_", "ml_", "model_", "gap_", "nnp_", "binding_", "foo_"]
)
def test_predictions_and_unknown_names_are_no_labels(prefix):
    atoms = structure(info={f"{prefix}energy": -3.0, "step": 5}, **{f"{prefix}forces": 0.5})
    with pytest.raises(DataError) as error:
        from_atoms([atoms])
    assert str(error.value) == (
        "atoms:frame 0: no energy and no forces under a known name; there are "
        f"{', '.join(sorted([f'{prefix}energy', f'{prefix}forces', 'step']))}; "
        "data.energy_key and data.forces_key name the labels"
    )
    data = from_atoms([atoms], reading=keys(energy=f"{prefix}energy"))  # forces of the same family
    assert labels(data) == [(-3.0, 0.5)]


def test_predictions_beside_labels_are_said():
    data = from_atoms([structure(info={"energy": -3.0, "MACE_energy": 1.0}, forces=0.5, MACE_forces=7.0)])
    assert labels(data) == [(-3.0, 0.5)]
    assert data.notes == ["MACE_energy, MACE_forces: predictions by their names, not used as labels"]


@pytest.mark.parametrize("name", ["energies", "energy_per_atom", "energy_weight", "energy_sigma", "kinetic_energy"])
def test_entries_that_only_look_like_energies(name):
    with pytest.raises(DataError, match="no energy and no forces under a known name"):
        from_atoms([structure(info={name: 3.0})])


@pytest.mark.parametrize("other", ["REF_", "dft_"])
def test_two_levels_of_theory_are_not_mixed(other):
    data = from_atoms([two_levels(n, other) for n in range(3)])
    assert labels(data) == [(-9.0 - n, 2.0) for n in range(3)]
    assert data.notes == [
        f"labels are {other}energy, {other}forces; not used: energy, forces, different by up to 500 meV/atom and "
        "1 eV/Å; data.energy_key, data.forces_key and data.stress_key or data.virial_key choose others"
    ]
    data = from_atoms([two_levels(n, other) for n in range(3)], reading=keys(energy="energy"))
    assert labels(data) == [(-10.0 - n, 1.0) for n in range(3)]
    assert not data.notes


def test_level_with_forces_goes_before_one_without():
    atoms = structure(info={"REF_energy": -1.0, "energy": -2.0}, forces=0.5)
    data = from_atoms([atoms])
    assert labels(data) == [(-2.0, 0.5)]
    assert data.notes[0].startswith("labels are energy, forces; not used: REF_energy, different by up to 500 meV/atom")


def test_equal_labels_under_two_names_need_no_word():
    assert not from_atoms([structure(info={"REF_energy": -2.0, "energy": -2.0}, REF_forces=0.5, forces=0.5)]).notes


def test_stress_of_another_family_is_not_taken_unless_named():
    def atoms():
        return structure(info={"REF_energy": -2.0, "stress": np.arange(6.0)}, REF_forces=0.5)

    data = from_atoms([atoms()])
    assert data.frames[0].stress is None
    assert "not used: stress, of another family of names" in data.notes[0]
    data = from_atoms([atoms()], reading=keys(stress="stress"))
    np.testing.assert_array_equal(data.frames[0].stress, np.arange(6.0))
    assert labels(data) == [(-2.0, 0.5)]


def test_files_with_other_names_are_one_level_unless_they_show_that_they_are_not():
    ref = [structure(n, info={"REF_energy": -2.0}, REF_forces=0.5) for n in range(3)]
    bare = [structure(n, info={"energy": -1.0}, forces=0.1) for n in range(2)]
    data = from_atoms(ref + bare)
    assert labels(data) == [(-2.0, 0.5)] * 3 + [(-1.0, 0.1)] * 2
    assert (
        "labels are REF_energy, REF_forces in 3; energy, forces in 2 frames, taken to be of one level" in data.notes[0]
    )
    data = from_atoms([*ref, *bare, two_levels(0)])
    assert labels(data) == [(-2.0, 0.5)] * 3 + [(-9.0, 2.0)]
    assert data.skipped == {"energy, forces: another level of theory": 2}


def test_energy_and_forces_under_names_of_two_families_go_together_if_there_is_no_choice():
    data = from_atoms([structure(info={"DFT_energy": -2.0}, forces=0.5)])
    assert labels(data) == [(-2.0, 0.5)]
    assert data.notes[0].startswith("DFT_energy and forces are taken together, though their names differ")
    atoms = structure(info={"DFT_energy": -2.0, "REF_energy": -1.0}, forces=0.5)
    with pytest.raises(DataError, match="which of the energies DFT_energy, REF_energy and the forces forces belong"):
        from_atoms([atoms])
    chosen = from_atoms([atoms], reading=keys(energy="REF_energy", forces="forces"))
    assert labels(chosen) == [(-1.0, 0.5)]


def test_forces_belong_to_the_free_energy():
    frames = [structure(n, {"energy": -10.0, "free_energy": -10.02, "forces": np.ones((2, 3))}) for n in range(2)]
    data = from_atoms(frames)
    assert labels(data) == [(-10.02, 1.0)] * 2
    assert data.notes == [
        "energies are free_energy, the energy that forces belong to, not energy (up to 10 meV/atom away); "
        "data.energy_key chooses"
    ]
    assert labels(from_atoms(frames, reading=keys(energy="energy"))) == [(-10.0, 1.0)] * 2
    # An energy that some structures lack would mix both.
    frames.append(structure(3, {"energy": -11.0, "forces": np.ones((2, 3))}))
    assert labels(from_atoms(frames)) == [(-10.0, 1.0)] * 2 + [(-11.0, 1.0)]


def test_values_of_a_calculator_go_before_equal_names_beside_it():
    data = from_atoms([structure(calculator={"energy": -1.0, "forces": np.ones((2, 3))}, info={"energy": -5.0})])
    assert labels(data) == [(-1.0, 1.0)]
    assert data.notes == ["energy: two different values; those of the calculator are used, not those beside it"]


def test_virial_is_minus_stress_times_volume():
    atoms = structure(info={"energy": -1.0, "virial": np.diag([1.0, 2.0, 3.0])}, forces=0.5)
    np.testing.assert_allclose(from_atoms([atoms]).frames[0].stress[:3], -np.arange(1.0, 4.0) / atoms.get_volume())


def test_a_stress_under_an_unknown_name_is_said_to_be_there():
    """And none is asked for where the name is that of a prediction, or where one is known."""
    known = {"energy": -3.0, "forces": np.zeros((2, 3))}
    for name in ("stress_GPa", "my_virial"):
        data = from_atoms([structure(calculator=known, info={name: np.eye(3)})])
        assert data.frames[0].stress is None
        assert data.notes == [f"stress: in no frame; {name} may be one; data.stress_key or data.virial_key names it"]
    assert "may be one" not in str(from_atoms([structure(calculator=known, info={"MACE_stress": np.eye(3)})]).notes)
    assert not from_atoms([structure(calculator=known, info={"stress": np.eye(3), "stress_GPa": np.eye(3)})]).notes


def test_stresses_of_atoms_are_not_the_stress_of_the_cell():
    results = {"energy": -1.0, "forces": np.ones((2, 3)), "stresses": np.ones((2, 6))}
    assert from_atoms([structure(calculator=results)]).frames[0].stress is None


def test_stress_without_a_periodic_cell_is_said_not_to_be_used():
    atoms = structure(info={"energy": -1.0, "stress": np.ones(6)}, forces=0.5)
    atoms.pbc = (True, True, False)
    data = from_atoms([atoms])
    assert data.frames[0].stress is None
    assert "not used: stress of a cell that is not periodic in three directions, in 1 frame" in data.summary()


@pytest.mark.parametrize(
    ("info", "sentence"),
    [
        ({"energy": "low"}, "energy is 'low', expected a number"),
        ({"energy": True}, "energy is 'True', expected a number"),
        ({"energy": np.ones(2)}, r"energy has shape \(2,\), expected one number"),
        ({"energy": np.inf}, "energy holds infinity"),
        ({"energy": 1.0, "stress": np.ones(5)}, r"stress has shape \(5,\), expected \(3, 3\) or \(9,\) or \(6,\)"),
        ({"energy": 1.0, "forces": np.ones((3, 3))}, r"forces has shape \(3, 3\), expected \(2, 3\)"),
    ],
)
def test_labels_of_wrong_form(info, sentence):
    with pytest.raises(DataError, match=rf"^atoms:frame 1: {sentence}"):
        from_atoms([structure(info={"energy": 1.0}), structure(info=info)])


def test_given_name_that_is_nowhere():
    with pytest.raises(DataError) as error:
        from_atoms([structure(info={"energy": 1.0}, forces=0.5)], reading=keys(energy="REF_energy"))
    assert str(error.value) == (
        "atoms:frame 0: there is no REF_energy, which data.energy_key names; there are energy, forces"
    )


def test_names_given_on_the_command_line():
    assert LabelKeys.parse("energy=E_ccsd, forces=F") == LabelKeys(energy="E_ccsd", forces="F")
    assert LabelKeys.parse("") == LabelKeys()
    for text in ("energy", "energies=E", "energy=", "energy:E"):
        with pytest.raises(DataError, match=f"labels '{text}': expected energy=, forces=, stress= or virial="):
            LabelKeys.parse(text)
