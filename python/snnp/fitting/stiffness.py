"""Whether bonds are as stiff as those of the elements are, which tells a common unit of energies and forces.

Energies and forces in Hartree and Hartree/Å agree with each other. But the force that drives an atom back, per
displacement, times the square of the distance of neighbours, is 5 to 40 times the cohesive energy of the element: by
Debye temperatures 5 for Li, 7 for K, 13 for Al, 15 for Cu and Si, 20 for C, 26 for W, 40 for Zn, and as much for salts
and oxides with the mean of their elements; 6 to 29 in seven published data sets.
"""

import numpy as np

from snnp.data.bonds import bond_ratio
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
# eV/atom: C. Kittel, Introduction to Solid State Physics, 8th edition, table 3.1; hydrogen by half the energy of H2.
_COHESIVE = {
    **{"H": 2.24, "Li": 1.63, "Be": 3.32, "B": 5.81, "C": 7.37, "N": 4.92, "O": 2.60, "F": 0.84, "Na": 1.113},
    **{"Mg": 1.51, "Al": 3.39, "Si": 4.63, "P": 3.43, "S": 2.85, "Cl": 1.40, "K": 0.934, "Ca": 1.84, "Sc": 3.90},
    **{"Ti": 4.85, "V": 5.31, "Cr": 4.10, "Mn": 2.92, "Fe": 4.28, "Co": 4.39, "Ni": 4.44, "Cu": 3.49, "Zn": 1.35},
    **{"Ga": 2.81, "Ge": 3.85, "As": 2.96, "Se": 2.46, "Br": 1.22, "Rb": 0.852, "Sr": 1.72, "Y": 4.37, "Zr": 6.25},
    **{"Nb": 7.57, "Mo": 6.82, "Tc": 6.85, "Ru": 6.74, "Rh": 5.75, "Pd": 3.89, "Ag": 2.95, "Cd": 1.16, "In": 2.52},
    **{"Sn": 3.14, "Sb": 2.75, "Te": 2.19, "I": 1.11, "Cs": 0.804, "Ba": 1.90, "La": 4.47, "Ce": 4.32, "Pr": 3.70},
    **{"Nd": 3.40, "Sm": 2.14, "Eu": 1.86, "Gd": 4.14, "Tb": 4.05, "Dy": 3.04, "Ho": 3.14, "Er": 3.29, "Tm": 2.42},
    **{"Yb": 1.60, "Lu": 4.43, "Hf": 6.44, "Ta": 8.10, "W": 8.90, "Re": 8.03, "Os": 8.17, "Ir": 6.94, "Pt": 5.84},
    **{"Au": 3.81, "Hg": 0.67, "Tl": 1.88, "Pb": 2.03, "Bi": 2.18, "Th": 6.20, "U": 5.55, "Pu": 3.60},
}


def unit_by_stiffness(model: ForceModel) -> str | None:
    """A sentence about a wrong sign of forces, or a wrong unit of energies and forces; None: nothing shows."""
    known = [n for n, frame in enumerate(model.frames) if set(frame.atoms.symbols) <= set(_COHESIVE)]
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
    return float(constant * nearest.mean() ** 2 / np.mean([_COHESIVE[symbol] for symbol in atoms.symbols]))
