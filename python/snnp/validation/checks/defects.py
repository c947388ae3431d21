"""Vacancies and, in compounds, antisites: formation energies, and the barrier of a vacancy's step to a neighbour.

Of elements a vacancy's energy is E(N − 1) − (N − 1)/N E(N). In a compound it depends on where the atom has gone. Two
sums do not, and are given instead: that of one vacancy for each atom of the formula, whose atoms make one formula unit
more of the crystal (Schottky), and that of two antisites that exchange two atoms. The defects of a sum are far apart.
"""

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import spglib
from ase import Atoms
from ase.mep import NEB
from ase.optimize import FIRE

from snnp.validation.check import Check, Level, Setting
from snnp.validation.checks.common import (
    SYMMETRY,
    WIDTH,
    Failure,
    against,
    condemn,
    conventional,
    crystal_named,
    energy,
    failing,
    relaxed,
    repeats,
    settle,
)
from snnp.validation.outcome import Line, Outcome, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The strain fields of a defect and its images interact by some 10 meV in cells of `WIDTH`.
MOST_ATOMS = 300
# DFT energies of vacancies differ by 0.1 to 0.3 eV between functionals and sizes of cells, of 1 to 4 eV.
ENERGY_WARN, ENERGY_FAIL = 0.15, 0.4
IMAGES = 5  # between the ends of the path: the highest one climbs, so that no more are needed
BAND_FORCE = 0.03  # eV/Å: at the saddle this is an error of the energy of about 1 meV, as it is stationary there
BAND_STEPS = 300
# Neighbours of a vacancy may have less energy where they are not placed symmetrically, as those in silicon.
RATTLE = 0.05  # Å
# A point of the path this far below its ends is where the vacancy wants to be.
SPLIT = 0.05  # eV


class Defects(Check):
    """Vacancies, antisites and the step of a vacancy, in the ground states."""

    name = "defects"
    title = "Defects"
    level = Level.STANDARD

    def subjects(self, setting: Setting) -> list[str]:
        """Ground states."""
        return [crystal.name for crystal in setting.ground_states]

    @failing
    def run(self, setting: Setting, subject: str) -> Outcome:
        """Energies of formation; of elements the barrier, too."""
        crystal = crystal_named(setting, subject)
        atoms = conventional(relaxed(setting, crystal))
        host = atoms.repeat(repeats(atoms, WIDTH, MOST_ATOMS))
        host.calc = setting.model.calculator()
        if crystal.is_element:
            return _element(setting, subject, host)
        return Outcome(_compound(setting, subject, host))

    def seconds(self, setting: Setting, subject: str) -> float:
        """A guess: relaxations, and a path of some hundred steps of several images."""
        return 10.0

    def figure(self, subject: str, data: dict[str, dict]) -> "Figure | None":
        """Energy along the step of the vacancy."""
        from matplotlib.figure import Figure

        data = {name: found for name, found in data.items() if "path" in found}
        if not data:
            return None
        figure = Figure(figsize=(5.0, 3.4), layout="constrained")
        axes = figure.subplots()
        for name, found in data.items():
            axes.plot(np.linspace(0, 1, len(found["path"])), found["path"], "o-", lw=1, ms=4, label=name)
        axes.set(xlabel="path of the vacancy to a neighbour", ylabel="energy, eV", title=subject)
        axes.legend(fontsize=8)
        return figure


def inequivalent_sites(host: Atoms) -> list[int]:
    """One atom of each kind of site."""
    data = spglib.get_symmetry_dataset((host.cell.array, host.get_scaled_positions(), host.numbers), SYMMETRY)
    return [int(n) for n in np.unique(data.equivalent_atoms)]


def without(host: Atoms, site: int, setting: Setting, what: str) -> Atoms:
    """The relaxed cell without this atom; raises Failure."""
    atoms = host.copy()
    del atoms[site]
    atoms.rattle(RATTLE, seed=setting.seed)
    atoms.calc = setting.model.calculator()
    return settle(atoms, what)


