"""The page on systems that share filters: the curves, what each system uses of them, how far apart systems are."""

from collections.abc import Iterator, Sequence

import numpy as np
from matplotlib.axes import Axes
from rich.table import Table

from snnp import __version__
from snnp.analysis.errors import Report
from snnp.analysis.panels import COLORS, Panel, percent
from snnp.analysis.report_page import Section
from snnp.analysis.report_tables import number_table
from snnp.analysis.spline_plots import DrawnCurve, curves_panel
from snnp.console import error_table
from snnp.models.filters_file import bare_potential, first_line
from snnp.models.potentials import sizes_of
from snnp.systems.comparison import Comparison
from snnp.systems.sharing import Sharing

_SHOWN = len(COLORS)  # curves that can be told apart
_USE = (
    "What a filter adds is the root mean square change of the energies of atoms where it stays at its mean. Shares are "
    "of the sum of squares over the shared filters. What is linear in ρ on average counts as part of φ, which each "
    "system has of its own. Filters that undo each other each add much."
)
_ALLOYS = " In systems of several elements, neighbours have combinations of the curves; g is the same."
_DISTANCES = (
    "Use: Hellinger's distance √(1 − Σ √(p q)) of two rows of shares: 0 where both use all filters alike, 1 where no "
    "filter is used by both. Surroundings: how unlike atoms look through the filters, over distances in units of "
    "lengths and with all neighbours alike, 1 − (⟨|x − x'|⟩ + ⟨|y − y'|⟩)/2⟨|x − y|⟩ for atoms x of one and y of the "
    "other: 0 where they have the same surroundings, near 1 where these are far apart."
)


def sections_of(sharing: Sharing, found: Comparison | None) -> list[Section]:
    """What there is to say, in the order of the page; found: None if there are filters alone."""
    curves = Section("Shared filters", [_how_drawn(sharing, found), list(curve_panels(sharing, found))])
    if found is None:
        return [Section("In short", [_what(sharing)]), curves, _origin(sharing)]
    short = Section("In short", [_what(sharing), *findings(found), systems_table(found)])
    errors = {s.name: one.errors for s, one in zip(sharing.systems, found.looked, strict=True) if one.errors}
    if errors:
        short.items.append(error_table({name: Report(report.all) for name, report in errors.items()}))
    alloys = any(len(s.elements) > 1 for s in sharing.systems)
    use = Section("What systems use", [_USE + _ALLOYS * alloys, use_panel(found), added_table(found)])
    sections = [short, use]
    if len(sharing.systems) > 1:
        sections.append(Section("Distances", [_DISTANCES, list(distance_panels(found))]))
    return [*sections, curves, _origin(sharing)]


# -- sentences ----------------------------------------------------------------------------------------------------


def _what(sharing: Sharing) -> str:
    curves, systems = sharing.curves, sharing.systems
    counts = [(curves.n2, "two-body"), (curves.n3, "three-body")]
    filters = " and ".join(f"{n} {name} filter{'s' if n > 1 else ''}" for n, name in counts if n)
    if not systems:
        return f"{sharing.file.name} has {filters}, without energies."
    names = _list([s.name for s in systems])
    told = f"{names} {'share' if len(systems) > 1 else 'has'} {filters}"
    told += f" of {sharing.file.name}" if sharing.file else ""
    p = systems[0].potential
    own = [name for n, (count, name) in zip((p.n2, p.n3), counts, strict=True) if n and not count]
    return told + (f"; {own[0]} filters are not the same in all." if own else ".")


def findings(found: Comparison) -> Iterator[str]:
    """What one learns, in sentences."""
    for row in found.rows:
        shown = ", ".join(f"{found.names[m]} {percent(row.shares[m])}" for m in row.leading)
        yield f"{row.name}: {len(row.leading)} of {len(found.names)} filters carry 90 %: {shown}."
    if len(found.sharing.systems) > 1:
        yield f"Use is {_extremes(found, found.use)}; surroundings are {_extremes(found, found.seen)}."


def _extremes(found: Comparison, distances: np.ndarray) -> str:
    i, j = np.array(
        [(i, j) for i, a in enumerate(found.rows) for j, b in enumerate(found.rows) if b.system < a.system]
    ).T
    order = np.argsort(distances[i, j], kind="stable")
    ends = [f"{found.rows[j[n]].name} and {found.rows[i[n]].name} ({distances[i[n], j[n]]:.2f})" for n in order]
    return (
        f"most alike in {ends[0]}, and least in {ends[-1]}" if len(ends) > 1 else f"{distances[i[0], j[0]]:.2f} apart"
    )


