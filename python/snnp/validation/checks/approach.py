"""Atoms that approach each other: where their energy should rise and not fall.

The rule, for two atoms and for three whose distances shrink: on the way inwards the energy may fall into one well, that
of the bond. A fall that begins where a distance is shorter than the bond, after a rise, is a hole within the repulsion.
Holes trap atoms in collisions, in melts and under pressure.
"""

from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from snnp.data.neighbors import full_list
from snnp.validation.check import Setting
from snnp.validation.checks.common import condemn
from snnp.validation.outcome import Line, Verdict

# Two atoms get as close as this with some hundred eV, the most in collisions that are simulated with such potentials.
CLOSEST = 0.3  # Å
# Beyond it nothing is looked at: no atom of a simulation has as much, and tables of some potentials end there.
MOST = 1e4  # eV


@dataclass(frozen=True)
class Fall:
    """Indices of a curve where a fall begins and ends, the energy where it begins and by how much it falls, eV."""

    outer: int
    inner: int
    height: float
    depth: float


def turning_points(energies: np.ndarray, least: float) -> list[int]:
    """Indices where a curve, (n,) in eV, turns by `least` or more: minima and maxima by turns, and its ends."""
    turns, low, high, rising = [0], 0, 0, None
    for n, value in enumerate(energies):
        if rising is not True and value < energies[low]:
            low = n
        if rising is not False and value > energies[high]:
            high = n
        if rising is not True and value - energies[low] >= least:
            turns.append(low)
            rising, high = True, n
        elif rising is not False and energies[high] - value >= least:
            turns.append(high)
            rising, low = False, n
    turns.append(high if rising else low)
    return list(dict.fromkeys(turns))


def falls(energies: np.ndarray, least: float) -> list[Fall]:
    """The falls of `least` (eV) or more, each after a rise of as much, of a curve (n,) in eV that leads inwards."""
    energies = np.minimum(energies, MOST)
    turns = turning_points(energies, least)
    return [
        Fall(top, bottom, float(energies[top]), float(energies[top] - energies[bottom]))
        for before, top, bottom in zip(turns, turns[1:], turns[2:], strict=False)
        if energies[before] < energies[top] > energies[bottom]
    ]


def radii(a: str, b: str) -> float:
    """Sum of the covalent radii of two elements, Å."""
    return float(covalent_radii[atomic_numbers[a]] + covalent_radii[atomic_numbers[b]])


def bond_length(setting: Setting, a: str, b: str) -> float:
    """Below it two atoms are held to repel, Å: the sum of covalent radii, or a shorter distance in the crystals."""
    within = radii(a, b)
    return float(min([within, *(_shortest(crystal.atoms, a, b, within) for crystal in setting.crystals)]))


def _shortest(atoms: Atoms, a: str, b: str, within: float) -> float:
    i, j, vectors = full_list(atoms, within)
    symbols = np.array(atoms.get_chemical_symbols())
    return np.linalg.norm(vectors[(symbols[i] == a) & (symbols[j] == b)], axis=1).min(initial=np.inf)


def binding(setting: Setting, symbols: list[str], bound: float, alone: float) -> Line:
    """The binding energy of a molecule, eV/atom: a crystal that is bound less would decay into such molecules.

    bound: energy of the molecule below that of its atoms. alone: the energy of the atoms alone, eV.
    """
    of_atom = bound / len(symbols)
    line = Line("binding energy", of_atom, "eV/atom")
    formula = Atoms(symbols).symbols.formula.reduce()[0].format("hill")
    crystal = next((c for c in setting.ground_states if c.formula == formula), None)
    atoms = crystal and setting.relaxed(crystal)
    if atoms is None:
        return line
    cohesive = alone / len(symbols) - atoms.get_potential_energy() / len(atoms)
    if of_atom <= cohesive:
        return replace(line, verdict=Verdict.PASS)
    text = f"{'-'.join(symbols)} is bound by {of_atom:.3g} eV/atom and {crystal.name} "
    text += f"by {cohesive:.3g} only" if cohesive > 0 else f"not at all: it is {-cohesive:.3g} above isolated atoms"
    return condemn(line, crystal, text)
