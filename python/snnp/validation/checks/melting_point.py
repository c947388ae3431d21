"""The melting temperature that molecular dynamics refers to: given, or found out by heating."""

from dataclasses import dataclass

from ase import Atoms

from snnp.validation.check import Setting
from snnp.validation.crystals import Crystal
from snnp.validation.heating import UNCERTAIN, heat, steps
from snnp.validation.hull import fractions, known_ground_states, shortest_distance
from snnp.validation.lindemann import lindemann_temperature
from snnp.validation.outcome import Line, Verdict
from snnp.validation.states import supercell

TOO_LOW = 0.5  # of what Lindemann's criterion says, which is 0.9 to 1.5 times the melting temperature
_MICROSECONDS = 20.0  # per atom and step
_PATIENCE = 20.0  # times the guess of the time: then a run hangs


def how(setting: Setting, expected: float) -> dict:
    """Options of `simulate` for a run that takes about so many seconds."""
    return {"threads": setting.threads, "ranks": setting.ranks, "timeout": 60 + _PATIENCE * expected}


def seconds(setting: Setting, number: int, natoms: float) -> float:
    """A guess of the time that a run of so many steps takes."""
    return 1.0 + 1e-6 * _MICROSECONDS * natoms * number / (setting.threads * setting.ranks)


def material(crystals: list[Crystal]) -> Crystal:
    """The crystal that the potential is for: the first of those with the most elements."""
    return max(crystals, key=lambda crystal: len(fractions(crystal.formula)))


@dataclass(frozen=True)
class MeltingPoint:
    """The melting temperature that is assumed, K; None: there is none. is_known: no guess. line: of the table."""

    value: float | None
    is_known: bool
    line: Line


QUANTITY = "melting temperature that states refer to"


def melting_temperature(setting: Setting, crystal: Crystal, rest: Atoms) -> MeltingPoint:
    """As a reference or the user has it, or else by heating. rest: the crystal at rest, with a calculator."""
    given = setting.melting if crystal is material(known_ground_states(setting)) else None
    if reference := setting.references.get(crystal.name, "melting temperature"):
        given = reference.value
    if given is not None:
        return MeltingPoint(given, True, Line(QUANTITY, given, "K", source="as given"))
    if crystal.name not in setting.melting_guesses:
        setting.melting_guesses[crystal.name] = _by_heating(setting, crystal, rest)
    return setting.melting_guesses[crystal.name]


def _by_heating(setting: Setting, crystal: Crystal, rest: Atoms) -> MeltingPoint:
    shortest = shortest_distance(rest)
    guess = lindemann_temperature(rest, shortest)
    if guess is None:
        text = f"nothing holds the atoms of {crystal.name}: a displaced one is not pulled back"
        return MeltingPoint(None, False, Line(QUANTITY, None, "K", verdict=Verdict.FAIL, sentence=text))
    expected = seconds(setting, steps(setting.model.elements), len(supercell(rest)))
    found = heat(setting.model, rest, guess, shortest, setting.seed, **how(setting, expected))
    if not found.is_melt:
        does = f"ends LAMMPS: {found.problem}" if found.problem else f"expands to {found.volume:.1f} V0"
        text = f"{crystal.name}, heated to {found.temperature:.0f} K, {does}"
        source = "not known; from the force constants of atoms"
        return MeltingPoint(guess, False, Line(QUANTITY, guess, "K", None, source, Verdict.FAIL, text))
    if found.melting < TOO_LOW * guess:
        text = f"{crystal.name}, heated, melts at {found.temperature:.0f} K; its force constants speak of {guess:.0f} K"
        source = "not known; from the force constants of atoms"
        return MeltingPoint(guess, False, Line(QUANTITY, guess, "K", None, source, Verdict.WARN, text))
    source = f"heated until it melts, ± {100 * UNCERTAIN:.0f} %"
    return MeltingPoint(found.melting, False, Line(QUANTITY, found.melting, "K", source=source))
