"""Labelled structures that are one and the same crystal under strain: found, and its state of equilibrium."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import spglib
from ase import Atoms
from ase.data import covalent_radii
from ase.stress import voigt_6_to_full_3x3_stress

from snnp.data.frames import Frame
from snnp.data.layers import largest_gap
from snnp.validation.elasticity import Polynomial, fit_energies, fit_stresses
from snnp.validation.equation import Equation, fit_equation
from snnp.validation.matching import Match, Primitive, match, primitive
from snnp.validation.naming import formula, prototype
from snnp.validation.symmetry import PRECISION, Symmetry, from_mandel, mandel, symmetry_data

# A crystal is known by its most symmetric frame. Cells with fewer operations than these are seldom crystals that anyone
# wants checked, and often defects and steps on the way between crystals.
_LEAST_OPERATIONS = 6
_SYMMETRIC = 0.01  # Å, for each Å of the cube root of the volume of an atom
_HIGH = 0.5  # eV/atom
_LOOSE = (0.03, 0.06, 0.1, 0.15)  # the same, where only strained frames are there
# Strains without change of volume below which frames make an equation of state. Cells of lower symmetry may relax.
_SHAPE, _OTHER_SHAPE = 1e-3, 0.02
_UNMOVED = 0.01  # Å, of sublattices: below it their atoms are where the strain alone brings them
_AT_REST = 0.02  # eV/Å, on sublattices: below it their atoms are relaxed
# Around the volume of least energy: where an equation of third order holds; wider if there are too few points.
_WINDOWS = (0.12, 0.25)
# Of the range of energies: what is off an equation of state by more is no series of volumes, but of other strains, too.
_SCATTER = 0.05
_REACH = 0.12  # strain, beyond which frames tell a regression nothing
FEWEST = 4  # frames of a regression
_FARTHEST = 0.05  # strain from the frame of least energy to zero pressure
_MOST_PRESSURE = 2.0 / 160.2  # eV/Å³: energies of crystals under less are those at zero pressure to some meV/atom
# Shear stresses of what is no crystal at rest, and of what surely is one, GPa in eV/Å³; graphite is under some GPa
# where the functional does not bind its layers. In between: no crystal if it is another one under this strain.
_MOST_SHEAR, _LITTLE_SHEAR, _FAR_STRAINED = 5.0 / 160.2, 0.2 / 160.2, 0.24
_MOST_FORCE = 0.5  # eV/Å, on a sublattice of a crystal: an atom is then about 0.1 Å from where it rests
# Bonds are shorter than twice the sum of covalent radii, also those of noble gases from argon on. Layers are at most
# 4 Å apart; farther apart, in a structure whose bonds are much shorter, they are two surfaces.
_BOND, _GAP, _GAP_BY_BOND = 2.0, 4.0, 1.8
# Cells of an element that have so many atoms may be a simpler crystal with a vacancy.
_MAY_BE_VACANCY = 3


@dataclass(frozen=True)
class Sample:
    """A frame as a crystal under strain. energy and volume: of an atom, eV and Å³. stress: (3, 3), eV/Å³, or None.

    energy: without what the shaking of atoms adds. force: the largest on a sublattice, eV/Å; NaN: not known.
    """

    frame: Frame
    match: Match
    energy: float
    volume: float
    stress: np.ndarray | None
    force: float

    @property
    def strain(self) -> np.ndarray:
        """Lagrange's strain (6,), Mandel."""
        return mandel(self.match.strain)

    @property
    def piola(self) -> np.ndarray:
        """The second Piola-Kirchhoff stress (6,), Mandel, eV/Å³."""
        back = np.linalg.inv(self.match.gradient)
        return mandel(back @ self.stress @ back.T) * self.match.volume

    @property
    def is_relaxed(self) -> bool:
        """Whether no sublattice is pulled anywhere, as far as forces are known."""
        return not self.force >= _AT_REST

    @property
    def is_clamped(self) -> bool:
        """Whether atoms are where the strain alone brings them."""
        return self.match.shifted < _UNMOVED


