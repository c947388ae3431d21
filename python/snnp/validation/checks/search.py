"""Random structure search: does anything relax to below the known ground state?"""

import itertools
import zlib
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.formula import Formula
from ase.geometry import cellpar_to_cell

from snnp.validation.check import Check, Level, Setting
from snnp.validation.hull import Mixture, fractions, is_covered, known_crystals, mixture, phases
from snnp.validation.minimization import COLLAPSED, Minimum, minimize
from snnp.validation.outcome import Line, Outcome, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELLS = {Level.QUICK: 20, Level.STANDARD: 100, Level.FULL: 200}
ATOMS = (2, 8)  # in a cell
# Of the volume of the known phases: from closer than any liquid to half of the places empty.
VOLUMES = (0.7, 1.6)
# Of the shortest distance in the known phases, scaled by the density. Atoms that meet in a hot liquid come as close
# as 0.7; a little less lets the search see holes there, and is not yet where only the repulsive core counts.
CLOSEST = 0.65
# eV/atom. Polytypes and stacking faults of the ground state differ by a few meV, and so do energies of a good fit.
BELOW = 0.02
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
        found = [crystal.formula for crystal in known_crystals(setting)]
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
        cells = [random_cell(rng, subject, known) for _ in range(CELLS[setting.level])]
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


def random_cell(rng: np.random.Generator, formula: str, known: Mixture) -> Atoms:
    """A cell of 2 to 8 atoms, neither flat nor long, with atoms where chance puts them but not on top of each other."""
    unit = Formula(formula).count()
    size = sum(unit.values())
    least, most = -(-ATOMS[0] // size), max(1, ATOMS[1] // size)
    units = rng.integers(least, max(least, most) + 1)
    symbols = [element for element, count in unit.items() for _ in range(count * units)]
    scale = rng.uniform(*VOLUMES)
    closest = CLOSEST * known.shortest * min(1.0, scale ** (1 / 3))
    while True:
        cell = cellpar_to_cell([*np.exp(rng.uniform(-0.4, 0.4, 3)), *rng.uniform(60, 120, 3)])
        if not np.linalg.det(cell) > 0.4:  # flat, or angles that no cell has
            continue
        cell *= (len(symbols) * known.volume * scale / np.linalg.det(cell)) ** (1 / 3)
        positions = _positions(rng, cell, len(symbols), closest)
        if positions is not None:
            return Atoms(rng.permutation(symbols), scaled_positions=positions, cell=cell, pbc=True)
        closest *= 0.98


_IMAGES = np.array([*itertools.product((-1, 0, 1), repeat=3)], float)


def _positions(rng: np.random.Generator, cell: np.ndarray, number: int, closest: float) -> np.ndarray | None:
    """Scaled positions, one after the other; None: there was no place for one of them."""
    lengths = np.linalg.norm(_IMAGES @ cell, axis=1)
    if lengths[lengths > 0].min() < closest:
        return None
    placed = rng.random((1, 3))
    for _ in range(40 * number):
        if len(placed) == number:
            break
        tried = rng.random(3)
        vectors = (placed - tried - np.round(placed - tried))[:, None] + _IMAGES
        if np.linalg.norm(vectors @ cell, axis=-1).min() >= closest:
            placed = np.vstack([placed, tried])
    return placed if len(placed) == number else None


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
    lines = [_below(setting, formula, known, len(found), below), _lowest(states), *_failed(known, found)]
    data = {"states": states, "known": {"name": known.name, "volume": known.volume, "energy": known.energy}}
    return Outcome([line for line in lines if line], data, kept)


def _below(setting: Setting, formula: str, known: Mixture, number: int, below: list[dict]) -> Line:
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
    verdict = Verdict.FAIL if _is_judge(setting, formula, known) else Verdict.WARN
    if verdict is Verdict.WARN:
        sentence += ". It may be right: which crystal is the ground state was not said"
    return Line(quantity, len(below), f"of {number}", 0, "", verdict, sentence)


def _is_judge(setting: Setting, formula: str, known: Mixture) -> bool:
    """Whether the phases are known so well that nothing can be below: elements may form a compound nobody spoke of."""
    elements = set(fractions(formula))
    compounds = [set(fractions(crystal.formula)) for crystal in known_crystals(setting)]
    return known.known and any(elements <= compound for compound in compounds)


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
