"""What physics that is built in by choice changes: fits with it beside those without, their tables and a figure."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from records import ENERGY, FORCE
from snnp import _core
from snnp.analysis.reading import LINEAR
from snnp.analysis.report import read_curves, sample
from snnp.data import read

BOUND = 0.1  # eV
_BOUNDED = f"model.network_bound={BOUND:g}"
# What is built in, by the name of the fit, and settings; of default fits, and of EAM.
SNNP = {
    "seed0": ("nothing", ["training.seed=0"]),
    "positive": ("ρ ≥ 0, f ≥ 0", ["model.positive=true"]),
    "bounded": (f"network within ±{BOUND:g} eV", [_BOUNDED]),
    "positive_bounded": ("both", ["model.positive=true", _BOUNDED]),
    "convex": ("convex network", ["model.convex=true"]),
    "seed1": ("nothing, another seed", ["training.seed=1"]),
    "convex_seed1": ("convex network, another seed", ["model.convex=true", "training.seed=1"]),
}
_EAM = "model.kind=eam"
EAM = {
    "eam": ("nothing", [_EAM]),
    "eam_positive": ("ρ ≥ 0", [_EAM, "model.positive=true"]),
    "eam_convex": ("ρ ≥ 0, convex U", [_EAM, "model.positive=true", "model.convex=true"]),
}
SHOWN = "Mo"  # the element whose EAM the figure shows
FITS = {"snnp": (SNNP, ("Cu", "Mo", "Si")), "eam": (EAM, ("Mo", "Cu"))}


def measured(session, brief: Callable) -> dict:
    """Errors on the test sets, what one reads, and circumstances of all fits, by kind and element."""
    results: dict = {}
    for kind, (fits, elements) in FITS.items():
        results[kind] = {element: {} for element in elements}
        for element in elements:
            train, test = session.files(element)
            for name, (_, settings) in fits.items():
                done = session.fit(name, element, settings)
                seen = _seen(done["file"], train) if kind == "snnp" else {}
                if kind == "eam" and element == SHOWN:
                    seen = {"curves": curves(done["file"])}
                results[kind][element][name] = {**brief(done["file"], test), **seen, "fit": done["fit"]}
    return results


def _seen(potential: Path, data: Path) -> dict[str, float]:
    """Standard deviations: of what the network adds beyond linear, and of single filters in sum by all together."""
    reading = read_curves(_core.read_potential(potential), sample(read([data]).frames), 1)
    deviations = {part.name: part.deviation for part in reading.parts}
    single = sum(deviations.get(name, 0.0) for name in reading.filter_names)
    beyond = sum(value for name, value in deviations.items() if name.endswith("beyond linear"))
    return {"beyond_linear_meV": 1000 * beyond, "single_filters_by_their_sum": single / deviations[LINEAR]}


def curves(potential: Path) -> dict[str, list[float]]:
    """ρ of an EAM by distance, Å, and the slope of U, eV, by n from the middle of its range, where U is flat."""
    p = _core.read_potential(potential)
    element, rho = p.elements[0], p.rho[0]
    r = np.linspace(p.pairs[0].shortest, p.cutoff(), 60)
    first, last = element.U.knots[0], element.U.knots[-1]
    n = np.linspace(first, last, 61)
    found = {"r": r, "rho": rho(r), "n": n - n.mean(), "slope": element.U(n, 1)}
    return {name: values.tolist() for name, values in found.items()}


def figure(results: dict) -> Figure:
    """Densities and slopes of embeddings of an EAM, with and without what is built in."""
    fits = results["constraints"]["results"]["eam"][SHOWN]
    drawn = Figure(figsize=(9, 3.4), layout="constrained")
    density, embedding = drawn.subplots(1, 2)
    looks = [("#BBBBBB", "-", 4.0), ("#0072B2", "--", 2.0), ("#D55E00", ":", 2.0)]
    for (name, (title, _)), (color, dashes, width) in zip(EAM.items(), looks, strict=True):
        shown = fits[name]["curves"]
        look = {"color": color, "linestyle": dashes, "linewidth": width, "label": title}
        density.plot(shown["r"], shown["rho"], **look)
        embedding.plot(shown["n"], shown["slope"], **look)
    density.set(xlabel="distance, Å", ylabel="density ρ of a neighbour", xlim=(2.6, None), ylim=(-0.1, 1))
    density.axhline(0, color="black", linewidth=0.6)
    embedding.set(
        xlabel="density n of an atom, from the middle of the data", ylabel="slope of the embedding energy U, eV"
    )
    density.legend(title="built in", frameon=False)
    for axes in (density, embedding):
        axes.spines[["top", "right"]].set_visible(False)
    return drawn


def table(results: dict) -> str:
    """Errors, and what one reads, by what is built in."""
    lines = [
        "| | built in | energy, meV/atom | force, eV/Å | network, beyond linear, meV | single filters by their sum |",
        "|---|---|---|---|---|---|",
    ]
    for element, fits in results["constraints"]["results"]["snnp"].items():
        for name, one in fits.items():
            cells = [element, SNNP[name][0], f"{one[ENERGY]:.2f}", f"{one[FORCE]:.4f}"]
            cells += [f"{one['beyond_linear_meV']:.0f}", f"{one['single_filters_by_their_sum']:.0f}"]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def eam_table(results: dict) -> str:
    """Errors of EAM by what is built in."""
    lines = ["| | built in | energy, meV/atom | force, eV/Å |", "|---|---|---|---|"]
    for element, fits in results["constraints"]["results"]["eam"].items():
        for name, one in fits.items():
            lines.append(f"| {element} | {EAM[name][0]} | {one[ENERGY]:.2f} | {one[FORCE]:.4f} |")
    return "\n".join(lines)


TABLES = {"constraints": table, "constraints-eam": eam_table}
