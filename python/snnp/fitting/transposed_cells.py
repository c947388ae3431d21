"""Cells whose rows are vectors where columns should be, or the other way round, as forces tell."""

from dataclasses import replace

import numpy as np

from snnp.data import Frame
from snnp.data.neighbors import NeighborLists
from snnp.data.review import some_places
from snnp.fitting.force_model import ForceModel
from snnp.models.shape import Shape

_ASYMMETRIC = 0.02  # difference of a cell and its transpose, of the largest component
_SURE = 0.1  # eV/Å, root mean square of forces
_FEWEST = 5
# Parts of the squares of forces that a model leaves: where it leaves less nothing is wrong, and cells are transposed if
# it then leaves so small a part of that.
_WRONG, _BETTER = 0.05, 0.25


def transposed(model: ForceModel, shape: Shape, threads: int) -> str | None:
    """That forces are explained much better with all cells transposed, as the end of a sentence; None: they are not."""
    asked = [n for n, frame in enumerate(model.frames) if _is_asymmetric(frame) and model.sizes[n] > _SURE]
    if len(asked) < _FEWEST or model.left[asked].sum() < _WRONG * model.squares[asked].sum():
        return None
    frames = [_turned(frame) for frame in model.frames]
    lists = NeighborLists(shape.elements, shape.cutoff, keep=False)
    other = ForceModel.of(frames, shape, lists, threads, lambda n: None)
    if other is None or other.left[asked].sum() > _BETTER * model.left[asked].sum():
        return None
    places = some_places([model.frames[n] for n in asked])
    return f"forces go with cells whose rows and columns are exchanged ({places})"


def _is_asymmetric(frame: Frame) -> bool:
    cell = frame.atoms.cell.array
    return bool(frame.atoms.pbc.all() and np.abs(cell - cell.T).max() > _ASYMMETRIC * np.abs(cell).max())


def _turned(frame: Frame) -> Frame:
    if not _is_asymmetric(frame):
        return frame
    atoms = frame.atoms.copy()
    atoms.set_cell(atoms.cell.array.T)
    return replace(frame, atoms=atoms)
