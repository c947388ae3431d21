"""The checks of physics at the end of a fit."""

from collections.abc import Sequence
from pathlib import Path

from snnp import console
from snnp.data import Frame

# A quick check takes at most this part of the time of the fit, and is not begun in less than so many seconds.
_PART = 0.1
_LEAST = 2.0


def check_physics(
    potential: Path, level: str, frames: Sequence[Frame], seconds: float, threads: int, log: console.Log
) -> None:
    """Validates the potential file of a fit and prints what does not pass; the record stays beside the potential.

    level: "off", "quick" (within a tenth of `seconds`, which the fit took) or "full". frames: of the training data.
    """
    later = f'"snnp validate {potential.name} --data …" does them'
    if level == "off":
        return
    if level == "quick" and _PART * seconds < _LEAST:
        log.print(f"checks of physics: left out, as a tenth of the time of this fit is too short; {later}")
        return
    try:
        from snnp.validation.check import Level
        from snnp.validation.model import FileModel
        from snnp.validation.validate import Files, Question, validate
    except ImportError as error:
        log.print(f'checks of physics: left out, package {error.name} is missing: pip install "snnp[validate]"')
        return
    question = Question(frames=frames, level=Level[level.upper()], threads=threads)
    files = Files(potential.with_name(potential.name.removesuffix(".snnp")))
    budget = _PART * seconds if level == "quick" else None
    record = validate(FileModel(potential, threads), question, files, log.print, restart=True, budget=budget)
    log.print(console.verdict_table(record))
    for sentence in console.verdict_sentences(record):
        log.print(sentence)
    if record.left_out:
        log.print(f"checks of physics left out to save time: {'; '.join(record.left_out)}; {later}")
    counts = record.counts
    log.print(f"checks of physics: {counts}; {files['html'].name} shows them")
