"""What a potential costs in molecular dynamics."""

import time
from collections.abc import Sequence

from snnp import _core
from snnp.data import Frame
from snnp.data.neighbors import NeighborLists

_ATOMS = 2000  # about so many atoms are evaluated
_REPEATS = 5


def cost(engine: _core.Engine, frames: Sequence[Frame]) -> float:
    """Time of energies and forces on one core of this machine, µs per atom; neighbour lists take no part in it.

    The shortest of some measurements, in time of the processor: other programs may use the machine, too.
    """
    lists = NeighborLists([e.name for e in engine.potential.elements], engine.cutoff, keep=False)
    structures, atoms = [], 0
    for frame in frames:
        if atoms < _ATOMS:
            structures.append(lists.of(frame.atoms))
            atoms += len(frame.atoms)
    times = []
    for _ in range(_REPEATS):
        begun = time.thread_time()
        for s in structures:
            engine.evaluate(s, 1)
        times.append(time.thread_time() - begun)
    return 1e6 * min(times) / atoms
