"""Tables of a report, for the console and the page."""

from collections.abc import Sequence

import numpy as np
from rich.table import Table

from snnp import _core
from snnp.analysis.likeness import Likeness
from snnp.analysis.reading import Reading
from snnp.analysis.spline_plots import pairs, triplets
from snnp.models.potentials import bound_of, is_convex, kind_and_sizes


def number_table(title: str, *heads: str, numbers: Sequence[str]) -> Table:
    """A table with columns of text, then of numbers."""
    table = Table(title=title, title_justify="left")
    for head in heads:
        table.add_column(head)
    for head in numbers:
        table.add_column(head, justify="right")
    return table


def elements_table(p: _core.Potential) -> Table:
    """Of each element: isolated atom and embedding."""
    table = number_table("Elements", "element", "embedding", numbers=["isolated atom eV", "weights and biases"])
    for e in p.elements:
        sizes = [layer.outputs for layer in e.network.layers]
        kinds = [f"{'convex ' * is_convex(e.U)}spline U of a density"] if len(e.density) else []
        kinds += [_network(e.network)] if sizes else []
        count = sum(layer.outputs + np.count_nonzero(layer.weights) for layer in e.network.layers)
        table.add_row(e.name, "; ".join(kinds) or "linear", f"{e.e0:.6f}", str(count))
    return table


def _network(network: _core.Network) -> str:
    (kind, sizes), most = kind_and_sizes(network), bound_of(network)
    text = f"{kind}, layers of {', '.join(map(str, sizes))}"
    return f"{text}, at most ±{most:.3g} eV" if np.isfinite(most) else text


def knots_table(p: _core.Potential, reading: Reading | None) -> Table:
    """Of each kind of curve: knots, where they are, and where the data are."""
    numbers = ["curves", "knots", "from", "to", *["data from", "data to"] * (reading is not None)]
    table = number_table("Knots: Å, of g cos θ", "curve", "elements", numbers=numbers)
    names = [e.name for e in p.elements]

    def row(curve, where, splines, data):
        seen = data.seen if data is not None else None
        bounds = [f"{x:.2f}" for x in (min(s.knots[0] for s in splines), max(s.knots[-1] for s in splines))]
        cells = [f"{x:.2f}" for x in seen] if seen else ["–", "–"] * (reading is not None)
        counts = sorted({len(s.knots) for s in splines})
        count = str(counts[0]) if len(counts) == 1 else f"{counts[0]} … {counts[-1]}"
        table.add_row(curve, where, str(len(splines)), count, *bounds, *cells)

    for a, b in pairs(p):
        known = reading and reading.coverage.distances[p.ordered_index(a, b)]
        row("φ", f"{names[a]}–{names[b]}", [p.pairs[p.pair_index(a, b)].phi], known)
    for symbol, count, splines in (("ρ", p.n2, p.rho), ("f", p.n3, p.f)):
        for a, centre in enumerate(names if count else ()):
            for b, other in enumerate(names):
                k = p.ordered_index(a, b)
                known = reading and reading.coverage.distances[k]
                row(symbol, f"{centre}: {other}", splines[k * count : (k + 1) * count], known)
    for a, b, c in triplets(p) if p.n3 else ():
        k = p.triplet_index(a, b, c)
        where = f"{names[a]}: {names[b]} {names[c]}"
        row("g", where, p.g[k * p.n3 : (k + 1) * p.n3], reading and reading.coverage.cosines[k])
    return table


def cores_table(p: _core.Potential) -> Table:
    """Of each pair of elements: where the repulsive core is, and the shortest distance of the training data."""
    table = number_table(
        "Pairs, Å", "pair", numbers=["cutoff", "shortest in training data", "ZBL alone below", "none above"]
    )
    for a, b in pairs(p):
        pair = p.pairs[p.pair_index(a, b)]
        shortest = f"{pair.shortest:.3f}" if pair.shortest else "not known"
        core = [f"{pair.zbl_inner:.2f}", f"{pair.zbl_outer:.2f}"] if pair.zbl_outer else ["–", "–"]
        table.add_row(f"{p.elements[a].name}–{p.elements[b].name}", f"{p.cutoff_of(a, b):.2f}", shortest, *core)
    return table


def parts_table(reading: Reading) -> Table:
    """Parts of atomic energies, with filters one by one."""
    means = [f"mean {name} eV" for name in reading.names]
    table = number_table("Parts of atomic energies", "part", numbers=[*means, "deviation meV", "share of variance %"])
    for part in reading.parts:
        values = [f"{m:.4f}" if np.isfinite(m) else "–" for m in part.means]
        table.add_row(part.name, *values, f"{1000 * part.deviation:.2f}", f"{100 * part.share:.1f}")
    return table


def groups_table(reading: Reading) -> Table:
    """Means of parts over the atoms of each group of frames, relative to those over all atoms of their elements."""
    terms = reading.summed()
    total = sum(terms.values())
    means = {name: reading.about_means(term) for name, term in {"all": total, **terms}.items()}
    table = number_table(
        "Parts by config_type: mean less that of all data", "group", numbers=[f"{n} meV" for n in means]
    )
    for group in np.unique(reading.groups):
        here = reading.groups == group
        table.add_row(str(group), *(f"{1000 * term[here].mean():+.1f}" for term in means.values()))
    return table


def likeness_table(found: Sequence[Likeness], names: tuple[str, str]) -> Table:
    """Curve by curve."""
    numbers = ["likeness", "RMS difference meV"]
    table = number_table("How alike curves are", names[0], names[1], numbers=numbers)
    for one in found:
        difference = f"{1000 * one.difference:.2f}" if np.isfinite(one.difference) else "–"
        table.add_row(one.name, one.partner or "none", f"{one.cosine:.3f}" if one.partner else "–", difference)
    return table
