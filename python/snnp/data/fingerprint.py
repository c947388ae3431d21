"""Structures and labels as a number that changes with any of them."""

import hashlib
from collections.abc import Iterable
from dataclasses import fields

import numpy as np
from ase import Atoms

from snnp.data.frames import Frame


def fingerprint(frames: Iterable[Frame]) -> str:
    """SHA-256 of all that a fit can read of frames, in their order: 64 hexadecimal digits.

    Names of files take no part: data that were renamed or moved are the same data.
    """
    digest = hashlib.sha256()
    for frame in frames:
        for name in (field.name for field in fields(frame) if field.name != "origin"):
            value = getattr(frame, name)
            parts = _parts(value) if isinstance(value, Atoms) else [value]
            for part in parts:
                digest.update(_bytes(name, part))
    return digest.hexdigest()


def _parts(atoms: Atoms) -> list[np.ndarray]:
    return [atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc]


def _bytes(name: str, value) -> bytes:
    """Unambiguous, and the same for equal numbers of any type."""
    if value is None or isinstance(value, str | dict):
        return f"{name} {value!r};".encode()
    array = np.ascontiguousarray(value, dtype="<f8")
    return f"{name} {array.shape};".encode() + array.tobytes()
