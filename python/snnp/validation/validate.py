"""A validation from a potential to its record and the files of it."""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import ase.io

from snnp.data import DataError, Frame
from snnp.data.fingerprint import fingerprint
from snnp.files import write_aside, write_text
from snnp.validation.check import Level, Setting
from snnp.validation.checks import CHECKS
from snnp.validation.crystals import find_crystals
from snnp.validation.model import LammpsModel, Model
from snnp.validation.outputs import Files
from snnp.validation.page import page
from snnp.validation.plan import choose, identity, plan, run
from snnp.validation.record import Record
from snnp.validation.references import find_references, read_references
from snnp.validation.series import find_series
from snnp.validation.simulation import check_lammps
from snnp.validation.table import as_csv


@dataclass(frozen=True)
class Question:
    """What is asked of a potential.

    frames: labelled structures, from which crystals and references are taken. crystals: more of them, such as
    "bcc=3.17", "zincblende InP=5.87" or a structure file. reference: a JSON file of values.
    only: names of checks, in place of those of the level. melting: the melting temperature as it is known, K.
    compare: models to put beside. threads and ranks: for LAMMPS.
    """

    frames: Sequence[Frame] = ()
    crystals: Sequence[str] = ()
    reference: Path | None = None
    level: Level = Level.STANDARD
    only: Sequence[str] = ()
    melting: float | None = None
    compare: Sequence[Model] = ()
    threads: int = 1
    ranks: int = 1
    seed: int = 1


def validate(
    model: Model,
    question: Question,
    files: Files | None = None,
    tell: Callable[[str], object] = lambda line: None,
    restart: bool = False,
    budget: float | None = None,
) -> Record:
    """Asks all that the question says; the record is also in the files, if there are any.

    tell: takes lines on what is done. restart: forget what an earlier, interrupted validation found.
    budget: seconds after which no more is begun.
    Raises DataError, snnp.Error, ValueError or OSError with one sentence for what is asked wrongly, and
    KeyboardInterrupt if told to stop: the record in the file then has what was found.
    """
    with files.claimed() if files else nullcontext():
        return _validate(model, question, files, tell, restart, budget)


def _validate(model: Model, question: Question, files: Files | None, tell, restart: bool, budget) -> Record:
    begun = time.monotonic()
    checks = choose(CHECKS.values(), question.level, question.only, [] if question.melting is None else ["melting"])
    _name_apart([model, *question.compare])
    for each in (model, *question.compare):
        if each.lammps(each.elements) and (isinstance(each, LammpsModel) or any(check.in_lammps for check in checks)):
            check_lammps(each)
    settings = _settings(model, question, tell)
    for check in checks:
        if not check.subjects(settings[0]):
            tell(f"{check.name}: there is nothing to check of this potential")
    record = _record(identity(settings, checks, _data_identity(question)), files, restart, tell)
    try:
        run(plan(checks, settings), record, tell, budget and budget - (time.monotonic() - begun))
    except KeyboardInterrupt as stop:
        stop.args = ("stopped; the same command goes on" if files else "stopped",)
        raise
    finally:
        if files:
            _write(record, files)
    return record


def _name_apart(models: Sequence[Model]) -> None:
    """Gives numbers to models of equal names: outcomes are kept by name."""
    taken: set[str] = set()
    for model in models:
        name = model.name
        model.name = next(n for n in (name, *(f"{name} ({k})" for k in range(2, len(models) + 1))) if n not in taken)
        taken.add(model.name)


def _settings(model: Model, question: Question, tell: Callable[[str], object]) -> list[Setting]:
    """One for each model; crystals and references are the same for all."""
    unknown = sorted({s for frame in question.frames for s in frame.atoms.symbols} - set(model.elements))
    if unknown:
        raise DataError(f"the data have {unknown[0]}, which is no element of {model.name} ({' '.join(model.elements)})")
    series = find_series(question.frames)
    crystals = find_crystals(model, series, question.crystals)
    references = find_references(series, crystals, question.frames)
    if question.reference:
        references.update(read_references(question.reference, crystals))
    tell("crystals: " + "; ".join(f"{crystal.name} ({crystal.origin})" for crystal in crystals))
    for note in references.notes:
        tell(f"note: {note}")
    common = {
        "crystals": crystals,
        "references": references,
        "level": question.level,
        "threads": question.threads,
        "ranks": question.ranks,
        "seed": question.seed,
        "melting": question.melting,
    }
    return [Setting(model=each, **common) for each in (model, *question.compare)]


def _data_identity(question: Question) -> str:
    return fingerprint(question.frames)[:16] if question.frames else ""


def _record(wanted: dict, files: Files | None, restart: bool, tell: Callable[[str], object]) -> Record:
    """A new record, or the one in the file if it is of the same question and not to be forgotten."""
    path = files and files["json"]
    saved = Record.read(path) if path and not restart else None
    if saved is None or saved.identity != wanted:
        return Record(wanted, path)
    if saved.outcomes:
        tell(
            f"{path}: {len(saved.outcomes)} checks of this potential are there and are kept (--restart makes them anew)"
        )
    saved.left_out.clear()
    return saved


def _write(record: Record, files: Files) -> None:
    """Page, table and structures beside the record."""
    write_text(files["html"], page(record, CHECKS.values()))
    write_text(files["csv"], as_csv(record))
    found = []
    for item, outcome in record.outcomes.items():
        for atoms in outcome.structures:
            copy = atoms.copy()
            copy.info = {"check": item.check, "subject": item.subject, "model": item.model, **atoms.info}
            found.append(copy)
    if found:
        write_aside(files["xyz"], lambda aside: ase.io.write(aside, found, format="extxyz"))
    elif files["xyz"].exists():
        os.unlink(files["xyz"])  # of an earlier record


__all__ = ["Files", "Question", "validate"]
