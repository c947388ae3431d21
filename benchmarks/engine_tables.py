"""Tables of what the engine does in LAMMPS: conservation of energy, sizes, speed, precision, versions."""

import sys

from records import ROOT

sys.path.insert(0, str(ROOT / "examples/02_boundary"))

from potentials import markdown

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


TABLES = {
    "conservation": conservation_table,
    "size": size_table,
    "speed": speed_table,
    "precision": precision_table,
    "lammps-versions": versions_table,
}
