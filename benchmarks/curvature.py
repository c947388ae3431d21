"""What a prior of second derivatives of curves changes: fits with it beside those without, and their table."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from records import ENERGY, FORCE
from snnp import _core
from snnp.analysis.report import sample
from snnp.data import read
from snnp.data.neighbors import NeighborLists
from snnp.models.gauge import embedding, filters, without_floor

ELEMENTS = ("Si", "Cu")
FITS = {"free": {}, "g3": {"g": 3}, "g1": {"g": 1}, "g0.3": {"g": 0.3}, "phi_g": {"phi": 3, "g": 1}}
_QUICK = "training.effort=quick"


def measured(session, brief: Callable) -> dict:
    """Errors on the test set, bends of curves, and circumstances, by element and fit."""
    results: dict = {}
    for element in ELEMENTS:
        train, test = session.files(element)
        for name, prior in FITS.items():
            settings = [_QUICK, *(f"model.curvature.{curve}={value:g}" for curve, value in prior.items())]
            done = session.fit(f"curvature_{name}", element, settings)
            found = {"prior": prior, **brief(done["file"], test), "bends": bends(done["file"], train)}
            results.setdefault(element, {})[name] = {**found, "fit": done["fit"]}
    return results


def bends(potential: Path, data: Path) -> dict[str, float]:
    """Root mean squares of second derivatives at knots, units as in `snnp.models.curvature_prior`; of one element."""
    p = without_floor(_core.read_potential(potential))
    frames = sample(read([data]).frames)
    lists = NeighborLists([p.elements[0].name], p.cutoff(), keep=False)
    G, _ = filters(p, [lists.of(frame.atoms) for frame in frames])
    S = np.sqrt((embedding(p.elements[0], G)[1] ** 2).mean(axis=0))
    rho, three = S[: p.n2], S[p.n2 :]
    F, C = (np.array([np.abs(s(np.array(s.knots))).max() for s in curves]) for curves in (p.f, p.g))
    curves = {
        "phi": ([p.pairs[0].phi], [1.0]),
        "rho": (p.rho, rho),
        "f": (p.f, three * F * C),
        "g": (p.g, three * F * F),
    }
    return {name: _bend(*of) for name, of in curves.items()}


def _bend(curves, sizes) -> float:
    squares = [(size * s(np.array(s.knots), 2)) ** 2 for s, size in zip(curves, sizes, strict=True)]
    return float(np.sqrt(np.mean(squares)))


def table(results: dict) -> str:
    """Errors and bends by prior."""
    lines = [
        "| | prior d | energy, meV/atom | force, eV/Å | φ″, eV/Å² | ρ″, eV/Å² | f″, eV/Å² | g″, eV |",
        "|---|---|---|---|---|---|---|---|",
    ]
    letters = {"phi": "φ", "rho": "ρ", "f": "f", "g": "g"}
    for element, fits in results["curvature"]["results"].items():
        for one in fits.values():
            prior = ", ".join(f"{letters[name]} {value:g}" for name, value in one["prior"].items()) or "none"
            cells = [element, prior, f"{one[ENERGY]:.2f}", f"{one[FORCE]:.4f}"]
            cells += [f"{one['bends'][name]:.2g}" for name in letters]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


TABLES = {"curvature": table}
