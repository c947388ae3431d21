"""Engines in several threads of Python, in forked and in spawned processes, with as many threads as they are told."""

import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

import support
from snnp import _core
from snnp.calculator import SNNP
from snnp.data.neighbors import structures

CELL = support.shaken(support.structures()["triclinic"].repeat(2))


def same(a, b):
    return all(np.array_equal(a[name], b[name]) for name in a)


def script(path, text, **environment):
    """What a program of its own prints; a hang is a failure."""
    support.write(support.random_potential(), path / "Si.snnp")
    header = """
import os, signal, sys
import numpy as np
from ase.build import bulk
import snnp

atoms = bulk("Si", cubic=True).repeat(2)
atoms.rattle(0.1, seed=1)
calculator = snnp.load(sys.argv[1], threads=4)

def forces():
    calculator.reset()
    return calculator.get_forces(atoms)
"""
    return subprocess.run(
        [sys.executable, "-c", header + text, path / "Si.snnp"],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_an_engine_gives_each_thread_what_it_gives_one():
    engine = _core.Engine(support.random_potential())
    frames = [support.shaken(CELL, seed=n) for n in range(4)]
    jobs = [(structures([atoms], ["Si"], engine.cutoff), threads) for atoms in frames for threads in (1, 2, 3)]
    alone = [engine.evaluate(*job) for job in jobs]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda job: engine.evaluate(*job), 5 * jobs))
    assert all(same(a, b) for a, b in zip(5 * alone, together, strict=True))


def test_a_calculator_gives_each_thread_the_results_of_its_own_atoms():
    calculator = SNNP(support.random_potential())
    frames = [support.shaken(CELL, seed=n) for n in range(8)]
    alone = [calculator.get_forces(atoms) for atoms in frames]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(calculator.get_forces, 3 * frames))
    assert all((a == b).all() for a, b in zip(3 * alone, together, strict=True))


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_a_calculator_works_in_other_processes(method):
    calculator = SNNP(support.random_potential(), threads=2)
    expected = calculator.get_forces(CELL)
    with ProcessPoolExecutor(1, mp_context=get_context(method)) as pool:
        (forces,) = pool.map(calculator.get_forces, [CELL], timeout=120)
    assert (forces == expected).all()


FORK = """
before = forces()
child = os.fork()
if child == 0:
    signal.alarm(30)
    once, twice = forces(), forces()
    os._exit(0 if np.array_equal(once, before) and np.array_equal(twice, before) else 1)
assert os.waitpid(child, 0)[1] == 0, "the child did not find the same forces"
assert np.array_equal(forces(), before)
"""

FORK_OF_A_FORK = """
before = forces()
if os.fork() == 0:
    signal.alarm(30)
    forces()
    if os.fork() == 0:
        signal.alarm(30)
        os._exit(0 if np.array_equal(forces(), before) else 1)
    os._exit(os.waitstatus_to_exitcode(os.wait()[1]))
assert os.wait()[1] == 0, "the grandchild did not find the same forces"
"""

FORK_DURING_A_CALL = """
from threading import Event, Thread
other, done = snnp.load(sys.argv[1]), Event()  # of another engine, and so its memory
before = forces()
def evaluate():
    while not done.is_set():
        other.reset()
        other.get_forces(atoms)
thread = Thread(target=evaluate)
thread.start()
for _ in range(20):
    if os.fork() == 0:
        signal.alarm(30)
        other.reset()
        found = other.get_forces(atoms)
        os._exit(0 if np.allclose(found, before, rtol=0, atol=1e-9) else 1)
    assert os.wait()[1] == 0, "the child did not find the same forces"
done.set()
thread.join()
"""

POOL = """
from multiprocessing import get_context
before = forces()
with get_context("fork").Pool(2) as pool:
    results = pool.map_async(calculator.get_forces, [atoms] * 4).get(timeout=30)
assert all(np.array_equal(r, before) for r in results)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.parametrize(
    "text", [FORK, FORK_OF_A_FORK, FORK_DURING_A_CALL, POOL], ids=["child", "grandchild", "while", "pool"]
)
def test_a_child_that_was_forked_after_threads_were_used_finds_the_same(tmp_path, text):
    done = script(tmp_path, text)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="the system does not list threads")
@pytest.mark.parametrize("setting", ["1", "7"])
def test_threads_are_as_many_as_asked_for_whatever_openmp_is_told(tmp_path, setting):
    done = script(
        tmp_path,
        """
count = lambda: len(os.listdir("/proc/self/task"))
for threads in (1, 1, 4):  # the first time libraries of others start theirs
    calculator.threads = threads
    forces()
    print(count())
""",
        OMP_NUM_THREADS=setting,
    )
    _, one, four = map(int, done.stdout.split())
    assert four - one == 3
