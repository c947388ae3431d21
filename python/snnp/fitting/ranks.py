"""Several processes that work on one fit: the first fits and writes, the others compute parts of its sums.

Processes are started by torchrun, on one host or on several, and talk by PyTorch's gloo. The first one, rank 0, does
all that a fit of one process does. Sums over frames it asks of all: `put` and `give` say what each process holds, `sum`
calls one function in each and adds what they return. Between these calls the others wait, so that nothing in a fit but
its sums has to know that they are there.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from resource import RUSAGE_SELF, getrusage
from typing import Any, NamedTuple

import numpy as np

# Others wait for the first one as long as it reads data and checks labels, or looks at the potential in the end.
_PATIENCE = timedelta(days=30)
_FEW = 4  # frames of a step for each process: what is not divided then takes longer

# function(held, argument) → numbers, or nothing; held: what this process holds, by name.
Part = Callable[[dict[str, Any], Any], np.ndarray | None]


class RanksError(Exception):
    """A process of the fit has ended; one sentence."""


class Move(NamedTuple):
    """Values of a name, by their numbers, that one rank gives to another."""

    name: str
    numbers: list[int]
    source: int
    target: int


class Ranks:
    """The processes of a fit, seen from the first; without others it does all itself.

    held: what this process holds, by name.
    """

    def __init__(self, count: int = 1):
        self.count = count
        self.held: dict[str, Any] = {}
        self._others_wait = True
        self._names = 0

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

    def name(self) -> str:
        """One by which nothing is held yet."""
        self._names += 1
        return str(self._names)

    def put(self, name: str, value: Any) -> None:
        """Gives a value, which can be pickled, to all by a name."""
        self.each(_put, (name, value))

    def give(self, name: str, rank: int, values: dict[int, Any]) -> None:
        """Adds values, by numbers, to those that one rank holds by a name."""
        if rank == 0:
            self.held.setdefault(name, {}).update(values)
        elif values:
            with self._called(_take, (name, rank)):
                _send(values, rank)

    def each(self, function: Part, argument: Any) -> None:
        """Calls a function, which returns nothing, in each process."""
        with self._called(function, argument):
            function(self.held, argument)

    def sum(self, function: Part, argument: Any, moves: Sequence[Move] = ()) -> np.ndarray:
        """Σ over ranks of function(held, argument), (numbers,), in any unit. Raises RanksError.

        function: one of a module, which others can find by its name. moves: what changes hands before.
        """
        if moves:
            function, argument = _after_moves, (moves, function, argument)
        with self._called(function, argument):
            own = function(self.held, argument)
            return _reduced(own) if self.count > 1 else own

    def memory(self) -> list[str]:
        """For the log: what each process has taken at most. Nothing if one has ended: the fit does not need it now."""
        with suppress(RanksError):
            if self.count > 1:
                megabytes = ", ".join(f"{n:.0f}" for n in self.sum(most_memory, self.count))
                return [f"memory of the processes at most: {megabytes} MB"]
        return []

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


@contextmanager
def processes() -> Iterator[Ranks | None]:
    """The processes that torchrun has started, for the first of them, which lets the others go in the end.

    The others work within `with` until then, and get None. Raises RanksError if they do not meet.
    """
    count, own = int(os.environ.get("WORLD_SIZE", 1)), rank()
    if count == 1:
        yield Ranks()
        return
    import torch.distributed as dist

    try:
        dist.init_process_group("gloo", timeout=_PATIENCE)
    except (ValueError, RuntimeError) as error:
        why = str(error).splitlines()[0]
        raise RanksError(f"the {count} processes of this fit cannot meet ({why}): expected torchrun") from error
    try:
        if own:
            _serve()
            yield None
            return
        together = Ranks(count)
        try:
            yield together
        finally:
            together.end()
    finally:
        dist.destroy_process_group()


def rank() -> int:
    """The number of this process among those that torchrun has started; 0: it is the first, or alone."""
    return int(os.environ.get("RANK", 0))


def local_processes() -> int:
    """How many processes of the fit share this host."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1))


def _serve() -> None:
    """Works for the first process until it ends; signals to stop are meant for that one."""
    import torch

    from snnp.fitting.blas import blas_threads

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    torch.set_num_threads(1)  # as in the first process
    blas_threads(1)
    held: dict[str, Any] = {}
    try:
        while True:
            function, argument = _broadcast(None)
            if function is None:
                return
            found = function(held, argument)
            if found is not None:
                _reduced(found)
    except RanksError as error:
        raise SystemExit(1) from error  # the first process says so, if it is not the one


def _put(held: dict, argument: tuple[str, Any]) -> None:
    name, value = argument
    held[name] = value


def _take(held: dict, argument: tuple[str, int]) -> None:
    name, target = argument
    if rank() == target:
        held.setdefault(name, {}).update(_receive(0))


def _after_moves(held: dict, argument: tuple) -> np.ndarray | None:
    """All ranks have the moves in the same order: of those that wait for another, one can always go on."""
    moves, function, rest = argument
    for name, numbers, source, target in moves:
        if rank() == source:
            _send({n: held[name].pop(n) for n in numbers}, target)
        elif rank() == target:
            held.setdefault(name, {}).update(_receive(source))
    return function(held, rest)


def most_memory(held: dict, count: int) -> np.ndarray:
    """What this process has taken at most at its place among others, (count,), in units of MB."""
    found = np.zeros(count)
    found[rank()] = getrusage(RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
    return found


def _broadcast(message):
    """What the first process says."""
    import torch.distributed as dist

    box = [message]
    with _told():
        dist.broadcast_object_list(box, src=0)
    return box[0]


def _send(value: Any, target: int) -> None:
    import torch.distributed as dist

    with _told():
        dist.send_object_list([value], dst=target)


def _receive(source: int) -> Any:
    import torch.distributed as dist

    box = [None]
    with _told():
        dist.recv_object_list(box, src=source)
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
