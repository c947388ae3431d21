"""Evaluation of potential files from Python: an ASE calculator over the C++ engine."""

import os
from numbers import Integral
from threading import RLock

from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes

from snnp import _core
from snnp.data.neighbors import structures
from snnp.potential import Potential
from snnp.virial import matrix, stress


class _Lock:
    """A lock that a forked child does not inherit from a thread that it does not have."""

    def __init__(self):
        self._lock, self._process = RLock(), os.getpid()

    def of_this_process(self):
        if self._process != os.getpid():
            self.__init__()
        return self._lock


class SNNP(Calculator):
    """ASE calculator of a potential.

    Results: energy and free_energy (eV), energies (n_atoms, eV), forces (n_atoms, 3, eV/Å) and, for cells with a
    volume, stress (6, eV/Å³, ASE's sign and order) and stresses (n_atoms, 6, eV/Å³), the contributions of atoms to it:
    those of LAMMPS' `compute stress/atom`, divided by the volume of the cell. They depend on the potential, the atoms
    and `threads` only. A calculator may be copied, sent to other processes, and used by several threads of Python, one
    after the other.

    potential: path of a `*.snnp` file, or a potential already read.
    threads: OpenMP threads; by default what OMP_NUM_THREADS says, else 1.
    """

    implemented_properties = ["energy", "free_energy", "energies", "forces", "stress", "stresses"]

    def __init__(
        self, potential: str | os.PathLike | Potential | _core.Potential, threads: int | None = None, **kwargs
    ):
        self._lock = _Lock()
        self.threads = default_threads() if threads is None else threads
        super().__init__(**kwargs)
        if isinstance(potential, Potential):
            potential = potential.data
        elif not isinstance(potential, _core.Potential):
            potential = _core.read_potential(potential)
        self.engine = _core.Engine(potential)
        self._elements = [e.name for e in potential.elements]

    @property
    def potential(self) -> _core.Potential:
        """A copy of the potential as data."""
        return self.engine.potential

    @property
    def elements(self) -> list[str]:
        """Chemical symbols that the potential knows."""
        return list(self._elements)

    @property
    def cutoff(self) -> float:
        """Largest cutoff, Å."""
        return self.engine.cutoff

    @property
    def threads(self) -> int:
        """Number of OpenMP threads."""
        return self._threads

    @threads.setter
    def threads(self, number: int) -> None:
        """Raises snnp.Error for a number that makes no sense; results so far are forgotten."""
        if not isinstance(number, Integral) or not 1 <= number <= _core.MAX_THREADS:
            raise _core.Error(f"threads: expected a whole number from 1 to {_core.MAX_THREADS}, found {number!r}")
        self._threads = int(number)
        self.results = {}  # sums over other shares of atoms are rounded in another way

    def set(self, threads: int | None = None, **kwargs) -> dict:
        """Sets the number of threads; raises TypeError for anything else. Returns what has changed, as ASE wants it."""
        if kwargs:
            raise TypeError(f"found '{next(iter(kwargs))}', expected 'threads': an snnp calculator has nothing else")
        if threads is None or threads == self.threads:
            return {}
        self.threads = threads
        return {"threads": threads}

    def get_property(self, name: str, atoms: Atoms | None = None, allow_calculation: bool = True):
        """A result for these atoms; called by ASE."""
        with self._lock.of_this_process():
            return super().get_property(name, atoms, allow_calculation)

    def calculate(self, atoms: Atoms | None = None, properties=("energy",), system_changes=all_changes) -> None:
        """Fills `results`; called by ASE."""
        super().calculate(atoms, properties, system_changes)
        batch = structures([self.atoms], self._elements, self.cutoff)
        out = self.engine.evaluate(batch, self.threads)
        self.results = {
            "energy": out["energy"],
            "free_energy": out["energy"],
            "energies": out["energies"],
            "forces": out["forces"],
        }
        if self.atoms.cell.rank == 3:
            volume = self.atoms.get_volume()
            self.results["stress"] = stress(matrix(out["virial"]), volume)
            self.results["stresses"] = stress(out["virials"], volume)

    def __getstate__(self) -> dict:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state, _lock=_Lock())


def default_threads() -> int:
    """OMP_NUM_THREADS, or the first of its numbers, if that is positive; else 1."""
    value = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    return int(value) if value.isdecimal() and int(value) > 0 else 1


def available_cores() -> int:
    """Cores that this process may use, or fewer if OMP_NUM_THREADS says so."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, default_threads()) if "OMP_NUM_THREADS" in os.environ else cores


def load(potential: str | os.PathLike, threads: int | None = None) -> SNNP:
    """The ASE calculator of a potential file; raises snnp.Error with file and line if the file is not valid."""
    return SNNP(potential, threads)
