"""Crystal and melt in one cell, at zero pressure and constant enthalpy: their temperature becomes that of melting."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from snnp.validation.model import Model
from snnp.validation.simulation import Run, simulate, slowness, time_step
from snnp.validation.states import COLLAPSED, EVAPORATED

LONG = 4  # supercells along the third axis; half of them are melted
_WARMING, _MELTING, _COOLING, _JOINING = 1.5, 2.0, 1.0, 2.0  # ps
_WINDOW = 4.0  # ps, in which an atom of a melt goes further than half the distance of neighbours
_THERMOSTAT, _BAROSTAT = 0.1, 1.0  # ps
_EVERY = 50  # steps
# Share of atoms that stay where they are, from which on one of the two is gone: a layer or two is not a phase.
MELTED, FROZEN = 0.15, 0.85
BLOCKS = 2  # of the second half of a run


@dataclass
class Coexistence:
    """How a run ended. temperatures (BLOCKS,): means over blocks of the second half, K. solid: share of atoms."""

    temperatures: np.ndarray
    solid: float
    problem: str = ""

    @property
    def is_one(self) -> bool:
        """Whether both phases are there at the end."""
        return not self.problem and MELTED < self.solid < FROZEN


def preparation() -> float:
    """ps before the run that counts."""
    return _WARMING + _MELTING + _COOLING + _JOINING


def coexist(
    model: Model, crystal: Atoms, temperature: float, length: float, shortest: float, seed: int, **how
) -> Coexistence:
    """Crystal and melt, prepared at a temperature (K) and left alone for a time (ps; more in slow materials).

    crystal: a supercell at rest; it is repeated along its third axis. shortest: distance in it, Å. how: threads, ranks,
    timeout.
    """
    atoms = crystal * (1, 1, LONG)
    atoms = atoms[np.argsort(atoms.get_scaled_positions()[:, 2] >= 0.5, kind="stable")]
    half = int(np.sum(atoms.get_scaled_positions()[:, 2] < 0.5))
    run = simulate(model, atoms, _commands(atoms, half, temperature, length, shortest, seed), _EVERY, **how)
    return _ended(run, shortest, temperature)


def _commands(atoms: Atoms, half: int, temperature: float, length: float, shortest: float, seed: int) -> list[str]:
    elements = list(set(atoms.symbols))
    step, slow = time_step(elements), slowness(elements, temperature, shortest)

    def run(time: float) -> str:
        return f"run {_EVERY * round(time / step / _EVERY)}"

    def heat(group: str, at: float) -> str:
        return f"fix heat {group} langevin {at:.6g} {at:.6g} {slow * _THERMOSTAT:.6g} {seed} zero yes"

    free = f"fix move all nph aniso 0.0 0.0 {slow * _BAROSTAT:.6g}"
    return [
        f"timestep {slow * step:.6g}",
        f"variable grown equal vol/{atoms.get_volume():.10g}",
        f"fix small all halt {_EVERY} v_grown < {COLLAPSED} error hard message no",
        f"fix large all halt {_EVERY} v_grown > {EVAPORATED} error hard message no",
        f"group solid id <= {half}",
        "group liquid subtract all solid",
        *(f"velocity all create {2 * temperature:.6g} {seed} dist gaussian", heat("all", temperature), free),
        *(run(_WARMING), "unfix heat", "unfix move"),
        *("velocity solid set 0.0 0.0 0.0", heat("liquid", 3 * temperature), "fix move liquid nve", run(_MELTING)),
        *("unfix heat", heat("liquid", temperature), run(_COOLING), "unfix heat", "unfix move"),
        *(f"velocity solid create {temperature:.6g} {seed + 1} dist gaussian", heat("all", temperature), free),
        *(run(_JOINING), "unfix heat"),
        run(length),
    ]


def _ended(run: Run, shortest: float, temperature: float) -> Coexistence:
    if run.problem:
        return Coexistence(np.full(BLOCKS, np.nan), np.nan, f"at {temperature:.0f} K: {run.problem}")
    last = run.blocks[-1]
    series = last["Temp"][len(last["Temp"]) // 2 :]
    blocks = np.array([block.mean() for block in np.array_split(series, BLOCKS)])
    window = round(_WINDOW / time_step(list(set(run.frames[-1].symbols))) / _EVERY)  # outputs
    frames = run.frames[-1 - min(window, len(last["Time"]) - 1) :]
    return Coexistence(blocks, _resting(frames[0], frames[-1], shortest))


def _resting(first: Atoms, last: Atoms, shortest: float) -> float:
    """Share of atoms that are where they were, the cell as a whole aside."""
    shift = last.get_scaled_positions(wrap=False) - first.get_scaled_positions(wrap=False)
    shift -= np.median(shift, axis=0)
    return float(np.mean(np.linalg.norm(shift @ last.cell.array, axis=1) < 0.5 * shortest))
