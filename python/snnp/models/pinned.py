"""Pairs of elements whose φ is given, by a potential or a table, and stays as it is."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from snnp import _core, convert
from snnp.models.gauge import without_floor
from snnp.models.phi_table import read_table
from snnp.models.shape import unordered_pairs

_NOTHING = _core.Spline(np.linspace(1.0, 2.0, 4), np.zeros(6))  # φ of other pairs, with any knots (Å)
_POTENTIALS = [suffix for suffix, (read, _) in convert.FORMATS.items() if read]
_MARK, _NEXT = "PINNED: phi", "CITATION:"  # in the first line of a potential file

# A potential, a table, or files by pair of elements ("In-P").
Given = Path | Mapping[str, Path]


def given_files(given: Given | None) -> list[Path]:
    """All files."""
    if given is None:
        return []
    return list(given.values()) if isinstance(given, Mapping) else [given]


def pinned_pairs(given: Given, elements: Sequence[str]) -> list[int]:
    """The unordered pairs of these elements, by number, that have a φ; raises snnp.Error."""
    return sorted(_files(given, elements))


def pinned_potential(given: Given, elements: Sequence[str]) -> _core.Potential:
    """Nothing but φ, and the ZBL core, of the pairs that are given, as they stand there; raises snnp.Error.

    φ of an EAM is that of the file: what is linear in its density is not a part of it.
    """
    p, files = _core.Potential(), _files(given, elements)
    p.elements = [_element(symbol) for symbol in elements]
    pairs = []
    for n, (a, b) in enumerate(unordered_pairs(len(elements))):
        pair = _core.Pair()
        pair.phi = _NOTHING
        if n in files:
            there = _pair(files[n], elements[a], elements[b])
            pair.phi, pair.zbl_inner, pair.zbl_outer = there.phi, there.zbl_inner, there.zbl_outer
        pairs.append(pair)
    p.pairs = pairs
    p.check()
    return p


def check_reach(given: Given, elements: Sequence[str], shortest: Sequence[float]) -> None:
    """Raises snnp.Error if atoms of the data come closer than a table begins. shortest: by pair, Å; NaN: unknown."""
    for n, file in _files(given, elements).items():
        if _is_table(file):
            a, b = unordered_pairs(len(elements))[n]
            begin = _pair(file, elements[a], elements[b]).phi.knots[0]
            if shortest[n] < begin:
                raise _core.Error(
                    f"{file} begins at {begin:g} Å, but {elements[a]}-{elements[b]} of the data come as close as "
                    f"{shortest[n]:.3f} Å: expected values down to there"
                )


def marked(comment: str, pairs: Sequence[str]) -> str:
    """The first line of a potential file that tells which φ were given, as `marked_pairs` reads it."""
    before, citation, after = comment.partition(_NEXT)
    return f"{before.rstrip()} {_MARK} {' '.join(pairs)} {citation}{after}".rstrip()


def marked_pairs(potential: _core.Potential) -> list[int]:
    """The pairs, by number, whose φ were given to the fit, as the first line of its file says."""
    words = potential.comment.partition(_MARK)[2].partition(_NEXT)[0].split()
    named = {_key(*word.split("-", 1)) for word in words if "-" in word}
    names = [e.name for e in potential.elements]
    return [n for n, (a, b) in enumerate(unordered_pairs(len(names))) if _key(names[a], names[b]) in named]


def _files(given: Given, elements: Sequence[str]) -> dict[int, Path]:
    """Files by number of the pair."""
    numbers = {_key(elements[a], elements[b]): n for n, (a, b) in enumerate(unordered_pairs(len(elements)))}
    if isinstance(given, Mapping):
        found = {}
        for name, file in given.items():
            n = numbers.get(_key(*name.split("-", 1))) if "-" in name else None
            if n is None or n in found:
                every = ", ".join("-".join(elements[n] for n in ab) for ab in unordered_pairs(len(elements)))
                raise _core.Error(f"model.pinned.phi: found the pair '{name}', expected some of {every}, each once")
            _pair(file, *name.split("-", 1))
            found[n] = file
        return found
    if _is_table(given):
        if len(elements) > 1:
            pair = f"{elements[0]}-{elements[1]}"
            raise _core.Error(
                f"model.pinned.phi: {given} is a table, and the data have {' '.join(elements)}: expected the pair, "
                f"too, as {{{pair}: {given}}}"
            )
        _pair(given, *elements, *elements)
        return {0: given}
    known = [e.name for e in _read(given).elements]
    pairs = unordered_pairs(len(elements))
    found = {n: given for n, ab in enumerate(pairs) if all(elements[a] in known for a in ab)}
    if not found:
        raise _core.Error(f"{given} has {' '.join(known)}, expected elements of the data ({' '.join(elements)})")
    return found


def _pair(file: Path, one: str, other: str) -> _core.Pair:
    """φ and the core of a pair in a file."""
    given = _read(file)
    if isinstance(given, _core.Pair):
        return given
    at = {e.name: n for n, e in enumerate(given.elements)}
    if not {one, other} <= set(at):
        raise _core.Error(f"{file} has {' '.join(at)}, expected {one} and {other}")
    return given.pairs[given.pair_index(at[one], at[other])]


def _key(one: str, other: str) -> tuple[str, ...]:
    return tuple(sorted((one, other)))


def _element(symbol: str) -> _core.Element:
    e = _core.Element()
    e.name = symbol
    return e


def _is_table(file: Path) -> bool:
    """Whether a file has no name of a potential."""
    return not any(file.name.endswith(suffix) for suffix in _POTENTIALS)


def _read(file: Path) -> _core.Potential | _core.Pair:
    if not file.exists():
        raise _core.Error(f"{file} does not exist")
    return _read_once(file, file.stat().st_mtime)


@functools.lru_cache(maxsize=16)
def _read_once(file: Path, modified: float) -> _core.Potential | _core.Pair:
    try:
        return read_table(file) if _is_table(file) else without_floor(convert.read(file, convert.Options()))
    except convert.ConvertError as error:
        names = ", ".join(f"*{suffix}" for suffix in _POTENTIALS)
        hint = f" (a potential is called {names})" if _is_table(file) else ""
        raise _core.Error(f"{error}{hint}") from error
