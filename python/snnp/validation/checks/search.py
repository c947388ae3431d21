"""Random structure search: does anything relax to below the known ground state?"""

import itertools
import zlib
from typing import TYPE_CHECKING

import numpy as np
from ase.formula import Formula

from snnp.random_cells import random_cell
from snnp.validation.check import Check, Level, Setting
from snnp.validation.hull import Mixture, fractions, is_covered, known_ground_states, mixture, phases
from snnp.validation.minimization import COLLAPSED, Minimum, minimize
from snnp.validation.outcome import Line, Outcome, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELLS = {Level.QUICK: 20, Level.STANDARD: 100, Level.FULL: 200}
# eV/atom. Polytypes and stacking faults of the ground state differ by a few meV, and so do energies of a good fit.
BELOW = 0.02
# eV/atom, below the hull of known phases: beside compounds of their elements that are known, others that nobody spoke
# of are hardly lower, as a fit to these data assumes, too.
UNKNOWN = 0.1
_MIXTURES = ((3, 1), (1, 1), (1, 3))
_SECONDS_OF_CELL = 0.1


class Search(Check):
    """Small random cells, relaxed; asked of compositions."""

    name = "search"
    title = "Random structure search"
    level = Level.QUICK
    in_lammps = True

    def subjects(self, setting: Setting) -> list[str]:
        """The compositions of known crystals, and from `STANDARD` on mixtures of two elements that these can make."""
        if setting.model.lammps(setting.model.elements) is None:
            return []
        found = [crystal.formula for crystal in known_ground_states(setting)]
        if setting.level > Level.QUICK:
            mixtures = (
                Formula.from_dict({a: m, b: n}).reduce()[0].format("hill")
                for a, b in itertools.combinations(setting.model.elements, 2)
                for m, n in _MIXTURES
            )
            found += [formula for formula in mixtures if is_covered(setting, formula)]
        return list(dict.fromkeys(found))

    def run(self, setting: Setting, subject: str) -> Outcome:
        """How many cells end below the known phases, and how far outside the data these are."""
        known = mixture(phases(setting), subject)
        if not np.isfinite(known.energy):
            line = Line(
                "lowest state", None, "", known.name, "", Verdict.FAIL, f"the energy of {known.name} is no number"
            )
            return Outcome([line])
        rng = np.random.default_rng([setting.seed, zlib.crc32(subject.encode())])
        cells = [random_cell(rng, subject, known.volume, known.shortest) for _ in range(CELLS[setting.level])]
        found = minimize(setting.model, cells, known.volume)
        return _outcome(setting, subject, known, found)

    def seconds(self, setting: Setting, subject: str) -> float:
        """Of all cells."""
        return 3.0 + _SECONDS_OF_CELL * CELLS[setting.level]

    def figure(self, subject: str, data: dict[str, dict]) -> "Figure | None":
        """Energy against volume of all states; open: with atoms that are flagged."""
        from matplotlib.figure import Figure

        drawn = {name: found for name, found in data.items() if found.get("states")}
        if not drawn:
            return None
        figure = Figure(figsize=(5, 3.6), layout="constrained")
        axes = figure.add_subplot()
        for number, (name, found) in enumerate(drawn.items()):
            color, states = f"C{number}", found["states"]
            faces = ["none" if state["flagged"] else color for state in states]
            volumes, energies = ([state[key] for state in states] for key in ("volume", "energy"))
            axes.scatter(volumes, energies, 16, faces, edgecolors=color, label=name)
            axes.plot(found["known"]["volume"], 0, "k*", ms=11, zorder=0)
        axes.axhline(0, color="0.6", lw=0.8, zorder=0)
        axes.set(title=subject, xlabel="volume, Å³/atom", ylabel=f"energy above {found['known']['name']}, eV/atom")
        axes.legend(title="open: outside the data", fontsize="small")
        return figure


def _outcome(setting: Setting, formula: str, known: Mixture, found: list[Minimum]) -> Outcome:
    states, kept, below = [], [], []
    for minimum in found:
        if minimum.atoms is None:
            continue
        atoms, energy = minimum.atoms, minimum.energy - known.energy
        outside = setting.model.outside(atoms)
        share = None if outside is None else float(np.mean(outside))
        state = {"energy": energy, "volume": float(atoms.get_volume()) / len(atoms), "flagged": share}
        states.append(state)
        if energy < -BELOW:
            below.append(state)
            atoms.info.update(energy_above_known=energy, known=known.name)
            if share is not None:
                atoms.info["outside"] = share
            kept.append(atoms)
    kept.sort(key=lambda atoms: atoms.info["energy_above_known"])
    lines = [judged(setting, formula, known, len(found), below), _lowest(states), *_failed(known, found)]
    data = {"states": states, "known": {"name": known.name, "volume": known.volume, "energy": known.energy}}
    return Outcome([line for line in lines if line], data, kept)


def judged(setting: Setting, formula: str, known: Mixture, number: int, below: list[dict]) -> Line:
    """The line about states of random cells that are below known phases; number: of cells in all."""
    quantity = f"random cells below {known.name}"
    if not below:
        return Line(quantity, 0, f"of {number}", 0, "", Verdict.PASS)
    lowest = min(state["energy"] for state in below)
    sentence = f"{len(below)} of {number} random cells relax to below {known.name}, by up to {-lowest:.2f} eV/atom"
    shares = [state["flagged"] for state in below]
    if None not in shares:
        silent = sum(share == 0 for share in shares)
        told = f"in {silent} of these no atom is" if silent else "all of these have atoms that are"
        sentence += f"; {told} flagged as outside the training data"
    if not known.known:
        verdict, doubt = Verdict.WARN, "It may be right: which crystal is the ground state was not said"
    elif _is_unspoken(setting, formula) and not (_has_compounds(setting, formula) and lowest < -UNKNOWN):
        verdict, doubt = Verdict.WARN, "It may be right: no crystal of this composition is known"
    else:
        verdict, doubt = Verdict.FAIL, ""
    return Line(quantity, len(below), f"of {number}", 0, "", verdict, f"{sentence}. {doubt}" if doubt else sentence)


def _is_unspoken(setting: Setting, formula: str) -> bool:
    """Whether no crystal of this composition is known."""
    return all(fractions(crystal.formula) != fractions(formula) for crystal in known_ground_states(setting))


def _has_compounds(setting: Setting, formula: str) -> bool:
    """Whether a compound of these elements is known."""
    elements = set(fractions(formula))
    return any(elements <= set(fractions(crystal.formula)) for crystal in known_ground_states(setting))


def _lowest(states: list[dict]) -> Line | None:
    if not states:
        return None
    return Line("lowest state found, relative", min(state["energy"] for state in states), "eV/atom")


def _failed(known: Mixture, found: list[Minimum]) -> list[Line]:
    """Cells that fell in or ended LAMMPS."""
    lines = []
    problems = [minimum.problem for minimum in found if minimum.atoms is None]
    if problems:
        text = f"LAMMPS could not relax {len(problems)} of {len(found)} random cells; the first: {problems[0]}"
        lines.append(Line("cells that end LAMMPS", len(problems), f"of {len(found)}", 0, "", Verdict.FAIL, text))
    relaxed = [minimum.atoms for minimum in found if minimum.atoms is not None]
    fallen = sum(atoms.get_volume() / len(atoms) < COLLAPSED * known.volume for atoms in relaxed)
    if fallen:
        text = f"{fallen} of {len(found)} random cells fall into less than {COLLAPSED} of the volume of {known.name}"
        lines.append(Line("cells that collapse", int(fallen), f"of {len(found)}", 0, "", Verdict.FAIL, text))
    return lines
