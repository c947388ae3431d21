"""A fit from configuration to files: data → linear start → training → potential, tables, plots."""

import math
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
import torch

from snnp import __version__, _core, console, plots
from snnp.calculator import available_cores
from snnp.choices import choose, isolated_energies
from snnp.config import ConfigError, FitConfig
from snnp.data import DataError, Dataset, Frame, read, split
from snnp.evaluation import Predictions, Report, predict, report
from snnp.model import Model, Shape
from snnp.neighbors import structures
from snnp.optimize import Optimizer, Record, Schedule, save
from snnp.shear import detect_shear_orders, parse_shear_order, with_shear_orders
from snnp.training import Labels, Loss, Weights
from snnp.warmstart import warm_start


class Interrupted(Exception):
    """The fit was asked to stop; its checkpoint is written."""


@dataclass
class Files:
    """Where the results of a fit go: beside the potential."""

    potential: Path

    def beside(self, ending: str) -> Path:
        return self.potential.with_name(self.potential.stem + ending)

    @property
    def checkpoint(self) -> Path:
        return self.beside(".checkpoint")


@dataclass
class Result:
    """A finished fit."""

    potential: _core.Potential
    reports: dict[str, Report]  # by "train", "validation", "test"
    history: list[Record]


def run(config: FitConfig, log: console.Log, resume: bool = False, restart: bool = False) -> Result:
    """Does the fit that the configuration describes and writes all its files; raises Interrupted if told to stop."""
    files = Files(config.output)
    threads = config.training.threads or available_cores()
    # The engine's threads do the work; torch's own would only compete with them.
    torch.set_num_threads(1)

    sets = _read_sets(config, log)
    elements = Dataset([frame for frames in sets.values() for frame in frames]).elements
    model_config, shape, e0 = _shape(config, sets, elements)
    config = config.model_copy(update={"model": model_config})
    saved = _saved_state(files, config, resume, restart)
    log.print(_describe(shape, model_config, threads))

    if saved is None:
        model, sets, orders = _linear_start(shape, e0, sets, config, threads, log)
    else:
        model, orders = Model(shape, e0, saved["unit"]), saved["shear_orders"]
        sets = {name: with_shear_orders(frames, orders) for name, frames in sets.items()}
        log.print(f"resuming at step {saved['optimizer']['step']} of {config.training.steps}")
    data = config.data.model_copy(update={"shear_order": {group: " ".join(order) for group, order in orders.items()}})
    _write_text(files.beside(".yaml"), config.model_copy(update={"data": data}).dump())

    prepared = _prepare_sets(sets, shape, threads)
    history = _train(model, prepared, config, threads, files, saved, orders, log)

    potential = _export(model, prepared["train"], threads)
    _core.write_potential(potential, str(files.potential))
    predictions = _predict(potential, sets, threads, log)
    reports = {name: report(p) for name, p in predictions.items()}
    log.print(console.error_table(reports))
    _write_results(files, potential, predictions, history, log)
    return Result(potential, reports, history)


# -- data ---------------------------------------------------------------------------------------------------------


def _read_sets(config: FitConfig, log: console.Log) -> dict[str, list[Frame]]:
    """Frames by purpose; what was found goes to the log."""
    sets = {}
    for name in ("train", "validation", "test"):
        paths = getattr(config.data, name)
        if paths:
            found = read(paths)
            log.print(f"{name}: {found.summary()}")
            sets[name] = found.frames
    if "validation" not in sets:
        sets["train"], sets["validation"] = split(sets["train"], config.data.validation_fraction, config.training.seed)
        log.print(f"validation: {len(sets['validation'])} of these frames are held out")
    return {name: sets[name] for name in ("train", "validation", "test") if sets.get(name)}


def _shape(config: FitConfig, sets: dict[str, list[Frame]], elements: Sequence[str]):
    """The configuration with nothing left open, the shape, and known energies of isolated atoms; such atoms leave the
    training set."""
    missing = sorted(set(elements) - set(Dataset(sets["train"]).elements))
    if missing:
        raise DataError(f"element {missing[0]} occurs in the validation or test data, but in no training frame")
    unknown = sorted(set(config.model.e0) - set(elements))
    if unknown:
        raise ConfigError(f"model.e0: element {unknown[0]} is not in the data ({' '.join(elements)})")
    model_config, shape = choose(config.model, sets["train"], elements)
    found, sets["train"] = isolated_energies(sets["train"], shape.cutoff)
    if not sets["train"]:
        raise DataError("the training data hold nothing but isolated atoms")
    e0 = {**found, **model_config.e0}
    return model_config.model_copy(update={"e0": e0}), shape, [e0.get(symbol) for symbol in elements]


