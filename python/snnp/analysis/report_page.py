"""The page of a report: what a potential has learned, in sections of sentences, tables and figures."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from matplotlib.figure import Figure
from rich.table import Table

from snnp import __version__, _core
from snnp.analysis import plots
from snnp.analysis import report_tables as tables
from snnp.analysis.bars import filters_panel, parts_panel, sensitivity_panels
from snnp.analysis.interactions import angle_panels, bond_panels, trimer_panels
from snnp.analysis.likeness import likeness_panels
from snnp.analysis.neighbor_weights import weights_tables
from snnp.analysis.panels import Panel
from snnp.analysis.reading import LINEAR, Reading
from snnp.analysis.report import Report
from snnp.analysis.spline_plots import how_to_read, spline_panels
from snnp.console import error_table, invariant_table
from snnp.models.gauge import without_floor
from snnp.models.pinned import marked_pairs
from snnp.models.potentials import nowhere_negative
from snnp.models.shape import unordered_pairs
from snnp.page import document, from_rich, picture, text, verbatim
from snnp.validation import page as validation_page
from snnp.validation.checks import CHECKS

_UNDONE = 3.0  # by how much deviations of filters add up to more than that of their sum, if they undo each other
_MEANING = (
    "φ is the energy of a pair; ρ is what a neighbour adds to a two-body filter; two neighbours add f f g to one of "
    "three bodies, f by their distances and g by the angle between them. In the standard gauge φ holds what is linear "
    "in ρ on average, and filters stand in the order of what they add."
)

_WEIGHTS = (
    "How much neighbours of each element count in a filter: the size of their ρ or f (root mean square over the "
    "distances of the data) by that of the neighbour that counts most. Below 0: the other way round. In brackets the "
    "likeness of the two curves where they differ in more than size; filters of three bodies only where all neighbours "
    "share one g."
)
_POSITIVE = {
    "ρ": "ρ is nowhere negative, as densities are.",
    "f": "f is nowhere negative: the sign of what two neighbours add to a filter is that of g.",
}


@dataclass(frozen=True)
class Wide:
    """A figure with panels side by side. name: for a file."""

    name: str
    says: str
    figure: Callable[[], Figure]


class Html(str):
    """Content that is HTML already."""


@dataclass
class Section:
    """Sentences (text), tables and figures under a title; small panels, in a list, are side by side.

    within: figures that the HTML among the items holds already."""

    title: str
    items: list[str | Html | Table | Panel | list[Panel] | Wide] = field(default_factory=list)
    within: list[Wide] = field(default_factory=list)

    @property
    def figures(self) -> list[Panel | Wide]:
        """All of them."""
        shown = (item if isinstance(item, list) else [item] for item in self.items)
        return [figure for row in shown for figure in row if isinstance(figure, Panel | Wide)] + self.within


def title_of(report: Report) -> str:
    """Of its page."""
    return f"{report.file.name}: a potential of {' '.join(e.name for e in report.potential.elements)}, taken apart"


def page_of(title: str, sections: Sequence[Section], tick: Callable[[int], None] = lambda n: None) -> str:
    """A page of sections under a title, as HTML; tick(1) after each section."""
    body = [f"<h1>{text(title)}</h1>", f'<p class="origin">snnp {__version__}, {date.today()}</p>', "<nav>"]
    body += [f'<a href="#section-{n}">{text(section.title)}</a>' for n, section in enumerate(sections)]
    body.append("</nav>")
    for n, section in enumerate(sections):
        body.append(f'<section><h2 id="section-{n}">{text(section.title)}</h2>')
        for item in section.items:
            body += _html(item)
        body.append("</section>")
        tick(1)
    return document(title, "snnp report", body)


def _html(item: str | Html | Table | Panel | list[Panel] | Wide) -> Iterator[str]:
    if isinstance(item, Html):
        yield item
    elif isinstance(item, str):
        yield f"<p>{text(item)}</p>"
    elif isinstance(item, Table):
        yield from from_rich(item)
    elif isinstance(item, Panel | Wide):
        yield picture(item.figure(), item.name, item.says, item.says)
    else:
        yield '<div class="figures">'
        yield from (picture(panel.figure(), panel.name, panel.says, panel.says) for panel in item)
        yield "</div>"


def report_sections(report: Report) -> list[Section]:
    """What there is to say, in the order of the page."""
    found = [_summary(report), *_errors(report), *_energies(report), *_interactions(report), _curves(report)]
    found += [*_sensitivities(report), *_comparison(report), *_invariant(report), *_physics(report)]
    return [*found, *_convergence(report), _origin(report)]


# -- sections -----------------------------------------------------------------------------------------------------


def _summary(report: Report) -> Section:
    p, reading = report.potential, report.reading
    section = Section("In short", [_kind(without_floor(p))])
    if floored := [e.name for e in p.elements if e.floor.directions]:
        section.items.append(f"A floor lies under atoms of {', '.join(floored)} that are unlike those of the data.")
    if given := _given(p):
        shown = "" if reading is None else " The page shows it with what is linear in ρ on average, as all curves here."
        section.items.append(f"φ of {', '.join(given)} was given to the fit (model.pinned): it was not fitted.{shown}")
    if reading is None:
        section.items.append("No data were given: what filters add, and where curves can be trusted, is not known.")
    else:
        section.items += list(_findings(reading))
        if report.errors.all.force:
            section.items.append(_accuracy(report))
    section.items += [tables.elements_table(p), tables.cores_table(p)]
    return section


def _kind(p: _core.Potential) -> str:
    parts = ["a pair potential φ"]
    parts += [f"{count} {name} filter{'s' if count > 1 else ''}" for name, count in _counts(p) if count]
    if any(V.knots_ij for V in p.V):
        parts.append("three-body tensors V")
    if count := max(len(e.four_body.coefficients) for e in p.elements):
        parts.append(f"{count} four-body terms of an atom")
    says = f"It has {', '.join(parts)}; its cutoff is {p.cutoff():.2f} Å."
    return " ".join([says, *(_POSITIVE[name] for name in nowhere_negative(p))])


def _given(p: _core.Potential) -> list[str]:
    """Names of the pairs whose φ was given to the fit."""
    names = [e.name for e in p.elements]
    pairs = unordered_pairs(len(names))
    return ["-".join(names[a] for a in pairs[n]) for n in marked_pairs(p)]


def _counts(p: _core.Potential) -> list[tuple[str, int]]:
    return [("two-body", p.n2), ("three-body", p.n3)]


def _accuracy(report: Report) -> str:
    found = report.errors.all
    energy = f"energies {found.energy[0]:.3g} meV/atom, " if found.energy else ""
    return f"Mean absolute errors on {found.frames} frames: {energy}forces {found.force[0]:.3g} eV/Å."


def _findings(reading: Reading) -> Iterator[str]:
    """What one learns, in sentences."""
    parts = {part.name: part for part in reading.parts}
    beyond = next((part for name, part in parts.items() if name.endswith("beyond linear")), None)
    if len(reading.filter_names) > 1:
        shown = ", ".join(reading.filter_names[m] for m in reading.leading)
        count = f"{len(reading.leading)} of {len(reading.filter_names)} filters"
        yield f"{count} carry 90 % of what filters add, the first first: {shown}."
        single = sum(parts[name].deviation for name in reading.filter_names if name in parts)
        together = parts[LINEAR].deviation if LINEAR in parts else 0.0
        if together and single > _UNDONE * together:
            yield (
                f"Filters undo each other in part: one by one they vary by {single:.3g} eV in sum, together by "
                f"{together:.3g} eV. Read their sums, under Bonds and angles, rather than single ones."
            )
    if beyond is not None:
        what = beyond.name.partition(",")[0].replace("network", "the network")
        everything = reading.deviations()["all"]
        yield (
            f"What {what} adds beyond terms linear in the filters varies by {1000 * beyond.deviation:.3g} meV from "
            f"atom to atom, where atomic energies vary by {1000 * everything:.3g} meV."
        )


def _errors(report: Report) -> Iterator[Section]:
    if report.errors is not None:
        panels = plots.parity_panels({"data": report.predictions})
        yield Section("Errors", [error_table({"data": report.errors}), panels])


def _energies(report: Report) -> Iterator[Section]:
    reading = report.reading
    if reading is None:
        return
    section = Section("Parts of the energy")
    section.items.append(
        "The energy of an atom is that of the isolated atom, half of its pair energies, and its embedding. The linear "
        "part of a filter is its mean slope ∂E/∂G times G; what remains of the embedding is beyond linear. Shares of "
        "variance are covariances with the atomic energy: they add up to 100 %, and are negative where a part works "
        "against it."
    )
    section.items.append([parts_panel(reading), *([filters_panel(reading)] if len(reading.filter_names) > 1 else [])])
    section.items.append(tables.parts_table(reading))
    if len(set(reading.groups)) > 1:
        section.items.append(tables.groups_table(reading))
    yield section


def _interactions(report: Report) -> Iterator[Section]:
    if report.reading is None:
        return
    says = (
        "What bonds and angles cost to first order: sums over all filters, each times its mean slope over the data, "
        "with the pair potential. They do not depend on how filters share the work. Grey: the data; hatched: none. "
        "Trimers are exact: three atoms alone, with all that the embedding does."
    )
    panels = [*bond_panels(report.reading), *angle_panels(report.reading), *trimer_panels(report.reading)]
    yield Section("Bonds and angles", [says, panels])


def _curves(report: Report) -> Section:
    reading = report.reading
    p = without_floor(report.potential) if reading is None else reading.potential
    section = Section("Splines", [_MEANING, how_to_read(reading, p)])
    section.items.append([panel for panels in spline_panels(p, reading).values() for panel in panels])
    section.items.append(tables.knots_table(p, reading))
    if weights := list(weights_tables(p, reading)):
        section.items += [_WEIGHTS, *weights]
    return section


def _sensitivities(report: Report) -> Iterator[Section]:
    if report.reading is not None and report.reading.filter_names:
        says = (
            "How much the energy of an atom changes with a filter, ∂E/∂G, times the standard deviation of G: thin "
            "lines 5 to 95 % of all atoms, thick ones 25 to 75 %, the mark 50 %. A short line: the energy is linear in "
            "it."
        )
        yield Section("Sensitivities", [says, sensitivity_panels(report.reading)])


def _comparison(report: Report) -> Iterator[Section]:
    other = report.comparison
    if other is None:
        return
    names = (report.file.name, other.name)
    mean = np.mean([one.cosine for one in other.found if not np.isfinite(one.difference)] or [np.nan])
    says = [
        "Likeness is ⟨x y⟩/√(⟨x²⟩⟨y²⟩) of two curves over the distances or angles of the data: 1 is the same curve but "
        "for its size. Filters are matched one to one. Bonds and angles to first order do not depend on that.",
        f"Atomic energies differ by {1000 * other.difference:.3g} meV (RMS, without a shift of each element)"
        + (f"; the mean likeness of filters is {mean:.3f}." if np.isfinite(mean) else "."),
    ]
    panels = list(likeness_panels(report.reading, other.reading, names, other.found))
    yield Section(f"Beside {other.name}", [*says, panels, tables.likeness_table(other.found, names)])


def _invariant(report: Report) -> Iterator[Section]:
    if report.invariant:
        says = "In these structures all atoms of an element are alike, so that their energies are known."
        yield Section("Invariant points", [says, invariant_table(report.invariant)])


def _physics(report: Report) -> Iterator[Section]:
    record = report.record
    if record is None or not record.outcomes:
        return
    section = Section("Checks of physics", [f"Verdict: {record.verdict.value} ({record.counts})."])
    section.items += map(Html, validation_page.sentences(record))
    for check in CHECKS.values():
        section.items += map(Html, validation_page.section(record, check, level=3))
        for subject, figure in validation_page.figures(record, check):
            name = re.sub(r"[^\w-]+", "_", f"check_{check.name}_{subject}")
            section.within.append(Wide(name, f"{check.title}, {subject}", lambda figure=figure: figure))
    yield section


def _convergence(report: Report) -> Iterator[Section]:
    if report.convergence is not None:
        yield Section("Convergence of the fit", [Wide("convergence", report.convergence.says, report.convergence.draw)])


def _origin(report: Report) -> Section:
    table = Table(title="Files")
    for head in ("what", "content"):
        table.add_column(head)
    table.add_row("potential", str(report.file))
    table.add_row("SHA-256", report.sha256)
    table.add_row("first line", report.potential.comment.strip() or "empty")
    if report.data is not None:
        table.add_row("data", ", ".join(map(str, report.inputs)))
        table.add_row("structures and labels", report.data.summary())
        table.add_row("SHA-256 of these", report.data_sha256)
        table.add_row("frames that curves are read with", str(report.sampled))
    table.add_row("this page", f"snnp {__version__}")
    section = Section("Where this comes from", [table])
    if report.configuration:
        content = f"<pre>{verbatim(report.configuration)}</pre>"
        section.items.append(Html(f"<details><summary>Configuration of the fit</summary>{content}</details>"))
    return section
