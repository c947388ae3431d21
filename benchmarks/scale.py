"""Cost per atom-step and memory per atom from a thousand to millions of atoms, beside what LAMMPS itself needs.

    python benchmarks/scale.py FILE:ELEMENT:LATTICE:CONSTANT [--cells 5 10 20 40] [--output FOLDER]

The same box runs with `pair_style snnp`, with `pair_style zero` that has the same cutoff and the same full neighbour
list but no forces, and with `pair_style sw` (parameters of silicon in any crystal: only its time and memory count).
Peak resident memory of the process beyond that of `zero` is what the potential needs. LATTICE is one of ASE, CONSTANT
its cubic constant in Å; `--cells 80` of diamond are 4 million atoms.
"""

import argparse
import json
import re
import sys
import tempfile
from pathlib import Path

from ase.build import bulk
from matplotlib.figure import Figure

from lammps_process import POTENTIALS, output
from snnp import _core

DECK = """
units metal
lattice {lattice} {constant}
region box block 0 {cells} 0 {cells} 0 {cells}
create_box 1 box
create_atoms 1 box
mass 1 28.0855
{pair}
velocity all create 600 1 loop geom
fix nve all nve
run {steps}
info memory
"""


def measure(deck: str, threads: int) -> tuple[float, float]:
    """Seconds in the loop and peak resident memory in bytes."""
    with tempfile.TemporaryDirectory() as folder:
        printed = output(deck, folder, threads=threads)
    seconds = re.search(r"Loop time of (\S+)", printed)[1]
    megabytes = re.search(r"Maximum resident set size: (\S+) Mbyte", printed)[1]
    return float(seconds), 1048576 * float(megabytes)


def pairs(file: Path, element: str) -> dict[str, str]:
    cutoff = _core.Engine(_core.read_potential(str(file))).cutoff
    return {
        "snnp": f"pair_style snnp extrapolation ignore\npair_coeff * * {file} {element}",
        "zero": f"pair_style zero {cutoff} full\npair_coeff * *",
        "sw": f"pair_style sw\npair_coeff * * {POTENTIALS / 'Si.sw'} Si",
    }


def show(rows: list[dict]) -> None:
    print("| atoms | steps | snnp, µs/atom/step | sw, µs/atom/step | LAMMPS, bytes/atom | snnp beyond it, bytes/atom |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['atoms']} | {row['steps']} | {row['snnp']['microseconds']:.2f} | {row['sw']['microseconds']:.2f} "
            f"| {row['zero']['bytes']:.0f} | {row['snnp']['bytes'] - row['zero']['bytes']:.0f} |"
        )


def draw(rows: list[dict]) -> Figure:
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    atoms = [row["atoms"] for row in rows]
    for style, color in (("snnp", "#D55E00"), ("sw", "#0072B2"), ("zero", "#888888")):
        if style != "zero":
            left.loglog(atoms, [row[style]["microseconds"] for row in rows], "o-", color=color, label=style)
        right.loglog(atoms, [row[style]["bytes"] for row in rows], "o-", color=color, label=style)
    left.set_ylabel("µs/atom/step")
    right.set_ylabel("peak memory, bytes/atom")
    for axes in (left, right):
        axes.set_xlabel("atoms")
        axes.spines[["top", "right"]].set_visible(False)
    right.legend(frameon=False)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("potential", metavar="FILE:ELEMENT:LATTICE:CONSTANT")
    parser.add_argument("--cells", type=int, nargs="+", default=[5, 10, 20, 40], help="cubic cells along each edge")
    parser.add_argument("--atom-steps", type=float, default=3e5, help="of each run, at least 2 steps")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("scale"))
    args = parser.parse_args()
    file, element, lattice, constant = args.potential.rsplit(":", 3)
    decks = pairs(Path(file).resolve(), element)
    per_cell = len(bulk(element, lattice, a=float(constant), cubic=True))
    # What a process needs without atoms worth counting.
    empty = measure(DECK.format(lattice=lattice, constant=constant, cells=3, steps=0, pair=decks["zero"]), 1)[1]
    rows = []
    for cells in args.cells:
        atoms = per_cell * cells**3
        row = {"atoms": atoms, "steps": max(2, round(args.atom_steps / atoms))}
        for style, pair in decks.items():
            deck = DECK.format(lattice=lattice, constant=constant, cells=cells, steps=row["steps"], pair=pair)
            seconds, peak = measure(deck, args.threads)
            row[style] = {"microseconds": 1e6 * seconds / atoms / row["steps"], "bytes": (peak - empty) / atoms}
        rows.append(row)
        print(f"{atoms} atoms done", file=sys.stderr)
    args.output.mkdir(parents=True, exist_ok=True)
    result = {"potential": Path(file).name, "threads": args.threads, "rows": rows}
    (args.output / "scale.json").write_text(json.dumps(result, indent=2) + "\n")
    show(rows)
    draw(rows).savefig(args.output / "scale.png", dpi=150)


if __name__ == "__main__":
    main()
