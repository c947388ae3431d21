"""The tables of the documentation in Markdown: functions of all results, by name of the file in docs/results.

Here those of errors and costs of fits; `TABLES` has those of the other modules, too.
"""

import statistics
import sys
import textwrap

from records import ELEMENTS, ENERGY, FORCE, ROOT

sys.path.insert(0, str(ROOT / "examples/02_boundary"))

from potentials import Point, markdown, table

import atomic_energies
import constraints
import curvature
import engine_tables
import physics_tables
import reference_filters
import silicon_atoms

OWN_STYLES = {"smeam": "meam/spline", "uf3": "uf3"}


def accuracy(results: dict) -> dict[str, dict[str, tuple[float, float]]]:
    """Errors of energies, meV/atom, and forces, eV/Å, by potential and element."""
    found: dict[str, dict] = {name: {} for name in ("SNAP", "qSNAP", "GAP", "MTP", "snnp")}
    for element in ELEMENTS:
        sources = {**results["snap"]["results"][element], **results["published"]["results"][element]}
        sources["snnp"] = results["potentials"]["results"][element]["all"]
        for name, errors in sources.items():
            found[name][element] = (errors[ENERGY], errors[FORCE])
    return found


def boundary(results: dict, element: str) -> list[Point]:
    """Errors and costs of all potentials of the picture of one element."""
    costs = results["costs"]["results"][element]
    errors = {
        **results["kinds"]["results"][element],
        "snnp16": results["potentials"]["results"][element]["all"],
        **results["snap"]["results"][element],
    }
    points = []
    for name, found in errors.items():
        group = "snap" if "SNAP" in name else "snnp" if name.startswith("snnp") else "kind"
        points.append(Point(name, group, "", found[ENERGY], found[FORCE], costs[name]))
    for name, style in OWN_STYLES.items():
        own, found = f"pair_style {style}", errors[name]
        points.append(Point(own, "lammps", "", found[ENERGY], found[FORCE], costs[own], same_as=name))
    return points


# -- tables -------------------------------------------------------------------------------------------------------


def elements_table(results: dict) -> str:
    """Errors on the test sets of four elements, beside other potentials."""
    rows = []
    for name, errors in accuracy(results).items():
        published = name in results["published"]["results"]["Mo"]
        values = [errors[element] for element in ELEMENTS]
        cells = [f"{energy:.2f} | {force:.2f}" if published else _errors(energy, force) for energy, force in values]
        rows.append(["**snnp**" if name == "snnp" else name, *cells])
    return markdown(["", *(f"{e} energy | {e} force" for e in ELEMENTS)], rows)


def seeds_table(results: dict) -> str:
    """The shipped potential among fits with other seeds."""
    rows = []
    for element, found in results["seeds"]["results"].items():
        shipped = results["potentials"]["results"][element]["all"]
        rows.append([element, *(_spread(found[e], shipped[e], d) for e, d in ((ENERGY, 2), (FORCE, 4)))])
    quantities = [f"{q}: median (range) | in `potentials/`" for q in ("energy", "force")]
    return markdown([f"{len(found['seeds'])} seeds", *quantities], rows)


def _spread(found: dict, shipped: float, digits: int) -> str:
    median, lowest, highest = (f"{found[key]:.{digits}f}" for key in ("median", "lowest", "highest"))
    return f"{median} ({lowest} to {highest}) | {shipped:.{digits}f}"


def test_sets(results: dict) -> str:
    """How small the test sets are, and what few surface cells do."""
    found = results["potentials"]["results"]
    counts = [found[e]["all"]["frames"] for e in ELEMENTS]
    shares = " and ".join(f"{_share(found[e], 'Surface'):.0f} % of the energy error of {e}" for e in ("Mo", "Si"))
    (cells,) = {found[e]["groups"]["Surface"]["frames"] for e in ("Mo", "Si")}
    return f"The test sets have {min(counts)} to {max(counts)} frames; {cells} surface cells make {shares}."


def repeats_table(results: dict) -> str:
    """Errors without the test frames that are in the training sets, too."""
    found = results["potentials"]["results"]
    heads, counts, errors = [], [], []
    for element in ELEMENTS:
        everything, new = found[element]["all"]["frames"], found[element]["new"]
        heads += [f"{element} energy", f"{element} force"]
        counts += [f"{new['frames']} of {everything} frames", ""]
        errors.append(_errors(new[ENERGY], new[FORCE]))
    return markdown(["", *heads], [["frames that are new", *counts], ["snnp on these", *errors]])