class Series:
    """The frames of a crystal.

    atoms: its primitive cell, standardised, at zero pressure if there are enough frames to tell. is_settled: if
    so. equation: of state, of an atom. energy: at zero pressure, eV/atom; None: not known.
    """

    def __init__(self, atoms: Atoms, samples: list[Sample]):
        self.atoms, self.samples = atoms, samples
        self.symmetry = Symmetry.of(atoms)
        self.name = f"{prototype(atoms)} {formula(atoms)}"
        self.energy: float | None = None
        self.is_settled = False
        self.equation = self._fit_equation()
        self._settle()

    @property
    def is_at_rest(self) -> bool:
        """Whether the frames tell the state at zero pressure, or nearly."""
        return self.energy is not None

    @property
    def volume(self) -> float:
        """Of an atom, Å³."""
        return self.atoms.get_volume() / len(self.atoms)

    @property
    def hydrostatic(self) -> list[Sample]:
        """Frames of the shape of the crystal, by volume."""
        shape = _SHAPE if self.symmetry.system == "cubic" else _OTHER_SHAPE
        found = [s for s in self.samples if s.match.distortion < shape and s.is_clamped]
        return sorted(found, key=lambda sample: sample.volume)

    def is_on_the_way(self, others: Sequence["Series"]) -> bool:
        """Whether this is no crystal, but one under a strain or with a shift of atoms that is too large to be told."""
        if self.is_settled:
            return False
        lowest = min(self.samples, key=lambda sample: sample.energy)
        sheared = np.nan if lowest.stress is None else shear(lowest.stress)
        if sheared > _MOST_SHEAR or lowest.force > _MOST_FORCE:
            return True
        if sheared < _LITTLE_SHEAR:
            return False
        own, order = primitive(self.atoms), len(self.symmetry.rotations)
        higher = [other for other in others if len(other.symmetry.rotations) > order]
        return any(match(own, other.atoms, _FAR_STRAINED) for other in higher)

    def strained(self, clamped: bool = False) -> list[Sample]:
        """Samples for regressions whose atoms are relaxed, or else clamped."""
        able = [s for s in self.samples if (s.is_clamped if clamped else s.is_relaxed)]
        return [s for s in able if np.linalg.norm(s.strain) < _REACH]

    def by_energies(self, samples: Sequence[Sample]) -> Polynomial:
        """The regression over energies of some samples."""
        strains, energies = (np.array([getattr(s, name) for s in samples]) for name in ("strain", "energy"))
        groups = np.array([s.frame.group for s in samples])
        return fit_energies(strains, energies / self.volume, self.symmetry, groups)

    def by_stresses(self, samples: Sequence[Sample]) -> Polynomial:
        """The regression over stresses of some samples, which have some."""
        strains, stresses = (np.array([getattr(s, name) for s in samples]) for name in ("strain", "piola"))
        return fit_stresses(strains, stresses, self.symmetry)

    def _settle(self) -> None:
        """Brings the cell to zero pressure: by the equation of state, or by a regression over strains."""
        lowest = min(self.samples, key=lambda sample: sample.energy)
        if self.equation is not None:
            self.energy, self.is_settled = self.equation.energy, True
            self._deform(np.eye(3) * (self.equation.volume / self.volume) ** (1 / 3))
        else:
            self._deform(np.eye(3) * (lowest.volume / self.volume) ** (1 / 3))
        if self.equation is None or self.symmetry.system != "cubic":
            for _ in range(3):
                if not self._step():
                    break
        pressure = None if lowest.stress is None else abs(np.trace(lowest.stress)) / 3
        if self.energy is None and (pressure is None or pressure < _MOST_PRESSURE):
            self.energy = lowest.energy

    def _step(self) -> bool:
        """One of Newton's steps towards zero pressure, if there are frames enough to know where that is."""
        kept = self.symmetry.strains()
        needed = np.abs(kept).sum(axis=0) > 1e-6
        for found, samples in self._regressions():
            if not found.known[np.ix_(needed, needed)].all():
                continue
            moduli = kept @ found.elastic @ kept.T
            strain = kept.T @ np.linalg.solve(moduli, -kept @ found.stress)
            if np.linalg.eigvalsh(moduli).min() <= 0 or np.linalg.norm(strain) > _FARTHEST:
                return False
            strains = np.array([s.strain for s in samples])
            offsets = [s.energy for s in samples] - self.volume * found.energies(strains)
            self.energy = float(np.median(offsets) + self.volume * found.energies(strain[None])[0])
            self._deform(np.eye(3) + from_mandel(strain))
            self.is_settled = True
            return True
        return False

    def _regressions(self) -> Iterator[tuple[Polynomial, list[Sample]]]:
        """Over energies, and over stresses where these do not tell."""
        samples = self.strained()
        if len(samples) >= FEWEST:
            yield self.by_energies(samples), samples
        with_stress = [s for s in samples if s.stress is not None]
        if len(with_stress) >= FEWEST:
            yield self.by_stresses(with_stress), with_stress

    def _deform(self, by: np.ndarray) -> None:
        """Takes another state of strain, a symmetric matrix, as the unstrained one."""
        self.atoms.set_cell(self.atoms.cell.array @ by, scale_atoms=True)
        back = np.linalg.inv(by)
        self.samples = [replace(s, match=replace(s.match, gradient=s.match.gradient @ back)) for s in self.samples]

    def _fit_equation(self) -> Equation | None:
        points = self.hydrostatic
        if not points:
            return None
        middle = min(points, key=lambda sample: sample.energy).volume
        for window in _WINDOWS:
            near = [s for s in points if abs(s.volume / middle - 1) < window]
            volumes, energies = (np.array([getattr(s, name) for s in near]) for name in ("volume", "energy"))
            found = fit_equation(volumes, energies)
            if found is not None and np.std(found(volumes) - energies) < _SCATTER * np.ptp(energies):
                return found
        return None


