"""Whether energies and forces of the data are of one kind, as a linear model tells that has seen forces only.

Such a model says how energies differ among structures. Where labels differ by a factor from that, they are in other
units, energies are those of one atom, or forces have the sign of gradients; where the two have nothing in common, or
where forces do not follow from structures at all, numbers are not what they are taken for.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import units

from snnp.data import Frame
from snnp.data.neighbors import NeighborLists
from snnp.data.sources import some_of_each, source
from snnp.data.unit_factors import ENERGIES, FORCES, units_near
from snnp.fitting import strange_forces
from snnp.fitting.atom_order import misordered
from snnp.fitting.force_model import ForceModel
from snnp.fitting.stiffness import unit_by_stiffness
from snnp.fitting.strange_forces import find_strange
from snnp.fitting.transposed_cells import transposed
from snnp.fitting.two_levels import two_levels, without
from snnp.models.shape import Shape

_ATOMS = 8000  # in the frames that are looked at
_FEWEST, _MOST = 15, 60  # frames of each group in each file, and of all
# Root mean square of the forces of a frame that is looked at, eV/Å, and relative to this quantile of all, if energies
# are; and of those that may be said not to follow from structures, as smaller ones may be noise.
_LEAST, _PART, _LARGE, _SURE = 0.01, 0.3, 0.8, 0.1
# The first of these, if it is in Hartree/Bohr. Where all forces are as small as that, they are in this unit or next to
# nothing: only a factor that is that of a Bohr is then believed, and only if a model explains so much of both.
_LEAST_PER_BOHR, _BOTH = 2e-4, 0.9
# Part of the squares of forces that a model explains of frames it has not seen: in published data 0.85 to 1, in ten
# frames of three elements 0.3. Forces with other axes, or of other atoms, have none.
_FOLLOW = 0.15
# A factor of energies that is not 1, in published data 0.8 to 1.34, is one if it explains this part of the squares of
# energies (published: 0.58 to 1). They have nothing to do with forces if it explains less than the second one.
_RIGHT, _FACTOR, _NOTHING = (0.6, 1.6), 0.7, 0.4
# By what energies differ, by expected errors of the model: to know a factor, and to know that there is none (in sets
# of three elements, up to 5 without agreement).
_CLEAR, _VERY_CLEAR = 3.0, 8.0
_DISTANCE = 0.05  # Å, errors of forces by those of energies per atom, as in `energy_shifts`
# Energies have nothing to do with forces if so large a part of their permutations agrees as well.
_SHUFFLES, _LIKELY = 2000, 0.002
# Energies belong to neighbouring frames if what forces say leaves so small a part of what it leaves of their own.
_BETTER = 0.25
_SAME_SLOPE = 0.4  # part by which the factor of the median of pairs may differ from that of all energies
_MODERATE = 3.0  # such a factor has to be surer: 0.46 in a set of 36 compositions without groups
_APART = 0.2  # of all frames, in the order of predictions, are between those of a pair
_ALIKE, _NEAR = 1.1, 1.25  # factors by which forces are per Bohr, and by which names are told
_SAME = 0.02  # agreements that differ by less are the same, as where all frames have nearly as many atoms


@dataclass(frozen=True)
class Relation:
    """How energies go with forces. explained: part of the squares of forces that a model explains; factor: of energy
    differences by what forces say, and the part of their squares that it explains; for_atoms: the same two if labels
    were energies of one atom. size: of forces, eV/Å. clear: what energies differ by, by expected errors of the model;
    sure: the same, where errors hold what models differ by that explain forces equally well. slope: the factor for the
    median of pairs, which a few groups far apart do not decide. related: whether energies go with forces better than
    shuffled ones.
    """

    size: float
    explained: float
    factor: float
    agreement: float
    for_atoms: tuple[float, float]
    clear: float
    sure: float
    slope: float
    related: bool

    @classmethod
    def of(cls, model: ForceModel, members: np.ndarray | None = None, energies: np.ndarray | None = None) -> "Relation":
        """Of some of the frames, by their numbers, (members,), or of all; with their energies or others, eV."""
        members = np.arange(len(model.frames)) if members is None else members
        frames, atoms = [model.frames[n] for n in members], model.atoms[members]
        components = 3 * atoms.sum()
        squares, left = model.squares[members].sum(), model.left[members].sum()
        beside = _beside_forces(model, members)
        p = without(model.energies[members] / atoms, beside)
        weights = 1 / (1 + (p / (3 * np.median(np.abs(p)) + 1e-12)) ** 2)
        error = _DISTANCE * np.sqrt(left / components)
        spread = without((model.others - model.energies)[:, members].T / atoms[:, None], beside)
        unsure = max(error, np.sqrt(np.max(np.average(spread**2, 0, weights))))
        differ = np.sqrt(np.average(p**2, weights=weights))
        enough = len(members) - np.linalg.matrix_rank(beside) >= _FEWEST // 3
        energies = np.array([frame.energy for frame in frames]) if energies is None else energies
        y = without(energies / atoms, beside)
        return cls(
            float(np.sqrt(squares / components)),
            float(1 - left / squares),
            *_factor(p, y, weights),
            _factor(p, without(energies, beside), weights),
            float(differ / max(error, 1e-12)) if enough else 0.0,
            float(differ / max(unsure, 1e-12)) if enough else 0.0,
            _slope(p, y),
            _goes_with(p, y, weights, np.unique([":".join(source(frame)) for frame in frames], return_inverse=True)[1]),
        )

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
        if agreement > max(self.agreement - _SAME, _FACTOR) and _RIGHT[0] < factor < _RIGHT[1]:
            return "energies are those of one atom, as forces say, and not of all atoms"
        moderate = 1 / _MODERATE < self.factor < _MODERATE
        same = abs(self.slope - self.factor) < _SAME_SLOPE * abs(self.factor)
        if self.agreement > _FACTOR and same and self.sure > (_VERY_CLEAR if moderate and not self.per_bohr else 0.0):
            return f"energies differ by {self.factor:.3g} times what forces say{_why(self.factor)}"
        if self.agreement < _NOTHING and self.sure > _VERY_CLEAR:
            go = "of some frames, but not of all, go with forces" if self.related else "have nothing to do with forces"
            return f"energies {go} (shuffled, of other frames, or total ones of molecular dynamics?)"
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
    """Some frames of each group in each file, whose energy and forces are known, and these not next to nothing.

    None, if they are few.
    """
    known = [f for f in frames if np.isfinite(f.energy) and np.isfinite(f.forces).all()]
    sizes = np.array([np.sqrt(np.mean(frame.forces**2)) for frame in known])
    tiny = len(known) > 0 and np.quantile(sizes, _LARGE) < _LEAST
    for least, most in ((_LEAST, np.inf), *([(_LEAST_PER_BOHR, _LEAST)] if tiny else [])):
        inside = np.flatnonzero((least < sizes) & (sizes < most))
        chosen = some_of_each([known[n] for n in inside], _ATOMS, _FEWEST, _MOST)
        if len(chosen) >= _FEWEST:
            return chosen
    return []


def _is_large(size: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Whether forces are so large that they say something about energies, beside other ones: where they are next to
    nothing, as in strained crystals, they do not."""
    return size > _PART * np.quantile(sizes, _LARGE)


