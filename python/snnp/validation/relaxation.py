"""Relaxation of crystals, with their symmetry kept."""

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.constraints import FixSymmetry
from ase.filters import FrechetCellFilter
from ase.optimize import FIRE, BFGSLineSearch

# A state that is this far from where it began, in volume, is another one: it flew apart or fell in.
_VOLUMES = (0.3, 3.0)
_FORCE = 1e-4  # eV/Å


def relax(atoms: Atoms, calculator: Calculator, steps: int = 300) -> Atoms | None:
    """Atoms and cell at zero pressure, symmetry kept, with the calculator attached; None: it does not get there."""
    found = atoms.copy()
    found.calc = calculator
    found.set_constraint(FixSymmetry(found, verbose=False))
    begun = found.get_volume()
    try:
        for optimizer in (BFGSLineSearch, FIRE):
            run = optimizer(FrechetCellFilter(found), logfile=None)
            for converged in run.irun(fmax=_FORCE, steps=steps):
                volume = found.get_volume() / begun
                if not (np.isfinite(volume) and _VOLUMES[0] < volume < _VOLUMES[1]):
                    return None
                if converged:
                    found.set_constraint()
                    return found
    except (ValueError, np.linalg.LinAlgError, FloatingPointError):
        return None
    return None
