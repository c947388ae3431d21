"""Data of pacemaker (*.pckl.gzip): a pickled table of pandas with structures of ASE, read without opening the pickle.

Columns: ase_atoms, energy or energy_corrected in eV, forces in eV/Å; and weights (documentation of pacemaker).
"""

from collections.abc import Iterator
from pathlib import Path
from pickle import UnpicklingError
from struct import error as StructError

import numpy as np
from ase import Atoms

from snnp.data.formats import inert
from snnp.data.formats.inert import Inert
from snnp.data.formats.notes import Notes
from snnp.data.formats.opening import open_binary, reason
from snnp.data.frames import DataError

_ATOMS = "ase_atoms"
_NOT_AS_EXPECTED = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, MemoryError)
_HOW = "expected a table of pacemaker with a column ase_atoms; others have to be written as extended XYZ"


def read(path: Path, elements: list[str], notes: Notes) -> Iterator[Atoms]:
    """The structures of the table, with its other columns as their entries."""
    try:
        with open_binary(path) as file:
            columns = _columns(inert.load(file))
    except (UnpicklingError, StructError, EOFError, *_NOT_AS_EXPECTED) as error:
        raise DataError(f"{path}: cannot be read ({reason(error)}); {_HOW}") from error
    if _ATOMS not in columns:
        raise DataError(f"{path}: the columns are {', '.join(columns) or 'not known'}; {_HOW}")
    for n, structure in enumerate(columns.pop(_ATOMS)):
        try:
            yield _with_entries(_structure(structure), {name: values[n] for name, values in columns.items()})
        except _NOT_AS_EXPECTED as error:
            raise DataError(f"{path}:frame {n}: is no structure of ASE ({reason(error)})") from error


def _columns(table: object) -> dict[str, np.ndarray]:
    """The columns of a DataFrame by name, as pandas from version 1 on keeps them."""
    if not (isinstance(table, Inert) and table.name.endswith(".DataFrame")):
        raise DataError("it holds no table of pandas")
    manager = table.state.get("_mgr", table.state.get("_data"))
    if manager.args:
        blocks, axes = manager.args
        parts = [(block.args[0], block.args[1]) for block in blocks]
    else:
        content = manager.state[3]["0.14.1"]
        axes = content["axes"]
        parts = [(block["values"], block["mgr_locs"]) for block in content["blocks"]]
    names = [str(name) for name in _index(axes[0])]
    columns = {}
    for values, where in parts:
        table_part = inert.array(values)
        if table_part is not None:  # others, like text, are not needed
            columns.update(zip((names[n] for n in _places(where, len(names))), table_part, strict=True))
    return columns


def _index(index: Inert) -> np.ndarray:
    """The names in an index: an array, or an array in an array of text."""
    data = index.args[1]["data"]
    found = inert.array(data)
    if found is None:
        inside = data.state if isinstance(data.state, tuple) else ()
        found = next((known for item in inside if (known := inert.array(item)) is not None), None)
    if found is None:
        raise DataError("the names of its columns are kept in a way that is not known")
    return found


def _places(where: object, count: int) -> list[int]:
    """The columns that a block holds: a slice, or numbers."""
    known = inert.array(where)
    return list(range(count))[slice(*where.args)] if known is None else known.tolist()


def _structure(atoms: Inert) -> Atoms:
    arrays = atoms.state["arrays"]
    cell = atoms.state.get("_cellobj", atoms.state.get("_cell"))
    if inert.array(cell) is None:
        cell = cell.state["array"] if cell.state else cell.args[0]
    return Atoms(
        inert.array(arrays["numbers"]),
        inert.array(arrays["positions"]),
        cell=inert.array(cell),
        pbc=inert.array(atoms.state["_pbc"]),
    )


def _with_entries(atoms: Atoms, entries: dict[str, object]) -> Atoms:
    """The structure with numbers, texts and arrays of its row of the table."""
    for name, value in entries.items():
        known = inert.array(value)
        known = inert.number(value) if known is None else known
        if isinstance(known, np.ndarray) and known.dtype.kind in "fiub" and known.shape[:1] == (len(atoms),):
            atoms.arrays[name] = known
        elif isinstance(known, int | float | str | np.ndarray | np.number):
            atoms.info[name] = known
    return atoms
