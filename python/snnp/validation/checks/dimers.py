"""Two atoms: they repel at short distance, without holes, and bind less than in the crystal."""

from dataclasses import replace
from itertools import combinations_with_replacement, cycle
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from snnp.analysis.panels import DASHES
from snnp.validation.check import Check, Level, Setting
from snnp.validation.checks.approach import CLOSEST, MOST, Fall, binding, bond_length, falls, radii
from snnp.validation.checks.common import Failure, against, failing
from snnp.validation.checks.molecules import FAR, molecule_energies
from snnp.validation.outcome import Line, Outcome, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEP = 0.01  # Å: knots of splines are some tenths of an Å apart, so a hole of two intervals is seen by dozens of points
# A rise or fall of less is not felt: kT is 26 meV at room temperature. Sums are exact to 1e-10 eV.
HOLE = 0.01  # eV
# Atoms form bonds without a barrier; fits that have seen no dimers have some ripples at long distance.
BARRIER = 0.1  # eV
# The shortest bonds that are known, Cr–Cr and Mo–Mo, have 0.60 to 0.63 of the sum of the covalent radii.
# Half of it is the inner shells in each other: atoms that have fused.
SHORT_BOND, FUSED = 0.6, 0.5
# The strongest bond of two atoms is that of CO, 11.2 eV.
STRONGEST = 12.0  # eV
# Energies of dimers differ by a tenth between functionals of DFT, lengths of bonds by one or two per cent.
LENGTH_WARN, LENGTH_FAIL = 0.05, 0.15
ENERGY_WARN, ENERGY_FAIL = 0.2, 0.5


class Dimers(Check):
    """Two atoms from the cutoff to `CLOSEST`, for every pair of elements."""

    name = "dimers"
    title = "Two atoms"
    level = Level.QUICK

    def subjects(self, setting: Setting) -> list[str]:
        """Pairs of elements, in alphabetical order."""
        return ["-".join(pair) for pair in combinations_with_replacement(sorted(setting.model.elements), 2)]

    @failing
    def run(self, setting: Setting, subject: str) -> Outcome:
        """The energy by distance: at the closest, holes, barriers, the bond."""
        pair = subject.split("-")
        distances = np.arange(setting.model.cutoff or FAR, CLOSEST - STEP / 2, -STEP)
        dimers = [Atoms(pair, [[0, 0, 0], [r, 0, 0]]) for r in distances]
        found = molecule_energies(setting.model, [*dimers, *(Atoms(element) for element in pair)])
        alone, energies = found[-2:].sum(), found[:-2] - found[-2:].sum()
        if not np.isfinite(energies).all():
            where = distances[~np.isfinite(energies)][0]
            raise Failure(f"the energy of {subject} at {where:.2f} Å is no finite number")
        bond = bond_length(setting, *pair)
        fallen = falls(energies, HOLE)
        holes = [fall for fall in fallen if distances[fall.outer] < bond]
        lines = [_closest(subject, energies), _holes(subject, distances, holes)]
        lines += _barrier(subject, distances, [fall for fall in fallen if fall not in holes])
        lines += _bond(setting, subject, distances, energies, holes)
        lines.append(binding(setting, pair, max(0.0, -energies.min()), alone))
        return Outcome(lines, {"distance": distances.tolist(), "energy": energies.tolist(), "bond": bond})

    def seconds(self, setting: Setting, subject: str) -> float:
        """A guess: one evaluation of some thousand atoms."""
        return 0.3

    def figure(self, subject: str, data: dict[str, dict]) -> "Figure | None":
        """Energy by distance, from the well up to 10 eV; dotted: the length of a bond."""
        from matplotlib.figure import Figure

        data = {name: found for name, found in data.items() if found}
        if not data:
            return None
        figure = Figure(figsize=(5.0, 3.4), layout="constrained")
        axes = figure.subplots()
        for dashes, (name, found) in zip(cycle(DASHES), data.items(), strict=False):
            axes.plot(found["distance"], found["energy"], lw=1.2, ls=dashes, label=name)
        axes.axvline(next(iter(data.values()))["bond"], color="black", lw=0.6, ls=":")
        axes.axhline(0, color="black", lw=0.5)
        lowest = min(min(found["energy"]) for found in data.values())
        axes.set(xlabel="distance, Å", ylabel="energy, eV", title=subject, xlim=(0, None))
        axes.set_ylim(max(1.1 * lowest, -20) - 0.3, 10)
        axes.legend(fontsize=8)
        return figure


def _closest(subject: str, energies: np.ndarray) -> Line:
    value, repels = float(energies[-1]), energies[-1] > 0 and energies[-1] >= min(energies[-2], MOST)
    if repels:
        return Line(f"energy at {CLOSEST} Å", value, "eV", verdict=Verdict.PASS)
    text = f"{subject} does not repel at {CLOSEST} Å, where its energy is {value:.4g} eV"
    return Line(f"energy at {CLOSEST} Å", value, "eV", verdict=Verdict.FAIL, sentence=text)


def _holes(subject: str, distances: np.ndarray, holes: list[Fall]) -> Line:
    if not holes:
        return Line("holes", "none", verdict=Verdict.PASS)
    where = ", ".join(f"from {distances[h.outer]:.2f} to {distances[h.inner]:.2f} Å" for h in holes)
    deepest = max(h.depth for h in holes)
    text = f"within the repulsion {subject} attracts {where}, by up to {deepest:.3g} eV"
    return Line("holes", where, verdict=Verdict.FAIL, sentence=text)


def _barrier(subject: str, distances: np.ndarray, fallen: list[Fall]) -> list[Line]:
    """What atoms have to cross before they form a bond, if there is such a barrier."""
    highest = max(fallen, key=lambda fall: fall.height, default=None)
    if highest is None or highest.height < BARRIER:
        return []
    text = f"{subject} repels by up to {highest.height:.3g} eV at {distances[highest.outer]:.2f} Å before it attracts"
    return [Line("barrier outside of the bond", highest.height, "eV", verdict=Verdict.WARN, sentence=text)]


def _bond(setting: Setting, subject: str, distances: np.ndarray, energies: np.ndarray, holes: list[Fall]) -> list[Line]:
    """Length and energy of the bond: the lowest point outside of all holes."""
    lowest = int(np.argmin(energies[: holes[0].outer if holes else None]))
    if energies[lowest] > -HOLE:
        return []
    length, depth = float(distances[lowest]), -float(energies[lowest])
    line = against(setting, subject, "bond length", length, "Å", LENGTH_WARN, LENGTH_FAIL)
    share = length / radii(*subject.split("-"))
    if line.verdict < Verdict.WARN and share < SHORT_BOND:
        text = f"the bond of {subject}, {length:.2f} Å, has {share:.2f} of the sum of covalent radii"
        line = replace(line, verdict=Verdict.FAIL if share < FUSED else Verdict.WARN, sentence=text)
    energy = against(setting, subject, "dissociation energy", depth, "eV", ENERGY_WARN, ENERGY_FAIL)
    if depth > STRONGEST:
        text = f"{subject} is bound by {depth:.3g} eV, more than any two atoms are"
        energy = replace(energy, verdict=Verdict.FAIL, sentence=text)
    return [line, energy]
