"""States of matter in which a potential is run, and the commands of LAMMPS that lead there."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import spglib
from ase import Atoms

from snnp.validation.check import Level
from snnp.validation.simulation import slowness, time_step

ATOMS = 100  # at least; with fewer, fluctuations of the volume hide what it does
# Of the volume at rest: a cell that gets there is lost, and the run is stopped.
COLLAPSED, EVAPORATED = 0.3, 4.0
# Times are those of most materials; slow ones take more, in larger steps.
_LENGTH = {Level.QUICK: 3.0, Level.STANDARD: 8.0, Level.FULL: 30.0}  # ps
_HEATING = 2.0  # ps at three times the melting temperature: enough to forget the crystal
_SETTLING = 1.0  # ps of a random packing at constant volume
_CONSERVING = 1.0  # ps at constant energy
_THERMOSTAT, _BAROSTAT = 0.1, 1.0  # ps
_LIQUID_VOLUME = 1.05  # in which it is melted
_PACKING = 0.75  # of the shortest distance in the crystal: closest of a random packing
_PACKING_VOLUME = 1.1
EVERY = 25  # steps between outputs


@dataclass(frozen=True)
class State:
    """What is run.

    phase: "crystal", "liquid", "packing". melting: temperature in units of that of melting; None: 300 K.
    volume: of the crystal at rest, constant; None: zero pressure. conserve: whether constant energy follows.
    """

    phase: str
    melting: float | None = None
    volume: float | None = None
    conserve: bool = False

    def temperature(self, melting: float) -> float:
        """K."""
        return 300.0 if self.melting is None else self.melting * melting

    @property
    def name(self) -> str:
        """For people; the same for all potentials."""
        where = f"{self.phase}, 300 K" if self.melting is None else f"{self.phase}, {self.melting:g} Tm"
        return where if self.volume is None else f"{where}, {self.volume:g} V0"

    def full_name(self, melting: float) -> str:
        """With the temperature in K."""
        return self.name if self.melting is None else f"{self.name} ({self.temperature(melting):.0f} K)"


_FIRST = State("crystal", 0.8, conserve=True)
_ALL = [
    State("crystal"),
    _FIRST,
    State("crystal", 1.2),
    State("liquid", 1.2, conserve=True),
    State("crystal", 1.0, 0.7),
    State("crystal", 1.0, 1.3),
    State("packing", 1.0),
]


def states(level: Level, melting: float) -> list[State]:
    """Those of a level; a material that melts near 300 K is not run as a crystal there."""
    if level == Level.QUICK:
        return [_FIRST]
    return [state for state in _ALL if state.melting is not None or 0.8 * melting >= 300.0]


def supercell(atoms: Atoms) -> Atoms:
    """The conventional cell, repeated along its shortest side until there are ATOMS."""
    found = spglib.standardize_cell((atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers))
    cell = atoms if found is None else Atoms(found[2], cell=found[0], scaled_positions=found[1], pbc=True)
    repeats = np.ones(3, int)
    while len(cell) * repeats.prod() < ATOMS:
        lengths = cell.cell.lengths() * repeats
        repeats[lengths < lengths.min() * 1.01] += 1  # equal sides together: a cube stays a cube
    return cell * tuple(repeats)


def start(state: State, crystal: Atoms, shortest: float, rng: np.random.Generator) -> Atoms:
    """Atoms that the run begins with. crystal: supercell at rest. shortest: distance in it, Å."""
    volume = {"crystal": state.volume or 1.0, "liquid": _LIQUID_VOLUME, "packing": _PACKING_VOLUME}[state.phase]
    atoms = crystal.copy()
    atoms.set_cell(atoms.cell * volume ** (1 / 3), scale_atoms=True)
    if state.phase == "packing":
        atoms.set_scaled_positions(packing(rng, atoms.cell.array, len(atoms), _PACKING * shortest))
    return atoms


def commands(state: State, level: Level, melting: float, crystal: Atoms, shortest: float, seed: int) -> list[str]:
    """For LAMMPS, after atoms and potential; the first run is what leads to the state, if it needs that."""
    elements = list(set(crystal.symbols))
    temperature, step, slow = state.temperature(melting), time_step(elements), slowness(elements, melting, shortest)
    volume = crystal.get_volume()

    def run(time: float) -> str:
        return f"run {EVERY * round(time / step / EVERY)}"

    def heat(at: float) -> str:
        return f"fix heat all langevin {at:.6g} {at:.6g} {slow * _THERMOSTAT:.6g} {seed} zero yes"

    lines = [
        f"timestep {slow * step:.6g}",
        f"variable grown equal vol/{volume:.10g}",
        f"fix small all halt {EVERY} v_grown < {COLLAPSED} error continue message no",
        f"fix large all halt {EVERY} v_grown > {EVAPORATED} error continue message no",
    ]
    if state.phase == "packing":
        lines += ["minimize 1e-4 1e-2 50 200"]
    # A perfect crystal has no potential energy of vibration yet: half of the heat goes there.
    lines += [f"velocity all create {2 * temperature:.6g} {seed} dist gaussian"]
    if state.phase != "crystal":
        hot, time = (3 * melting, _HEATING) if state.phase == "liquid" else (temperature, _SETTLING)
        lines += [heat(hot), "fix move all nve", run(time), "unfix heat", "unfix move"]
    sides = "aniso" if state.phase == "crystal" else "iso"
    move = f"nph {sides} 0.0 0.0 {slow * _BAROSTAT:.6g}" if state.volume is None else "nve"
    lines += [heat(temperature), f"fix move all {move}", run(_LENGTH[level])]
    if state.conserve:
        lines += ["unfix heat", "unfix move", "fix move all nve", run(_CONSERVING)]
    return lines


def main_block(state: State) -> int:
    """The number of the run, among those of `commands`, in which the state is what it says."""
    return {"crystal": 0, "liquid": 1, "packing": 2}[state.phase]  # a minimisation counts


def steps(state: State, level: Level, elements: Sequence[str]) -> int:
    """About how many there are."""
    extra = {"crystal": 0.0, "liquid": _HEATING, "packing": _SETTLING}[state.phase] + _CONSERVING * state.conserve
    return round((_LENGTH[level] + extra) / time_step(elements))


def packing(rng: np.random.Generator, cell: np.ndarray, number: int, closest: float) -> np.ndarray:
    """Scaled positions (number, 3), one after the other where chance puts them, not closer than that.

    cell: (3, 3), Å. closest: Å; it becomes a little less where there is no room.
    """
    placed = np.zeros((0, 3))
    while len(placed) < number:
        for _ in range(200):
            tried = rng.random(3)
            vectors = (placed - tried - np.round(placed - tried)) @ cell
            if not (np.linalg.norm(vectors, axis=1) < closest).any():
                placed = np.vstack([placed, tried])
                break
        else:
            closest *= 0.97
    return placed
