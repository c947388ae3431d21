"""Crystals of the data stiffen evenly when they are compressed, also beyond the volumes that data show.

The bulk modulus B = −V dP/dV of a material changes by about (B' + 1) % with each per cent of its volume, 5 to 8 %.
Where no data are, a model may have a kink: B changes by as much as half within a per cent, or becomes negative. While a
network is trained, crystals are scaled to many volumes with the model of the moment. Where B changes by more than a
material's does, steps of the training make the change smaller.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from snnp import _core
from snnp.data import Frame
from snnp.data.neighbors import structures
from snnp.fitting.demands import Rhythm
from snnp.fitting.loss import Loss
from snnp.fitting.prepare import zbl_engine
from snnp.validation.series import find_series

# Volumes of a scan, by that of the crystal, and steps between them.
_VOLUMES, _STEP = (0.7, 1.4), 0.01
# Change of B over a step, by the larger of B there and at the usual volume: allowed are
_CHANGES = (-0.15, 0.1)
# At volumes up to this, B is at least this part of what it is at the usual one. Larger ones may be beyond the spinodal.
_HOLDS, _LEAST = 1.12, 0.05
# Volumes around the usual one whose B, in the middle, is what it is there.
_USUAL = 0.05
# Crystals of at most so many atoms, and so many of them.
_ATOMS, _MOST = 20, 12
# Forces of frames that may be crystals, eV/Å: others take time and show none.
_FORCE = 0.5
# What the square of the largest excess of a crystal adds to the loss by which the best weights are chosen.
_WEIGHT = 0.3


def crystals_of(frames: Sequence[Frame]) -> list[tuple[str, Atoms]]:
    """Crystals that training data show, with their names: primitive cells at zero pressure, as far as known."""
    calm = [frame for frame in frames if not np.nanmax(np.abs(frame.forces), initial=0) > _FORCE]
    found = [(one.name, one.atoms) for one in find_series(calm) if one.is_at_rest and len(one.atoms) <= _ATOMS]
    return found[:_MOST]


class Stiffening:
    """A `Demand`. crystals: with their names. loss: of the model that is trained. atoms: mean number of a step."""

    def __init__(self, crystals: Sequence[tuple[str, Atoms]], loss: Loss, seed: int, atoms: float):
        self._crystals, self._loss, self._seed = list(crystals), loss, seed
        self._zbl = zbl_engine(loss.model.shape)
        self._rhythm = Rhythm(atoms)
        self.broken: list[tuple[Rule, float]] = []
        """Rules that were, at the last search, and by how much."""

    def is_due(self, step: int) -> bool:
        """See `Demand`."""
        return bool(self._crystals) and self._rhythm.is_due(step)

    def search(self, step: int) -> None:
        """See `Demand`; volumes are others each time."""
        shift = np.random.default_rng([self._seed, step, 2]).uniform(0, 1)
        self.broken = [found for scan in self._scans(shift) for found in scan.broken()]
        self._rhythm.searched(step, bool(self.broken))

    def backward(self, step: int) -> float:
        """See `Demand`; of one of the rules that were broken at the last search, more often of those broken by more."""
        if not self.broken:
            return 0.0
        rules, excesses = zip(*self.broken, strict=True)
        rng = np.random.default_rng([self._seed, step, 3])
        rule = rules[rng.choice(len(rules), p=np.array(excesses) / sum(excesses))]
        s = structures(rule.cells, self._loss.model.shape.elements, self._loss.model.shape.cutoff)
        known = 0.0 if self._zbl is None else rule.factors @ _pressures(self._zbl, s, rule.cells)
        volumes = np.array([atoms.get_volume() for atoms in rule.cells])
        factors = rule.factors / (3 * volumes)  # of the trace of a virial

        def term(W: np.ndarray) -> tuple[float, np.ndarray]:
            excess = rule.excess(known + factors @ np.trace(W, axis1=1, axis2=2))
            return excess**2, 2 * excess * factors[:, None, None] * np.eye(3)

        return self._loss.backward_of_virials(s, term)

    def loss(self) -> float:
        """See `Demand`."""
        return _WEIGHT * sum(max((excess for _, excess in scan.broken()), default=0) ** 2 for scan in self._scans())

    def __str__(self) -> str:
        scans = self._scans()
        if not scans:
            return "compressed crystals: the data show none that is known at zero pressure"
        change, where, name = max((*scan.change(), scan.name) for scan in scans)
        at = f"{where:.2f} V0{f' of {name}' if len(scans) > 1 else ''}"
        return (
            f"compressed crystals: from {_VOLUMES[0]:g} to {_VOLUMES[1]:g} V0 the bulk modulus of "
            f"{', '.join(scan.name for scan in scans)} changes by at most {100 * change:.0f} % within 0.01 V0, at {at}"
        )

    def _scans(self, shift: float = 0.0) -> list["_Scan"]:
        """Of all crystals, with the model as it is. shift: of volumes, in steps."""
        if not self._crystals:
            return []
        engine = _core.Engine(self._loss.model.potential(""))
        volumes = np.arange(_VOLUMES[0] + shift * _STEP, _VOLUMES[1], _STEP)
        found = []
        for name, atoms in self._crystals:
            cells = [_scaled(atoms, volume) for volume in volumes]
            s = structures(cells, self._loss.model.shape.elements, engine.cutoff)
            found.append(_Scan(name, volumes, cells, _pressures(engine, s, cells, self._loss.threads)))
        return found

    def state(self) -> dict:
        """See `Demand`."""
        return {"rhythm": self._rhythm.state()}

    def restore(self, state: dict) -> None:
        """See `Demand`."""
        self._rhythm.restore(state["rhythm"])


@dataclass(frozen=True)
class Rule:
    """low ≤ factors · pressures ≤ high, of neighbouring cells of a scan; pressures in eV/Å³."""

    cells: list[Atoms]
    factors: np.ndarray
    low: float
    high: float

    def excess(self, value: float) -> float:
        """By how much a value is too high, or, negative, too low."""
        return value - min(max(value, self.low), self.high)


@dataclass(frozen=True)
class _Scan:
    """A crystal at many volumes, relative to that at zero pressure, (n,), and its pressures there, eV/Å³, (n,)."""

    name: str
    volumes: np.ndarray
    cells: list[Atoms]
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

    def broken(self) -> list[tuple[Rule, float]]:
        """Rules that are not kept, and by how much."""
        B, usual = self.moduli, self.usual
        by_pressure = -self.middle / np.diff(self.volumes)  # B of a step by the rise of the pressure
        rules = []
        for n in np.flatnonzero(self.middle < _HOLDS):
            rules.append((n, np.array([-1, 1]) * by_pressure[n] / usual, _LEAST, np.inf))
        for n in range(len(B) - 1):
            before, after = by_pressure[n : n + 2] / max(abs(B[n + 1]), usual)
            rules.append((n, np.array([before, -before - after, after]), *_CHANGES))
        found = []
        for n, factors, low, high in rules:
            here = slice(n, n + len(factors))
            rule = Rule(self.cells[here], factors, low, high)
            if excess := rule.excess(float(factors @ self.pressures[here])):
                found.append((rule, abs(excess)))
        return found

    def change(self) -> tuple[float, float]:
        """The largest change of B over a step, by the larger of B there and at the usual volume, and where it is."""
        B = self.moduli
        changes = np.abs(np.diff(B)) / np.maximum(np.abs(B[1:]), self.usual)
        n = int(changes.argmax())
        return float(changes[n]), float(self.volumes[n + 1])


def _scaled(atoms: Atoms, volume: float) -> Atoms:
    """The crystal at a volume relative to its own."""
    scaled = atoms.copy()
    scaled.set_cell(atoms.cell.array * volume ** (1 / 3), scale_atoms=True)
    return scaled


def _pressures(engine: _core.Engine, s: _core.Structures, cells: Sequence[Atoms], threads: int = 1) -> np.ndarray:
    """eV/Å³, (cells,)."""
    traces = np.trace(engine.evaluate(s, threads)["virials"], axis1=1, axis2=2)
    volumes = np.array([atoms.get_volume() for atoms in cells])
    return np.bincount(s.structure, traces, len(cells)) / (3 * volumes)
