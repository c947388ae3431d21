"""Calls that take long let other threads of Python work meanwhile."""

import threading
import time

import numpy as np
import pytest
from ase.build import bulk

import support
from snnp import _core
from snnp.data.neighbors import structures

KNOTS, COSINES = np.linspace(1.5, 5.0, 12), np.linspace(-1, 1, 9)


def silicon():
    return structures([support.shaken(bulk("Si", cubic=True).repeat(5))], ["Si"], 5.0)


def potential():
    return support.random_potential(n2=40, n3=40)


def trainer():
    n2 = n3 = 12
    t = _core.Trainer(1, n2, n3, [KNOTS], [KNOTS], [COSINES])
    t.set([np.ones((12, 4, 1 + n2))], [np.ones((12, 4, n3))], [np.ones((9, 4, n3))])
    return t


def trained(name, *inputs):
    """A call of the trainer after those that come before it; inputs by shape: of positions, of strains, of filters."""
    s, t = silicon(), trainer()
    arrays = {"atoms": np.ones((len(s), 3)), "strains": np.ones((1, 3, 3)), "filters": np.ones((len(s), 25))}
    t.values(s, 1)
    t.tangent(arrays["atoms"], arrays["strains"])
    return getattr(t, name), *(arrays[i] for i in inputs)


def design():
    column_ranges = np.zeros((1, 11, 11, 3), dtype=int)
    column_ranges[..., 0], column_ranges[..., 2] = 11, 11
    return _core.Design(1, [KNOTS], [KNOTS], [COSINES], False, [11, 11], column_ranges, 11 + 11 + 1)


def density():
    return _core.Density(1, [KNOTS], [KNOTS], [KNOTS], [COSINES], [KNOTS], [11, 11, 11])


def written(tmp_path):
    return support.write(potential(), tmp_path / "Si.snnp")


CALLS = {
    "evaluate": lambda _: (_core.Engine(potential()).evaluate, silicon()),
    "engine": lambda _: (_core.Engine, potential()),
    "values": lambda _: (trainer().values, silicon(), 1),
    "forces": lambda _: trained("forces", "filters"),
    "tangent": lambda _: trained("tangent", "atoms", "strains"),
    "parameters": lambda _: trained("parameters", "filters", "filters"),
    "design": lambda _: (design().rows, silicon(), 1),
    "density": lambda _: (density().rows, silicon(), np.ones(density().columns), 1),
    "parse": lambda _: (_core.parse_potential, _core.format_potential(potential()), "text"),
    "format": lambda _: (_core.format_potential, potential()),
    "read": lambda path: (_core.read_potential, written(path)),
    "write": lambda path: (_core.write_potential, potential(), path / "Si.snnp"),
    "spline": lambda _: (_core.Spline(KNOTS, np.ones(14)), np.linspace(2, 4, 20000)),
}


@pytest.mark.parametrize("name", CALLS)
def test_others_work_while_a_call_runs(name, tmp_path):
    call, *arguments = CALLS[name](tmp_path)
    ticks, done = [], threading.Event()

    def tick():
        while not done.is_set():
            ticks.append(time.perf_counter())
            time.sleep(1e-4)

    other = threading.Thread(target=tick, daemon=True)
    other.start()
    # Between the end of the call's first and the beginning of its last quarter the GIL is either released or not.
    inside = False
    deadline = time.perf_counter() + 5
    while not inside and time.perf_counter() < deadline:
        start = time.perf_counter()
        call(*arguments)
        quarter = (time.perf_counter() - start) / 4
        inside = any(start + quarter < t < start + 3 * quarter for t in ticks)
    done.set()
    assert inside
