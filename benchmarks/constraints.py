"""What physics that is built in by choice costs in accuracy: fits with it beside the default, and their table."""

from collections.abc import Callable

BOUND = 0.1  # eV
# What is built in, by the name of the fit.
FITS = {
    "seed0": ("nothing", ["training.seed=0"]),
    "positive": ("ρ ≥ 0, f ≥ 0", ["model.positive=true"]),
    "bounded": (f"network within ±{BOUND:g} eV", [f"model.network_bound={BOUND:g}"]),
    "both": (f"ρ ≥ 0, f ≥ 0, network within ±{BOUND:g} eV", ["model.positive=true", f"model.network_bound={BOUND:g}"]),
}


def measured(session, elements, brief: Callable) -> dict:
    """Errors on the test sets and circumstances of all fits, by element."""
    results: dict = {element: {} for element in elements}
    for element in elements:
        for name, (_, settings) in FITS.items():
            done = session.fit(name, element, settings)
            results[element][name] = {**brief(done["file"], session.files(element)[1]), "fit": done["fit"]}
    return results


def table(results: dict) -> str:
    """Errors by what is built in."""
    found = results["constraints"]["results"]
    lines = [f"| built in | {' | '.join(f'{e}: meV/atom | eV/Å' for e in found)} |", "|---|" + "---|" * 2 * len(found)]
    for name, (title, _) in FITS.items():
        fits = [found[element][name] for element in found]
        cells = [f"{f['energy_mae_meV_per_atom']:.2f} | {f['force_mae_eV_per_A']:.4f}" for f in fits]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


TABLES = {"constraints": table}
