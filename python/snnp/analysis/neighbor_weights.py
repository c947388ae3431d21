"""How much neighbours of each element count in the filters of a centre."""

from collections.abc import Iterator, Sequence

import numpy as np
from rich.table import Table

from snnp import _core
from snnp.analysis.reading import Reading
from snnp.splines import SplineFunction

_POINTS = 120  # where curves are compared if there are no data
_ALIKE = 0.95  # likeness of curves that are the same but for a factor, by eye


def weights_tables(p: _core.Potential, reading: Reading | None = None) -> Iterator[Table]:
    """A table for each centre: of each filter the sizes of ρ or f by neighbour, relative to the largest of them.

    Filters of three bodies have such weights where all neighbours share one g. None, if there is one element only.
    """
    names = [e.name for e in p.elements]
    for a, centre in enumerate(names if len(names) > 1 else ()):
        r, counts = _distances(p, a, reading)
        table = Table(title=f"What neighbours count for in the filters of {centre}", title_justify="left")
        table.add_column("filter")
        for name in names:
            table.add_column(name, justify="right")
        for label, curves in _curves(p, a):
            values = np.array([SplineFunction(curve)(r) for curve in curves])
            if np.any(values):
                table.add_row(label, *map(_cell, *weights(values, counts)))
        if table.row_count:
            yield table


def weights(values: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sizes of curves (curves,), that of the largest being 1, and how alike they are to it, (curves,).

    values: (curves, points), in any unit; counts: of the data at these points. A size is a root mean square, with the
    sign of the mean of the product with the largest curve.
    """
    products = (counts * values) @ values.T
    sizes = np.sqrt(products.diagonal())
    with_largest = products[sizes.argmax()]
    likeness = with_largest / np.maximum(sizes * sizes.max(), 1e-300)
    return np.copysign(sizes, with_largest) / max(sizes.max(), 1e-300), likeness


def _cell(size: float, likeness: float) -> str:
    return f"{size:.2f}" if abs(likeness) >= _ALIKE or not size else f"{size:.2f} ({abs(likeness):.2f})"


def _curves(p: _core.Potential, a: int) -> Iterator[tuple[str, Sequence[_core.Spline]]]:
    """ρ and f of a centre by neighbour, of one filter after the other."""
    legs = [p.ordered_index(a, b) for b in range(len(p.elements))]
    for m in range(p.n2):
        yield f"ρ{m + 1}", [p.rho[ab * p.n2 + m] for ab in legs]
    kinds = [p.triplet_index(a, b, c) for b in range(len(legs)) for c in range(b, len(legs))]
    for m in range(p.n3):
        if len({(tuple(g.knots), tuple(g.coefficients)) for g in (p.g[k * p.n3 + m] for k in kinds)}) == 1:
            yield f"f{m + 1}", [p.f[ab * p.n3 + m] for ab in legs]


def _distances(p: _core.Potential, a: int, reading: Reading | None) -> tuple[np.ndarray, np.ndarray]:
    """Distances, Å, and how often the data have them between a centre and any neighbours; alike without data."""
    if reading is not None:
        here = [reading.coverage.distances[p.ordered_index(a, b)] for b in range(len(p.elements))]
        counts = np.sum([histogram.counts for histogram in here], axis=0)
        if counts.any():
            return (here[0].edges[1:] + here[0].edges[:-1]) / 2, counts
    first = min(pair.phi.knots[0] for pair in p.pairs)
    return np.linspace(first, p.cutoff(), _POINTS), np.ones(_POINTS)
