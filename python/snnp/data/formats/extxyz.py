"""Extended XYZ, frame by frame, through ASE's parser: also as other programs write it, and with a line number if it is
not as it should be. NEP's train.xyz has lower-case keys."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io.extxyz import key_val_str_to_dict, read_xyz

from snnp.data.formats.notes import Notes
from snnp.data.formats.opening import Lines, lines_of, quoted, reason
from snnp.data.formats.structure import element_of
from snnp.data.frames import DataError

_MOST_COLUMNS = 10_000
# Keys that ASE knows in this spelling only; NEP does not tell small letters from large ones.
_SPELLING = {"lattice": "Lattice", "properties": "Properties", "pbc": "pbc"}
_KEY = re.compile(r"(?<![\w-])(lattice|properties|pbc)(?=\s*=)", re.IGNORECASE)
_TENSOR = re.compile(r"""(?<![\w-])(stress|virial)\s*=\s*(?:"([^"]*)"|'([^']*)'|\{([^}]*)\}|\[([^]]*)\]|(\S+))""")


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
    except Exception as error:  # ASE's parser raises whatever comes up
        if _with_symbols(chunk, elements, notes):
            return _structure(chunk, [], notes)
        _explain(chunk)
        raise chunk.error(chunk.first, f"is no frame of extended XYZ ({reason(error)})") from error


def _parse(chunk: _Chunk, notes: Notes) -> Atoms:
    def properties(text: str) -> dict:
        keys = _comment(text, chunk.path, notes)
        chunk.columns = _columns(str(keys.get("Properties", "species:S:1:pos:R:3")))
        return keys

    atoms = next(read_xyz(io.StringIO("".join(chunk.lines)), index=0, properties_parser=properties))
    if len(atoms):
        _say_unread_columns(chunk, notes)
    return atoms


def _comment(text: str, path: Path, notes: Notes) -> dict:
    """The keys of a comment line. ASE takes stress and virial with nine plain numbers only."""
    own: dict[str, np.ndarray] = {}

    def take(match: re.Match) -> str:
        words = next(group for group in match.groups()[1:] if group is not None)
        try:
            numbers = np.array([float(word) for word in re.sub(r"_JSON|[][,]", " ", words).split()])
        except ValueError:
            return match[0]
        if numbers.size == 6:
            notes.add(path, f"{match[1]} of six numbers is read in the order xx yy zz yz xz xy")
        own[match[1]] = numbers.reshape(3, 3).T if numbers.size == 9 else numbers
        return " "

    text = _KEY.sub(lambda match: _SPELLING[match[1].lower()], text)
    return {**key_val_str_to_dict(_TENSOR.sub(take, text)), **own}


def _columns(properties: str) -> list[tuple[str, str]]:
    """Name and type (R, I, S, L) of each column; raises ValueError for more than anyone has."""
    fields = properties.split(":")
    triples = [(*pair, int(n)) for *pair, n in zip(fields[::3], fields[1::3], fields[2::3], strict=False)]
    if sum(n for _, _, n in triples) > _MOST_COLUMNS:
        raise ValueError(f"Properties name more than {_MOST_COLUMNS} columns")
    return [(name, kind) for name, kind, n in triples for _ in range(n)]


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
