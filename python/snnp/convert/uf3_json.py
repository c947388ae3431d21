"""Models of the Python package uf3 (JSON): like `*.uf3`, and with the energies of isolated atoms.

{"coefficients": {"W": number, "W-W": [...], "W-W-W": [[[...]]]},  along r_ij, r_ik, r_jk; the first is the centre
 "knots": {"W-W": [...], "W-W-W": [[...], [...], [...]]}, …}       of r_ij, r_ik, r_jk; ends four times
"""

import json
from pathlib import Path

import numpy as np

from snnp import _core
from snnp.convert.base import MOST_BYTES, ConvertError, Options, comment, is_element
from snnp.convert.uf3 import KNOTS, are_knots, assembled, check_symmetry
from snnp.files import read_text


def read(path: Path, options: Options) -> _core.Potential:
    """A model in JSON: the same function above the first knots, and below them a repulsive zbl."""
    try:
        model = json.loads(read_text(path, MOST_BYTES))
        coefficients, knots = dict(model["coefficients"]), dict(model["knots"])
    except OSError as error:
        raise ConvertError(f"{path}: {error.strerror}") from error
    except json.JSONDecodeError as error:
        raise ConvertError(f"{path}:{error.lineno}: {error.msg}") from error
    except (KeyError, TypeError, ValueError, RecursionError):
        raise ConvertError(f"{path}: expected a model of the package uf3, with 'coefficients' and 'knots'") from None
    energies, pairs, triples = {}, {}, {}
    for name, values in coefficients.items():
        elements = name.split("-")
        if not all(map(is_element, elements)) or len(elements) > 3:
            raise ConvertError(f"{path}: found coefficients of '{name}', expected one, two or three elements")
        where = f"{path}: {name}"
        c = _numbers(where, values, len(elements) - 1 if len(elements) < 3 else 3)
        if len(elements) == 1:
            energies[name] = float(c)
            continue
        sequences = [knots.get(name)] if len(elements) == 2 else knots.get(name) or []
        t = [_knots(where, sequence) for sequence in sequences]
        if c.shape != tuple(len(k) + 2 for k in t):
            raise ConvertError(
                f"{where}: found {c.shape} coefficients, expected {[len(k) + 2 for k in t]} for these knots"
            )
        if len(elements) == 2:
            pairs[tuple(sorted(elements))] = t[0], 2 * c
        else:
            triples[tuple(elements)] = t, c
            if elements[1] == elements[2]:
                check_symmetry(where, t[0], t[1], c)
    if not pairs:
        raise ConvertError(f"{path}: expected coefficients of pairs of elements")
    return assembled(path, comment("", path), pairs, triples, energies, options)


def _numbers(where: str, values, dimensions: int) -> np.ndarray:
    try:
        found = np.array(values, dtype=float)
    except (TypeError, ValueError):
        found = np.array(np.nan)
    if found.ndim != dimensions or not np.isfinite(found).all():
        raise ConvertError(
            f"{where}: expected {'a number' if dimensions == 0 else f'{dimensions}-dimensional numbers'}"
        )
    return found


def _knots(where: str, values) -> np.ndarray:
    t = _numbers(f"{where}, knots", values, 1)
    if not are_knots(t):
        raise ConvertError(f"{where}: expected knots that {KNOTS}")
    return t[3:-3]
