"""The equation of state: lattice constants, bulk modulus, and whether energies by volume are those of a material."""

from collections.abc import Iterator
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from snnp.analysis.panels import DASHES
from snnp.validation.check import Check, Level, Setting
from snnp.validation.checks.common import Failure, against, crystal_named, energy, failing, finite, relaxed, worst
from snnp.validation.crystals import Crystal
from snnp.validation.elasticity import GPA
from snnp.validation.equation import fit_equation
from snnp.validation.naming import lattice_constants
from snnp.validation.outcome import Line, Outcome, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VOLUMES = np.linspace(0.7, 1.4, 71)  # by that at zero pressure
FITTED = 0.06  # around it: where an equation of third order holds to some parts in a thousand
# Density functionals differ by about 1 % in lattice constants; data of one of them are met to 0.1 %.
LENGTH_WARN, LENGTH_FAIL = 0.01, 0.03
# They differ by 5 to 10 % in bulk moduli, and regressions over few data are as uncertain.
MODULUS_WARN, MODULUS_FAIL = 0.12, 0.35
# Of the span of energies that the data have within these volumes: some per cent are the scatter of good fits.
CURVE, CURVE_WARN, CURVE_FAIL = (0.85, 1.2), 0.05, 0.2
# Where the curve has to be right: from a pressure of about a third of the bulk modulus to a tension at which crystals
# still hold; the pressure has its minimum, where they fall apart (the spinodal), at some larger volume. Farther away,
# where data seldom are, one is warned of what looks strange.
CORE = (0.8, 1.12)
# Change of the local bulk modulus over 1 % of volume, by the larger of it and that at zero pressure: about (B' + 1) %
# in materials, 5 to 8 %, and no more than 15 % where splines end.
KINK_WARN, KINK_FAIL = 0.25, 0.6
FLAT = 0.02  # of the bulk modulus: slopes of the pressure as small as this have no sign


