"""How the methods of a fit show how far they are."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

# Shows how far a block is, by title, total and unit, like `snnp.console.Log.progress`; what it yields advances it.
Progress = Callable[[str, int, str], AbstractContextManager[Callable[[int], None]]]


@contextmanager
def no_progress(title: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    """Shows nothing."""
    yield lambda n: None
