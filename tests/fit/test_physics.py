"""The checks of physics at the end of a fit: their time is bounded, and they never cost the fit."""

import shutil
from pathlib import Path

import pytest

from snnp.console import Log
from snnp.fitting import physics
from snnp.fitting.interruption import Interrupted
from snnp.fitting.outputs import Outputs
from snnp.validation import validate

POTENTIAL = Path(__file__).parents[2] / "potentials" / "Cu.snnp"


@pytest.fixture
def check(tmp_path, capsys):
    """Checks a potential after a fit of so many seconds; gives what was printed."""
    shutil.copy(POTENTIAL, tmp_path)

    def run(level, seconds):
        physics.check_physics(Outputs(tmp_path / "Cu.snnp"), level, [], seconds, 1, Log())
        return capsys.readouterr().out

    return run


@pytest.mark.parametrize("seconds", [1.0, 25.0])
def test_checks_that_take_seconds_are_made_after_any_fit_and_the_others_named(check, tmp_path, seconds):
    printed = check("quick", seconds)
    assert "checks of physics: " in printed and "Cu.validation.html shows them" in printed
    assert "left out to save time: " in printed and "dynamics, " in printed
    assert {path.name for path in tmp_path.glob("Cu.validation.*")} >= {
        f"Cu.validation.{e}" for e in ("html", "json", "csv")
    }


def test_nothing_is_begun_if_that_is_asked_for(check, tmp_path):
    assert check("off", 1000.0) == ""
    assert [path.name for path in tmp_path.iterdir()] == ["Cu.snnp"]


def test_an_error_in_the_checks_is_a_line_and_a_stop_says_that_the_potential_is_there(check, monkeypatch):
    def broken(*words, **options):
        raise OSError("disk full")

    monkeypatch.setattr(validate, "validate", broken)
    assert "checks of physics: not made (disk full)" in check("quick", 100.0)

    def stopped(*words, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(validate, "validate", stopped)
    with pytest.raises(Interrupted, match=r"stopped at the checks of physics; Cu\.snnp is complete"):
        check("quick", 100.0)
