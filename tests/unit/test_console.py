"""What the user sees of work that takes long, where there is no terminal for a bar."""

from types import SimpleNamespace

import pytest

from snnp import console


@pytest.fixture
def clock(monkeypatch):
    """Its `now`, in s, is the time."""
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr(console, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


def lines(path, clock, pauses):
    """What a log holds of 20 frames in portions of 4, after 10 that were done before, each after a pause (s)."""
    log = console.Log(quiet=True)
    log.keep(path)
    with log.progress("normal equations", 30, "frames", done=10) as tick:
        for pause in pauses:
            clock.now += pause
            tick(4)
    log.close()
    return path.read_text().splitlines()


def test_no_long_time_passes_without_a_line_on_rate_and_time_left(clock, tmp_path):
    assert lines(tmp_path / "log", clock, [8, 8, 8, 8, 8]) == [
        "normal equations     18/30     0.5 frames/s  0:24 left",
        "normal equations     26/30     0.5 frames/s  0:08 left",
    ]


def test_short_work_and_its_end_are_silent(clock, tmp_path):
    assert lines(tmp_path / "log", clock, [1, 1, 1, 1, 100]) == []
