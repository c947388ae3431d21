"""How well molecular dynamics at constant energy conserves it, beside `sw` for Si and `eam/alloy` for Cu and W.

    python benchmarks/conservation.py [--potentials Si.snnp:Si:diamond:5.43 …] [--precision double mixed]
                                      [--output FOLDER]

Each potential runs the same stretch of time from the same start with several time steps. Reported per atom:
fluctuation, the standard deviation of the total energy about its linear trend, and drift, the slope of that trend.
The error of velocity Verlet is of second order, so the fluctuation grows as the square of the step (slope 2 of its
logarithm over that of the step) if forces are the derivative of the energy and smooth enough; drift comes from what
breaks this. A potential is FILE:FORMULA:LATTICE:CONSTANT with a lattice of ASE and its cubic constant in Å; without
any, those of the folder `potentials/` are taken whose crystal is known here.
"""

import argparse
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase.build import bulk
from ase.data import atomic_masses, atomic_numbers
from ase.formula import Formula
from ase.io import write
from matplotlib.figure import Figure

from lammps_process import POTENTIALS, output

ROOT = Path(__file__).parents[1]
CRYSTALS = {
    "Si": ("diamond", 5.43),
    "Mo": ("bcc", 3.17),
    "InP": ("zincblende", 5.87),
    "Cu": ("fcc", 3.63),
    "W": ("bcc", 3.165),
}

START = """
units metal
read_data start.data
{masses}
pair_style {style}
pair_coeff * * {file} {elements}
velocity all create {kelvin} 1 loop geom
fix nve all nve
thermo_modify norm no
timestep 0.001
run {warm_up}
write_restart warm
"""
# From the same state for every step.
STRETCH = """
clear
read_restart warm
pair_style {style}
pair_coeff * * {file} {elements}
fix nve all nve
thermo_modify norm no
timestep {step}
variable E equal etotal
variable T equal temp
fix E all print {every} "$(v_E:%.17g) $(v_T:%.6g)" file {name}.energies screen no
run {steps}
unfix E
"""


@dataclass
class Model:
    style: str
    file: Path
    formula: str
    lattice: str
    constant: float  # Å

    @property
    def name(self) -> str:
        return f"{self.style} {self.formula}"

    @property
    def elements(self) -> list[str]:
        """By atom type."""
        return list(Formula(self.formula).count())


def peers() -> list[Model]:
    return [
        Model("sw", POTENTIALS / "Si.sw", "Si", *CRYSTALS["Si"]),
        Model("eam/alloy", POTENTIALS / "Cu_mishin1.eam.alloy", "Cu", *CRYSTALS["Cu"]),
        Model("eam/alloy", POTENTIALS / "W_zhou.eam.alloy", "W", *CRYSTALS["W"]),
    ]


def fitted(given: list[str], style: str) -> list[Model]:
    if given:
        parts = [text.rsplit(":", 3) for text in given]
        return [Model(style, Path(f).resolve(), e, lattice, float(a)) for f, e, lattice, a in parts]
    files = [(file, file.stem.split("_")[0]) for file in sorted(ROOT.glob("potentials/**/*.snnp"))]
    return [Model(style, file, e, *CRYSTALS[e]) for file, e in files if e in CRYSTALS]


def deck(model: Model, args: argparse.Namespace) -> str:
    common = {"style": model.style, "file": model.file, "elements": " ".join(model.elements)}
    masses = [f"mass {n} {atomic_masses[atomic_numbers[e]]}" for n, e in enumerate(model.elements, start=1)]
    # Equipartition with the lattice takes half of the kinetic energy of the start.
    text = START.format(**common, masses="\n".join(masses), kelvin=2 * args.kelvin, warm_up=args.warm_up)
    for step in args.steps:
        # Rows at the same times for all steps, so that all see the same swings.
        every = max(1, round(max(args.steps) / step))
        steps = round(1000 * args.picoseconds / step)
        text += STRETCH.format(**common, step=step / 1000, every=every, steps=steps, name=step)
    return text


