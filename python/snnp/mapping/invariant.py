"""Invariant points: structures in which all atoms of an element have the same surroundings (Yoo et al., Phys. Rev.
Materials 3, 093802 (2019)).

Symmetry says that their atomic energies are equal: E_i = E/N in a crystal of an element, whatever a model is. In a
compound of elements α with N_α atoms only the sum Σ N_α E_α = E is known.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from ase.formula import Formula

from snnp import _core
from snnp.data import Frame
from snnp.data.neighbors import NeighborLists
from snnp.mapping.environments import Descriptors
from snnp.validation.naming import formula, prototype
from snnp.validation.series import find_series
from snnp.validation.symmetry import symmetry_data

# Descriptors of atoms that are displaced by some 0.001 Å differ by this part; atomic energies by about 1 meV.
_EQUAL = 2e-3
# Forces of equivalent atoms have one size; those of codes differ by less, eV/Å.
_SAME_FORCE = 0.05
_SYMMETRIC = 5e-3  # Å
_MOLECULES = {1: "isolated atom", 2: "dimer", 3: "trimer", 4: "tetramer"}


@dataclass(frozen=True)
class InvariantPoint:
    """A structure whose atoms of each element are alike. by_symmetry: spglib finds them equivalent; else only their
    surroundings as far as the descriptors reach are equal."""

    name: str
    frame: Frame
    by_symmetry: bool

    @property
    def energy(self) -> float:
        """What is known, eV: the energy of each atom, or, in a compound, their mean."""
        return self.frame.energy / len(self.frame.atoms)

    @property
    def known(self) -> str:
        """What is known, as a formula: "E(Si)", "E(In) + E(P)"."""
        counts = Formula(formula(self.frame.atoms)).count()
        return " + ".join(f"{n} E({s})" if n > 1 else f"E({s})" for s, n in counts.items())


def find_invariant_points(
    frames: Iterable[Frame],
    descriptors: Descriptors,
    lists: NeighborLists,
    tick: Callable[[int], None] = lambda n: None,
) -> list[InvariantPoint]:
    """All frames with a known energy that are invariant points; tick(1) after each frame.

    lists: neighbour lists at least as long as `descriptors` reach. Crystals under strain are named as what they are
    without it.
    """
    found = []
    for frame in frames:
        if np.isfinite(frame.energy) and _forces_may_be(frame) and are_alike(lists.of(frame.atoms), descriptors):
            found.append(frame)
        tick(1)
    names = {id(s.frame): series.name for series in find_series(found) for s in series.samples}
    return [InvariantPoint(names.get(id(f)) or _name(f, lists.of(f.atoms)), f, _is_symmetric(f)) for f in found]


def are_alike(structures: _core.Structures, descriptors: Descriptors) -> bool:
    """Whether the atoms of each element have the same surroundings."""
    G, kinds = descriptors(structures), structures.elements
    return all(descriptors.spread(G[kinds == kind]) < _EQUAL for kind in np.unique(kinds))


def by_name(points: Sequence[InvariantPoint]) -> dict[str, list[InvariantPoint]]:
    """The points of each crystal, molecule or other structure, by energy."""
    names = sorted({point.name for point in points})
    return {name: sorted((p for p in points if p.name == name), key=lambda p: p.energy) for name in names}


def _forces_may_be(frame: Frame) -> bool:
    """Whether the forces on atoms of each element have one size, as far as they are known."""
    sizes = np.linalg.norm(frame.forces, axis=1)
    for z in np.unique(frame.atoms.numbers):
        known = sizes[(frame.atoms.numbers == z) & np.isfinite(sizes)]
        if len(known) and np.ptp(known) > _SAME_FORCE:
            return False
    return True


def _is_symmetric(frame: Frame) -> bool:
    atoms = frame.atoms
    if not (atoms.pbc.all() and atoms.cell.rank == 3):
        return len(atoms) < 3  # two atoms are each other's image
    data = symmetry_data(atoms, _SYMMETRIC)
    return data is not None and all(
        len(set(data.equivalent_atoms[atoms.numbers == z])) == 1 for z in np.unique(atoms.numbers)
    )


def _name(frame: Frame, structures: _core.Structures) -> str:
    """The name of what is no crystal that is known by its strained frames."""
    atoms = frame.atoms
    what = formula(atoms)
    if _is_molecule(structures):
        name = _MOLECULES.get(len(atoms), f"cluster of {len(atoms)}")
        return f"{name} {what if len(set(atoms.numbers)) == 1 else atoms.get_chemical_formula('metal')}"
    if not (atoms.pbc.all() and atoms.cell.rank == 3):
        return f"layer or chain {what}"
    try:
        return f"{prototype(atoms, _SYMMETRIC)} {what}"
    except ValueError:
        return what


def _is_molecule(structures: _core.Structures) -> bool:
    """Whether no atom sees an image of itself, or two of another."""
    offsets, indices = structures.offsets, structures.indices
    for i in range(len(structures)):
        near = indices[offsets[i] : offsets[i + 1]]
        if i in near or len(set(near)) < len(near):
            return False
    return True
