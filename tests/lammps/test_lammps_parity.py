"""LAMMPS says what the formulas say, however the work is shared out."""

from functools import cache

import numpy as np
import pytest

import run_lammps as lmp
import snnp
from models import random_model
from snnp import reference
from snnp.data import neighbors
from support import alternating, random_potential, structures, with_four_body, write
from tolerances import MIXED_ENERGY, MIXED_FORCE

# Sums over a hundred neighbours of terms of a few eV, taken in different orders: 1e2 × 1e-16 × 1e1 with a margin of
# 1e3. Virials are forces times distances of a few Å. The data file and the dump carry 17 digits.
ENERGY = 1e-10  # eV/atom
FORCE = 1e-9  # eV/Å
VIRIAL = 1e-8  # eV/atom

ELEMENTS = ["Si", "Ge"]  # against the alphabet, so that a mix-up of types shows
CASES = ["triclinic", "one_atom_cell", "two_atom_cell", "cluster", "slab", "dimer", "isolated"]
WAYS = {
    "serial": {},
    "two threads": {"options": "-pk omp 2 -sf omp"},
    "two ranks": {"ranks": 2},
    "four ranks": {"ranks": 4},
    "two ranks of two threads": {"ranks": 2, "options": "-pk omp 2"},
}
XX_TO_ZY = [0, 4, 8, 1, 2, 5, 3, 6, 7]  # LAMMPS' order of tensor components in a flat 3 × 3


@cache
def potential():
    return with_four_body(random_potential(ELEMENTS, seed=11, uniform=False))


@cache
def atoms(case):
    return lmp.in_lammps_frame(structures(ELEMENTS)[case])


@cache
def expected(case):
    return reference.evaluate(potential(), atoms(case))


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """All cases, by way of running LAMMPS: one process each, so that `clear` is part of the test."""

    @cache
    def by_way(way):
        folder = tmp_path_factory.mktemp("lammps")
        pair = lmp.POTENTIAL.format(potential=write(potential(), folder / "p.snnp"), elements=" ".join(ELEMENTS))
        cases = {case: atoms(case) for case in CASES}
        return lmp.single_points(cases, ELEMENTS, pair, folder, **WAYS[way])

    return by_way


@pytest.fixture(params=CASES)
def case(request):
    return request.param


@pytest.mark.parametrize("way", WAYS)
def test_energy_forces_and_virial_are_those_of_the_formulas(case, way, results):
    found, right, n = results(way)[case], expected(case), len(atoms(case))
    virial = right.virial.flatten()[XX_TO_ZY[:6]]
    assert found.energy == pytest.approx(right.energy, abs=ENERGY * n, rel=0)
    np.testing.assert_allclose(found.energies, right.energies, atol=ENERGY, rtol=0)
    np.testing.assert_allclose(found.forces, right.forces, atol=FORCE, rtol=0)
    np.testing.assert_allclose(found.virial, virial, atol=VIRIAL * n, rtol=0)
    np.testing.assert_allclose(found.virial_by_pairs, virial, atol=VIRIAL * n, rtol=0)


@pytest.mark.parametrize("way", ["serial", "two ranks of two threads"])
def test_virials_of_atoms_are_those_of_the_engine(case, way, results):
    found = results(way)[case]
    calculator = snnp.SNNP(potential())
    batch = neighbors.structures([atoms(case)], ELEMENTS, calculator.cutoff)
    right = np.reshape(calculator.engine.evaluate(batch, 1)["virials"], (-1, 3, 3))
    symmetric = 0.5 * (right + right.transpose(0, 2, 1))
    np.testing.assert_allclose(found.virials, right.reshape(-1, 9)[:, XX_TO_ZY], atol=VIRIAL, rtol=0)
    np.testing.assert_allclose(found.symmetric_virials, symmetric.reshape(-1, 9)[:, XX_TO_ZY[:6]], atol=VIRIAL, rtol=0)


