"""EAM and s-MEAM: densities with a spline embedding, fitted by Gauss-Newton steps.

E_i = e0 + ½ Σ_j φ(r_ij) + U(n_i) − U(0),  n_i = Σ_j ρ(r_ij) + Σ_{j<k} f(r_ij) f(r_ik) g(cos θ_jik)

Made linear in its coefficients (cpp/snnp/density.h), such a model is fitted like a linear one; each step is damped
(Levenberg 1944, Marquardt 1963). The penalty of curvature begins strong and becomes weaker in stages, each starting
where the last one ended, until the validation loss does not fall any more.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import scipy.linalg
import torch
from scipy import sparse
from scipy.interpolate import BSpline

from snnp import _core
from snnp.linear import HOLD_FIXED, HOLD_FREE, RIDGE, LinearModel, diagonal, solve
from snnp.model import Shape
from snnp.normal import Frames, LabelledStructure, Quadratic, accumulate, fit_offsets, shifted
from snnp.optimize import Record
from snnp.splines import END, clamped, gram, project
from snnp.training import Weights
from snnp.warmstart import STRENGTHS as START_STRENGTHS
from snnp.warmstart import coarsened, compress, linear_shape, refine

# Stages, in the units of `LinearModel.curvature`.
STRENGTHS = 10.0 ** -np.arange(3.0, 8.0)
_MOST = 25  # steps of one stage
_GAIN = 1e-3  # relative gain of a step below which a stage ends
_MARGIN = 0.05  # knots of U go beyond the densities of the data by this part of their range
# Decay of the first ρ and f, in units of cutoff − first knot.
_DECAYS = (0.15, 0.3, 0.6)
_SAMPLE = 600  # atoms that are enough to compare first guesses
# Steps of all that are left, how strongly curvature is penalised, and how many stay.
_HEATS = ((12, 1e-3, 8), (20, 1e-4, 4), (30, 1e-5, 1))
# Sizes of the three-body part of a first density: its sign against that of ρ decides which valley a fit goes into.
_RATIOS = (-3.0, -1.0, -0.3, 0.3, 1.0)
_FIRST = 1e-3  # strength of the penalty while they are compared
# Searches for the f and g that come closest to the linear model, and steps of each.
_COMPRESSIONS, _COMPRESSION_STEPS = 10, 150
_MOST_DAMPING = 1e6


@dataclass
class Layout:
    """Where coefficients stand: by name, a slice and the shape of what is there."""

    phi: tuple[int, int]
    rho: tuple[int, int]
    f: tuple[int, int]
    g: tuple[int, int]
    U: tuple[int, int]
    e0: tuple[int, int]

    @staticmethod
    def of(shape: Shape, embedding_knots: int) -> "Layout":
        E, P = shape.n_elements, len(shape.unordered)
        n_pair, n_leg, n_angle = shape.functions
        n_rho = len(shape.rho_knots[0]) + 2 - shape.end
        three = (E * E, n_leg), (E * P, n_angle)
        none = (0, 0), (0, 0)
        return Layout((P, n_pair), (E * E, n_rho), *(three if shape.n3 else none), (E, embedding_knots + 2), (E, 1))

    def split(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Views of parts of x, one row per spline."""
        parts, at = {}, 0
        for name, size in vars(self).items():
            parts[name] = x[at : at + math.prod(size)].reshape(size)
            at += math.prod(size)
        return parts

    @property
    def columns(self) -> int:
        return sum(math.prod(size) for size in vars(self).values())


@dataclass
class Place:
    """The loss near some coefficients, and the densities there by element."""

    quadratic: Quadratic
    lowest: np.ndarray
    highest: np.ndarray
    spread: np.ndarray


@dataclass
class State:
    """Where a fit stands; with it, it goes on as if it had not been interrupted."""

    x: np.ndarray
    knots: np.ndarray  # of U, (elements, knots)
    unit: float  # eV/Å, root of the loss of the pair potential
    stage: int = 0
    in_stage: int = 0
    step: int = 0
    damping: float = 1e-2
    seconds: float = 0.0
    trials: list = field(default_factory=list)  # (validation loss, strength, x, knots) of the stages so far
    history: list = field(default_factory=list)
    done: bool = False


