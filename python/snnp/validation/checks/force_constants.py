"""Phonons by finite displacements: force constants of a crystal and what follows from them.

Without the splitting of longitudinal and transverse optical modes at Γ (LO-TO), for which a potential has no charges.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import seekpath
from ase import Atoms
from ase.calculators.calculator import Calculator
from phonopy import Phonopy
from phonopy.structure.atoms import PhonopyAtoms

from snnp.validation.checks.common import SYMMETRY, forces, repeats

DISPLACEMENT = 0.01  # Å, both ways: cubic terms cancel, quartic ones are 1e-4 of the harmonic ones
MOST_ATOMS = 800  # in the supercell: a second per evaluation at most; narrower cells are mentioned
POINTS = 60  # along each line of the path
MESH = 60.0  # Å: a mesh of q as fine as the k of a supercell of this size, for sums over the zone
# In units of the highest frequency: modes this close are one, degenerate by symmetry.
DEGENERATE = 2e-3
KELVIN = 47.99243073366221  # h × 1 THz / k_B: exact by the definition of units


@dataclass
class Phonons:
    """Force constants of a crystal, from which frequencies at any q follow.

    path: of seekpath: `point_coords`, `path` and the primitive cell that q refers to.
    phonopy: with force constants and frequencies on a mesh.
    """

    path: dict
    phonopy: Phonopy

    @classmethod
    def of(cls, atoms: Atoms, calculator: Calculator, wide: float) -> "Phonons":
        """Those of a crystal, from supercells at least `wide` (Å); raises checks.common.Failure."""
        path = seekpath.get_path((atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), symprec=SYMMETRY)
        cell = Atoms(
            path["primitive_types"],
            scaled_positions=path["primitive_positions"],
            cell=path["primitive_lattice"],
            pbc=True,
        )
        phonopy = Phonopy(
            PhonopyAtoms(numbers=cell.numbers, cell=cell.cell.array, scaled_positions=cell.get_scaled_positions()),
            np.diag(repeats(cell, wide, MOST_ATOMS)),
            primitive_matrix=np.eye(3),
            log_level=0,
        )
        phonopy.generate_displacements(distance=DISPLACEMENT, is_plusminus=True)
        found = []
        for moved in phonopy.supercells_with_displacements:
            supercell = Atoms(moved.numbers, moved.positions, cell=moved.cell, pbc=True, calculator=calculator)
            found.append(forces(supercell))
        phonopy.forces = np.array(found)
        phonopy.produce_force_constants()
        phonopy.symmetrize_force_constants()
        phonopy.run_mesh(MESH)
        return cls(path, phonopy)

    def at(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Frequencies (n, modes), THz, imaginary ones negative, and eigenvectors (n, modes, atoms, 3).

        q: (n, 3), in units of the reciprocal vectors of the primitive cell.
        """
        self.phonopy.run_qpoints(q, with_eigenvectors=True)
        frequencies = self.phonopy.qpoints.frequencies
        vectors = np.swapaxes(self.phonopy.qpoints.eigenvectors, 1, 2)
        return frequencies, vectors.reshape(*vectors.shape[:2], -1, 3)

    @cached_property
    def bands(self) -> list[dict]:
        """Along each line of the path: its ends, `distance` (points,), 1/Å, and `frequency` (modes, points), THz."""
        reciprocal = np.linalg.inv(self.phonopy.primitive.cell).T
        lines, begun = [], 0.0
        for start, end in self.path["path"]:
            first, last = (np.array(self.path["point_coords"][p]) for p in (start, end))
            q = first + np.linspace(0, 1, POINTS)[:, None] * (last - first)
            along = begun + np.linalg.norm((q - first) @ reciprocal, axis=1)
            lines.append({"ends": [start, end], "distance": along.tolist(), "frequency": self.at(q)[0].T.tolist()})
            begun = along[-1]
        return lines

    def modes(self, point: str) -> dict[str, float]:
        """Frequencies (THz) at a point of symmetry by the names of the modes, those of Γ that are zero left out.

        A mode is longitudinal or transverse if all its atoms move along q or across; those of one kind are numbered.
        """
        q = np.array(self.path["point_coords"][point])
        frequencies, vectors = (of[0] for of in self.at(q[None]))
        direction = q @ np.linalg.inv(self.phonopy.primitive.cell).T
        size = np.linalg.norm(direction)
        if size == 0:
            order = np.sort(np.argsort(np.abs(frequencies))[3:])
            groups = [("optical", frequencies[g].mean()) for g in _degenerate(frequencies, order)]
        else:
            share = (np.abs(vectors @ (direction / size)) ** 2).sum(axis=1)  # of each mode, along q
            groups = [
                (_kind(share[g].mean()), frequencies[g].mean())
                for g in _degenerate(frequencies, range(len(frequencies)))
            ]
        return _named(groups)

    @cached_property
    def density_of_states(self) -> dict:
        """`frequency` and `density`, (n,), THz and 1/THz for one primitive cell."""
        self.phonopy.run_total_dos()
        dos = self.phonopy.total_dos
        return {"frequency": dos.frequency_points.tolist(), "density": dos.dos.tolist()}

    @cached_property
    def extremes(self) -> tuple[float, float]:
        """The lowest and the highest frequency on the path and on a mesh, THz."""
        everything = [self.phonopy.mesh.frequencies.ravel(), *(np.ravel(line["frequency"]) for line in self.bands)]
        frequencies = np.concatenate(everything)
        return float(frequencies.min()), float(frequencies.max())

    def heat_capacity(self, temperature: float) -> float:
        """At constant volume, k_B/atom: three times the mean of (x/2)² / sinh²(x/2), x = hν/kT; temperature in K."""
        frequencies, weights = self.phonopy.mesh.frequencies, self.phonopy.mesh.weights
        half = np.maximum(KELVIN * frequencies / temperature / 2, 1e-6)  # 1 in the limit
        return float(3 * weights @ ((half / np.sinh(half)) ** 2).mean(axis=1) / weights.sum())

    @property
    def narrowest(self) -> float:
        """Distance of opposite faces of the supercell, the smallest, Å."""
        return float((1 / np.linalg.norm(np.linalg.inv(self.phonopy.supercell.cell), axis=0)).min())


def _degenerate(frequencies: np.ndarray, order) -> list[list[int]]:
    """Modes, in rising order, in groups of equal frequency."""
    groups: list[list[int]] = []
    for n in order:
        if groups and frequencies[n] - frequencies[groups[-1][-1]] < DEGENERATE * np.abs(frequencies).max():
            groups[-1].append(n)
        else:
            groups.append([n])
    return groups


def _kind(share: float) -> str:
    """longitudinal, transverse or mixed, by the share of movement along q."""
    return "longitudinal" if share > 0.99 else "transverse" if share < 0.01 else "mixed"


def _named(groups: list[tuple[str, float]]) -> dict[str, float]:
    """Numbers after the names of modes, where one would be there twice; nothing where there is one frequency only."""
    if len(groups) == 1 and groups[0][0] != "optical":
        return {"": groups[0][1]}
    kinds = [kind for kind, _ in groups]
    named = {}
    for n, (kind, frequency) in enumerate(groups):
        number = f" {kinds[: n + 1].count(kind)}" if kinds.count(kind) > 1 else ""
        named[f" {kind}{number}"] = float(frequency)
    return named
