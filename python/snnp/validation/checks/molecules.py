"""Energies of many small molecules in one evaluation."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from snnp.validation.checks.common import Failure
from snnp.validation.model import Model

# Molecules of a potential whose cutoff is not known are this far apart; those of classical potentials reach less.
FAR = 12.0  # Å


def molecule_energies(model: Model, molecules: Sequence[Atoms]) -> np.ndarray:
    """Energies of molecules, (n,), eV; not finite where the potential is not.

    All are in one structure, farther from each other than the cutoff, and the energies of the atoms of each are summed;
    they are evaluated one by one by calculators without energies of atoms. Raises Failure if the potential cannot be
    evaluated.
    """
    calculator = model.calculator()
    try:
        with np.errstate(all="ignore"):  # the caller looks for what is not finite
            if "energies" not in calculator.implemented_properties:
                return np.array([calculator.get_potential_energy(_together([m], FAR)) for m in molecules])
            owner = np.repeat(np.arange(len(molecules)), [len(m) for m in molecules])
            energies = calculator.get_property("energies", _together(molecules, 1.01 * (model.cutoff or FAR)))
            return np.bincount(owner, energies, len(molecules))
    except Exception as error:  # of any kind: LAMMPS raises `Exception` itself
        raise Failure(f"the potential cannot be evaluated for molecules: {error}") from error


def _together(molecules: Sequence[Atoms], apart: float) -> Atoms:
    """One structure of all molecules, `apart` (Å) from each other and from the faces of its cell."""
    spacing = apart + max(np.ptp(m.positions, axis=0).max() for m in molecules)
    across = int(np.ceil(len(molecules) ** (1 / 3)))
    sites = spacing * (np.indices((across,) * 3).reshape(3, -1).T[: len(molecules)] + 0.5)
    moved = [m.positions - m.positions.min(axis=0) + site for m, site in zip(molecules, sites, strict=True)]
    return Atoms(
        np.concatenate([m.numbers for m in molecules]),
        positions=np.concatenate(moved),
        cell=np.full(3, spacing * (across + 1)),
    )
