"""A first guess of the melting temperature, from the springs that hold atoms."""

import numpy as np
from ase import Atoms, units

# √⟨u²⟩ at melting by the distance of neighbours, for an atom whose neighbours rest. With potentials of Cu, Al, Mo, Si,
# InP and Ar, and the melting temperatures that these materials have, it is 0.067 to 0.091: the temperature is right
# within some 50 %, enough to begin heating the crystal.
RATIO = 0.083
_DISPLACEMENT = 0.02  # Å
_REPEATS = 3  # of the primitive cell, so that an atom does not move along with its own images


def lindemann_temperature(atoms: Atoms, shortest: float) -> float | None:
    """T where √⟨u²⟩ = RATIO × shortest distance, K (Lindemann 1910), with ⟨u²⟩ = 3 kT/k of an atom in its springs k.

    atoms: a crystal at rest, primitive cell, with a calculator. shortest: Å. None: nothing holds its atoms.
    """
    crystal = atoms * ((_REPEATS,) * 3)
    crystal.calc = atoms.calc
    springs = np.array([_spring(crystal, number) for number in range(len(atoms))])
    if not (springs > 0).all():
        return None
    squared = np.mean(3 * units.kB / springs)  # Å²/K
    return float((RATIO * shortest) ** 2 / squared)


def _spring(crystal: Atoms, number: int) -> float:
    """Force back per displacement of one atom, mean of three directions, eV/Å²."""
    rest, total = crystal.positions[number].copy(), 0.0
    for step in (*np.eye(3), *-np.eye(3)):
        crystal.positions[number] = rest + _DISPLACEMENT * step
        total -= crystal.get_forces()[number] @ step
    crystal.positions[number] = rest
    return total / (6 * _DISPLACEMENT)
