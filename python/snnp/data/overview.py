"""What is in a data set: groups, compositions, densities, distances, energies, forces, pressures."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from ase.units import GPa

from snnp.data.distances import shortest_distances
from snnp.data.frames import Dataset, Frame
from snnp.models.shape import unordered_pairs

Range = tuple[float, float]
UNITS = {"volume": "Å³/atom", "energy": "eV/atom", "force": "eV/Å", "pressure": "GPa", "shortest": "Å"}


@dataclass
class Part:
    """Numbers of one group of frames, or of all; ranges are smallest and largest, None: there is nothing."""

    frames: int
    atoms: int
    atoms_per_frame: tuple[int, int]
    volume: Range | None  # Å³ per atom, of periodic cells
    energy: Range | None  # eV per atom
    force: Range | None  # root mean square of components, largest magnitude; eV/Å
    pressure: Range | None  # GPa
    stresses: int  # frames that have one


@dataclass
class Overview:
    """A data set in numbers."""

    all: Part
    groups: dict[str, Part]
    elements: dict[str, int]  # atoms
    compositions: dict[str, int]  # frames
    shortest: dict[str, float]  # Å, by pair of elements that come within 5 Å
    labels: dict[str, int]  # frames, by the name of a label

    def as_dict(self) -> dict:
        """For JSON; units are those of `Part`."""
        return asdict(self)


def overview(data: Dataset) -> Overview:
    """The numbers of a data set."""
    groups = sorted({frame.group for frame in data.frames})
    symbols: Counter = Counter()
    for frame in data.frames:
        symbols.update(frame.atoms.get_chemical_symbols())
    compositions = Counter(frame.atoms.get_chemical_formula("metal") for frame in data.frames)
    elements = data.elements
    names = [f"{elements[a]}-{elements[b]}" for a, b in unordered_pairs(len(elements))]
    distances = zip(names, shortest_distances(data.frames, elements).tolist(), strict=True)
    return Overview(
        _part(data.frames),
        {group: _part([frame for frame in data.frames if frame.group == group]) for group in groups},
        {symbol: symbols[symbol] for symbol in elements},
        dict(compositions.most_common()),
        {name: distance for name, distance in distances if np.isfinite(distance)},
        dict(sorted(data.names.items())),
    )


def _part(frames: Sequence[Frame]) -> Part:
    sizes = [len(frame.atoms) for frame in frames]
    stressed = [frame for frame in frames if frame.stress is not None]
    forces = np.concatenate([frame.forces for frame in frames])
    known = forces[np.isfinite(forces).all(axis=1)]
    return Part(
        len(frames),
        sum(sizes),
        (min(sizes), max(sizes)),
        _range([f.atoms.get_volume() / n for f, n in zip(frames, sizes, strict=True) if f.atoms.pbc.all()]),
        _range([frame.energy / n for frame, n in zip(frames, sizes, strict=True)]),
        (float(np.sqrt((known**2).mean())), float(np.linalg.norm(known, axis=1).max())) if len(known) else None,
        _range([-frame.stress[:3].mean() / GPa for frame in stressed]),
        len(stressed),
    )


def _range(values: Sequence[float]) -> Range | None:
    known = [float(value) for value in values if np.isfinite(value)]
    return (min(known), max(known)) if known else None
