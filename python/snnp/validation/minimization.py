"""Many small cells brought to rest at zero pressure by LAMMPS, atoms and cell together."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from snnp.validation.model import Model
from snnp.validation.simulation import START, execute, read_frames, system

# A cell that shrinks or grows to these multiples of the volume that it should have is stopped there.
COLLAPSED, EVAPORATED = 0.2, 4.0
# fix box/relax goes by the cell that it began with: it is begun anew until the energy stays.
_ROUNDS = 4
_STEPS = 200  # of each round
_LARGEST_STRAIN = 0.01  # of one step; the default, 1e-4, would take thousands
_SECONDS = 20.0  # one cell takes a tenth; more are a hang


@dataclass
class Minimum:
    """Where the minimisation of a cell ended.

    atoms: None where LAMMPS failed, `problem` says how. energy: eV/atom.
    """

    atoms: Atoms | None
    energy: float = np.nan
    problem: str = ""


def minimize(model: Model, cells: Sequence[Atoms], volume: float) -> list[Minimum]:
    """The cells at rest, one process of LAMMPS for all; a cell that ends the process is left out and the rest goes on.

    volume: what an atom is expected to take, Å³: cells that leave COLLAPSED … EVAPORATED times this are stopped there.
    """
    found: list[Minimum] = []
    while len(found) < len(cells):
        found += _minimize(model, cells[len(found) :], volume)
    return found


def _minimize(model: Model, cells: Sequence[Atoms], volume: float) -> list[Minimum]:
    """As many as one process does, the last of which may have failed."""
    with tempfile.TemporaryDirectory(prefix="snnp-") as name:
        folder = Path(name)
        commands = [line for n, atoms in enumerate(cells) for line in _commands(model, atoms, volume, folder / str(n))]
        _, problem = execute(commands, folder, timeout=START + _SECONDS * len(cells))
        found = []
        for n in range(len(cells)):
            result = folder / f"{n}.energy"
            if not result.exists():
                return [*found, Minimum(None, problem=problem or "LAMMPS ended without a result")]
            found.append(_result(folder / f"{n}.dump", float(result.read_text()), model))
    return found


def _result(dump: Path, energy: float, model: Model) -> Minimum:
    atoms = read_frames(dump.read_text(), model.elements)[0]
    if not np.isfinite([energy, atoms.get_volume(), *atoms.positions.ravel()]).all():
        return Minimum(None, problem="the energy or a position is not a number")
    atoms.wrap()
    return Minimum(atoms, energy / len(atoms))


def _commands(model: Model, atoms: Atoms, volume: float, place: Path) -> list[str]:
    natoms = len(atoms)
    rounds = [f"fix cell all box/relax tri 0.0 vmax {_LARGEST_STRAIN}", _MINIMIZE, "unfix cell"] * _ROUNDS
    return [
        "clear",
        *system(model, atoms, place.with_suffix(".data")),
        "change_box all triclinic",
        f"thermo {_STEPS}",
        "min_style cg",
        f"variable density equal vol/{natoms * volume:.10g}",
        f"fix small all halt 1 v_density < {COLLAPSED} error continue message no",
        f"fix large all halt 1 v_density > {EVAPORATED} error continue message no",
        _MINIMIZE,
        *rounds,
        f'write_dump all custom "{place}.dump" id type xs ys zs modify sort id format float %.10g',
        f'print "$(pe:%.12g)" file "{place}.energy"',
    ]


_MINIMIZE = f"minimize 1e-10 1e-4 {_STEPS} {5 * _STEPS}"