def _prepare_sets(sets: dict[str, list[Frame]], shape: Shape, threads: int):
    return {name: _prepare(frames, shape, threads) for name, frames in sets.items() if name != "test"}


def _prepare(frames: Sequence[Frame], shape: Shape, threads: int) -> list[tuple[_core.Structures, Labels]]:
    """Neighbour lists and targets; what the repulsive core contributes is taken off the targets."""
    core = _core_engine(shape)
    prepared = []
    for frame in frames:
        s = structures([frame.atoms], shape.elements, shape.cutoff)
        labels = Labels(frame.energy, frame.forces, frame.virial)
        if core is not None and len(s.vectors) and np.linalg.norm(s.vectors, axis=1).min() < core.cutoff:
            out = core.evaluate(s, threads)
            virial = np.array(out["virial"])[[0, 3, 4, 3, 1, 5, 4, 5, 2]].reshape(3, 3)
            labels = Labels(
                labels.energy - out["energy"],
                labels.forces - out["forces"],
                None if labels.virial is None else labels.virial - virial,
            )
        prepared.append((s, labels))
    return prepared


def _core_engine(shape: Shape) -> _core.Engine | None:
    """Nothing but the repulsive core."""
    outer = [core[1] for core in shape.core if core]
    if not outer:
        return None
    ends = [np.linspace(0.5 * min(outer), min(outer), 4)] * len(shape.pair_knots)
    bare = replace(shape, n2=0, n3=0, hidden=[], pair_knots=ends, leg_knots=ends)
    return _core.Engine(Model(bare).potential(" core"))


def _describe(shape: Shape, config, threads: int) -> str:
    count = sum(p.numel() for p in Model(shape).parameters())
    names = [f"{shape.elements[a]}-{shape.elements[b]}" for a, b in shape.unordered]
    shortest = ", ".join(f"{n} {s:.2f} Å" for n, s in zip(names, shape.shortest, strict=True) if s > 0)
    text = (
        f"model: {shape.n2} two-body filters to {config.pair_cutoff} Å, {shape.n3} three-body filters to "
        f"{config.leg_cutoff} Å, network {' × '.join(map(str, shape.hidden)) or 'none'}, {count} parameters; "
        f"shortest distances {shortest}; {threads} thread{'s' if threads > 1 else ''}"
    )
    if config.e0:
        text += "; energies of isolated atoms " + ", ".join(f"{el} {e:.4f} eV" for el, e in config.e0.items())
    return text


# -- training -----------------------------------------------------------------------------------------------------


def _saved_state(files: Files, config: FitConfig, resume: bool, restart: bool) -> dict | None:
    """The checkpoint to go on from."""
    path = files.checkpoint
    if not path.exists():
        if resume:
            raise ConfigError(f"{path}: there is no checkpoint to resume; start without --resume")
        return None
    if restart:
        path.unlink()
        return None
    state = torch.load(path, weights_only=True)
    done = state["optimizer"]["step"]
    if not resume:
        if done < state["steps"]:
            raise ConfigError(
                f"{path} holds an unfinished fit (step {done} of {state['steps']}): add --resume to go on with it, or "
                "--restart to begin anew"
            )
        return None
    if state["config"] != _comparable(config):
        raise ConfigError(
            f"{path} belongs to a fit with other data or settings: repeat those of then, or use --restart"
        )
    return state


def _comparable(config: FitConfig) -> str:
    """All that decides the result, as text."""
    training = config.training.model_copy(update={"threads": None, "checkpoint_seconds": 1.0})
    return config.model_copy(update={"training": training}).dump()


def _linear_start(shape: Shape, e0, sets, config: FitConfig, threads: int, log):
    """A model that starts from the linear solution, the data with stresses in ASE's order, and the orders they had."""
    groups = {frame.group for frames in sets.values() for frame in frames}
    given = config.data.shear_order
    if given is None:
        orders = _detect_shear_orders(shape, e0, sets, config, threads, log)
    else:
        named = given if isinstance(given, dict) else dict.fromkeys(groups, given)
        orders = {group: parse_shear_order(order) for group, order in named.items()}
    sets = {name: with_shear_orders(frames, orders) for name, frames in sets.items()}
    return _solve_linear(shape, e0, sets, config, _weights(config), threads, log), sets, orders


