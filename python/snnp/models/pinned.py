"""Pairs of elements whose φ is that of a given potential and stays as it is."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from snnp import _core, convert
from snnp.models.gauge import without_floor
from snnp.models.shape import unordered_pairs

_NOTHING = _core.Spline(np.linspace(1.0, 2.0, 4), np.zeros(6))  # φ of other pairs, with any knots (Å)


def pinned_pairs(file: Path, elements: Sequence[str]) -> list[int]:
    """The unordered pairs of these elements, by number, both elements of which are in a file; raises snnp.Error."""
    known = [e.name for e in _read(file).elements]
    found = [n for n, ab in enumerate(unordered_pairs(len(elements))) if all(elements[a] in known for a in ab)]
    if not found:
        raise _core.Error(f"{file} has {' '.join(known)}, expected elements of the data ({' '.join(elements)})")
    return found


def pinned_potential(file: Path, elements: Sequence[str]) -> _core.Potential:
    """Nothing but φ, and the ZBL core, of the pairs in a file, as they stand there; raises snnp.Error.

    φ of an EAM is that of the file: what is linear in its density is not a part of it.
    """
    given = without_floor(_read(file))
    at = {e.name: n for n, e in enumerate(given.elements)}
    p = _core.Potential()
    p.comment = given.comment
    p.elements = [_element(symbol) for symbol in elements]
    pairs, pinned = [], pinned_pairs(file, elements)
    for n, (a, b) in enumerate(unordered_pairs(len(elements))):
        pair = _core.Pair()
        pair.phi = _NOTHING
        if n in pinned:
            there = given.pairs[given.pair_index(at[elements[a]], at[elements[b]])]
            pair.phi, pair.zbl_inner, pair.zbl_outer = there.phi, there.zbl_inner, there.zbl_outer
        pairs.append(pair)
    p.pairs = pairs
    p.check()
    return p


def _element(symbol: str) -> _core.Element:
    e = _core.Element()
    e.name = symbol
    return e


def _read(file: Path) -> _core.Potential:
    if not file.exists():
        raise _core.Error(f"{file} does not exist")
    return _read_once(file, file.stat().st_mtime)


@functools.lru_cache(maxsize=4)
def _read_once(file: Path, modified: float) -> _core.Potential:
    try:
        return convert.read(file, convert.Options())
    except convert.ConvertError as error:
        raise _core.Error(str(error)) from error
