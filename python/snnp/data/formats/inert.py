"""Pickles, read without running anything.

A pickle is a program: it names functions and classes, and what to call them with. Here every name stands for an inert
object that keeps what it was called with, and no function, class or method of another module is ever looked up.
"""

import pickle
import re
from typing import BinaryIO, ClassVar

import numpy as np

from snnp.data.frames import DataError

_LARGEST = 1 << 31  # bytes, unpacked
_NUMBERS = re.compile(r"[fiubU]\d{1,2}")


class Inert:
    """What a pickle would have made by calling `name`, a function or class, with `args`, and given `state`."""

    name = ""
    state: object = None

    def __init__(self, *args: object, **kwargs: object):
        self.args = args

    def __setstate__(self, state: object) -> None:
        self.state = state


class _Unpickler(pickle._Unpickler):
    """The unpickler in plain Python: the compiled one lets a few bytes take all the memory."""

    def find_class(self, module: str, name: str) -> type[Inert]:
        return type("Named", (Inert,), {"name": f"{module}.{name}"})

    def get_extension(self, code: int) -> None:
        raise pickle.UnpicklingError("refers to a registry")

    def load_bytearray8(self) -> None:
        """Reads before it makes room, other than the method it replaces."""
        self.append(bytearray(self.read(int.from_bytes(self.read(8), "little"))))

    dispatch: ClassVar = {**pickle._Unpickler.dispatch, pickle.BYTEARRAY8[0]: load_bytearray8}


class _Bounded:
    """A file of which only so much is read."""

    def __init__(self, file: BinaryIO):
        self._file, self._left = file, _LARGEST

    def _count(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise DataError("it is too much for a pickle")
        return data

    def read(self, size: int) -> bytes:
        return self._count(self._file.read(min(size, _LARGEST + 1)))

    def readline(self) -> bytes:
        return self._count(self._file.readline(_LARGEST + 1))


def load(file: BinaryIO) -> object:
    """The content of a pickle: lists, dictionaries, numbers, text, and `Inert` for all else."""
    return _Unpickler(_Bounded(file)).load()


def array(value: object) -> np.ndarray | None:
    """The NumPy array that an inert object stands for, of any shape and unit; objects in it stay as they are.

    None: it is no array.
    """
    if not isinstance(value, Inert):
        return None
    function = value.name.rpartition(".")[2]
    if function == "_reconstruct" and isinstance(value.state, tuple):
        _, shape, dtype, fortran, data = value.state
        return _filled(data, dtype, shape, "F" if fortran else "C")
    if function == "_frombuffer":
        data, dtype, shape, order = value.args
        return _filled(data, dtype, shape, order)
    return None


def number(value: object) -> object:
    """A number of NumPy that an inert object stands for; anything else as it is."""
    if isinstance(value, Inert) and value.name.rpartition(".")[2] == "scalar" and len(value.args) == 2:
        dtype, data = value.args
        return _filled(data, dtype, (), "C").item()
    return value


def _filled(data: object, dtype: Inert, shape: tuple[int, ...], order: str) -> np.ndarray:
    code = str(dtype.args[0])
    if code.startswith("O"):
        objects = np.empty(len(data), dtype=object)
        objects[:] = data
        return objects.reshape(shape, order=order)
    if not _NUMBERS.fullmatch(code):
        raise DataError(f"an array holds elements of type {code}, expected numbers")
    end = dtype.state[1] if isinstance(dtype.state, tuple) else "|"
    raw = data.encode("latin-1") if isinstance(data, str) else data
    return np.frombuffer(raw, np.dtype(code).newbyteorder(end)).reshape(shape, order=order)
