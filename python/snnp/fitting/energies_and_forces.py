"""Whether energies and forces of the data are of one kind, as a linear model tells that has seen forces only.

Such a model says how energies differ among structures. Where labels differ by a factor from that, they are in other
units, energies are those of one atom, or forces have the sign of gradients; where the two have nothing in common, or
where forces do not follow from structures at all, numbers are not what they are taken for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from ase import units

from snnp.data import Frame
from snnp.data.neighbors import NeighborLists
from snnp.data.sources import Source, some_of_each, source
from snnp.fitting.prepare import prepare
from snnp.models.linear import RIDGE, LinearModel, coarsened, linear_shape
from snnp.models.shape import Shape

_COLUMNS = 200  # unknowns of the linear model
_ATOMS = 8000  # in the frames that are looked at
_FEWEST, _MOST = 15, 60  # frames of each group in each file, and of all
_ENOUGH_FORCES = 3  # known components of forces for each unknown
_STRENGTHS = 10.0 ** -np.arange(2.0, 8.0)  # as in `energy_shifts`
# Root mean square of the forces of a frame that is looked at, eV/Å, and relative to that of all; and of those that may
# be said not to follow from structures, as smaller ones may be noise.
_LEAST, _PART, _SURE = 0.01, 0.3, 0.1
# The first of these, if it is in Hartree/Bohr. Where all forces are as small as that, they are in this unit or next to
# nothing: only a factor that is that of a Bohr is then believed, and only if a model explains so much of both.
_LEAST_PER_BOHR, _BOTH = 2e-4, 0.9
# Part of the squares of forces that a model explains of frames it has not seen: in published data 0.85 to 1, in ten
# frames of three elements 0.3. Forces with other axes, or of other atoms, have none.
_FOLLOW = 0.15
# A factor of energies that is not 1, in published data 0.8 to 1.34, is one if it explains this part of the squares of
# energies (published: 0.58 to 1). They have nothing to do with forces if it explains less than the second one.
_RIGHT, _FACTOR, _NOTHING = (0.6, 1.6), 0.7, 0.4
# By what energies differ, by expected errors of the model: to know a factor, and to know that there is none.
_CLEAR, _VERY_CLEAR = 3.0, 12.0
_DISTANCE = 0.05  # Å, errors of forces by those of energies per atom, as in `energy_shifts`
_ALIKE = 1.1  # factors by which a name is told
_FACTORS = {
    -1.0: "forces with the sign of gradients",
    1 / 27.2114: "energies in Hartree",
    1 / 13.6057: "energies in Rydberg",
    23.0605: "energies in kcal/mol",
    96.4853: "energies in kJ/mol",
    1 / 23.0605: "forces in kcal/mol/Å",
    1 / 96.4853: "forces in kJ/mol/Å",
    51.4221: "forces in Hartree/Bohr",
    25.7110: "forces in Rydberg/Bohr",
    1.88973: "forces per Bohr",
    1000.0: "energies in meV, or forces in keV/Å",
}


@dataclass(frozen=True)
class Relation:
    """How energies go with forces. explained: part of the squares of forces that a model explains; factor: of energy
    differences by what forces say, and the part of their squares that it explains; for_atoms: the same two if labels
    were energies of one atom. size: of forces, eV/Å; clear: what energies differ by, by expected errors of the model.
    """

    size: float
    explained: float
    factor: float
    agreement: float
    for_atoms: tuple[float, float]
    clear: float

    @property
    def wrong(self) -> str | None:
        """What is wrong, as the end of a sentence; None: nothing."""
        if self.size < _LEAST and not self.per_bohr:
            return None
        if self.scrambled:
            return "forces do not follow from structures (other axes, or another order of atoms?)"
        usual = _RIGHT[0] < self.factor < _RIGHT[1]
        if self.clear < _CLEAR or (usual and self.agreement > _NOTHING):
            return None
        factor, agreement = self.for_atoms
        if agreement > max(self.agreement, _FACTOR) and _RIGHT[0] < factor < _RIGHT[1]:
            return "energies are those of one atom, as forces say, and not of all atoms"
        if self.agreement > _FACTOR:
            alike = [name for by, name in _FACTORS.items() if 1 / _ALIKE < self.factor / by < _ALIKE]
            which = f" ({' or '.join(alike)}?)" if alike else ""
            return f"energies differ by {self.factor:.3g} times what forces say{which}"
        if self.agreement < _NOTHING and self.clear > _VERY_CLEAR:
            return "energies have nothing to do with forces"
        return None

    @property
    def per_bohr(self) -> bool:
        """Whether energies differ as they do if forces are per Bohr, and this is sure."""
        alike = 1 / _ALIKE < self.factor * units.Bohr < _ALIKE
        return alike and min(self.explained, self.agreement) > _BOTH

    @property
    def scrambled(self) -> bool:
        """Whether forces do not follow from structures."""
        return self.explained < _FOLLOW and self.size > _SURE


def sample(frames: Sequence[Frame]) -> list[Frame]:
    """Some frames of each group in each file, whose energy and forces are known, and these not next to nothing: where
    they are, as in strained crystals, they say nothing about energies. None, if they are few."""
    known = [f for f in frames if np.isfinite(f.energy) and np.isfinite(f.forces).all()]
    sizes = [np.sqrt(np.mean(frame.forces**2)) for frame in known]
    part = _PART * np.sqrt(np.mean(np.square(sizes))) if known else 0.0
    for least, most in ((_LEAST, np.inf), (_LEAST_PER_BOHR, _LEAST)):
        moved = [frame for frame, size in zip(known, sizes, strict=True) if max(least, part) < size < most]
        chosen = some_of_each(moved, _ATOMS, _FEWEST, _MOST)
        if len(chosen) >= _FEWEST:
            return chosen
    return []


def sentence(what: str) -> str:
    """A sentence about one of the `contradictions`."""
    return (
        f"energies and forces contradict each other: {what}; units of labels (data.units) and their names "
        "(data.energy_key, data.forces_key) should be looked at; stresses are not checked by them"
    )


def contradictions(
    frames: Sequence[Frame], shape: Shape, lists: NeighborLists, threads: int, tick: Callable[[int], None]
) -> list[str]:
    """What is wrong with energies and forces of a `sample` of frames, of all or of a group in a file.

    tick(n): called when n more frames are done.
    """
    found = Rows.of(frames, shape, lists, threads, tick)
    if found is None:
        return []
    every = found.relation(np.arange(len(frames)))
    members = {one: [n for n, other in enumerate(found.sources) if other == one] for one in found.sources}
    verdicts = {}
    for one, here in members.items():
        if _FEWEST <= len(here) < len(frames):
            # Where forces do not go together, each group has a model of its own.
            alone = every.scrambled and Rows.of([frames[n] for n in here], shape, lists, threads, lambda n: None)
            relation = alone.relation(np.arange(len(here))) if alone else found.relation(np.array(here))
            verdicts[one] = relation.wrong
    if any(verdicts.values()) and not all(verdicts.values()):
        return [f"{wrong} (group {group} in {file})" for (file, group), wrong in verdicts.items() if wrong]
    return [every.wrong] if every.wrong else []


@dataclass
class Rows:
    """Of each frame: number of atoms, what its energy may depend on beside forces (columns), energy and forces as
    labelled, and as models say that have not seen this frame."""

    sources: Sequence[Source]
    atoms: np.ndarray
    beside: np.ndarray
    energies: np.ndarray
    predicted: np.ndarray
    forces: list[np.ndarray]
    predicted_forces: list[np.ndarray]

    @classmethod
    def of(cls, frames: Sequence[Frame], shape: Shape, lists: NeighborLists, threads: int, tick) -> "Rows | None":
        """None: there are too few forces."""
        shape = coarsened(shape, _COLUMNS)
        linear, E = LinearModel(linear_shape(shape)), shape.n_elements
        columns = linear.columns - E
        if sum(3 * len(frame.atoms) for frame in frames) < _ENOUGH_FORCES * columns:
            return None
        half = np.arange(len(frames)) % 2
        X, F, sums = [], [], [[np.zeros((columns, columns)), np.zeros(columns)] for _ in range(2)]
        beside, energies, targets = [], [], []
        for n, (s, label) in enumerate(prepare(frames, shape, lists, threads)):
            energy, _, forces = linear.design.rows(s, threads)
            rows = forces.reshape(-1, linear.columns)[:, :columns]
            X.append(energy[0, :columns])
            F.append(rows.astype(np.float32))
            beside.append(_beside_forces(frames[n], np.bincount(s.elements, minlength=E) / len(s), half[n]))
            energies.append(label.energy)
            targets.append(label.forces.ravel())
            sums[half[n]][0] += rows.T @ rows
            sums[half[n]][1] += rows.T @ targets[-1]
            tick(1)
        roughness = (linear.differences() + RIDGE * linear.size()).toarray()[:columns, :columns]
        fits = [_solutions(*one, roughness) for one in sums]
        of_others = [fits[1 - h] for h in half]
        errors = [[_squares(f - R @ x) for x in xs] for R, f, xs in zip(F, targets, of_others, strict=True)]
        best = int(np.argmin(np.sum(errors, axis=0)))
        return cls(
            [source(frame) for frame in frames],
            np.array([len(frame.atoms) for frame in frames]),
            np.array(beside),
            np.array(energies),
            np.array([x @ xs[best] for x, xs in zip(X, of_others, strict=True)]),
            targets,
            [R @ xs[best] for R, xs in zip(F, of_others, strict=True)],
        )

    def relation(self, members: np.ndarray) -> Relation:
        """Of some of the frames, by their numbers, (members,)."""
        f = np.concatenate([self.forces[n] for n in members])
        left = f - np.concatenate([self.predicted_forces[n] for n in members])
        size, error = np.sqrt(np.mean(f**2)), np.sqrt(np.mean(left**2))
        explained = 1 - (error / size) ** 2
        atoms = self.atoms[members]
        sources = [self.sources[n] for n in members]
        of_source = np.array([[one == other for other in dict.fromkeys(sources)] for one in sources], dtype=float)
        beside = np.hstack([self.beside[members], of_source])
        p = _without(self.predicted[members] / atoms, beside)
        weights = 1 / (1 + (p / (3 * np.median(np.abs(p)) + 1e-12)) ** 2)
        clear = np.sqrt(np.average(p**2, weights=weights)) / max(_DISTANCE * error, 1e-12)
        enough = len(members) - np.linalg.matrix_rank(beside) >= _FEWEST // 3
        one, other = (
            _factor(p, _without(y, beside), weights) for y in (self.energies[members] / atoms, self.energies[members])
        )
        return Relation(float(size), float(explained), *one, other, float(clear) if enough else 0.0)


def _solutions(A: np.ndarray, b: np.ndarray, roughness: np.ndarray) -> list[np.ndarray]:
    """The least squares with each of the strengths."""
    scale = max(A.diagonal().mean(), 1e-30)
    return [scipy.linalg.solve(A + strength * scale * roughness, b, assume_a="pos") for strength in _STRENGTHS]


def _beside_forces(frame: Frame, composition: np.ndarray, half: int) -> np.ndarray:
    """Columns for what forces do not tell about the energy per atom: energies of elements, and the dependence on
    volume, as forces of a crystal that is strained alike everywhere are zero; apart for the models of both halves."""
    volume = frame.atoms.get_volume() / len(frame.atoms) if frame.atoms.pbc.all() else 0.0
    columns = np.r_[composition, float(volume > 0), volume, volume**2]
    return np.r_[columns * (half == 0), columns * (half == 1)]


def _without(y: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """What is left of y beside the columns."""
    size = np.maximum(np.abs(columns).max(0), 1e-300)
    return y - columns @ (np.linalg.lstsq(columns / size, y, rcond=1e-9)[0] / size)


def _factor(p: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """y = factor · p by least squares, and the part of the squares of y that this explains."""
    pp, py, yy = (float(np.sum(weights * a * b)) for a, b in ((p, p), (p, y), (y, y)))
    if pp == 0 or yy == 0:
        return 1.0, 0.0
    return py / pp, py**2 / (pp * yy)


def _squares(values: np.ndarray) -> float:
    return float(values @ values)
