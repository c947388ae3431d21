"""Crystals of one composition: which is the lowest, how far above it the others are, and what compounds gain."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from snnp.validation.check import Check, Level, Setting
from snnp.validation.checks.common import NEARLY, Failure, condemn, energy, failing, relaxed
from snnp.validation.crystals import Crystal
from snnp.validation.outcome import Line, Outcome, Verdict, compare

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Energies of fitted crystals are off by one or two meV/atom; crystals this close may change places.
SAME = 2.0  # meV/atom
# Relative to the reference, or to this where phases are closer, as errors of fits and functionals do not shrink.
CLOSE = 25.0  # meV/atom
ENERGY_WARN, ENERGY_FAIL = 0.2, 0.5


class Phases(Check):
    """Energies of the relaxed crystals of a composition, relative to its ground state."""

    name = "phases"
    title = "Order of phases"
    level = Level.QUICK

    def subjects(self, setting: Setting) -> list[str]:
        """Compositions."""
        return [crystal.formula for crystal in setting.ground_states]

    @failing
    def run(self, setting: Setting, subject: str) -> Outcome:
        """Energies above the ground state of the reference, which nothing should be below; the energy of formation."""
        ground, *others = (crystal for crystal in setting.crystals if crystal.formula == subject)
        lowest = _energy(setting, ground)
        lines, found = [], {ground.name: 0.0}
        for crystal in others:
            try:
                found[crystal.name] = float(1e3 * (_energy(setting, crystal) - lowest))
            except Failure as failure:
                lines.append(Line(crystal.name, None, verdict=Verdict.WARN, sentence=str(failure)))
            else:
                lines.append(_above(setting, ground, crystal, found[crystal.name]))
        lines += _formation(setting, ground, lowest)
        references = {c.name: r for c in others if (r := _reference(setting, ground, c)[0]) is not None}
        return Outcome(lines, {"above": found, "references": references})

    def seconds(self, setting: Setting, subject: str) -> float:
        """A guess: relaxations in small cells."""
        return 0.2 * sum(crystal.formula == subject for crystal in setting.crystals)

    def figure(self, subject: str, data: dict[str, dict]) -> "Figure | None":
        """Energies above the ground state; lines: reference."""
        from matplotlib.figure import Figure

        data = {name: found for name, found in data.items() if len(found.get("above", {})) > 1}
        if not data:
            return None
        crystals = list(dict.fromkeys(crystal for found in data.values() for crystal in found["above"]))
        figure = Figure(figsize=(1.5 + 0.9 * len(crystals), 3.4), layout="constrained")
        axes = figure.subplots()
        wide = 0.8 / len(data)
        for n, (name, found) in enumerate(data.items()):
            where = [crystals.index(c) + wide * (n + 0.5) - 0.4 for c in found["above"]]
            axes.bar(where, list(found["above"].values()), width=0.9 * wide, label=name)
        for crystal, value in next(iter(data.values()))["references"].items():
            axes.plot(crystals.index(crystal) + np.array([-0.4, 0.4]), [value, value], color="black", lw=1.5)
        axes.set_xticks(range(len(crystals)), crystals, rotation=30)
        axes.set(ylabel="energy, meV/atom", title=f"{subject}: above {crystals[0]}; lines: reference")
        axes.axhline(0, color="black", lw=0.5)
        axes.legend(fontsize=8)
        return figure


def _energy(setting: Setting, crystal: Crystal) -> float:
    """Energy of the relaxed crystal, eV/atom."""
    atoms = relaxed(setting, crystal)
    return energy(atoms) / len(atoms)


def _reference(setting: Setting, ground: Crystal, crystal: Crystal) -> tuple[float | None, str]:
    """Energy above the ground state by the user's file or by the data, meV/atom, and which of them."""
    known = setting.references.get(crystal.name, "energy above ground state")
    if known is not None:
        return known.value, known.source
    if None in (ground.energy, crystal.energy):
        return None, ""
    return 1e3 * (crystal.energy - ground.energy), crystal.origin


def _above(setting: Setting, ground: Crystal, crystal: Crystal, value: float) -> Line:
    quantity = f"{crystal.name} above {ground.name}"
    reference, source = _reference(setting, ground, crystal)
    if value < -SAME and not (reference is not None and reference < SAME):
        text = f"{crystal.name} is {-value:.3g} meV/atom below {ground.name}, which should be the ground state"
        line = Line(quantity, value, "meV/atom", reference, source, Verdict.WARN, text)
        return line if reference is None and value > -NEARLY else condemn(line, ground, text)
    scale = None if reference is None else max(CLOSE, abs(reference))
    return compare(quantity, value, "meV/atom", reference, source, ENERGY_WARN, ENERGY_FAIL, scale)


def _formation(setting: Setting, ground: Crystal, lowest: float) -> Iterator[Line]:
    """Energy of a compound less that of its elements in their ground states, where these are among the crystals."""
    elements = {c.formula: c for c in setting.ground_states if c.is_element}
    if ground.is_element or not set(ground.atoms.symbols) <= set(elements):
        return
    parts = [elements[symbol] for symbol in ground.atoms.symbols]
    value = float(1e3 * (lowest - np.mean([_energy(setting, part) for part in parts])))
    reference = None
    quantity, source = "energy of formation", ""
    if None not in (ground.energy, *(part.energy for part in parts)):
        reference = float(1e3 * (ground.energy - np.mean([part.energy for part in parts])))
        source = ground.origin
    known = setting.references.get(ground.formula, quantity) or setting.references.get(ground.name, quantity)
    if known is not None:
        reference, source = known.value, known.source
    if value > SAME and (reference is None or reference < 0):
        text = f"{ground.name} is {value:.3g} meV/atom above its elements, into which it would decay"
        yield Line(
            quantity, value, "meV/atom", reference, source, Verdict.WARN if reference is None else Verdict.FAIL, text
        )
    else:
        scale = None if reference is None else max(CLOSE, abs(reference))
        yield compare(quantity, value, "meV/atom", reference, source, ENERGY_WARN, ENERGY_FAIL, scale)
