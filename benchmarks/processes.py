"""How much faster several processes train a default s-NNP than one, with one thread each, and than threads of one.

    torchrun --nproc-per-node 2 benchmarks/processes.py data/Mo_train.xyz.gz --batch 4 16 64 128

One process, all processes, and one process with as many threads take turns, some steps each, so that what else the
machine does slows down all alike. Times are by the clock, of a step: the median of all turns, and the shortest one.
"""

import argparse
import copy
import os
import time
from pathlib import Path

import numpy as np

from snnp.fitting.minibatch import Epochs
from snnp.fitting.ranks import processes
from training import optimizer_of, started


class Competitor:
    """A way to train. moved: frames that went from one process to another in the steps so far, and these steps."""

    def __init__(self, optimizer, batch: int):
        self.optimizer, self.moved = optimizer, np.zeros(2, dtype=int)
        optimizer._train = Epochs(optimizer._train.count, batch, 0)

    def turn(self, steps: int) -> float:
        """Seconds of a step."""
        frames = self.optimizer.known[0]
        took = 0.0
        for _ in range(steps):
            before, begun = frames.owners.copy(), time.perf_counter()
            self.optimizer._one_step()
            took += time.perf_counter() - begun
            self.moved += (before != frames.owners).sum(), 1
        return took / steps


def row(optimizers, batch: int, turns: int, steps: int) -> str:
    """A line of the table."""
    competitors = [Competitor(optimizer, batch) for optimizer in optimizers]
    for each in competitors:
        each.turn(10)  # not counted
    times = 1e3 * np.array([[each.turn(steps) for each in competitors] for _ in range(turns)])
    median, shortest = np.median(times, axis=0), times.min(axis=0)
    cells = [str(batch)]
    for n in range(len(competitors)):
        cells.append(f"{median[n]:.1f} ({shortest[n]:.1f})")
        if n:
            cells.append(f"{median[0] / median[n]:.2f} ({shortest[0] / shortest[n]:.2f})")
    moved, of = competitors[1].moved
    return " | ".join(["", *cells, f"{moved / of:.1f}", ""]).strip()


def main() -> None:
    """Prints the table of the documentation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="labelled structures, as for snnp-fit")
    parser.add_argument("--batch", type=int, nargs="+", default=[4, 16, 64, 128], help="frames of all processes")
    parser.add_argument("--frames", type=int, default=1000, help="at most, evenly from the file")
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--steps", type=int, default=3, help="in each turn")
    arguments = parser.parse_args()
    with processes() as ranks:
        if ranks is None:
            return
        model, known = started(arguments.file, 1, arguments.frames)
        ways = [(1, None), (1, ranks), (ranks.count, None)]
        optimizers = [optimizer_of(copy.deepcopy(model), known, *how) for how in ways]
        load = f"{os.cpu_count()} cores with a load of {os.getloadavg()[0]:.1f}"
        print(f"{load}; {len(known)} frames; milliseconds of a step, median (shortest)")
        head = ["", "frames of a batch", "one process", f"{ranks.count} processes", "ratio"]
        print(" | ".join([*head, f"one process, {ranks.count} threads", "ratio", "frames moved", ""]).strip())
        print("|---" * 7 + "|")
        for batch in arguments.batch:
            print(row(optimizers, batch, arguments.turns, arguments.steps), flush=True)


if __name__ == "__main__":
    main()
