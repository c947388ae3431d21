"""Opening data files: by content, not by name; compressed or not; without being led astray by what is no text."""

import bz2
import codecs
import gzip
import io
import lzma
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from snnp.data.frames import DataError

_PACKED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
_HEAD = 4096  # bytes tell the format
_LONGEST_LINE = 1 << 24  # characters
_LARGEST_DOCUMENT = 1 << 31  # characters of a file that has to be read as a whole

# What stands in the place of a large file that Git LFS has not brought.
LFS_POINTER = b"version https://git-lfs"
NO_LFS = "is a pointer of Git LFS in place of the data: git lfs pull brings them"

# What damaged or cut compressed files raise.
UNPACKING_ERRORS = (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile)


class _Text(io.TextIOWrapper):
    """Text with a name, which files unpacked from bzip2 and xz have from Python 3.13 on only."""

    name = ""


def check_regular(path: Path) -> None:
    """Raises DataError for what is no ordinary file: a pipe or device may never end."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFIFO: "a pipe", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFSOCK: "a socket"}
        raise DataError(f"{path}: is {kinds.get(stat.S_IFMT(mode), 'no file')}, expected a file")


def head(path: Path) -> bytes:
    """The first bytes of a file, unpacked."""
    with open_binary(path) as file:
        return file.read(_HEAD)


def is_packed(path: Path) -> bool:
    """Whether gzip, bzip2 or xz has packed the file, whatever its name is."""
    return _opener(path) is not None


def open_binary(path: Path) -> BinaryIO:
    """The content of a file, unpacked, for reading."""
    opener = _opener(path)
    return opener(path, "rb") if opener else path.open("rb")


def open_text(path: Path) -> TextIO:
    """The text of a file, unpacked, without byte-order mark, lines ended by \\n; raises DataError if it is no text."""
    start = head(path)
    if start.startswith(LFS_POINTER):
        raise DataError(f"{path}: {NO_LFS}")
    wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if not wide and b"\0" in start:
        raise DataError(f"{path}: is a binary file in no known format, expected labelled structures")
    # Bytes that are no UTF-8 can only be in comments and names.
    text = _Text(open_binary(path), encoding="utf-16" if wide else "utf-8-sig", errors="replace")
    text.name = str(path)
    return text


def read_document(path: Path) -> str:
    """All the text of a file that cannot be read piece by piece."""
    with open_text(path) as file:
        text = file.read(_LARGEST_DOCUMENT)
        if file.read(1):
            raise DataError(f"{path}: is too large for its format; split it into several files")
    return text


def _opener(path: Path):
    with path.open("rb") as file:
        start = file.read(8)
    return next((opener for magic, opener in _PACKED.items() if start.startswith(magic)), None)


def quoted(text: str) -> str:
    """A part of a file in a message."""
    return f"'{text[:60]}…'" if len(text) > 60 else f"'{text}'"


def reason(error: Exception) -> str:
    """What another library says is wrong, on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}{'…' if len(text) > 200 else ''}"


class Lines:
    """The lines of a text file, one after the other, and the number of the last one."""

    def __init__(self, path: Path, file: TextIO):
        self.path, self.number = path, 0
        self._file, self._ahead = file, None

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._ahead if self._ahead is not None else self._file.readline(_LONGEST_LINE)
        self._ahead = None
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) == _LONGEST_LINE:
            raise self.error("the line has no end, expected text")
        return line

    def peek(self) -> str:
        """The next line, which stays the next; "" at the end."""
        if self._ahead is None:
            self._ahead = self._file.readline(_LONGEST_LINE)
        return self._ahead

    def take(self, what: str) -> str:
        """The next line; raises DataError, which names `what` was expected, at the end of the file."""
        line = next(self, None)
        if line is None:
            raise self.error(f"the file ends here, expected {what}")
        return line

    def floats(self, words: list[str], count: int, what: str) -> list[float]:
        """The numbers in the words of the last line; raises DataError unless there are `count`."""
        try:
            values = [float(word) for word in words]
        except ValueError:
            values = []
        if len(values) != count:
            found = quoted(" ".join(words[:8]))
            raise self.error(f"expected {count} number{'s' if count > 1 else ''} ({what}), found {found}")
        return values

    def error(self, sentence: str) -> DataError:
        """An error that names file and line."""
        return DataError(f"{self.path}:{self.number}: {sentence}")


@contextmanager
def lines_of(path: Path) -> Iterator[Lines]:
    """The lines of a text file."""
    with open_text(path) as file:
        yield Lines(path, file)