def _detect_shear_orders(shape: Shape, e0, sets, config: FitConfig, threads: int, log) -> dict[str, tuple[str, ...]]:
    """The order of shear labels, by what a linear model predicts that has seen energies and forces only."""
    stressed = [frame for frame in sets["train"] if frame.stress is not None]
    if not stressed or config.loss.stress == 0:
        return {}
    # A part of the data is enough for this.
    every = max(sum(len(frame.atoms) for frame in sets["train"]) // 10000, 1)
    sample = {name: frames[::every] for name, frames in sets.items()}
    model = _solve_linear(shape, e0, sample, config, Weights(config.loss.energy, 0.0), threads, log, steps=20)
    p = predict(_core.Engine(model.potential(" linear")), stressed, threads)
    found = detect_shear_orders(p.stresses, p.stress_labels, p.stress_groups)
    for note in found.notes:
        log.print(note)
    return found.orders


def _solve_linear(shape: Shape, e0, sets, config, weights: Weights, threads: int, log, steps: int = 150) -> Model:
    torch.manual_seed(config.training.seed)
    model = Model(shape, e0)
    prepared = _prepare_sets(sets, shape, threads)
    train, validation = prepared["train"], prepared.get("validation", [])
    with log.progress("linear model", len(train) + len(validation), "frames") as tick:
        start = warm_start(model, train, validation, weights, threads, config.training.seed, steps, tick)
    terms = "energies, forces and stresses" if weights.stress else "energies and forces"
    log.print(f"linear model of {terms}: error {start.unit:.4f} eV/Å (weighted RMS), smoothness {start.strength:g}")
    return model


def _weights(config: FitConfig) -> Weights:
    return Weights(config.loss.energy, config.loss.stress)


def _train(model: Model, prepared, config: FitConfig, threads: int, files: Files, saved, orders, log) -> list[Record]:
    training = config.training
    train, validation = prepared["train"], prepared.get("validation", [])
    loss = Loss(model, _weights(config), model.unit, threads)
    schedule = Schedule(training.steps, training.batch, training.rate, training.seed)
    optimizer = Optimizer(model, loss, schedule, train, validation)
    if saved is not None:
        optimizer.restore(saved["optimizer"])

    def checkpoint() -> None:
        state = {"config": _comparable(config), "steps": training.steps, "unit": model.unit, "shear_orders": orders}
        save({**state, "optimizer": optimizer.state()}, files.checkpoint)

    def show(record: Record) -> None:
        rate = (record.step or 1) / max(record.seconds, 1e-9)
        left = (training.steps - record.step) / rate if record.step else math.nan
        log.print(console.learning_line(record, training.steps, rate, left))

    with _stop_signal() as stopped, log.progress("training", training.steps, "steps") as tick:
        last = time.monotonic()
        tick(optimizer.step)

        def each_step(step: int) -> None:
            nonlocal last
            tick(1)
            if time.monotonic() - last > training.checkpoint_seconds:
                checkpoint()
                last = time.monotonic()

        finished = optimizer.run(show, each_step, stopped.is_set)
    checkpoint()
    if not finished:
        raise Interrupted(f"stopped at step {optimizer.step} of {training.steps}; go on with --resume")
    optimizer.use_best()
    return optimizer.history


@contextmanager
def _stop_signal():
    """An event that Ctrl-C and SIGTERM set instead of ending the program."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = {s: signal.signal(s, lambda *_: event.set()) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for s, handler in before.items():
            signal.signal(s, handler)


# -- results ------------------------------------------------------------------------------------------------------


def _export(model: Model, train, threads: int) -> _core.Potential:
    values = Loss(model, Weights(), 1.0, threads).values
    G = np.concatenate([values(s)[:, 1:] for s, _ in train])
    kinds = np.concatenate([s.elements for s, _ in train])
    by_element = [G[kinds == a] for a in range(model.shape.n_elements)]
    lowest = np.array([g.min(0) for g in by_element])
    highest = np.array([g.max(0) for g in by_element])
    comment = f" DATE: {date.today()} UNITS: metal CONTRIBUTOR: snnp-fit {__version__} CITATION: none"
    return model.potential(comment, lowest, highest)


def _predict(potential: _core.Potential, sets, threads: int, log) -> dict[str, Predictions]:
    engine = _core.Engine(potential)
    with log.progress("errors", sum(map(len, sets.values())), "frames") as tick:
        return {name: predict(engine, frames, threads, tick) for name, frames in sets.items()}


def _write_results(files: Files, potential, predictions: dict[str, Predictions], history: list[Record], log) -> None:
    _write_text(files.beside(".csv"), console.learning_csv(history))
    pictures = {
        "_parity.png": plots.parity(predictions),
        "_learning.png": plots.learning(history),
        "_splines.png": plots.splines(potential),
    }
    for ending, figure in pictures.items():
        plots.save(figure, files.beside(ending))
    names = ", ".join(files.beside(e).name for e in (".yaml", ".log", ".csv", ".checkpoint", *pictures))
    log.print(f"written: {files.potential}; beside it {names}")


def _write_text(path: Path, text: str) -> None:
    aside = path.with_name(path.name + ".part")
    aside.write_text(text)
    aside.replace(path)
