"""Structures and labels as a number that changes with any of them."""

import hashlib
from collections.abc import Iterable
from dataclasses import fields, is_dataclass

import numpy as np
from ase import Atoms

from snnp.data.frames import Frame


def fingerprint(frames: Iterable[Frame]) -> str:
    """SHA-256 of all that a fit can read of frames, in their order: 64 hexadecimal digits.

    Names of files take no part: data that were renamed or moved are the same data.
    """
    digest = hashlib.sha256()
    for frame in frames:
        for name in (field.name for field in fields(frame) if field.name not in ("origin", "file")):
            value = getattr(frame, name)
            for part in _parts(value):
                digest.update(_bytes(name, part))
    return digest.hexdigest()


def _parts(value) -> list:
    if isinstance(value, Atoms):
        return [value.numbers, value.positions, value.cell.array, value.pbc]
    return [getattr(value, field.name) for field in fields(value)] if is_dataclass(value) else [value]


def _bytes(name: str, value) -> bytes:
    """Unambiguous, and the same for equal numbers of any type."""
    if value is None or isinstance(value, str | dict):
        return f"{name} {value!r};".encode()
    array = np.ascontiguousarray(value, dtype="<f8")
    return f"{name} {array.shape};".encode() + array.tobytes()