def find_series(frames: Iterable[Frame]) -> list[Series]:
    """All crystals of these frames. Frames that are surfaces, defects, thermal or far apart belong to none."""
    sets: list[tuple[Atoms, list[Sample]]] = []
    candidates = sorted(_candidates(frames), key=_most_symmetric)
    lowest: dict[str, float] = {}
    for _, frame, found in candidates:
        name = formula(found.atoms)
        lowest[name] = min(lowest.get(name, np.inf), frame.energy / len(frame.atoms))
    for group, frame, found in candidates:
        for atoms, members in sets:
            if matched := match(found, atoms):
                members.append(_sample(frame, found, matched))
                break
        else:
            parent = _parent(group, frame, found, lowest[formula(found.atoms)])
            if parent is not None:
                sets.append((parent, [_sample(frame, found, match(found, parent))]))
    series = [Series(atoms, members) for atoms, members in sets]
    series = [one for one in series if not (one.is_on_the_way(series) or _is_defect(one, series))]
    for n, one in enumerate(series):
        same = sum(other.name.removesuffix(f" ({n})") == one.name for other in series[:n])
        one.name += f" ({same + 1})" if same else ""
    return series


def _candidates(frames: Iterable[Frame]):
    for frame in frames:
        if not (frame.atoms.pbc.all() and frame.atoms.cell.rank == 3 and np.isfinite(frame.energy)):
            continue
        found = primitive(frame.atoms)
        if found is None or _is_open(found.atoms):
            continue
        group = symmetry_data(found.atoms, _tolerance(found))
        if group is not None:
            yield group, frame, found


def _most_symmetric(candidate: tuple) -> tuple[int, float]:
    group, frame, _ = candidate
    return -_order(group), frame.energy / len(frame.atoms)


def _parent(group, frame: Frame, found: Primitive, lowest: float) -> Atoms | None:
    """The crystal that a frame is, or that it is a strained one of: the most symmetric one nearby; None: it is none.

    A frame of some symmetry that is at rest, or about which one cannot know, is its own. lowest: energy of an atom in
    the frames of this composition; what is far above is not searched for a crystal that it could be close to.
    """
    length, order = found.volume ** (1 / 3), _order(group)
    best, most = None, 0
    if order >= _LEAST_OPERATIONS:
        best, most = standardised(found.atoms, _tolerance(found)), order
        if frame.stress is None or shear(frame.stress) < _LITTLE_SHEAR:
            return best if match(found, best) else None
    for precision in _LOOSE if frame.energy / len(frame.atoms) < lowest + _HIGH else ():
        data = symmetry_data(found.atoms, precision * length)
        if data is None or _order(data) <= max(most, _LEAST_OPERATIONS - 1) or len(data.std_types) % len(found.numbers):
            continue
        try:
            parent = standardised(found.atoms, precision * length)
        except ValueError:
            continue
        if len(parent) == len(found.numbers) and match(found, parent):
            best, most = parent, _order(data)
    return best if best is not None and match(found, best) else None


