"""Tables of what potentials say about materials: checks, properties, domain, bounds, melting."""

import sys

from records import ENERGY, FORCE, ROOT

sys.path.insert(0, str(ROOT / "examples/02_boundary"))

from potentials import markdown

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


def _number(line: dict | None) -> str:
    value = line.get("value") if line else None
    if not isinstance(value, float | int):
        return "–"
    return f"{value:.3g}{MARKS.get(line.get('verdict', ''), '')}"


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


def bounds_table(results: dict) -> str:
    """What bounds do: random cells below the ground state, kinks, and errors, without and with them."""
    rows = []
    for name, found in results["bounds"]["results"].items():
        without, with_ = found["without"], found["with"]
        cells = f"{without['below']:.0f} → {with_['below']:.0f} {with_['of']}"
        errors = (f"{without[key]:.{d}f} → {with_[key]:.{d}f}" for key, d in ((ENERGY, 2), (FORCE, 4)))
        lowest = f"{round(without['lowest'], 2) + 0:.2f} → {round(with_['lowest'], 2) + 0:.2f}"
        kinks = f"{max(without['kinks'].values()):.0f} → {max(with_['kinks'].values()):.0f}"
        rows.append([name, cells, lowest, kinks, *errors])
    below = ["random cells below the ground state", "lowest found, eV/atom"]
    heads = ["", *below, "change of the bulk modulus, %", "errors: meV/atom", "eV/Å"]
    return markdown(heads, rows)


# Experiment, K, and where it is from.
MELTING = {"Cu": "1357.77 (ITS-90, Metrologia 27, 3 (1990))"}


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


def heating_table(results: dict) -> str:
    """A crystal at several temperatures."""
    ((name, runs),) = results["heating"]["results"].items()
    rows = [[f"{r['kelvin']:g}", f"{r['outside_percent']:.2g}", f"{r['largest_displacement_A']:.1f}"] for r in runs]
    (picoseconds,) = {r["picoseconds"] for r in runs}
    where = f"largest displacement after {picoseconds:g} ps, Å"
    return markdown([f"{name}: temperature, K", "atoms outside the training data, %", where], rows)


TABLES = {
    "validation": validation_table,
    "complaints": complaints,
    "properties-Mo": lambda results: properties_table(results, "Mo"),
    "properties-Si": lambda results: properties_table(results, "Si"),
    "domain": domain_table,
    "bounds": bounds_table,
    "melting": melting_table,
    "heating": heating_table,
}
