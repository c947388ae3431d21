"""The checks of physics at the end of a fit."""

import signal
from collections.abc import Sequence

from snnp import console
from snnp.data import Frame
from snnp.fitting.interruption import Interrupted
from snnp.fitting.outputs import Outputs

# A quick check takes at most this part of the time of the fit, or so many seconds, if that is more.
_PART, _LEAST = 0.1, 10.0
_FRAMES = 2000  # about so many are looked through for crystals, some milliseconds each


def check_physics(
    outputs: Outputs, level: str, frames: Sequence[Frame], seconds: float, threads: int, log: console.Log
) -> None:
    """Validates the potential file of a fit and prints what does not pass; the record stays beside the potential.

    level: "off", "quick" (within a tenth of `seconds`, which the fit took, or ten seconds) or "full". frames: of the
    training data. Whatever goes wrong is a line of the log, as the fit is done; raises Interrupted if told to stop.
    """
    name = outputs.potential.name
    later = f'"snnp validate {name} --data FILES" does it'
    if level == "off":
        return
    try:
        _validate(outputs, level, frames, max(_PART * seconds, _LEAST) if level == "quick" else None, threads, log)
    except ImportError as error:
        log.print(f'checks of physics: left out, package {error.name} is missing: pip install "snnp[validate]"')
    except KeyboardInterrupt as stop:
        number = getattr(stop, "signal", signal.SIGINT)
        raise Interrupted(f"stopped at the checks of physics; {name} is complete, {later}", number) from stop
    except Exception as error:
        log.print(f"checks of physics: not made ({error}); {later}")


def _validate(outputs: Outputs, level: str, frames, budget: float | None, threads: int, log: console.Log) -> None:
    from snnp.validation.check import Level
    from snnp.validation.model import FileModel
    from snnp.validation.validate import Question, validate

    frames = frames[:: max(len(frames) // _FRAMES, 1)]
    question = Question(frames=frames, level=Level[level.upper()], threads=threads)
    model = FileModel(outputs.potential, threads)
    record = validate(model, question, outputs.validation, log.print, restart=True, budget=budget)
    log.print(console.verdict_table(record))
    for sentence in console.verdict_sentences(record):
        log.print(sentence)
    if record.left_out:
        log.print(f"left out to save time: {'; '.join(record.left_out)}; snnp validate makes all checks")
    page = outputs.validation["html"].name
    log.print(f"checks of physics: {record.verdict.value} ({record.counts}); {page} shows them")