class DensityFit:
    """A fit of EAM (shape.n3 = 0) or s-MEAM (1). Runs, stops and goes on like `snnp.optimize.Optimizer`."""

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
        self.shape, self.fixed_e0, self.weights, self.threads = shape, list(fixed_e0), weights, threads
        self.steps = steps
        self.layout = Layout.of(shape, embedding_knots)
        self.strengths = STRENGTHS if smoothness is None else _down_to(smoothness)
        self.smoothness = smoothness
        train, validation = data
        E = shape.n_elements
        compositions = np.array([np.bincount(s.elements, minlength=E) for s, _ in train])
        self.offsets = fit_offsets(compositions, np.array([label.energy for _, label in train]), fixed_e0)
        self.train = list(shifted(train, self.offsets))
        self.validation = list(shifted(validation, self.offsets))
        self.state_: State | None = None

    # -- the run ------------------------------------------------------------------------------------------------

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
        """Steps until the end, or until stop(): then the answer is False."""
        if self.state_ is None:
            self.state_ = self._first_guess()
        state = self.state_
        here = self._linearise(self.train, state.x, state.knots)
        while not state.done:
            if stop():
                return False
            begun = time.monotonic()
            here, finished = self._one_step(state, here, self.train, self.strengths[state.stage])
            state.step += 1
            state.in_stage += 1
            if finished or state.in_stage == _MOST or state.step == self.steps:
                self._end_stage(here, report, begun)
                here = self._linearise(self.train, state.x, state.knots)
            state.seconds += time.monotonic() - begun
            tick(state.step)
        return True

    def _one_step(self, state: State, here: Place, frames, strength: float) -> tuple[Place, bool]:
        """A step that is taken if it makes the penalised loss smaller; whether the next ones are not worth it."""
        penalty = self._penalty(state.knots, strength)
        stiffness = here.quadratic.A.diagonal() + penalty.diagonal()
        damp = sparse.diags_array(state.damping * stiffness) + self._scales(state.x, stiffness)
        try:
            x = here.quadratic.minimum(penalty + damp, damp @ state.x)
        except np.linalg.LinAlgError:
            state.damping *= 10
            return here, state.damping > _MOST_DAMPING
        there = self._linearise(frames, x, state.knots)
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
            held_out = self._linearise(self.validation, state.x, state.knots).quadratic(state.x)
        strength = float(self.strengths[state.stage])
        seconds = state.seconds + time.monotonic() - begun
        state.history.append(Record(state.step, strength, train / state.unit**2, held_out / state.unit**2, seconds))
        report(state.history[-1])
        state.trials.append((held_out, strength, state.x.copy(), state.knots.copy()))
        best = min(trial[0] for trial in state.trials)
        worse = self.smoothness is None and all(t[0] > best for t in state.trials[-2:])
        state.stage += 1
        state.in_stage, state.damping = 0, 1e-2
        state.done = worse or state.stage == len(self.strengths) or state.step >= self.steps
        state.x, state.knots = self._normalised(state.x, state.knots, here)

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

    # -- the model ----------------------------------------------------------------------------------------------

    def _linearise(self, frames: Sequence[LabelledStructure], x: np.ndarray, knots: np.ndarray) -> Place:
        shape, E = self.shape, self.shape.n_elements
        three = shape.n3 > 0
        angles = [shape.angle_knots] * (E * len(shape.unordered)) if three else []
        functions = [size[1] for size in (self.layout.phi, self.layout.rho, self.layout.f)]
        legs = shape.leg_knots if three else []
        model = _core.Density(E, shape.pair_knots, shape.rho_knots, legs, angles, knots, functions)
        densities, kinds = [], []

        def rows(structures):
            *matrix, n = model.rows(structures, x[:-E], self.threads)
            densities.append(n)
            kinds.append(structures.elements)
            return matrix

        base = x.copy()
        parts = self.layout.split(base)
        for linear in ("phi", "U", "e0"):
            parts[linear][:] = 0
        quadratic = accumulate(rows, len(x), E, Frames.held(frames), self.weights, base=base)
        n, kind = np.concatenate(densities), np.concatenate(kinds)
        by_element = [n[kind == a] if np.any(kind == a) else np.zeros(1) for a in range(E)]
        return Place(quadratic, *(np.array([f(n) for n in by_element]) for f in (np.min, np.max, np.std)))

    def _penalty(self, knots: np.ndarray, strength: float) -> sparse.csr_array:
        """Strength times curvature and size of all splines, and what holds given e0."""
        shape, E = self.shape, self.shape.n_elements
        n_pair, n_leg, n_angle = shape.functions
        blocks = [gram(shape.pair_knots[a * E + b], n_pair, 2) for a, b in shape.unordered]
        blocks += [gram(k, self.layout.rho[1], 2) for k in shape.rho_knots]
        if shape.n3:
            blocks += [gram(k, n_leg, 2) for k in shape.leg_knots]
            blocks += [gram(shape.angle_knots, n_angle, 2)] * (E * len(shape.unordered))
        blocks += [gram(k, len(k) + 2, 2) for k in knots]
        blocks = [block + RIDGE * np.eye(len(block)) for block in blocks]
        hold = np.diag([HOLD_FREE if e0 is None else HOLD_FIXED for e0 in self.fixed_e0])
        return diagonal([*(strength * block for block in blocks), hold])

    def _scales(self, x: np.ndarray, stiffness: np.ndarray) -> sparse.csr_array:
        """What keeps steps from changing scales that the energy does not notice: of f against g, and of the density.

        Along them a step that is long in linear approximation would leave the valley that they are.
        """
        E, P = self.shape.n_elements, len(self.shape.unordered)
        total = sparse.csr_array((len(x), len(x)))
        for a in range(E):
            for names in (("f",),):
                direction = np.zeros(len(x))
                old, new = self.layout.split(x), self.layout.split(direction)
                for name in names:
                    rows = slice(a * P, (a + 1) * P) if name == "g" else slice(a * E, (a + 1) * E)
                    new[name][rows] = old[name][rows]
                size = direction @ direction
                if size > 0:
                    v = sparse.csr_array((stiffness * direction)[:, None])
                    total = total + v @ v.T / (direction @ (stiffness * direction))
        return total

    def _normalised(self, x: np.ndarray, knots: np.ndarray, here: Place) -> tuple[np.ndarray, np.ndarray]:
        """The same model with densities that vary by 1 over the data, and knots of U where the data are."""
        x = x.copy()
        parts = self.layout.split(x)
        E, P = self.shape.n_elements, len(self.shape.unordered)
        new = np.empty_like(knots)
        for a in range(E):
            scale = 1 / max(here.spread[a], 1e-3 * (here.highest[a] - here.lowest[a]), 1e-12)
            legs, angles = slice(a * E, (a + 1) * E), slice(a * P, (a + 1) * P)
            parts["rho"][legs] *= scale
            if self.shape.n3:
                size = max(np.sqrt((parts["f"][legs] ** 2).mean()), 1e-12)
                parts["f"][legs] /= size
                parts["g"][angles] *= scale * size**2
            low, high = scale * here.lowest[a], scale * here.highest[a]
            new[a] = scale * knots[a]
            margin = _MARGIN * (high - low) + 1e-3
            off = max(new[a][0] - low, high - new[a][-1], low - new[a][0] - 2 * margin, new[a][-1] - high - 2 * margin)
            if off > 0:
                old, U = new[a], parts["U"][a].copy()
                new[a] = np.linspace(low - margin, high + margin, knots.shape[1])
                parts["U"][a] = project(lambda n, old=old, U=U: _continued(old, U, n), new[a], len(U))
        return x, new

    # -- the beginning ------------------------------------------------------------------------------------------

    def _first_guess(self) -> State:
        """The best of many densities: some steps of each on a part of the data, more of those that do well."""
        every = -(-sum(len(s) for s, _ in self.train) // _SAMPLE)
        sample = self.train[::every]
        race = []
        for x, knots in self._guesses():
            here = self._linearise(sample, x, knots)
            x = self._solve(here, knots, x, ("phi", "U", "e0"))
            race.append((State(x, knots, 1.0), self._linearise(sample, x, knots)))
        for steps, strength, stay in _HEATS:
            race = [(state, self._run_on(state, here, sample, steps, strength)) for state, here in race]
            race.sort(key=lambda runner: runner[1].quadratic(runner[0].x))
            race = race[:stay]
        state, here = race[0]
        x, knots = self._normalised(state.x, state.knots, here)
        here = self._linearise(self.train, x, knots)
        pair = x.copy()
        self.layout.split(pair)["U"][:] = 0
        unit = np.sqrt(here.quadratic(self._solve(here, knots, pair, ("phi", "e0"))))
        return State(self._solve(here, knots, x, ("phi", "U", "e0")), knots, float(unit))

    def _run_on(self, state: State, here: Place, frames, steps: int, strength: float) -> Place:
        state.damping = 1e-2
        for _ in range(steps):
            here, _ = self._one_step(state, here, frames, strength)
        return here

    def _guesses(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Coefficients of ρ, f and g, and knots of U."""
        for decay in _DECAYS:
            yield self._simple(decay, None, None)
        if self.shape.n3:
            f, g = self._from_linear_model()
            for decay in _DECAYS[1:]:
                for ratio in _RATIOS:
                    yield self._simple(decay, f, ratio * g)

    def _from_linear_model(self) -> tuple[np.ndarray, np.ndarray]:
        """f and g whose product comes closest to the tensor of the linear model."""
        shape = coarsened(replace(self.shape, n2=0, end=END))
        linear = LinearModel(linear_shape(shape))
        known = Frames.held(self.train)
        held_out = Frames.held(self.validation) if self.validation else None
        fit = solve(
            linear, known, held_out, self.weights, self.fixed_e0, START_STRENGTHS, self.threads, differences=True
        )
        _, f, g, _ = compress(shape, fit.penalised, _COMPRESSION_STEPS, range(_COMPRESSIONS))
        functions = self.layout.f[1]
        pairs = zip(f, shape.leg_knots, self.shape.leg_knots, strict=True)
        return (
            np.array([refine(c, old, new, functions)[:, 0] for c, old, new in pairs]),
            np.array([refine(c, shape.angle_knots, self.shape.angle_knots, self.layout.g[1])[:, 0] for c in g]),
        )

    def _simple(self, decay: float, f: np.ndarray | None, g: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """A ρ that decays with distance, f and g as given or a decaying f and no g, and knots of U."""
        x = np.zeros(self.layout.columns)
        parts = self.layout.split(x)
        parts["rho"][:] = [_decaying(k, parts["rho"].shape[1], decay) for k in self.shape.rho_knots]
        if f is not None:
            parts["f"][:], parts["g"][:] = f, g
        elif self.shape.n3:
            parts["f"][:] = [_decaying(k, parts["f"].shape[1], 2 * decay) for k in self.shape.leg_knots]
        knots = np.tile(np.linspace(0, 1, self.layout.U[1] - 2), (self.layout.U[0], 1))
        return self._normalised(x, knots, self._linearise(self.train, x, knots))

    def _solve(self, here: Place, knots: np.ndarray, x: np.ndarray, names: Sequence[str]) -> np.ndarray:
        """x with the parts named, in which the model is linear, where they are best."""
        x = x.copy()
        free = np.zeros(len(x), dtype=bool)
        for name, part in self.layout.split(free).items():
            part[:] = name in names
        A = here.quadratic.A + self._penalty(knots, _FIRST).toarray()
        b = here.quadratic.b - A[:, ~free] @ x[~free]
        x[free] = scipy.linalg.solve(A[np.ix_(free, free)], b[free], assume_a="pos")
        return x


def _down_to(smoothness: float) -> np.ndarray:
    """Stages that end with a given strength."""
    first = STRENGTHS[0]
    decades = math.ceil(math.log10(first / max(smoothness, 1e-16)) - 1e-6)
    return np.append(first * 10.0 ** -np.arange(max(decades, 0)), smoothness)


def _penalised(here: Place, penalty: sparse.csr_array, x: np.ndarray) -> float:
    return here.quadratic(x) + float(x @ (penalty @ x))


def _decaying(knots: np.ndarray, functions: int, decay: float) -> np.ndarray:
    """Coefficients of a curve that falls from 1 at the first knot to 0 at the last."""

    def curve(r):
        y = (r - knots[0]) / (knots[-1] - knots[0])
        return np.exp(-y / decay) * (1 - y) ** 2

    return project(curve, knots, functions)


def _continued(knots: np.ndarray, coefficients: np.ndarray, n: np.ndarray) -> np.ndarray:
    """A spline that goes on linearly beyond its knots."""
    spline = BSpline(clamped(knots), coefficients, 3)
    inside = np.clip(n, knots[0], knots[-1])
    return spline(inside) + spline(inside, nu=1) * (n - inside)
