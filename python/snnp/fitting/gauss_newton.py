"""Fits of EAM and s-MEAM by damped Gauss-Newton steps (Levenberg 1944, Marquardt 1963).

Each step fits the model, made linear in its coefficients, like a linear one. The penalty of curvature begins strong and
becomes weaker in stages, each starting where the last one ended, until the validation loss does not fall any more. If
there is a prior of curvature, a last stage begins where the best one ended, with it and the same penalty, for
which steps are kept.
"""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field, replace

import numpy as np
from scipy import sparse

from snnp import _core
from snnp.data.batch import LabelledStructure, Labels, Weights
from snnp.fitting.label_errors import LabelErrors, Residuals, label_errors
from snnp.models.curvature_prior import CurvaturePrior
from snnp.models.density import DensityModel, Layout, Linearised
from snnp.models.normal_equations import Quadratic, fit_offsets, shifted
from snnp.models.potentials import density_potential
from snnp.models.shape import Shape
from snnp.virial import matrix

# Stages, in the units of `LinearModel.curvature`: a stronger penalty leads out of the valley where the fit begins.
STRENGTHS = 10.0 ** -np.arange(3.0, 8.0)
_MAX_STEPS = 25  # of one stage
_GAIN = 1e-3  # relative gain of a step below which a stage ends
# Damping of the first step of a stage, and the one at which there is no way down any more.
DAMPING, _MAX_DAMPING = 1e-2, 1e6


@dataclass
class Record:
    """One line of the curve: the end of a stage. Losses are relative to that of the pair potential, errors mean
    absolute ones."""

    step: int
    smoothness: float
    train_loss: float
    validation_loss: float
    energy_error: float  # of the validation data, meV/atom
    force_error: float  # eV/Å
    stress_error: float  # GPa
    seconds: float
    invariant_points: float = math.nan  # root mean square error of their atomic energies, meV


@dataclass
class State:
    """Where a fit stands; with it, it goes on as if it had not been interrupted."""

    x: np.ndarray
    knots: np.ndarray  # of U, (elements, knots)
    unit: float  # eV/Å, root of the loss of the pair potential
    stage: int = 0
    in_stage: int = 0
    step: int = 0
    damping: float = DAMPING
    seconds: float = 0.0
    trials: list = field(default_factory=list)  # (validation loss, strength, x, knots) of the stages so far
    history: list = field(default_factory=list)
    noise: float = 0.0  # (eV/Å)², the loss at the end of the best stage: from then on there is the prior of curves
    done: bool = False


def gauss_newton_step(
    model: DensityModel, state: State, here: Linearised, frames: Sequence[LabelledStructure], strength: float
) -> tuple[Linearised, bool]:
    """A step that is taken if it makes the penalised loss smaller; whether the next ones are not worth it."""
    penalty = model.penalty(state.knots, strength)
    prior = model.prior(state.x, state.knots, here, state.noise) if state.noise else None
    loss = _with(here, prior)
    stiffness = loss.A.diagonal() + penalty.diagonal()
    damp = sparse.diags_array(state.damping * stiffness) + model.held(state.x, stiffness)
    try:
        A = loss.A + (penalty + damp).toarray()
        x = model.minimum(A, loss.b + damp @ state.x, state.knots)
    except np.linalg.LinAlgError:
        state.damping *= 10
        return here, state.damping > _MAX_DAMPING
    there = model.linearise(frames, x, state.knots)
    gain = 1 - _penalised(_with(there, prior), penalty, x) / _penalised(loss, penalty, state.x)
    if gain > 0:
        state.x, here = x, there
        state.damping = max(state.damping / 10, 1e-9)
    else:
        state.damping *= 10
    return here, 0 < gain < _GAIN or state.damping > _MAX_DAMPING


def _with(here: Linearised, prior: Quadratic | None) -> Quadratic:
    return here.quadratic.plus(1.0, prior) if prior else here.quadratic


def _penalised(loss: Quadratic, penalty: sparse.csr_array, x: np.ndarray) -> float:
    return loss(x) + float(x @ (penalty @ x))


