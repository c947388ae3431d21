"""A known potential as the baseline of a fit: what it leaves of the data is fitted, and the result is the sum."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from snnp import _core
from snnp.data import Frame
from snnp.data.neighbors import NeighborLists
from snnp.fitting.sets import Sets
from snnp.kinds.base import ModelSection
from snnp.mapping.monitor import Monitor
from snnp.models.pinned import given_files, marked, pinned_pairs, pinned_potential
from snnp.models.shape import unordered_pairs
from snnp.models.sums import added, check_baseline
from snnp.virial import matrix, stress


@dataclass
class Baseline:
    """A potential that stays as it is; None: there is none, and nothing changes."""

    potential: _core.Potential | None = None
    name: str = ""

    @staticmethod
    def of(model: ModelSection, elements: Sequence[str]) -> "Baseline":
        """That of a configuration; raises snnp.Error if it cannot be one for data of these elements."""
        if given := model.pinned.phi:
            names = ", ".join(dict.fromkeys(file.name for file in given_files(given)))
            return Pinned(pinned_potential(given, elements), names, pinned_pairs(given, elements))
        file = getattr(model, "baseline", None)
        if file is None:
            return Baseline()
        found = Baseline(_core.read_potential(file), file.name)
        check_baseline(found.potential, elements, str(file))
        return found

    @property
    def cutoff(self) -> float:
        """Å."""
        return 0.0 if self.potential is None else self.potential.cutoff()

    def isolated(self, elements: Sequence[str], energies: Sequence[float | None]) -> list[float | None]:
        """Energies of isolated atoms, eV, less those of the baseline; None: not known."""
        if self.potential is None:
            return list(energies)
        own = {e.name: e.e0 for e in self.potential.elements}
        return [None if e is None else e - own[symbol] for symbol, e in zip(elements, energies, strict=True)]

    def without(self, sets: Sets, threads: int) -> Sets:
        """Frames by purpose with labels less energies, forces and stresses of the baseline."""
        return self._shifted(sets, -1.0, threads)

    def restored(self, sets: Sets, threads: int) -> Sets:
        """The labels that `without` has changed as they were, to rounding."""
        return self._shifted(sets, 1.0, threads)

    def add(self, fitted: _core.Potential) -> _core.Potential:
        """The sum of both."""
        return fitted if self.potential is None else added(self.potential, fitted)

    def watched(self, monitor: Monitor, lists: NeighborLists) -> Monitor:
        """Invariant points of labels without the baseline, as those of labels as they were, for the sum."""
        if self.potential is None:
            return monitor
        frames = self.restored({"points": [point.frame for point in monitor.points]}, monitor.threads)["points"]
        points = [replace(point, frame=frame) for point, frame in zip(monitor.points, frames, strict=True)]
        return Monitor(points, lists, monitor.threads)

    def sentence(self, frames: Sequence[Frame]) -> str:
        """How much it leaves of the forces; frames: without it."""
        return f"baseline {self.name}, which stays as it is: it leaves forces of {_size(frames)} (RMS) to be fitted"

    def _shifted(self, sets: Sets, sign: float, threads: int) -> Sets:
        if self.potential is None:
            return sets
        engine = _core.Engine(self.potential)
        lists = NeighborLists([e.name for e in self.potential.elements], engine.cutoff, keep=False)
        return {name: [_less(frame, engine, lists, sign, threads) for frame in frames] for name, frames in sets.items()}


@dataclass
class Pinned(Baseline):
    """φ of some pairs, by number, which stays as it is; the model fitted has none there."""

    pairs: Sequence[int] = ()

    def add(self, fitted: _core.Potential) -> _core.Potential:
        """The model with these φ, and their cores, which its first line names."""
        p = copy.deepcopy(fitted)
        pairs = p.pairs
        for n in self.pairs:
            given, pair = self.potential.pairs[n], pairs[n]
            pair.phi, pair.zbl_inner, pair.zbl_outer = given.phi, given.zbl_inner, given.zbl_outer
        p.pairs, p.comment = pairs, marked(p.comment, self._names)
        p.check()
        return p

    def sentence(self, frames: Sequence[Frame]) -> str:
        """Which φ it is, and how much it leaves of the forces; frames: without it."""
        own = ", ".join(self._names)
        return f"φ of {own} of {self.name} stays as it is: it leaves forces of {_size(frames)} (RMS) to be fitted"

    @property
    def _names(self) -> list[str]:
        """Of the pairs."""
        names = [e.name for e in self.potential.elements]
        every = [f"{names[a]}-{names[b]}" for a, b in unordered_pairs(len(names))]
        return [every[n] for n in self.pairs]


def _size(frames: Sequence[Frame]) -> str:
    """Root mean square of forces, in words."""
    forces = np.concatenate([frame.forces.ravel() for frame in frames])
    forces = forces[np.isfinite(forces)]
    return f"{np.sqrt((forces**2).mean()):.4f} eV/Å" if forces.size else "unknown"


def _less(frame: Frame, engine: _core.Engine, lists: NeighborLists, sign: float, threads: int) -> Frame:
    out = engine.evaluate(lists.of(frame.atoms), threads)
    own = None
    if frame.stress is not None:
        own = frame.stress + sign * stress(matrix(out["virial"]), frame.atoms.get_volume())
    return replace(
        frame,
        energy=frame.energy + sign * float(out["energy"]),
        forces=frame.forces + sign * np.asarray(out["forces"]),
        stress=own,
    )
