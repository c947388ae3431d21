"""How much faster several processes train a default s-NNP than one, with one thread each.

    torchrun --nproc-per-node 2 benchmarks/processes.py data/Mo_train.xyz.gz --batch 4 64

One and all processes take turns, some steps each, so that what else the machine does slows down both. Printed are the
shortest of all turns, and the time of the processor that the first process takes, which is the one with more to do: on
a machine that does nothing else both say the same. Batches have to be large: of a step on four frames of Mo, 5 ms, 2 ms
are not divided.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from snnp.fitting.minibatch import Epochs
from snnp.fitting.ranks import ALONE, processes
from training import prepared


def turn(optimizer, ranks, steps: int) -> tuple[float, float]:
    """Seconds of a step by these processes, and of the processor for the first one."""
    optimizer.gradient._ranks = ranks
    begun = time.perf_counter(), time.process_time()
    for _ in range(steps):
        optimizer._one_step()
    return (time.perf_counter() - begun[0]) / steps, (time.process_time() - begun[1]) / steps


def main() -> None:
    """Prints a line for each size of batches."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="labelled structures, as for snnp-fit")
    parser.add_argument("--batch", type=int, nargs="+", default=[4, 16, 64], help="frames of all processes together")
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--steps", type=int, default=3, help="in each turn")
    arguments = parser.parse_args()
    with processes() as ranks:
        if ranks is None:
            return
        optimizer = prepared(arguments.file, 1, ranks=ranks)
        frames = optimizer._train._count
        for batch in arguments.batch:
            optimizer._train = Epochs(frames, batch, 0)
            for each in (ALONE, ranks):
                turn(optimizer, each, 10)  # not counted
            turns = range(arguments.turns)
            times = [[turn(optimizer, each, arguments.steps) for each in (ALONE, ranks)] for _ in turns]
            found = {"shortest": np.min(times, axis=0)[:, 0], "processor": np.median(times, axis=0)[:, 1]}
            parts = [f"{name} {1e3 * a:.1f} and {1e3 * b:.1f} ms, ratio {a / b:.2f}" for name, (a, b) in found.items()]
            print(f"{batch} frames: {'; '.join(parts)}", flush=True)


if __name__ == "__main__":
    main()
