"""The comment line of a frame of extended XYZ: its keys, and those that would be misread in silence."""

import re
from dataclasses import dataclass

import numpy as np
from ase.io.extxyz import key_val_str_to_dict

from snnp.data.names import parse

_MOST_COLUMNS = 10_000
# Keys that ASE knows in this spelling only; NEP does not tell small letters from large ones.
_SPELLING = {"lattice": "Lattice", "properties": "Properties", "pbc": "pbc"}
_KEY = re.compile(r"(?<![\w-])(lattice|properties|pbc)(?=\s*=)", re.IGNORECASE)
_VALUE = r"""\s*=\s*(?:"([^"]*)"|'([^']*)'|\{([^{}]*)\}|\[([^][]*)\]|(\S+))"""
_TENSOR = re.compile(r"(?<![\w-])(stress|virial)" + _VALUE)
_ANY = re.compile(r"""(?<![^\s"'}\]])([^\s="'{}\[\]]+)""" + _VALUE)
# Words in names of keys that programs give to cells.
_CELL = {"cell", "supercell", "unitcell", "simcell", "box", "lattice", "latt"}
_POSITIONS = {"pos", "positions"}
_ELEMENTS = {"species", "symbols", "Z", "numbers"}


@dataclass(frozen=True)
class Comment:
    """keys: what stands in the line, as ASE takes it; columns: name and type (R, I, S, L) of each; of_six: tensors that
    have six numbers."""

    keys: dict
    columns: list[tuple[str, str]]
    of_six: list[str]


class CommentError(ValueError):
    """What cannot be in the line, as a sentence."""


def read_comment(text: str) -> Comment:
    """Of a line. ASE takes stress and virial with nine plain numbers only.

    Raises CommentError for what would be misread: keys with two values, columns without positions or elements.
    """
    text = _KEY.sub(lambda match: _SPELLING[match[1].lower()], text)
    _check_repeated(text)
    own: dict[str, np.ndarray] = {}

    def take(match: re.Match) -> str:
        try:
            numbers = np.array([float(word) for word in _words(_value(match))])
        except ValueError:
            return match[0]
        own[match[1]] = numbers.reshape(3, 3).T if numbers.size == 9 else numbers
        return " "

    keys = {**key_val_str_to_dict(_TENSOR.sub(take, text)), **own}
    columns = _columns(str(keys.get("Properties", "species:S:1:pos:R:3")))
    _check_columns({name for name, _ in columns})
    return Comment(keys, columns, [name for name, numbers in own.items() if numbers.size == 6])


def cell_of_other_name(keys: dict) -> str | None:
    """The key of a cell that ASE does not know; None if there is none, or if it does not matter."""
    if "Lattice" in keys or ("pbc" in keys and not np.any(keys["pbc"])):
        return None
    return next((key for key, value in keys.items() if _is_cell(key, value)), None)


def _value(match: re.Match) -> str:
    return next(group for group in match.groups()[1:] if group is not None)


def _words(text: str) -> list[str]:
    """Numbers of a list, or a list of lists, as words."""
    return re.sub(r"_JSON|[][,]", " ", text).split()


def _is_cell(key: str, value: object) -> bool:
    words = re.split(r"[^a-z]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", key).lower())
    if not _CELL & set(words):
        return False
    text = " ".join(map(str, np.ravel(value))) if isinstance(value, (np.ndarray, list)) else str(value)
    try:
        numbers = [float(word) for word in _words(text)]
    except ValueError:
        return False
    return len(numbers) in (3, 6, 9) and any(numbers)


def _check_repeated(text: str) -> None:
    """Raises CommentError for a label, a weight, a cell or columns with two values, of which ASE takes the last."""
    seen: dict[str, str] = {}
    for match in _ANY.finditer(text):
        key, value = match[1], " ".join(_words(_value(match)))
        if key in seen and not _equal(seen[key], value) and _matters(key):
            raise CommentError(f"{key} stands there twice, as '{seen[key][:40]}' and as '{value[:40]}'")
        seen[key] = value


def _matters(key: str) -> bool:
    return key in _SPELLING.values() or "weight" in key.lower() or parse(key) is not None


def _equal(a: str, b: str) -> bool:
    try:
        return [float(word) for word in a.split()] == [float(word) for word in b.split()]
    except ValueError:
        return a == b


def _columns(properties: str) -> list[tuple[str, str]]:
    """Name and type (R, I, S, L) of each column; raises CommentError for more than anyone has."""
    fields = properties.split(":")
    triples = [(*pair, int(n)) for *pair, n in zip(fields[::3], fields[1::3], fields[2::3], strict=False)]
    if sum(n for _, _, n in triples) > _MOST_COLUMNS:
        raise CommentError(f"Properties name more than {_MOST_COLUMNS} columns")
    return [(name, kind) for name, kind, n in triples for _ in range(n)]


def _check_columns(names: set[str]) -> None:
    for what, known, example in (("positions", _POSITIONS, "pos:R:3"), ("elements", _ELEMENTS, "species:S:1")):
        if not names & known:
            found = ", ".join(sorted(names)) or "nothing"
            raise CommentError(f"Properties name no {what}, expected {example} among {found}")
