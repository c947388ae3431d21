"""Crystals of the data stiffen evenly when they are compressed, also beyond the volumes that data show.

The bulk modulus B = −V dP/dV of a material changes by about (B' + 1) % with each per cent of its volume, 5 to 8 %.
Where no data are, a model may have a kink: B changes by as much as half within a per cent, or becomes negative. While a
network is trained, crystals are scaled to many volumes with the model of the moment. Where B changes by more than a
material's does, steps of the training make the change smaller.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from snnp import _core
from snnp.fitting.demands import Rhythm
from snnp.fitting.known_crystals import deformed
from snnp.fitting.loss import Loss
from snnp.fitting.prepare import zbl_engine
from snnp.validation.crystals import Crystal

# Volumes of a scan, by that of the crystal, and steps between them.
_VOLUMES, _STEP = (0.7, 1.4), 0.01
# Change of B over a step, by the larger of B there and at the usual volume: allowed are these, up to a volume at which
# crystals still hold; those beyond may be at the spinodal.
_HOLDS, _CHANGES, _BEYOND = 1.12, (-0.15, 0.01), (-0.15, 0.1)
# B is at least this part of what it is at the usual volume, as long as they hold.
_LEAST = 0.05
# Rules for so many neighbouring volumes and some more are obeyed in a step.
_TOGETHER = 12
# Volumes around the usual one whose B, in the middle, is what it is there.
_USUAL = 0.05
# What the square of the largest excess of a crystal adds to the loss by which the best weights are chosen.
_WEIGHT = 0.3


class Stiffening:
    """A `Demand`. crystals: of the data. loss: of the model that is trained. atoms: mean number of a step."""

    part = 0.7
    lasting = True

    def __init__(self, crystals: Sequence[Crystal], loss: Loss, seed: int, atoms: float):
        self._crystals, self._loss, self._seed = list(crystals), loss, seed
        self._zbl = zbl_engine(loss.model.shape)
        self._rhythm = Rhythm(atoms)
        self._uneven: list[Scan] = []  # scans with broken rules, of the last search

    def is_due(self, step: int) -> bool:
        """See `Demand`."""
        return bool(self._crystals) and self._rhythm.is_due(step)

    def search(self, step: int) -> None:
        """See `Demand`; volumes are others each time."""
        shift = np.random.default_rng([self._seed, step, 2]).uniform(0, 1)
        self._uneven = [scan for scan in self.scans(shift) if scan.excesses(scan.pressures).any()]
        self._rhythm.searched(step, bool(self._uneven))

    def backward(self, step: int) -> float:
        """See `Demand`; of rules around one that was broken at the last search, more often one that was by more."""
        if not self._uneven:
            return 0.0
        rng = np.random.default_rng([self._seed, step, 3])
        part = self._uneven[rng.integers(len(self._uneven))].window(rng)
        s, volumes = self._structures(part)
        core = 0.0 if self._zbl is None else _pressures(self._zbl, s, volumes)
        by_trace = 1 / (3 * volumes)

        def term(F: np.ndarray, W: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            excesses = part.excesses(core + by_trace * np.trace(W, axis1=1, axis2=2))
            slopes = 2 * excesses @ part.factors * by_trace
            return float(excesses @ excesses), np.zeros_like(F), slopes[:, None, None] * np.eye(3)

        return self._loss.backward_of(s, term)

    def loss(self) -> float:
        """See `Demand`."""
        return _WEIGHT * sum(float((scan.excesses(scan.pressures) ** 2).max()) for scan in self.scans())

    def __str__(self) -> str:
        scans = self.scans()
        if not scans:
            return "compressed crystals: the data show none that is known at zero pressure"
        change, where, name = max((*scan.change(), self._crystals[scan.crystal].name) for scan in scans)
        names = ", ".join(crystal.name for crystal in self._crystals)
        at = f"{where:.2f} V0{f' of {name}' if len(scans) > 1 else ''}"
        return (
            f"compressed crystals: from {_VOLUMES[0]:g} to {_VOLUMES[1]:g} V0 the bulk modulus of {names} changes by "
            f"at most {100 * change:.0f} % within 0.01 V0, at {at}"
        )

    def scans(self, shift: float = 0.0) -> list["Scan"]:
        """Of all crystals, with the model as it is. shift: of volumes, in steps."""
        if not self._crystals:
            return []
        engine = _core.Engine(self._loss.model.potential(""))
        volumes, found = np.arange(_VOLUMES[0] + shift * _STEP, _VOLUMES[1], _STEP), []
        for n in range(len(self._crystals)):
            scan = Scan(n, volumes, np.zeros(len(volumes)))
            pressures = _pressures(engine, *self._structures(scan), self._loss.threads)
            found.append(replace(scan, pressures=pressures))
        return found

    def _structures(self, scan: "Scan | Window") -> tuple[_core.Structures, np.ndarray]:
        """Cells of a crystal at the volumes of a scan, and their volumes, Å³."""
        atoms = self._crystals[scan.crystal].atoms
        lengths = np.cbrt(scan.volumes)[:, None, None] * np.eye(3)
        return deformed(atoms, lengths, self._loss.model.shape), atoms.get_volume() * scan.volumes

    def state(self) -> dict:
        """See `Demand`."""
        scans = [{"crystal": s.crystal, "volumes": s.volumes, "pressures": s.pressures} for s in self._uneven]
        return {"rhythm": self._rhythm.state(), "scans": scans}

    def restore(self, state: dict) -> None:
        """See `Demand`."""
        self._rhythm.restore(state["rhythm"])
        self._uneven = [Scan(**scan) for scan in state["scans"]]


@dataclass(frozen=True)
class Window:
    """Rules for a crystal, by its number, at volumes relative to that at zero pressure, (n,): low ≤ factors · P ≤ high,
    (rules, n), with its pressures P there, eV/Å³, (n,)."""

    crystal: int
    volumes: np.ndarray
    factors: np.ndarray
    low: np.ndarray
    high: np.ndarray

    def excesses(self, pressures: np.ndarray) -> np.ndarray:
        """By how much each rule is broken: too high, or, negative, too low."""
        values = self.factors @ pressures
        return values - np.clip(values, self.low, self.high)


@dataclass(frozen=True)
class Scan:
    """A crystal, by its number, at volumes relative to that at zero pressure, (n,), and its pressures, eV/Å³, (n,)."""

    crystal: int
    volumes: np.ndarray
    pressures: np.ndarray

    @property
    def middle(self) -> np.ndarray:
        """Volumes in between, (n − 1,)."""
        return (self.volumes[1:] + self.volumes[:-1]) / 2

    @property
    def moduli(self) -> np.ndarray:
        """B there, eV/Å³, (n − 1,)."""
        return -self.middle * np.diff(self.pressures) / np.diff(self.volumes)

    @property
    def usual(self) -> float:
        """B at the usual volume, eV/Å³."""
        return float(np.median(np.abs(self.moduli[np.abs(self.middle - 1) < _USUAL])))

    @cached_property
    def rules(self) -> Window:
        """All of them; sizes of B are those of the scan."""
        B, usual, holds = self.moduli, self.usual, self.volumes < _HOLDS
        by_pressure = np.eye(len(B), len(B) + 1, 1) - np.eye(len(B), len(B) + 1)
        by_pressure *= (-self.middle / np.diff(self.volumes))[:, None]  # B
        least = by_pressure[holds[1:]] / usual
        changes = np.diff(by_pressure, axis=0) / np.maximum(np.abs(B[1:]), usual)[:, None]
        low, high = np.where(holds[1:-1, None], _CHANGES, _BEYOND).T
        return Window(
            self.crystal,
            self.volumes,
            np.vstack([least, changes]),
            np.r_[np.full(len(least), _LEAST), low],
            np.r_[np.full(len(least), np.inf), high],
        )

    def excesses(self, pressures: np.ndarray) -> np.ndarray:
        """Of all rules."""
        return self.rules.excesses(pressures)

    def window(self, rng: np.random.Generator) -> Window:
        """Rules of neighbouring volumes, about a broken one, drawn at random by how much it is."""
        rules, parts = self.rules, np.abs(self.excesses(self.pressures))
        drawn = rules.factors[rng.choice(len(parts), p=parts / parts.sum())]
        first = int(np.flatnonzero(drawn)[0]) - rng.integers(_TOGETHER)
        cells = slice(max(first, 0), first + _TOGETHER + 3)
        outside = rules.factors.astype(bool)
        outside[:, cells] = False
        kept = ~outside.any(1)
        return Window(self.crystal, self.volumes[cells], rules.factors[kept, cells], rules.low[kept], rules.high[kept])

    def change(self) -> tuple[float, float]:
        """The largest change of B over a step, by the larger of B there and at the usual volume, and where it is."""
        B = self.moduli
        changes = np.abs(np.diff(B)) / np.maximum(np.abs(B[1:]), self.usual)
        n = int(changes.argmax())
        return float(changes[n]), float(self.volumes[n + 1])


def _pressures(engine: _core.Engine, s: _core.Structures, volumes: np.ndarray, threads: int = 1) -> np.ndarray:
    """Of cells with these volumes, Å³; eV/Å³, (cells,)."""
    traces = np.trace(engine.evaluate(s, threads)["virials"], axis1=1, axis2=2)
    return np.bincount(s.structure, traces, len(volumes)) / (3 * volumes)
