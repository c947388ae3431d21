"""The ASE calculator."""

import re

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import snnp
import support
from snnp.calculator import SNNP, default_threads
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


def test_stresses_of_atoms_add_up(path, atoms):
    atoms.calc = snnp.load(path)
    stresses = atoms.get_stresses()
    assert stresses.shape == (len(atoms), 6)
    # V σ is an energy: it adds up as energies do.
    assert stresses.sum(0) == pytest.approx(atoms.get_stress(), abs=10 * len(atoms) * ENERGY / atoms.get_volume())
    assert np.ptp(stresses, axis=0).min() > 0


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


@pytest.mark.parametrize(
    ("value", "threads"), [("3", 3), ("4,2", 4), ("", 1), ("0", 1), ("two", 1), ("-2", 1), (None, 1)]
)
def test_threads_are_what_openmp_is_told(path, monkeypatch, value, threads):
    if value is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert default_threads() == snnp.load(path).threads == threads


@pytest.mark.parametrize("threads", [-1, 0, 1.5, "2", 100_000])
def test_a_number_of_threads_that_makes_no_sense_is_refused(path, threads):
    sentence = f"threads: expected a whole number from 1 to 1024, found {threads!r}"
    with pytest.raises(snnp.Error, match=re.escape(sentence)):
        snnp.load(path, threads=threads)
    with pytest.raises(snnp.Error, match=re.escape(sentence)):
        snnp.load(path).set(threads=threads)


def test_threads_can_be_set_later(path, atoms):
    calculator, two = snnp.load(path), snnp.load(path, threads=2)
    calculator.get_forces(atoms)
    assert calculator.set(threads=2) == {"threads": 2}
    assert calculator.threads == 2
    assert (calculator.get_forces(atoms) == two.get_forces(atoms)).all()
    assert calculator.set(threads=2) == {}


def test_a_parameter_that_the_calculator_does_not_have_is_named(path):
    with pytest.raises(TypeError, match="found 'thread', expected 'threads'"):
        SNNP(path, thread=2)
    with pytest.raises(TypeError, match="found 'cutoff', expected 'threads'"):
        snnp.load(path).set(cutoff=5.0)


def test_a_potential_already_read_is_as_good_as_its_file(path, atoms):
    energy = snnp.load(path).get_potential_energy(atoms)
    for potential in (snnp.Potential.read(path), snnp.Potential.read(path).data):
        assert SNNP(potential).get_potential_energy(atoms) == energy


def test_editing_a_potential_does_not_change_its_calculator(path, atoms):
    potential = snnp.Potential.read(path)
    calculator = potential.calculator()
    energy = calculator.get_potential_energy(atoms)
    for data in (potential.data, calculator.potential):
        data.elements[0].e0 += 1.0
        data.elements = data.elements[:1]
        data.n2 = 0
    calculator.reset()
    assert calculator.get_potential_energy(atoms) == energy
    assert calculator.elements == ["In", "P"]


def test_an_element_that_the_potential_does_not_know_is_named(path):
    with pytest.raises(ElementError, match=r"element Si is not among those of the potential \(In P\)"):
        snnp.load(path).get_potential_energy(bulk("Si"))


def test_no_atoms_have_no_energy(path):
    assert snnp.load(path).get_potential_energy(Atoms()) == 0


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(snnp.Error, match=r"no\.snnp: cannot be opened for reading"):
        snnp.load(tmp_path / "no.snnp")
