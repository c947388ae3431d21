"""Phonons: imaginary modes, heat capacity, frequencies at points of symmetry, along the path of seekpath.

Without the splitting of longitudinal and transverse optical modes at Γ (LO-TO), for which a potential has no charges.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from snnp.validation.check import Check, Level, Setting
from snnp.validation.checks.common import NEARLY, against, condemn, crystal_named, failing, relaxed, width
from snnp.validation.checks.force_constants import MOST_ATOMS, Phonons
from snnp.validation.crystals import Crystal
from snnp.validation.outcome import Line, Outcome, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPERATURE = 300.0  # K
# Of the highest frequency. Forces of a supercell narrower than four cutoffs (triplets reach across two) are folded, and
# near Γ, where frequencies vanish, the interpolation then goes below zero by about this.
NOISE = 0.01
# Beyond it a crystal distorts by itself. Between them it may be an artefact of the interpolation.
IMAGINARY_FAIL = 0.05
# Frequencies of DFT functionals differ by some per cent among themselves and from experiment.
FREQUENCY_WARN, FREQUENCY_FAIL = 0.1, 0.3
# At 300 K most crystals are within some per cent of 3 k_B: an error of 15 % is one of a third in frequencies.
HEAT_WARN, HEAT_FAIL = 0.05, 0.15
_DRAWN = 25  # points of a line of the path at most, so that pages stay small


class PhononCheck(Check):
    """Phonons of the ground states; from `FULL` on of all crystals."""

    name = "phonons"
    title = "Phonons, without LO-TO splitting"
    level = Level.STANDARD

    def subjects(self, setting: Setting) -> list[str]:
        """Ground states and what is as low or named by the user; for `FULL` all crystals."""
        return [c.name for c in setting.crystals if setting.level is Level.FULL or _matters(setting, c)]

    @failing
    def run(self, setting: Setting, subject: str) -> Outcome:
        """The lowest frequency, the heat capacity, frequencies at points of symmetry."""
        crystal = crystal_named(setting, subject)
        atoms = relaxed(setting, crystal)
        wide = width(setting.model)
        phonons = Phonons.of(atoms, atoms.calc, wide)
        lines = [_lowest(setting, crystal, phonons)]
        if phonons.extremes[0] >= -NOISE * phonons.extremes[1]:
            capacity = phonons.heat_capacity(TEMPERATURE)
            lines.append(
                against(
                    setting, subject, f"heat capacity, {TEMPERATURE:g} K", capacity, "k_B/atom", HEAT_WARN, HEAT_FAIL
                )
            )
        points = _points(phonons)
        for quantity, frequency in points.items():
            if "mixed" in quantity and setting.references.get(subject, quantity) is None:
                continue  # in the data and in the figure
            lines.append(
                against(
                    setting, subject, quantity, frequency, "THz", FREQUENCY_WARN, FREQUENCY_FAIL, phonons.extremes[1]
                )
            )
        if phonons.narrowest < wide:
            lines.append(Line("width of the supercell", phonons.narrowest, "Å", sentence=f"{MOST_ATOMS} atoms at most"))
        known = {q: r.value for q in points if (r := setting.references.get(subject, q))}
        data = {"bands": phonons.bands, "dos": phonons.density_of_states, "points": points, "references": known}
        return Outcome(lines, data)

    def seconds(self, setting: Setting, subject: str) -> float:
        """A guess: displacements in some directions for each atom, and sums over the zone."""
        return 1.0 + 1.0 * len(crystal_named(setting, subject).atoms)

    def figure(self, subject: str, data: dict[str, dict]) -> "Figure | None":
        """Bands and densities of states; circles: reference."""
        from matplotlib.figure import Figure

        data = {name: found for name, found in data.items() if found}
        if not data:
            return None
        figure = Figure(figsize=(7.5, 3.6), layout="constrained")
        axes, side = figure.subplots(1, 2, sharey=True, width_ratios=[4, 1])
        for n, (name, found) in enumerate(data.items()):
            _draw_bands(axes, found, f"C{n}", name)
            side.plot(found["dos"]["density"], found["dos"]["frequency"], color=f"C{n}", lw=0.9)
        _label_path(axes, next(iter(data.values())))
        axes.set(ylabel="frequency, THz (imaginary: negative)", title=subject)
        axes.axhline(0, color="black", lw=0.5)
        axes.legend(fontsize=8)
        side.set(xlabel="states, 1/THz", xlim=(0, None))
        return figure


def _matters(setting: Setting, crystal: Crystal) -> bool:
    """Ground states, crystals that the user names, and those that the reference has next to the ground state."""
    first = next(c for c in setting.ground_states if c.formula == crystal.formula)
    near = None not in (crystal.energy, first.energy) and 1e3 * (crystal.energy - first.energy) < NEARLY
    return crystal is first or crystal.origin == "named" or near


def _lowest(setting: Setting, crystal: Crystal, phonons: Phonons) -> Line:
    """Imaginary modes fail a ground state; other crystals may have them."""
    lowest, highest = phonons.extremes
    line = against(setting, crystal.name, "lowest frequency", lowest, "THz", NOISE, IMAGINARY_FAIL, highest)
    if line.verdict is not Verdict.INFO:
        return line
    if lowest >= -NOISE * highest:
        return replace(line, verdict=Verdict.PASS)
    text = f"{crystal.name} has imaginary modes down to {lowest:.3g} THz: it is not stable, atoms leave their sites"
    if not _matters(setting, crystal):
        return replace(line, sentence=text)
    if lowest >= -IMAGINARY_FAIL * highest:
        return replace(line, verdict=Verdict.WARN, sentence=text)
    return condemn(line, crystal, text)


def _points(phonons: Phonons) -> dict[str, float]:
    """Frequencies (THz) at the ends of the lines of the path: "phonon N longitudinal"; of equal points, one."""
    names = dict.fromkeys(end for line in phonons.path["path"] for end in line)
    found: dict[tuple, tuple[str, dict[str, float]]] = {}
    for name in names:
        modes = phonons.modes(name)
        key = tuple(round(frequency / phonons.extremes[1], 3) for frequency in modes.values())
        # K and U of fcc are the same, but q points along an axis of symmetry at K only.
        if key not in found or str(modes).count("mixed") < str(found[key][1]).count("mixed"):
            found[key] = name, modes
    return {f"phonon {_plain(name)}{kind}": value for name, modes in found.values() for kind, value in modes.items()}


def _plain(point: str) -> str:
    return "Gamma" if point == "GAMMA" else point.replace("_", "")


def _draw_bands(axes, found: dict, color: str, label: str) -> None:
    for n, line in enumerate(found["bands"]):
        shown = np.unique(np.linspace(0, len(line["distance"]) - 1, _DRAWN).astype(int))
        for m, frequencies in enumerate(np.array(line["frequency"])[:, shown]):
            axes.plot(
                np.array(line["distance"])[shown],
                frequencies,
                color=color,
                lw=0.9,
                label=label if n == m == 0 else None,
            )
        for end, where in zip(line["ends"], (line["distance"][0], line["distance"][-1]), strict=True):
            values = [v for q, v in found["references"].items() if q.split()[1] == _plain(end)]
            axes.plot([where] * len(values), values, "o", color="black", mfc="none", ms=5)


def _label_path(axes, found: dict) -> None:
    ticks: dict[float, list[str]] = {}
    for line in found["bands"]:
        for end, where in zip(line["ends"], (line["distance"][0], line["distance"][-1]), strict=True):
            names = ticks.setdefault(where, [])
            symbol = "Γ" if end == "GAMMA" else end.replace("_", "")
            if symbol not in names:
                names.append(symbol)
    axes.set_xticks(list(ticks), ["|".join(names) for names in ticks.values()])
    for where in ticks:
        axes.axvline(where, color="black", lw=0.4)
    axes.set_xlim(0, max(ticks))
