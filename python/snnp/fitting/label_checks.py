"""Checks of stress labels before a fit: by what a linear model predicts that has seen energies and forces only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy.linalg

from snnp.data import Frame
from snnp.data.batch import Weights
from snnp.data.neighbors import NeighborLists
from snnp.data.sources import some_of_each
from snnp.data.stress import StressLabels, cluster_stress, detect, units
from snnp.fitting.least_squares import START_STRENGTHS, solve
from snnp.fitting.prepare import baseline, streamed, zbl_engine
from snnp.models.linear import LinearModel, coarsened, linear_shape
from snnp.models.shape import Shape
from snnp.virial import matrix, stress

_ATOMS = 10000  # in the frames that the model is fitted to, and in those that it is asked about
_FEWEST, _MOST = 5, 20  # frames of each group in each file that it is asked about


@dataclass
class StressCheck:
    """A linear model of energies and forces, and what it says about the stresses of frames.

    shape: of the model; fixed_e0: energies of isolated atoms where they are known, eV; lists: neighbour lists;
    train, validation: the model is fitted to a part of these; weights: those of energies and forces are used.
    """

    shape: Shape
    fixed_e0: Sequence[float | None]
    lists: NeighborLists
    train: Sequence[Frame]
    validation: Sequence[Frame]
    frames: Sequence[Frame]
    weights: Weights
    threads: int

    def __post_init__(self):
        self.shape = coarsened(self.shape)
        self.weights = replace(self.weights, stress=0.0)
        every = max(sum(len(frame.atoms) for frame in self.train) // _ATOMS, 1)
        self.train, self.validation = self.train[::every], self.validation[::every]
        self.sample = sample(self.frames)

    @property
    def total(self) -> int:
        """How many frames are looked at."""
        return len(self.train) + len(self.validation) + len(self.sample)

    def conventions(self, tick: Callable[[int], None]) -> StressLabels:
        """The conventions of the stresses of `frames`; tick(n): called when n more are done."""
        return detect(units(self.frames, self.sample, *self._predict(tick)))

    def _predict(self, tick: Callable[[int], None]) -> tuple[np.ndarray, np.ndarray]:
        """Stresses of the sample, (sample, 6), and their standard deviations, (sample,), eV/Å³."""
        linear = LinearModel(linear_shape(self.shape))
        offsets = baseline(self.train, self.shape.elements, self.fixed_e0)
        known, held_out = (
            streamed(frames, self.shape, self.lists, self.threads, offsets) for frames in (self.train, self.validation)
        )
        fit = solve(
            linear,
            known,
            held_out if self.validation else None,
            self.weights,
            self.fixed_e0,
            START_STRENGTHS,
            self.threads,
            tick,
            differences=True,
        )
        # The covariance of the coefficients is this times the inverse: as if all errors of forces were independent.
        variance = fit.chosen.train_loss / (3 * known.atoms)
        factor = scipy.linalg.cho_factor(fit.penalised.A, lower=True)
        zbl = zbl_engine(self.shape)
        found, deviations = [], []
        for frame in self.sample:
            s, volume = self.lists.of(frame.atoms), frame.atoms.get_volume()
            rows = linear.design.rows(s, self.threads)[1][0]  # (6, columns), eV
            virial = matrix(rows @ fit.chosen.x)
            if zbl is not None:
                virial += matrix(zbl.evaluate(s, self.threads)["virial"])
            exact = cluster_stress(s, frame)
            found.append(stress(virial, volume) if exact is None else exact)
            squares = variance * np.sum(rows * scipy.linalg.cho_solve(factor, rows.T).T, axis=1)
            deviations.append(np.sqrt(squares.mean()) / volume)
            tick(1)
        return np.array(found), np.array(deviations)


def sample(frames: Sequence[Frame]) -> list[Frame]:
    """Some frames whose stress is known, of each group in each file."""
    known = (frame for frame in frames if frame.stress is not None and np.isfinite(frame.stress).all())
    return some_of_each(known, _ATOMS, _FEWEST, _MOST)
