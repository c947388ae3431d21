"""Vacancies and, in compounds, antisites: formation energies, and the barriers of a vacancy's steps to neighbours.

Of elements a vacancy's energy is E(N − 1) − (N − 1)/N E(N). In a compound it depends on where the atom has gone. Two
sums do not, and are given instead: that of one vacancy for each atom of the formula, whose atoms make one formula unit
more of the crystal (Schottky), and that of two antisites that exchange two atoms. The defects of a sum are far apart.
Steps lead to the nearest sites of the same element, on the straight way at first; those by exchanging elements, and
those of interstitials, are not calculated.
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
# Sites this much farther than the nearest one are near, too: the two kinds of hcp, not the second shell of bcc.
NEAREST = 1.12
FLAT = 0.1  # Å, along the third axis: such a step is in the basal plane
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
        """Energies of formation, and barriers."""
        crystal = crystal_named(setting, subject)
        atoms = conventional(relaxed(setting, crystal))
        host = atoms.repeat(repeats(atoms, WIDTH, MOST_ATOMS))
        host.calc = setting.model.calculator()
        if crystal.is_element:
            return _element(setting, subject, host)
        return _compound(setting, subject, host)

    def seconds(self, setting: Setting, subject: str) -> float:
        """A guess: relaxations, and a path of some hundred steps of several images."""
        return 10.0

    def figure(self, subject: str, data: dict[str, dict]) -> "Figure | None":
        """Energy along steps of vacancies."""
        from matplotlib.figure import Figure

        data = {name: found["paths"] for name, found in data.items() if found.get("paths")}
        if not data:
            return None
        figure = Figure(figsize=(5.0, 3.4), layout="constrained")
        axes = figure.subplots()
        for n, (model, paths) in enumerate(data.items()):
            for (name, path), style in zip(paths.items(), ("o-", "s--", "^:", "v-."), strict=False):
                axes.plot(np.linspace(0, 1, len(path)), path, style, color=f"C{n}", lw=1, ms=4, label=f"{model}{name}")
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
    _add_steps(outcome, setting, subject, host, *best)
    return outcome


def _add_steps(
    outcome: Outcome, setting: Setting, subject: str, host: Atoms, site: int, vacancy: Atoms, ending: str = ""
) -> None:
    """Barriers of all steps from a site to the nearest ones, lines and paths."""
    paths = outcome.data.setdefault("paths", {})
    for name, neighbor in steps(host, site).items():
        line, path = _migration(setting, subject, host, site, vacancy, neighbor, ending + name)
        outcome.lines.append(line)
        if path:
            paths[ending + name] = path


def steps(host: Atoms, site: int) -> dict[str, int]:
    """One of each kind of nearest site of the same element: ", in the basal plane", or "" where there is one kind."""
    distances = host.get_distances(site, range(len(host)), mic=True)
    distances[(np.arange(len(host)) == site) | (host.numbers != host.numbers[site])] = np.inf
    near = np.flatnonzero(distances < NEAREST * distances.min())
    around = host.copy()
    around.symbols[site] = "X"  # what keeps it where it is
    data = spglib.get_symmetry_dataset((around.cell.array, around.get_scaled_positions(), around.numbers), SYMMETRY)
    kinds = {int(data.equivalent_atoms[n]): int(n) for n in reversed(near)}
    if len(kinds) == 1:
        return {"": int(near[distances[near].argmin()])}
    along = {n: abs(host.get_distance(site, n, mic=True, vector=True)[2]) for n in kinds.values()}
    order = sorted(along, key=lambda n: (round(along[n], 1), round(distances[n], 1)))
    if len(order) == 2 and along[order[0]] < FLAT < along[order[1]]:
        return dict(zip((", in the basal plane", ", out of the basal plane"), order, strict=True))
    return {f", step {number}": n for number, n in enumerate(order, 1)}


def _formation(setting: Setting, subject: str, quantity: str, value: float) -> Line:
    line = against(setting, subject, quantity, float(value), "eV", ENERGY_WARN, ENERGY_FAIL)
    if value < 0:
        text = f"{subject} gains energy by a defect: its {quantity} is {value:.3g} eV"
        return condemn(line, crystal_named(setting, subject), text)
    return line


def _migration(
    setting: Setting, subject: str, host: Atoms, site: int, vacancy: Atoms, neighbor: int, ending: str
) -> tuple[Line, list[float]]:
    """The barrier of the step to a neighbour, and energies along it, eV, by a climbing elastic band."""
    quantity = f"vacancy migration energy{ending}"
    vacancy = _copy(vacancy)
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


def _copy(atoms: Atoms) -> Atoms:
    copy = atoms.copy()
    copy.calc = atoms.calc
    return copy


def _compound(setting: Setting, subject: str, host: Atoms) -> Outcome:
    """Sums of energies of defects that do not depend on chemical potentials, and barriers of vacancies."""
    sites = inequivalent_sites(host)
    crystal = energy(host)
    formula = host.symbols.formula.reduce()[0].count()
    vacancies = {}  # of each element: energy, eV, site, atoms; on the site that costs least
    for site in sites:
        element = host.symbols[site]
        found = without(host, site, setting, f"{subject} with a vacancy of {element}")
        one = energy(found) - crystal, site, found
        vacancies[element] = min(vacancies.get(element, one), one, key=lambda vacancy: vacancy[0])
    unit = crystal * sum(formula.values()) / len(host)
    schottky = sum(number * vacancies[element][0] for element, number in formula.items()) + unit
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
    outcome = Outcome(lines)
    for element in sorted(formula):
        _, site, found = vacancies[element]
        _add_steps(outcome, setting, subject, host, site, found, f", {element}")
    return outcome


def _replaced(host: Atoms, site: int, element: str, setting: Setting, subject: str) -> Atoms:
    atoms = host.copy()
    atoms.symbols[site] = element
    atoms.rattle(RATTLE, seed=setting.seed)
    atoms.calc = setting.model.calculator()
    return settle(atoms, f"{subject} with {element} on a site of {host.symbols[site]}")