def _element(setting: Setting, subject: str, host: Atoms) -> Outcome:
    sites = inequivalent_sites(host)
    outcome, lowest = Outcome(), np.inf
    for number, site in enumerate(sites, 1):
        name = f", site {number}" if len(sites) > 1 else ""
        vacancy = without(host, site, setting, f"{subject} with a vacancy")
        value = energy(vacancy) - (1 - 1 / len(host)) * energy(host)
        outcome.lines.append(_formation(setting, subject, f"vacancy formation energy{name}", value))
        if value < lowest:
            lowest, best = value, (site, vacancy)
    line, path = _migration(setting, subject, host, *best)
    outcome.lines.append(line)
    outcome.data = {"path": path} if path else {}
    return outcome


def _formation(setting: Setting, subject: str, quantity: str, value: float) -> Line:
    line = against(setting, subject, quantity, float(value), "eV", ENERGY_WARN, ENERGY_FAIL)
    if value < 0:
        text = f"{subject} gains energy by a defect: its {quantity} is {value:.3g} eV"
        return condemn(line, crystal_named(setting, subject), text)
    return line


def _migration(setting: Setting, subject: str, host: Atoms, site: int, vacancy: Atoms) -> tuple[Line, list[float]]:
    """The barrier of the step to the nearest neighbour, and energies along it, eV, by a climbing elastic band."""
    quantity = "vacancy migration energy"
    distances = host.get_distances(site, range(len(host)), mic=True)
    distances[site] = np.inf
    neighbor = int(np.argmin(distances.round(3)))
    last = host.copy()
    last.positions[neighbor] = host.positions[site]
    del last[site]
    last.rattle(RATTLE, seed=setting.seed)
    last.calc = vacancy.calc
    try:
        settle(last, f"{subject} with a vacancy on the neighbouring site")
        energies, converged = _band(vacancy, last)
    except Failure as failure:
        return Line(quantity, None, "eV", verdict=Verdict.FAIL, sentence=str(failure)), []
    path = (energies - energies[0]).tolist()
    line = against(setting, subject, quantity, max(path), "eV", ENERGY_WARN, ENERGY_FAIL)
    text = ""
    if min(path) < -SPLIT:
        text = f"between two sites the vacancy has {-min(path):.3g} eV less than on a site: it is split over both"
    elif not converged:
        text = f"the path of the vacancy is not found within {BAND_STEPS} steps"
    if text and line.verdict < Verdict.WARN:
        line = Line(quantity, line.value, "eV", line.reference, line.source, Verdict.WARN, text)
    return line, path


def _band(first: Atoms, last: Atoms) -> tuple[np.ndarray, bool]:
    """Energies (images,), eV, along the path of least energy, and whether it is found; raises Failure."""
    images = [first, *(first.copy() for _ in range(IMAGES)), last]
    for image in images[1:-1]:
        image.calc = first.calc
    band = NEB(images, climb=True, method="improvedtangent", allow_shared_calculator=True)
    band.interpolate(mic=True)
    try:
        converged = FIRE(band, logfile=None).run(fmax=BAND_FORCE, steps=BAND_STEPS)
    except Exception as error:
        raise Failure(f"the path of the vacancy of {first.symbols} is not found: {error}") from error
    return np.array([energy(image) for image in images]), converged


def _compound(setting: Setting, subject: str, host: Atoms) -> list[Line]:
    """Sums of energies of defects that do not depend on chemical potentials."""
    sites = inequivalent_sites(host)
    crystal = energy(host)
    formula = host.symbols.formula.reduce()[0].count()
    lowest = {
        element: min(
            energy(without(host, site, setting, f"{subject} with a vacancy of {element}")) - crystal
            for site in sites
            if host.symbols[site] == element
        )
        for element in formula
    }
    unit = crystal * sum(formula.values()) / len(host)
    schottky = sum(number * lowest[element] for element, number in formula.items()) + unit
    lines = [_formation(setting, subject, "Schottky energy", schottky)]
    for a, b in combinations(sorted(formula), 2):
        exchanged = sum(
            min(
                energy(_replaced(host, site, new, setting, subject)) - crystal
                for site in sites
                if host.symbols[site] == old
            )
            for old, new in ((a, b), (b, a))
        )
        lines.append(_formation(setting, subject, f"antisite pair energy, {a}-{b}", exchanged))
    return lines


def _replaced(host: Atoms, site: int, element: str, setting: Setting, subject: str) -> Atoms:
    atoms = host.copy()
    atoms.symbols[site] = element
    atoms.rattle(RATTLE, seed=setting.seed)
    atoms.calc = setting.model.calculator()
    return settle(atoms, f"{subject} with {element} on a site of {host.symbols[site]}")
