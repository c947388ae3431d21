"""Longer cutoffs, where a linear model of the forces says that they pay."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from snnp import console
from snnp.data import DataError, Frame
from snnp.data.batch import FrameStream, LabelledStructure, Weights
from snnp.data.neighbors import NeighborLists
from snnp.fitting.least_squares import START_STRENGTHS, Trial, solve
from snnp.fitting.prepare import prepare
from snnp.kinds.choose import Choice
from snnp.models.linear import LinearModel, coarsened, linear_shape
from snnp.models.shape import Shape

# Part of the error of forces that a longer cutoff has to take away. From 24 to 36 neighbours it was 14 % for Li and 5 %
# for Ta, and less than 1 % for Mo, Si and Cu.
_GAIN = 0.05
_FRAMES, _ATOMS = 60, 4000  # are fitted, and as many others are held out
_LEAST = 40  # frames with forces: fewer say nothing about differences of some per cent


def best_cutoffs(options: Sequence[Choice], frames: Sequence[Frame], threads: int, log: console.Log) -> Choice:
    """The last option that is better than the one before by enough; they stand in order of their cost.

    The linear model is that where a fit of filters and networks starts, here of forces alone: these know nothing of
    energies that are shifted, nor of the convention of stresses, which are settled later.
    """
    known = [frame for frame in frames if not np.isnan(frame.forces).all()]
    if len(options) < 2 or len(known) < _LEAST:
        return options[0]
    fitted, held_out = samples(known, _FRAMES, _ATOMS)
    found: list[str] = []
    with log.progress("cutoffs", len(options) * (len(fitted) + len(held_out)), "frames") as tick:
        chosen, best = None, np.inf
        for option in options:
            error = _linear_error(option.shape, fitted, held_out, threads, tick)
            found.append(f"{error:.4f} eV/Å to {option.model.three_body_cutoff} Å")
            if error > (1 - _GAIN) * best:
                break
            chosen, best = option, error
    if chosen is None:  # not even the first one can be solved
        return options[0]
    model = chosen.model
    taken = f"taken are {model.three_body_cutoff} Å, and {model.pair_cutoff} Å of pairs"
    log.print(f"cutoffs: error of forces of a linear model {', '.join(found)}; {taken}")
    return chosen


def samples(frames: Sequence[Frame], most: int, most_atoms: int) -> tuple[list[Frame], list[Frame]]:
    """Two samples of the frames, at random, each of at most `most` frames and about `most_atoms` atoms."""
    order = np.random.default_rng(0).permutation(len(frames))
    found = []
    for half in (order[::2], order[1::2]):
        atoms = np.cumsum([len(frames[n].atoms) for n in half])
        count = min(int(np.searchsorted(atoms, most_atoms)) + 1, most)
        found.append([frames[n] for n in half[:count]])
    return found[0], found[1]


def force_error(
    shape: Shape,
    fitted: Sequence[Frame],
    held_out: Sequence[Frame],
    threads: int,
    solved: Callable[[list[LabelledStructure], list[LabelledStructure], Weights], Trial],
) -> float:
    """Root mean square of what is wrong with forces that were held out, eV/Å; infinite if there is no solution.

    solved: the solution for both sets of frames, with forces alone.
    """
    lists = NeighborLists(shape.elements, shape.cutoff, keep=False)
    sets = [list(prepare(part, shape, lists, threads)) for part in (fitted, held_out)]
    try:
        return float(np.sqrt(solved(*sets, Weights(energy=0.0, stress=0.0, force=1.0)).validation_loss))
    except DataError:
        return np.inf


def _linear_error(shape: Shape, fitted: Sequence[Frame], held_out: Sequence[Frame], threads: int, tick) -> float:
    """That of the linear model."""
    shape = replace(coarsened(shape), pinned=[])  # labels are as they were given
    linear, fixed = LinearModel(linear_shape(shape)), [None] * shape.n_elements

    def solved(*sets_and_weights) -> Trial:
        *sets, weights = sets_and_weights
        streams = map(FrameStream.held, sets)
        return solve(linear, *streams, weights, fixed, START_STRENGTHS, threads, tick, differences=True).chosen

    return force_error(shape, fitted, held_out, threads, solved)
