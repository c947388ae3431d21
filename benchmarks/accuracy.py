"""Errors, time of the fit and cost of s-NNP by effort, and with other settings that may make fits more accurate.

    python benchmarks/accuracy.py DATA [--settings default quick …] [--data Mo Si InP …] [--seeds 0 1 …]

DATA holds mlearn/{Mo,Si,Cu,Li}_{train,test}.xyz.gz and fitsnap/InP.xyz.gz, which has no test set. 15 % of the training
frames take no part in a fit: settings are judged by the errors on these. Errors on the test set are noted, too, but
nothing is chosen by them. Each fit is on one thread and goes into docs/results/training.json when it is done;
`python benchmarks/results.py pages` writes the table.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

from records import ENERGY, FORCE, RESULTS, ROOT, circumstances, load, rounded, store

# Changes of the default configuration, by what the results call them.
SETTINGS = {
    "quick": {"training.effort": "quick"},
    "default": {},
    "high": {"training.effort": "high"},
    "no smoothing": {"training.smoothing": 0.0},
    "four times the smoothing": {"training.smoothing": 0.2},
    "no decay of weights": {"training.weight_decay": 0.0},
    "no steps on all data": {"training.refit": 0.0},
    "no four-body terms": {"model.four_body_functions": 0},
}
# Training and test files.
_ZUO = {name: [f"mlearn/{name}_{part}.xyz.gz" for part in ("train", "test")] for name in ("Mo", "Si", "Cu", "Li")}
FILES = {**_ZUO, "InP": ["fitsnap/InP.xyz.gz"]}
HELD_OUT = 0.15  # of the training frames


def main() -> None:
    """Fits, one after the other, and writes what comes out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", metavar="DATA", type=Path)
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=["quick", "default", "high"])
    parser.add_argument("--data", nargs="+", choices=FILES, default=list(FILES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    arguments = parser.parse_args()
    for name in arguments.settings:
        for data in arguments.data:
            for seed in arguments.seeds:
                found = fitted([arguments.folder / file for file in FILES[data]], seed, SETTINGS[name])
                print(f"{name}, {data}, seed {seed}: {found}", flush=True)
                keep(name, data, seed, found)


def keep(name: str, data: str, seed: int, found: dict) -> None:
    """Adds the results of a fit to those that are there."""
    file = ROOT / RESULTS / "training.json"
    results = load(file)["results"] if file.exists() else {}
    found = {**found, **{key: value for key, value in circumstances().items() if key in ("snnp", "date")}}
    results.setdefault(name, {}).setdefault(data, {})[str(seed)] = rounded(found, 4)
    store("training", "python benchmarks/accuracy.py DATA", results)


def fitted(files: list[Path], seed: int, settings: dict) -> dict:
    """Errors of one fit on frames that were held out and on the test set, if there is one, and what it takes."""
    from snnp import _core, config
    from snnp.analysis.cost import cost
    from snnp.analysis.errors import predict, report
    from snnp.console import Log
    from snnp.data import read, split
    from snnp.fitting.run import run

    known, *test = (read([file]) for file in files)
    train, held_out = split(known.frames, HELD_OUT, 1000 + seed)
    fixed = {"training.seed": seed, "training.threads": 1, "validate": "off"}
    data = {"train": replace(known, frames=train), "test": replace(known, frames=held_out)}
    begun = time.process_time()
    done = run(config.read(None, {**fixed, **settings}), Log(quiet=True), data=data)
    seconds = time.process_time() - begun
    engine = _core.Engine(done.potential)
    errors = {"held_out": done.reports["test"].all}
    for one in test:
        errors["test"] = report(predict(engine, one.frames, 1)).all
    return {
        **{name: {ENERGY: e.energy[0], FORCE: e.force[0]} for name, e in errors.items()},
        "cpu_seconds": seconds,
        "steps": int(done.curve.rows[-1][0]),
        "three_body_cutoff_A": done.config.model.three_body_cutoff,
        "us_per_atom_step": cost(engine, held_out),
    }


if __name__ == "__main__":
    main()