def shear(stress: np.ndarray) -> float:
    """The largest stress but for the pressure, eV/Å³, of a stress (6,) or (3, 3); NaN where it is not known."""
    full = voigt_6_to_full_3x3_stress(stress) if np.ndim(stress) == 1 else stress
    if not np.isfinite(full).all():
        return np.nan
    return float(np.abs(np.linalg.eigvalsh(full - np.eye(3) * np.trace(full) / 3)).max())


def _order(group) -> int:
    """Of the point group."""
    return len(np.unique(group.rotations, axis=0))


def _tolerance(found: Primitive) -> float:
    return _SYMMETRIC * found.volume ** (1 / 3)


def standardised(atoms: Atoms, precision: float = PRECISION) -> Atoms:
    """The primitive cell, idealised and in the orientation of tables; raises ValueError if there is no symmetry."""
    cell = (atoms.cell.array, atoms.get_scaled_positions(wrap=False), atoms.numbers)
    data = symmetry_data(atoms, precision)
    found = None if data is None else spglib.standardize_cell(cell, to_primitive=True, symprec=precision)
    if found is None:
        raise ValueError(f"the symmetry of {atoms.symbols} cannot be found")
    lattice, scaled, numbers = found
    return Atoms(numbers, scaled_positions=scaled, cell=lattice, pbc=True)


def _sample(frame: Frame, found: Primitive, matched: Match) -> Sample:
    """Energies are freed from the shaking of atoms by ½ Σ F·u: it is harmonic."""
    energy, force = frame.energy, np.nan
    if np.isfinite(frame.forces).all():
        counts = np.bincount(found.sites)
        mean = np.array([np.bincount(found.sites, frame.forces[:, i]) / counts for i in range(3)]).T
        energy += ((frame.forces - mean[found.sites]) * found.shaken).sum() / 2
        force = float(np.linalg.norm(mean - mean.mean(axis=0), axis=1).max())
    stress = None
    if frame.stress is not None and np.isfinite(frame.stress).all():
        stress = voigt_6_to_full_3x3_stress(frame.stress)
    return Sample(frame, matched, energy / len(frame.atoms), found.volume, stress, force)


def _is_open(atoms: Atoms) -> bool:
    """Whether there is a surface, or nothing but atoms far apart."""
    apart = atoms.positions[:, None] - atoms.positions[None]
    images = (np.array(list(np.ndindex(3, 3, 3))) - 1) @ atoms.cell.array
    distances = np.linalg.norm(apart[..., None, :] + images, axis=-1)
    shortest = distances[distances > 1e-6].min()
    if shortest > _BOND * 2 * covalent_radii[atoms.numbers].max():
        return True
    return largest_gap(atoms) > max(_GAP, _GAP_BY_BOND * shortest)


def _is_defect(one: Series, others: Sequence[Series]) -> bool:
    """Whether a crystal of an element is a simpler one with atoms missing."""
    simpler = [other for other in others if len(other.atoms) < len(one.atoms) // 2]
    if len(set(one.atoms.numbers)) > 1 or len(one.atoms) < _MAY_BE_VACANCY or not simpler:
        return False
    filled = one.atoms + Atoms(one.atoms.symbols[:1], [largest_hole(one.atoms)])
    found = primitive(filled)
    return found is not None and any(match(found, other.atoms) for other in simpler)


def largest_hole(atoms: Atoms, grid: float = 0.3) -> np.ndarray:
    """The place (3,) that is farthest from all atoms, to about the spacing of a grid, Å."""
    from scipy.optimize import minimize
    from scipy.spatial import cKDTree

    steps = np.maximum(np.ceil(atoms.cell.lengths() / grid).astype(int), 1)
    scaled = np.stack(np.meshgrid(*[np.arange(n) / n for n in steps], indexing="ij"), axis=-1).reshape(-1, 3)
    around = atoms.repeat(3).positions - atoms.cell.array.sum(axis=0)
    tree = cKDTree(around)
    places = scaled @ atoms.cell.array
    best = places[tree.query(places)[0].argmax()]
    return minimize(lambda place: -tree.query(place)[0], best, method="Nelder-Mead").x