def _why(factor: float) -> str:
    """What a factor of energies may come from, in parentheses; "": nothing that is known."""
    if 1 / _NEAR < -factor < _NEAR:
        return " (forces with the sign of gradients?)"
    names = [f"energies in {unit}" for unit in units_near(ENERGIES, 1 / factor, _NEAR)]
    of_forces = units_near(FORCES, factor, _NEAR)
    names += ["forces per Bohr" if unit == "eV/Bohr" else f"forces in {unit}" for unit in of_forces]
    return f" ({' or '.join(names)}?)" if names else ""


def _sentence(what: str) -> str:
    return (
        f"energies and forces contradict each other: {what}; units of labels (data.units) and their names "
        "(data.energy_key, data.forces_key) should be looked at; stresses are not checked by them"
    )


def contradictions(
    frames: Sequence[Frame],
    every_frame: Iterable[Frame],
    shape: Shape,
    lists: NeighborLists,
    threads: int,
    tick: Callable[[int], None],
) -> list[str]:
    """Sentences about what is wrong with energies and forces of a `sample` of frames, all, a group in a file, or some.

    every_frame: of which the sample is, with energies that may belong to it.
    tick(n): called when n more frames are done.
    """
    model = ForceModel.of(frames, shape, lists, threads, tick)
    if model is None:
        return []
    found = _found(model, every_frame, shape, lists, threads)
    unit = None if found else unit_by_stiffness(model)
    return [unit] if unit else [_sentence(what) for what in found]


