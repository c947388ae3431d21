"""What a potential has learned: how its parts make the energies of atoms, and the data under its curves."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from snnp import _core
from snnp.analysis.coverage import Coverage, coverage
from snnp.models.gauge import contributions, embedding, filters, without_floor

CARRY = 0.9  # of the variance of energies that filters explain: the filters that have so much come first
LINEAR = "all filters, linear"
_NOTHING = 1e-6  # eV: rounding of sums, and of energies of tables
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Part:
    """A part of atomic energies. means: by element, eV; NaN: not in the data. deviation: about these, eV. share: of the
    variance of atomic energies, which is the sum of all shares: Cov(part, energy) / Var(energy); may be negative.
    """

    name: str
    means: np.ndarray
    deviation: float
    share: float


@dataclass
class Reading:
    """A potential, without floor, and what data say of it.

    G: filters of atoms (atoms, n2 + n3); kinds: their elements (atoms,); groups: those of their frames (atoms,).
    slopes, slope_sizes: mean and root mean square ∂E/∂G_m by element (elements, n2 + n3), eV.
    squares: what filters add, squared, eV² (same shape).
    sensitivities: `QUANTILES` of ∂E/∂G_m, times the standard deviation of G_m, (elements, n2 + n3, quantiles), eV.
    terms: parts of atomic energies by name (atoms,), eV; their sum is the atomic energy less e0.
    """

    potential: _core.Potential
    coverage: Coverage
    G: np.ndarray
    kinds: np.ndarray
    groups: np.ndarray
    slopes: np.ndarray
    slope_sizes: np.ndarray
    squares: np.ndarray
    sensitivities: np.ndarray
    terms: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Chemical symbols."""
        return [e.name for e in self.potential.elements]

    @property
    def filter_names(self) -> list[str]:
        """ρ1, ρ2, …, f1 g1, …: two-body filters, then those of three bodies."""
        return filter_names(self.potential)

    @property
    def shares(self) -> np.ndarray:
        """Of the squares of what filters add to atoms of an element (elements, n2 + n3); sums are 1."""
        return self.squares / np.maximum(self.squares.sum(1, keepdims=True), 1e-300)

    @property
    def contributions(self) -> np.ndarray:
        """Root mean square change of atomic energies where a filter stays at its mean, (n2 + n3,), eV."""
        counts = np.bincount(self.kinds, minlength=len(self.names))
        return np.sqrt(counts @ self.squares / max(counts.sum(), 1))

    @property
    def leading(self) -> list[int]:
        """Filters, from 0 and the first first, that together carry 90 % of the squares of all contributions."""
        squares = self.contributions**2
        order = np.argsort(-squares, kind="stable")
        count = int(np.searchsorted(np.cumsum(squares[order]), CARRY * squares.sum())) + 1
        return [int(m) for m in order[:count] if squares[m] > 0]

    @property
    def parts(self) -> list[Part]:
        """Parts of atomic energies, in the order of the formula: pairs, filters together and each, what remains."""
        about = self.about_means(sum(self.terms.values()))
        together = self.summed()
        own = {name: term for name, term in self.terms.items() if name not in together}
        ordered = {name: together.pop(name) for name in ("pair", LINEAR) if name in together} | own | together
        return [self._part(name, term, about) for name, term in ordered.items()]

    def summed(self) -> dict[str, np.ndarray]:
        """`terms` with one for all filters together."""
        linear = [t for name, t in self.terms.items() if name in self.filter_names]
        others = {name: t for name, t in self.terms.items() if name not in self.filter_names}
        pair = {name: others.pop(name) for name in ("pair",) if name in others}
        return {**pair, **({LINEAR: sum(linear)} if linear else {}), **others}

    def deviations(self) -> dict[str, float]:
        """Standard deviations about the means of elements, eV: of atomic energies, and of `summed` parts."""
        everything = {"all": sum(self.terms.values()), **self.summed()}
        return {name: float(np.sqrt((self.about_means(t) ** 2).mean())) for name, t in everything.items()}

    def _part(self, name: str, term: np.ndarray, about: np.ndarray) -> Part:
        own = self.about_means(term)
        means = [term[self.kinds == a].mean() if (self.kinds == a).any() else np.nan for a in range(len(self.names))]
        variance = float((about**2).mean())
        share = float((own * about).mean() / variance) if variance else 0.0
        return Part(name, np.array(means), float(np.sqrt((own**2).mean())), share)

    def about_means(self, term: np.ndarray) -> np.ndarray:
        """A part of atomic energies (atoms,) less its mean over atoms of the same element."""
        result = np.array(term, dtype=float)
        for a in np.unique(self.kinds):
            result[self.kinds == a] -= result[self.kinds == a].mean()
        return result

    def as_dict(self) -> dict:
        """For JSON, in meV and eV."""
        added = zip(self.filter_names, self.contributions, strict=True)
        return {
            "contributions_meV": {name: 1000 * float(c) for name, c in added},
            "leading": [self.filter_names[m] for m in self.leading],
            "parts": [
                {
                    "part": part.name,
                    "mean_eV": {n: float(m) for n, m in zip(self.names, part.means, strict=True) if np.isfinite(m)},
                    "deviation_meV": 1000 * part.deviation,
                    "share": part.share,
                }
                for part in self.parts
            ],
        }


