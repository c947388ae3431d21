"""Extended XYZ, frame by frame, through ASE's parser: also as other programs write it, and with a line number if it is
not as it should be. NEP's train.xyz has lower-case keys."""

import io
from collections.abc import Iterator
from pathlib import Path

from ase import Atoms
from ase.io.extxyz import read_xyz

from snnp.data.formats.comment_line import CommentError, cell_of_other_name, read_comment
from snnp.data.formats.notes import Notes
from snnp.data.formats.opening import Lines, lines_of, quoted, reason
from snnp.data.formats.structure import element_of
from snnp.data.frames import DataError

# How ASE calls columns of elements, by symbol and by atomic number.
_SYMBOLS, _NUMBERS = ("species", "symbols"), ("Z", "numbers")


def read(path: Path, elements: list[str], notes: Notes) -> Iterator[Atoms]:
    """Structures of an extended XYZ file. elements: what the first column calls 1, 2, …, if it holds no symbols."""
    with lines_of(path) as lines:
        for chunk in _frames(lines):
            yield _structure(chunk, elements, notes)


class _Chunk:
    """The lines of one frame; `first` is the number of the line with the number of atoms."""

    def __init__(self, path: Path, index: int, first: int, lines: list[str], atoms: int):
        self.path, self.index, self.first, self.lines, self.atoms = path, index, first, lines, atoms
        self.columns: list[tuple[str, str]] = []  # name and type, as soon as they are known

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Number and words of each line with an atom."""
        for n, line in enumerate(self.lines[2 : 2 + self.atoms]):
            yield self.first + 2 + n, line.split()

    @property
    def has_vectors(self) -> bool:
        """Whether the cell stands below the atoms, as VEC1, VEC2, VEC3."""
        return len(self.lines) > self.atoms + 2

    def error(self, line: int, sentence: str) -> DataError:
        return DataError(f"{self.path}:{line}: frame {self.index}: {sentence}")


def _frames(lines: Lines) -> Iterator[_Chunk]:
    index = 0
    for line in lines:
        if not line.strip():
            continue  # between frames
        first = lines.number
        try:
            atoms = int(line)
        except ValueError:
            raise lines.error(f"frame {index}: expected the number of atoms, found {quoted(line.strip())}") from None
        chunk = [line, lines.take("the comment line of a frame")]
        while len(chunk) < atoms + 2:
            chunk.append(lines.take(f"{atoms} atoms in frame {index}, found {len(chunk) - 2}"))
        while lines.peek().lstrip().startswith("VEC"):
            chunk.append(next(lines))
        yield _Chunk(lines.path, index, first, chunk, atoms)
        index += 1


def _structure(chunk: _Chunk, elements: list[str], notes: Notes) -> Atoms:
    try:
        return _parse(chunk, notes)
    except CommentError as error:
        raise chunk.error(chunk.first + 1, str(error)) from error
    except DataError:
        raise
    except Exception as error:  # ASE's parser raises whatever comes up
        if _with_symbols(chunk, elements, notes):
            return _structure(chunk, [], notes)
        _explain(chunk)
        raise chunk.error(chunk.first, f"is no frame of extended XYZ ({reason(error)})") from error


def _parse(chunk: _Chunk, notes: Notes) -> Atoms:
    def properties(text: str) -> dict:
        comment = read_comment(text)
        chunk.columns = comment.columns
        for name in comment.of_six:
            notes.add(chunk.path, f"{name} of six numbers is read in the order xx yy zz yz xz xy")
        if not chunk.has_vectors and (key := cell_of_other_name(comment.keys)):
            raise CommentError(
                f'the cell stands under \'{key}\', expected Lattice="ax ay az bx by bz cx cy cz", or pbc="F F F" if it '
                "says nothing"
            )
        return comment.keys

    atoms = next(read_xyz(io.StringIO("".join(chunk.lines)), index=0, properties_parser=properties))
    if len(atoms):
        _say_unread_columns(chunk, notes)
        _check_numbers(chunk, atoms)
    return atoms


def _check_numbers(chunk: _Chunk, atoms: Atoms) -> None:
    """Raises DataError where columns of symbols and of atomic numbers contradict each other: ASE takes the numbers."""
    names = [name for name, _ in chunk.columns]
    column = next((names.index(name) for name in _SYMBOLS if name in names), None)
    if column is None or not any(name in names for name in _NUMBERS):
        return
    for atom, (number, words) in enumerate(chunk.rows()):
        symbol, other = element_of(words[column]), atoms.symbols[atom]
        if symbol is not None and symbol != other:
            raise chunk.error(number, f"atom {atom} is {words[column]}, but its atomic number is that of {other}")


def _with_symbols(chunk: _Chunk, elements: list[str], notes: Notes) -> bool:
    """Replaces labels of atoms like Si1 by symbols, in place; False: there is nothing to replace."""
    names = [name for name, _ in chunk.columns]
    if "species" not in names:
        return False
    column, replaced = names.index("species"), {}
    for number, words in chunk.rows():
        label = words[column] if len(words) > column else ""
        numbered = label.isdecimal() and 0 < int(label) <= len(elements)
        symbol = elements[int(label) - 1] if numbered else element_of(label)
        if symbol is None:
            hint = "; data.elements names the elements of the types 1, 2, …" if label.isdecimal() else ""
            atom = number - chunk.first - 2
            raise chunk.error(number, f"atom {atom} is {quoted(label)}, expected a chemical symbol{hint}")
        if symbol != label.capitalize():
            replaced[label] = symbol
            words[column] = symbol
            chunk.lines[number - chunk.first] = " ".join(words) + "\n"
    if replaced:
        label, symbol = next(iter(replaced.items()))
        notes.add(chunk.path, f"atoms like '{label}' are read as {symbol}")
    return bool(replaced)


def _explain(chunk: _Chunk) -> None:
    """Raises DataError for the first line of an atom that does not hold what Properties say."""
    for number, words in chunk.rows():
        if len(words) < len(chunk.columns):
            raise chunk.error(number, f"found {len(words)} columns, expected {len(chunk.columns)} by Properties")
        for word, (name, kind) in zip(words, chunk.columns, strict=False):
            try:
                {"R": float, "I": int}.get(kind, str)(word)
            except ValueError:
                raise chunk.error(number, f"{quoted(word)} is no number, as {name} should be") from None


def _say_unread_columns(chunk: _Chunk, notes: Notes) -> None:
    found, named = len(chunk.lines[2].split()), len(chunk.columns)
    if found > named:
        notes.add(chunk.path, f"atoms have {found} columns, of which Properties name {named}: the others are not read")
