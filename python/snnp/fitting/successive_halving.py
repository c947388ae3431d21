"""Where a fit of EAM or s-MEAM starts: the best of many simple densities.

By successive halving (Jamieson and Talwalkar, AISTATS 2016): some steps of each on part of the data, then more steps of
those that do well, until one is left.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from snnp.data.batch import FrameStream, LabelledStructure
from snnp.fitting.compression import compress, refine
from snnp.fitting.gauss_newton import DAMPING, State, gauss_newton_step
from snnp.fitting.least_squares import START_STRENGTHS, solve
from snnp.fitting.progress import Progress, no_progress
from snnp.models.density import DensityModel, Linearised
from snnp.models.linear import LinearModel, coarsened, linear_shape
from snnp.splines import END

# Decay of the first ρ and f, in units of cutoff − first knot.
_DECAYS = (0.15, 0.3, 0.6)
# Sizes of the three-body part of a first density: its sign against that of ρ decides which minimum a fit goes into.
_RATIOS = (-3.0, -1.0, -0.3, 0.3, 1.0)
# Searches for the f and g that come closest to the linear model, and steps of each.
_COMPRESSIONS, _COMPRESSION_STEPS = 10, 150
_SAMPLE = 600  # atoms that are enough to compare
_FIRST = 1e-3  # strength of the penalty at the start
# Rounds: steps of each candidate, how strongly curvature is penalised, and how many stay. Minima differ only after some
# tens of steps, and clearly only when the penalty is weak.
_ROUNDS = ((12, 1e-3, 8), (20, 1e-4, 4), (30, 1e-5, 1))


@dataclass
class Candidate:
    """A density that may become the start, and the loss near it."""

    state: State
    here: Linearised

    @property
    def loss(self) -> float:
        """(eV/Å)², over the sample."""
        return self.here.quadratic(self.state.x)


@dataclass
class Round:
    """Where the search for a start stands."""

    step: int
    steps: int  # of the whole search
    candidates: int
    stay: int  # how many of them go on
    error: float  # of the best one, eV/Å: root of the loss over the sample
    seconds: float


def find_start(
    model: DensityModel,
    train: Sequence[LabelledStructure],
    validation: Sequence[LabelledStructure],
    progress: Progress = no_progress,
    report: Callable[[Round], None] = lambda search: None,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Coefficients, knots of U (elements, knots), and the root of the loss of the pair potential, eV/Å."""
    every = -(-sum(len(s) for s, _ in train) // _SAMPLE)
    sample = train[::every]
    candidates = _candidates(model, train, validation, sample, progress)
    best = _halve(model, candidates, sample, progress, report)
    x, knots = model.normalised(best.state.x, best.state.knots, best.here)
    here = model.linearise(train, x, knots)
    pair = x.copy()
    model.layout.split(pair)["U"][:] = 0
    unit = np.sqrt(here.quadratic(model.solved(here, knots, pair, ("phi", "e0"), _FIRST)))
    return model.solved(here, knots, x, ("phi", "U", "e0"), _FIRST), knots, float(unit)


def _halve(
    model: DensityModel, candidates: list[Candidate], sample, progress: Progress, report: Callable[[Round], None]
) -> Candidate:
    """The one that is best in the end."""

    def show(stay: int) -> None:
        error = math.sqrt(max(min(c.loss for c in candidates), 0.0))  # rounding makes the loss of exact fits negative
        report(Round(done, total, len(candidates), stay, error, time.monotonic() - begun))

    done, total, begun = 0, _all_steps(len(candidates)), time.monotonic()
    show(len(candidates))
    with progress("search", total, "steps") as tick:
        for steps, strength, stay in _ROUNDS:
            for candidate in candidates:
                candidate.state.damping = DAMPING
                for _ in range(steps):
                    candidate.here, _ = gauss_newton_step(model, candidate.state, candidate.here, sample, strength)
                    tick(1)
            candidates.sort(key=lambda c: c.loss)
            done += steps * len(candidates)
            show(min(stay, len(candidates)))
            candidates = candidates[:stay]
    return candidates[0]


def _all_steps(candidates: int) -> int:
    """Steps of a search, of all candidates."""
    total = 0
    for steps, _, stay in _ROUNDS:
        total += candidates * steps
        candidates = min(candidates, stay)
    return total


def _candidates(model: DensityModel, train, validation, sample, progress: Progress) -> list[Candidate]:
    """Densities of all kinds, with the φ and U that suit them."""
    guesses = _guesses(model, train, validation, progress)
    candidates = []
    with progress("first densities", len(guesses), "densities") as tick:
        for decay, f, g in guesses:
            x, knots = model.simple(train, decay, f, g)
            here = model.linearise(sample, x, knots)
            x = model.solved(here, knots, x, ("phi", "U", "e0"), _FIRST)
            candidates.append(Candidate(State(x, knots, 1.0), model.linearise(sample, x, knots)))
            tick(1)
    return candidates


def _guesses(
    model: DensityModel, train, validation, progress: Progress
) -> list[tuple[float, np.ndarray | None, np.ndarray | None]]:
    """Decay of ρ, f and g, as `DensityModel.simple` takes them."""
    guesses = [(decay, None, None) for decay in _DECAYS]
    if model.shape.n3:
        f, g = _from_linear_model(model, train, validation, progress)
        guesses += [(decay, f, ratio * g) for decay in _DECAYS[1:] for ratio in _RATIOS]
    return guesses


def _from_linear_model(model: DensityModel, train, validation, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
    """f and g whose product comes closest to the tensor of the linear model."""
    shape = coarsened(replace(model.shape, n2=0, end=END))
    linear = LinearModel(linear_shape(shape))
    known = FrameStream.held(train)
    held_out = FrameStream.held(validation) if validation else None
    with progress("linear model", len(train) + len(validation), "frames") as tick:
        fit = solve(
            linear,
            known,
            held_out,
            model.weights,
            model.fixed_e0,
            START_STRENGTHS,
            model.threads,
            tick,
            differences=True,
        )
    positive = "f" in model.constraints.positive
    with progress("f and g", _COMPRESSIONS * _COMPRESSION_STEPS, "steps") as tick:
        _, f, g, _ = compress(shape, fit.penalised, _COMPRESSION_STEPS, range(_COMPRESSIONS), tick, positive=positive)
    functions = model.layout.f[1]
    pairs = zip(f, shape.radial_knots, model.shape.radial_knots, strict=True)
    return (
        np.array([refine(c, old, new, functions)[:, 0] for c, old, new in pairs]),
        np.array([refine(c, shape.angle_knots, model.shape.angle_knots, model.layout.g[1])[:, 0] for c in g]),
    )
