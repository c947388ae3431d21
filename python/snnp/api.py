"""The functions of this package: fit a potential, evaluate one on labelled structures. The command line calls them."""

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator
from ase.units import GPa

from snnp import _core
from snnp.analysis.errors import Predictions, Report, predict, report, with_stress_labels
from snnp.calculator import SNNP, available_cores
from snnp.console import Log, verdict_sentences, verdict_table
from snnp.data import Dataset, Frame, Reading, from_atoms, read
from snnp.data.stress import detect, units, with_conventions
from snnp.files import is_potential_file
from snnp.potential import Potential

if TYPE_CHECKING:
    from snnp.analysis.curves import Curve
    from snnp.config import FitConfig
    from snnp.validation.record import Record

Data = str | os.PathLike | Atoms | Sequence[str | os.PathLike] | Sequence[Atoms]


@dataclass
class FitResult:
    """A finished fit."""

    potential: Potential
    errors: dict[str, Report]
    """Errors by "train", "validation" and, if there are test data, "test". Of `snnp`, those of "validation" are from
    before the last steps, which take these frames, too."""
    curve: "Curve"
    """The learning curve, or for linear models the losses by smoothness: columns, units, rows; `draw()` plots it."""
    config: "FitConfig"
    """The configuration with nothing left open."""
    predictions: dict[str, Predictions] = field(repr=False)

    def calculator(self, threads: int | None = None) -> SNNP:
        """The ASE calculator of the potential."""
        return self.potential.calculator(threads)


@dataclass
class Evaluation:
    """How a potential does on labelled structures; notes: what was noticed about the labels, a sentence each."""

    errors: Report
    predictions: Predictions = field(repr=False)
    notes: list[str] = field(default_factory=list)


def fit(
    train: Data | None = None,
    *,
    validation: Data | None = None,
    test: Data | None = None,
    output: str | os.PathLike | None = None,
    config: str | os.PathLike | dict | None = None,
    data: dict | None = None,
    model: dict | None = None,
    loss: dict | None = None,
    training: dict | None = None,
    progress: bool = True,
    resume: bool = False,
    restart: bool = False,
) -> FitResult:
    """Fits a potential to energies (eV), forces (eV/Å) and stresses (eV/Å³).

    train, validation, test: paths of files, or labelled ASE structures (with a calculator that holds results, or labels
    in `info` and `arrays`); without validation data a part of the training data is held out.
    output: the potential file to write, with tables and pictures beside it; None: no file is written.
    config: a YAML file or a dictionary of sections; data, model, loss, training: sections whose keys count before those
    of `config`, e.g. model={"kind": "uf3"}. docs/fitting.md lists all keys.
    progress: whether to print what `snnp-fit` prints.
    resume, restart: go on with an interrupted fit to the same output, or begin anew in spite of it.

    Raises ConfigError (a key), DataError (a file or structure) or snnp.Error with one sentence; Interrupted when told
    to stop by Ctrl-C, after the checkpoint is written.
    """
    from snnp import config as configuration
    from snnp.fitting.run import run

    given = {name: value for name, value in (("train", train), ("validation", validation), ("test", test)) if value}
    overrides = {f"data.{name}": _paths(value) for name, value in given.items() if _is_paths(value)}
    if output is not None:
        overrides["output"] = os.path.abspath(output)
    for section, keys in (("data", data), ("model", model), ("loss", loss), ("training", training)):
        overrides.update({f"{section}.{key}": value for key, value in (keys or {}).items()})
    settings = configuration.read(config, overrides)
    structures = {}
    if not all(_is_paths(value) for value in given.values()):
        reading = settings.data.reading()
        files = {name: read(paths, reading) for name in given if (paths := getattr(settings.data, name))}
        in_memory = {name: _dataset(value, name, reading) for name, value in given.items() if not _is_paths(value)}
        structures = {**files, **in_memory}
    with closing(Log(quiet=not progress)) as log:
        done = run(settings, log, resume, restart, structures or None)
    return FitResult(Potential(done.potential), done.reports, done.curve, done.config, done.predictions)


