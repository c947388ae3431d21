"""Fits of EAM and s-MEAM by Gauss-Newton steps.

The model made linear in its coefficients is fitted like a linear one; each step is damped (Levenberg 1944, Marquardt
1963). The penalty of curvature begins strong and becomes weaker in stages, each starting where the last one ended,
until the validation loss does not fall any more.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from scipy import sparse

from snnp.density import DensityModel, Layout, Place
from snnp.linear import LinearModel, solve
from snnp.model import Shape
from snnp.normal import Frames, LabelledStructure, fit_offsets, shifted
from snnp.optimize import Record
from snnp.splines import END
from snnp.training import Weights
from snnp.warmstart import STRENGTHS as START_STRENGTHS
from snnp.warmstart import coarsened, compress, linear_shape, refine

# Stages, in the units of `LinearModel.curvature`: a stronger penalty leads out of the valley that the race has found.
STRENGTHS = 10.0 ** -np.arange(3.0, 8.0)
_MOST = 25  # steps of one stage
_GAIN = 1e-3  # relative gain of a step below which a stage ends
_DAMPING, _MOST_DAMPING = 1e-2, 1e6  # of the first step of a stage, and where there is no way down any more

# The race for a start. Decay of the first ρ and f, in units of cutoff − first knot.
_DECAYS = (0.15, 0.3, 0.6)
# Sizes of the three-body part of a first density: its sign against that of ρ decides which valley a fit goes into.
_RATIOS = (-3.0, -1.0, -0.3, 0.3, 1.0)
# Searches for the f and g that come closest to the linear model, and steps of each.
_COMPRESSIONS, _COMPRESSION_STEPS = 10, 150
_SAMPLE = 600  # atoms that are enough to compare
_FIRST = 1e-3  # strength of the penalty at the start
# Steps of all that are left, how strongly curvature is penalised, and how many stay. Valleys differ only after some
# tens of steps, and clearly only when the penalty is weak.
_HEATS = ((12, 1e-3, 8), (20, 1e-4, 4), (30, 1e-5, 1))


@dataclass
class State:
    """Where a fit stands; with it, it goes on as if it had not been interrupted."""

    x: np.ndarray
    knots: np.ndarray  # of U, (elements, knots)
    unit: float  # eV/Å, root of the loss of the pair potential
    stage: int = 0
    in_stage: int = 0
    step: int = 0
    damping: float = _DAMPING
    seconds: float = 0.0
    trials: list = field(default_factory=list)  # (validation loss, strength, x, knots) of the stages so far
    history: list = field(default_factory=list)
    done: bool = False


Runner = tuple[State, Place]  # a density in the race, and the loss near it


@dataclass
class Heat:
    """Where the race for a start stands."""

    step: int
    steps: int  # of the whole race
    densities: int
    stay: int  # how many of them go on
    error: float  # of the best one, eV/Å: root of the loss over the sample
    seconds: float


# Shows how far a block is, by title, total and unit, like `snnp.console.Log.progress`; what it yields advances it.
Progress = Callable[[str, int, str], AbstractContextManager[Callable[[int], None]]]


@contextmanager
def _unseen(title: str, total: int, unit: str) -> Iterator[Callable[[int], None]]:
    yield lambda n: None


class DensityFit:
    """A fit of a `DensityModel`. After `start` it runs, stops and goes on like `snnp.optimize.Optimizer`.

    data: training and validation frames. smoothness: the penalty of the last stage; None: by validation.
    """

    def __init__(
        self,
        shape: Shape,
        embedding_knots: int,
        fixed_e0: Sequence[float | None],
        data: tuple[Sequence[LabelledStructure], Sequence[LabelledStructure]],
        weights: Weights,
        threads: int,
        steps: int,
        smoothness: float | None = None,
    ):
        self.model = DensityModel(shape, embedding_knots, fixed_e0, weights, threads)
        self.steps, self.smoothness = steps, smoothness
        self.strengths = STRENGTHS if smoothness is None else _down_to(smoothness)
        train, validation = data
        compositions = np.array([np.bincount(s.elements, minlength=shape.n_elements) for s, _ in train])
        self.offsets = fit_offsets(compositions, np.array([label.energy for _, label in train]), fixed_e0)
        self.train = list(shifted(train, self.offsets))
        self.validation = list(shifted(validation, self.offsets))
        self.state_: State | None = None

    @property
    def layout(self) -> Layout:
        return self.model.layout

    @property
    def step(self) -> int:
        return self.state_.step if self.state_ else 0

    @property
    def x(self) -> np.ndarray:
        """Coefficients; energies of elements are relative to `offsets`."""
        return self.state_.x

    @property
    def knots(self) -> np.ndarray:
        """Of U, (elements, knots)."""
        return self.state_.knots

    @property
    def history(self) -> list[Record]:
        return self.state_.history

    def run(
        self,
        report: Callable[[Record], None] = lambda record: None,
        tick: Callable[[int], None] = lambda step: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> bool:
        """Steps from `start` or `restore` until the end, or until stop(): then the answer is False."""
        state = self.state_
        here = self.model.linearise(self.train, state.x, state.knots)
        while not state.done:
            if stop():
                return False
            begun = time.monotonic()
            here, finished = self._one_step(state, here, self.train, self.strengths[state.stage])
            state.step += 1
            state.in_stage += 1
            if finished or state.in_stage == _MOST or state.step >= self.steps:
                self._end_stage(here, report, begun)
                here = self.model.linearise(self.train, state.x, state.knots)
            state.seconds += time.monotonic() - begun
            tick(state.step)
        return True

    def _one_step(self, state: State, here: Place, frames, strength: float) -> tuple[Place, bool]:
        """A step that is taken if it makes the penalised loss smaller; whether the next ones are not worth it."""
        penalty = self.model.penalty(state.knots, strength)
        stiffness = here.quadratic.A.diagonal() + penalty.diagonal()
        damp = sparse.diags_array(state.damping * stiffness) + self.model.held(state.x, stiffness)
        try:
            x = here.quadratic.minimum(penalty + damp, damp @ state.x)
        except np.linalg.LinAlgError:
            state.damping *= 10
            return here, state.damping > _MOST_DAMPING
        there = self.model.linearise(frames, x, state.knots)
        gain = 1 - _penalised(there, penalty, x) / _penalised(here, penalty, state.x)
        if gain > 0:
            state.x, here = x, there
            state.damping = max(state.damping / 10, 1e-9)
        else:
            state.damping *= 10
        return here, 0 < gain < _GAIN or state.damping > _MOST_DAMPING

    def _end_stage(self, here: Place, report: Callable[[Record], None], begun: float) -> None:
        state = self.state_
        train = here.quadratic(state.x)
        held_out = train
        if self.validation:
            held_out = self.model.linearise(self.validation, state.x, state.knots).quadratic(state.x)
        strength = float(self.strengths[state.stage])
        seconds = state.seconds + time.monotonic() - begun
        state.history.append(Record(state.step, strength, train / state.unit**2, held_out / state.unit**2, seconds))
        report(state.history[-1])
        state.trials.append((held_out, strength, state.x.copy(), state.knots.copy()))
        best = min(trial[0] for trial in state.trials)
        worse = self.smoothness is None and all(t[0] > best for t in state.trials[-2:])
        state.stage += 1
        state.in_stage, state.damping = 0, _DAMPING
        state.done = worse or state.stage == len(self.strengths) or state.step >= self.steps
        state.x, state.knots = self.model.normalised(state.x, state.knots, here)

    def use_best(self) -> None:
        """Goes back to the end of the best stage: with a given smoothness the last one."""
        trials = self.state_.trials
        _, _, x, knots = trials[-1] if self.smoothness is not None else min(trials, key=lambda t: t[:1])
        self.state_.x, self.state_.knots = x, knots

    def state(self) -> dict:
        """All that a later `restore` needs."""
        state = dict(vars(self.state_))
        state["x"], state["knots"] = torch.from_numpy(state["x"]), torch.from_numpy(state["knots"])
        state["trials"] = [(v, s, torch.from_numpy(x), torch.from_numpy(k)) for v, s, x, k in state["trials"]]
        state["history"] = [vars(record) for record in state["history"]]
        return state

    def restore(self, state: dict) -> None:
        """Continues where `state` was taken."""
        state = dict(state)
        state["x"], state["knots"] = state["x"].numpy(), state["knots"].numpy()
        state["trials"] = [(v, s, x.numpy(), k.numpy()) for v, s, x, k in state["trials"]]
        state["history"] = [Record(**record) for record in state["history"]]
        self.state_ = State(**state)

    # -- the beginning ----------------------------------------------------------------------------------------------

    def start(self, progress: Progress = _unseen, report: Callable[[Heat], None] = lambda heat: None) -> None:
        """Begins at the best of many densities: some steps of each on part of the data, more of those that do well."""
        every = -(-sum(len(s) for s, _ in self.train) // _SAMPLE)
        sample = self.train[::every]
        state, here = self._race(self._runners(sample, progress), sample, progress, report)
        x, knots = self.model.normalised(state.x, state.knots, here)
        here = self.model.linearise(self.train, x, knots)
        pair = x.copy()
        self.layout.split(pair)["U"][:] = 0
        unit = np.sqrt(here.quadratic(self.model.solved(here, knots, pair, ("phi", "e0"), _FIRST)))
        self.state_ = State(self.model.solved(here, knots, x, ("phi", "U", "e0"), _FIRST), knots, float(unit))

    def _race(self, race: list[Runner], sample, progress: Progress, report: Callable[[Heat], None]) -> Runner:
        """The one that is best in the end."""

        def show(stay: int) -> None:
            error = math.sqrt(max(min(map(_loss, race)), 0.0))  # rounding makes the loss of exact fits negative
            report(Heat(done, total, len(race), stay, error, time.monotonic() - begun))

        done, total, begun = 0, _race_steps(len(race)), time.monotonic()
        show(len(race))
        with progress("race", total, "steps") as tick:
            for steps, strength, stay in _HEATS:
                race = [(state, self._run_on(state, here, sample, steps, strength, tick)) for state, here in race]
                race.sort(key=_loss)
                done += steps * len(race)
                show(min(stay, len(race)))
                race = race[:stay]
        return race[0]

    def _run_on(self, state: State, here: Place, frames, steps: int, strength: float, tick) -> Place:
        state.damping = _DAMPING
        for _ in range(steps):
            here, _ = self._one_step(state, here, frames, strength)
            tick(1)
        return here

    def _runners(self, sample, progress: Progress) -> list[Runner]:
        """Densities of all kinds, with the φ and U that suit them."""
        first = self._guesses(progress)
        race = []
        with progress("first densities", len(first), "densities") as tick:
            for decay, f, g in first:
                x, knots = self.model.simple(self.train, decay, f, g)
                here = self.model.linearise(sample, x, knots)
                x = self.model.solved(here, knots, x, ("phi", "U", "e0"), _FIRST)
                race.append((State(x, knots, 1.0), self.model.linearise(sample, x, knots)))
                tick(1)
        return race

    def _guesses(self, progress: Progress) -> list[tuple[float, np.ndarray | None, np.ndarray | None]]:
        """Decay of ρ, f and g, as `DensityModel.simple` takes them."""
        guesses = [(decay, None, None) for decay in _DECAYS]
        if self.model.shape.n3:
            f, g = self._from_linear_model(progress)
            guesses += [(decay, f, ratio * g) for decay in _DECAYS[1:] for ratio in _RATIOS]
        return guesses

    def _from_linear_model(self, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        """f and g whose product comes closest to the tensor of the linear model."""
        shape = coarsened(replace(self.model.shape, n2=0, end=END))
        linear = LinearModel(linear_shape(shape))
        known = Frames.held(self.train)
        held_out = Frames.held(self.validation) if self.validation else None
        weights, fixed_e0, threads = self.model.weights, self.model.fixed_e0, self.model.threads
        with progress("linear model", len(self.train) + len(self.validation), "frames") as tick:
            fit = solve(linear, known, held_out, weights, fixed_e0, START_STRENGTHS, threads, tick, differences=True)
        with progress("f and g", _COMPRESSIONS, "searches") as tick:
            _, f, g, _ = compress(shape, fit.penalised, _COMPRESSION_STEPS, range(_COMPRESSIONS), tick)
        functions = self.layout.f[1]
        pairs = zip(f, shape.leg_knots, self.model.shape.leg_knots, strict=True)
        return (
            np.array([refine(c, old, new, functions)[:, 0] for c, old, new in pairs]),
            np.array([refine(c, shape.angle_knots, self.model.shape.angle_knots, self.layout.g[1])[:, 0] for c in g]),
        )


def _down_to(smoothness: float) -> np.ndarray:
    """Stages that end with a given strength."""
    first = STRENGTHS[0]
    decades = math.ceil(math.log10(first / max(smoothness, 1e-16)) - 1e-6)
    return np.append(first * 10.0 ** -np.arange(max(decades, 0)), smoothness)


def _race_steps(densities: int) -> int:
    """Steps of a race, of all who take part in it."""
    total = 0
    for steps, _, stay in _HEATS:
        total += densities * steps
        densities = min(densities, stay)
    return total


def _loss(runner: Runner) -> float:
    state, here = runner
    return here.quadratic(state.x)


def _penalised(here: Place, penalty: sparse.csr_array, x: np.ndarray) -> float:
    return here.quadratic(x) + float(x @ (penalty @ x))
