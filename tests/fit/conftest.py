import ase.io
import pytest

from fitting import QUICK, assignments, command
from small_fits import structures
from snnp.cli import app, fit_app
from snnp.fitting import run
from teacher import make_data


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Folder with train.xyz and test.xyz."""
    folder = tmp_path_factory.mktemp("data")
    ase.io.write(folder / "train.xyz", make_data(3, seed=1))
    ase.io.write(folder / "test.xyz", make_data(1, seed=2))
    return folder


@pytest.fixture
def snnp_fit():
    """Runs snnp-fit with the settings of a quick fit, and others given as keywords with __ for dots."""

    def call(*words, check=True, **settings):
        keys = {**QUICK, **{key.replace("__", "."): value for key, value in settings.items()}}
        return command(fit_app, *words, *assignments(keys), check=check)

    return call


@pytest.fixture
def snnp():
    def call(*words, check=True):
        return command(app, *words, check=check)

    return call


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with structures in train.xyz."""
    ase.io.write(tmp_path / "train.xyz", structures())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_pictures(monkeypatch):
    """They take most of the time: only tests that are about them draw them."""
    monkeypatch.setattr(run, "_pictures", lambda fitted: {})
