"""The melting temperature, by coexistence of crystal and melt."""

import numpy as np

from snnp.validation.check import Check, Level, Setting
from snnp.validation.checks.melting_point import how, material, melting_temperature, seconds
from snnp.validation.coexistence import FROZEN, LONG, Coexistence, coexist, preparation
from snnp.validation.hull import at_rest, known_ground_states, shortest_distance
from snnp.validation.outcome import Line, Outcome, Verdict, compare
from snnp.validation.simulation import time_step
from snnp.validation.states import ATOMS, supercell

# Relative. DFT itself is off by 10 to 20 % for some materials, and good classical potentials are within 15 %.
WARN, FAIL = 0.15, 0.35
_LENGTH = {Level.QUICK: 10.0, Level.STANDARD: 15.0, Level.FULL: 40.0}  # ps
# Heat of melting holds the temperature if a run begins within some 20 % of it: larger steps would jump over that.
_STEP = 1.2
_ATTEMPTS = 6
# A run begun too cold and one begun too hot: where they do not meet, the difference is in the uncertainty.
_SIDES = (0.95, 1.05)
# Cells of some 500 atoms melt 5 % too low; twice as wide they are within a few.
_WIDTH = {Level.QUICK: 1, Level.STANDARD: 1, Level.FULL: 2}


class Melting(Check):
    """Two phases at constant enthalpy. It takes minutes: only for `FULL`, by name, or if the temperature is given."""

    name = "melting"
    title = "Melting temperature"
    level = Level.FULL
    in_lammps = True

    def subjects(self, setting: Setting) -> list[str]:
        """The ground state of the material."""
        if setting.model.lammps(setting.model.elements) is None:
            return []
        return [material(known_ground_states(setting)).name]

    def run(self, setting: Setting, subject: str) -> Outcome:
        """The melting temperature, and what blocks of several runs say of its uncertainty."""
        crystal = next(c for c in setting.crystals if c.name == subject)
        rest = at_rest(setting, crystal)
        assumed = melting_temperature(setting, crystal, rest)
        guess = assumed.value
        if guess is None:
            return Outcome([_failed("nothing holds the atoms of the crystal: a displaced one is not pulled back")])
        width = _WIDTH[setting.level]
        cell, shortest = supercell(rest) * (width, width, 1), shortest_distance(rest)

        def attempt(temperature: float, number: int) -> Coexistence:
            seed = 1 + (97 * setting.seed + 13 * number) % 10**6
            return coexist(
                setting.model,
                cell,
                temperature,
                _LENGTH[setting.level],
                shortest,
                seed,
                **how(setting, _seconds(setting)),
            )

        first = _search(attempt, guess)
        if isinstance(first, Line):
            return Outcome([first])
        middle = float(first.temperatures.mean())
        runs = [first, *(attempt(side * middle, _ATTEMPTS + n) for n, side in enumerate(_SIDES))]
        return _outcome(runs, guess if assumed.is_known else None)

    def seconds(self, setting: Setting, subject: str) -> float:
        """Of three runs, and one that begins at a wrong temperature."""
        return 4 * _seconds(setting)


def _search(attempt, guess: float) -> Coexistence | Line:
    """The first run in which both phases stay, or the line that says that there is none."""
    low, high, temperature = 0.0, np.inf, guess
    for number in range(_ATTEMPTS):
        found = attempt(temperature, number)
        if found.problem:
            return _failed(f"crystal and melt together end LAMMPS {found.problem}")
        if found.is_one:
            return found
        if found.solid >= FROZEN:
            low = max(low, temperature)
        else:
            high = min(high, temperature)
        temperature = _between(low, high)
    between = f"above {low:.0f} K" if high == np.inf else f"between {low:.0f} and {high:.0f} K"
    text = f"crystal and melt did not live together in {_ATTEMPTS} runs; the crystal melts {between}"
    return Line("melting temperature", None, "K", verdict=Verdict.WARN, sentence=text)


def _between(low: float, high: float) -> float:
    """The middle, or a step beyond the only bound that there is."""
    if low > 0 and high < np.inf:
        return (low * high) ** 0.5
    return low * _STEP if low > 0 else high / _STEP


def _outcome(runs: list[Coexistence], given: float | None) -> Outcome:
    """A mean over the blocks of all runs in which both phases stayed."""
    good = np.concatenate([run.temperatures for run in runs if run.is_one])
    mean, error = float(good.mean()), float(good.std(ddof=1) / len(good) ** 0.5)
    data = {"blocks": [run.temperatures.tolist() for run in runs], "solid": [run.solid for run in runs]}
    lines = [
        compare("melting temperature", mean, "K", given, "as given", WARN, FAIL),
        Line("uncertainty of the melting temperature (standard error of blocks)", error, "K"),
    ]
    lines += [_failed(f"crystal and melt together end LAMMPS {run.problem}") for run in runs if run.problem]
    return Outcome(lines, data)


def _failed(sentence: str) -> Line:
    return Line("melting temperature", None, "K", verdict=Verdict.FAIL, sentence=sentence)


def _seconds(setting: Setting) -> float:
    """Of one run."""
    steps = (_LENGTH[setting.level] + preparation()) / time_step(setting.model.elements)
    return seconds(setting, round(steps), 1.5 * ATOMS * LONG * _WIDTH[setting.level] ** 2)
