"""From training data to molecular dynamics in a few minutes: data, fit, LAMMPS, errors, plots.

python examples/01_quickstart/run.py [--folder quickstart] [--frames 16] [--steps 1500]
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import ase.io
import numpy as np
from matplotlib.figure import Figure

from teacher import PAIR, make_data

STUDENT = "pair_style snnp\npair_coeff * * Si.snnp Si\n"
DECK = """
units metal
lattice diamond 5.431
region box block 0 3 0 3 0 3
create_box 1 box
create_atoms 1 box
mass 1 28.0855
{pair}
timestep 0.001
thermo 20
thermo_style custom step time temp pe etotal press
velocity all create 1200 4928459 mom yes rot yes
fix move all nve
run 1000
reset_timestep 0 time 0.0
log {name}_nve.log
run {steps}
unfix move
reset_timestep 0 time 0.0
fix move all nvt temp 900 900 0.1
comm_modify cutoff 8.0
compute rdf all rdf 200 cutoff 5.0
fix average all ave/time 20 {samples} {steps} c_rdf[*] file {name}_rdf.txt mode vector
log {name}_nvt.log
run {steps}
"""


def command(name: str) -> str:
    """A program of the environment this script runs in."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or name


def run(*words: str, quiet: bool = False) -> None:
    """Runs a command; if it is quiet, its output is shown only when it fails."""
    print("$ " + " ".join([Path(words[0]).name, *words[1:]]), flush=True)
    done = subprocess.run(words, stdout=subprocess.PIPE if quiet else None, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout or ''}\n{Path(words[0]).name} failed")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("quickstart"), help="where results go")
    parser.add_argument("--frames", type=int, default=16, help="training frames of each of five kinds")
    parser.add_argument("--steps", type=int, default=1500, help="training steps")
    parser.add_argument("--md-steps", type=int, default=4000, help="steps of each molecular dynamics run")
    args = parser.parse_args()
    args.folder.mkdir(parents=True, exist_ok=True)
    os.chdir(args.folder)

    print("1. Training data: Stillinger-Weber silicon in LAMMPS")
    ase.io.write("train.xyz", make_data(args.frames, seed=1, tick=lambda kind: print(f"   {kind}", flush=True)))
    ase.io.write("test.xyz", make_data(max(args.frames // 4, 1), seed=2, tick=lambda kind: None))

    print("\n2. Fit")
    settings = ["--set", f"training.steps={args.steps}", "--set", "model.three_body_filters=8"]
    run(command("snnp-fit"), "train.xyz", "--test", "test.xyz", "-o", "Si.snnp", "--restart", *settings)

    print("\n3. Molecular dynamics in LAMMPS: constant energy, then constant temperature")
    for name, pair in (("snnp", STUDENT), ("sw", PAIR)):
        Path(f"in.{name}").write_text(
            DECK.format(pair=pair, name=name, steps=args.md_steps, samples=args.md_steps // 20)
        )
        run(command("lmp"), "-in", f"in.{name}", "-log", f"{name}.log", quiet=True)

    print("\n4. Results")
    for name in ("snnp", "sw"):
        energy = thermo(f"{name}_nve.log")["TotEng"] / 216 * 1000
        time = thermo(f"{name}_nve.log")["Time"]
        drift = np.polyfit(time, energy, 1)[0]
        temperature = thermo(f"{name}_nvt.log")["Temp"]
        print(
            f"   {name:4s}  NVE: total energy fluctuates by {energy.std():.4f} meV/atom, "
            f"drifts by {drift:+.4f} meV/atom/ps; NVT: {temperature.mean():.0f} ± {temperature.std():.0f} K"
        )
    dynamics().savefig("Si_dynamics.png", dpi=150)
    print(f"   pictures in {Path.cwd()}: Si_parity.png Si_learning.png Si_splines.png Si_dynamics.png")


def thermo(log: str) -> dict[str, np.ndarray]:
    """The columns of the last thermo table of a LAMMPS log."""
    lines = Path(log).read_text().splitlines()
    start = max(n for n, line in enumerate(lines) if line.split()[:1] == ["Step"])
    rows = []
    for line in lines[start + 1 :]:
        if line.startswith("Loop time"):
            break
        if not line.startswith("WARNING"):
            rows.append([float(word) for word in line.split()])
    return dict(zip(lines[start].split(), np.array(rows).T, strict=True))


def dynamics() -> Figure:
    """Energy conservation, temperature and structure of the fitted potential beside those of the teacher."""
    figure = Figure(figsize=(12, 3.6), layout="constrained")
    nve, nvt, rdf = figure.subplots(1, 3)
    for name, color, label in (("sw", "#999999", "Stillinger-Weber (teacher)"), ("snnp", "#D55E00", "snnp")):
        t = thermo(f"{name}_nve.log")
        energy = t["TotEng"] / 216 * 1000
        nve.plot(t["Time"], energy - energy.mean(), color=color, label=label, lw=1)
        t = thermo(f"{name}_nvt.log")
        nvt.plot(t["Time"], t["Temp"], color=color, label=label, lw=1)
        table = np.loadtxt(f"{name}_rdf.txt", skiprows=4)
        rdf.plot(table[:, 1], table[:, 2], color=color, label=label, lw=2 if name == "sw" else 1)
    nve.set(xlabel="time, ps", ylabel="total energy − mean, meV/atom", title="constant energy, 1 fs")
    nvt.set(xlabel="time, ps", ylabel="temperature, K", title="constant temperature, 900 K")
    rdf.set(xlabel="r, Å", ylabel="g(r)", title="radial distribution at 900 K")
    nvt.legend(fontsize=8, loc="lower right")
    return figure


if __name__ == "__main__":
    main()