def evaluate(
    potential: str | os.PathLike | Potential | _core.Potential,
    structures: Data,
    *,
    reading: Reading | None = None,
    threads: int | None = None,
    progress: bool = False,
) -> Evaluation:
    """Errors of a potential (or its file) on labelled structures, given as files or ASE structures.

    reading: format and units of the files, where these do not tell them, and what labels are called. threads: OpenMP
    threads; None: all cores. progress: whether to print progress and notes.
    Raises snnp.Error for the potential, DataError or ElementError for the structures, with one sentence.
    """
    return evaluate_with_log(potential, structures, threads, Log(quiet=not progress), reading)


def evaluate_with_log(
    potential, structures: Data, threads: int | None, log: Log, reading: Reading | None = None
) -> Evaluation:
    """`evaluate` with the log that it prints to."""
    engine = _core.Engine(_data(potential))
    files = _is_paths(structures)
    data = read(_paths(structures), reading) if files else _dataset(structures, "structures", reading)
    log.print(data.summary())
    for note in data.notes:
        log.print(f"note: {note}")
    with log.progress("evaluating", len(data.frames), "frames") as tick:
        predictions = predict(engine, data.frames, threads or available_cores(), tick)
    relabelled, notes = _relabelled(data.frames, predictions)
    for note in notes:
        log.print(f"note: {note}")
    predictions = with_stress_labels(predictions, data.frames, relabelled)
    return Evaluation(report(predictions), predictions, [*data.notes, *notes])


def _relabelled(frames: Sequence[Frame], predictions: Predictions) -> tuple[list[Frame], list[str]]:
    """Frames with stresses in ASE's convention, by what is predicted for them, and what is to be said about it."""
    stressed = [frame for frame in frames if frame.stress is not None]
    known = [n for n, frame in enumerate(stressed) if np.isfinite(frame.stress).all()]
    if not known:
        return list(frames), []
    found = detect(units(frames, [stressed[n] for n in known], predictions.stresses[known] * GPa), "the potential")
    relabelled, notes = with_conventions(frames, found.conventions)
    return relabelled, [*found.notes, *notes]


def validate(
    potential: str | os.PathLike | Calculator | Callable[[], Calculator],
    structures: Data = (),
    *,
    progress: bool = False,
    **options,
) -> "Record":
    """Whether a potential is a material: checks of crystals, elasticity, phonons, defects, dynamics, with verdicts.

    potential: the path of a potential file, an ASE calculator, or a function that makes one (then `elements` names its
    elements). structures: labelled ones, as files or ASE structures, from which crystals and references are taken.
    progress: whether to print what `snnp validate` prints. options: those of `snnp validate` by their long names, such
    as level="quick" ("standard", "full"), crystals=["bcc=3.17"], only=["elastic"], melting=1358.0 (K).
    Returns the record: `verdict`, `complaints`, `outcomes`, `as_dict()`; files are written if `output` names a prefix.
    Raises snnp.Error, DataError or ValueError with one sentence for what is asked wrongly.
    """
    return validate_with_log(potential, structures, Log(quiet=not progress), **options)


