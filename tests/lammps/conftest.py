import pytest

import run_lammps as lmp


@pytest.fixture(scope="session")
def session(tmp_path_factory):
    """LAMMPS in this process; each test starts its own system in it."""
    return lmp.Session(tmp_path_factory.mktemp("session"))
