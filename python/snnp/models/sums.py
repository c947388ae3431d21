"""A potential as the sum of two: a known one, whose functions stay as they are, and one fitted to what it leaves."""

import copy
from collections.abc import Sequence

import numpy as np

from snnp import _core
from snnp.models.potentials import with_inputs


def check_baseline(baseline: _core.Potential, elements: Sequence[str], name: str) -> None:
    """Raises snnp.Error if potentials of `elements` cannot be added to a baseline; name: of its file."""
    known = [e.name for e in baseline.elements]
    if missing := [symbol for symbol in elements if symbol not in known]:
        raise _core.Error(f"{name}: it has {' '.join(known)}, expected all elements of the data, also {missing[0]}")
    if any(len(e.network.layers) or len(e.floor.directions) or e.four_body.radial for e in baseline.elements):
        raise _core.Error(
            f"{name}: it has a network or four-body terms, expected a potential of splines (pair, EAM, s-MEAM, UF3)"
        )


def has_core(potential: _core.Potential) -> bool:
    """Whether any pair has a ZBL core."""
    return any(pair.zbl_outer > 0 for pair in potential.pairs)


def added(baseline: _core.Potential, fitted: _core.Potential) -> _core.Potential:
    """E = E_baseline + E_fitted, also of each atom, of the elements of the fitted one.

    ½ Σ φ of the baseline is its first two-body filter, with which it is linear; its other filters follow, then those
    of the fitted one, which keeps its φ. A pair has the repulsive core of the baseline, or, if it has none, of the
    fitted one: not both may have one.
    """
    fitted = copy.deepcopy(fitted)  # its pairs are changed
    names, E = [e.name for e in fitted.elements], len(fitted.elements)
    at = [[e.name for e in baseline.elements].index(name) for name in names]
    ordered = [(a, b) for a in range(E) for b in range(E)]
    p = _core.Potential()
    p.comment, p.n2, p.n3 = fitted.comment, 1 + baseline.n2 + fitted.n2, baseline.n3 + fitted.n3
    p.elements = [_element(baseline, baseline.elements[at[a]], fitted, e) for a, e in enumerate(fitted.elements)]
    p.pairs = _pairs(baseline, fitted, at)
    for a, b in ordered:
        there, here = baseline.ordered_index(at[a], at[b]), fitted.ordered_index(a, b)
        p.rho = [
            *p.rho,
            baseline.pairs[baseline.pair_index(at[a], at[b])].phi,
            *_of(baseline.rho, there, baseline.n2),
            *_of(fitted.rho, here, fitted.n2),
        ]
        p.f = [*p.f, *_of(baseline.f, there, baseline.n3), *_of(fitted.f, here, fitted.n3)]
    for a in range(E):
        for b in range(E):
            for c in range(b, E):
                there, here = baseline.triplet_index(at[a], at[b], at[c]), fitted.triplet_index(a, b, c)
                p.g = [*p.g, *_of(baseline.g, there, baseline.n3), *_of(fitted.g, here, fitted.n3)]
                if baseline.V:
                    p.V = [*p.V, _tensor(baseline.V[there], at[b] > at[c])]
    p.check()
    return p


def _of(splines: Sequence[_core.Spline], k: int, count: int) -> Sequence[_core.Spline]:
    return splines[k * count : (k + 1) * count]


def _tensor(V: _core.Tensor, turned: bool) -> _core.Tensor:
    """V of neighbours in the other order."""
    if not turned or not V.knots_ij:
        return V
    shape = [len(knots) + 2 for knots in (V.knots_ij, V.knots_ik, V.knots_jk)]
    c = np.reshape(V.coefficients, shape).swapaxes(0, 1)
    return _core.Tensor(V.knots_ik, V.knots_ij, V.knots_jk, c)


def _element(b: _core.Potential, old: _core.Element, p: _core.Potential, new: _core.Element) -> _core.Element:
    def joined(pair: float, own, others) -> np.ndarray:
        """By filter: φ of the baseline, ρ of it, ρ of the fitted one, f g of the baseline, f g of the fitted one."""
        own, others = (np.asarray(x, dtype=float) for x in (own, others))
        own = own if own.size else np.zeros(b.n2 + b.n3)
        others = others if others.size else np.zeros(p.n2 + p.n3)
        return np.r_[pair, own[: b.n2], others[: p.n2], own[b.n2 :], others[p.n2 :]]

    e = _core.Element()
    e.name, e.e0 = new.name, old.e0 + new.e0
    e.linear = joined(0.5, old.linear, new.linear)
    if len(old.density):
        e.density, e.U = joined(0.0, old.density, []), old.U
    e.four_body = new.four_body
    e.network = with_inputs(new.network, lambda W: np.array([joined(0.0, [], row) for row in W]))
    return e


def _pairs(b: _core.Potential, p: _core.Potential, at: Sequence[int]) -> list[_core.Pair]:
    pairs = p.pairs
    for i in range(len(at)):
        for j in range(i, len(at)):
            old, new = b.pairs[b.pair_index(at[i], at[j])], pairs[p.pair_index(i, j)]
            if old.zbl_outer:
                new.zbl_inner, new.zbl_outer = old.zbl_inner, old.zbl_outer
    return pairs
