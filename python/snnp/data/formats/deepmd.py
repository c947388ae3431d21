"""Folders of DeePMD-kit: type.raw, type_map.raw, set.*/coord.npy, …; also with mixed types (real_atom_types.npy).

Energy in eV, force in eV/Å, coord and box in Å, virial (9,) in eV, positive under compression (DeePMD-kit's
documentation, "Data").
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ase import Atoms

from snnp.data.formats.notes import Notes
from snnp.data.formats.opening import LFS_POINTER, NO_LFS, head
from snnp.data.formats.structure import element_of, labelled_atoms, stress_of_virial
from snnp.data.frames import DataError

TYPES = "type.raw"


def is_system(folder: Path) -> bool:
    """Whether a folder is a system of DeePMD-kit."""
    return (folder / TYPES).is_file()


def read(folder: Path, elements: list[str], notes: Notes) -> Iterator[Atoms]:
    """Structures of all sets of a system. elements: of the types 0, 1, …, in place of type_map.raw."""
    types = _types(folder / TYPES)
    names = elements or _type_map(folder)
    sets = sorted(folder.glob("set.*"))
    if not sets:
        raise DataError(f"{folder}: has no folder set.000, expected one with coord.npy, box.npy, energy.npy, force.npy")
    for part in sets:
        yield from _set(part, types, names, (folder / "nopbc").exists())


def _types(path: Path) -> np.ndarray:
    try:
        return np.loadtxt(path, dtype=int, ndmin=1).ravel()
    except (ValueError, OverflowError) as error:
        raise DataError(f"{path}: expected the type of each atom, a whole number ({error})") from error


def _type_map(folder: Path) -> list[str]:
    path = folder / "type_map.raw"
    if not path.is_file():
        raise DataError(
            f"{folder}: type_map.raw is missing, and types are no elements: expected data.elements with the element of "
            "each type, e.g. [O, H]"
        )
    labels = path.read_text().split()
    names = [element_of(label) for label in labels]
    if None in names:
        raise DataError(f"{path}: '{labels[names.index(None)]}' is no chemical symbol")
    return names


def _set(folder: Path, types: np.ndarray, names: list[str], isolated: bool) -> Iterator[Atoms]:
    coord = _load(folder / "coord.npy", len(types) * 3)
    frames = {
        name: _load(folder / f"{name}.npy", width, len(coord), optional=True)
        for name, width in (
            ("box", 9),
            ("energy", 1),
            ("force", len(types) * 3),
            ("virial", 9),
            ("real_atom_types", len(types)),
        )
    }
    if frames["box"] is None and not isolated:
        raise DataError(f"{folder}: box.npy is missing, expected cells, or a file nopbc beside {TYPES}")
    if frames["real_atom_types"] is None and types.min(initial=0) < 0:
        raise DataError(f"{folder}: {TYPES} has the type {types.min()}, expected 0, 1, …")
    for n in range(len(coord)):
        one = {name: None if array is None else np.array(array[n]) for name, array in frames.items()}
        kinds = types if one["real_atom_types"] is None else one["real_atom_types"].astype(int)
        real = kinds >= 0  # others fill up frames with fewer atoms
        if kinds.max(initial=0) >= len(names):
            raise DataError(f"{folder}:frame {n}: has the type {kinds.max()}, but types have {len(names)} names")
        cell = None if isolated else one["box"].reshape(3, 3).astype(float)
        virial = one["virial"] if cell is not None else None
        yield labelled_atoms(
            [names[kind] for kind in kinds[real]],
            coord[n].reshape(-1, 3)[real].astype(float),
            cell,
            not isolated,
            None if one["energy"] is None else float(one["energy"].item()),
            None if one["force"] is None else one["force"].reshape(-1, 3)[real],
            None if virial is None else stress_of_virial(virial.reshape(3, 3), cell),
        )


def _load(path: Path, width: int, frames: int | None = None, optional: bool = False) -> np.ndarray | None:
    """An array (frames, width) that stays on disk until it is looked at; nothing pickled is opened."""
    if optional and not path.is_file():
        return None
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        if path.is_file() and head(path).startswith(LFS_POINTER):
            raise DataError(f"{path}: {NO_LFS}") from error
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DataError(f"{path}: is no NumPy array of numbers ({reason})") from error
    if array.dtype.kind not in "fiu" or array.size % width or frames not in (None, array.size // width):
        expected = f"({frames if frames is not None else '…'}, {width})"
        raise DataError(f"{path}: has shape {array.shape} of {array.dtype}, expected {expected} of numbers")
    return array.reshape(-1, width)
