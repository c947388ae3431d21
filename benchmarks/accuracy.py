"""Errors, time of the fit and cost of s-NNP with other settings: what was tried to make fits more accurate.

    python benchmarks/accuracy.py DATA [--settings default quick …] [--elements Mo Si …] [--seeds 0 1 …]

DATA holds mlearn/{Mo,Si,Cu,Li}_{train,test}.xyz.gz. 15 % of the training frames take no part in a fit: settings are
judged by the errors on these. Errors on the test set are noted, too, but nothing is chosen by them. Each fit is on one
thread and goes into docs/results/training.json when it is done; `python benchmarks/results.py pages` writes the table.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

from records import RESULTS, ROOT, circumstances, load, rounded, store

# Changes of the default configuration, by what the table calls them.
SETTINGS = {
    "quick": {"training.effort": "quick"},
    "no smoothing": {"training.smoothing": 0.0},
    "four times the smoothing": {"training.smoothing": 0.2},
    "no decay of weights": {"training.weight_decay": 0.0},
    "no steps on all data": {"training.refit": 0.0},
    "default": {},
    "high": {"training.effort": "high"},
}
ELEMENTS = ("Mo", "Si", "Cu", "Li")
HELD_OUT = 0.15  # of the training frames


def main() -> None:
    """Fits, one after the other, and writes what comes out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=list(SETTINGS))
    parser.add_argument("--elements", nargs="+", choices=ELEMENTS, default=ELEMENTS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1])
    arguments = parser.parse_args()
    for name in arguments.settings:
        for element in arguments.elements:
            for seed in arguments.seeds:
                found = fitted(arguments.data / "mlearn", element, seed, SETTINGS[name])
                print(f"{name}, {element}, seed {seed}: {found}", flush=True)
                keep(name, element, seed, found)


def keep(name: str, element: str, seed: int, found: dict) -> None:
    """Adds the results of a fit to those that are there."""
    file = ROOT / RESULTS / "training.json"
    results = load(file)["results"] if file.exists() else {}
    found = {**found, **{key: value for key, value in circumstances().items() if key in ("snnp", "date")}}
    results.setdefault(name, {}).setdefault(element, {})[str(seed)] = rounded(found, 4)
    store("training", "python benchmarks/accuracy.py DATA", results)


def fitted(folder: Path, element: str, seed: int, settings: dict) -> dict:
    """Errors of one fit on frames that were held out and on the test set, and what it takes."""
    from snnp import _core, config
    from snnp.analysis.cost import cost
    from snnp.analysis.errors import predict, report
    from snnp.console import Log
    from snnp.data import read, split
    from snnp.fitting.run import run

    known, test = (read([folder / f"{element}_{part}.xyz.gz"]) for part in ("train", "test"))
    train, held_out = split(known.frames, HELD_OUT, 1000 + seed)
    fixed = {"training.seed": seed, "training.threads": 1, "validate": "off"}
    data = {"train": replace(known, frames=train), "test": replace(known, frames=held_out)}
    begun = time.process_time()
    done = run(config.read(None, {**fixed, **settings}), Log(quiet=True), data=data)
    seconds = time.process_time() - begun
    engine = _core.Engine(done.potential)
    errors = {"held_out": done.reports["test"].all, "test": report(predict(engine, test.frames, 1)).all}
    return {
        **{
            name: {"energy_mae_meV_per_atom": e.energy[0], "force_mae_eV_per_A": e.force[0]}
            for name, e in errors.items()
        },
        "cpu_seconds": seconds,
        "steps": int(done.curve.rows[-1][0]),
        "three_body_cutoff_A": done.config.model.three_body_cutoff,
        "us_per_atom_step": cost(engine, held_out),
    }


if __name__ == "__main__":
    main()