def _found(
    model: ForceModel, every_frame: Iterable[Frame], shape: Shape, lists: NeighborLists, threads: int
) -> list[str]:
    if wrong := transposed(model, shape, threads) or misordered(model):
        return [wrong]
    frames, strange = model.frames, find_strange(model)
    found = [strange_forces.sentence(one, model) for one in strange]
    others = np.setdiff1d(np.arange(len(frames)), np.concatenate([one.members for one in strange] or [[]]))
    others = others[_is_large(model.sizes[others], model.sizes[others])]
    if moved := _moved(model, others, every_frame):
        return [*found, moved]
    if levels := two_levels(model, others, _left(model, others), _beside_forces(model, others)):
        return [*found, levels]
    every = Relation.of(model, others)
    sources = [source(frame) for frame in frames]
    verdicts = {}
    for one in dict.fromkeys(sources):
        here = np.array([n for n in others if sources[n] == one])
        if _FEWEST <= len(here) < len(others):
            # Where forces do not go together, each group has a model of its own.
            alone = every.scrambled and ForceModel.of([frames[n] for n in here], shape, lists, threads, lambda n: None)
            verdicts[one] = (Relation.of(alone) if alone else Relation.of(model, here)).wrong
    if any(verdicts.values()) and not all(verdicts.values()):
        return [*found, *(f"{wrong} (group {group} in {file})" for (file, group), wrong in verdicts.items() if wrong)]
    return [*found, every.wrong] if every.wrong else found


def _moved(model: ForceModel, members: np.ndarray, every_frame: Iterable[Frame]) -> str | None:
    """Whether energies belong to the frames before or after, of the same file and composition, as a sentence's end."""
    known = {frame.origin: frame for frame in every_frame if np.isfinite(frame.energy)}
    for step, where in ((1, "before"), (-1, "after")):
        neighbors = {n: known.get(_origin(model.frames[n], step)) for n in members}
        both = np.array([n for n, other in neighbors.items() if other and _same_elements(model.frames[n], other)])
        if len(both) >= _FEWEST:
            own = Relation.of(model, both)
            other = Relation.of(model, both, np.array([neighbors[n].energy for n in both]))
            right = other.clear > _CLEAR and other.agreement > _FACTOR and _RIGHT[0] < other.factor < _RIGHT[1]
            if right and 1 - other.agreement < _BETTER * (1 - own.agreement):
                return f"energies are those of the frame {where}, in the order of the file"
    return None


def _origin(frame: Frame, step: int) -> str:
    """Where a frame that follows another one comes from."""
    before, _, number = frame.origin.rpartition(" ")
    return f"{before} {int(number) + step}" if number.isdigit() else ""


def _same_elements(a: Frame, b: Frame) -> bool:
    return sorted(a.atoms.numbers) == sorted(b.atoms.numbers)


def _beside_forces(model: ForceModel, members: np.ndarray) -> np.ndarray:
    """Columns for what forces do not tell about the energy per atom: energies of elements and of groups, and the
    dependence on volume, as forces of a crystal that is strained alike everywhere are zero; but for groups, apart for
    the models of both halves."""
    frames = [model.frames[n] for n in members]
    sources = [source(frame) for frame in frames]
    of_source = np.array([[one == other for other in dict.fromkeys(sources)] for one in sources], dtype=float)
    volumes = [frame.atoms.get_volume() / len(frame.atoms) if frame.atoms.pbc.all() else 0.0 for frame in frames]
    V = np.array(volumes)[:, None]
    columns = np.hstack([model.elements[members], V > 0, V, V**2])
    half = model.half[members][:, None]
    return np.hstack([columns * (half == 0), columns * (half == 1), of_source])


def _left(model: ForceModel, members: np.ndarray) -> np.ndarray:
    """Of energies by what forces say, (members,), eV/atom."""
    energies = np.array([model.frames[n].energy for n in members]) - model.energies[members]
    return energies / model.atoms[members]


def _factor(p: np.ndarray, y: np.ndarray, weights: np.ndarray) -> tuple[float, float]:
    """y = factor · p by least squares, and the part of the squares of y that this explains."""
    pp, py, yy = (float(np.sum(weights * a * b)) for a, b in ((p, p), (p, y), (y, y)))
    if pp == 0 or yy == 0:
        return 1.0, 0.0
    return py / pp, py**2 / (pp * yy)


def _slope(p: np.ndarray, y: np.ndarray) -> float:
    """y = slope · p for differences of pairs of frames, in the median."""
    order, apart = np.argsort(p), max(int(_APART * len(p)), 1)
    p, y = p[order], y[order]
    return (
        float(np.median((y[apart:] - y[:-apart]) / np.maximum(p[apart:] - p[:-apart], 1e-12)))
        if len(p) > apart
        else 1.0
    )


def _goes_with(p: np.ndarray, y: np.ndarray, weights: np.ndarray, groups: np.ndarray) -> bool:
    """Whether y agrees with p better than nearly all of its permutations within groups, (frames,), do."""
    rng, order = np.random.default_rng(0), np.argsort(groups, kind="stable")
    p, y, weights, groups = p[order], y[order], weights[order], groups[order]
    shuffled = (y[np.lexsort((rng.random(len(y)), groups))] for _ in range(_SHUFFLES))
    own = abs(np.sum(weights * p * y))
    return bool(np.mean([abs(np.sum(weights * p * other)) >= own for other in shuffled]) < _LIKELY)
