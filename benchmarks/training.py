"""Steps of training of the default s-NNP per second of the processor, by file of data, and against another version.

    python benchmarks/training.py data/Mo_train.xyz.gz data/InP.xyz.gz --against other/bin/python

Both versions take turns, a few steps each, so that what else the machine does slows down both. Time of several threads
is added up. The first steps, which bring the basis of the optimiser up to date more often than later ones, are not
counted.
"""

import argparse
import inspect
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

FRAMES = 150  # at most, evenly from each file
FIRST = 200  # steps that are not counted


def main() -> None:
    """Prints a line for each file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path, help="labelled structures, as for snnp-fit")
    parser.add_argument("--against", metavar="PYTHON", help="the interpreter of an environment with another version")
    parser.add_argument("--turns", type=int, default=5, help="of each version")
    parser.add_argument("--steps", type=int, default=50, help="in each turn")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--shared", action="store_true", help="filters, as with model.elements=shared")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.files[0], arguments.steps, arguments.threads, "shared" if arguments.shared else None)
        return
    for file in arguments.files:
        interpreters = [sys.executable, *filter(None, [arguments.against])]
        times = measured(interpreters, file, arguments)
        line = f"{file.name}: {1 / np.median(times[0]):.0f} steps/s ({1e3 * np.median(times[0]):.2f} ms)"
        if arguments.against:
            ratios = np.array(times[1]) / np.array(times[0])
            line += f"; the other version {1 / np.median(times[1]):.0f}: {np.median(ratios):.2f} times as fast"
            line += f" ({ratios.min():.2f} to {ratios.max():.2f})"
        print(line)


def measured(interpreters: list[str], file: Path, arguments: argparse.Namespace) -> list[list[float]]:
    """Seconds of a step in each turn, by interpreter."""
    options = ["--worker", "--steps", str(arguments.steps), "--threads", str(arguments.threads)]
    options += ["--shared"] if arguments.shared else []
    workers = [
        subprocess.Popen([python, __file__, str(file), *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for python in interpreters
    ]
    try:
        return list(zip(*([_turn(w) for w in workers] for _ in range(arguments.turns)), strict=True))
    finally:
        for worker in workers:
            worker.communicate()


def _turn(worker: subprocess.Popen) -> float:
    worker.stdin.write(b"go\n")
    worker.stdin.flush()
    return json.loads(worker.stdout.readline())


def work(file: Path, steps: int, threads: int, elements: str | None) -> None:
    """Does some steps for each line that comes in, and prints the seconds that one took."""
    optimizer = optimizer_of(*started(file, threads, elements=elements), threads)
    for _ in range(FIRST):
        optimizer._one_step()
    for _ in sys.stdin:
        begun = time.process_time()
        for _ in range(steps):
            optimizer._one_step()
        print((time.process_time() - begun) / steps, flush=True)


def started(file: Path, threads: int, most: int = FRAMES, elements: str | None = None):
    """The model of a default fit at its first step, and frames, at most so many. elements: `model.elements`."""
    import torch

    from snnp.data import read
    from snnp.data.batch import Weights
    from snnp.data.neighbors import NeighborLists
    from snnp.fitting.linear_start import linear_start
    from snnp.fitting.prepare import prepare
    from snnp.kinds.choose import choose
    from snnp.kinds.snnp import SnnpConfig
    from snnp.models.network import Model

    torch.set_num_threads(1)
    torch.manual_seed(0)
    data = read([file])
    frames = [frame for frame in data.frames if len(frame.atoms) > 1]
    frames = frames[:: -(-len(frames) // most)]
    shape = choose(SnnpConfig(elements=elements), frames, data.elements).shape
    known = list(prepare(frames, shape, NeighborLists(shape.elements, shape.cutoff, keep=True), threads))
    model, every = Model(shape), max(len(known) // FRAMES, 1)
    sets = known[:: 3 * every], known[1 :: 10 * every]
    linear_start(model, *_dealt(sets), Weights(), threads, seed=0, steps=20)
    return model, known


def optimizer_of(model, known, threads: int, ranks=None):
    """Of a model at its first step. ranks: processes that share the work."""
    from snnp.data.batch import Weights
    from snnp.fitting.loss import Loss
    from snnp.fitting.minibatch import Optimizer, Schedule

    # As fits do it; earlier versions have double precision only.
    precision = {"single": True} if "single" in inspect.signature(Loss).parameters else {}
    loss = Loss(model, Weights(), model.unit, threads, **precision)
    return Optimizer(model, loss, Schedule(6000, 4, 5e-3, 0), *_dealt([known, []], ranks))


def _dealt(sets, ranks=None):
    """As the optimizer takes sets of frames; earlier versions take them as they are."""
    try:
        from snnp.fitting.ranks import Ranks
        from snnp.fitting.shards import deal
    except ImportError:
        return sets
    return deal(sets, ranks or Ranks())


if __name__ == "__main__":
    main()
