"""Conversion between potential files of this and of other programs; formats are known by the suffixes of files."""

from collections.abc import Callable
from pathlib import Path

from snnp import _core
from snnp.convert import meam_spline, setfl, table, uf3, uf3_json
from snnp.convert.base import ConvertError, Options, comment, is_ours, write_text
from snnp.files import refusal

__all__ = ["FORMATS", "ConvertError", "Options", "convert", "energies", "read", "write"]


def _read_own(path: Path, options: Options) -> _core.Potential:
    p = _core.read_potential(str(path))
    elements = p.elements
    for name in options.e0:
        if name not in [e.name for e in elements]:
            raise ConvertError(f"--e0 {name}: the file has no element {name}")
    for e in elements:
        e.e0 = options.e0.get(e.name, e.e0)
    p.elements = elements
    return p


def _write_own(p: _core.Potential, path: Path, options: Options) -> None:
    write_text(path, _core.format_potential(p))


# Suffix: (read, write); longer suffixes first, so that .meam.sw.spline is not taken for a shorter one.
FORMATS: dict[str, tuple[Callable | None, Callable | None]] = {
    ".meam.sw.spline": (meam_spline.read_sw, meam_spline.write_sw),
    ".meam.spline": (meam_spline.read, meam_spline.write),
    ".eam.alloy": (setfl.read_alloy, setfl.write_alloy),
    ".eam.fs": (setfl.read_fs, setfl.write_fs),
    ".table": (None, table.write),
    ".snnp": (_read_own, _write_own),
    ".uf3": (uf3.read, uf3.write),
    ".json": (uf3_json.read, None),
}


def read(path: Path, options: Options) -> _core.Potential:
    """The potential in a file of any format."""
    return FORMATS[_suffix(path.name, 0)][0](path, options)


def write(p: _core.Potential, path: Path, options: Options, to: str | None = None) -> None:
    """Writes a file; its format is `to` (a suffix), or what the name says."""
    FORMATS[_suffix(f".{to.lstrip('.')}" if to else path.name, 1)][1](p, path, options)


def convert(source: Path, target: Path, options: Options, to: str | None = None) -> list[str]:
    """Converts a file; returns what the user should know about it, a sentence each.

    Raises ConvertError if `target` is there and is neither a potential of this package nor the result of a conversion.
    """
    _suffix(f".{to.lstrip('.')}" if to else target.name, 1)  # before work is done
    if why := refusal(target, [source], is_ours):
        raise ConvertError(f"{target} {why}: expected another name for the result")
    potential = read(source, options)
    potential.comment = comment(potential.comment, source)
    write(potential, target, options, to)
    return options.notes


def energies(assignments: list[str]) -> dict[str, float]:
    """Energies by element from words like Nb=-10.1."""
    found = {}
    for assignment in assignments:
        name, _, value = assignment.partition("=")
        try:
            found[name] = float(value)
        except ValueError:
            raise ConvertError(f"--e0 {assignment}: expected element=energy, e.g. Nb=-10.1") from None
    return found


def _suffix(name: str, direction: int) -> str:
    for suffix, functions in FORMATS.items():
        if name.endswith(suffix) and functions[direction]:
            return suffix
    raise ConvertError(f"{name}: unknown format, expected a file named {_list(direction)}")


def _list(direction: int) -> str:
    names = [f"*{suffix}" for suffix, functions in FORMATS.items() if functions[direction]]
    return ", ".join(names[:-1]) + f" or {names[-1]}"
