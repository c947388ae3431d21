"""Frames made ready for a fit: neighbour lists, targets without the repulsive core, shear stresses in ASE's order."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from ase.stress import full_3x3_to_voigt_6_stress
from ase.units import GPa

from snnp import _core
from snnp.data import Frame
from snnp.export import linear_potential
from snnp.linear import LinearModel, solve
from snnp.model import Shape
from snnp.neighbors import element_indices, structures
from snnp.normal import Frames, LabelledStructure, fit_offsets, shifted
from snnp.shear import ShearOrders, detect_shear_orders
from snnp.training import Labels, Weights
from snnp.warmstart import STRENGTHS, coarsened, linear_shape


def prepare(frames: Sequence[Frame], shape: Shape, threads: int) -> Iterator[LabelledStructure]:
    """Neighbour lists and targets, one frame after the other; what the core contributes is taken off the targets."""
    core = _core_engine(shape)
    for frame in frames:
        s = structures([frame.atoms], shape.elements, shape.cutoff)
        labels = Labels(frame.energy, frame.forces, frame.virial)
        if core is not None and len(s.vectors) and np.linalg.norm(s.vectors, axis=1).min() < core.cutoff:
            out = core.evaluate(s, threads)
            virial = np.array(out["virial"])[[0, 3, 4, 3, 1, 5, 4, 5, 2]].reshape(3, 3)
            labels = Labels(
                labels.energy - out["energy"],
                labels.forces - out["forces"],
                None if labels.virial is None else labels.virial - virial,
            )
        yield s, labels


def _core_engine(shape: Shape) -> _core.Engine | None:
    """Nothing but the repulsive core."""
    outer = [core[1] for core in shape.core if core]
    if not outer:
        return None
    ends = [np.linspace(0.5 * min(outer), min(outer), 4)] * len(shape.pair_knots)
    bare = Shape(shape.elements, 0, 0, ends, shape.core)
    nothing = np.zeros((len(bare.unordered), bare.functions[0]))
    return _core.Engine(linear_potential(bare, nothing, [], np.zeros(bare.n_elements), " core"))


def offsets(frames: Sequence[Frame], elements: Sequence[str], fixed_e0: Sequence[float | None]) -> np.ndarray:
    """Energies per element, eV, that leave the least of the energies of frames."""
    kinds = [np.bincount(element_indices(frame.atoms, elements), minlength=len(elements)) for frame in frames]
    return fit_offsets(np.array(kinds), np.array([frame.energy for frame in frames]), fixed_e0)


def streamed(frames: Sequence[Frame], shape: Shape, threads: int, less: np.ndarray) -> Frames:
    """The frames as a linear fit reads them, without the energies `less` of elements; neighbour lists are not kept."""
    return Frames(
        lambda: shifted(prepare(frames, shape, threads), less), len(frames), sum(len(frame.atoms) for frame in frames)
    )


def shear_orders(
    shape: Shape,
    fixed_e0: Sequence[float | None],
    train: Sequence[Frame],
    validation: Sequence[Frame],
    energy_weight: float,
    threads: int,
    tick: Callable[[int], None],
) -> ShearOrders:
    """The order of shear labels, by what a linear model predicts that has seen energies and forces only."""
    shape = coarsened(shape)
    linear = LinearModel(linear_shape(shape))
    less = offsets(train, shape.elements, fixed_e0)
    known, held_out = (streamed(frames, shape, threads, less) for frames in (train, validation))
    weights = Weights(energy_weight, 0.0)
    chosen = solve(
        linear, known, held_out if validation else None, weights, fixed_e0, STRENGTHS, threads, tick, differences=True
    ).chosen
    stressed = [frame for frame in train if frame.stress is not None]
    found = []
    for frame, (s, labels) in zip(stressed, prepare(stressed, shape, threads), strict=True):
        virial = (linear.design.rows(s, threads)[1][0] @ chosen.x)[[0, 3, 4, 3, 1, 5, 4, 5, 2]].reshape(3, 3)
        virial += frame.virial - labels.virial  # the core
        found.append(full_3x3_to_voigt_6_stress(-virial / frame.atoms.get_volume()) / GPa)
    labels = np.array([frame.stress / GPa for frame in stressed])
    return detect_shear_orders(np.array(found), labels, np.array([frame.group for frame in stressed]))