def measure(model: Model, args: argparse.Namespace) -> dict:
    begun = time.monotonic()
    cell = bulk(model.formula, model.lattice, a=model.constant, cubic=True)
    atoms = cell.repeat(max(2, round((args.atoms / len(cell)) ** (1 / 3))))
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder, "start.data"), atoms, format="lammps-data", specorder=model.elements)
        output(deck(model, args), folder, name=f"{model.name}: LAMMPS")
        rows = [analyse(Path(folder, f"{step}.energies"), step, len(atoms), args.picoseconds) for step in args.steps]
    fluctuations = [row["fluctuation_meV_per_atom"] for row in rows]
    return {
        "name": model.name,
        "file": model.file.name,
        "atoms": len(atoms),
        "seconds": round(time.monotonic() - begun, 1),
        "slope": float(np.polyfit(np.log(args.steps), np.log(fluctuations), 1)[0]),
        "runs": rows,
    }


def analyse(file: Path, step: float, atoms: int, picoseconds: float) -> dict:
    energies, kelvin = np.loadtxt(file).T
    t = np.linspace(0, picoseconds, len(energies))
    e = 1000 * energies / atoms
    trend = np.polyfit(t, e, 1)
    return {
        "step_fs": step,
        "fluctuation_meV_per_atom": float(np.std(e - np.polyval(trend, t))),
        "drift_meV_per_atom_per_ps": float(trend[0]),
        "kelvin": float(kelvin.mean()),
    }


def table(results: list[dict]) -> None:
    print("| potential | atoms | K | step, fs | fluctuation, meV/atom | drift, meV/atom/ps | slope | seconds |")
    print("|---|---|---|---|---|---|---|---|")
    for result in results:
        for n, run in enumerate(result["runs"]):
            last = f"{result['slope']:.2f} | {result['seconds']:.0f}" if n == 0 else " | "
            print(
                f"| {result['name']} | {result['atoms']} | {run['kelvin']:.0f} | {run['step_fs']:g} "
                f"| {run['fluctuation_meV_per_atom']:.2e} | {run['drift_meV_per_atom_per_ps']:+.1e} | {last} |"
            )


def draw(results: list[dict]) -> Figure:
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for result in results:
        steps = [run["step_fs"] for run in result["runs"]]
        marker = "o" if result["name"].startswith("snnp") else "s"
        label = f"{result['name']}, slope {result['slope']:.2f}"
        left.loglog(steps, [run["fluctuation_meV_per_atom"] for run in result["runs"]], marker=marker, label=label)
        drifts = [abs(run["drift_meV_per_atom_per_ps"]) for run in result["runs"]]
        right.loglog(steps, drifts, marker=marker)
    left.set_ylabel("fluctuation, meV/atom")
    right.set_ylabel("|drift|, meV/atom/ps")
    left.legend(frameon=False)
    for axes in (left, right):
        axes.set_xlabel("time step, fs")
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--potentials", nargs="+", default=[], metavar="FILE:FORMULA:LATTICE:CONSTANT")
    parser.add_argument("--precision", nargs="+", default=["double"], choices=["double", "mixed"])
    parser.add_argument("--output", type=Path, default=Path("conservation"))
    parser.add_argument("--atoms", type=int, default=216, help="about so many")
    parser.add_argument("--kelvin", type=float, default=1000)
    parser.add_argument("--steps", type=float, nargs="+", default=[0.25, 0.5, 1.0, 2.0], help="time steps, fs")
    parser.add_argument("--picoseconds", type=float, default=1.0, help="length of each run")
    parser.add_argument("--warm-up", type=int, default=300, help="steps of 1 fs before")
    args = parser.parse_args()
    styles = [f"snnp precision {precision}" for precision in args.precision]
    models = peers() + [model for style in styles for model in fitted(args.potentials, style)]
    results = [measure(model, args) for model in models]
    args.output.mkdir(parents=True, exist_ok=True)
    settings = {name: getattr(args, name) for name in ("kelvin", "picoseconds", "warm_up")}
    (args.output / "conservation.json").write_text(json.dumps({**settings, "results": results}, indent=2) + "\n")
    table(results)
    draw(results).savefig(args.output / "conservation.png", dpi=150)


if __name__ == "__main__":
    main()
