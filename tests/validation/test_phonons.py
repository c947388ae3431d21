"""Frequencies are those of frozen phonons; imaginary modes are found where a crystal is unstable."""

import numpy as np
import pytest
from ase import units
from ase.build import bulk

from snnp.validation.check import Level
from snnp.validation.checks.force_constants import Phonons
from snnp.validation.checks.phonons import PhononCheck
from snnp.validation.outcome import Verdict
from static_models import lammps_model, lines, setting

COPPER = lammps_model("eam/alloy", "Cu_mishin1.eam.alloy", "Cu")
SILICON = lammps_model("sw", "Si.sw", "Si")
# The direct way takes the second derivative by one step, 0.01 Å; that of phonopy also folds forces beyond 10 Å.
SAME = 2e-3
THZ = units._e**0.5 / units._amu**0.5 * 1e10 / (2 * np.pi) / 1e12  # of √(eV/Å²/u)


def frozen(atoms, calculator, directions, step=0.01):
    """Frequency, THz, of a mode in which atoms move along these directions (n, 3), by forces against them."""
    forces = []
    for sign in (1, -1):
        moved = atoms.copy()
        moved.calc = calculator
        moved.positions += sign * step * directions
        forces.append((moved.get_forces() * directions).sum() / sign)
    stiffness = -np.mean(forces) / step
    inertia = (atoms.get_masses()[:, None] * directions**2).sum()
    return THZ * np.sqrt(stiffness / inertia)


@pytest.fixture(scope="module")
def copper():
    crystals = {"fcc Cu": bulk("Cu", "fcc", 3.615), "bcc Cu": bulk("Cu", "bcc", 2.88)}
    return setting(COPPER, crystals, Level.FULL, relaxed=True)


@pytest.fixture(scope="module")
def silicon():
    return setting(SILICON, {"diamond Si": bulk("Si", "diamond", 5.431)}, relaxed=True)


@pytest.mark.parametrize(("kind", "axis"), [("longitudinal", 2), ("transverse", 0)])
def test_frequencies_at_x_of_fcc_are_those_of_planes_that_move_against_each_other(copper, kind, axis):
    atoms = copper.relaxed(copper.crystals[0])
    cubic = bulk("Cu", "fcc", 2**0.5 * np.linalg.norm(atoms.cell[0]), cubic=True)
    directions = np.zeros((4, 3))
    directions[:, axis] = np.where(np.isclose(cubic.positions[:, 2], 0), 1, -1)
    phonons = Phonons.of(atoms, atoms.calc, 10.0)
    assert phonons.modes("X")[f" {kind}"] == pytest.approx(frozen(cubic, COPPER.calculator(), directions), rel=SAME)


def test_the_optical_mode_of_diamond_is_that_of_two_sublattices(silicon):
    directions = np.array([[1.0, 0, 0], [-1.0, 0, 0]])
    direct = frozen(silicon.crystals[0].atoms, SILICON.calculator(), directions)
    found = lines(PhononCheck().run(silicon, "diamond Si"))
    assert found["phonon Gamma optical"].value == pytest.approx(direct, rel=SAME)
    # At X of diamond, where the longitudinal acoustic and optical modes are one.
    names = ["phonon X transverse 1", "phonon X longitudinal", "phonon X transverse 2"]
    frequencies = [found[name].value for name in names]
    assert frequencies == sorted(frequencies)
    assert found["lowest frequency"].verdict is Verdict.PASS


def test_the_heat_capacity_is_the_integral_over_the_density_of_states(silicon):
    atoms = silicon.relaxed(silicon.crystals[0])
    phonons = Phonons.of(atoms, atoms.calc, 10.0)
    frequency, density = (np.array(phonons.density_of_states[key]) for key in ("frequency", "density"))
    x = units._hplanck * 1e12 * np.maximum(frequency, 1e-6) / (units._k * 300)
    einstein = x**2 * np.exp(x) / (np.exp(x) - 1) ** 2
    # Per atom of two; the histogram of states has 200 points.
    assert phonons.heat_capacity(300) == pytest.approx(np.trapezoid(density * einstein, frequency) / 2, rel=5e-3)
    assert phonons.heat_capacity(1e5) == pytest.approx(3, abs=1e-5)  # Dulong and Petit; (hν/kT)²/12 is 5e-6


def test_imaginary_modes_fail_a_ground_state_and_not_another_crystal(copper):
    """Bcc copper is unstable against shear."""
    check = PhononCheck()
    assert check.subjects(copper) == ["fcc Cu", "bcc Cu"]
    line = lines(check.run(copper, "bcc Cu"))["lowest frequency"]
    assert line.value < -0.3 and line.verdict is Verdict.INFO
    alone = setting(COPPER, {"bcc Cu": bulk("Cu", "bcc", 2.88)}, relaxed=True)
    outcome = check.run(alone, "bcc Cu")
    line = lines(outcome)["lowest frequency"]
    assert line.verdict is Verdict.FAIL and "bcc Cu has imaginary modes" in line.sentence
    assert "heat capacity, 300 K" not in lines(outcome)  # of no meaning there


def test_only_ground_states_are_asked_of_before_the_full_level():
    crystals = {"fcc Cu": bulk("Cu", "fcc", 3.615), "bcc Cu": bulk("Cu", "bcc", 2.88)}
    assert PhononCheck().subjects(setting(COPPER, crystals)) == ["fcc Cu"]


def test_references_are_taken_by_the_names_of_modes_and_drawn(silicon):
    values = {"phonon X transverse 1": 6.7, "phonon L transverse 1": 3.0, "phonon Gamma optical": 12.0}
    known = setting(
        SILICON, {"diamond Si": bulk("Si", "diamond", 5.431)}, references={"diamond Si": values}, relaxed=True
    )
    outcome = PhononCheck().run(known, "diamond Si")
    verdicts = [lines(outcome)[quantity].verdict for quantity in values]
    # Found: 6.65, 4.70, 17.8 THz; deviations relative to the highest frequency, 17.8 THz: 0.3, 10, 33 %.
    assert verdicts == [Verdict.PASS, Verdict.PASS, Verdict.FAIL]
    assert outcome.data["references"] == values
    assert PhononCheck().figure("diamond Si", {"a": outcome.data, "b": outcome.data}) is not None


def test_a_crystal_that_does_not_relax_fails_with_a_sentence():
    asked = setting(COPPER, {"fcc Cu": bulk("Cu", "fcc", 3.615)})
    asked._relaxed["fcc Cu"] = None
    (line,) = PhononCheck().run(asked, "fcc Cu").lines
    assert line.verdict is Verdict.FAIL and "fcc Cu does not relax" in line.sentence