class DensityFit:
    """A fit of a `DensityModel`. After `start` it runs, stops and goes on like `snnp.fitting.minibatch.Optimizer`.

    data: training and validation frames. steps: most Gauss-Newton steps. smoothness: the penalty of the last stage;
    None: by validation. positive, convex: see `snnp.models.constraints`. curvature: a prior of curves.
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
        positive: Sequence[str] = (),
        convex: bool = False,
        curvature: CurvaturePrior | None = None,
    ):
        self.model = DensityModel(shape, embedding_knots, fixed_e0, weights, threads, positive, convex, curvature)
        self.steps, self.smoothness = steps, smoothness
        self.strengths = STRENGTHS if smoothness is None else _down_to(smoothness)
        train, validation = data
        compositions = np.array([np.bincount(s.elements, minlength=shape.n_elements) for s, _ in train])
        self.offsets = fit_offsets(compositions, np.array([label.energy for _, label in train]), fixed_e0)
        self.train = list(shifted(train, self.offsets))
        self.validation = list(shifted(validation, self.offsets))
        self.state_: State | None = None
        self.watch: Callable[[], float] = lambda: math.nan
        """The error of the model at invariant points, meV, at the end of each stage."""

    @property
    def layout(self) -> Layout:
        """Where coefficients stand in x."""
        return self.model.layout

    @property
    def step(self) -> int:
        """Steps done."""
        return self.state_.step if self.state_ else 0

    @property
    def x(self) -> np.ndarray:
        """Coefficients, (columns,); energies of elements are relative to `offsets`, eV."""
        return self.state_.x

    @property
    def knots(self) -> np.ndarray:
        """Of U, (elements, knots)."""
        return self.state_.knots

    @property
    def history(self) -> list[Record]:
        """The ends of all stages so far."""
        return self.state_.history

    def start(self, x: np.ndarray, knots: np.ndarray, unit: float) -> None:
        """Begins at coefficients x, (columns,), and knots of U, (elements, knots).

        unit: root of the loss of the pair potential, eV/Å.
        """
        self.state_ = State(x, knots, unit)

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
            begun, finished = time.monotonic(), False
            if state.step < self._last_step:
                here, finished = gauss_newton_step(self.model, state, here, self.train, self._strength)
                state.step += 1
                state.in_stage += 1
            if finished or state.in_stage == _MAX_STEPS or state.step >= self._last_step:
                self._end_stage(here, report, begun)
                here = self.model.linearise(self.train, state.x, state.knots)
            state.seconds += time.monotonic() - begun
            tick(state.step)
        return True

    def _end_stage(self, here: Linearised, report: Callable[[Record], None], begun: float) -> None:
        state = self.state_
        train = here.quadratic(state.x)
        held_out = train
        if self.validation:
            held_out = self.model.linearise(self.validation, state.x, state.knots).quadratic(state.x)
        strength = self._strength
        seconds = state.seconds + time.monotonic() - begun
        losses, errors = np.array([train, held_out]) / state.unit**2, astuple(self._errors())
        state.history.append(Record(state.step, strength, *map(float, losses), *errors, seconds, self.watch()))
        report(state.history[-1])
        state.trials.append((held_out, strength, state.x.copy(), state.knots.copy()))
        best = min(trial[0] for trial in state.trials)
        worse = self.smoothness is None and all(t[0] > best for t in state.trials[-2:])
        state.stage += 1
        state.in_stage, state.damping = 0, DAMPING
        state.done = bool(state.noise) or worse or state.stage == len(self.strengths) or state.step >= self._last_step
        if state.noise or not (state.done and self.model.curvature):
            state.x, state.knots = self.model.normalised(state.x, state.knots, here)
        else:
            state.done, best = False, self._best
            state.noise = state.history[best].train_loss * state.unit**2
            _, _, x, state.knots = state.trials[best]
            state.x = self.model.with_effective_pair(x, state.knots)

    @property
    def _last_step(self) -> int:
        """Of this stage at most: those before that with a prior leave it a stage of its own, or half of few steps."""
        if self.state_.noise or not self.model.curvature:
            return self.steps
        return self.steps - max(min(_MAX_STEPS, self.steps // 2), 1)

    @property
    def _strength(self) -> float:
        """Of the penalty in this stage."""
        return self.state_.trials[self._best][1] if self.state_.noise else float(self.strengths[self.state_.stage])

    @property
    def _best(self) -> int:
        """The best stage without a prior: with a given smoothness the last one."""
        trials = self.state_.trials[: len(self.strengths)]
        if self.smoothness is not None:
            return len(trials) - 1
        return min(range(len(trials)), key=lambda n: trials[n][0])

    def _errors(self) -> LabelErrors:
        """Of the validation data, whose labels hold neither the ZBL repulsion nor `offsets`."""
        bare = replace(self.model.shape, zbl=[None] * len(self.model.shape.zbl))
        parts = self.layout.split(self.x)
        engine = _core.Engine(density_potential(bare, parts, self.knots, parts["e0"][:, 0], " validation"))
        return label_errors(self._residuals(engine, s, labels) for s, labels in self.validation)

    def _residuals(self, engine: _core.Engine, s: _core.Structures, labels: Labels) -> Residuals:
        out = engine.evaluate(s, self.model.threads)
        energy = np.where(labels.energy_weight > 0, out["energy"] - labels.energy, np.nan) / len(s)
        forces = np.where(labels.force_weights > 0, out["forces"] - labels.forces, np.nan)
        virial = np.full((3, 3), np.nan) if labels.virial is None else matrix(out["virial"]) - labels.virial
        stress = np.where(labels.virial_weights > 0, virial, np.nan) / labels.volume
        return energy[None], forces, stress[None]

    def use_best(self) -> None:
        """Goes back to the end of the best stage, or to that with a prior."""
        state = self.state_
        _, _, state.x, state.knots = state.trials[-1 if state.noise else self._best]

    def state(self) -> dict:
        """All that a later `restore` needs."""
        return {**vars(self.state_), "history": [vars(record) for record in self.state_.history]}

    def restore(self, state: dict) -> None:
        """Continues where `state` was taken."""
        self.state_ = State(**{**state, "history": [Record(**record) for record in state["history"]]})


def _down_to(smoothness: float) -> np.ndarray:
    """Stages that end with a given strength."""
    first = STRENGTHS[0]
    decades = math.ceil(math.log10(first / max(smoothness, 1e-16)) - 1e-6)
    return np.append(first * 10.0 ** -np.arange(max(decades, 0)), smoothness)
