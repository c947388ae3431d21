"""Linear algebra of the training has one thread, whatever the machine has, and what was allowed before comes back."""

import ase.io
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import snnp
from small_fits import NETWORK, settings_of, structures
from snnp.fitting import eigenadam

pytestmark = pytest.mark.usefixtures("no_pictures")


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_one_thread_in_the_training(tmp_path, monkeypatch):
    ase.io.write(tmp_path / "train.xyz", structures())
    during = set()
    original = eigenadam.EigenAdam.step

    def step(self, *term):
        during.update(blas_threads())
        original(self, *term)

    monkeypatch.setattr(eigenadam.EigenAdam, "step", step)
    with threadpool_limits(2, user_api="blas"):
        snnp.fit(tmp_path / "train.xyz", progress=False, **settings_of(NETWORK))
        assert blas_threads() == {2}
    assert during == {1}
