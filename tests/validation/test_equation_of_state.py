"""Equations of state: lattice constants and bulk moduli are right, and curves that are no material's are found."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from snnp.validation.checks.elastic import elasticity
from snnp.validation.checks.equation_of_state import EquationOfState
from snnp.validation.equation import Equation, fit_equation
from snnp.validation.model import CalculatorModel
from snnp.validation.outcome import Verdict
from snnp.validation.record import plain
from snnp.validation.relaxation import relax
from static_models import lammps_model, lines, setting

COPPER = CalculatorModel(EMT, ["Cu"])
FCC = bulk("Cu")
KINK = "largest change of the bulk modulus within 0.01 V0"


def test_a_fit_finds_the_equation_that_made_the_energies():
    made = Equation(energy=-3.5, volume=11.8, modulus=0.85, derivative=4.9)
    volumes = np.linspace(10.5, 13.0, 9)
    found = fit_equation(volumes, made(volumes))
    # Exact: the equation is the polynomial that is fitted; energies are rounded to 1e-15.
    assert [found.energy, found.volume, found.modulus, found.derivative] == pytest.approx(
        [-3.5, 11.8, 0.85, 4.9], rel=1e-7
    )


@pytest.mark.parametrize("volumes", [np.linspace(12, 14, 9), np.linspace(9, 11, 9), [11.0, 11.8, 12.5]])
def test_energies_without_a_minimum_have_no_equation(volumes):
    assert fit_equation(volumes, Equation(-3.5, 11.8, 0.85, 4.9)(volumes)) is None


def test_copper_passes():
    atoms = relax(FCC, EMT())
    tensor = elasticity(atoms).relaxed
    a = atoms.cell.lengths()[0] * 2**0.5
    asked = setting(COPPER, {"fcc Cu": FCC}, references={"fcc Cu": {"lattice constant a": a}})
    volumes = atoms.get_volume() * np.array([0.9, 0.95, 1.0, 1.05, 1.1])
    asked.references.curves["fcc Cu"] = {"equation of state": {"volume": list(volumes), "energy": _energies(volumes)}}
    outcome = EquationOfState().run(asked, "fcc Cu")
    found = lines(outcome)
    assert outcome.verdict in (Verdict.PASS, Verdict.INFO)
    assert found["lattice constant a"].value == pytest.approx(a, rel=1e-6)
    # Birch's equation over ± 6 % of volume: 0.3 %.
    assert found["bulk modulus"].value == pytest.approx((tensor[0, 0] + 2 * tensor[0, 1]) / 3, rel=3e-3)
    # Between points of the grid energies are interpolated linearly: off by less than 0.2 meV.
    assert found["difference from the data, 0.85 to 1.2 V0"].value < 0.2
    assert EquationOfState().figure("fcc Cu", {"EMT": plain(outcome.data)}) is not None


def _energies(volumes):
    found = []
    for volume in volumes:
        atoms = bulk("Cu", a=(4 * volume) ** (1 / 3))
        atoms.calc = EMT()
        found.append(atoms.get_potential_energy())
    return [energy - relax(FCC, EMT()).get_potential_energy() for energy in found]


def test_another_curve_than_that_of_the_data_fails():
    asked = setting(COPPER, {"fcc Cu": FCC}, references={"fcc Cu": {"bulk modulus": 60.0, "lattice constant a": 3.8}})
    volumes = np.linspace(10.5, 13, 9)
    softer = Equation(0.0, 11.6, 0.4, 5.0)(volumes)
    asked.references.curves["fcc Cu"] = {"equation of state": {"volume": list(volumes), "energy": list(softer)}}
    found = lines(EquationOfState().run(asked, "fcc Cu"))
    for quantity in ("bulk modulus", "lattice constant a", "difference from the data, 0.85 to 1.2 V0"):
        assert found[quantity].verdict is Verdict.FAIL and found[quantity].sentence


class _Changed(EMT):
    """EMT with an energy of an atom that depends on its volume, added; extra: its value and slope."""

    def __init__(self, extra):
        super().__init__()
        self.extra = extra

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, ["energy", "forces", "stress"], system_changes)
        n = len(self.atoms)
        value, slope = self.extra(self.atoms.get_volume() / n)
        self.results = dict(self.results, energy=self.results["energy"] + n * value)
        self.results["stress"] = self.results["stress"] + np.array([slope] * 3 + [0] * 3)


def _kink(v):
    """Quadratic from 10.7 Å³ down: the pressure has a corner there, at 0.92 V0."""
    return (0.5 * 2.0 * (v - 10.7) ** 2, 2.0 * (v - 10.7)) if v < 10.7 else (0.0, 0.0)


def _well(v):
    """A second minimum at 14.5 Å³, 1.25 V0."""
    u = (v - 14.5) / 0.6
    return -0.6 * np.exp(-(u**2)), 1.2 * u / 0.6 * np.exp(-(u**2))


def _dip(v):
    """The pressure falls under compression at about 10 Å³, 0.86 V0."""
    u = (v - 10.0) / 0.35
    return -0.15 * np.exp(-(u**2)), 0.3 * u / 0.35 * np.exp(-(u**2))


@pytest.mark.parametrize(
    ("extra", "quantity", "sentence"),
    [
        (_kink, KINK, "has a kink: its bulk modulus changes by"),
        (_well, "minima of the energy, 0.7 to 1.4 V0", "has other minima, at 1.2"),
        (_dip, "pressure falls with the volume", "rises with the volume from 0.8"),
    ],
)
def test_curves_that_are_no_materials_fail(extra, quantity, sentence):
    model = CalculatorModel(lambda: _Changed(extra), ["Cu"])
    line = lines(EquationOfState().run(setting(model, {"fcc Cu": FCC}), "fcc Cu"))[quantity]
    assert line.verdict is Verdict.FAIL and sentence in line.sentence


@pytest.mark.parametrize(
    ("style", "file", "crystal"),
    [
        ("eam/alloy", "Cu_mishin1.eam.alloy", bulk("Cu")),
        ("eam/alloy", "Al_zhou.eam.alloy", bulk("Al")),
        ("sw", "Si.sw", bulk("Si")),
        ("tersoff", "Si.tersoff", bulk("Si")),
    ],
)
def test_classical_potentials_have_the_curves_of_materials(style, file, crystal):
    element = crystal.symbols[0]
    outcome = EquationOfState().run(setting(lammps_model(style, file, element), {element: crystal}), element)
    assert outcome.verdict is not Verdict.FAIL


def test_a_crystal_that_is_not_there_fails():
    model = CalculatorModel(lambda: _Changed(lambda v: (-2.0 * v, -2.0)), ["Cu"])
    outcome = EquationOfState().run(setting(model, {"fcc Cu": FCC}), "fcc Cu")
    assert outcome.verdict is Verdict.FAIL and "does not relax to a crystal" in outcome.lines[0].sentence
