"""How much faster two processes train than one, with one thread each.

    python benchmarks/processes.py DATA [--element Mo] [--batch 64] [--steps 200] [--rounds 2] [--folder FOLDER]

DATA holds {element}_train.xyz.gz of Zuo et al., J. Phys. Chem. A 124, 731 (2020). Fits by one and by two processes take
turns; steps per second are those of the training alone, from the learning curve, and the best of all rounds. Batches
have to be large: a step on four frames of Mo takes 5 ms in one process, 2 ms of which are not divided.
"""

import argparse
import csv
import subprocess
import sys
from itertools import pairwise
from pathlib import Path


def steps_per_second(curve: Path) -> float:
    """The best of all parts between checks."""
    names, _, *rows = csv.reader(curve.read_text().splitlines())
    at = [(float(row[names.index("step")]), float(row[names.index("seconds")])) for row in rows]
    return max((b[0] - a[0]) / (b[1] - a[1]) for a, b in pairwise(at) if b[0] > a[0])


def fit(arguments: argparse.Namespace, processes: int) -> float:
    """Steps per second of a fit."""
    output = arguments.folder / f"{arguments.element}-{processes}.snnp"
    program = [Path(sys.executable).with_name(name) for name in ("torchrun", "snnp-fit")]
    settings = ["training.effort=high", f"training.steps={arguments.steps}", f"training.batch_size={arguments.batch}"]
    settings += ["training.threads=1", "validate=off", "training.refit=0", "model.three_body_cutoff=4.8"]
    words = [program[0], "--no-python", "--nproc-per-node", processes, program[1]] if processes > 1 else program[1:]
    words += [arguments.data / f"{arguments.element}_train.xyz.gz", "-o", output, "--restart"]
    words += [word for setting in settings for word in ("--set", setting)]
    subprocess.run(list(map(str, words)), check=True, stdout=subprocess.DEVNULL)
    return steps_per_second(output.with_suffix(".csv"))


def main() -> None:
    """Fits and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--element", default="Mo")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("build/processes"))
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    best = {1: 0.0, 2: 0.0}
    for n in range(arguments.rounds):
        found = {processes: fit(arguments, processes) for processes in best}
        best = {processes: max(best[processes], found[processes]) for processes in best}
        print(f"round {n + 1}: " + ", ".join(f"{p} processes {v:.1f} steps/s" for p, v in found.items()), flush=True)
    print(f"best: {best[1]:.1f} and {best[2]:.1f} steps/s, {best[2] / best[1]:.2f} times as fast")


if __name__ == "__main__":
    main()
