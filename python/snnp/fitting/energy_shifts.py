"""Groups of frames whose energies are shifted by a constant against all others, as forces of a linear model tell."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import scipy.linalg

from snnp.data import Frame
from snnp.data.neighbors import NeighborLists, element_indices
from snnp.data.sources import Source, some_of_each, source
from snnp.fitting.prepare import baseline, prepare
from snnp.models.linear import HOLD_FREE, RIDGE, LinearModel, coarsened, linear_shape
from snnp.models.normal_equations import shifted
from snnp.models.shape import Shape

_COLUMNS = 500  # unknowns of the linear model: shifts are larger than what a finer one would add
_ATOMS = 10000  # in the frames that are looked at
_FEWEST, _MOST = 3, 60  # frames of each group in each file
_ENOUGH_FORCES = 2  # known components of forces for each unknown: fewer do not tell energies from shifts
_FORCE_ATOMS = 20  # of each frame, that say how well forces are described
_ENERGY_WEIGHT = 30.0  # as `loss.energy` by default
# A linear model is worse for strained and hot structures: frames so far above the lowest ones of their group, eV/atom,
# count half.
_HIGH = 0.5
_LOWEST = 0.1  # part of a group that is taken for its lowest frames
# Relative to the mean diagonal of the normal equations; that one is taken which predicts energies best.
_STRENGTHS = 10.0 ** -np.arange(2.0, 8.0)
# Errors of forces by errors of energies per atom, Å: displacements in solids and liquids are several times larger, but
# errors of atoms cancel in part.
_DISTANCE = 0.05
# A shift is one from so many uncertainties on, and from so many eV/atom: in five publications' data without a shift, a
# linear model made 2.6 of the former, or 0.025 of the latter.
_CERTAIN, _LEAST = 4.0, 0.04
_FEW = 3.0  # uncertainties are greater by 1 + this / frames
_DETERMINED = 1e-3  # of the weight of a group's energies: less is left where other compositions are on their own


@dataclass(frozen=True)
class EnergyShift:
    """Frames whose energies are higher by `offset` ± `uncertainty`, eV/atom, than the others agree on.

    name: of the group or file; sources: files and groups of which the frames are.
    """

    name: str
    sources: frozenset[Source]
    offset: float
    uncertainty: float

    def __str__(self) -> str:
        direction = "above" if self.offset > 0 else "below"
        return (
            f"energies of {self.name} are {abs(self.offset):.3g} ± {self.uncertainty:.1g} eV/atom {direction} what all "
            "forces and the energies of the other frames say"
        )


def sample(frames: Sequence[Frame]) -> list[Frame]:
    """Some frames of each group in each file, if there are several; else none. Groups of one or two frames are no
    groups that could be shifted, and may be outliers that shift others."""
    known = [frame for frame in frames if np.isfinite(frame.energy)]
    sizes = Counter(frame.group for frame in known)
    grouped = [frame for frame in known if sizes[frame.group] >= _FEWEST]
    several = len({source(frame) for frame in grouped}) > 1
    return some_of_each(grouped, _ATOMS, _FEWEST, _MOST) if several else []


def find_shifts(
    frames: Sequence[Frame], shape: Shape, lists: NeighborLists, threads: int, tick: Callable[[int], None]
) -> list[EnergyShift]:
    """Shifts of groups, of files and of groups in files, as far as a `sample` determines them.

    Energies and forces are fitted by a linear model with a constant more for the frames in question. A shift is found
    if this explains most of what is wrong, and is many times greater than its uncertainty: that of the other energies
    and of forces, as errors of the model itself. The most frames are never called shifted. tick(n): called when n more
    frames are done.
    """
    shape = coarsened(shape, _COLUMNS)
    energies = baseline(frames, shape.elements, [None] * len(shape.elements))
    equations = _Equations(LinearModel(linear_shape(shape)), len(frames))
    labelled = shifted(prepare(frames, shape, lists, threads), energies)
    equations.add(labelled, threads, tick, _frame_weights(frames, energies, shape))
    if equations.components < _ENOUGH_FORCES * equations.linear.columns:
        return []
    candidates = _candidates(frames)
    members = np.array([[source(frame) in sources for _, sources in candidates] for frame in frames], dtype=float)
    offsets = min((equations.solve(members, strength) for strength in _STRENGTHS), key=lambda found: found.error)
    return [
        EnergyShift(*candidates[n], offset, uncertainty) for n, offset, uncertainty in offsets.certain(members.sum(0))
    ]


def _frame_weights(frames: Sequence[Frame], energies: np.ndarray, shape: Shape) -> np.ndarray:
    """Weights (frames,) that become smaller the higher a frame is above the lowest of its group in its file."""
    own = [energies[element_indices(frame.atoms, shape.elements)].sum() for frame in frames]
    excess = np.array([(frame.energy - e) / len(frame.atoms) for frame, e in zip(frames, own, strict=True)])
    sources = np.array([":".join(source(frame)) for frame in frames])
    for name in set(sources.tolist()):
        excess[sources == name] -= np.quantile(excess[sources == name], _LOWEST)
    return 1 / (1 + (excess / _HIGH) ** 2)


def _candidates(frames: Sequence[Frame]) -> list[tuple[str, frozenset[Source]]]:
    """Names and members of what may be shifted together: groups, files, groups in files."""
    sources = list(dict.fromkeys(source(frame) for frame in frames))
    files, groups = (list(dict.fromkeys(names)) for names in zip(*sources, strict=True))
    sets = [(group, frozenset(s for s in sources if s[1] == group)) for group in groups]
    sets += [(file, frozenset(s for s in sources if s[0] == file)) for file in files]
    sets += [(f"{group} in {file}", frozenset([(file, group)])) for file, group in sources]
    return list({members: (name, members) for name, members in reversed(sets)}.values())[::-1]


@dataclass
class _Equations:
    """Normal equations of forces, and rows of energies per atom, of frames that are added one after the other."""

    linear: LinearModel
    frames: int
    components: int = 0
    energy_rows: list[np.ndarray] = field(default_factory=list)
    energies: list[float] = field(default_factory=list)
    some_forces: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def add(self, labelled: Iterable, threads: int, tick: Callable[[int], None], weights: np.ndarray) -> None:
        """Structures with labels, and how much each counts."""
        columns, E = self.linear.columns, self.linear.shape.n_elements
        self.A, self.b, self.weights = np.zeros((columns, columns)), np.zeros(columns), weights
        for (s, label), weight in zip(labelled, weights, strict=True):
            energy, _, forces = self.linear.design.rows(s, threads)
            row = energy[0] + np.r_[np.zeros(columns - E), np.bincount(s.elements, minlength=E)]
            self.energy_rows.append(row / len(s))
            self.energies.append(label.energy / len(s))
            known = np.isfinite(label.forces).all(1)
            X, y = forces[known].reshape(-1, columns), label.forces[known].ravel()
            self.A += weight * X.T @ X
            self.b += weight * X.T @ y
            self.components += len(y)
            some = np.arange(0, len(y), max(len(y) // (3 * _FORCE_ATOMS), 1))
            self.some_forces.append((np.sqrt(weight) * X[some], np.sqrt(weight) * y[some]))
            tick(1)

    def solve(self, members: np.ndarray, strength: float) -> "_Offsets":
        """The least squares with a constant for each column of members (frames, candidates), and without."""
        root = np.sqrt(self.weights)[:, None]
        X, y, M = root * np.array(self.energy_rows), root[:, 0] * np.array(self.energies), root * members
        w = _ENERGY_WEIGHT / self.frames
        A = self.A / self.components + w * X.T @ X
        penalty = strength * A.diagonal().mean() * (self.linear.differences() + RIDGE * self.linear.size())
        E = self.linear.shape.n_elements
        A += penalty.toarray() + np.diag(np.r_[np.zeros(len(A) - E), np.full(E, HOLD_FREE)])
        b = self.b / self.components + w * X.T @ y
        factor = scipy.linalg.cho_factor(A, lower=True)
        alone, along, spread = (scipy.linalg.cho_solve(factor, rhs) for rhs in (b, w * X.T @ M, w * X.T))
        # What members and energies have beyond what the model can follow.
        left, rest = M - X @ along, y - X @ alone
        S, t = w * M.T @ left, w * M.T @ rest
        inverse = np.linalg.pinv(S, rcond=1e-9, hermitian=True)
        freed = inverse @ t
        # Errors as if each frame were left out.
        leverage = np.sum(X * spread.T, axis=1) + w * np.sum(left @ inverse * left, axis=1)
        errors = np.abs(rest - left @ freed) / np.maximum(1 - leverage, 0.05)
        x = alone - along @ freed
        forces = np.array([_mean_square(F @ x - f) for F, f in self.some_forces])
        inside = members > 0
        scatter = [max(_rms(errors[k]), _rms(errors), _DISTANCE * np.sqrt(forces[k].mean())) for k in inside.T]
        return _Offsets(S, t, w * np.sum(M**2, axis=0), np.array(scatter), _rms(errors), self.frames)


def _mean_square(values: np.ndarray) -> float:
    return float((values**2).mean()) if len(values) else 0.0


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt((values**2).mean()))


@dataclass
class _Offsets:
    """Normal equations S δ = t of the offsets of candidates, eV/atom, when the model follows them.

    weight: of the energies of each; scatter: errors of its energies per atom, eV; error: that of all frames.
    """

    S: np.ndarray
    t: np.ndarray
    weight: np.ndarray
    scatter: np.ndarray
    error: float
    frames: int

    def certain(self, counts: np.ndarray) -> Iterable[tuple[int, float, float]]:
        """Candidates that are shifted for sure, with offset and uncertainty; counts: frames of each.

        One after the other, that first which explains most; the search ends where that one is not sure.
        """
        chosen: list[int] = []
        while True:
            best = max(self._possible(chosen, counts), key=lambda k: self._gain(chosen, k), default=None)
            if best is None:
                break
            offset, share = self._alone(chosen, best)
            if abs(offset) < max(_LEAST, _CERTAIN * self._uncertainty(best, share, counts)):
                break
            chosen.append(best)
        offsets = np.linalg.solve(self.S[np.ix_(chosen, chosen)], self.t[chosen]) if chosen else []
        for k, offset in zip(chosen, offsets, strict=True):
            _, share = self._alone([other for other in chosen if other != k], k)
            yield k, float(offset), self._uncertainty(k, share, counts)

    def _possible(self, chosen: Sequence[int], counts: np.ndarray) -> Iterable[int]:
        """Candidates that leave half of the frames unshifted, and whose offset is determined."""
        left = self.frames / 2 - counts[chosen].sum()
        for k in range(len(counts)):
            if k not in chosen and _FEWEST <= counts[k] <= left and self._alone(chosen, k)[1] > _DETERMINED:
                yield k

    def _alone(self, chosen: Sequence[int], k: int) -> tuple[float, float]:
        """The offset of a candidate, the chosen ones having theirs, and the share of its weight that determines it."""
        S, t = self.S[k, k], self.t[k]
        if chosen:
            by = np.linalg.lstsq(self.S[np.ix_(chosen, chosen)], self.S[chosen, k], rcond=1e-9)[0]
            S, t = S - by @ self.S[chosen, k], t - by @ self.t[chosen]
        share = max(S, 0.0) / self.weight[k]
        return (t / S if share > _DETERMINED else 0.0), share

    def _gain(self, chosen: Sequence[int], k: int) -> float:
        offset, share = self._alone(chosen, k)
        return offset**2 * share * self.weight[k]

    def _uncertainty(self, k: int, share: float, counts: np.ndarray) -> float:
        """Of an offset, eV/atom: errors of the model are the same for all frames of a group, so more do not help."""
        return float(self.scatter[k] / np.sqrt(share) * (1 + _FEW / counts[k]))
