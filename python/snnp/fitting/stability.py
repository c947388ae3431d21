"""The crystals of lowest energy in the data are minima: no displacement of atoms and no strain lowers their energy.

Errors of forces do not tell: a soft mode is a small part of them. While a network is trained, second derivatives of the
energy are taken with the model of the moment, by all displacements in a cell of twice the lengths of the primitive one,
which has waves of half that length, and by strains. Where the energy falls or hardly rises along a mode, steps of the
training make it rise more. Nothing is asked of crystals that the data show to be no minima.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress, voigt_6_to_full_3x3_stress

from snnp import _core
from snnp.fitting.demands import Rhythm
from snnp.fitting.known_crystals import deformed
from snnp.fitting.loss import Loss
from snnp.fitting.prepare import zbl_engine
from snnp.models.shape import Shape
from snnp.validation.crystals import Crystal

# Primitive cells of at most so many atoms are doubled along each vector.
_DOUBLED = 4
# Å, of displacements: what is not harmonic in it is some parts in a thousand.
_SMALL = 0.02
# What a mode has at least of the largest second derivative: the softest ones of bcc Li have 0.015, of graphite 0.0007.
_LEAST = 0.002
# So many of the softest modes, at most, are made stiffer until the next search.
_MODES = 4
# Part of the largest second derivative by which a mode may lack stiffness until all counts; what that adds to the loss
# by which the best weights are chosen.
_MUCH, _WEIGHT = 0.02, 0.3


class Stability:
    """A `Demand`. crystals: of lowest energy. loss: of the model that is trained. atoms: mean number of a step.
    unstable: names of crystals of which nothing is asked, and why."""

    part = 0.7
    lasting = True

    def __init__(
        self,
        crystals: Sequence[Crystal],
        loss: Loss,
        seed: int,
        atoms: float,
        unstable: Mapping[str, str] = MappingProxyType({}),
    ):
        self._crystals = [crystal for crystal in crystals if crystal.name not in unstable]
        self._unstable, self._loss, self._seed = unstable, loss, seed
        self._cells = [_cell(crystal.atoms) for crystal in self._crystals]
        self._zbl = zbl_engine(loss.model.shape)
        self._rhythm = Rhythm(atoms)
        self._soft: list[Mode] = []  # of the last search

    def is_due(self, step: int) -> bool:
        """See `Demand`."""
        return bool(self._crystals) and self._rhythm.is_due(step)

    def search(self, step: int) -> None:
        """See `Demand`."""
        found = [modes for n in range(len(self._cells)) for modes in self.modes(n)]
        self._soft = [mode for mode in found if mode.stiffness < _LEAST]
        self._rhythm.searched(step, bool(self._soft))

    def backward(self, step: int) -> float:
        """See `Demand`; of one of the soft modes."""
        if not self._soft:
            return 0.0
        mode = self._soft[np.random.default_rng([self._seed, step, 4]).integers(len(self._soft))]
        s = _moved(self._cells[mode.crystal], mode.there_and_back(), self._loss.model.shape)
        factors, by_virial = mode.factors()
        F0, W0 = (0.0, 0.0) if self._zbl is None else _forces(self._zbl, s, 1)

        def term(F: np.ndarray, W: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
            lack = max(_LEAST - float((factors * (F + F0)).sum() + (by_virial * (W + W0)).sum()), 0)
            return lack**2, -2 * lack * factors, -2 * lack * by_virial

        return self._loss.backward_of(s, term)

    def loss(self) -> float:
        """See `Demand`."""
        softest = [self.modes(n)[0].stiffness for n in range(len(self._cells))]
        return _WEIGHT * sum(min(max((_LEAST - stiffness) / _MUCH, 0), 1) ** 2 for stiffness in softest)

    def __str__(self) -> str:
        parts = [f"nothing is asked of {name}, as in the data {why}" for name, why in self._unstable.items()]
        if self._crystals:
            softest = (f"{c.name} {100 * self.modes(n)[0].stiffness:.2g}" for n, c in enumerate(self._crystals))
            parts.insert(0, f"% of the stiffness of the stiffest one: {', '.join(softest)}")
        elif not parts:
            parts = ["the data show no crystal that is known at zero pressure"]
        return f"softest modes of crystals: {'; '.join(parts)}"

    def modes(self, n: int) -> list["Mode"]:
        """The softest ones of the n-th crystal, with the model as it is; the softest first."""
        atoms, engine = self._cells[n], _core.Engine(self._loss.model.potential(""))
        count, own = 3 * len(atoms), 3 * len(self._crystals[n].atoms)
        # Strains come times a length, so that they are as stiff as displacements.
        scale = np.r_[np.ones(count), np.full(6, 1 / _length(atoms))]
        # Other primitive cells behave as the first one.
        each = np.r_[np.arange(own), count + np.arange(6)]
        moves = np.vstack([sign * np.eye(count + 6)[each] for sign in (1, -1)]) * _SMALL * scale
        F, W = _forces(engine, _moved(atoms, moves, self._loss.model.shape), self._loss.threads)
        slopes = -np.hstack([F.reshape(len(moves), -1), _voigt(W)]) * scale
        K = np.zeros((count + 6, count + 6))
        K[each] = (slopes[: own + 6] - slopes[own + 6 :]) / (2 * _SMALL)
        for other in range(1, count // own):
            K[other * own : (other + 1) * own] = K[:own, _seen_from(other, own, count)]
        K = (K + K.T) / 2
        largest = np.abs(np.linalg.eigvalsh(K)).max()
        # Moving all atoms alike costs nothing.
        alike = np.vstack([np.tile(np.eye(3), (len(atoms), 1)), np.zeros((6, 3))]) / np.sqrt(len(atoms))
        values, vectors = np.linalg.eigh(K / largest + 2 * alike @ alike.T)
        return [Mode(n, float(values[k]), vectors[:, k] * scale, float(largest)) for k in range(_MODES)]

    def state(self) -> dict:
        """See `Demand`."""
        return {"rhythm": self._rhythm.state(), "modes": [dict(vars(mode)) for mode in self._soft]}

    def restore(self, state: dict) -> None:
        """See `Demand`."""
        self._rhythm.restore(state["rhythm"])
        self._soft = [Mode(**mode) for mode in state["modes"]]


@dataclass(frozen=True)
class Mode:
    """Of a crystal, by its number: displacements of the n atoms of its cell and strains, (3n + 6,), and the second
    derivative of the energy along it, relative to the largest one of the crystal, eV/Å²."""

    crystal: int
    stiffness: float
    move: np.ndarray
    largest: float

    def there_and_back(self) -> np.ndarray:
        """A little along it, and the other way, (2, 3n + 6)."""
        return _SMALL * np.array([self.move, -self.move])

    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """The stiffness by forces (2n, 3) and virials (2, 3, 3) of these two."""
        by = -1 / (2 * _SMALL * self.largest)
        forces, strain = self.move[:-6].reshape(-1, 3) * by, _strain(self.move) * by
        return np.vstack([forces, -forces]), np.array([strain, -strain])


def _cell(primitive: Atoms) -> Atoms:
    return primitive.repeat(2) if len(primitive) <= _DOUBLED else primitive.copy()


def _seen_from(primitive: int, own: int, count: int) -> np.ndarray:
    """Numbers of the coordinates of a doubled cell, (count + 6,), as they are seen from one of its primitive cells, by
    its number; these have `own` coordinates each. ASE numbers them by three bits, of which a step along a vector
    changes one.
    """
    primitives, places = np.divmod(np.arange(count), own)
    return np.r_[(primitives ^ primitive) * own + places, count + np.arange(6)]


def _length(atoms: Atoms) -> float:
    """Å, of a strain."""
    return float(np.sqrt(len(atoms)) * (atoms.get_volume() / len(atoms)) ** (1 / 3))


def _strain(move: np.ndarray) -> np.ndarray:
    """(3, 3), symmetric; a move has Voigt's components, with shears twice those."""
    return voigt_6_to_full_3x3_stress(move[-6:] / [1, 1, 1, 2, 2, 2])


def _moved(atoms: Atoms, moves: np.ndarray, shape: Shape) -> _core.Structures:
    """Displaced and then strained, by each of the moves (copies, 3n + 6)."""
    deformations = np.array([np.eye(3) + _strain(move) for move in moves])
    return deformed(atoms, deformations, shape, moves[:, :-6].reshape(len(moves), -1, 3))


def _forces(engine: _core.Engine, s: _core.Structures, threads: int) -> tuple[np.ndarray, np.ndarray]:
    """Forces (atoms, 3), eV/Å, and virials (structures, 3, 3), eV."""
    out = engine.evaluate(s, threads)
    virials = np.zeros((s.n_structures, 3, 3))
    np.add.at(virials, s.structure, out["virials"])
    return out["forces"], (virials + virials.swapaxes(1, 2)) / 2


def _voigt(W: np.ndarray) -> np.ndarray:
    """Derivatives by Voigt's strains, (structures, 6), of symmetric matrices."""
    return np.array([full_3x3_to_voigt_6_stress(w) for w in W])
