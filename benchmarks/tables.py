"""The tables of the documentation in Markdown: functions of all results, by name of the file in docs/results."""

import statistics
import sys
import textwrap

from records import ROOT

sys.path.insert(0, str(ROOT / "examples/02_boundary"))

from potentials import Point, markdown, table

import atomic_energies
import constraints
import silicon_atoms

ELEMENTS = ("Mo", "Si", "Cu", "Li")
ENERGY, FORCE = "energy_mae_meV_per_atom", "force_mae_eV_per_A"
# Groups and cases of benchmarks/speed.py that the page on speed shows.
SPEED_CASES = {
    ("snnp", "s-NNP n3 = 4"): "s-NNP, n2 = 8, n3 = 4, 5.5 Å, Ti",
    ("snnp", "s-NNP n3 = 8"): "the same, n3 = 8",
    ("snnp", "s-NNP n3 = 16"): "the same, n3 = 16",
    ("smeam", "s-MEAM"): "s-MEAM, `Ti.meam.spline` converted",
    ("smeam Si", "s-MEAM"): "s-MEAM, `Si_1.meam.spline` converted",
    ("uf3", "UF3"): "UF3, `Nb.uf3` converted",
    ("pair", "pair"): "pair potential, 25 knots, 10.1 Å, Al",
    ("pair", "EAM"): "EAM, one ρ, the same knots",
}
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


def conservation_table(results: dict) -> str:
    """Fluctuation of the energy by time step, and its drift over a longer run."""
    short, long = (results["conservation"]["results"][length]["results"] for length in ("1 ps", "15 ps"))
    rows = []
    for one, longer in zip(short, long, strict=True):
        fluctuations = [f"{r['fluctuation_meV_per_atom']:.2g}" for r in one["runs"]]
        drifts = [_signed(r["drift_meV_per_atom_per_ps"]) for r in longer["runs"]]
        style, formula = one["name"].replace(" precision double", "").rsplit(" ", 1)
        rows.append([f"`{style}` {formula}", str(one["atoms"]), *fluctuations, f"{one['slope']:.2f}", *drifts])
    steps = [[f"{r['step_fs']:g} fs" for r in runs[0]["runs"]] for runs in (short, long)]
    first, last = (f"fluctuation, meV: {steps[0][0]}", f"drift, meV/ps: {steps[1][0]}")
    return markdown(["potential", "atoms", first, *steps[0][1:], "slope", last, *steps[1][1:]], rows)


def _signed(value: float) -> str:
    text = f"{value:+.4f}".replace("-", "−")
    return "0.0000" if float(f"{value:.4f}") == 0 else text


def size_table(results: dict) -> str:
    """Cost and memory by number of atoms."""
    rows = []
    for row in results["scale"]["results"]["rows"]:
        beyond = row["snnp"]["bytes"] - row["zero"]["bytes"]
        costs = [f"{row[style]['microseconds']:.2f}" for style in ("snnp", "sw")]
        rows.append(
            [
                f"{row['atoms']:,}".replace(",", " "),
                str(row["steps"]),
                *costs,
                f"{row['zero']['bytes']:.0f}",
                f"{beyond:.0f}",
            ]
        )
    costs = ["`snnp`, µs/atom/step", "`sw`, µs/atom/step"]
    return markdown(["atoms", "steps", *costs, "LAMMPS, bytes/atom", "`snnp` beyond it, bytes/atom"], rows)


def heating_table(results: dict) -> str:
    """A crystal at several temperatures."""
    ((name, runs),) = results["heating"]["results"].items()
    rows = [[f"{r['kelvin']:g}", f"{r['outside_percent']:.2g}", f"{r['largest_displacement_A']:.1f}"] for r in runs]
    (picoseconds,) = {r["picoseconds"] for r in runs}
    where = f"largest displacement after {picoseconds:g} ps, Å"
    return markdown([f"{name}: temperature, K", "atoms outside the training data, %", where], rows)


