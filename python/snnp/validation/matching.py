"""Which structures are a crystal under homogeneous strain: its primitive cell and the deformation gradient."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.geometry import minkowski_reduce

from snnp.validation.symmetry import symmetry_data

# Lengths below are relative to the cube root of the volume of an atom, 2 to 3 Å.
# Atoms this far from the sites of a lattice are on it still: shaken a little, not thermal.
_SHAKEN = 0.04
# How far sublattices may be shifted against each other, as in a sheared crystal whose atoms relax.
_SHIFTED = 0.12
# Strains, without change of volume, up to which a lattice is a strained one. The path from bcc to fcc has 0.28.
STRAINED = 0.13
_MOST_ATOMS = 30  # in a primitive cell
_PROBES = 6
_STEPS = np.array([n for n in np.ndindex(5, 5, 5) if n != (2, 2, 2)]) - 2


@dataclass(frozen=True)
class Primitive:
    """The primitive cell of a structure, not idealised, and what atom of the structure is which of its sites.

    scaled: (p, 3), mean positions of the atoms of each site. sites: (n,). shaken: (n, 3), how far atoms are off, Å.
    """

    lattice: np.ndarray
    scaled: np.ndarray
    numbers: np.ndarray
    sites: np.ndarray
    shaken: np.ndarray

    @property
    def atoms(self) -> Atoms:
        """As ASE has it."""
        return Atoms(self.numbers, scaled_positions=self.scaled, cell=self.lattice, pbc=True)

    @property
    def volume(self) -> float:
        """Of an atom, Å³."""
        return abs(np.linalg.det(self.lattice)) / len(self.numbers)


def primitive(atoms: Atoms) -> Primitive | None:
    """The primitive cell, where atoms may be off by a little; None: there is none, or a large one."""
    length = (atoms.get_volume() / len(atoms)) ** (1 / 3)
    if len(atoms) > _MOST_ATOMS and not _repeats(atoms, 2 * _SHAKEN * length):
        return None
    data = symmetry_data(atoms, _SHAKEN * length)
    if data is None:
        return None
    sites = np.unique(data.mapping_to_primitive, return_inverse=True)[1]
    if sites.max() >= _MOST_ATOMS or np.ptp(np.bincount(sites)):
        return None
    # The cell holds a whole number of primitive cells; this frees the lattice from the precision of the search.
    whole = np.rint(atoms.cell.array @ np.linalg.inv(data.primitive_lattice))
    lattice = minkowski_reduce(np.linalg.solve(whole, atoms.cell.array))[0]
    scaled = atoms.positions @ np.linalg.inv(lattice)
    means = np.empty((sites.max() + 1, 3))
    for site in range(len(means)):
        here = scaled[sites == site]
        here = here - np.rint(here - here[0])
        scaled[sites == site] = here
        means[site] = here.mean(axis=0)
    shaken = (scaled - means[sites]) @ lattice
    first = np.unique(sites, return_index=True)[1]
    if (
        np.linalg.norm(shaken, axis=1).max() > 2 * _SHAKEN * length
        or (atoms.numbers != atoms.numbers[first][sites]).any()
    ):
        return None
    return Primitive(lattice, means, atoms.numbers[first], sites, shaken)


def _repeats(atoms: Atoms, precision: float) -> bool:
    """Whether some translation brings all atoms to atoms of their kind: quick where there is none."""
    scaled, numbers = atoms.get_scaled_positions(), atoms.numbers
    kinds, counts = np.unique(numbers, return_counts=True)
    first, *others = scaled[numbers == kinds[counts.argmin()]]
    shifts = np.array(others).reshape(-1, 3) - first
    for count, probe in enumerate(np.argsort(numbers != kinds[counts.argmin()], kind="stable")):
        if count == _PROBES:
            shifts = shifts[:_PROBES]  # one is enough
        apart = scaled[numbers == numbers[probe]][None] - (scaled[probe] + shifts)[:, None]
        apart = (apart - np.rint(apart)) @ atoms.cell.array
        shifts = shifts[(apart**2).sum(axis=-1).min(axis=1) < precision**2]
        if not len(shifts):
            return False
    return True


@dataclass(frozen=True)
class Match:
    """A structure as a crystal under strain: r = F R, with rows of positions r and of the crystal's R.

    gradient: F (3, 3), rotation included. shifts: (p, 3), of the crystal's atoms, in its own frame before the strain,
    Å. sites: which atom (p,) of the primitive cell stands for each atom of the crystal.
    """

    gradient: np.ndarray
    shifts: np.ndarray
    sites: np.ndarray

    @property
    def strain(self) -> np.ndarray:
        """Lagrange's strain (FᵀF − 1)/2, in the crystal's own frame."""
        return (self.gradient.T @ self.gradient - np.eye(3)) / 2

    @property
    def distortion(self) -> float:
        """How much the shape is changed: norm of the logarithmic strain without its part of volume."""
        return float(_distortion(self.gradient))

    @property
    def volume(self) -> float:
        """Relative to the crystal."""
        return float(np.linalg.det(self.gradient))

    @property
    def shifted(self) -> float:
        """The largest shift, Å."""
        return float(np.linalg.norm(self.shifts, axis=1).max())


def match(found: Primitive, crystal: Atoms, limit: float = STRAINED) -> Match | None:
    """How a structure is the crystal, in its primitive cell, under strain; None: it is not.

    limit: of the distortion. Shifts of atoms are limited, too.
    """
    if sorted(found.numbers) != sorted(crystal.numbers):
        return None
    reduced = minkowski_reduce(crystal.cell.array)[0]
    length = (crystal.get_volume() / len(crystal)) ** (1 / 3)
    positions = crystal.positions @ np.linalg.inv(reduced)
    for lattice in _alignments(found.lattice, reduced, limit):
        scaled = found.scaled @ found.lattice @ np.linalg.inv(lattice)
        fitted = _fit_basis(scaled, found.numbers, positions, crystal.numbers, reduced, _SHIFTED * length)
        if fitted is not None:
            return Match(np.linalg.solve(reduced, lattice).T, *fitted)
    return None


def _alignments(lattice: np.ndarray, reference: np.ndarray, limit: float) -> np.ndarray:
    """The bases (m, 3, 3) of a lattice that are the reference under rotation and little strain, the least one first."""
    vectors = _STEPS @ lattice * np.cbrt(abs(np.linalg.det(reference) / np.linalg.det(lattice)))
    lengths = np.linalg.norm(vectors, axis=1)
    close = [np.flatnonzero(np.abs(np.log(lengths / np.linalg.norm(row))) < 2 * limit) for row in reference]
    triples = np.stack(np.meshgrid(*close, indexing="ij"), axis=-1).reshape(-1, 3)
    triples = triples[np.abs(np.linalg.det(_STEPS[triples])).round() == 1]
    bases = vectors[triples]
    bases, triples = (part[np.linalg.det(bases) * np.linalg.det(reference) > 0] for part in (bases, triples))
    if not len(bases):
        return bases
    strains = _distortion(np.linalg.solve(reference, bases).swapaxes(-1, -2))
    order = np.argsort(strains.round(6), kind="stable")
    return (_STEPS[triples] @ lattice)[order[strains[order] < limit]]


def _distortion(gradients: np.ndarray) -> np.ndarray:
    stretches = np.log(np.linalg.svd(gradients, compute_uv=False))
    return np.linalg.norm(stretches - stretches.mean(axis=-1, keepdims=True), axis=-1)


def _fit_basis(
    scaled: np.ndarray,
    numbers: np.ndarray,
    wanted: np.ndarray,
    wanted_numbers: np.ndarray,
    lattice: np.ndarray,
    limit: float,
) -> tuple[np.ndarray, np.ndarray] | None:
    """Shifts of the atoms and which is which, where all scaled positions can be brought to those wanted; or None."""
    for anchor in np.flatnonzero(numbers == wanted_numbers[0]):
        apart = (scaled - scaled[anchor])[None] - (wanted - wanted[0])[:, None]
        apart = (apart - np.rint(apart)) @ lattice
        distances = np.linalg.norm(apart, axis=-1) + np.where(numbers[None] == wanted_numbers[:, None], 0, np.inf)
        sites = distances.argmin(axis=1)
        if len(set(sites)) < len(sites):
            continue
        shifts = apart[np.arange(len(sites)), sites]
        shifts = shifts - shifts.mean(axis=0)
        if np.linalg.norm(shifts, axis=1).max() < limit:
            return shifts, sites
    return None
