"""Two and three atoms: holes in the repulsion are found, and nothing else is taken for one."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from snnp.validation.checks.approach import falls
from snnp.validation.checks.dimers import Dimers
from snnp.validation.checks.molecules import molecule_energies
from snnp.validation.checks.trimers import Trimers
from snnp.validation.model import CalculatorModel
from snnp.validation.outcome import Verdict
from static_models import Triangle, lammps_model, lines, morse, pair_model, setting

SILICON = lammps_model("sw", "Si.sw", "Si")


def bump(r, where, height, width=0.1):
    return height * np.exp(-(((r - where) / width) ** 2))


def dimer(phi):
    outcome = Dimers().run(setting(pair_model(phi)), "Cu-Cu")
    return outcome, lines(outcome)


def test_a_fall_counts_after_a_rise_only_and_small_ones_do_not():
    #          falls, rises by 3, falls by 2, rises, falls by a ripple, rises
    curve = np.array([0, -1, -2, 0, 1, 0, -1, 2, 1.95, 4.0])
    (fall,) = falls(curve, least=0.1)
    assert (fall.outer, fall.inner, fall.height, fall.depth) == (4, 6, 1, 2)
    assert len(falls(curve, least=0.04)) == 2
    assert not falls(curve, least=2.5)


def test_energies_of_molecules_at_once_are_those_of_each_alone():
    molecules = [Atoms("Si2", [[0, 0, 0], [0, 0, r]]) for r in (0.3, 1.0, 2.35, 3.5)]
    molecules += [Atoms("Si3", [[0, 2.3, 0], [0, 0, 0], [r, 0, 0]]) for r in (1.5, 2.2)]
    one_by_one = []
    for molecule in molecules:
        molecule.center(vacuum=5.0)
        calculator = SILICON.calculator()
        one_by_one.append(calculator.get_potential_energy(molecule))
    # LAMMPS gives energies of 1e4 eV; sums over a thousand atoms in another order.
    assert molecule_energies(SILICON, molecules) == pytest.approx(one_by_one, abs=1e-8, rel=1e-11)


def test_two_atoms_with_one_well_pass():
    outcome, found = dimer(morse)
    assert outcome.verdict < Verdict.WARN
    assert found["bond length"].value == pytest.approx(2.5, abs=0.01)  # the step of the scan
    # Less the energy at 12 Å; at a step's distance from the minimum, curvature 4.5 eV/Å², 1e-4 eV.
    assert found["dissociation energy"].value == pytest.approx(1.0, abs=2e-4)
    assert found["energy at 0.3 Å"].value == pytest.approx(morse(0.3), abs=1e-6)


# At 1.5 Å Morse has 11 eV and a slope of -60 eV/Å.
@pytest.mark.parametrize("depth", [8.0, 12.0, 100.0])  # above atoms alone, below them, below the bond
def test_a_hole_inside_the_repulsion_fails_and_is_located(depth):
    outcome, found = dimer(lambda r: morse(r) - bump(r, 1.5, depth))
    assert found["holes"].verdict is Verdict.FAIL
    outer, inner = (float(word) for word in found["holes"].value.split() if word[0].isdigit())
    assert 1.4 < inner < 1.55 < outer < 1.9
    assert "Cu-Cu attracts from" in found["holes"].sentence
    assert found["bond length"].value == pytest.approx(2.5, abs=0.01)  # of the bond, not of the hole
    assert outcome.verdict is Verdict.FAIL


def test_a_shoulder_is_no_hole():
    _, found = dimer(lambda r: morse(r) - bump(r, 1.5, 2.0))
    assert found["holes"].verdict is Verdict.PASS


def test_atoms_that_do_not_repel_fail():
    _, found = dimer(lambda r: -np.exp(-r))
    assert found["energy at 0.3 Å"].verdict is Verdict.FAIL
    assert "does not repel" in found["energy at 0.3 Å"].sentence


def test_a_barrier_outside_of_the_bond_is_to_be_warned_of_and_a_ripple_is_not():
    _, found = dimer(lambda r: morse(r) + bump(r, 4.5, 0.4))
    assert found["holes"].verdict is Verdict.PASS
    assert found["barrier outside of the bond"].verdict is Verdict.WARN
    _, found = dimer(lambda r: morse(r) + bump(r, 4.5, 0.15))
    assert "barrier outside of the bond" not in found


@pytest.mark.parametrize(("length", "verdict"), [(1.7, "info"), (1.5, "warn"), (1.2, "fail")])
def test_a_bond_much_shorter_than_the_atoms_is_to_be_warned_of(length, verdict):
    """Covalent radii of copper, 1.32 Å, and lengths that are 0.64, 0.57, 0.45 of two of them."""
    _, found = dimer(lambda r: morse(r + 2.5 - length))
    assert found["bond length"].verdict.value == verdict


def test_a_bond_stronger_than_any_fails():
    _, found = dimer(lambda r: 15 * morse(r))
    assert found["dissociation energy"].verdict is Verdict.FAIL


def test_a_dimer_below_the_crystal_fails():
    crystal = bulk("Cu", "sc", 4.0)  # six bonds of -0.2 eV
    model = pair_model(morse)
    crystal.calc = model.calculator()
    outcome = Dimers().run(setting(model, {"sc Cu": crystal}, relaxed=True), "Cu-Cu")
    assert lines(outcome)["binding energy"].verdict is Verdict.PASS
    stretched = crystal.copy()
    stretched.set_cell(1.4 * crystal.cell.array, scale_atoms=True)
    outcome = Dimers().run(setting(model, {"sc Cu": stretched}, relaxed=True), "Cu-Cu")
    assert lines(outcome)["binding energy"].verdict is Verdict.FAIL


def test_three_atoms_are_bound_where_their_bonds_are_longest_too():
    """At the minimum of each bond, which is longer than two covalent radii of copper (2.64 Å)."""
    model = pair_model(lambda r: morse(r - 0.5))
    found = lines(Trimers().run(setting(model), "Cu-Cu-Cu"))
    # Three bonds of 1 eV; the steps of the scan are 0.04 Å wide: ½ · 4.5 eV/Å² · (0.02 Å)² at most.
    assert found["binding energy"].value == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(("check", "subject"), [(Dimers(), "Cu-Cu"), (Trimers(), "Cu-Cu-Cu")])
def test_an_energy_that_is_no_number_fails_with_a_sentence(check, subject):
    outcome = check.run(setting(pair_model(lambda r: np.where(r < 0.8, np.nan, morse(r)))), subject)
    (line,) = outcome.lines
    assert line.verdict is Verdict.FAIL and "no finite number" in line.sentence


def test_every_pair_and_every_angle_of_elements_is_asked_of():
    two = setting(pair_model(morse, "P", "In"))
    assert Dimers().subjects(two) == ["In-In", "In-P", "P-P"]
    assert Trimers().subjects(two) == ["In-In-In", "In-P-In", "In-In-P", "In-P-P", "P-In-P", "P-P-P"]


def test_three_atoms_that_collapse_fail_where_two_do_not():
    model = CalculatorModel(Triangle, ["C"])
    assert Dimers().run(setting(model), "C-C").verdict < Verdict.WARN
    found = lines(Trimers().run(setting(model), "C-C-C"))
    assert found["holes"].verdict is Verdict.FAIL
    assert "although closer than in the crystal" in found["holes"].sentence


@pytest.mark.parametrize(
    ("model", "subject"),
    [
        (SILICON, "Si-Si-Si"),
        (lammps_model("eam/alloy", "Cu_mishin1.eam.alloy", "Cu"), "Cu-Cu-Cu"),
        # Short cutoffs: bonds form within a few tenths of an Å.
        (lammps_model("tersoff", "SiC.tersoff", "Si", "C"), "C-Si-C"),
    ],
    ids=["Stillinger-Weber", "EAM", "Tersoff"],
)
def test_published_potentials_have_no_holes(model, subject):
    asked = setting(model)
    for check, of in ((Dimers(), subject[: subject.rindex("-")]), (Trimers(), subject)):
        outcome = check.run(asked, of)
        assert lines(outcome)["holes"].verdict is Verdict.PASS
        assert outcome.verdict < Verdict.WARN
        assert check.figure(of, {"a": outcome.data, "b": outcome.data}) is not None
    assert Dimers().figure("X", {"failed": {}}) is None
