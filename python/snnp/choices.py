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
# Knots of the legs of a tensor for one, two, … elements: some 900 unknowns, and no more than 4000 in all.
_LEG_KNOTS = (11, 9, 7, 6, 5)
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
    config = _with_cutoffs(config, geometry, elements)
    E = len(elements)
    pairs = [(a, b) for a in range(E) for b in range(a, E)]
    shortest = {ab: _known(s, elements, ab) for ab, s in zip(pairs, geometry.shortest, strict=True)}
    reach = min(getattr(config, f"{part}_cutoff", np.inf) for part in ("pair", "density", "leg"))
    for (a, b), s in shortest.items():
        if s >= 0.9 * reach:
            raise DataError(
                f"a cutoff of {reach} Å is too short: {elements[a]} and {elements[b]} come no closer than {s:.2f} Å"
            )
    ordered = [shortest[min(a, b), max(a, b)] for a in range(E) for b in range(E)]
    core = config.core
    shape = Shape(
        elements=list(elements),
        pair_knots=[np.linspace(s, config.pair_cutoff, config.pair_knots) for s in ordered],
        core=[(core.inner * s, core.outer * s) if core.enabled else None for s in shortest.values()],
        shortest=[0.0 if np.isnan(s) else float(s) for s in geometry.shortest],
        **_filters(config),
    )
    if hasattr(config, "density_cutoff"):
        shape.rho_knots = [np.linspace(s, config.density_cutoff, config.density_knots) for s in ordered]
    if hasattr(config, "leg_cutoff"):
        shape.leg_knots = [np.linspace(s, config.leg_cutoff, config.leg_knots) for s in ordered]
    if config.kind == "uf3":
        apart = [shortest[bc] for _ in range(E) for bc in pairs]
        shape.opposite_knots = [np.linspace(s, 2 * config.leg_cutoff, config.opposite_knots) for s in apart]
    return config, shape


def _with_cutoffs(config: ModelConfig, geometry: Geometry, elements: Sequence[str]) -> ModelConfig:
    """Cutoffs and numbers of knots that were left open."""
    pair_cutoff = config.pair_cutoff or geometry.radius(_PAIR_NEIGHBORS)
    found = {"pair_cutoff": pair_cutoff}
    if hasattr(config, "leg_cutoff"):
        found["leg_cutoff"] = config.leg_cutoff or min(geometry.radius(_LEG_NEIGHBORS), pair_cutoff)
    if hasattr(config, "density_cutoff"):
        found["density_cutoff"] = config.density_cutoff or pair_cutoff
    if config.kind == "uf3":
        found["leg_knots"] = config.leg_knots or _LEG_KNOTS[min(len(elements), len(_LEG_KNOTS)) - 1]
        found["opposite_knots"] = config.opposite_knots or 2 * found["leg_knots"] - 1
    return config.model_copy(update=found)


def _filters(config: ModelConfig) -> dict:
    """What stands between distances and the energy of an atom, as arguments of a shape."""
    if config.kind == "snnp":
        filters = config.two_body_filters, config.three_body_filters
        return {
            "n2": filters[0],
            "n3": filters[1],
            "angle_knots": np.linspace(-1, 1, config.angle_knots),
            "hidden": config.hidden if sum(filters) else [],
            "activation": config.activation,
        }
    if config.kind == "smeam":
        return {"n2": 1, "n3": 1, "angle_knots": np.linspace(-1, 1, config.angle_knots), "end": 2}
    return {"n2": 1, "n3": 0, "end": 2} if config.kind == "eam" else {"n2": 0, "n3": 0}


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
