"""What a potential has learned: curves in the standard gauge, the data under them, and what each adds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from snnp import _core
from snnp.data import Frame
from snnp.data.neighbors import NeighborLists
from snnp.models.gauge import contributions, embedding, filters, in_standard_gauge

_ANGLES = 200_000  # pairs of neighbours are enough to know the angles in the data
_CARRY = 0.9  # of the sum of squares of contributions: filters that carry it come first


@dataclass
class Reading:
    """A potential in the standard gauge of some data, and these data.

    distances: of each unordered pair of elements, Å. cosines: between neighbours within the reach of f, by centre and
    unordered pair of neighbours. contributions: of filters to atomic energies, (n2 + n3,), eV. parts: standard
    deviations of what makes atomic energies, eV.
    """

    potential: _core.Potential
    distances: dict[tuple[int, int], np.ndarray]
    cosines: dict[int, np.ndarray]
    contributions: np.ndarray
    parts: dict[str, float]

    @property
    def leading(self) -> tuple[list[int], list[int]]:
        """Two-body and three-body filters, from 0, that together carry 90 % of the squares of all contributions."""
        squares = self.contributions**2
        order = np.argsort(-squares)
        count = int(np.searchsorted(np.cumsum(squares[order]), _CARRY * squares.sum())) + 1
        chosen, n2 = sorted(order[:count].tolist()), self.potential.n2
        return [m for m in chosen if m < n2], [m - n2 for m in chosen if m >= n2]

    def as_dict(self) -> dict:
        """For JSON, in meV."""
        n2 = self.potential.n2
        names = [f"ρ{m + 1}" if m < n2 else f"f{m - n2 + 1} g{m - n2 + 1}" for m in range(len(self.contributions))]
        added = {name: 1000 * float(c) for name, c in zip(names, self.contributions, strict=True)}
        two, three = self.leading
        return {
            "contributions_meV": added,
            "parts_meV": {name: 1000 * value for name, value in self.parts.items()},
            "leading": [names[m] for m in two] + [names[n2 + m] for m in three],
        }


def read_potential(potential: _core.Potential, frames: Sequence[Frame], threads: int = 1) -> Reading:
    """A potential read with the data of `frames`; raises ElementError for an element that it does not know."""
    lists = NeighborLists([e.name for e in potential.elements], potential.cutoff(), keep=False)
    structures = [lists.of(frame.atoms) for frame in frames]
    p = in_standard_gauge(potential, structures, threads)
    G, kinds = filters(p, structures, threads) if p.n2 + p.n3 else (np.zeros((0, 0)), np.zeros(0, dtype=int))
    added = contributions(p, G, kinds)
    return Reading(p, _distances(p, structures), _cosines(p, structures), added, _parts(p, structures, threads))


def alike(a: _core.Potential, b: _core.Potential) -> dict[str, float]:
    """How alike two potentials in the standard gauge are, curve by curve: 1 is the same curve.

    For each φ, and each filter of the first that the second has anything like, the cosine ⟨x y⟩/(|x| |y|) of both
    curves over their common range; of f g the product of both cosines. Raises ValueError for other elements.
    """
    names = [[e.name for e in p.elements] for p in (a, b)]
    if names[0] != names[1]:
        raise ValueError(f"elements {' '.join(names[0])} and {' '.join(names[1])}: expected the same, in one order")
    E = range(len(a.elements))
    pairs = [(f"φ {names[0][i]}–{names[0][j]}", a.pair_index(i, j)) for i in E for j in E if i <= j]
    found = {name: _cosine([a.pairs[k].phi], [b.pairs[k].phi]) for name, k in pairs}
    for m in range(a.n2):
        likeness = [_cosine(a.rho[m :: a.n2], b.rho[n :: b.n2]) for n in range(b.n2)]
        found[f"ρ{m + 1}"] = max(likeness, default=0.0)
    for m in range(a.n3):
        likeness = [
            _cosine(a.f[m :: a.n3], b.f[n :: b.n3]) * _cosine(a.g[m :: a.n3], b.g[n :: b.n3]) for n in range(b.n3)
        ]
        found[f"f{m + 1} g{m + 1}"] = max(likeness, default=0.0)
    return found


def _cosine(some: Sequence[_core.Spline], others: Sequence[_core.Spline]) -> float:
    x, y = [], []
    for a, b in zip(some, others, strict=True):
        r = np.linspace(max(a.knots[0], b.knots[0]), min(a.knots[-1], b.knots[-1]), 200)
        x.append(a(r))
        y.append(b(r))
    x, y = np.concatenate(x), np.concatenate(y)
    size = np.linalg.norm(x) * np.linalg.norm(y)
    return float(x @ y / size) if size else 0.0


def _distances(p: _core.Potential, structures: Sequence[_core.Structures]) -> dict[tuple[int, int], np.ndarray]:
    found: dict[tuple[int, int], list] = {}
    for s in structures:
        centre = np.repeat(s.elements, np.diff(s.offsets))
        neighbor = s.elements[s.indices]
        r = np.linalg.norm(s.vectors, axis=1)
        for a in range(len(p.elements)):
            for b in range(a, len(p.elements)):
                found.setdefault((a, b), []).append(r[(centre == a) & (neighbor == b)])
    return {pair: np.concatenate(parts) for pair, parts in found.items()}


def _cosines(p: _core.Potential, structures: Sequence[_core.Structures]) -> dict[int, np.ndarray]:
    """Of a random sample of atoms."""
    reach, E = max((s.knots[-1] for s in p.f), default=0.0), len(p.elements)
    kinds = np.array([[[p.triplet_index(a, b, c) for c in range(E)] for b in range(E)] for a in range(E)])
    found: dict[int, list[np.ndarray]] = {}
    rng, total = np.random.default_rng(0), 0
    for n in rng.permutation(len(structures)) if reach else []:
        s = structures[n]
        for i in rng.permutation(len(s)):
            near = slice(s.offsets[i], s.offsets[i + 1])
            r = np.linalg.norm(s.vectors[near], axis=1)
            unit = s.vectors[near][r < reach] / r[r < reach, None]
            neighbors = s.elements[s.indices[near]][r < reach]
            j, k = np.triu_indices(len(unit), 1)
            which = kinds[s.elements[i], neighbors[j], neighbors[k]]
            cosines = (unit[j] * unit[k]).sum(axis=1)
            for kind in np.unique(which):
                found.setdefault(int(kind), []).append(cosines[which == kind])
            total += len(j)
        if total > _ANGLES:
            break
    return {kind: np.concatenate(parts) for kind, parts in found.items()}


def _parts(p: _core.Potential, structures: Sequence[_core.Structures], threads: int) -> dict[str, float]:
    """Standard deviations of parts of atomic energies over the data, eV."""
    engine = _core.Engine(p)
    results = [engine.evaluate(s, threads) for s in structures]
    total = np.concatenate([out["energies"] for out in results])
    kinds = np.concatenate([s.elements for s in structures])
    G = np.concatenate([out["filters"] for out in results])
    e0 = np.array([e.e0 for e in p.elements])[kinds]
    pair = G[:, 0] / 2
    linear, nonlinear = np.zeros(len(G)), np.zeros(len(G))
    for a, element in enumerate(p.elements):
        here = kinds == a
        if p.n2 + p.n3:
            linear[here] = G[here, 1:] @ np.asarray(element.linear)
            nonlinear[here] = embedding(element, G[here, 1:])[0] - linear[here]
    rest = total - e0 - pair - linear - nonlinear
    what = {"all": total - e0, "pair": pair, "linear": linear, "network or U": nonlinear, "ZBL, tensors": rest}
    return {name: float(values.std()) for name, values in what.items()}