def shear_table(results: dict) -> str:
    """What shear stresses in the wrong order do to energies."""
    ((what, found),) = results["shear"]["results"].items()
    rows = [[name, f"{errors[ENERGY]:.2f}", f"{errors['stress_mae_GPa']:.3f}"] for name, errors in found.items()]
    return markdown([f"shear stresses; {what}", "energy, meV/atom", "stress, GPa"], rows)


def indium_phosphide_table(results: dict) -> str:
    """Errors of the potential of In-P, beside a SNAP potential that was fitted to the same data."""
    fit = results["shipped_fits"]["results"]["InP"]
    everything = results["potentials"]["results"]["InP"]["all"]
    found = {"snnp, validation": fit["validation"], "snnp, all": everything}
    found["SNAP, all"] = {"frames": everything["frames"], **results["snap"]["results"]["InP"]["SNAP"]}
    rows = [[name, str(r["frames"]), _errors(r[ENERGY], r[FORCE])] for name, r in found.items()]
    return markdown(["", "frames", "energy", "force"], rows)


def potentials_table(results: dict) -> str:
    """The potentials of this repository."""
    rows = []
    for name in ELEMENTS:
        found = results["potentials"]["results"][name]["all"]
        options = " ".join(f"--set {o}" for o in results["shipped_fits"]["results"][name]["options"]) or "none"
        verdict = results["validation"]["results"][name]["verdict"]
        errors = _errors(found[ENERGY], found[FORCE])
        rows.append([f"`{name}.snnp`", options, errors, f"[{verdict}](../docs/validation/{name}.html)"])
    return markdown(["file", "options of `snnp-fit`", "energy, meV/atom", "force, eV/Å", "`snnp validate`"], rows)


def boundary_table(results: dict, element: str) -> str:
    """Errors and costs of all potentials of one element."""
    return table(boundary(results, element), element)


# -- sentences ----------------------------------------------------------------------------------------------------


def fit_times(results: dict) -> str:
    """How long the fits of potentials/ took."""
    fits = results["shipped_fits"]
    each = ", ".join(f"{fit['cpu_seconds'] / 60:.1f} ({name})" for name, fit in fits["results"].items())
    return _wrapped(f"The fits took, in minutes: {each}; {fits['CPU']}, one core, {fits['date']}.")


def zero_of_energy(results: dict) -> str:
    """How large the offsets of SNAP are."""
    found = results["snap"]["results"]
    largest = max(abs(o) for e in ELEMENTS for p in found[e].values() for o in p["offsets_meV_per_atom"].values())
    silicon = found["Si"]["SNAP"]
    return _wrapped(
        f"For these four elements it is at most {largest:.1f} meV/atom. Without it the energy error of SNAP for Si "
        f"would be {silicon['energy_mae_without_offset_meV_per_atom']:.1f} instead of {silicon[ENERGY]:.1f} meV/atom."
    )


def accuracy_caption(results: dict) -> str:
    """What the figure of the README shows."""
    fits = results["shipped_fits"]["results"]
    minutes = [fits[name]["cpu_seconds"] / 60 for name in ELEMENTS]
    options = " and ".join(f"`{option}` of {name}" for name in ELEMENTS for option in fits[name]["options"])
    configured = f"without configuration but for {options}" if options else "without configuration"
    return _wrapped(
        "*Mean absolute errors on the DFT test sets of Zuo et al. (J. Phys. Chem. A 124, 731, 2020). snnp: fits by "
        f"`snnp-fit`, {configured}, which took {min(minutes):.1f} to {max(minutes):.1f} minutes on one core. "
        "SNAP and qSNAP: the published potentials on the same files. GAP and MTP: as published. All numbers: "
        "[Accuracy](docs/accuracy.md).*"
    )


