"""From what the user names to files: names, patterns, folders."""

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from snnp.data.formats import deepmd
from snnp.data.formats.notes import Notes
from snnp.data.formats.opening import check_regular
from snnp.data.formats.recognise import recognise
from snnp.data.frames import DataError

# Of one calculation one file is enough; the first that is there.
_SAME_RUN = ("vasprun.xml", "OUTCAR")


def find_files(paths: Sequence[str | Path], notes: Notes | None = None) -> list[Path]:
    """The files, and folders of DeePMD-kit, that names, patterns ("run*/OUTCAR") and folders stand for.

    Of a folder all files below it are taken whose format is known and has labels. None is taken twice. Raises DataError
    for what does not exist and for pipes and devices.
    """
    notes = notes or Notes()
    found: dict[str, Path] = {}
    for name in paths:
        for path in _expand(Path(name), notes):
            if os.path.realpath(path) in found:
                notes.add(path, "is named more than once and read once")
            found.setdefault(os.path.realpath(path), path)
    return list(found.values())


def _expand(path: Path, notes: Notes) -> list[Path]:
    if path.is_dir():
        return _below(path, notes)
    if path.exists():
        check_regular(path)
        return [path]
    if glob.has_magic(str(path)):
        matches = sorted(map(Path, glob.glob(str(path), recursive=True)))
        if not matches:
            raise DataError(f"{path}: no file matches this pattern")
        return [file for match in matches for file in _expand(match, notes)]
    raise DataError(f"{path}: no such file")


def _below(folder: Path, notes: Notes) -> list[Path]:
    if deepmd.is_system(folder):
        return [folder]
    found: list[Path] = []
    left = []
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        systems = [name for name in folders if deepmd.is_system(Path(place, name))]
        folders[:] = [name for name in folders if name not in systems]
        found += [Path(place, name) for name in systems]
        same = [name for name in _SAME_RUN if name in files]
        for name in sorted(files):
            path = Path(place, name)
            if name.startswith(".") or not path.is_file() or name in same[1:] or recognise(path, labelled=True) is None:
                left.append(name)
            else:
                found.append(path)
    if not found:
        raise DataError(f"{folder}: no file in this folder is in a known format with labels")
    if left:
        names = ", ".join(sorted(set(left))[:5]) + (", …" if len(set(left)) > 5 else "")
        read = "1 file is read" if len(found) == 1 else f"{len(found)} files are read"
        others = "1 other is not" if len(left) == 1 else f"{len(left)} others are not"
        notes.add(folder, f"{read}, {others} ({names})")
    return found
