"""Frames made ready for a fit: neighbour lists, and targets without the ZBL repulsion."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from snnp import _core
from snnp.data import DataError, Frame
from snnp.data.batch import FrameStream, LabelledStructure, Labels, relative_weights
from snnp.data.neighbors import NeighborLists, Unlisted, element_indices
from snnp.models.normal_equations import fit_offsets, shifted
from snnp.models.potentials import linear_potential
from snnp.models.shape import Shape
from snnp.virial import matrix

# Labels below this are rounding: eV per atom, eV/Å, eV/Å³.
_NOTHING = 1e-9


def prepare(frames: Sequence[Frame], shape: Shape, lists: NeighborLists, threads: int) -> Iterator[LabelledStructure]:
    """Neighbour lists and targets, one frame after the other; the ZBL repulsion is taken off the targets."""
    zbl = zbl_engine(shape)
    for frame, weights in zip(frames, relative_weights(frames), strict=True):
        s = lists.of(frame.atoms)
        volume = math.nan if frame.stress is None else frame.atoms.get_volume()
        labels = Labels(frame.energy, frame.forces, frame.virial, weights, volume)
        if zbl is not None and len(s.vectors) and np.linalg.norm(s.vectors, axis=1).min() < zbl.cutoff:
            out = zbl.evaluate(s, threads)
            labels = Labels(
                labels.energy - out["energy"],
                labels.forces - out["forces"],
                None if labels.virial is None else labels.virial - matrix(out["virial"]),
                weights,
                volume,
            )
        yield s, labels


@dataclass(frozen=True, slots=True)
class Held:
    """A frame as it stays in memory; it is called when it is needed.

    source: of its neighbour list. value: its labels, or what a function made of them and the structure, without that.
    """

    source: _core.Packed | Unlisted
    value: Any

    def __call__(self) -> Any:
        s = self.source.unpacked()
        return (s, self.value) if isinstance(self.value, Labels) else replace(self.value, structures=s)

    def converted(self, function: Callable[[LabelledStructure], Any]) -> "Held":
        """What the function makes of the frame, a dataclass with `structures`, held in the same way."""
        return Held(self.source, replace(function(self()), structures=None))


def prepare_to_hold(
    frames: Sequence[Frame], shape: Shape, lists: NeighborLists, threads: int
) -> Iterator[tuple[_core.Structures, Labels, _core.Packed | Unlisted]]:
    """As `prepare`, and where neighbour lists come from when they are needed again."""
    for frame, (s, labels) in zip(frames, prepare(frames, shape, lists, threads), strict=True):
        yield s, labels, lists.source(frame.atoms)


def zbl_engine(shape: Shape) -> _core.Engine | None:
    """Nothing but the ZBL repulsion; None: there is none."""
    outer = [radii[1] for radii in shape.zbl if radii]
    if not outer:
        return None
    ends = [np.linspace(0.5 * min(outer), min(outer), 4)] * len(shape.pair_knots)
    bare = Shape(shape.elements, 0, 0, ends, shape.zbl)
    nothing = np.zeros((len(bare.unordered), bare.functions[0]))
    return _core.Engine(linear_potential(bare, nothing, [], np.zeros(bare.n_elements), " ZBL"))


def baseline(frames: Sequence[Frame], elements: Sequence[str], fixed_e0: Sequence[float | None]) -> np.ndarray:
    """Energies per element, eV, (elements,), that leave the least of the energies of frames."""
    kinds = [np.bincount(element_indices(frame.atoms, elements), minlength=len(elements)) for frame in frames]
    return fit_offsets(np.array(kinds), np.array([frame.energy for frame in frames]), fixed_e0)


def require_content(frames: Sequence[Frame], elements: Sequence[str], fixed_e0: Sequence[float | None]) -> None:
    """Raises DataError if energies of elements explain all labels, so that nothing is left to fit."""
    offsets = baseline(frames, elements, fixed_e0)
    for frame in frames:
        n = np.bincount(element_indices(frame.atoms, elements), minlength=len(elements))
        left = [(frame.energy - n @ offsets) / len(frame.atoms), *frame.forces.ravel()]
        left += [] if frame.stress is None else [*frame.stress]
        if np.nanmax(np.abs(left)) > _NOTHING:
            return
    raise DataError(
        "there is nothing to fit: forces and stresses are zero, and energies are the same for every atom of an "
        "element; expected structures that differ"
    )


def streamed(
    frames: Sequence[Frame], shape: Shape, lists: NeighborLists, threads: int, offsets: np.ndarray
) -> FrameStream:
    """The frames as a linear fit reads them, without the energies `offsets` (elements,), eV, of elements."""
    return FrameStream(
        lambda: shifted(prepare(frames, shape, lists, threads), offsets),
        len(frames),
        sum(len(frame.atoms) for frame in frames),
    )
