"""A fit from configuration to files: data → linear start → training → potential, tables, plots."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from snnp import __version__, _core, checkpoint, console, plots
from snnp.calculator import available_cores
from snnp.choices import choose, isolated_energies
from snnp.config import ConfigError, FitConfig, SnnpConfig
from snnp.data import DataError, Dataset, Frame, read, split
from snnp.evaluation import Predictions, Report, predict, report
from snnp.model import Model, Shape
from snnp.prepare import shear_orders
from snnp.rungs import RUNGS, Curve, Interrupted, Task
from snnp.shear import parse_shear_order, with_shear_orders

__all__ = ["Files", "Interrupted", "Result", "run"]


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
    curve: Curve


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
    log.keep(files.beside(".log"), append=resume)  # not before it is sure that this fit is to be
    log.print(_describe(shape, model_config, threads))

    orders = _shear_orders(config, shape, e0, sets, threads, log) if saved is None else saved["shear_orders"]
    sets = {name: with_shear_orders(frames, orders) for name, frames in sets.items()}
    data = config.data.model_copy(update={"shear_order": {group: " ".join(order) for group, order in orders.items()}})
    write_text(files.beside(".yaml"), config.model_copy(update={"data": data}).dump())

    comparable = {"config": _comparable(config), "shear_orders": orders}
    task = Task(config, shape, e0, sets, threads, files.checkpoint, comparable, saved, log)
    potential, curve = RUNGS[model_config.kind](task)
    _core.write_potential(potential, str(files.potential))
    predictions = _predict(potential, sets, threads, log)
    reports = {name: report(p) for name, p in predictions.items()}
    log.print(console.error_table(reports))
    _write_results(files, potential, predictions, curve, log)
    return Result(potential, reports, curve)


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


def _describe(shape: Shape, config, threads: int) -> str:
    names = [f"{shape.elements[a]}-{shape.elements[b]}" for a, b in shape.unordered]
    shortest = ", ".join(f"{n} {s:.2f} Å" for n, s in zip(names, shape.shortest, strict=True) if s > 0)
    text = (
        f"model: {config.kind}, {_terms(shape, config)}; shortest distances {shortest}; "
        f"{threads} thread{'s' if threads > 1 else ''}"
    )
    if config.e0:
        text += "; energies of isolated atoms " + ", ".join(f"{el} {e:.4f} eV" for el, e in config.e0.items())
    return text


def _terms(shape: Shape, config) -> str:
    """The terms of a rung, with their cutoffs."""
    pair = f"φ to {config.pair_cutoff} Å"
    if config.kind == "snnp":
        count = sum(p.numel() for p in Model(shape).parameters())
        return (
            f"{shape.n2} two-body filters to {config.pair_cutoff} Å, {shape.n3} three-body filters to "
            f"{config.leg_cutoff} Å, network {' × '.join(map(str, shape.hidden)) or 'none'}, {count} parameters"
        )
    if config.kind == "uf3":
        return f"{pair}, V to {config.leg_cutoff} Å with {config.leg_knots} × {config.opposite_knots} knots"
    if config.kind == "eam":
        return f"φ and ρ to {config.pair_cutoff} Å"
    if config.kind == "smeam":
        return f"φ and ρ to {config.pair_cutoff} Å, f to {config.leg_cutoff} Å"
    return pair


# -- before training ----------------------------------------------------------------------------------------------


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
    state = checkpoint.load(path)
    done = state["optimizer"]["step"]
    if not resume:
        if done < state["steps"]:
            raise ConfigError(
                f"{path} holds an unfinished fit (step {done} of {state['steps']}): add --resume to go on with it, or "
                "--restart to begin anew"
            )
        return None
    if state.get("version") != __version__:
        raise ConfigError(
            f"{path} was not written by this version of snnp-fit ({__version__}): go on with that of then, or use "
            "--restart"
        )
    if state["config"] != _comparable(config):
        raise ConfigError(
            f"{path} belongs to a fit with other data or settings: repeat those of then, or use --restart"
        )
    return state


def _comparable(config: FitConfig) -> str:
    """All that decides the result, as text."""
    training = config.training.model_copy(update={"threads": None, "checkpoint_seconds": 1.0})
    return config.model_copy(update={"training": training}).dump()


def _shear_orders(config: FitConfig, shape: Shape, e0, sets, threads: int, log) -> dict[str, tuple[str, ...]]:
    """The order of shear labels by group, as given or as found."""
    given = config.data.shear_order
    if given is not None:
        groups = {frame.group for frames in sets.values() for frame in frames}
        named = given if isinstance(given, dict) else dict.fromkeys(groups, given)
        return {group: parse_shear_order(order) for group, order in named.items()}
    if config.loss.stress == 0 or all(frame.stress is None for frame in sets["train"]):
        return {}
    # A part of the data is enough for this.
    every = max(sum(len(frame.atoms) for frame in sets["train"]) // 10000, 1)
    train, validation = sets["train"][::every], sets.get("validation", [])[::every]
    if config.model.kind != "snnp":  # the rung itself might be too simple to tell
        _, shape = choose(SnnpConfig(core=config.model.core), sets["train"], shape.elements)
    with log.progress("order of shear stresses", len(train) + len(validation), "frames") as tick:
        found = shear_orders(shape, e0, train, validation, config.loss.energy, threads, tick)
    for note in found.notes:
        log.print(note)
    return found.orders


# -- results ------------------------------------------------------------------------------------------------------


def _predict(potential: _core.Potential, sets, threads: int, log) -> dict[str, Predictions]:
    engine = _core.Engine(potential)
    with log.progress("errors", sum(map(len, sets.values())), "frames") as tick:
        return {name: predict(engine, frames, threads, tick) for name, frames in sets.items()}


def _write_results(files: Files, potential, predictions: dict[str, Predictions], curve: Curve, log) -> None:
    write_text(files.beside(".csv"), curve.csv)
    pictures = {
        "_parity.png": plots.parity(predictions),
        curve.ending: curve.picture,
        "_splines.png": plots.splines(potential),
    }
    for ending, figure in pictures.items():
        plots.save(figure, files.beside(ending))
    endings = [e for e in (".yaml", ".log", ".csv", ".checkpoint", *pictures) if files.beside(e).exists()]
    names = ", ".join(files.beside(e).name for e in endings)
    log.print(f"written: {files.potential}; beside it {names}")


def write_text(path: Path, text: str) -> None:
    aside = path.with_name(path.name + ".part")
    aside.write_text(text)
    aside.replace(path)
