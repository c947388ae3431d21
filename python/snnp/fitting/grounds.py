"""How low energies may be: what training data say of the ground states of compositions that small cells can have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii
from ase.formula import Formula

from snnp.data import Frame
from snnp.data.batch import Weights
from snnp.data.distances import shortest_distances
from snnp.data.frames import LabelWeights
from snnp.data.layers import largest_gap
from snnp.fitting.ground_states import GroundState, energy_of, fractions, ground_states, hull, lowest_frames
from snnp.random_cells import ATOMS

# A frame on the hull may be a snapshot of a hot crystal, or a liquid: the ground state is held to be lower by so many
# times what the frame is above its nearest minimum.
_EXCESSES = 3.0
# Gaps between layers of atoms, by the shortest distance: larger ones are vacuum.
_VACUUM = 2.7
# So many compositions between ground states, and how far below mixtures of these unknown compounds may be, eV/atom.
_MIXTURES, _UNKNOWN = 50, 0.1


@dataclass(frozen=True)
class Ground:
    """What bounds cells of a composition: energy, eV/atom, and, for random cells, volume of an atom, Å³, and shortest
    distance, Å, of the ground state."""

    formula: str
    energy: float
    volume: float
    shortest: float
    share: float = 1.0  # of random cells, relative to others
    is_mixture: bool = False  # of no known phase

    @classmethod
    def of(cls, state: GroundState) -> "Ground | None":
        """None: the frame is no bulk."""
        atoms = state.frame.atoms
        shortest = float(np.nanmin(np.r_[np.inf, shortest_distances([state.frame], sorted(set(atoms.symbols)))]))
        if not largest_gap(atoms) < _VACUUM * shortest < np.inf:
            return None
        formula = atoms.symbols.formula.reduce()[0].format("hill")
        return cls(formula, _bound(state), atoms.get_volume() / len(atoms), shortest)

    def frame(self, atoms: Atoms, weight: float) -> Frame:
        """A cell of this composition with the bound as its energy. weight: of this label."""
        nothing = np.full((len(atoms), 3), np.nan)
        weights = LabelWeights(energy=weight)
        return Frame(atoms, self.energy * len(atoms), nothing, None, "", "", label_weights=weights)


def grounds_of(frames: Sequence[Frame], elements: Sequence[str], weights: Weights) -> list[Ground]:
    """What training data say of compositions of which small cells can be; nothing, if energies have no weight."""
    if not weights.energy:
        return []
    states = ground_states(frames, elements)
    found = [ground for state in states if (ground := Ground.of(state)) and len(Formula(ground.formula)) <= ATOMS[1]]
    if not found:
        return []
    lowest = lowest_frames(frames, elements)
    guessed = _elements(states, found)
    few = [ground for one in guessed if (ground := _lower(one, lowest.get(fractions(Atoms(one.formula), elements))))]
    if few:
        found += few
        guessed = _elements(states, found)
    return [*found, *guessed, *_mixtures(frames, elements, lowest, found + guessed)]


def _lower(guessed: Ground, frame: Frame | None) -> Ground | None:
    """What a frame of an element says, if it is lower: frames too few for a ground state may be right."""
    found = Ground.of(GroundState.of(frame)) if frame else None
    return found if found and found.energy < guessed.energy else None


def _elements(states: Sequence[GroundState], compounds: Sequence[Ground]) -> list[Ground]:
    """Of elements that are in compounds of the data, and have no crystals there.

    A compound does not decay into its elements: their energies add up to that of the compound at least. How this is
    shared among them is what energies of other compositions, as those with defects, say by least squares.
    """
    known = {ground.formula: ground for ground in compounds}
    lacking = sorted({symbol for ground in compounds for symbol in Formula(ground.formula)} - set(known))
    if not lacking:
        return []

    def parts(formula: Formula) -> tuple[np.ndarray, float]:
        """Fractions of the elements that lack, and the energy of the others, eV/atom."""
        count, size = formula.count(), len(formula)
        rest = sum(n * known[symbol].energy for symbol, n in count.items() if symbol in known)
        return np.array([count.get(symbol, 0) for symbol in lacking]) / size, rest / size

    A, rests = zip(*(parts(state.frame.atoms.symbols.formula) for state in states), strict=True)
    energies = np.array([energy_of(state.frame) for state in states])
    found = np.linalg.lstsq(np.array(A), energies - rests, rcond=None)[0]
    own = [(*parts(Formula(ground.formula)), ground.energy) for ground in compounds]
    found += max((energy - rest - a @ found) / a.sum() for a, rest, energy in own if a.any())
    share = 1 / len(lacking)
    return [_element(symbol, float(energy), compounds, share) for symbol, energy in zip(lacking, found, strict=True)]


def _element(symbol: str, energy: float, compounds: Sequence[Ground], share: float) -> Ground:
    """Volume and distance are those of a compound, scaled to the radius of the atom."""
    compound = next(ground for ground in compounds if symbol in Formula(ground.formula).count())
    radii = covalent_radii[[atomic_numbers[other] for other in Formula(compound.formula)]]
    scale = covalent_radii[atomic_numbers[symbol]] / radii.mean()
    return Ground(symbol, energy, compound.volume * scale**3, compound.shortest * scale, share)


def _mixtures(
    frames: Sequence[Frame], elements: Sequence[str], lowest: Mapping[tuple, Frame], grounds: Sequence[Ground]
) -> list[Ground]:
    """Of some compositions of elements that are together in frames, each pair of them: a little below the convex hull
    of all energies, since compounds may be missing in the data."""
    together = {pair for frame in frames for pair in combinations(sorted(set(frame.atoms.symbols)), 2)}
    known = {ground.formula for ground in grounds}
    points = np.array([*lowest, *(fractions(Atoms(ground.formula), elements) for ground in grounds)])
    energies = np.array([*(_bound(GroundState.of(frame)) for frame in lowest.values()), *(g.energy for g in grounds)])
    rng, found = np.random.default_rng(0), {}
    for _ in range(4 * _MIXTURES if together else 0):
        some = rng.choice(elements, rng.integers(2, min(4, len(elements)) + 1), replace=False)
        counts = rng.multinomial(rng.integers(len(some), ATOMS[1] + 1), np.full(len(some), 1 / len(some)))
        atoms = Atoms("".join(np.repeat(some, counts)))
        pairs = combinations(sorted(set(atoms.symbols)), 2)
        formula = atoms.symbols.formula.reduce()[0].format("hill")
        if len(set(atoms.symbols)) < 2 or not together.issuperset(pairs) or {formula} & (known | set(found)):
            continue
        energy = hull(points, energies, fractions(atoms, elements))
        parts = [ground for ground in grounds if set(Formula(ground.formula)) <= set(atoms.symbols)]
        if np.isfinite(energy) and parts:
            volume, shortest = (float(np.mean([getattr(g, what) for g in parts])) for what in ("volume", "shortest"))
            found[formula] = Ground(formula, energy - _UNKNOWN, volume, shortest, is_mixture=True)
    few = list(found.values())[:_MIXTURES]
    return [replace(ground, share=1 / len(few)) for ground in few]


def _bound(state: GroundState) -> float:
    """The lowest energy that its composition may have, eV/atom."""
    return energy_of(state.frame) - _EXCESSES * state.excess
