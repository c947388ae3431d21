"""A fit from configuration to files: data → shape of the model → fit → potential, tables, pictures."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from matplotlib.figure import Figure

from snnp import __version__, _core, console
from snnp.analysis import plots
from snnp.analysis.cost import cost
from snnp.analysis.curves import Curve
from snnp.analysis.errors import Predictions, Report, predict, report
from snnp.analysis.spline_plots import splines
from snnp.calculator import available_cores
from snnp.config import ConfigError, FitConfig
from snnp.data import DataError, Dataset, Frame, check_files, read
from snnp.data.isolated import unbound
from snnp.data.neighbors import NeighborLists, structures
from snnp.files import printable, write_aside, write_text
from snnp.fitting.atomic_energies import monitor_points, named_points, say_what_is_open
from snnp.fitting.baseline import Baseline
from snnp.fitting.blas import blas_threads
from snnp.fitting.checkpoint import Checkpoint
from snnp.fitting.cutoffs import best_cutoffs
from snnp.fitting.elements_of_compounds import isolated_energies
from snnp.fitting.interruption import Interrupted, StopSignals
from snnp.fitting.origin import Origin
from snnp.fitting.outputs import Outputs
from snnp.fitting.physics import check_physics
from snnp.fitting.prepare import require_content
from snnp.fitting.ranks import Ranks, local_processes
from snnp.fitting.resume import saved_state
from snnp.fitting.sets import DividedData, Sets, divide
from snnp.fitting.settle import settle
from snnp.fitting.steps import with_steps
from snnp.fitting.task import Task
from snnp.kinds import ModelSection, kind_of
from snnp.kinds.choose import Choice, alternatives
from snnp.memory import room_for_lists
from snnp.models.domain import Domain
from snnp.models.shape import Shape

_FRAMES = 200  # show what the data are like

__all__ = ["Fitted", "Interrupted", "Outputs", "run"]


@dataclass
class Fitted:
    """A finished fit: reports and predictions by "train", "validation", "test".

    Those of "validation" are of a potential that was not fitted to these frames: that before the last steps.
    """

    potential: _core.Potential
    config: FitConfig
    reports: dict[str, Report]
    predictions: dict[str, Predictions]
    curve: Curve
    frames: Sequence[Frame]  # that were fitted to


def run(
    config: FitConfig,
    log: console.Log,
    resume: bool = False,
    restart: bool = False,
    data: dict[str, Dataset] | None = None,
    command: str = "snnp.fit in Python",
    ranks: Ranks | None = None,
) -> Fitted:
    """Does the fit that the configuration describes and writes all its files.

    data: by "train", "validation", "test", in place of files that the configuration names. command: what was called,
    for the record. ranks: processes that share the work of a network.
    Raises ConfigError, DataError or snnp.Error with one sentence; Interrupted if told to stop.
    """
    begun, command, ranks = time.monotonic(), printable(command), ranks or Ranks()
    outputs = Outputs(config.output, config.inputs)
    with StopSignals() as stop, outputs.claimed(), blas_threads(threads_of(config)):
        saved = saved_state(outputs.beside(".checkpoint"), resume, restart)
        checkpoint = Checkpoint(outputs.beside(".checkpoint"), saved, log.print)
        try:
            fitted = _fit(config, data, outputs, checkpoint, stop, log, command, ranks)
        except Interrupted as told:
            raise Interrupted(f"{told}; {checkpoint.how_to_go_on}", told.signal) from told
        for line in ranks.memory():
            log.print(line)
        if outputs.potential:
            took = time.monotonic() - begun
            check_physics(outputs, config.checks, fitted.frames, took, threads_of(config), log)
        return fitted


def _fit(
    config: FitConfig,
    data: dict[str, Dataset] | None,
    outputs: Outputs,
    checkpoint: Checkpoint,
    stop: StopSignals,
    log: console.Log,
    command: str,
    ranks: Ranks,
) -> Fitted:
    threads = threads_of(config)
    for line in (f"snnp-fit {__version__}", f"command: {command}", *config.notes):
        log.print(line)
    check_data(config)
    divided = divide(config, data or read_data(config), log)
    model, shape, e0 = _shape(config, divided, log)
    sets, baseline = divided.sets, Baseline.of(model, shape.elements)
    config = with_steps(config.model_copy(update={"model": model}), [sets["train"]], log)
    named = named_points(config, divided.elements)
    factor = config.loss.invariant_points
    weighted = {"invariant points": named} if named and factor is not None else {}
    origin = Origin.of(config, {**sets, **weighted})
    begin_log(origin, outputs, checkpoint, log)
    for line in (describe(shape, model, threads), *ranks.remarks(min(config.training.batch_size, len(sets["train"])))):
        log.print(line)

    # Kept where the fit keeps them anyway: all of them by one process.
    keep = kind_of(model).keeps_lists and ranks.count == 1
    lists = NeighborLists(shape.elements, max(shape.cutoff, baseline.cutoff), keep, room_for_lists_of(config))
    settled = settle(config, replace(shape, pinned=[]), e0, sets, lists, threads, log, checkpoint.saved)
    sets = baseline.without({**settled.sets, "named": named}, threads)
    named = sets.pop("named")
    if baseline.potential is not None:
        log.print(baseline.sentence(sets["train"]))
    sets, monitor = monitor_points(factor, sets, named, shape, lists, threads, log)
    say_what_is_open(sets["train"], shape, threads, log)
    checkpoint.begin({"config": origin.settings, "data": origin.data, **settled.decisions})
    update = {**settled.decisions, "shear_order": None}
    config = config.model_copy(update={"data": config.data.model_copy(update=update)})
    if outputs.potential:
        _write_configuration(config, outputs, command, origin)

    e0 = baseline.isolated(shape.elements, e0)
    known = (config, shape, e0, sets, lists, threads, origin.data_id)
    task = Task(*known, checkpoint, stop, log, monitor, divided.from_training, ranks)
    return _finished(task, baseline, *kind_of(model).fit(task), outputs)


def _finished(task: Task, baseline: Baseline, rest: _core.Potential, curve: Curve, outputs: Outputs) -> Fitted:
    """The baseline and what was fitted to the rest as one potential, measured with labels as they were, and written."""
    lists, threads, log, monitor = task.lists, task.threads, task.log, task.monitor
    potential, sets = baseline.add(rest), baseline.restored(task.sets, threads)
    _say_what_is_unbound(potential, task, sets["train"])
    used = [*sets["train"], *(sets["validation"] if task.validated else [])]
    set_domain(potential, used, lists, threads, log)
    if outputs.potential:
        _write_potential(potential, outputs.potential, task.checkpoint)
    task.checkpoint.finish()
    predictions = predict_sets(potential, sets, lists, threads, log)
    if task.validated:
        validated = baseline.add(task.validated)
        predictions |= predict_sets(validated, {"validation": sets["validation"]}, lists, threads, log)
    reports = {name: report(p) for name, p in predictions.items()}
    log.print(console.error_table(reports))
    if monitor.points:
        log.print(console.invariant_table(baseline.watched(monitor, lists).table(potential)))
    time_of_a_step = cost(_core.Engine(potential), sets["train"][:: max(len(sets["train"]) // 40, 1)])
    log.print(f"cost: {time_of_a_step:.2g} µs per atom and step on one core of this machine, without neighbour lists")
    fitted = Fitted(potential, task.config, reports, predictions, curve, used)
    if outputs.potential:
        _write_beside(outputs, fitted, log)
    return fitted


def _say_what_is_unbound(potential: _core.Potential, task: Task, frames: Sequence[Frame]) -> None:
    """A warning if fitted energies of isolated atoms are so low that no frame of some elements is bound."""
    fitted = {e.name for e, known in zip(potential.elements, task.e0, strict=True) if known is None}
    for elements, above in unbound(frames, {e.name: e.e0 for e in potential.elements}).items():
        if fitted & set(elements.split()):
            task.log.print(
                f"warning: {elements} is not bound: its lowest training frame is {above:.3g} eV/atom above isolated "
                "atoms, whose energies were fitted; model.e0 gives them"
            )


def threads_of(config: FitConfig) -> int:
    """Threads of a fit, of each of its processes."""
    return config.training.threads or max(available_cores() // local_processes(), 1)


def room_for_lists_of(config: FitConfig) -> float:
    """Bytes of the neighbour lists of a fit in each of its processes."""
    return room_for_lists(config.training.lists_gb) / local_processes()


def begin_log(origin: Origin, outputs: Outputs, checkpoint: Checkpoint, log: console.Log) -> None:
    """Begins the log file, or goes on with it, once this fit is sure to be; raises ConfigError if a checkpoint is of
    another fit.
    """
    if checkpoint.saved is not None:
        origin.require(checkpoint.saved, checkpoint.path)
    if outputs.potential:
        log.keep(outputs.beside(".log"), append=checkpoint.saved is not None)
    log.print(origin.data_line)


# -- data ---------------------------------------------------------------------------------------------------------


def read_data(config: FitConfig) -> dict[str, Dataset]:
    """The files that the configuration names."""
    files = {name: getattr(config.data, name) for name in ("train", "validation", "test")}
    return {name: read(paths, config.data.reading()) for name, paths in files.items() if paths}


def check_data(config: FitConfig) -> None:
    """Raises DataError for files of any section that are not there or of no known format, before one is read."""
    systems = config.systems.data if config.systems else {}
    for name, section in {"": config.data, **systems}.items():
        try:
            for paths in (section.train, section.validation, section.test):
                check_files(paths, section.reading())
        except DataError as error:
            raise DataError(f"systems.data.{name}: {error}" if name else str(error)) from error
    check_files(config.invariant_points.structures, config.data.reading())


def _shape(config: FitConfig, data: DividedData, log: console.Log) -> tuple[ModelSection, Shape, list[float | None]]:
    """The section `model` with nothing left open, the shape, and known energies of isolated atoms."""
    elements = data.elements
    require_elements(config.model.e0, elements, "model.e0")
    frames = data.sets["train"]
    options = alternatives(config.model, frames, elements, config.training.effort)
    model, shape, remarks = _best(options)(options, frames, threads_of(config), log)
    for remark in remarks:
        log.print(remark)
    e0 = data.use_isolated_atoms(shape.cutoff, model.e0, log)
    if not getattr(model, "baseline", None) and config.loss.energy:
        e0 |= _of_compounds(data.sets["train"], elements, e0, log)
    fixed = [e0.get(symbol) for symbol in elements]
    require_content(data.sets["train"], elements, fixed)
    return model.model_copy(update={"e0": e0}), shape, fixed


def _of_compounds(
    frames: Sequence[Frame], elements: Sequence[str], known: Mapping[str, float], log: console.Log
) -> dict[str, float]:
    """Energies of isolated atoms of elements that frames show in compounds only, eV."""
    found = isolated_energies(frames, elements, known)
    if found:
        energies = ", ".join(f"{symbol} {energy:g} eV" for symbol, energy in found.items())
        log.print(
            f"isolated atoms: {energies}, by the lowest energies of compositions and known cohesive energies, as data "
            "show these elements in compounds only; model.e0 gives others"
        )
    return found


def require_elements(given: Iterable[str], elements: Sequence[str], key: str) -> None:
    """Raises ConfigError, which names the key, if one of the given elements is not in the data."""
    unknown = sorted(set(given) - set(elements))
    if unknown:
        raise ConfigError(f"{key}: element {unknown[0]} is not in the data ({' '.join(elements)})")


def _best(options: Sequence[Choice]) -> Callable[..., Choice]:
    """What chooses among options: of cutoffs, or of the length of given filters."""
    if not getattr(options[0].model, "filters", None):
        return best_cutoffs
    from snnp.fitting.filters_start import best_scale  # needs PyTorch

    return best_scale


def describe(shape: Shape, model: ModelSection, threads: int) -> str:
    """The model in a line of the log."""
    names = [f"{shape.elements[a]}-{shape.elements[b]}" for a, b in shape.unordered]
    shortest = ", ".join(f"{n} {s:.2f} Å" for n, s in zip(names, shape.shortest, strict=True) if s > 0)
    text = (
        f"model: {model.kind}, {kind_of(model).describe(model, shape)}; shortest distances {shortest}; "
        f"{threads} thread{'s' if threads > 1 else ''}"
    )
    if model.e0:
        text += "; energies of isolated atoms " + ", ".join(f"{el} {e:.4f} eV" for el, e in model.e0.items())
    return text


# -- results ------------------------------------------------------------------------------------------------------


def set_domain(potential: _core.Potential, frames, lists: NeighborLists, threads: int, log: console.Log) -> None:
    """Notes in a potential what the data `frames` cover."""
    domain = Domain(potential)
    with log.progress("domain of the data", len(frames), "frames") as tick:
        for frame in frames:
            domain.add(lists.of(frame.atoms), threads)
            tick(1)
    domain.note()


def predict_sets(potential: _core.Potential, sets: Sets, lists: NeighborLists, threads: int, log: console.Log):
    """Predictions for each set of frames."""
    engine = _core.Engine(potential)
    with log.progress("errors", sum(map(len, sets.values())), "frames") as tick:
        return {name: predict(engine, frames, threads, tick, lists) for name, frames in sets.items()}


def _write_configuration(config: FitConfig, outputs: Outputs, command: str, origin: Origin) -> None:
    """The configuration with nothing left open, below where it comes from."""
    head = [
        f"snnp-fit {__version__}, {date.today()}: the configuration of {outputs.potential.name} with nothing left open",
        f"command: {command}",
        origin.data_line,
    ]
    write_text(outputs.configuration, "".join(f"# {line}\n" for line in head) + config.dump())


def _write_potential(potential: _core.Potential, path: Path, checkpoint: Checkpoint) -> None:
    try:
        write_text(path, _core.format_potential(potential))
    except OSError as error:
        cure = "make room and finish the fit with --resume" if checkpoint.exists else "make room and fit again"
        raise _core.Error(f"{path} cannot be written ({error.strerror}): {cure}") from error


def _write_beside(outputs: Outputs, fitted: Fitted, log: console.Log) -> None:
    """Tables and pictures."""
    write_text(outputs.beside(".csv"), fitted.curve.csv())
    pictures = _pictures(fitted)
    write_figures(outputs, pictures)
    beside = [outputs.configuration, *map(outputs.beside, (".log", ".csv", ".checkpoint", *pictures))]
    names = ", ".join(path.name for path in beside if path.exists())
    log.print(f"written: {outputs.potential}; beside it {names}")


def _pictures(fitted: Fitted) -> dict[str, Figure]:
    return {
        "_parity.png": plots.parity(fitted.predictions),
        fitted.curve.ending: fitted.curve.draw(),
        "_splines.png": splines(fitted.potential, _sample(fitted)),
    }


def _sample(fitted: Fitted) -> list[_core.Structures]:
    """Some of the training data, for pictures."""
    symbols = [e.name for e in fitted.potential.elements]
    frames = fitted.frames[:: max(len(fitted.frames) // _FRAMES, 1)]
    return [structures([frame.atoms], symbols, fitted.potential.cutoff()) for frame in frames]


def write_figures(outputs: Outputs, figures: Mapping[str, Figure]) -> None:
    """By their endings, as PNG that say who wrote them."""
    how = {"dpi": 150, "format": "png", "metadata": {"Software": f"snnp-fit {__version__}"}}
    for ending, figure in figures.items():
        write_aside(outputs.beside(ending), lambda aside, figure=figure: figure.savefig(aside, **how))
