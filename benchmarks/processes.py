"""How much faster several processes train a default s-NNP than one, with one thread each, and than threads of one.

    torchrun --nproc-per-node 2 benchmarks/processes.py data/InP.xyz.gz --batch 4 16 64 128
    torchrun --nproc-per-node 2 benchmarks/processes.py data/InP.xyz.gz --memory 4

One process, all processes, and one process with as many threads take turns, some steps each, so that what else the
machine does slows down all alike. Times are by the clock, of a step: the median of all turns, and the shortest one.
The second command tells how much memory each process takes for some steps on all frames, that many times over, and how
long it takes to make them ready and for a step; with --lists-gb 0 neighbour lists are built in each step.
"""

import argparse
import copy
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from snnp.data import read
from snnp.data.batch import Weights
from snnp.data.neighbors import NeighborLists
from snnp.fitting.loss import Loss
from snnp.fitting.minibatch import Epochs, Optimizer, Schedule
from snnp.fitting.prepare import prepare_to_hold
from snnp.fitting.ranks import local_processes, most_memory, processes
from snnp.fitting.shards import deal
from snnp.kinds.choose import choose
from snnp.kinds.snnp import SnnpConfig
from snnp.memory import room_for_lists
from snnp.models.network import Model
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


def memory(file: Path, times: int, lists_gb: float | None, ranks) -> str:
    """A line with what each process has taken at most, and processor time of this one."""
    data = read([file])
    frames = [frame for frame in data.frames if len(frame.atoms) > 1]
    shape = choose(SnnpConfig(), frames, data.elements).shape
    copies = [
        replace(frame, atoms=frame.atoms.copy(), forces=frame.forces.copy()) for _ in range(times) for frame in frames
    ]
    # One process keeps neighbour lists, as it does in a fit.
    room = room_for_lists(lists_gb) / local_processes()
    lists, model = NeighborLists(shape.elements, shape.cutoff, ranks.count == 1, room), Model(shape)
    begun = time.process_time()
    sets = deal([prepare_to_hold(copies, shape, lists, 1), []], ranks, room)
    optimizer = Optimizer(model, Loss(model, Weights(), 1.0, 1, single=True), Schedule(6000, 4, 5e-3, 0), *sets)
    ready, steps = time.process_time() - begun, []
    for _ in range(200):
        begun = time.process_time()
        optimizer._one_step()
        steps.append(1e3 * (time.process_time() - begun))
    megabytes = ", ".join(f"{n:.0f}" for n in ranks.sum(most_memory, ranks.count))
    return (
        f"{len(copies)} frames, {sets[0].atoms.sum()} atoms: {megabytes} MB; "
        f"{ready:.1f} s until they are ready, {np.median(steps):.1f} ms for a step of 4 frames"
    )


def main() -> None:
    """Prints the table of the documentation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="labelled structures, as for snnp-fit")
    parser.add_argument("--batch", type=int, nargs="+", default=[4, 16, 64, 128], help="frames of all processes")
    parser.add_argument("--frames", type=int, default=1000, help="at most, evenly from the file")
    parser.add_argument("--turns", type=int, default=40)
    parser.add_argument("--steps", type=int, default=3, help="in each turn")
    parser.add_argument("--memory", type=int, metavar="TIMES", help="measure memory instead")
    parser.add_argument("--lists-gb", type=float, help="memory of neighbour lists, as training.lists_gb")
    arguments = parser.parse_args()
    with processes() as ranks:
        if ranks is None:
            return
        if arguments.memory:
            print(memory(arguments.file, arguments.memory, arguments.lists_gb, ranks))
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
