"""What all formats need: errors that name file and line, reading by lines, comments, and splines for a potential."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from snnp import _core, files
from snnp.convert.splines import Cubic

# A file may begin its radial splines at zero or below; ours begin at a distance. Below this nothing matters.
NEAREST = 1e-3  # Å
# No potential file of a program is larger.
MOST_BYTES = 10**9
# In the first line of all that is converted.
_CONVERTED = "(converted from "


class ConvertError(ValueError):
    """A file cannot be read, or a potential has no place in a format: one sentence that says why."""


@dataclass
class Options:
    """What the user may say beyond the two files; energies in eV."""

    e0: dict[str, float] = field(default_factory=dict)
    tolerance: float = 1e-6
    elements: list[str] | None = None
    notes: list[str] = field(default_factory=list)

    def note(self, sentence: str) -> None:
        """Something that the user should know about this conversion."""
        self.notes.append(sentence)


class Reader:
    """A text file line by line; every complaint names file and line."""

    def __init__(self, path: Path):
        self.path, self.line = path, 0
        try:
            text = files.read_text(path, MOST_BYTES, errors="replace")
        except OSError as error:
            raise ConvertError(f"{path}: {error.strerror}") from error
        self.lines = text.splitlines()
        if not self.lines:
            raise ConvertError(f"{path}: the file is empty")

    def fail(self, sentence: str) -> ConvertError:
        """The error to raise for the line that was read last."""
        return ConvertError(f"{self.path}:{max(self.line, 1)}: {sentence}")

    @property
    def at_end(self) -> bool:
        """Whether nothing but empty lines is left."""
        return not any(line.strip() for line in self.lines[self.line :])

    def next(self, what: str) -> str:
        """The next line that is not empty."""
        while self.line < len(self.lines):
            self.line += 1
            if self.lines[self.line - 1].strip():
                return self.lines[self.line - 1]
        raise self.fail(f"the file ends, expected {what}")

    def skip(self, what: str) -> str:
        """The next line, empty or not."""
        if self.line >= len(self.lines):
            raise self.fail(f"the file ends, expected {what}")
        self.line += 1
        return self.lines[self.line - 1]

    def words(self, what: str) -> list[str]:
        """The words of the next line, up to '#'."""
        words = self.next(what).partition("#")[0].split()
        return words if words else self.words(what)

    def numbers(self, count: int, what: str) -> np.ndarray:
        """The numbers, (count,), from the next lines; what follows on the last one is passed over, as LAMMPS does."""
        found: list[float] = []
        while len(found) < count:
            found += [self.number(w, what) for w in self.words(f"{count - len(found)} of {what}")[: count - len(found)]]
        return np.array(found)

    def number(self, word: str, what: str) -> float:
        """A finite number; a Fortran exponent D is one, too."""
        try:
            value = float(word.replace("D", "e").replace("d", "e"))
        except ValueError:
            raise self.fail(f"found '{word}', expected {what}") from None
        if not np.isfinite(value):
            raise self.fail(f"found '{word}', expected {what}")
        return value

    def integer(self, word: str, what: str, least: int) -> int:
        """A whole number, at least `least`."""
        try:
            value = int(word)
        except ValueError:
            value = least - 1
        if value < least:
            raise self.fail(f"found '{word}', expected {what}, at least {least}")
        return value

    def element(self, word: str) -> str:
        """The symbol of a chemical element."""
        if not is_element(word):
            raise self.fail(f"found '{word}', expected the symbol of a chemical element")
        return word


def is_element(word: str) -> bool:
    """Whether a word is the symbol of a chemical element."""
    from ase.data import atomic_numbers

    return word in atomic_numbers and word != "X"


def comment(line: str, path: Path) -> str:
    """The comment of a potential made from a file whose comment is `line`: date, author and citation are kept."""
    text = " ".join(line.lstrip("#").split()).removeprefix("UF3 POT").strip()
    words = text.split()
    if "UNITS:" in words:
        units = words[words.index("UNITS:") + 1 :][:1]
        if units and not units[0].endswith(":") and units[0] != "metal":
            raise ConvertError(f"{path}:1: found units '{units[0]}', expected metal")
    else:
        text = f"UNITS: metal {text}".strip()
    return f" {text}" if _CONVERTED in text else f" {text} {_CONVERTED}{files.printable(path.name)})"


def is_ours(head: bytes) -> bool:
    """Whether a file that begins so was written by a conversion or is a potential of this package."""
    return files.is_potential(head) or _CONVERTED.encode() in head.split(b"\n")[0]


def radial(s: Cubic) -> _core.Spline:
    """A function of distance; one that does not end with value and slope zero is open."""
    if s.back <= 2 * NEAREST:
        raise ConvertError(f"a function of distance ends at {s.back:g} Å, expected a distance between atoms")
    if s.front < NEAREST:
        s = s.cut(NEAREST, s.back)
    knots, c = s.bspline()
    if s.ends_at_zero():
        c[-2:] = 0
    return _core.Spline(knots, c, not s.ends_at_zero())


def zero(cutoff: float) -> Cubic:
    """The function of distance that is zero."""
    return Cubic.line(0.5 * cutoff, cutoff, 0.0, 0.0)


def is_zero(s: Cubic) -> bool:
    """Whether a function is zero everywhere."""
    return not np.any(s.c)


def potential(elements: Sequence[str], text: str, options: Options) -> _core.Potential:
    """A potential of these elements with nothing in it yet but energies of isolated atoms."""
    for name in options.e0:
        if name not in elements:
            raise ConvertError(f"--e0 {name}: the file has no element {name}, but {' '.join(elements)}")
    p = _core.Potential()
    p.comment = text
    made = []
    for name in elements:
        e = _core.Element()
        e.name, e.e0 = name, options.e0.get(name, 0.0)
        made.append(e)
    p.elements = made
    return p


def write_text(path: Path, text: str) -> None:
    """A file that is there whole or not at all; raises ConvertError if it cannot be written."""
    try:
        files.write_text(path, text)
    except OSError as error:
        raise ConvertError(f"{path}: cannot be written ({error.strerror})") from error
