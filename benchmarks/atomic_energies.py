"""Atomic energies of fits to teachers: what is measured by examples/06_atomic_energies, and its tables."""

import json
import sys
from pathlib import Path

from records import ROOT

EXAMPLE = ROOT / "examples/06_atomic_energies"
CASES = {"silicon": "Si", "nickel-aluminium": "Ni–Al"}
DATA = {"narrow": "one kind", "recommended": "recommended"}


def measured(folder: Path) -> dict:
    """All numbers of the example, run in `folder`."""
    from potentials import run

    run(sys.executable, EXAMPLE / "run.py", "--folder", folder, threads=1)
    return json.loads((folder / "atomic_energies.json").read_text())


def errors_table(results: dict) -> str:
    """Errors of totals, forces and atomic energies by structure, for both sets of data."""
    lines = [
        "| teacher, structures | data | totals, meV/atom | forces, eV/Å | atomic energies: mean, RMS, meV |",
        "|---|---|---|---|---|",
    ]
    for case, title in CASES.items():
        found = results["atomic_energies"]["results"][case]
        for group in found["narrow"]["errors"]:
            for data, words in DATA.items():
                e = found[data]["errors"][group]
                cells = [f"{title}, {group}", words, f"{e['total_rmse_meV_per_atom']:.2f}"]
                cells += [f"{e['force_mae_eV_per_A']:.4f}", f"{e['atomic_mean_meV']:+.2f}, {e['atomic_rmse_meV']:.1f}"]
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def monitor_table(results: dict) -> str:
    """What a fit shows at invariant points, from the first step to the last."""
    lines = ["| teacher | data | at the first step, meV | at the last step, meV |", "|---|---|---|---|"]
    for case, title in CASES.items():
        for data, words in DATA.items():
            watched = results["atomic_energies"]["results"][case][data]["curve"]["invariant_points"]
            lines.append(f"| {title} | {words} | {watched[0]:.2f} | {watched[-1]:.2f} |")
    return "\n".join(lines)


def certainty_table(results: dict) -> str:
    """How uncertainties and errors of atomic energies go together."""
    lines = [
        "| teacher | data | rank correlation | errors below u, % | below 2 u, % |",
        "|---|---|---|---|---|",
    ]
    for case, title in CASES.items():
        for data, words in DATA.items():
            c = results["atomic_energies"]["results"][case][data]["calibration"]
            within = f"{100 * c['within_u']:.0f} | {100 * c['within_2u']:.0f}"
            lines.append(f"| {title} | {words} | {c['rank_correlation']:.2f} | {within} |")
    return "\n".join(lines)


def figure(results: dict):
    """Errors at invariant points while fits go on, and of atoms by layer."""
    sys.path.insert(0, str(EXAMPLE))
    from run import picture

    return picture(results["atomic_energies"]["results"])


TABLES = {
    "atomic-energies": errors_table,
    "atomic-energies-monitor": monitor_table,
    "atomic-energies-certainty": certainty_table,
}