class EquationOfState(Check):
    """Energy and pressure from 0.7 to 1.4 of the volume, shape and scaled positions kept."""

    name = "equation_of_state"
    title = "Equation of state"
    level = Level.QUICK

    def subjects(self, setting: Setting) -> list[str]:
        """Crystals of data and user."""
        return [crystal.name for crystal in setting.important]

    @failing
    def run(self, setting: Setting, subject: str) -> Outcome:
        """Lattice constants, bulk modulus, the shape of the curve, and how far it is from that of the data."""
        crystal = crystal_named(setting, subject)
        atoms = relaxed(setting, crystal)
        volume = atoms.get_volume() / len(atoms)
        lines = [
            against(setting, subject, quantity, value, "Å", LENGTH_WARN, LENGTH_FAIL)
            for quantity, value in lattice_constants(atoms).items()
        ]
        lines.append(against(setting, subject, "volume per atom", volume, "Å³", 3 * LENGTH_WARN, 3 * LENGTH_FAIL))
        curve = volume * VOLUMES
        energies, pressures = np.array([_at(atoms, v) for v in VOLUMES]).T
        near = np.abs(VOLUMES - 1) < FITTED
        equation = fit_equation(curve[near], energies[near])
        if equation is None:
            raise Failure(f"the energy of {subject} has no minimum where its pressure is zero")
        modulus = equation.modulus * GPA
        lines.append(against(setting, subject, "bulk modulus", modulus, "GPa", MODULUS_WARN, MODULUS_FAIL))
        lines.append(Line("pressure derivative of the bulk modulus", equation.derivative))
        lines += _shape(crystal, energies, pressures, modulus, worst(setting, crystal))
        known = setting.references.curves.get(subject, {}).get("equation of state")
        lines += _difference(crystal, known, curve, energies - equation.energy)
        data = {"volume": curve, "energy": energies - equation.energy, "pressure": pressures * GPA, "data": known}
        return Outcome(lines, data)

    def seconds(self, setting: Setting, subject: str) -> float:
        """A guess: 71 primitive cells."""
        return 0.5

    def figure(self, subject: str, data: dict[str, dict]) -> "Figure | None":
        """Energy and pressure by volume; circles: the data."""
        from matplotlib.figure import Figure

        data = {name: found for name, found in data.items() if found.get("volume")}
        if not data:
            return None
        figure = Figure(figsize=(8.5, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        first = next(iter(data.values()))
        if known := first["data"]:
            left.plot(known["volume"], known["energy"], "o", mfc="none", color="black", ms=4, label="data")
        for dashes, (name, found) in zip(cycle(DASHES), data.items(), strict=False):
            left.plot(found["volume"], found["energy"], lw=1.2, ls=dashes, label=name)
            right.plot(found["volume"], found["pressure"], lw=1.2, ls=dashes, label=name)
        low, high = min(min(f["energy"]) for f in data.values()), max(first["energy"])
        left.set(xlim=(min(first["volume"]), max(first["volume"])), ylim=(low - 0.05 * high, 1.05 * high))
        left.set(xlabel="volume, Å³/atom", ylabel="energy, eV/atom", title=subject)
        right.set(xlabel="volume, Å³/atom", ylabel="pressure, GPa")
        right.axhline(0, color="black", lw=0.5)
        left.legend(fontsize=8)
        return figure


def _at(atoms: Atoms, volume: float) -> tuple[float, float]:
    """Energy of an atom, eV, and pressure, eV/Å³."""
    scaled = atoms.copy()
    scaled.set_cell(atoms.cell.array * volume ** (1 / 3), scale_atoms=True)
    scaled.calc = atoms.calc
    stress = finite(scaled, scaled.get_stress)
    return energy(scaled) / len(scaled), -float(stress[:3].mean())


def _shape(
    crystal: Crystal, energies: np.ndarray, pressures: np.ndarray, modulus: float, fail: Verdict
) -> Iterator[Line]:
    """One minimum, a pressure that falls with the volume, and no kink."""
    inner = np.flatnonzero((energies[1:-1] < energies[:-2]) & (energies[1:-1] <= energies[2:])) + 1
    others = [f"{VOLUMES[n]:.2f} V0" for n in inner if abs(VOLUMES[n] - 1) > 0.015]
    text = f"the energy of {crystal.name} has other minima, at {', '.join(others)}" if others else ""
    yield Line("minima of the energy, 0.7 to 1.4 V0", len(inner), "", 1, "", fail if others else Verdict.PASS, text)

    middle = (VOLUMES[1:] + VOLUMES[:-1]) / 2
    stiffness = -middle * np.diff(pressures) / np.diff(VOLUMES) * GPA  # the local bulk modulus
    soft = (stiffness < -FLAT * modulus) & (middle < CORE[1])
    turns = np.diff(np.sign(stiffness[np.abs(stiffness) > FLAT * modulus])) != 0
    text, verdict = "", Verdict.PASS
    if soft.any():
        where = middle[soft]
        text = f"the pressure of {crystal.name} rises with the volume from {where[0]:.2f} to {where[-1]:.2f} V0"
        verdict = fail if where[-1] > CORE[0] else Verdict.WARN
    elif turns.sum() > 1:
        text, verdict = f"the pressure of {crystal.name} has several extrema up to 1.4 V0", Verdict.WARN
    yield Line("pressure falls with the volume", "no" if text else "yes", "", "yes", "", verdict, text)

    jumps = np.abs(np.diff(stiffness)) / np.maximum(np.abs(stiffness[1:]), modulus)
    inside = (VOLUMES[1:-1] > CORE[0]) & (VOLUMES[1:-1] < CORE[1])
    at = int(np.where(inside, jumps, 0).argmax() if jumps[inside].max() > KINK_FAIL else jumps.argmax())
    text, verdict = "", Verdict.PASS
    if jumps[at] > KINK_WARN:
        text = f"the energy of {crystal.name} has a kink: its bulk modulus changes by {100 * jumps[at]:.0f} % "
        text += f"within 0.01 V0, at {VOLUMES[at + 1]:.2f} V0"
        verdict = fail if inside[at] and jumps[at] > KINK_FAIL else Verdict.WARN
    yield Line("largest change of the bulk modulus within 0.01 V0", 100 * jumps[at], "%", None, "", verdict, text)


def _difference(crystal: Crystal, known: dict | None, volumes: np.ndarray, energies: np.ndarray) -> Iterator[Line]:
    """How far the curve is from that of the data, both relative to their minima."""
    if known is None:
        return
    theirs, wanted = np.array(known["volume"]), np.array(known["energy"])
    volume = volumes[np.abs(VOLUMES - 1).argmin()]
    inside = (theirs > CURVE[0] * volume) & (theirs < CURVE[1] * volume)
    if inside.sum() < 3:
        return
    off = np.interp(theirs[inside], volumes, energies) - wanted[inside]
    error, span = float(np.sqrt((off**2).mean())), float(np.ptp(wanted[inside]))
    part = error / span if span else np.inf
    verdict = Verdict.FAIL if part > CURVE_FAIL else Verdict.WARN if part > CURVE_WARN else Verdict.PASS
    text = (
        f"the equation of state of {crystal.name} is off by {1e3 * error:.3g} meV/atom, "
        f"{100 * part:.0f} % of the span of the data"
    )
    quantity = f"difference from the data, {CURVE[0]} to {CURVE[1]} V0"
    yield Line(quantity, 1e3 * error, "meV/atom", 0.0, f"data, {inside.sum()} frames", verdict,
               "" if verdict is Verdict.PASS else text)  # fmt: skip
