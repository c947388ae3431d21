"""A guess of the melting temperature, where nobody says it: a crystal is heated until its atoms leave their sites."""

from dataclasses import dataclass

from ase import Atoms

from snnp.validation.model import Model
from snnp.validation.simulation import simulate, slowness, time_step
from snnp.validation.states import EVAPORATED, supercell

# A perfect crystal of some 100 atoms, heated this fast, melts at 1.25 to 1.65 times the published melting temperature
# of its potential in metals and argon (EAM of Cu, Ni, Al, Fe, Mg), at 1.8 in silicon of Stillinger and Weber and 1.1 in
# that of Tersoff. The temperature is right within some 25 %.
SUPERHEATING = 1.45
UNCERTAIN = 0.25
_FIRST, _LAST, _RATE = 0.5, 2.6, 0.22  # of the guess that it begins with, and of it in each ps
_GONE = 0.1  # mean square displacement, by the square of the distance of neighbours, at which it is no crystal
_THERMOSTAT, _BAROSTAT = 0.1, 1.0  # ps
_EVERY = 25  # steps


@dataclass(frozen=True)
class Heated:
    """How it ended. temperature: of the thermostat, K. volume: by that at rest. problem: why LAMMPS ended early."""

    temperature: float
    volume: float
    problem: str

    @property
    def melting(self) -> float:
        """The melting temperature, K, about."""
        return self.temperature / SUPERHEATING

    @property
    def is_melt(self) -> bool:
        """Whether atoms left their sites as in melting."""
        return not self.problem and self.volume < EVAPORATED


def heat(model: Model, rest: Atoms, guess: float, shortest: float, seed: int, **how) -> Heated:
    """A crystal that is heated until its atoms leave their sites, at zero pressure.

    rest: the crystal at rest. guess: K, right within a factor of two. shortest: distance in it, Å. how: threads, ranks,
    timeout.
    """
    crystal = supercell(rest)
    run = simulate(model, crystal, _commands(rest, guess, shortest, seed), _EVERY, **how)
    if not run.blocks:
        return Heated(_FIRST * guess, 1.0, run.problem or "LAMMPS ended without a result")
    time, volume = (run.blocks[0][name] for name in ("Time", "Volume"))
    passed = (time[-1] - time[0]) / _slow(rest, guess, shortest)
    return Heated(float(guess * (_FIRST + _RATE * passed)), float(volume[-1] / crystal.get_volume()), run.problem)


def steps(elements: list[str]) -> int:
    """At most."""
    return round((_LAST - _FIRST) / _RATE / time_step(elements))


def _slow(rest: Atoms, guess: float, shortest: float) -> float:
    return slowness(list(set(rest.symbols)), guess, shortest)


def _commands(rest: Atoms, guess: float, shortest: float, seed: int) -> list[str]:
    elements, slow = list(set(rest.symbols)), _slow(rest, guess, shortest)
    first, last = _FIRST * guess, _LAST * guess
    return [
        f"timestep {slow * time_step(elements):.6g}",
        f"velocity all create {2 * first:.6g} {seed} dist gaussian",
        "compute moved all msd com yes",
        "variable moved equal c_moved[4]",
        "variable grown equal vol/$(vol:%.10g)",
        f"fix gone all halt {_EVERY} v_moved > {_GONE * shortest**2:.6g} error continue message no",
        f"fix large all halt {_EVERY} v_grown > {EVAPORATED} error continue message no",
        f"fix heat all langevin {first:.6g} {last:.6g} {slow * _THERMOSTAT:.6g} {seed} zero yes",
        f"fix move all nph aniso 0.0 0.0 {slow * _BAROSTAT:.6g}",
        f"run {steps(elements)}",
    ]
