"""Which frames a name of the configuration means, and how files of one name in several folders are told apart."""

import numpy as np
import pytest
from ase import Atoms

from snnp.data.frames import DataError, Frame
from snnp.data.sources import named, require_named, source, tell_files_apart


def frame(origin, group="bulk"):
    return Frame(Atoms("H"), 0.0, np.zeros((1, 3)), None, group, origin)


def files(*paths):
    frames = [frame(f"{path}:frame 0") for path in paths]
    tell_files_apart(frames)
    return [source(one)[0] for one in frames]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["d/one.xyz", "d/two.xyz"], ["one.xyz", "two.xyz"]),
        (["d/a/set.xyz", "d/b/set.xyz"], ["a/set.xyz", "b/set.xyz"]),
        (["/d/set.xyz", "/d/a/set.xyz"], ["set.xyz", "a/set.xyz"]),
        (["d/a/x/set.xyz", "d/a/y/set.xyz", "d/b/x/set.xyz"], ["a/x/set.xyz", "a/y/set.xyz", "b/x/set.xyz"]),
        (["a/x/OUTCAR", "b/x/OUTCAR", "c/train.xyz"], ["a/OUTCAR", "b/OUTCAR", "train.xyz"]),
        ([f"run{n}/OUTCAR" for n in range(51)], ["OUTCAR"] * 51),
        (
            [f"{basis}/{n}/OUTCAR" for basis in ("old", "new") for n in range(40)],
            ["old/OUTCAR"] * 40 + ["new/OUTCAR"] * 40,
        ),
    ],
)
def test_files_of_one_name_are_told_by_their_folders_unless_there_are_many(paths, expected):
    assert files(*paths) == expected


def test_the_name_that_says_most_about_a_file_goes_first():
    frames = [frame(f"d/{folder}/set.xyz:frame {n}") for folder in "ab" for n in range(2)]
    tell_files_apart(frames)
    a, b = frames[0], frames[-1]
    assert named(a, {"bulk", "set.xyz:bulk"}) == "set.xyz:bulk"
    assert named(a, {"bulk", "set.xyz:bulk", "a/set.xyz:bulk"}) == "a/set.xyz:bulk"
    assert named(b, {"bulk", "set.xyz:bulk", "a/set.xyz:bulk"}) == "set.xyz:bulk"
    assert named(b, {"a/set.xyz:bulk", "b/set.xyz"}) == "b/set.xyz"
    assert named(b, {"a/set.xyz:bulk"}) is None
    require_named(["bulk", "set.xyz:bulk", "d/b/set.xyz:bulk", "set.xyz"], frames, "key")
    with pytest.raises(DataError, match=r"key: there is no group c/set.xyz:bulk in the data, only bulk"):
        require_named(["c/set.xyz:bulk"], frames, "key")