def validate_with_log(
    potential,
    structures: Data,
    log: Log,
    *,
    elements: Sequence[str] = (),
    reading: Reading | None = None,
    crystals: Sequence[str] = (),
    reference: str | os.PathLike | None = None,
    level: str = "standard",
    only: Sequence[str] = (),
    melting: float | None = None,
    compare: Sequence[str] = (),
    threads: int | None = None,
    ranks: int = 1,
    seed: int = 1,
    output: str | os.PathLike | None = None,
    restart: bool = False,
) -> "Record":
    """`validate` with the log that it prints to."""
    from snnp.validation.check import Level
    from snnp.validation.model import model_of
    from snnp.validation.validate import Files, Question
    from snnp.validation.validate import validate as ask

    if level.upper() not in Level.__members__:
        raise ValueError(f"level: found {level!r}, expected quick, standard or full")
    threads = threads or available_cores()
    elements, crystals, only, compare = map(_listed, (elements, crystals, only, compare))
    model = model_of(potential, elements, threads)
    others = [model_of(text, model.elements, threads) for text in compare]
    files = _is_paths(structures)
    paths = _paths(structures) if files else []
    data = (read(paths, reading) if files else _dataset(structures, "structures", reading)) if structures else Dataset()
    if structures:
        log.print(data.summary())
    for note in data.notes:
        log.print(f"note: {note}")
    question = Question(
        frames=data.frames,
        crystals=crystals,
        reference=Path(reference) if reference else None,
        level=Level[level.upper()],
        only=only,
        melting=melting,
        compare=others,
        threads=threads,
        ranks=ranks,
        seed=seed,
    )
    named = (*paths, reference, potential, *crystals, *compare)
    inputs = [Path(p) for p in named if isinstance(p, str | os.PathLike)]
    beside = Files(_prefix(Path(output), model.name), inputs) if output is not None else None
    record = ask(model, question, beside, log.print, restart)
    log.print(verdict_table(record))
    for sentence in verdict_sentences(record):
        log.print(sentence)
    log.print(f"{model.name}: {record.verdict.value} ({record.counts})")
    if beside:
        log.print("written: " + ", ".join(str(beside[e]) for e in Files.ENDINGS if beside[e].exists()))
    return record


def report_with_log(
    files: Sequence[Path],
    output: Path | None,
    figures: Path | None,
    against: Path | None,
    reading: Reading,
    threads: int | None,
    log: Log,
) -> dict:
    """What `snnp report` writes of one potential, or of several and a file of filters; its numbers, for JSON.

    files: potentials, `reference` and labelled structures, in any order. output: None is a name after the potential.
    Raises DataError, ElementError, ValueError, snnp.Error or OSError with one sentence.
    """
    from snnp.analysis.report_command import report_command
    from snnp.models.filter_sets import named_path
    from snnp.models.filters_file import is_filters
    from snnp.systems.comparison_command import comparison_command

    threads, files = threads or available_cores(), [named_path(path) for path in files]
    potentials = [path for path in files if is_potential_file(path)]
    together = len(potentials) > 1 or any(map(is_filters, potentials))
    potentials = potentials or files[:1]
    data = [path for path in files if path not in potentials]
    if together:
        if against:
            raise ValueError("--against: expected one potential, and no file of filters, beside it")
        return comparison_command(potentials, data, output, figures, reading, threads, log)
    page = output or Path(potentials[0].name.removesuffix(".snnp") + ".report.html")
    return report_command(potentials[0], data, page, figures, against, reading, threads, log).as_dict()


def _listed(value: str | os.PathLike | Sequence) -> list:
    return [value] if isinstance(value, str | os.PathLike) else list(value)


def _prefix(output: Path, name: str) -> Path:
    """Of the files of a validation; in a folder, the name of the potential."""
    return output / name if output.is_dir() else output


def _data(potential: str | os.PathLike | Potential | _core.Potential) -> _core.Potential:
    if isinstance(potential, Potential):
        return potential.data
    return potential if isinstance(potential, _core.Potential) else Potential.read(potential).data


def _is_paths(value: Data) -> bool:
    if isinstance(value, str | os.PathLike):
        return True
    return not isinstance(value, Atoms) and all(isinstance(item, str | os.PathLike) for item in value)


def _paths(value: Data) -> list[str]:
    return [os.path.abspath(path) for path in ([value] if isinstance(value, str | os.PathLike) else value)]


def _dataset(value: Data, name: str, reading: Reading | None) -> Dataset:
    structures = [value] if isinstance(value, Atoms) else list(value)
    wrong = next((type(item).__name__ for item in structures if not isinstance(item, Atoms)), None)
    if wrong:
        raise TypeError(f"{name}: expected paths or ASE structures, found {wrong}")
    return from_atoms(structures, name, reading)


__all__ = ["Evaluation", "FitResult", "evaluate", "fit", "validate"]
