"""Memory that a fit takes, compared with what there is before it is taken."""

import os
from pathlib import Path

# Of what is free, that neighbour lists may take: frames, the model and other programs need memory, too.
_FOR_LISTS = 0.25


def require_memory(need: float, what: str, cure: str) -> None:
    """Raises MemoryError if this machine has less than `need` bytes: else the system would end the program, unasked."""
    there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if need > there:
        raise MemoryError(f"{what} needs {need / 1e9:.0f} GB, this machine has {there / 1e9:.0f}: {cure}")


def room_for_lists(gigabytes: float | None) -> float:
    """Bytes that neighbour lists may take: as many as are given, or a quarter of what is free."""
    return free_memory() * _FOR_LISTS if gigabytes is None else 1e9 * gigabytes


def free_memory() -> float:
    """Bytes that this machine, or the control group of this process, has left; all it has, if it does not say more."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:  # not Linux
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    free = next(1024.0 * int(line.split()[1]) for line in lines if line.startswith("MemAvailable"))
    return min([free, *_left_by_control_groups()])


def _left_by_control_groups() -> list[float]:
    """What each group that this process is in leaves, bytes: a batch system gives a job a part of the machine."""
    try:
        own = Path("/proc/self/cgroup").read_text().rpartition("::/")[2].strip()
    except OSError:
        return []
    group = Path("/sys/fs/cgroup", own)
    return [left for left in map(_left_by, (group, *group.parents)) if left is not None]


def _left_by(group: Path) -> float | None:
    """None: it has no limit. What the system keeps of files in memory it gives back."""
    try:
        most = (group / "memory.max").read_text().strip()
        used = float((group / "memory.current").read_text())
        counts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except OSError:
        return None  # the root of all groups, or those of the older version
    files = float(counts["active_file"]) + float(counts["inactive_file"])
    return None if most == "max" else max(float(most) - used + files, 0.0)