def _list(words: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _how_drawn(sharing: Sharing, found: Comparison | None) -> str:
    says = "Ticks at the bottom: knots."
    if sharing.known or sharing.systems:
        of = f"bonds of {sharing.length:.4g} Å" if sharing.known else f"the length of {sharing.systems[0].name}"
        says = f"Curves are drawn for {of}; distances of a system are in proportion to its length. {says}"
    if found is not None:
        says += " Marked are those that carry most, on average over atoms of all systems and elements, with this share."
    return says


# -- tables -------------------------------------------------------------------------------------------------------


def systems_table(found: Comparison) -> Table:
    """Of each system: elements, length, cutoffs, network, what was looked at."""
    sharing = found.sharing
    length = "length Å" if sharing.known else "length, first = 1"
    numbers = [length, "cutoff Å", "cutoff of f Å", "atoms"]
    table = number_table("Systems", "system", "elements", "hidden layers", "looked at", numbers=numbers)
    for system, looked in zip(sharing.systems, found.looked, strict=True):
        p = system.potential
        count, (*widths, _) = sizes_of(p.elements[0].network) if p.elements[0].network.layers else (1, [0])
        hidden = f"{count} of " * (count > 1) + " × ".join(map(str, widths))
        ends = [max((s.knots[-1] for s in splines), default=np.nan) for splines in ([p.pairs[0].phi, *p.rho], p.f)]
        cells = [f"{system.length:.3f}", *(f"{x:.2f}" if np.isfinite(x) else "–" for x in ends), str(looked.atoms)]
        table.add_row(system.name, " ".join(system.elements), hidden or "none: linear", looked.says, *cells)
    return table


def added_table(found: Comparison) -> Table:
    """What each filter adds to energies of atoms, by row."""
    names = [f"{row.name} meV" for row in found.rows]
    table = number_table("What filters add to energies of atoms (RMS)", "filter", numbers=names)
    for m, name in enumerate(found.names):
        table.add_row(name, *(f"{1000 * row.added[m]:.2f}" for row in found.rows))
    return table


def distances_table(found: Comparison) -> Table:
    """Below the diagonal those of use, above it those of surroundings."""
    names = [row.name for row in found.rows]
    table = number_table("Distances: of use below, of surroundings above the diagonal", "", numbers=names)
    for i, name in enumerate(names):
        cells = [found.use[i, j] if j < i else found.seen[i, j] for j in range(len(names))]
        table.add_row(name, *("" if i == j else f"{x:.2f}" for j, x in enumerate(cells)))
    return table


def _origin(sharing: Sharing) -> Section:
    table = number_table("Files", "what", "content", numbers=[])
    if sharing.file:
        table.add_row("filters", str(sharing.file))
        table.add_row("", first_line(sharing.file))
    for system in sharing.systems:
        table.add_row(system.name, str(system.file))
        table.add_row("", system.potential.comment.strip() or "first line: empty")
    table.add_row("this page", f"snnp {__version__}")
    return Section("Where this comes from", [table])


# -- figures ------------------------------------------------------------------------------------------------------


def use_panel(found: Comparison) -> Panel:
    """Shares of filters, %, by row."""
    shares, rows = 100 * np.array([row.shares for row in found.rows]), [row.name for row in found.rows]

    def draw(axes: Axes) -> None:
        _draw_matrix(axes, shares, rows, found.names, "{:.0f}", most=max(shares.max(), 1.0))

    tops = [
        f"{row.name} {found.names[row.leading[0]]} {percent(row.shares.max())}" for row in found.rows if row.leading
    ]
    says = f"Shares of filters by system and element; largest: {', '.join(tops)}."
    size = (1.8 + 0.42 * shares.shape[1], 1.1 + 0.32 * len(rows))
    return Panel("use", "Shares of what shared filters add, %", says, draw, size)


def distance_panels(found: Comparison) -> Iterator[Panel]:
    """Matrices of distances: of use, and of surroundings."""
    names = [row.name for row in found.rows]
    for name, title, values in (
        ("distances_use", "Use", found.use),
        ("distances_surroundings", "Surroundings", found.seen),
    ):
        says = f"Distances of {title.lower()}: {_extremes(found, values)}."
        yield Panel(name, title, says, _matrix(values, names))


def _matrix(values: np.ndarray, names: Sequence[str]):
    return lambda axes: _draw_matrix(axes, values, names, names, "{:.2f}", most=1.0)


def _draw_matrix(
    axes: Axes, values: np.ndarray, rows: Sequence[str], columns: Sequence[str], form: str, most: float
) -> None:
    """Numbers on colours, dark for large ones."""
    axes.imshow(values, cmap="Blues", vmin=0, vmax=most, aspect="auto")
    for i, row in enumerate(values):
        for j, value in enumerate(row):
            color = "white" if value > 0.6 * most else "black"
            axes.text(j, i, form.format(value), ha="center", va="center", fontsize=7, color=color)
    axes.set_xticks(range(len(columns)), columns, rotation=90)
    axes.set_yticks(range(len(rows)), rows)
    axes.tick_params(labelsize=8, length=0)


def curve_panels(sharing: Sharing, found: Comparison | None) -> Iterator[Panel]:
    """The shared ρ, f and g, in units of their largest value; marked are those that carry most on average."""
    p, shares = bare_potential(sharing.curves), np.zeros(sharing.curves.n2 + sharing.curves.n3)
    if found is not None:
        shares = np.mean([row.shares for row in found.rows], axis=0)
    for symbol, name, splines, first in (
        ("ρ", "rho", p.rho, 0),
        ("f", "f", p.f, p.n2),
        ("g", "g", p.g, p.n2),
    ):
        own = shares[first : first + len(splines)]
        best = [int(m) for m in np.argsort(-own, kind="stable")[:_SHOWN] if own[m] > 0 or found is None]
        curves = []
        for m, spline in enumerate(splines):
            share = "" if found is None else f": {percent(own[m])}"
            label = {"label": f"{m + 1}{share}", "style": best.index(m)} if m in best else {}
            largest = np.abs(spline(np.linspace(spline.knots[0], spline.knots[-1], 200))).max()
            curves.append(DrawnCurve(spline, 1 / (largest or 1.0), **label))
        if curves:
            says = f"{len(curves)} shared functions {symbol}"
            says += f"; most is carried by number {best[0] + 1}." if found is not None and best else "."
            yield curves_panel(f"shared_{name}", symbol, says, f"{symbol}, largest: 1", curves, None, symbol == "g")
