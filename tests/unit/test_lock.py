"""One process at a time: a lock is held by one, and that of a dead process is taken over by one."""

import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from snnp.lock import LockedError, locked


def test_lock_of_a_dead_process_is_taken_over(tmp_path):
    program = "import os; from pathlib import Path; from snnp.lock import locked\n"
    program += "lock = locked(Path('x')); lock.__enter__(); os._exit(9)"
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path)
    lock = tmp_path / "x"
    left = lock.read_text()
    with locked(lock):
        assert lock.read_text() != left
        with pytest.raises(LockedError, match=f"process {os.getpid()}"), locked(lock):
            pass
    assert list(tmp_path.iterdir()) == []


def test_lock_of_another_machine_or_of_a_process_of_the_same_number(tmp_path):
    lock = tmp_path / "x"
    with locked(lock):
        mine = lock.read_text()
    lock.write_text(mine.replace(socket.gethostname(), "elsewhere"))
    with pytest.raises(LockedError, match=r"on elsewhere.*delete .*x if it runs no more"), locked(lock):
        pass
    first, host, pid, started, _ = mine.split("\n")
    lock.write_text("\n".join([first, host, pid, started + "1", ""]))  # before the last boot, say
    with locked(lock):
        pass


def test_one_of_many_gets_the_lock_of_a_dead_process(tmp_path):
    lock = tmp_path / "x"
    with locked(lock):
        dead = lock.read_text().replace(f"\n{os.getpid()}\n", "\n4000000\n")

    def compete(start: threading.Barrier, refused: threading.Barrier) -> bool:
        """Whether the lock was had; it is held until all others have been refused."""
        start.wait()
        try:
            with locked(lock):
                refused.wait()
                return True
        except LockedError:
            refused.wait()
            return False

    with ThreadPoolExecutor(8) as pool:
        for _ in range(100):
            lock.write_text(dead)
            start, refused = (threading.Barrier(8, timeout=60) for _ in range(2))
            assert sum(pool.map(compete, [start] * 8, [refused] * 8)) == 1
            assert list(tmp_path.iterdir()) == []
