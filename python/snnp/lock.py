"""One process at a time: a file says who is at work, and one that a dead process left behind is taken over."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_FIRST = "lock of snnp"


class LockedError(Exception):
    """A lock that is held; the text says by whom."""


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Holds the lock file `path` while the block runs, in a folder that is made where it is missing.

    A folder that was made is removed again if nothing was put there. Raises as `locked` does.
    """
    folder = path.parent
    new = [place for place in (folder, *folder.parents) if not place.exists()]
    with ExitStack() as stack:
        folder.mkdir(parents=True, exist_ok=True)
        for place in reversed(new):
            stack.callback(_remove_if_empty, place)
        stack.enter_context(locked(path))
        yield


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Holds the lock file `path` while the block runs.

    Raises LockedError if another process has it, and OSError if the file cannot be made. It is created exclusively
    (O_EXCL), which holds on network file systems, too.
    """
    me = f"{_FIRST}\n{socket.gethostname()}\n{os.getpid()}\n{_started(os.getpid())}\n"
    while not _create(path, me):
        _remove_stale(path)
    try:
        yield
    finally:
        with suppress(OSError):
            if path.read_text() == me:
                path.unlink()


def _create(path: Path, text: str) -> bool:
    try:
        file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    try:
        os.write(file, text.encode())
    except OSError:
        path.unlink()
        raise
    finally:
        os.close(file)
    return True


def _remove_stale(path: Path) -> None:
    """Removes a lock whose process is gone; raises LockedError if it is not, or if that cannot be known."""
    try:
        text = path.read_bytes()[:1000].decode(errors="replace")
    except FileNotFoundError:
        return
    first, host, pid, started = (text.split("\n") + [""] * 4)[:4]
    if first != _FIRST:
        raise LockedError(
            f"{path} is there, expected no file of this name, which is the lock of a running fit or validation"
        )
    here = host == socket.gethostname()
    if not here or not pid.isdigit() or _started(int(pid)) == started:
        cure = "wait for it" if here else f"wait for it, or delete {path} if it runs no more"
        raise LockedError(f"another run with this output is at work (process {pid} on {host}): {cure}")
    # Who holds the second lock is the only one to remove a stale first one.
    with locked(path.with_name(f".{path.name}.takeover")), suppress(FileNotFoundError):
        if path.read_bytes()[:1000].decode(errors="replace") == text:  # else one that was faster has it now
            path.unlink()


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def _started(pid: int) -> str | None:
    """When a process began, in the units of its system; None: there is no such process."""
    if not os.path.exists("/proc/self/stat"):
        with suppress(ProcessLookupError):
            os.kill(pid, 0)
            return "unknown"
        return None
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state == "Z" else fields[18]
