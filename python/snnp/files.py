"""Files: written whole or not at all and never over what is not ours; read only if they are of a sensible size."""

import errno
import os
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

# What `refusal` reads of a file to know who wrote it, bytes.
_HEAD = 4096


def write_aside(path: Path, write: Callable[[Path], object]) -> None:
    """Calls write(temporary path in the same folder) and renames the result to `path`, or to what that links to.

    Raises OSError with the name of the file; then whatever was there before is as it was.
    """
    target = Path(os.path.realpath(path))
    aside = target.with_name(f".{target.name}.part")
    try:
        aside.unlink(missing_ok=True)
        write(aside)
        with aside.open("rb") as file:
            os.fsync(file.fileno())  # a full disk of a file server is reported here
        os.replace(aside, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror or str(error), str(path)) from error
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """A text file in UTF-8, written like `write_aside`."""
    write_aside(path, lambda aside: aside.write_text(text, encoding="utf-8", errors="backslashreplace"))


def read_text(path: Path, most: int, errors: str = "strict") -> str:
    """The text (UTF-8) of a file of at most `most` bytes; raises OSError for others, and for pipes and devices.

    errors: what to do about bytes that are no text, as for `bytes.decode`.
    """
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, f"{_kind(mode)}, expected a file", str(path))
    with open(path, "rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"more than {most} bytes", str(path))
    try:
        return content.decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        raise OSError(errno.EILSEQ, f"byte {error.start} is no UTF-8 text", str(path)) from error


def refusal(path: Path, inputs: Iterable[Path], ours: Callable[[bytes], bool]) -> str | None:
    """Why a result must not be written to `path`, as the end of a sentence; None: it may.

    inputs: files that are read, by whatever name or link. ours: whether a file may be replaced, by its first bytes.
    """
    if any(same_file(path, source) for source in inputs):
        return "is an input of the same command"
    try:
        info = os.stat(path)
        if not stat.S_ISREG(info.st_mode):
            return f"is {_kind(info.st_mode)}"
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"cannot be used ({error.strerror})"
    return "is there already and was not written by this program" if head and not ours(head) else None


def same_file(a: Path, b: Path) -> bool:
    """Whether two names stand for the same file, also by links."""
    try:
        return os.path.samefile(a, b)
    except OSError:
        return os.path.realpath(a) == os.path.realpath(b)


def is_potential(head: bytes) -> bool:
    """Whether a file that begins so is a potential of this package, or a file of filters."""
    lines = head.split(b"\n", 2)
    return len(lines) > 1 and lines[0].startswith(b"#") and lines[1].split()[:1] in ([b"snnp"], [b"filters"])


def is_potential_file(path: Path) -> bool:
    """Whether a file is there that begins like a potential, or like a file of filters."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return is_potential(file.read(_HEAD))


def _kind(mode: int) -> str:
    names = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return names.get(stat.S_IFMT(mode), "a device")


def printable(text: str) -> str:
    """The text in one line: names of files may hold ends of lines and bytes that are no text, which are escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