def filter_names(p: _core.Potential) -> list[str]:
    """ρ1, ρ2, …, f1 g1, …: as filters of a file are numbered."""
    return [f"ρ{m + 1}" for m in range(p.n2)] + [f"f{m + 1} g{m + 1}" for m in range(p.n3)]


def read_potential(
    potential: _core.Potential,
    structures: Sequence[_core.Structures],
    threads: int = 1,
    groups: Sequence[str] | None = None,
) -> Reading:
    """A potential read with data: neighbour lists as far as it reaches. groups: of each of them, by default one.

    Numbers of filters are those of the file, without those of a floor; for curves that can be compared, give a
    potential in the standard gauge (`snnp.models.gauge`).
    """
    p = without_floor(potential)
    E, m = len(p.elements), p.n2 + p.n3
    kinds = np.concatenate([s.elements for s in structures])
    G = filters(p, structures, threads)[0] if m else np.zeros((len(kinds), 0))
    slopes, sizes, squares, sensitivities = *np.zeros((3, E, m)), np.zeros((E, m, len(QUANTILES)))
    for a in np.unique(kinds) if m else ():
        here = kinds == a
        slope = embedding(p.elements[a], G[here])[1]
        slopes[a], sizes[a] = slope.mean(0), np.sqrt((slope**2).mean(0))
        squares[a] = contributions(p, G[here], kinds[here]) ** 2
        sensitivities[a] = (np.quantile(slope, QUANTILES, axis=0) * G[here].std(0)).T
    which = np.repeat(list(groups or [""] * len(structures)), [len(s) for s in structures])
    reading = Reading(p, coverage(p, structures), G, kinds, which, slopes, sizes, squares, sensitivities)
    reading.terms = _terms(reading, structures, threads)
    return reading


def _terms(reading: Reading, structures: Sequence[_core.Structures], threads: int) -> dict[str, np.ndarray]:
    """Parts of atomic energies: E = e0 + ½ Σφ + Σ_m s_m G_m + rest of the embedding + ½ Σ ZBL + E4 + ΣV."""
    p, G, kinds = reading.potential, reading.G, reading.kinds
    engine = _core.Engine(p)
    results = [engine.evaluate(s, threads) for s in structures]
    total = np.concatenate([out["energies"] for out in results]) - np.array([e.e0 for e in p.elements])[kinds]
    terms = {"pair": np.concatenate([out["filters"][:, 0] for out in results]) / 2}
    linear = G * reading.slopes[kinds]
    terms |= dict(zip(reading.filter_names, linear.T, strict=True))
    whole = np.zeros(len(kinds))
    for a in np.unique(kinds) if G.shape[1] else ():
        whole[kinds == a] = embedding(p.elements[a], G[kinds == a])[0]
    kinds_of = [("U", any(len(e.density) for e in p.elements)), ("network", any(e.network.layers for e in p.elements))]
    beyond = " and ".join(name for name, there in kinds_of if there) or "rest"
    terms[f"{beyond}, beyond linear"] = whole - linear.sum(axis=1)
    core = np.concatenate([_core_energies(p, s) for s in structures])
    terms["ZBL core"] = core
    four_body, trainer = [e.four_body for e in p.elements], _core.FourBodyTrainer()
    terms["four-body"] = np.concatenate([trainer.values(four_body, s, threads) for s in structures])
    terms["tensors V"] = total - terms["pair"] - whole - core - terms["four-body"]
    return {name: t for name, t in terms.items() if name == "pair" or np.abs(t).max(initial=0.0) > _NOTHING}


def _core_energies(p: _core.Potential, s: _core.Structures) -> np.ndarray:
    """½ Σ ZBL of atoms, eV."""
    centre = np.repeat(np.arange(len(s)), np.diff(s.offsets))
    r, energies = np.linalg.norm(s.vectors, axis=1), np.zeros(len(s))
    own, other = s.elements[centre], s.elements[s.indices]
    for a in range(len(p.elements)):
        for b in range(len(p.elements)):
            near = (own == a) & (other == b) & (r < p.pairs[p.pair_index(a, b)].zbl_outer)
            if near.any():
                energies += np.bincount(centre[near], p.repulsion(a, b, r[near])[0] / 2, minlength=len(s))
    return energies
