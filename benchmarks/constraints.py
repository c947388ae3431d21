"""What physics that is built in by choice costs in accuracy: fits with it beside those without, and their tables."""

from collections.abc import Callable

BOUND = 0.1  # eV
_BOUNDED = f"model.network_bound={BOUND:g}"
# What is built in, by the name of the fit, and settings; of default fits, and of EAM.
SNNP = {
    "seed0": ("nothing", ["training.seed=0"]),
    "positive": ("ρ ≥ 0, f ≥ 0", ["model.positive=true"]),
    "bounded": (f"network within ±{BOUND:g} eV", [_BOUNDED]),
    "positive_bounded": ("both", ["model.positive=true", _BOUNDED]),
}
_EAM = "model.kind=eam"
EAM = {
    "eam": ("nothing", [_EAM]),
    "eam_positive": ("ρ ≥ 0", [_EAM, "model.positive=true"]),
    "eam_convex": ("ρ ≥ 0, convex U", [_EAM, "model.positive=true", "model.convex=true"]),
}
FITS = {"snnp": (SNNP, ("Mo", "Si")), "eam": (EAM, ("Mo", "Cu"))}


def measured(session, brief: Callable) -> dict:
    """Errors on the test sets and circumstances of all fits, by kind and element."""
    results: dict = {}
    for kind, (fits, elements) in FITS.items():
        results[kind] = {element: {} for element in elements}
        for element in elements:
            for name, (_, settings) in fits.items():
                done = session.fit(name, element, settings)
                errors = brief(done["file"], session.files(element)[1])
                results[kind][element][name] = {**errors, "fit": done["fit"]}
    return results


def table(results: dict, kind: str) -> str:
    """Errors by what is built in."""
    found = results["constraints"]["results"][kind]
    heads = " | ".join(f"{element}: meV/atom | eV/Å" for element in found)
    lines = [f"| built in | {heads} |", "|---" * (1 + 2 * len(found)) + "|"]
    for name, (title, _) in FITS[kind][0].items():
        fits = [found[element][name] for element in found]
        cells = [f"{f['energy_mae_meV_per_atom']:.2f} | {f['force_mae_eV_per_A']:.4f}" for f in fits]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


TABLES = {
    "constraints": lambda results: table(results, "snnp"),
    "constraints-eam": lambda results: table(results, "eam"),
}