def test_the_order_of_types_is_free(tmp_path, results):
    """Types Ge, Si for a potential of Si, Ge."""
    pair = lmp.POTENTIAL.format(potential=write(potential(), tmp_path / "p.snnp"), elements="Ge Si")
    found = lmp.single_points({"triclinic": atoms("triclinic")}, ELEMENTS[::-1], pair, tmp_path)["triclinic"]
    np.testing.assert_allclose(found.forces, results("serial")["triclinic"].forces, atol=FORCE, rtol=0)


def test_under_hybrid_it_acts_on_its_own_types_only(tmp_path):
    """Xe is left to pair style `zero`; silicon is as if it were alone."""
    mixed = lmp.in_lammps_frame(alternating(structures()["triclinic"], ["Si", "Xe"]))
    write(potential(), tmp_path / "p.snnp")
    pair = "pair_style hybrid snnp zero 5.0\npair_coeff * * snnp p.snnp Si NULL\npair_coeff *2 2 zero"
    found = lmp.single_points({"mixed": mixed}, ["Si", "Xe"], pair, tmp_path)["mixed"]
    silicon = mixed.symbols == "Si"
    right = reference.evaluate(potential(), mixed[silicon])
    assert found.energy == pytest.approx(right.energy, abs=ENERGY * len(mixed), rel=0)
    np.testing.assert_allclose(found.forces[silicon], right.forces, atol=FORCE, rtol=0)
    assert not found.forces[~silicon].any()


def test_elements_that_share_filters_are_told_apart_and_others_left_out(tmp_path):
    """Neighbours of all elements go through the kernels together; xenon is none of them."""
    shared = with_four_body(random_model(("Si", "Ge", "In"), [5], "tanh", "shared").potential(" DATE: none"))
    mixed = lmp.in_lammps_frame(alternating(structures()["triclinic"], ["Si", "Xe", "Ge", "In"]))
    write(shared, tmp_path / "p.snnp")
    pair = "pair_style hybrid snnp zero 5.0\npair_coeff * * snnp p.snnp Si NULL Ge In\n"
    pair += "pair_coeff *2 2 zero\npair_coeff 2 3* zero"
    found = lmp.single_points({"mixed": mixed}, ["Si", "Xe", "Ge", "In"], pair, tmp_path)["mixed"]
    own = np.array(mixed.get_chemical_symbols()) != "Xe"
    right = reference.evaluate(shared, mixed[own])
    assert found.energy == pytest.approx(right.energy, abs=ENERGY * len(mixed), rel=0)
    np.testing.assert_allclose(found.forces[own], right.forces, atol=FORCE, rtol=0)


def test_the_same_potential_twice_is_twice_the_forces(tmp_path, results):
    """hybrid/overlay of two instances of the style."""
    write(potential(), tmp_path / "p.snnp")
    pair = "pair_style hybrid/overlay snnp snnp\n"
    pair += "".join(f"pair_coeff * * snnp {n} p.snnp Si Ge\n" for n in (1, 2))
    found = lmp.single_points({"triclinic": atoms("triclinic")}, ELEMENTS, pair, tmp_path)["triclinic"]
    once = results("serial")["triclinic"]
    np.testing.assert_allclose(found.forces, 2 * once.forces, atol=2 * FORCE, rtol=0)
    np.testing.assert_allclose(found.virial, 2 * once.virial, atol=2 * VIRIAL * len(once.forces), rtol=0)


def test_mixed_precision_is_close_and_double_is_the_default(case, tmp_path, results):
    write(potential(), tmp_path / "p.snnp")
    found = {}
    for precision in ("double", "mixed"):
        pair = f"pair_style snnp precision {precision} extrapolation ignore\npair_coeff * * p.snnp {' '.join(ELEMENTS)}"
        found[precision] = lmp.single_points({case: atoms(case)}, ELEMENTS, pair, tmp_path)[case]
    right = results("serial")[case]
    np.testing.assert_array_equal(found["double"].forces, right.forces)
    np.testing.assert_allclose(found["mixed"].forces, right.forces, atol=MIXED_FORCE, rtol=0)
    assert found["mixed"].energy == pytest.approx(right.energy, abs=MIXED_ENERGY * len(atoms(case)), rel=0)
    if case not in ("isolated", "dimer", "one_atom_cell"):  # without angles, or of no force: maybe the same bits
        assert np.any(found["mixed"].forces != right.forces)