def speed_table(results: dict) -> str:
    """Time per atom and step in both precisions, beside the style of LAMMPS that is nearest."""
    rows = []
    times = {(row["group"], row["case"]): row["microseconds"][0] for row in results["speed"]["results"]["rows"]}
    for (group, case), title in SPEED_CASES.items():
        peer, style = next((t, name) for (g, name), t in times.items() if g == group)
        double, mixed = (times[group, f"{case}, {precision}"] for precision in ("double", "mixed"))
        ratios = " / ".join(f"{peer / t:.{0 if peer / t >= 10 else 1}f}" for t in (double, mixed))
        rows.append([title, f"`{style.split(',')[0]}` {peer:.3g}", f"{double:.2f}", f"{mixed:.2f}", ratios])
    return markdown(["case", "style of LAMMPS", "double", "mixed", "times as fast"], rows)


def precision_table(results: dict) -> str:
    """Energy conservation in double and in mixed precision."""
    runs = {
        one["name"].removeprefix("snnp precision "): one["runs"] for one in results["precision"]["results"]["results"]
    }
    rows = []
    for element in dict.fromkeys(name.split()[1] for name in runs):
        for pair in zip(runs[f"double {element}"], runs[f"mixed {element}"], strict=True):
            fluctuation = " / ".join(f"{run['fluctuation_meV_per_atom']:.2g}" for run in pair)
            drift = " / ".join(f"{run['drift_meV_per_atom_per_ps']:.1e}" for run in pair)
            rows.append([element, f"{pair[0]['step_fs']:g} fs", fluctuation, drift])
    quantities = ["fluctuation, meV/atom, double / mixed", "drift, meV/atom/ps, double / mixed"]
    return markdown(["", "step", *quantities], rows)


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


def versions_table(results: dict) -> str:
    """Versions of LAMMPS that the plugin was built for and run in."""
    strings = {True: "of C++11", False: "before C++11"}
    rows = [
        [
            found["version"],
            strings[found["cxx11_strings"]],
            f"{found['error_energy_eV_per_atom']:.0e}",
            f"{found['error_force_eV_per_A']:.0e}",
            f"{found['us_per_atom_step']:.1f}",
        ]
        for found in results["lammps_versions"]["results"]
    ]
    heads = ["LAMMPS", "C++ strings", "energy, eV/atom", "force, eV/Å", "time, µs/atom/step"]
    return markdown(heads, rows)


# Of the crystal of each element: what the table of properties shows.
CRYSTALS = {"Mo": "bcc Mo", "Si": "diamond Si"}
KIND_NAMES = {"pair": "pair", "eam": "EAM", "smeam": "s-MEAM", "uf3": "UF3", "snnp": "s-NNP"}
PROPERTIES = (
    *("lattice constant a", "bulk modulus", "c11", "c12", "c44", "lowest eigenvalue of the elastic tensor"),
    *("lowest frequency", "phonon N longitudinal", "phonon N transverse 1", "phonon H", "phonon X transverse 1"),
    *("vacancy formation energy", "vacancy migration energy"),
    *("surface energy (100)", "surface energy (110)", "surface energy (111)"),
)
MARKS = {"fail": " ✗", "warn": " !"}


def validation_table(results: dict) -> str:
    """The verdict on each potential of this repository, and what does not pass."""
    rows = []
    for name, found in results["validation"]["results"].items():
        verdicts = [line["verdict"] for lines in found["lines"].values() for line in lines.values()]
        counts = " ".join(f"| {verdicts.count(verdict)}" for verdict in ("pass", "warn", "fail"))
        rows.append([f"[{name}](validation/{name}.html)", f"{found['verdict']} {counts}"])
    return markdown(["potential", "verdict | pass | warn | fail"], rows)


def complaints(results: dict) -> str:
    """A sentence for each quantity that does not pass."""
    lines = []
    for name, found in results["validation"]["results"].items():
        lines += [f"**{name}**", "", *(f"- {sentence}" for sentence in found["sentences"] or ["nothing"]), ""]
    return "\n".join(lines).rstrip()


def properties_table(results: dict, element: str) -> str:
    """Properties of a crystal by kind of model."""
    by_kind = {name: results["properties"]["results"][element][name]["lines"] for name in KIND_NAMES}
    rows = []
    for quantity in PROPERTIES:
        cells = {name: lines.get(CRYSTALS[element], {}).get(quantity) for name, lines in by_kind.items()}
        there = next((cell for cell in cells.values() if cell), None)
        if there is None:
            continue
        values = [_number(cell) for cell in cells.values()]
        title = f"{quantity}, {there['unit']}" if there.get("unit") else quantity
        known = [cell["reference"] for cell in cells.values() if cell and cell.get("reference")]
        rows.append([title, *values, _number({"value": known[-1] if known else None})])  # by the best kind of model
    return markdown(["", *KIND_NAMES.values(), "data"], rows)


