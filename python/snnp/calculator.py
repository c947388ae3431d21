"""Evaluation of potential files from Python: an ASE calculator over the C++ engine."""

import os
from pathlib import Path

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from snnp import _core
from snnp.data.neighbors import structures
from snnp.virial import matrix, stress


class SNNP(Calculator):
    """ASE calculator of a potential file.

    Results: energy and free_energy (eV), energies (n_atoms, eV), forces (n_atoms, 3, eV/Å) and, for cells with a
    volume, stress (6, eV/Å³, ASE's sign and order).

    potential: path of a `*.snnp` file, or a potential already read.
    threads: OpenMP threads; by default what OMP_NUM_THREADS says, else 1.
    """

    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress"]

    def __init__(self, potential: str | os.PathLike | _core.Potential, threads: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if not isinstance(potential, _core.Potential):
            potential = _core.read_potential(str(Path(potential)))
        self.engine = _core.Engine(potential)
        self.threads = threads or default_threads()

    @property
    def potential(self) -> _core.Potential:
        """The potential as data."""
        return self.engine.potential

    @property
    def elements(self) -> list[str]:
        """Chemical symbols that the potential knows."""
        return [e.name for e in self.potential.elements]

    @property
    def cutoff(self) -> float:
        """Largest cutoff, Å."""
        return self.engine.cutoff

    def calculate(self, atoms: Atoms | None = None, properties=("energy",), system_changes=all_changes):
        """Fills `results`; called by ASE."""
        super().calculate(atoms, properties, system_changes)
        batch = structures([self.atoms], self.elements, self.cutoff)
        out = self.engine.evaluate(batch, self.threads)
        self.results = {
            "energy": out["energy"],
            "free_energy": out["energy"],
            "energies": out["energies"],
            "forces": out["forces"],
        }
        if self.atoms.cell.rank == 3:
            self.results["stress"] = stress(matrix(out["virial"]), self.atoms.get_volume())


def default_threads() -> int:
    """OMP_NUM_THREADS if it is a positive number, else 1."""
    value = os.environ.get("OMP_NUM_THREADS", "")
    return int(value) if value.isdigit() and int(value) > 0 else 1


def available_cores() -> int:
    """Cores that this process may use, or fewer if OMP_NUM_THREADS says so."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, default_threads()) if "OMP_NUM_THREADS" in os.environ else cores


def load(potential: str | os.PathLike, threads: int | None = None) -> SNNP:
    """The ASE calculator of a potential file; raises snnp.Error with file and line if the file is not valid."""
    return SNNP(potential, threads)
