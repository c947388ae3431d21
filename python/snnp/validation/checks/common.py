"""What several checks need: evaluations that may fail, relaxation of atoms in a fixed cell, lines with references."""

from collections.abc import Callable
from dataclasses import replace
from functools import wraps
from typing import Any

import numpy as np
import spglib
from ase import Atoms
from ase.optimize import FIRE, LBFGS

from snnp.validation.check import Setting
from snnp.validation.crystals import Crystal
from snnp.validation.model import Model
from snnp.validation.outcome import Line, Outcome, Verdict, compare
from snnp.validation.references import Reference

# Forces this small change energies by less than 1 meV where force constants are 1 eV/Å² and a hundred atoms are off.
RELAXED = 0.005  # eV/Å
# What is left after many steps is one soft mode; its energy is still exact to some meV.
NEARLY_RELAXED = 0.05  # eV/Å
# Two positions or cells this close are the same to spglib; relaxed crystals are symmetric to 1e-5 Å.
SYMMETRY = 1e-3  # Å
# Crystals this little above the ground state may be the ground state: functionals of DFT differ by as much.
NEARLY = 10.0  # meV/atom
# Cells of defects, phonons and slabs: two cutoffs, or this if the cutoff is smaller or not known.
WIDTH = 10.0  # Å


class Failure(Exception):
    """The potential does not let a quantity be calculated; the text is the sentence for the user."""


def failing(run: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """A `Check.run` whose `Failure` is a line with the verdict fail."""

    @wraps(run)
    def guarded(check, setting: Setting, subject: str) -> Outcome:
        try:
            return run(check, setting, subject)
        except Failure as failure:
            return Outcome([Line(check.title, None, verdict=Verdict.FAIL, sentence=str(failure))])

    return guarded


def crystal_named(setting: Setting, name: str) -> Crystal:
    """The crystal of this name."""
    return next(crystal for crystal in setting.crystals if crystal.name == name)


def condemn(line: Line, crystal: Crystal, sentence: str) -> Line:
    """The line with the verdict fail, and why; a warning if the crystal is a mere guess, which may be wrong itself."""
    if crystal.guessed and crystal.energy is None:
        sentence += "; it may be right, as it was not said which crystal is the ground state"
        return replace(line, verdict=Verdict.WARN, sentence=sentence)
    return replace(line, verdict=Verdict.FAIL, sentence=sentence)


def relaxed(setting: Setting, crystal: Crystal) -> Atoms:
    """The crystal at zero pressure; raises Failure if there is no such state."""
    atoms = setting.relaxed(crystal)
    if atoms is None:
        raise Failure(f"{crystal.name} does not relax to a crystal at zero pressure")
    return atoms


def worst(setting: Setting, crystal: Crystal) -> Verdict:
    """What a crystal can lead to: of prototypes beside crystals that are known to exist nobody asks much."""
    if crystal.guessed and (crystal not in setting.ground_states or any(not c.guessed for c in setting.crystals)):
        return Verdict.WARN
    return Verdict.FAIL


def conventional(atoms: Atoms) -> Atoms:
    """The same crystal in its conventional cell."""
    cell, positions, numbers = spglib.standardize_cell(
        (atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), symprec=SYMMETRY
    )
    return Atoms(numbers, scaled_positions=positions, cell=cell, pbc=True)


def width(model: Model) -> float:
    """How wide a cell should be at least, Å."""
    return max(WIDTH, 2 * (model.cutoff or 0))


def repeats(atoms: Atoms, wide: float, most: int) -> tuple[int, int, int]:
    """How often to repeat a cell, so that opposite faces are `wide` (Å) apart or there are `most` atoms."""
    volume = atoms.get_volume()
    heights = volume / np.linalg.norm(np.cross(atoms.cell[[1, 2, 0]], atoms.cell[[2, 0, 1]]), axis=1)
    found = np.ones(3, dtype=int)
    while (found * heights).min() < wide:
        larger = found.copy()
        larger[np.argmin(found * heights)] += 1
        if larger.prod() * len(atoms) > most:
            break
        found = larger
    return tuple(int(n) for n in found)


def energy(atoms: Atoms) -> float:
    """The potential energy, eV; raises Failure if it is no finite number."""
    return finite(atoms, atoms.get_potential_energy)


def forces(atoms: Atoms) -> np.ndarray:
    """Forces (n, 3), eV/Å; raises Failure if they are no finite numbers."""
    return finite(atoms, atoms.get_forces)


def finite(atoms: Atoms, evaluate: Callable[[], Any]) -> Any:
    """What `evaluate` gives for the atoms; raises Failure if it does not, or gives no finite numbers."""
    try:
        value = evaluate()
    except Exception as error:  # of any kind: LAMMPS raises `Exception` itself
        raise Failure(f"the potential cannot be evaluated for {atoms.symbols}: {error}") from error
    if not np.isfinite(value).all():
        raise Failure(f"the energy or a force of {atoms.symbols} is no finite number")
    return value


def settle(atoms: Atoms, what: str, steps: int = 300, must: bool = True) -> Atoms:
    """Moves the atoms, in their cell, to where forces are below `RELAXED`; returns them.

    what: they are, for the sentence of the Failure that is raised if they do not come to rest; not `must`: then they
    are where they have got to.
    """
    for optimizer in (LBFGS, FIRE):
        forces(atoms)
        try:
            if optimizer(atoms, logfile=None).run(fmax=RELAXED, steps=steps) or not must:
                return atoms
        except Exception as error:
            raise Failure(f"{what} does not relax: {error}") from error
    largest = np.linalg.norm(forces(atoms), axis=1).max()
    if largest > NEARLY_RELAXED:
        raise Failure(f"{what} does not relax: after {2 * steps} steps there are forces of {largest:.2g} eV/Å")
    return atoms


def against(
    setting: Setting,
    subject: str,
    quantity: str,
    value: float,
    unit: str,
    warn: float,
    fail: float,
    scale: float | None = None,
) -> Line:
    """A line for a number, compared with its reference where there is one; see `compare`."""
    return held_against(setting.references.get(subject, quantity), quantity, value, unit, warn, fail, scale)


def held_against(
    known: Reference | None,
    quantity: str,
    value: float,
    unit: str,
    warn: float,
    fail: float,
    scale: float | None = None,
) -> Line:
    """A line for a number, compared with a reference if there is one; see `compare`."""
    if known is None:
        return Line(quantity, value, unit)
    return compare(quantity, value, unit, known.value, known.source, warn, fail, scale, known.error)