# Experiment, K, and where it is from.
MELTING = {"Cu": "1357.77 (ITS-90, Metrologia 27, 3 (1990))"}


def floor_table(results: dict) -> str:
    """What floors do: random cells below the ground state, and errors, without and with them."""
    rows = []
    for name, found in results["floor"]["results"].items():
        without, with_ = found["without"], found["with"]
        cells = f"{without['below']:.0f} → {with_['below']:.0f} {with_['of']}"
        errors = (f"{without[key]:.{d}f} → {with_[key]:.{d}f}" for key, d in ((ENERGY, 2), (FORCE, 4)))
        rows.append(
            [name, cells, f"{round(without['lowest'], 2) + 0:.2f} → {round(with_['lowest'], 2) + 0:.2f}", *errors]
        )
    heads = ["", "random cells below the ground state", "lowest found, eV/atom", "errors: meV/atom", "eV/Å"]
    return markdown(heads, rows)


def baseline_table(results: dict) -> str:
    """Copper with a published EAM as baseline and without."""
    names = {"with": "EAM of Mishin as baseline", "without": "no baseline", "baseline alone": "the EAM alone"}
    found = results["baseline"]["results"]
    rows = [[names[name], f"{found[name][ENERGY]:.2f}", f"{found[name][FORCE]:.4f}"] for name in names]
    rows[-1][1] = "–"  # its energies are from another zero
    return markdown(["", "energy, meV/atom", "force, eV/Å"], rows)


def melting_table(results: dict) -> str:
    """Melting temperatures, K, with their standard errors."""
    rows = []
    for element, found in results["melting"]["results"].items():
        (lines,) = found["lines"].values()
        values = {name.split(" (")[0]: line["value"] for name, line in lines.items() if line.get("value")}
        error = values.get("uncertainty of the melting temperature", float("nan"))
        temperature = values.get("melting temperature")
        cell = f"{temperature:.0f} ± {error:.0f}" if temperature else "–"
        commit = results["melting"]["snnp"].partition("commit ")[2]
        rows.append([element, commit, cell, MELTING.get(element, "–")])
    return markdown(["potential", "of commit", "melting temperature, K", "experiment, K"], rows)


def domain_table(results: dict) -> str:
    """Shares of atoms that are flagged, percent, without energies of atoms and with them."""
    found = results["domain"]["results"]
    sets = list(next(iter(found.values())))
    rows = [
        [name, *(f"{_percent(shares[each]['before'])} → {_percent(shares[each]['now'])}" for each in sets)]
        for name, shares in found.items()
    ]
    return markdown(["", *sets], rows)


def _percent(share: float) -> str:
    return f"{100 * share:.2g}" if 0 < share < 0.995 else f"{100 * share:.0f}"


def _number(line: dict | None) -> str:
    value = line.get("value") if line else None
    if not isinstance(value, float | int):
        return "–"
    return f"{value:.3g}{MARKS.get(line.get('verdict', ''), '')}"


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
    "validation": validation_table,
    "complaints": complaints,
    "properties-Mo": lambda results: properties_table(results, "Mo"),
    "properties-Si": lambda results: properties_table(results, "Si"),
    "domain": domain_table,
    "floor": floor_table,
    "baseline": baseline_table,
    "melting": melting_table,
    "heating": heating_table,
    "conservation": conservation_table,
    "size": size_table,
    "speed": speed_table,
    "precision": precision_table,
    "fit-times": fit_times,
    "accuracy-caption": accuracy_caption,
    "boundary-Mo": lambda results: boundary_table(results, "Mo"),
    "boundary-Si": lambda results: boundary_table(results, "Si"),
    "cost-note": cost_note,
    "lammps-versions": versions_table,
    "efforts": efforts_table,
    **atomic_energies.TABLES,
    **silicon_atoms.TABLES,
    **constraints.TABLES,
}
