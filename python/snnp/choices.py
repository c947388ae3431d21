"""What a fit reads off the data when the configuration leaves it open: cutoffs, knots, repulsive core, energies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import atomic_numbers, covalent_radii

from snnp.config import ModelConfig
from snnp.data import DataError, Frame
from snnp.model import Shape
from snnp.neighbors import element_indices, full_list

# Neighbours that an atom has within the cutoffs on average, if the configuration leaves them open: about two shells for
# angles and four for pairs.
_LEG_NEIGHBORS, _PAIR_NEIGHBORS = 24, 48
_LARGEST_CUTOFF = 9.0  # Å
_FRAMES = 60  # are enough to know the density


@dataclass
class Geometry:
    """Distances in the data, Å: a sorted sample of all, and the shortest of each unordered pair (NaN: none seen)."""

    distances: np.ndarray
    n_atoms: int
    shortest: np.ndarray

    def radius(self, neighbors: float) -> float:
        """The radius within which an atom has so many neighbours on average, Å (rounded to 0.1)."""
        index = int(neighbors * self.n_atoms)
        if len(self.distances) == 0:
            return 5.0
        return round(float(self.distances[min(index, len(self.distances) - 1)]), 1)


def survey(frames: Sequence[Frame], elements: Sequence[str]) -> Geometry:
    """Looks at the distances between atoms."""
    step = max(len(frames) // _FRAMES, 1)
    sample = [full_list(frame.atoms, _LARGEST_CUTOFF) for frame in frames[::step]]
    n_atoms = sum(len(frame.atoms) for frame in frames[::step])
    distances = np.sort(np.concatenate([np.linalg.norm(d, axis=1) for _, _, d in sample]))
    return Geometry(distances, n_atoms, _shortest(frames, elements))


def _shortest(frames: Sequence[Frame], elements: Sequence[str]) -> np.ndarray:
    E = len(elements)
    shortest = np.full((E, E), np.inf)
    for frame in frames:
        kinds = element_indices(frame.atoms, elements)
        i, j, d = full_list(frame.atoms, 5.0)
        np.minimum.at(shortest, (kinds[i], kinds[j]), np.linalg.norm(d, axis=1))
    shortest = np.minimum(shortest, shortest.T)[np.triu_indices(E)]
    return np.where(np.isinf(shortest), np.nan, shortest)


def choose(config: ModelConfig, frames: Sequence[Frame], elements: Sequence[str]) -> tuple[ModelConfig, Shape]:
    """The configuration with nothing left open, and the shape that follows from it and the data."""
    geometry = survey(frames, elements)
    pair_cutoff = config.pair_cutoff or geometry.radius(_PAIR_NEIGHBORS)
    leg_cutoff = config.leg_cutoff or min(geometry.radius(_LEG_NEIGHBORS), pair_cutoff)
    config = config.model_copy(update={"pair_cutoff": pair_cutoff, "leg_cutoff": leg_cutoff})
    pairs = [(a, b) for a in range(len(elements)) for b in range(a, len(elements))]
    shortest = {ab: _known(s, elements, ab) for ab, s in zip(pairs, geometry.shortest, strict=True)}
    for (a, b), s in shortest.items():
        if s >= 0.9 * min(pair_cutoff, leg_cutoff):
            raise DataError(
                f"cutoffs {leg_cutoff} and {pair_cutoff} Å are too short: {elements[a]} and {elements[b]} come "
                f"no closer than {s:.2f} Å"
            )
    ordered = [shortest[min(a, b), max(a, b)] for a in range(len(elements)) for b in range(len(elements))]
    core = config.core
    shape = Shape(
        elements=list(elements),
        n2=config.two_body_filters,
        n3=config.three_body_filters,
        pair_knots=[np.linspace(s, pair_cutoff, config.pair_knots) for s in ordered],
        leg_knots=[np.linspace(s, leg_cutoff, config.leg_knots) for s in ordered],
        angle_knots=np.linspace(-1, 1, config.angle_knots),
        hidden=config.hidden if config.two_body_filters + config.three_body_filters else [],
        activation=config.activation,
        core=[(core.inner * s, core.outer * s) if core.enabled else None for s in shortest.values()],
        shortest=[0.0 if np.isnan(s) else float(s) for s in geometry.shortest],
    )
    return config, shape


def _known(shortest: float, elements: Sequence[str], pair: tuple[int, int]) -> float:
    """The shortest distance, or for a pair that the data never show, a typical bond length, Å; to be found in any case
    well inside the cutoffs."""
    if np.isfinite(shortest):
        return float(shortest)
    return float(sum(covalent_radii[atomic_numbers[elements[a]]] for a in pair))


def isolated_energies(frames: Sequence[Frame], cutoff: float) -> tuple[dict[str, float], list[Frame]]:
    """Energies of single atoms without neighbours by element, eV, and the frames that are none such."""
    energies, rest = {}, []
    for frame in frames:
        if len(frame.atoms) == 1 and len(full_list(frame.atoms, cutoff)[0]) == 0:
            energies[frame.atoms.get_chemical_symbols()[0]] = frame.energy
        else:
            rest.append(frame)
    return energies, rest