def cost_note(results: dict) -> str:
    """When and on what the numbers of the boundary were measured."""
    costs, kinds = results["costs"], results["kinds"]
    return _wrapped(
        f"Errors were measured on {kinds['date']}. Costs are in {costs['unit']}; they were measured on {costs['date']} "
        f"({costs['CPU']})."
    )


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def baseline_table(results: dict) -> str:
    """Copper with a published EAM as baseline and without."""
    names = {"with": "EAM of Mishin as baseline", "without": "no baseline", "baseline alone": "the EAM alone"}
    found = results["baseline"]["results"]
    rows = [[names[name], f"{found[name][ENERGY]:.2f}", f"{found[name][FORCE]:.4f}"] for name in names]
    rows[-1][1] = "–"  # its energies are from another zero
    return markdown(["", "energy, meV/atom", "force, eV/Å"], rows)


EFFORTS = ("quick", "default", "high")


def efforts_table(results: dict) -> str:
    """What efforts take and give: medians over the seeds that all efforts have."""
    measured = {effort: results["training"]["results"].get(effort, {}) for effort in EFFORTS}
    rows = []
    for effort, by_data in measured.items():
        for data in filter(by_data.get, (*ELEMENTS, "InP")):
            seeds = set.intersection(*(set(other[data]) for other in measured.values() if data in other))
            fits = {seed: by_data[data][seed] for seed in seeds}
            errors = [
                _errors(_median(fits, part, ENERGY), _median(fits, part, FORCE)) if known else "– | –"
                for part, known in (("held_out", True), ("test", data in ELEMENTS))
            ]
            minutes, steps, cutoff, cost = (
                statistics.median(fit[key] for fit in fits.values())
                for key in ("cpu_seconds", "steps", "three_body_cutoff_A", "us_per_atom_step")
            )
            numbers = [f"{minutes / 60:.1f}", f"{steps:.0f}", f"{cutoff:.1f}", f"{cost:.1f}"]
            rows.append([effort, f"{data} ({len(fits)})", *errors, *numbers])
    heads = ["effort", "data (seeds)", "held out: energy | force", "test: energy | force"]
    return markdown([*heads, "fit, minutes", "steps", "cutoff, Å", "cost, µs/atom/step"], rows)


def more_elements_table(results: dict) -> str:
    """Sizes and times of fits with shared filters, by number of elements."""
    found = results["more_elements"]["results"]
    rows = {
        "parameters": "{parameters:.0f}",
        "memory of the optimiser, MB": "{optimiser_MB:.0f}",
        "step of a fit, ms (of it the gradient)": "{step_ms:.1f} ({gradient_ms:.1f})",
        "file, MB": "{file_MB:.2f}",
        "energies and forces, µs/atom": "{use_us_per_atom:.1f}",
    }
    cells = [[name, *(text.format(**one) for one in found.values())] for name, text in rows.items()]
    return markdown(["elements", *found], cells)


def _median(fits: dict, data: str, error: str) -> float:
    return statistics.median(fit[data][error] for fit in fits.values())


def _errors(energy: float, force: float) -> str:
    """Energy in meV/atom and force in eV/Å as two cells; small forces have a digit more."""
    return f"{energy:.2f} | {force:.3f}" if force >= 0.02 else f"{energy:.2f} | {force:.4f}"


def _share(found: dict, group: str) -> float:
    """How much of the mean absolute error of energies comes from one group, percent."""
    part, everything = found["groups"][group], found["all"]
    return 100 * part["frames"] * part[ENERGY] / (everything["frames"] * everything[ENERGY])


TABLES = {
    "elements": elements_table,
    "seeds": seeds_table,
    "test-sets": test_sets,
    "zero-of-energy": zero_of_energy,
    "repeats": repeats_table,
    "shear": shear_table,
    "indium-phosphide": indium_phosphide_table,
    "potentials": potentials_table,
    "baseline": baseline_table,
    "fit-times": fit_times,
    "accuracy-caption": accuracy_caption,
    "boundary-Mo": lambda results: boundary_table(results, "Mo"),
    "boundary-Si": lambda results: boundary_table(results, "Si"),
    "cost-note": cost_note,
    "efforts": efforts_table,
    "more-elements": more_elements_table,
    **atomic_energies.TABLES,
    **silicon_atoms.TABLES,
    **constraints.TABLES,
    **curvature.TABLES,
    **reference_filters.TABLES,
    **physics_tables.TABLES,
    **engine_tables.TABLES,
}
