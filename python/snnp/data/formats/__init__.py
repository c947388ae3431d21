"""Reading files of labelled structures: what ASE reads under any name, and the formats of other fitting codes."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from ase import Atoms
from ase.data import chemical_symbols

from snnp.data.formats import deepmd, documents, extxyz, lammps_dump, ml_ab, mtp, n2p2, pacemaker, with_ase
from snnp.data.formats.finding import find_files
from snnp.data.formats.notes import Notes
from snnp.data.formats.opening import UNPACKING_ERRORS, reason
from snnp.data.formats.reading import Reading
from snnp.data.formats.recognise import recognise
from snnp.data.formats.units import Units, to_ev_and_angstrom
from snnp.data.frames import DataError, Dataset
from snnp.data.geometry import check_geometry
from snnp.data.labels import label
from snnp.data.outliers import impossible
from snnp.data.sources import tell_files_apart

__all__ = ["FORMATS", "Reading", "check_files", "find_files", "from_atoms", "read"]

# Gives structures, or why one of the file is left out.
Reader = Callable[[Path, list[str], Notes], Iterator[Atoms | str]]

FORMATS: dict[str, Reader] = {
    "extxyz": extxyz.read,
    "n2p2": n2p2.read,
    "mtp": mtp.read,
    "deepmd": deepmd.read,
    "json": documents.read,
    "ml_ab": ml_ab.read,
    "pacemaker": pacemaker.read,
}
# Other names of the same.
_ALIASES = {"xyz": "extxyz", "nep": "extxyz", "runnerdata": "n2p2", "fitsnap": "json", "pymatgen": "json"}


def read(paths: Sequence[str | Path], reading: Reading | None = None) -> Dataset:
    """All usable frames of files, folders and patterns like "run*/OUTCAR".

    Raises DataError, which names file and frame or line, for files that cannot be read and data that cannot be used.
    """
    notes, reading = Notes(), reading or Reading()
    units: dict[str, Units] = {}
    left_out: Counter[str] = Counter()

    def structures() -> Iterator[tuple[Atoms, str]]:
        for path in find_files(paths, notes):
            name = _format(path, reading)
            known = _units(path, name, reading, notes)
            if known is not None:
                units[str(path)] = known
            for n, atoms in enumerate(_structures(path, name, reading, notes)):
                if isinstance(atoms, str):
                    left_out[atoms] += 1
                    notes.add(path, f"structures are left out: {atoms}")
                else:
                    yield atoms, f"{path}:frame {n}"

    data = label(_with_elements(structures()), reading.labels)
    for n, frame in enumerate(data.frames):
        known = units.get(frame.origin.rpartition(":frame ")[0])
        if known is not None:
            data.frames[n] = to_ev_and_angstrom(frame, known)
    data.skipped.update(left_out)
    data.notes = [*notes.sentences(), *data.notes]
    tell_files_apart(data.frames)
    return _checked(data, ", ".join(map(str, paths)))


def check_files(paths: Sequence[str | Path], reading: Reading) -> None:
    """Raises DataError for files that are not there or of no known format, without reading structures."""
    notes = Notes()
    for path in find_files(paths, notes):
        _units(path, _format(path, reading), reading, notes)


def from_atoms(structures: Iterable[Atoms], name: str = "atoms", reading: Reading | None = None) -> Dataset:
    """The usable ones of labelled ASE structures; labels are found as in files. `name` stands in messages.

    Of `reading` only the names of labels matter.
    """
    named = ((atoms, f"{name}:frame {n}") for n, atoms in enumerate(structures))
    return _checked(label(_with_elements(named), (reading or Reading()).labels), name)


def _format(path: Path, reading: Reading) -> str:
    if path.is_dir():
        return "deepmd"
    name = reading.format or recognise(path)
    name = _ALIASES.get(name, name)
    if name is None:
        raise DataError(f"{path}: its format is not known; expected labelled structures, or data.format with its name")
    if name not in FORMATS and not with_ase.reads(name):
        raise DataError(f"data.format '{name}' is unknown: expected one of {', '.join(FORMATS)}, or a format of ASE")
    return name


def _structures(path: Path, name: str, reading: Reading, notes: Notes) -> Iterator[Atoms | str]:
    """What the reader of the format finds; whatever goes wrong there is a DataError."""
    try:
        if name in FORMATS:
            yield from FORMATS[name](path, reading.elements, notes)
        else:
            yield from with_ase.read(path, name, notes, reading.elements)
    except DataError:
        raise
    except UNPACKING_ERRORS as error:
        raise DataError(f"{path}: the packed file is damaged or cut short ({error})") from error
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, MemoryError) as error:
        raise DataError(f"{path}: cannot be read as {name} ({reason(error)})") from error


def _units(path: Path, name: str, reading: Reading, notes: Notes) -> Units | None:
    """The units of the numbers in a file; None: eV and Å."""
    if name in lammps_dump.NAMES:
        return lammps_dump.units(path, name, reading.units, notes)
    if reading.units is None:
        return n2p2.units(path, notes) if name == "n2p2" else None
    if name not in FORMATS:
        raise DataError(f"{path}: files of the format {name} state their units, so that data.units does not apply")
    return reading.units


def _with_elements(structures: Iterable[tuple[Atoms, str]]) -> Iterator[tuple[Atoms, str]]:
    for atoms, origin in structures:
        unknown = (atoms.numbers < 1) | (atoms.numbers >= len(chemical_symbols))
        if unknown.any():
            n = int(unknown.argmax())
            raise DataError(f"{origin}: atom {n} has the atomic number {atoms.numbers[n]}, expected a chemical element")
        yield atoms, origin


def _checked(data: Dataset, where: str) -> Dataset:
    for frame in data.frames:
        check_geometry(frame.atoms, frame.origin)
    wrong = [impossible(frame) for frame in data.frames]
    for frame, what in zip(data.frames, wrong, strict=True):
        if what:
            data.skipped["a label that no structure can have"] += 1
            data.notes.append(f"{frame.origin}: {what} cannot be: the frame is left out")
    data.frames = [frame for frame, what in zip(data.frames, wrong, strict=True) if not what]
    if not data.frames:
        why = ", ".join(data.skipped) or "the file is empty"
        raise DataError(f"{where}: no usable frame ({why}); expected energies and forces")
    return data
