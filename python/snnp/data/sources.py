"""Parts of the data whose labels may be meant in a way of their own: frames of one group in one file.

Their names are those of keys in the configuration: "bulk", or "train.xyz", or "train.xyz:bulk", which goes first.
Of files of the same name folders tell which is which, "new/train.xyz:bulk"; more folders may stand before.
"""

from collections.abc import Container, Iterable, Iterator, Sequence

import numpy as np

from snnp.data.frames import DataError, Frame

Source = tuple[str, str]

# Files of one name in more folders than this are taken as one, as calculations with one folder for each structure.
_MOST = 50


def source(frame: Frame) -> Source:
    """The file that a frame is from, with no more of its folders than `tell_files_apart` found, and its group."""
    return frame.file or _path(frame)[-1], frame.group


def named(frame: Frame, known: Container[str]) -> str | None:
    """Which of the known names means a frame: the one that says most about its file; None: none."""
    return next((name for name in names(frame) if name in known), None)


def names(frame: Frame) -> Iterator[str]:
    """All names that mean a frame, those that say most first."""
    path = _path(frame)
    files = ["/".join(path[n:]) for n in range(len(path))]
    if frame.file:
        files.insert(-1, frame.file)
    yield from (f"{file}:{frame.group}" for file in files)
    yield from files
    yield frame.group


def require_named(given: Iterable[str], frames: Iterable[Frame], key: str) -> None:
    """Raises DataError, which begins with the key, if a given name means none of the frames."""
    groups: dict[str, None] = {}
    known: set[str] = set()
    for one in {(frame.origin.rpartition(":")[0], frame.group): frame for frame in frames}.values():
        known.update(names(one))
        groups[one.group] = None
    for name in given:
        if name not in known:
            raise DataError(f"{key}: there is no group {name} in the data, only {', '.join(sorted(groups))}")


def some_of_each(frames: Iterable[Frame], atoms: int, fewest: int, most: int) -> list[Frame]:
    """From `fewest` to `most` frames of each source, evenly, or all it has; all together have about so many atoms."""
    groups: dict[Source, list[Frame]] = {}
    for frame in frames:
        groups.setdefault(source(frame), []).append(frame)
    chosen = []
    for members in groups.values():
        size = sum(len(frame.atoms) for frame in members) / len(members)
        count = int(np.clip(atoms / (len(groups) * size), fewest, most))
        chosen += [members[n] for n in np.unique(np.linspace(0, len(members) - 1, count).astype(int))]
    return chosen


def tell_files_apart(frames: Iterable[Frame]) -> None:
    """Notes in all frames by which folders files of the same name differ, in as many parts as there may be."""
    by_name: dict[str, dict[tuple[str, ...], list[Frame]]] = {}
    for frame in frames:
        *folders, name = _path(frame)
        by_name.setdefault(name, {}).setdefault(tuple(folders), []).append(frame)
    for name, files in by_name.items():
        folders = _differing(list(files))
        for members, own in zip(files.values(), folders, strict=True):
            for frame in members:
                frame.file = "/".join([*own, name])


def _differing(paths: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """The folders below those that all paths share, so far down that there are not too many different ones."""
    found = [()] * len(paths)
    if len(paths) == 1:
        return found
    shared = 0
    while len({path[: shared + 1] for path in paths}) == 1:
        shared += 1
    for depth in range(1, max(map(len, paths)) + 1):
        deeper = [path[shared : shared + depth] for path in paths]
        if len(set(deeper)) > _MOST:
            break
        found = deeper
        if len(set(deeper)) == len(paths):
            break
    return found


def _path(frame: Frame) -> list[str]:
    return frame.origin.rpartition(":")[0].split("/")
