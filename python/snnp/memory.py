"""Memory that a model takes, compared with what there is before it is taken."""

import os


def require_memory(need: float, what: str, cure: str) -> None:
    """Raises MemoryError if this machine has less than `need` bytes: else the system would end the program, unasked."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if need > there:
        raise MemoryError(f"{what} needs {need / 1e9:.0f} GB, this machine has {there / 1e9:.0f}: {cure}")
