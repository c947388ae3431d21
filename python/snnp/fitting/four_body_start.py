"""Where four-body terms of a fit begin: least squares for what filters leave, with a prior.

Data know little of most of these terms, whose energies may be anything where no data are. The prior is that they are
small over atoms of random cells of the ground states. These do not depend on the model, so that where they are does not
depend on its last digits: processes that share a fit come to the same as one.

The start fixes the basis of their parameters, too: c = T y, with T such that loss and prior are round in y. So training
moves little what the prior holds.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import torch
from ase import Atoms
from numpy import ndarray

from snnp import _core
from snnp.data.batch import FrameStream, LabelledStructure, Weights
from snnp.data.neighbors import structures
from snnp.fitting.grounds import Ground
from snnp.fitting.loss import Loss
from snnp.fitting.progress import Progress, no_progress
from snnp.fitting.shards import Shards
from snnp.models.four_body import terms
from snnp.models.network import Model
from snnp.models.normal_equations import Quadratic, accumulate
from snnp.random_cells import random_cell

# What a mean square of E4 of 1 eV² adds to the loss, which is 1 for the linear model.
_STRENGTH = 100.0
_CELLS = 600  # random ones of the prior
_RIDGE = 1e-9  # of the mean square of an invariant, or of the largest of them: against rounding
# S in parts of the size of E4 at the start, which is the fourth root of the mean of its fourth power.
_BOUND = 5.0


def four_body_start(
    model: Model,
    train: Shards,
    weights: Weights,
    grounds: Sequence[Ground],
    threads: int,
    progress: Progress = no_progress,
) -> None:
    """Sets four-body terms and their basis, and moves energies of isolated atoms that are free.

    grounds: of the data; none: random cells have all elements and the density of the data.
    """
    loss, E, count = Loss(model, weights, 1.0, threads), model.shape.n_elements, model.four_body_basis.shape[0]
    with progress("four-body terms", len(train), "frames") as tick:
        equations = _equations(loss, train, tick)
    free = [count + a for a in range(E) if model.fixed_e0[a] is None]
    prior = _prior(model, grounds or [_ground(model, train)], free)
    x, basis = _solution(equations.A + _STRENGTH * model.unit**2 * prior, equations.b, count, free)
    with torch.no_grad():
        T = torch.from_numpy(model.unit * basis)
        model.four_body_basis.zero_()
        model.four_body_basis[:, :count] = T
        model.four_body.view(-1)[:count] = torch.linalg.solve(T, torch.from_numpy(x[:count]))
        for a in range(E):
            model.constant[a] += x[count + a] / model.unit
    model.four_body_bound.copy_(torch.from_numpy(_bounds(model, train, x[:count].reshape(E, -1), threads)))


def _solution(A: ndarray, b: ndarray, count: int, free: Sequence[int]) -> tuple[ndarray, ndarray]:
    """x with A x = b, (columns,), of which the first `count` are coefficients, and T, (coefficients, coefficients).

    free: columns of energies of isolated atoms that are free. Those that suit coefficients c are offset - slope @ c.
    """
    c = np.arange(count)
    of_free = A[np.ix_(free, free)]
    slope = np.linalg.lstsq(of_free, A[np.ix_(free, c)], rcond=None)[0] if len(free) else np.zeros((0, count))
    offset = np.linalg.lstsq(of_free, b[free], rcond=None)[0] if len(free) else np.zeros(0)
    own = A[np.ix_(c, c)] - A[np.ix_(c, free)] @ slope
    squares = np.diag(own)
    size = np.sqrt(squares + _RIDGE * squares.max())
    values, axes = np.linalg.eigh(own / size / size[:, None])
    T = axes / np.sqrt(values.clip(0) + _RIDGE) / size[:, None]
    x = np.zeros(len(b))
    x[c] = T @ (T.T @ (b[c] - A[np.ix_(c, free)] @ offset))
    x[free] = offset - slope @ x[c]
    return x, T


def _prior(model: Model, grounds: Sequence[Ground], free: Sequence[int]) -> ndarray:
    """Mean squares of E4, with the change of the energy of the isolated atom, over atoms of random cells, added up over
    elements: as A of the loss."""
    shape, E, count = model.shape, model.shape.n_elements, model.four_body_basis.shape[0]
    s = structures(_cells(grounds), shape.elements, shape.cutoff)
    # Each atom is a structure of its own: energies are those of atoms.
    each = _core.Structures(s.offsets, s.indices, s.vectors, s.elements, np.arange(len(s)), len(s))
    rows, *_ = _core.four_body_rows(terms(shape.four_body, E), each, count + E, 1)
    for column in free:
        rows[s.elements == column - count, column] = 1
    return (rows / np.bincount(s.elements, minlength=E)[s.elements, None]).T @ rows


def _cells(grounds: Sequence[Ground]) -> list[Atoms]:
    """Random ones."""
    rng, shares = np.random.default_rng(0), np.array([ground.share for ground in grounds])
    chosen = [grounds[n] for n in rng.choice(len(grounds), _CELLS, p=shares / shares.sum())]
    return [random_cell(rng, ground.formula, ground.volume, ground.shortest) for ground in chosen]


def _ground(model: Model, frames: Shards) -> Ground:
    """What random cells are like if nothing is known of ground states."""
    density, known = frames.sum(_densities, None)
    closest = model.shape.four_body.outer
    return Ground("".join(model.shape.elements), 0.0, known / density if known else 2 * closest**3, closest / 0.8)


def _densities(frames: Sequence[LabelledStructure], _: None) -> np.ndarray:
    """The sum of atoms by volume, 1/Å³, of frames that have one, and their number."""
    found = [(len(s), labels.volume) for s, labels in frames]
    densities = [atoms / volume for atoms, volume in found if np.isfinite(volume) and volume > 0]
    return np.array([sum(densities), float(len(densities))])


def _equations(loss: Loss, frames: Shards, tick: Callable[[int], None]) -> Quadratic:
    """The loss of all frames by coefficients and energies of isolated atoms; tick(n): n more frames are done."""
    size, n = (len(frames), int(frames.atoms.sum())), loss.model.four_body_basis.shape[0] + loss.model.shape.n_elements
    found = frames.sum(_of_frames, (loss, *size))
    tick(len(frames))
    return Quadratic(np.asfortranarray(found[: n * n].reshape(n, n)), found[n * n : -1], float(found[-1]))


def _of_frames(frames: Sequence[LabelledStructure], argument: tuple[Loss, int, int]) -> ndarray:
    """What frames of a rank add, in one row."""
    loss, structures, atoms = argument
    shape, count = loss.model.shape, loss.model.four_body_basis.shape[0]
    own, columns = terms(shape.four_body, shape.n_elements), count + shape.n_elements
    left = FrameStream(lambda: (_left(loss, frame) for frame in frames), structures, atoms)
    found = accumulate(
        lambda s: _core.four_body_rows(own, s, columns, loss.threads), columns, shape.n_elements, left, loss.weights
    )
    return np.concatenate([found.A.ravel(), found.b, [found.c]])


def _left(loss: Loss, frame: LabelledStructure) -> LabelledStructure:
    """A frame with what the model leaves of its labels."""
    s, labels = frame
    _, (energy,), F, (W,) = loss.predict(s)
    virial = None if labels.virial is None else labels.virial - (W + W.T) / 2
    return s, replace(labels, energy=labels.energy - energy, forces=labels.forces - F, virial=virial)


def _bounds(model: Model, frames: Shards, coefficients: ndarray, threads: int) -> ndarray:
    """S of each element, eV."""
    E, found = model.shape.n_elements, terms(model.shape.four_body, model.shape.n_elements, coefficients)
    for one in found:
        one.bound = 1e6
    fourth = frames.sum(_fourth_powers, (found, threads))
    size = (fourth / np.maximum(frames.compositions(E).sum(0), 1)) ** 0.25
    return _BOUND * np.maximum(size, 1e-3 * model.unit)


def _fourth_powers(frames: Sequence[LabelledStructure], argument: tuple[list[_core.FourBody], int]) -> ndarray:
    """Sums over atoms of an element of the fourth power of E4, by element."""
    found, threads = argument
    sums = np.zeros(len(found))
    for s, _ in frames:
        np.add.at(sums, s.elements, _core.FourBodyTrainer().values(found, s, threads) ** 4)
    return sums
