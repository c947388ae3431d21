"""Two or three atoms repel at distances that the data hardly show.

Few atoms alone are far from those of a crystal, so that their energy is an extrapolation of filters and of the network,
and may fall where the atoms come closer. Where that is below the distance r_0 that a pair has in nearly all frames at
least, φ gets a repulsion δ,

    δ(r) = ∫_r^{r_0} max(0, dE/dx / n + k(x)) dx,

with E the energy of a molecule with n bonds of the pair and the length x, of those of which the maximum is largest: the
dimer, and trimers at several angles. k is what the slope has to be at least, so that E + n δ falls with the distance.

Pairs of shared filters that were seen in cold crystals only are determined by others below that. There, down to the
radius of the core, k is small, and trimers do not count.
"""

import copy
from collections.abc import Sequence

import numpy as np
from ase import Atoms

from snnp import _core
from snnp.data.distances import core_radii
from snnp.data.neighbors import structures
from snnp.models.shape import unordered_pairs
from snnp.splines import END, SplineFunction, basis, project

# Of the frames that have a pair: in so few it may be closer than r_0, since they hardly tell what happens there.
_RARE = 0.005
# The least slope k, eV/Å, which it reaches below this part of r_0; and that where shared filters know better.
_SLOPE, _FULL, _SHARED_SLOPE = 1.0, 0.9, 0.1
# Å; from here on the slope is seen at this many distances, and δ has so many knots.
_FIRST, _DISTANCES, _KNOTS = 0.3, 400, 80
# Directions of the two bonds of a trimer, (2, 3), at angles from 60° to 180°.
_ANGLES = [np.array([[1, 0, 0], [np.cos(t), np.sin(t), 0]]) for t in np.radians([60, 75, 90, 110, 130, 155, 180])]


def with_repulsion(
    potential: _core.Potential,
    frames: Sequence[_core.Structures],
    threads: int,
    pinned: Sequence[int] = (),
    shared: bool = False,
) -> _core.Potential:
    """The same potential with φ such that few atoms repel below r_0; frames: one structure each, of the training data.

    It is the potential itself if they do. pinned: pairs whose φ stays as it is, by number. shared: whether elements
    share filters.
    """
    potential = copy.deepcopy(potential)
    symbols, pairs = [e.name for e in potential.elements], potential.pairs
    reaches = rare_distances(frames, len(symbols))
    steep = core_radii(symbols, reaches) if shared else reaches
    for n, (pair, (a, b)) in enumerate(zip(pairs, unordered_pairs(len(symbols)), strict=True)):
        if np.isfinite(reaches[n]) and n not in pinned:
            pair.phi = _repulsive(potential, pair.phi, (symbols[a], symbols[b]), reaches[n], steep[n], threads)
    potential.pairs = pairs
    potential.check()
    return potential


def rare_distances(frames: Sequence[_core.Structures], elements: int) -> np.ndarray:
    """r_0 of each unordered pair, (pairs,), Å; NaN: no frame has it."""
    kinds = np.zeros((elements, elements), dtype=int)
    for n, (a, b) in enumerate(unordered_pairs(elements)):
        kinds[a, b] = kinds[b, a] = n
    shortest = np.full((len(frames), kinds.max() + 1), np.inf)
    for row, s in zip(shortest, frames, strict=True):
        centers = np.repeat(np.asarray(s.elements), np.diff(s.offsets))
        np.minimum.at(row, kinds[centers, s.elements[s.indices]], np.linalg.norm(s.vectors, axis=1))
    ordered, found = np.sort(shortest, axis=0), np.isfinite(shortest).sum(0)
    usual = ordered[(_RARE * found).astype(int), np.arange(len(found))]
    return np.where(np.isfinite(usual), usual, np.nan)


def _repulsive(
    p: _core.Potential, phi: _core.Spline, pair: tuple[str, str], reach: float, steep: float, threads: int
) -> _core.Spline:
    """φ with δ added, which begins at `reach`; φ itself if δ is zero. steep: from where on k is large, Å."""
    r = np.linspace(_FIRST, reach, _DISTANCES)
    slopes = _slopes(p, pair, r, threads)
    outer, inner = (np.clip((1 - r / begin) / (1 - _FULL), 0, 1) for begin in (reach, steep))
    lacking = np.where(r < steep, slopes.max(axis=0) + _SLOPE * inner, slopes[0] + _SHARED_SLOPE * outer)
    rise = np.maximum(lacking, 0)
    if not rise.any():
        return phi
    delta = np.r_[np.cumsum((rise[:0:-1] + rise[-2::-1]) / 2)[::-1], 0] * (r[1] - r[0])
    knots = np.linspace(_FIRST, reach, _KNOTS)
    added = np.r_[project(lambda x: np.interp(x, r, delta), knots, len(knots) + 2 - END), np.zeros(END)]
    return _sum(phi, _core.Spline(knots, added))


def _slopes(p: _core.Potential, pair: tuple[str, str], r: np.ndarray, threads: int) -> np.ndarray:
    """∂E/∂r of a dimer and, by bond, of trimers with bonds of lengths r, (n,), Å: (molecules, n), eV/Å."""
    a, b = pair
    trimers = [(symbols, u) for symbols in dict.fromkeys([(a, b, b), (b, a, a)]) for u in _ANGLES]
    molecules = [((a, b), np.eye(3)[:1]), *trimers]
    atoms = [Atoms(symbols, np.vstack([np.zeros(3), x * u])) for symbols, u in molecules for x in r]
    together = structures(atoms, [e.name for e in p.elements], p.cutoff())
    F = _core.Engine(p).evaluate(together, threads)["forces"]
    slopes, end = [], 0
    for _, u in molecules:
        here = F[end : (end := end + len(r) * (len(u) + 1))].reshape(len(r), len(u) + 1, 3)
        slopes.append(-np.einsum("nax,ax->n", here[:, 1:], u) / len(u))
    return np.array(slopes)


def _sum(a: _core.Spline, b: _core.Spline) -> _core.Spline:
    """Of two splines; the second one ends first, and smoothly."""
    values = np.union1d(a.knots, b.knots)
    times = np.maximum(*(np.sum(np.equal.outer(values, s.knots), axis=1) for s in (a, b)))
    # Below its first knot a spline is a straight line: its second derivative jumps there.
    times[1:][values[1:] == max(a.knots[0], b.knots[0])] = 2
    knots = np.repeat(values, times)
    x = np.unique(np.linspace(knots[:-1], knots[1:], 5))
    c = np.linalg.lstsq(basis(knots)(x), SplineFunction(a)(x) + SplineFunction(b)(x), rcond=None)[0]
    if not a.open:
        c[-2:] = 0  # to the last digit
    return _core.Spline(knots, c, a.open)
