"""The ASE calculator."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import snnp
import support
from snnp.calculator import default_threads
from snnp.data.neighbors import ElementError
from tolerances import ENERGY, THREADS


@pytest.fixture
def path(tmp_path):
    return support.write(support.random_potential(("In", "P")), tmp_path / "InP.snnp")


@pytest.fixture
def atoms():
    return support.structures(("In", "P"))["triclinic"]


def test_a_file_is_loaded_and_describes_itself(path):
    calculator = snnp.load(path)
    assert calculator.elements == ["In", "P"]
    assert calculator.cutoff == calculator.potential.cutoff() == 5.0


def test_results_have_the_shapes_that_ase_expects(path, atoms):
    atoms.calc = snnp.load(str(path))
    assert np.shape(atoms.get_potential_energy()) == ()
    assert atoms.get_potential_energies().shape == (len(atoms),)
    assert atoms.get_forces().shape == (len(atoms), 3)
    assert atoms.get_stress().shape == (6,)
    assert atoms.get_potential_energy(force_consistent=True) == atoms.get_potential_energy()


def test_energies_of_atoms_add_up(path, atoms):
    calculator = snnp.load(path)
    total = calculator.get_potential_energies(atoms).sum()
    assert calculator.get_potential_energy(atoms) == pytest.approx(total, abs=len(atoms) * ENERGY)


def test_results_follow_the_atoms(path, atoms):
    atoms.calc = snnp.load(path)
    before = atoms.get_potential_energy()
    atoms.positions[0] += 0.1
    assert atoms.get_potential_energy() != before
    atoms.positions[0] -= 0.1
    assert atoms.get_potential_energy() == pytest.approx(before, abs=len(atoms) * ENERGY)


def test_a_cluster_without_cell_has_no_stress(path):
    dimer = Atoms("InP", [[0, 0, 0], [2.4, 0, 0]], calculator=snnp.load(path))
    dimer.get_forces()
    assert "stress" not in dimer.calc.results


def test_threads_change_nothing(path, atoms):
    one, many = snnp.load(path, threads=1), snnp.load(path, threads=3)
    assert many.get_potential_energy(atoms) == pytest.approx(one.get_potential_energy(atoms), abs=THREADS * len(atoms))
    np.testing.assert_allclose(many.get_forces(atoms), one.get_forces(atoms), rtol=0, atol=THREADS)
    np.testing.assert_allclose(many.get_stress(atoms), one.get_stress(atoms), rtol=0, atol=THREADS)


def test_the_same_calculation_twice_is_the_same_bit_by_bit(path, atoms):
    first, second = (snnp.load(path, threads=2) for _ in range(2))
    assert first.get_potential_energy(atoms) == second.get_potential_energy(atoms)
    assert (first.get_forces(atoms) == second.get_forces(atoms)).all()


@pytest.mark.parametrize(("value", "threads"), [("3", 3), ("", 1), ("0", 1), ("two", 1), ("-2", 1), (None, 1)])
def test_threads_are_what_openmp_is_told(monkeypatch, value, threads):
    if value is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert default_threads() == threads


def test_a_number_of_threads_that_makes_no_sense_is_refused(path, atoms):
    with pytest.raises(snnp.Error, match="threads: expected a positive number"):
        snnp.load(path, threads=-1).get_potential_energy(atoms)


def test_an_element_that_the_potential_does_not_know_is_named(path):
    with pytest.raises(ElementError, match=r"element Si is not among those of the potential \(In P\)"):
        snnp.load(path).get_potential_energy(bulk("Si"))


def test_no_atoms_have_no_energy(path):
    assert snnp.load(path).get_potential_energy(Atoms()) == 0


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(snnp.Error, match=r"no\.snnp: cannot be opened for reading"):
        snnp.load(tmp_path / "no.snnp")
