"""Several processes that work on one fit: the first fits and writes, the others compute parts of its sums.

Processes are started by torchrun, on one host or on several, and talk by PyTorch's gloo. The first one, rank 0, does
all that a fit of one process does. Sums over frames it asks of all: `share` gives them what they need, `sum` calls one
function in each and adds what they return. Between these calls the others wait, so that nothing in a fit but its sums
has to know that they are there.
"""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import numpy as np

# Others wait for the first one as long as it reads data and checks labels, or looks at the potential in the end.
_PATIENCE = timedelta(days=30)
_FEW = 4  # frames of a step for each process: what is not divided then takes longer
_CHUNK = 50  # frames that are sent at once: a copy of them is made

# function(held, argument, rank) → numbers; held: what was shared, by name.
Part = Callable[[dict[str, Any], Any, int], np.ndarray]


class RanksError(Exception):
    """A process of the fit has ended; one sentence."""


class Ranks:
    """The processes of a fit, seen from the first; without others it does all itself."""

    def __init__(self, count: int = 1):
        self.count = count
        self.held: dict[str, Any] = {}
        self._others_wait = True

    def remarks(self, batch: int) -> list[str]:
        """For the log. batch: frames of a step of training."""
        if self.count == 1:
            return []
        found = [
            f"{self.count} processes share sums over frames; kinds of models but snnp are fitted by the first alone"
        ]
        if batch < _FEW * self.count:
            found.append(
                f"note: {batch} frames of a step (training.batch_size) are few for {self.count} processes: expected "
                "several times their number"
            )
        return found

    def share(self, name: str, value: Any) -> None:
        """Gives a value, which can be pickled, to all by a name."""
        with self._called(_put, (name, value)):
            self.held[name] = value

    def share_list(self, name: str, values: Sequence) -> None:
        """The same of a long list."""
        self.share(name, [])
        for n in range(0, len(values), _CHUNK):
            with self._called(_extend, (name, values[n : n + _CHUNK])):
                pass
        self.held[name] = values

    def sum(self, function: Part, argument: Any) -> np.ndarray:
        """Σ over ranks of function(held, argument, rank), (numbers,), in any unit. Raises RanksError.

        function: one of a module, which others can find by its name.
        """
        with self._called(function, argument):
            own = function(self.held, argument, 0)
            return _reduced(own) if self.count > 1 else own

    def end(self) -> None:
        """Lets the others go. If a call was not finished, they notice that the connection is closed."""
        if self._others_wait:
            with suppress(RanksError), self._called(None, None):
                pass

    @contextmanager
    def _called(self, function: Callable | None, argument: Any) -> Iterator[None]:
        self._others_wait = False
        if self.count > 1:
            _broadcast((function, argument))
        yield
        self._others_wait = True


ALONE = Ranks()


@contextmanager
def processes() -> Iterator[Ranks | None]:
    """The processes that torchrun has started, for the first of them, which lets the others go in the end.

    The others work within `with` until then, and get None. Raises RanksError if they do not meet.
    """
    count, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    if count == 1:
        yield ALONE
        return
    import torch.distributed as dist

    try:
        dist.init_process_group("gloo", timeout=_PATIENCE)
    except (ValueError, RuntimeError) as error:
        why = str(error).splitlines()[0]
        raise RanksError(f"the {count} processes of this fit cannot meet ({why}): expected torchrun") from error
    try:
        if rank:
            _serve(rank)
            yield None
            return
        together = Ranks(count)
        try:
            yield together
        finally:
            together.end()
    finally:
        dist.destroy_process_group()


def local_processes() -> int:
    """How many processes of the fit share this host."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1))


def _serve(rank: int) -> None:
    """Works for the first process until it ends; signals to stop are meant for that one."""
    import torch

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(1)  # as in the first process
    held: dict[str, Any] = {}
    try:
        while True:
            function, argument = _broadcast(None)
            if function is None:
                return
            found = function(held, argument, rank)
            if found is not None:
                _reduced(found)
    except RanksError as error:
        raise SystemExit(1) from error  # the first process says so, if it is not the one


def _put(held: dict, argument: tuple, rank: int) -> None:
    held[argument[0]] = argument[1]


def _extend(held: dict, argument: tuple, rank: int) -> None:
    held[argument[0]].extend(argument[1])


def _broadcast(message):
    """What the first process says."""
    import torch.distributed as dist

    box = [message]
    with _told():
        dist.broadcast_object_list(box, src=0)
    return box[0]


def _reduced(values: np.ndarray) -> np.ndarray:
    """The sum over all processes, in the first one."""
    import torch
    import torch.distributed as dist

    result = torch.from_numpy(np.array(values, dtype=float))
    with _told():
        dist.reduce(result, dst=0)
    return result.numpy()


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # gloo's, when a connection is closed
        raise RanksError("a process of this fit has ended") from error
