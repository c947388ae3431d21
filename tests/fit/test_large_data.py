"""Data whose neighbour lists have no room in memory: lists are built again, and the fit is the same."""

import pickle
import re

import numpy as np
import pytest
from ase.io import write

from fitting import command
from models import random_model
from small_fits import NETWORK, structures
from snnp import _core
from snnp.analysis.errors import Predictions
from snnp.analysis.plots import parity
from snnp.cli import fit_app
from snnp.data import from_atoms
from snnp.data.batch import Weights
from snnp.data.neighbors import NeighborLists, Unlisted
from snnp.fitting.gradient import Gradient
from snnp.fitting.linear_start import standardise
from snnp.fitting.loss import Loss
from snnp.fitting.minibatch import Optimizer, Schedule
from snnp.fitting.prepare import Held, prepare_to_hold
from snnp.fitting.ranks import Ranks
from snnp.fitting.shards import deal
from snnp.memory import _left_by, room_for_lists
from together import Together


@pytest.fixture(scope="module")
def frames():
    return from_atoms(structures(6)).frames


def dealt(frames, model, ranks, share):
    """Frames of which a share of the lists has room; the lists, and bytes of all of them."""
    shape = model.shape
    known = [Unlisted(frame.atoms, shape.elements, shape.cutoff) for frame in frames]
    every = sum(one.packed(one.unpacked()).nbytes for one in known)
    lists = NeighborLists(shape.elements, shape.cutoff, ranks.count == 1, share * every / ranks.count)
    return deal([prepare_to_hold(frames, shape, lists, 1)], ranks, lists.room)[0], lists, every


def held(ranks, name):
    return [frame for each in getattr(ranks, "everyone", [ranks.held]) for frame in each.get(name, {}).values()]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 0), (0.6, 2, 3), (1.01, 6, 6)])
def test_lists_are_held_as_far_as_there_is_room(frames, count, share, least, most):
    """Also after frames have become batches, and after a step of the training."""
    model = random_model(("Cu",), [4], "tanh", True)
    ranks = Ranks() if count == 1 else Together(count)
    shards, _, every = dealt(frames, model, ranks, share)
    gradient = Gradient([Loss(model, Weights(), 1.0, 1)], list(model.parameters()), [shards])
    for _ in range(2):
        every_one = held(ranks, shards.name)
        assert len(every_one) == len(frames)
        assert all(isinstance(one, Held) for one in every_one)
        packed = [one.source for one in every_one if isinstance(one.source, _core.Packed)]
        assert least <= len(packed) <= most
        assert sum(one.nbytes for one in packed) <= share * every
        gradient([np.arange(4)])


@pytest.mark.parametrize("count", [1, 2])
def test_training_does_not_depend_on_which_lists_are_held(frames, count):
    """Lists are built the same each time: all numbers are the same, to the last digit in one process."""
    found = []
    for share in (0.0, 0.6, 2.0):
        ranks = Ranks() if count == 1 else Together(count)
        model = random_model(("Cu",), [4], "tanh", True)
        shards, *_ = dealt(frames, model, ranks, share)
        standardise(model, shards, 1)
        optimizer = Optimizer(model, Loss(model, Weights(), 1.0, 1), Schedule(8, 2, 1e-3, 0), shards, shards.some([]))
        for _ in range(8):
            optimizer._one_step()
        loss, _ = optimizer.errors([shards])
        found.append([loss, *(p.detach().numpy().copy() for p in model.parameters())])
    for other in found[1:]:
        for a, b in zip(found[0], other, strict=True):
            np.testing.assert_allclose(a, b, rtol=0 if count == 1 else 1e-9, atol=0 if count == 1 else 1e-12)


def test_a_frame_without_its_list_is_small_on_its_way_to_another_process(frames):
    model = random_model(("Cu",), [4], "tanh", True)
    lists = NeighborLists(["Cu"], model.shape.cutoff, keep=False)
    ((s, labels, unlisted),) = prepare_to_hold(frames[:1], model.shape, lists, 1)
    for source, part in ((unlisted, 0.5), (unlisted.packed(s), 0.5)):
        sent = pickle.dumps(Held(source, labels))
        assert len(sent) < part * len(pickle.dumps((s, labels)))
        again, same = pickle.loads(sent)()
        np.testing.assert_array_equal(again.vectors, s.vectors)
        np.testing.assert_array_equal(same.forces, labels.forces)


def test_fit_without_lists_in_memory_is_the_same(tmp_path):
    write(tmp_path / "Cu.xyz", structures(12), format="extxyz")
    texts, logs = [], []
    for name, setting in (("all", {}), ("none", {"training.lists_gb": 0})):
        words = [
            w for key, value in {**NETWORK, **setting, "validate": "off"}.items() for w in ("--set", f"{key}={value}")
        ]
        done = command(fit_app, tmp_path / "Cu.xyz", "-o", tmp_path / f"{name}.snnp", *words, check=True)
        texts.append((tmp_path / f"{name}.snnp").read_text())
        logs.append(done.stdout)
    assert texts[0] == texts[1]
    said = [re.search(r"neighbour lists of (\d+) of 12 frames are in memory", log) for log in logs]
    assert said[0] is None
    assert said[1][1] == "0"


def test_picture_of_very_many_forces_has_some_of_them_and_the_worst():
    n = 250_000
    labels = np.random.default_rng(0).normal(size=(n, 3))
    forces = labels + 0.01
    forces[[7, 70_001], 1] += 9.0
    none, names = np.zeros(0), np.array(["all"] * n)
    p = Predictions(none, none, forces, labels, np.zeros((0, 6)), np.zeros((0, 6)), none, names, names, none)
    (axes,) = parity({"train": p}).axes
    x, y = axes.lines[0].get_data()
    assert 300_000 < len(x) <= 500_000
    assert (y - x > 5).sum() == 2


def test_room_is_a_part_of_what_is_free():
    """Unless it is given."""
    assert room_for_lists(1.5) == 1.5e9
    assert 1e6 < room_for_lists(None) < 1e15


def test_a_control_group_leaves_its_limit_less_what_is_used_but_not_files_that_are_cached(tmp_path):
    (tmp_path / "memory.current").write_text("7000\n")
    (tmp_path / "memory.stat").write_text("anon 4000\nactive_file 1000\ninactive_file 1500\nshmem 500\n")
    for limit, left in (("10000", 5500.0), ("4000", 0.0), ("max", None)):
        (tmp_path / "memory.max").write_text(limit)
        assert _left_by(tmp_path) == left
    assert _left_by(tmp_path / "none") is None
