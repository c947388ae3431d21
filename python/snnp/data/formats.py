"""Reading files of labelled structures."""

import gzip
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import ase.io
from ase import Atoms

from snnp.data.frames import DataError, Dataset
from snnp.data.labels import labelled


def read(paths: Sequence[str | Path]) -> Dataset:
    """All usable frames of files in any format that ASE reads, also gzipped.

    Raises DataError, which names file and frame, for a file that cannot be read and for data that cannot be used.
    """
    data = Dataset()
    for path in map(Path, paths):
        if not path.is_file():
            raise DataError(f"{path}: no such file")
        try:
            structures = _read_frames(path)
        except Exception as error:  # ASE's readers raise whatever comes up
            raise DataError(f"{path}: ASE cannot read it ({type(error).__name__}: {error})") from error
        _add(structures, str(path), data)
    return _usable(data, ", ".join(map(str, paths)))


def from_atoms(structures: Iterable[Atoms], name: str = "atoms") -> Dataset:
    """The usable ones of labelled ASE structures; labels are found as in files. `name` stands in messages."""
    data = Dataset()
    _add(structures, name, data)
    return _usable(data, name)


def _add(structures: Iterable[Atoms], origin: str, data: Dataset) -> None:
    for n, atoms in enumerate(structures):
        frame = labelled(atoms, f"{origin}:frame {n}", data)
        if frame is not None:
            data.frames.append(frame)


def _usable(data: Dataset, where: str) -> Dataset:
    if not data.frames:
        reasons = ", ".join(data.skipped) or "the file is empty"
        raise DataError(f"{where}: no usable frame ({reasons}); expected energies and forces")
    return data


def _read_frames(path: Path) -> list[Atoms]:
    kind = ase.io.formats.filetype(str(path), read=True)
    if path.suffix == ".gz" and kind == "extxyz":
        # The reader jumps back and forth, which makes it quadratic in the length of a compressed file.
        with gzip.open(path, "rt") as file:
            return ase.io.read(io.StringIO(file.read()), index=":", format=kind)
    return ase.io.read(path, index=":", format=kind)
