"""How well a potential meets the atomic energies at invariant points."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snnp import _core
from snnp.data.neighbors import NeighborLists
from snnp.mapping.invariant import InvariantPoint, by_name

_OF_EACH = 20  # structures of one name are looked at while a fit goes on


class Monitor:
    """Errors of atomic energies at invariant points; of each crystal at most 20, over the range of its energies."""

    def __init__(self, points: Sequence[InvariantPoint], lists: NeighborLists, threads: int):
        self.points = [point for some in by_name(points).values() for point in _spaced(some)]
        self.threads = threads
        each = [lists.of(point.frame.atoms) for point in self.points]
        self._structures = _core.Structures.concatenate(each) if each else None
        self._energies = np.array([point.energy for point in self.points])
        self._counts = np.array([len(point.frame.atoms) for point in self.points])

    def errors(self, potential: _core.Potential) -> np.ndarray:
        """Potential less reference, (points,), eV: of each atom, in compounds of the mean over atoms."""
        if self._structures is None:
            return np.zeros(0)
        s = self._structures
        energies = _core.Engine(potential).evaluate(s, self.threads)["energies"]
        return np.bincount(s.structure, energies, minlength=len(self._counts)) / self._counts - self._energies

    def rmse(self, potential: _core.Potential) -> float:
        """Root mean square of the errors, meV; NaN: there are no points."""
        errors = self.errors(potential)
        return float(1000 * np.sqrt((errors**2).mean())) if len(errors) else np.nan

    def table(self, potential: _core.Potential) -> "list[Line]":
        """A line for each crystal, molecule or other structure."""
        errors = 1000 * self.errors(potential)
        names = np.array([point.name for point in self.points])
        return [self._line(name, names == name, errors[names == name]) for name in dict.fromkeys(names.tolist())]

    def _line(self, name: str, here: np.ndarray, errors: np.ndarray) -> "Line":
        energies = self._energies[here]
        return Line(
            name,
            self.points[int(np.argmax(here))].known,
            len(errors),
            (float(energies.min()), float(energies.max())),
            float(errors.mean()),
            float(np.abs(errors).max()),
        )


@dataclass(frozen=True)
class Line:
    """One kind of invariant point. energy: of the reference, lowest and highest, eV/atom. bias, largest: of errors,
    meV/atom."""

    name: str
    known: str
    structures: int
    energy: tuple[float, float]
    bias: float
    largest: float


def _spaced(points: Sequence[InvariantPoint]) -> Sequence[InvariantPoint]:
    chosen = np.linspace(0, len(points) - 1, min(len(points), _OF_EACH)).round().astype(int)
    return [points[n] for n in np.unique(chosen)]
