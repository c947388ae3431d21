"""What `snnp-fit` reaches without configuration on the DFT sets of Zuo et al. (2020), beside published potentials.

    python benchmarks/accuracy.py fit DATA OUTPUT [--elements Mo Si Cu Li]    fits; DATA holds Mo_train.xyz.gz, …
    python benchmarks/accuracy.py show OUTPUT [--figure docs/accuracy.png]    table and figure of what is in OUTPUT

Times are wall-clock times of whole fits on the machine at hand.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

ELEMENTS = ("Mo", "Si", "Cu", "Li")
# Mean absolute errors on these test files: energy meV/atom, force component eV/Å. SNAP and qSNAP: the potentials of
# Zuo et al. that come with LAMMPS, evaluated on the files (energies after removing the mean offset of the training
# set); GAP and MTP: as published by Zuo et al., J. Phys. Chem. A 124, 731 (2020), forces to two decimals.
OTHERS = {
    "SNAP": {"Cu": (0.57, 0.037), "Li": (1.05, 0.028), "Mo": (5.53, 0.207), "Si": (6.00, 0.133)},
    "qSNAP": {"Cu": (0.64, 0.024), "Li": (0.74, 0.033), "Mo": (2.86, 0.184), "Si": (4.08, 0.116)},
    "GAP": {"Cu": (0.46, 0.01), "Li": (0.49, 0.01), "Mo": (2.24, 0.09), "Si": (2.91, 0.07)},
    "MTP": {"Cu": (0.41, 0.01), "Li": (0.49, 0.01), "Mo": (2.83, 0.09), "Si": (2.21, 0.06)},
}
COLORS = {"SNAP": "#BBBBBB", "qSNAP": "#888888", "GAP": "#56B4E9", "MTP": "#0072B2", "snnp": "#D55E00"}


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def fit(data: Path, output: Path, elements: list[str]) -> None:
    output.mkdir(parents=True, exist_ok=True)
    for element in elements:
        train, test = (data / f"{element}_{part}.xyz.gz" for part in ("train", "test"))
        potential = output / f"{element}.snnp"
        begun = time.monotonic()
        subprocess.run([program("snnp-fit"), train, "--test", test, "-o", potential, "--restart"], check=True)
        seconds = time.monotonic() - begun
        done = subprocess.run([program("snnp"), "eval", potential, test, "--json"], check=True, capture_output=True)
        errors = json.loads(done.stdout)["all"]
        (output / f"{element}.json").write_text(
            json.dumps({"seconds": round(seconds), "test": errors}, indent=2) + "\n"
        )


def show(output: Path, figure: Path | None) -> None:
    ours = {e: json.loads((output / f"{e}.json").read_text()) for e in ELEMENTS if (output / f"{e}.json").exists()}
    rows = {name: values for name, values in OTHERS.items()}
    rows["snnp"] = {e: (r["test"]["energy_mae_meV_per_atom"], r["test"]["force_mae_eV_per_A"]) for e, r in ours.items()}
    print("| | " + " | ".join(f"{e} energy | {e} force" for e in ours) + " |")
    print("|---|" + "---|" * (2 * len(ours)))
    for name, values in rows.items():
        print(f"| {name} | " + " | ".join(f"{values[e][0]:.2f} | {values[e][1]:.3f}" for e in ours) + " |")
    print("| minutes | " + " | ".join(f"{r['seconds'] / 60:.1f} | " for r in ours.values()) + " |")
    if figure:
        draw(rows, list(ours)).savefig(figure, dpi=150)


def draw(rows: dict, elements: list[str]) -> Figure:
    picture = Figure(figsize=(9, 3.4), layout="constrained")
    for axes, which, label in zip(
        picture.subplots(1, 2), (0, 1), ("energy, meV/atom", "force component, eV/Å"), strict=True
    ):
        width = 0.8 / len(rows)
        for n, (name, values) in enumerate(rows.items()):
            x = np.arange(len(elements)) + (n - (len(rows) - 1) / 2) * width
            axes.bar(x, [values[e][which] for e in elements], width, color=COLORS[name], label=name)
        axes.set_xticks(range(len(elements)), elements)
        axes.set_ylabel(f"MAE of {label}")
        axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    fits = commands.add_parser("fit")
    fits.add_argument("data", type=Path)
    fits.add_argument("output", type=Path)
    fits.add_argument("--elements", nargs="+", default=ELEMENTS)
    shows = commands.add_parser("show")
    shows.add_argument("output", type=Path)
    shows.add_argument("--figure", type=Path)
    args = parser.parse_args()
    if args.command == "fit":
        fit(args.data, args.output, args.elements)
    else:
        show(args.output, args.figure)


if __name__ == "__main__":
    main()
