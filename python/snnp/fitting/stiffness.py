"""Whether bonds are as stiff as those of the elements are, which tells a common unit of energies and forces.

Energies and forces in Hartree and Hartree/Å agree with each other. But the force that drives an atom back, per
displacement, times the square of the distance of neighbours, is 5 to 40 times the cohesive energy of the element: by
Debye temperatures 5 for Li, 7 for K, 13 for Al, 15 for Cu and Si, 20 for C, 26 for W, 40 for Zn, and as much for salts
and oxides with the mean of their elements; 6 to 29 in seven published data sets.
"""

import numpy as np

from snnp.data.bonds import bond_ratio
from snnp.data.cohesive import COHESIVE
from snnp.data.neighbors import full_list
from snnp.data.unit_factors import ENERGIES
from snnp.fitting.force_model import ForceModel

_USUAL = (5.0, 45.0)
# In crystals that are expanded by 7 % it is a third of that. Of frames, those count that are stiffest, or softest.
_POSSIBLE = (1.3, 100.0)
_BUT = 0.1  # part of them
_FEWEST, _MOST = 5, 20  # frames
_EXPLAINED = 0.75  # part of the squares of forces
_BONDS = (0.8, 1.3)  # nearest distances by sums of covalent radii
_STEP = 0.01  # Å
_REACH = 5.0  # Å


def unit_by_stiffness(model: ForceModel) -> str | None:
    """A sentence about a wrong sign of forces, or a wrong unit of energies and forces; None: nothing shows."""
    known = [n for n, frame in enumerate(model.frames) if set(frame.atoms.symbols) <= set(COHESIVE)]
    good = [n for n in known if model.left[n] < (1 - _EXPLAINED) * model.squares[n]]
    chosen = [good[n] for n in np.unique(np.linspace(0, len(good) - 1, _MOST).astype(int))] if good else []
    found = [ratio for n in chosen if (ratio := _stiffness(model, n)) is not None]
    if len(found) < _FEWEST:
        return None
    softest, stiffest = np.quantile(found, [_BUT, 1 - _BUT])
    soft = stiffest < _POSSIBLE[0]
    if not soft and softest < _POSSIBLE[1]:
        return None
    if stiffest < -_POSSIBLE[0]:
        return "forces drive atoms on in the direction of displacements: they have the sign of gradients"
    stiffness = max(stiffest, 0.01) if soft else softest
    times = _USUAL[0] / stiffness if soft else stiffness / _USUAL[1]
    names = [name for name, eV in ENERGIES.items() if _USUAL[0] < stiffness * eV < _USUAL[1]]
    which = f" ({' or '.join(names)}?)" if names else ""
    return (
        f"bonds are at least {times:.2g} times {'softer' if soft else 'stiffer'} than those of these elements can be: "
        f"energies and forces are in another unit{which}, which data.units should say"
    )


def _stiffness(model: ForceModel, n: int) -> float | None:
    """Mean force constant times the square of distances of neighbours by cohesive energy; None: there are no bonds."""
    atoms = model.frames[n].atoms
    ratio = bond_ratio([atoms])
    if ratio is None or not _BONDS[0] < ratio < _BONDS[1]:
        return None
    step = _STEP * np.random.default_rng(n).choice([-1.0, 1.0], size=(len(atoms), 3))
    back = model.forces_at(n, -step) - model.forces_at(n, step)
    i, _, d = full_list(atoms, _REACH)
    nearest = np.full(len(atoms), _REACH)
    np.minimum.at(nearest, i, np.linalg.norm(d, axis=1))
    constant = np.sum(back * step) / (2 * np.sum(step**2))
    return float(constant * nearest.mean() ** 2 / np.mean([COHESIVE[symbol] for symbol in atoms.symbols]))
