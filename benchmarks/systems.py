"""What filters that several systems share cost these, and what they save an element that was not among them.

    python benchmarks/systems.py DATA [--systems Cu Li Si] [--left-out Mo] [--steps 1000] [--folder build/systems]

DATA holds {element}_{train,test}.xyz.gz of Zuo et al., J. Phys. Chem. A 124, 731 (2020). First, `systems` are fitted
together and each by itself, with as many steps, filters and layers. Then the element left out is fitted to 5 to 100 %
of its data: with filters of its own, and with those of the others, trained further, in part frozen, and frozen. All
fits are to energies and forces, with the cutoffs of 24 and 48 neighbours. Prints tables; writes systems.json and
systems.png to the folder.
"""

import argparse
import gzip
import json
import time
from pathlib import Path

import ase.io
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

import snnp
from snnp.config import validate
from snnp.console import Log
from snnp.systems.run import run_systems

PARTS = (0.05, 0.1, 0.2, 0.5, 1.0)
FILTERS = {"two_body_filters": 8, "three_body_filters": 8}
# What is frozen of the filters of the others; None: they are not used.
VARIANTS = {"own": None, "trained further": [], "ρ and f frozen": ["rho", "f"], "all frozen": ["rho", "f", "g"]}


def settings(arguments: argparse.Namespace, model: dict) -> dict:
    """What all fits have in common."""
    training = {"steps": arguments.steps, "threads": arguments.threads, "effort": "quick"}
    return {"model": model, "training": training, "loss": {"stress": 0.0}, "validate": "off"}


def files(folder: Path, element: str) -> dict:
    """The section `data` of an element."""
    train, test = (str((folder / f"{element}_{part}.xyz.gz").resolve()) for part in ("train", "test"))
    return {"train": [train], "test": [test], "energy_offsets": "keep"}


def errors(report) -> list[float]:
    """Of test data: meV/atom and eV/Å, mean absolute."""
    return [report.all.energy[0], report.all.force[0]]


def together(arguments: argparse.Namespace) -> dict:
    """Errors by system of a fit of all; it leaves the shared filters in the folder."""
    content = settings(arguments, FILTERS)
    content["systems"] = {"data": {name: files(arguments.data, name) for name in arguments.systems}}
    content["output"] = str((arguments.folder / "all.filters.snnp").resolve())
    done = run_systems(validate(content, "benchmark"), Log(), restart=True)
    return {name: errors(one.reports["test"]) for name, one in done.systems.items()}


def alone(arguments: argparse.Namespace, element: str, model: dict, train=None) -> tuple[list[float], float]:
    """Errors of a fit of one element, and how long it took, s; train: structures in place of all."""
    content = settings(arguments, {**FILTERS, **model})
    data = files(arguments.data, element)
    given = train if train is not None else data["train"]
    begun = time.monotonic()
    config = {**content, "data": {"energy_offsets": "keep"}}
    done = snnp.fit(given, test=data["test"], config=config, progress=False)
    return errors(done.errors["test"]), time.monotonic() - begun


def learning_curves(arguments: argparse.Namespace) -> dict:
    """Errors and seconds by variant and number of frames, of the element that was left out."""
    element = arguments.left_out
    with gzip.open(arguments.data / f"{element}_train.xyz.gz", "rt") as file:
        frames = ase.io.read(file, ":", format="extxyz")
    order = np.random.default_rng(0).permutation(len(frames))
    found = {name: [] for name in VARIANTS}
    for part in PARTS:
        train = [frames[n] for n in order[: round(part * len(frames))]]
        for name, frozen in VARIANTS.items():
            filters = {"file": str(arguments.folder / "all.filters.snnp"), "freeze": frozen}
            model = {} if frozen is None else {"filters": filters}
            (energy, force), seconds = alone(arguments, element, model, train)
            found[name].append({"frames": len(train), "energy": energy, "force": force, "seconds": seconds})
            print(f"{element}, {len(train)} frames, {name}: {energy:.2f} meV/atom, {force:.4f} eV/Å, {seconds:.0f} s")
    return found


def picture(curves: dict, element: str) -> Figure:
    """Errors by number of frames."""
    figure = Figure(figsize=(7.5, 3.2), layout="constrained")
    for axes, key, label in zip(figure.subplots(1, 2), ("energy", "force"), ("meV/atom", "eV/Å"), strict=True):
        for (name, points), style in zip(curves.items(), ("ko-", "s--", "^-.", "v:"), strict=True):
            axes.loglog([p["frames"] for p in points], [p[key] for p in points], style, label=f"filters: {name}")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter("{x:g}")
            axis.set_minor_formatter(NullFormatter())
        axes.set_xlabel(f"frames of {element}")
        axes.set_ylabel(f"MAE of {key}, {label}")
        axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def main() -> None:
    """Fits, prints, and writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--systems", nargs="+", default=["Cu", "Li", "Si"])
    parser.add_argument("--left-out", default="Mo")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("build/systems"))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    shared = together(arguments)
    separate = {name: alone(arguments, name, {})[0] for name in arguments.systems}
    print("| system | filters of its own, meV/atom · eV/Å | shared |\n|---|---|---|")
    for name in arguments.systems:
        print(f"| {name} | " + " | ".join("{:.2f} · {:.4f}".format(*row[name]) for row in (separate, shared)) + " |")
    curves = learning_curves(arguments)
    print(f"| frames of {arguments.left_out} | " + " | ".join(curves) + " |\n|---|" + "---|" * len(curves))
    for row in zip(*curves.values(), strict=True):
        print(f"| {row[0]['frames']} | " + " | ".join(f"{p['energy']:.2f} · {p['force']:.4f}" for p in row) + " |")
    found = {"steps": arguments.steps, "separate": separate, "shared": shared, arguments.left_out: curves}
    (arguments.folder / "systems.json").write_text(json.dumps(found, indent=1))
    picture(curves, arguments.left_out).savefig(arguments.folder / "systems.png", dpi=150)


if __name__ == "__main__":
    main()
