"""A fit of several systems from configuration to files: a potential for each, and the filters that they share."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import torch

from snnp import __version__, _core, console
from snnp.analysis import plots
from snnp.analysis.curves import Curve
from snnp.analysis.errors import Predictions, Report, report
from snnp.analysis.spline_plots import splines
from snnp.config import ConfigError, DataConfig, FitConfig
from snnp.data.distances import Distances, survey
from snnp.data.neighbors import NeighborLists
from snnp.files import printable, write_text
from snnp.fitting.beyond import Beyond
from snnp.fitting.blas import blas_threads
from snnp.fitting.checkpoint import Checkpoint
from snnp.fitting.demands import Demands
from snnp.fitting.interruption import Interrupted, StopSignals
from snnp.fitting.minibatch import Schedule
from snnp.fitting.origin import Origin
from snnp.fitting.outputs import Outputs
from snnp.fitting.physics import check_physics
from snnp.fitting.prepare import require_content
from snnp.fitting.ranks import Ranks
from snnp.fitting.resume import saved_state
from snnp.fitting.run import (
    begin_log,
    check_data,
    describe,
    predict_sets,
    read_data,
    require_elements,
    room_for_lists_of,
    set_domain,
    threads_of,
    write_figures,
)
from snnp.fitting.sets import DividedData, divide
from snnp.fitting.settle import settle
from snnp.fitting.sound import made_sound
from snnp.fitting.steps import with_steps
from snnp.fitting.task import Task, train
from snnp.kinds import KINDS
from snnp.mapping.monitor import Monitor
from snnp.models.filters import Filters
from snnp.models.filters_file import write_filters
from snnp.models.network import Model
from snnp.systems.model import JointLoss, JointModel
from snnp.systems.shapes import completed, lengths, reference_length, with_common_knots
from snnp.systems.start import joint_start
from snnp.systems.training import JointOptimizer

_KIND = KINDS["snnp"]


@dataclass
class FittedSystem:
    """One system of a finished fit: its potential, and reports and predictions by "train", "validation", "test"."""

    potential: _core.Potential
    length: float  # by which filters are scaled, Å
    reports: dict[str, Report]
    predictions: dict[str, Predictions]


@dataclass
class FittedSystems:
    """A finished fit. filters: what is shared, at the geometric mean of the lengths; None: not all of a filter is."""

    systems: dict[str, FittedSystem]
    filters: Filters | None
    curve: Curve


def run_systems(
    config: FitConfig,
    log: console.Log,
    resume: bool = False,
    restart: bool = False,
    command: str = "snnp.systems in Python",
    ranks: Ranks | None = None,
) -> FittedSystems:
    """Does the fit of the section `systems` and writes all its files, if the configuration names an output.

    ranks: processes that share the work.
    Raises ConfigError, DataError or snnp.Error with one sentence; Interrupted if told to stop.
    """
    begun, command, ranks = time.monotonic(), printable(command), ranks or Ranks()
    shared = Outputs(config.output, config.inputs)
    for name in config.systems.data:
        if config.output and _beside(config.output, name) == config.output:
            raise ConfigError(f"output: {config.output.name} is the potential of system {name}: expected another name")
    own = {name: Outputs(_beside(config.output, name), config.inputs) for name in config.systems.data}
    with StopSignals() as stop, blas_threads(threads_of(config)), ExitStack() as claims:
        for outputs in (shared, *own.values()):
            claims.enter_context(outputs.claimed())
        saved = saved_state(shared.beside(".checkpoint"), resume, restart)
        checkpoint = Checkpoint(shared.beside(".checkpoint"), saved, log.print)
        try:
            tasks, found = _prepare(config, shared, checkpoint, stop, log, command, ranks)
            for line in ranks.remarks(len(tasks) * config.training.batch_size):
                log.print(line)
            fitted = _fit(config, tasks, found, log)
        except Interrupted as told:
            raise Interrupted(f"{told}; {checkpoint.how_to_go_on}", told.signal) from told
        for line in ranks.memory():
            log.print(line)
        if config.output:
            _write(fitted, shared, own, tasks, log)
            checkpoint.finish()
            took = (time.monotonic() - begun) / len(own)
            for name, outputs in own.items():
                check_physics(outputs, config.checks, tasks[name].sets["train"], took, threads_of(config), log)
        return fitted


def _beside(output: Path | None, name: str) -> Path | None:
    return output and output.with_name(f"{name}.snnp")


# -- data ---------------------------------------------------------------------------------------------------------


def _prepare(
    config: FitConfig,
    outputs: Outputs,
    checkpoint: Checkpoint,
    stop: StopSignals,
    log: console.Log,
    command: str,
    ranks: Ranks,
) -> tuple[dict[str, Task], dict[str, float]]:
    """What each system fits, and lengths by which filters are scaled, Å."""
    for line in (f"snnp-fit {__version__}", f"command: {command}", *config.notes):
        log.print(line)
    check_data(config)
    divided = {}
    for name in config.systems.data:
        one = _alone(config, name)
        log.print(f"system {name}")
        divided[name] = divide(one, read_data(one), log)
        require_elements(one.model.e0, divided[name].elements, f"systems.data.{name}.e0")
    config = with_steps(config, [data.sets["train"] for data in divided.values()], log)
    surveys = {name: survey(data.sets["train"], data.elements) for name, data in divided.items()}
    scales = lengths(config, surveys)
    shapes = _shapes(config, surveys, scales)
    origin = _origin(config, divided)
    begin_log(origin, outputs, checkpoint, log)
    tasks, decisions, room = {}, {}, room_for_lists_of(config) / len(divided)
    for name, (model, shape) in shapes.items():
        saved = checkpoint.saved and checkpoint.saved["systems"][name]
        log.print(f"system {name}: lengths × {scales[name]:g} Å; {describe(shape, model, threads_of(config))}")
        alone = _alone(config, name)
        lists = NeighborLists(shape.elements, shape.cutoff, ranks.count == 1, room)
        tasks[name], decisions[name] = _task(
            alone, divided[name], shape, lists, checkpoint, stop, log, saved, origin, ranks
        )
    empty = {"energy_offsets": {}, "stress_convention": {}}
    checkpoint.begin({"config": origin.settings, "data": origin.data, "systems": decisions, **empty})
    if outputs.potential:
        head = f"# snnp-fit {__version__}, {date.today()}: the configuration of {outputs.potential.name}\n"
        write_text(outputs.configuration, f"{head}# command: {command}\n# {origin.data_line}\n{config.dump()}")
    return tasks, scales


def _alone(config: FitConfig, name: str) -> FitConfig:
    """The configuration of one system by itself."""
    system = config.systems.data[name]
    data = DataConfig.model_construct(**{key: getattr(system, key) for key in DataConfig.model_fields})
    model = config.model.model_copy(update={"e0": system.e0})
    return config.model_copy(update={"data": data, "model": model, "systems": None, "output": None})


def _shapes(config: FitConfig, surveys: Mapping[str, Distances], scales: Mapping[str, float]):
    """The section `model` with nothing left open, and the shape, of each system."""
    if config.model.four_body_functions:
        raise ConfigError("model.four_body_functions: found more than 0, but several systems share no four-body terms")
    models = completed(config.model, surveys, scales, _KIND.complete)
    shapes = {name: _KIND.shape(model, surveys[name]) for name, model in models.items()}
    shapes = with_common_knots(shapes, surveys, scales, config.model)
    return {name: (models[name], shapes[name]) for name in shapes}


def _origin(config: FitConfig, divided: Mapping[str, DividedData]) -> Origin:
    sets = {f"{name} {part}": frames for name, data in divided.items() for part, frames in data.sets.items()}
    known = {name: frames for name, frames in sets.items() if not name.endswith(" test")}
    origin = Origin.of(config, known)
    for system in origin.settings["systems"]["data"].values():
        for key in ("train", "validation", "test", "format", "units", "elements"):
            system.pop(key)
    return origin


def _task(
    config: FitConfig,
    data: DividedData,
    shape,
    lists: NeighborLists,
    checkpoint: Checkpoint,
    stop: StopSignals,
    log,
    saved,
    origin: Origin,
    ranks: Ranks,
) -> tuple[Task, dict]:
    """What one system fits, and what was decided about its labels."""
    e0 = data.use_isolated_atoms(shape.cutoff, config.model.e0, log)
    fixed = [e0.get(symbol) for symbol in shape.elements]
    require_content(data.sets["train"], shape.elements, fixed)
    threads = threads_of(config)
    settled = settle(config, shape, fixed, data.sets, lists, threads, log, saved)
    monitor = Monitor([], lists, threads)
    known = (config, shape, fixed, settled.sets, lists, threads, origin.data_id)
    task = Task(*known, checkpoint, stop, log, monitor, ranks=ranks)
    return task, settled.decisions


# -- fit ----------------------------------------------------------------------------------------------------------


def _fit(config: FitConfig, tasks: Mapping[str, Task], scales: Mapping[str, float], log: console.Log) -> FittedSystems:
    torch.set_num_threads(1)  # The engine's threads do the work; torch's own would only compete with them.
    first = next(iter(tasks.values()))
    training = first.config.training
    data = [task.dealt() for task in tasks.values()]
    torch.manual_seed(training.seed)
    units = first.saved["unit"] if first.saved else [1.0] * len(tasks)
    models = [Model(task.shape, task.e0, unit) for task, unit in zip(tasks.values(), units, strict=True)]
    joint = JointModel(models, config.systems.share)
    if first.saved is None:
        _start(joint, config, tasks, data, log)
    weights = [system.weight for system in config.systems.data.values()]
    loss = JointLoss(joint, first.weights, weights, first.threads)
    optimizer = JointOptimizer(joint, loss, Schedule.of(training), *zip(*data, strict=True))
    each = zip(tasks.values(), loss.losses, optimizer.known, strict=True)
    optimizer.demands = Demands([Beyond.of(task).demands(own, optimizer.schedule, known) for task, own, known in each])
    train(first, optimizer, joint.units)
    for line in optimizer.demands.lines(list(tasks)):
        log.print(line)
    joint.to_unit_size()
    systems = {}
    for (name, task), model in zip(tasks.items(), joint.models, strict=True):
        systems[name] = _finished(name, task, model, scales[name], log)
    log.print(console.error_table(_by_system(systems)))
    return FittedSystems(systems, _filters(joint, scales), Curve.learning(optimizer.history, "linear model"))


def _start(joint: JointModel, config: FitConfig, tasks: Mapping[str, Task], data, log: console.Log) -> None:
    first = next(iter(tasks.values()))
    share, seed = config.systems.share, config.training.seed
    found = joint_start(joint, data, first.weights, share, first.threads, seed, log.progress)
    for name, one in zip(tasks, found, strict=True):
        error = one.fit.chosen.train_loss**0.5
        log.print(
            f"linear model of {name}: error {error:.4f} eV/Å (weighted RMS), smoothness {one.fit.chosen.strength:g}"
        )


def _finished(name: str, task: Task, model: Model, length: float, log: console.Log) -> FittedSystem:
    potential = made_sound(model.potential(task.comment()), task)
    set_domain(potential, task.sets["train"], task.lists, task.threads, log)
    predictions = predict_sets(potential, task.sets, task.lists, task.threads, log)
    return FittedSystem(potential, length, {part: report(p) for part, p in predictions.items()}, predictions)


def _by_system(systems: Mapping[str, FittedSystem]) -> dict[str, Report]:
    """Reports of everything that is no part of it, for a table."""
    return {f"{name} {part}": Report(found.all) for name, one in systems.items() for part, found in one.reports.items()}


def _filters(joint: JointModel, scales: Mapping[str, float]) -> Filters | None:
    """Filters all of whose functions are shared, at the reference length."""
    model, shared = joint.models[0], set(joint.shared)
    two, three = "rho" in shared, shared >= {"f", "g"}
    if not (two or three):
        return None
    length = reference_length(scales)
    factor = length / next(iter(scales.values()))
    rho, f, g = (
        [curves.detach().numpy()[0, :, : curves.shape[2] if whole else 0]]
        for curves, whole in ((model.rho, two), (model.f, three), (model.g, three))
    )
    shape = model.shape
    pair_knots, radial_knots = ([factor * knots[0]] for knots in (shape.pair_knots, shape.radial_knots))
    return Filters([""], pair_knots, rho, radial_knots, f, shape.angle_knots, g, length)


# -- results ------------------------------------------------------------------------------------------------------


def _write(
    fitted: FittedSystems, shared: Outputs, own: Mapping[str, Outputs], tasks: Mapping[str, Task], log: console.Log
) -> None:
    """Potentials first, then what is beside them."""
    comment = next(iter(tasks.values())).comment()
    for name, one in fitted.systems.items():
        write_text(own[name].potential, _core.format_potential(one.potential))
    if fitted.filters is None:
        log.print("note: neither rho, nor f and g, are shared: there are no filters to write")
    else:
        of = f"filters of {', '.join(fitted.systems)}"
        write_filters(fitted.filters, comment.replace("CITATION:", f"({of}) CITATION:"), shared.potential)
    write_text(shared.beside(".csv"), fitted.curve.csv())
    write_figures(shared, {fitted.curve.ending: fitted.curve.draw()})
    for name, one in fitted.systems.items():
        figures = {"_parity.png": plots.parity(one.predictions), "_splines.png": splines(one.potential)}
        write_figures(own[name], figures)
    written = [*(outputs.potential for outputs in own.values()), *([shared.potential] if fitted.filters else [])]
    log.print(f"written: {', '.join(map(str, written))}")
