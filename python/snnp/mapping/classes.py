"""Classes of surroundings: sets of atoms between which the data show no way.

Within a class forces tell how the atomic energy changes, since they are its derivatives along what connects the atoms.
Between two classes only the energies of whole structures can tell.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from snnp import _core
from snnp.data import Frame
from snnp.data.neighbors import NeighborLists
from snnp.mapping.environments import Descriptors

_ATOMS = 4000  # are looked at
_NEIGHBORS, _SCALE = 10, 5  # nearest atoms in the space of descriptors; the distance to the fifth is the scale there
# Atoms are connected if their distance is below this many times the mean of their scales. In slabs of Cu at up to 1200
# K and of Si at up to 900 K, 1.25 to 1.5 tell surfaces from bulk and nothing else.
_CONNECTED = 1.25
# Or if it is below this, for descriptors of size 1: displacements of all atoms by some 0.1 Å, strains of some percent.
# Data of static crystals have such steps, and models are smooth on this scale; surfaces are 0.4 to 0.8 from bulk.
_CLOSE = 0.12
_EQUAL = 1e-3  # atoms closer than this are one point
_FEWEST, _PART = 5, 0.01  # points, and part of an element's points, of a class; others go to the nearest one
_SHELL = 1.35  # times the median distance to the nearest neighbour in a class: up to there neighbours are counted


@dataclass(frozen=True)
class EnvironmentClass:
    """Atoms of an element with connected surroundings. neighbors: mean number within `shell`, Å. groups: of frames.

    number: from 1. part: of all atoms that were looked at.
    """

    number: int
    element: str
    neighbors: float
    shell: float
    part: float
    groups: tuple[str, ...]

    @property
    def name(self) -> str:
        """Such as "Si with 4 neighbours (class 1)"."""
        whole = round(self.neighbors)
        count = f"{whole}" if abs(self.neighbors - whole) < 0.15 else f"{self.neighbors:.1f}"
        return f"{self.element} with {count} neighbour{'' if count == '1' else 's'} (class {self.number})"


@dataclass
class Classes:
    """The classes of some frames, and of each of these the number of atoms in each class, (frames, classes)."""

    classes: list[EnvironmentClass]
    frames: list[Frame]
    counts: np.ndarray


def find_classes(frames: Sequence[Frame], descriptors: Descriptors) -> Classes:
    """The classes in at most some thousand atoms of `frames`, taken evenly from all groups and compositions."""
    chosen = sample(frames, _ATOMS)
    lists = NeighborLists(descriptors.elements, descriptors.cutoff, keep=False)
    structures = [lists.of(frame.atoms) for frame in chosen]
    G = np.concatenate([descriptors(s) for s in structures])
    kinds = np.concatenate([s.elements for s in structures])
    owner = np.repeat(np.arange(len(chosen)), [len(s) for s in structures])
    classes, columns = [], []
    for kind in np.unique(kinds):
        here = np.flatnonzero(kinds == kind)
        points, which = np.unique((_normalised(G[here], descriptors.n2) / _EQUAL).round(), axis=0, return_inverse=True)
        labels = connected(points * _EQUAL)[which.ravel()]
        for label in np.argsort(-np.bincount(labels), kind="stable"):
            members = np.isin(np.arange(len(kinds)), here[labels == label])
            neighbors, shell = _coordination(structures, members)
            columns.append(np.bincount(owner[members], minlength=len(chosen)))
            groups = tuple(sorted({chosen[n].group for n in np.flatnonzero(columns[-1])}))
            part = float(members.mean())
            element = descriptors.elements[kind]
            classes.append(EnvironmentClass(len(classes) + 1, element, neighbors, shell, part, groups))
    return Classes(classes, chosen, np.array(columns).T)


def sample(frames: Sequence[Frame], atoms: int) -> list[Frame]:
    """Frames of at most so many atoms, but of each group and composition one: from all in turn, evenly spaced."""
    parts: dict[tuple, list[Frame]] = {}
    for frame in frames:
        parts.setdefault((frame.group, tuple(np.bincount(frame.atoms.numbers).tolist())), []).append(frame)
    queues = [_spread(part) for part in parts.values()]
    chosen: list[Frame] = []
    total = 0
    for turn in range(max(map(len, queues), default=0)):
        for queue in queues:
            if turn < len(queue) and (turn == 0 or total + len(queue[turn].atoms) <= atoms):
                chosen.append(queue[turn])
                total += len(queue[turn].atoms)
    return chosen


def connected(points: np.ndarray) -> np.ndarray:
    """The class of each point (n, dimensions), without unit, from 0.

    Single linkage with a length that follows the density: two points are linked if d < 1.25 √(s₁ s₂), with s the
    distance to the fifth point next to each, or d < 0.12.
    """
    n = len(points)
    distances, others = cKDTree(points).query(points, k=min(_NEIGHBORS, n - 1) + 1)
    distances, others = distances.reshape(n, -1), others.reshape(n, -1)
    scale = distances[:, _SCALE] if n > _SCALE else np.zeros(n)
    rows = np.repeat(np.arange(n), distances.shape[1] - 1)
    columns = others[:, 1:].ravel()
    linked = distances[:, 1:].ravel() < np.maximum(_CONNECTED * np.sqrt(scale[rows] * scale[columns]), _CLOSE)
    graph = csr_array((np.ones(linked.sum()), (rows[linked], columns[linked])), shape=(n, n))
    labels = connected_components(graph, directed=False)[1]
    return _without_small(points, labels)


def _without_small(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Gives points of small classes to the class of the nearest other point, if there is a large class."""
    large = np.bincount(labels)[labels] >= max(_FEWEST, _PART * len(labels))
    if large.any() and not large.all():
        nearest = cKDTree(points[large]).query(points[~large])[1]
        labels[~large] = labels[large][nearest]
    return np.unique(labels, return_inverse=True)[1]


def _normalised(G: np.ndarray, n2: int) -> np.ndarray:
    """Sums over pairs and over angles, each of mean size 1."""
    parts = G[:, :n2], G[:, n2:]
    return np.concatenate([part / max(np.linalg.norm(part, axis=1).mean(), 1e-9) for part in parts], axis=1)


def _spread(frames: list[Frame]) -> list[Frame]:
    """In an order whose beginnings are evenly spaced."""
    order = sorted(range(len(frames)), key=lambda n: (n * 0.6180339887498949) % 1.0)  # golden section
    return [frames[n] for n in order]


def _coordination(structures: Sequence[_core.Structures], members: np.ndarray) -> tuple[float, float]:
    """The mean number of neighbours in the first shell of some atoms (all atoms,), and how far that reaches, Å."""
    r = np.concatenate([np.linalg.norm(s.vectors, axis=1) for s in structures])
    i = np.repeat(np.arange(len(members)), np.concatenate([np.diff(s.offsets) for s in structures]))
    r, i = r[members[i]], i[members[i]]
    nearest = np.full(len(members), np.inf)
    np.minimum.at(nearest, i, r)
    seen = nearest[np.isfinite(nearest)]
    shell = _SHELL * float(np.median(seen)) if len(seen) else 0.0
    return float((r < shell).sum() / members.sum()), shell
