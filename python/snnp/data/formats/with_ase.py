"""All other formats, through ASE."""

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

import ase.io
from ase import Atoms
from ase.io.formats import UnknownFileTypeError, filetype, ioformats
from ase.io.vasp_parsers.vasp_outcar_parsers import outcarchunks

from snnp.data.formats import lammps_dump
from snnp.data.formats.convergence import FORCE_FIELD, OUTPUTS, STARS, UNCONVERGED, Steps, Watched
from snnp.data.formats.notes import Notes
from snnp.data.formats.opening import is_packed, open_binary, open_text, reason
from snnp.data.frames import DataError


def guess(path: Path) -> str | None:
    """ASE's name of the format of a file, by its name or its first bytes; None: neither tells."""
    try:
        name = filetype(str(path), read=True)
    except (UnknownFileTypeError, OSError):
        return None
    return name if reads(name) else None


def reads(name: str) -> bool:
    """Whether ASE has a reader of that name."""
    return name in ioformats and ioformats[name].can_read


def read(path: Path, name: str, notes: Notes, elements: Sequence[str] | None = None) -> Iterator[Atoms | str]:
    """Structures of a file in ASE's format `name`, or why one is left out.

    elements: of atom types, in a format that has types.
    Output of a program that was stopped is used as far as it goes, with a note.
    """
    known = lammps_dump.elements(path, name, elements or ()) if name in lammps_dump.NAMES else {}
    if elements and not known:
        notes.add(path, f"data.elements is not used, as files of the format {name} have elements")
    kind, count = ioformats[name], 0
    if not kind.acceptsfd and is_packed(path):
        raise DataError(f"{path}: ASE reads the format {name} from unpacked files only; unpack it first")
    source = (open_binary if kind.isbinary else open_text)(path) if kind.acceptsfd else str(path)
    steps = OUTPUTS.get(name, Steps)()
    if name in OUTPUTS:
        source = Watched(source, steps)
    if name == "vasp-out":
        frames = _outcar(source)
    else:
        frames = ase.io.iread(
            source, index=slice(None), format=name, parallel=False, do_not_split_by_at_sign=True, **known
        )
    try:
        while (atoms := _next(frames, path, notes)) is not None:
            yield UNCONVERGED if steps.left_out(count) else atoms
            count += 1
    except DataError:
        raise
    except Exception as error:  # ASE's readers raise whatever comes up
        if not count and not steps.of_force_field:
            raise DataError(f"{path}: ASE cannot read it as {name} ({_reason(error)})") from error
        if count:
            notes.add(path, f"read up to frame {count - 1}; what follows is incomplete ({_reason(error)})")
    finally:
        if kind.acceptsfd:
            source.close()
    yield from [FORCE_FIELD] * steps.of_force_field


def _reason(error: Exception) -> str:
    return STARS if _stars(error) else reason(error)


def _stars(error: Exception) -> bool:
    return "***" in str(error)


def _outcar(source: TextIO) -> Iterator[Atoms | str]:
    """Structures of an OUTCAR one by one, and so the others where one cannot be read; ASE itself reads all or none."""
    for chunk in outcarchunks(source):
        try:
            yield chunk.build()
        except ValueError as error:
            if not _stars(error):
                raise
            yield STARS


def _next(frames: Iterator[Atoms | str], path: Path, notes: Notes) -> Atoms | str | None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        atoms = next(frames, None)
    for warning in caught:
        notes.add(path, f"ASE says: {str(warning.message).strip()}")
    return atoms
