"""Data of pacemaker (*.pckl.gzip): a pickled table. What is pickled is a program, so it is not opened."""

from collections.abc import Iterator
from pathlib import Path

from ase import Atoms

from snnp.data.formats.notes import Notes
from snnp.data.frames import DataError


def read(path: Path, elements: list[str], notes: Notes) -> Iterator[Atoms]:
    """Raises DataError, which says how to convert the file."""
    raise DataError(f"{path}: is pickled, which may run anything when it is opened")
    yield
