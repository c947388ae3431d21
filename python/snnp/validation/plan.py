"""A validation from its question to its record: which checks of which subjects, one after the other."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from snnp import __version__
from snnp.validation.check import Check, Level, Setting
from snnp.validation.outcome import Line, Outcome, Verdict
from snnp.validation.record import Item, Record, plain


@dataclass
class Work:
    """One piece: a check of a subject with the model of a setting."""

    item: Item
    check: Check
    setting: Setting
    seconds: float  # a guess


def choose(checks: Iterable[Check], level: Level, only: Sequence[str] = (), more: Sequence[str] = ()) -> list[Check]:
    """The checks of a level and those named by `more`; or those that `only` names, of whatever level.

    Raises ValueError for a name that there is not.
    """
    checks = list(checks)
    names = [check.name for check in checks]
    if unknown := next((name for name in only if name not in names), None):
        raise ValueError(f"there is no check '{unknown}', expected some of {', '.join(names)}")
    return [check for check in checks if check.name in (only or more) or (not only and check.level <= level)]


def plan(checks: Iterable[Check], settings: Sequence[Setting]) -> list[Work]:
    """All that has to be done, the model that counts before those to compare with, in each check."""
    return [
        Work(Item(check.name, subject, setting.model.name), check, setting, check.seconds(setting, subject))
        for check in checks
        for setting in settings
        for subject in check.subjects(setting)
    ]


def run(work: Sequence[Work], record: Record, tell: Callable[[str], object], budget: float | None = None) -> None:
    """Does what the record does not have yet, and adds it there.

    tell: takes a line for each piece. budget: seconds; what would take longer, by its guess, is left out and noted.
    Raises KeyboardInterrupt if told to stop; what is done until then is in the record.
    """
    left = [piece for piece in work if piece.item not in record.outcomes]
    several = len({piece.item.model for piece in work}) > 1
    pace, begun = 1.0, time.monotonic()  # real seconds by those of the guess
    guessed = 0.0
    for n, piece in enumerate(left):
        expected = max(pace, 1.0) * piece.seconds  # that others took less than was guessed says nothing of a long one
        if budget is not None and time.monotonic() - begun + expected > budget:
            record.left_out[f"{piece.check.name}, {piece.item.subject}"] = f"takes about {expected:.0f} s"
            continue
        started = time.monotonic()
        outcome = _outcome(piece)
        took = time.monotonic() - started
        record.add(piece.item, outcome, took)
        guessed += piece.seconds
        pace = (time.monotonic() - begun) / max(guessed, 1e-9)
        remaining = pace * sum(later.seconds for later in left[n + 1 :])
        number = f"{len(work) - len(left) + n + 1:3d}/{len(work)}"
        who = f" [{piece.item.model}]" if several else ""
        until = f"; about {duration(remaining)} left" if n + 1 < len(left) else ""
        what = f"{piece.check.name}, {piece.item.subject}{who}: {outcome.verdict.value}"
        tell(f"{number}  {what}  ({duration(took)}{until})")
    record.finished = True
    record.write()


def _outcome(piece: Work) -> Outcome:
    """What a check says; an error in it is a failure of the potential or of the check, and no reason to end here.

    Raises what is a matter of the machine: OSError, MemoryError, and ImportError of a package that is missing.
    """
    try:
        found = piece.check.run(piece.setting, piece.item.subject)
    except (OSError, MemoryError, ImportError):
        raise
    except Exception as error:
        text = f"{piece.check.name} of {piece.item.subject} ended with {type(error).__name__}: {error}"
        return Outcome([Line(piece.check.name, None, verdict=Verdict.FAIL, sentence=text)])
    found.data = plain(found.data)
    return found


def duration(seconds: float) -> str:
    """For people: 4 s, 12 min, 3.2 h."""
    if seconds < 99.5:
        return f"{seconds:.0f} s" if seconds >= 9.5 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def identity(settings: Sequence[Setting], checks: Iterable[Check], data: str) -> dict:
    """What a record stands for: equal identities give equal answers.

    data: an identification of the labelled structures that references come from; empty: there are none.
    """
    first = settings[0]
    content = {
        "version": __version__,
        "models": [setting.model.name for setting in settings],
        "potentials": [setting.model.identity for setting in settings],
        "data": data,
        "crystals": [
            [crystal.name, crystal.atoms.symbols.formula.format("hill"), crystal.atoms.cell.array.round(6)]
            for crystal in first.crystals
        ],
        "references": first.references.identity,
        "level": first.level.name.lower(),
        "checks": [check.name for check in checks],
        "melting": first.melting,
        "seed": first.seed,
    }
    return plain(content)
