"""Copper and silicon taken apart: the pictures and numbers of docs/reading.md.

    python benchmarks/reading.py DATA

DATA holds mlearn/{Cu,Si}_train.xyz.gz (see docs/accuracy.md for the sources). Reads the potentials of potentials/ with
their training data, writes docs/reading_Cu.png, docs/reading_Si.png and the table of docs/reading.md.
"""

import argparse
import re
from pathlib import Path

from records import ROOT
from snnp import _core
from snnp.analysis.bars import parts_panel
from snnp.analysis.interactions import angle_panels, bond_panels
from snnp.analysis.panels import side_by_side
from snnp.analysis.reading import LINEAR, Reading
from snnp.analysis.report import read_curves, sample
from snnp.data import read

ELEMENTS = ("Cu", "Si")
_PLACE = re.compile(r"(<!-- reading -->\n).*?(<!-- end of reading -->)", re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    args = parser.parse_args()
    found = {}
    for element in ELEMENTS:
        potential = _core.read_potential(ROOT / "potentials" / f"{element}.snnp")
        frames = read([args.data / "mlearn" / f"{element}_train.xyz.gz"]).frames
        reading = read_curves(potential, sample(frames), 1)
        panels = [*bond_panels(reading), *angle_panels(reading), parts_panel(reading)]
        side_by_side([panels[:2], panels[2:]]).savefig(ROOT / "docs" / f"reading_{element}.png", dpi=110)
        print(f"docs/reading_{element}.png")
        found[element] = [element, *numbers(reading)], [panel.says for panel in panels]
    page = ROOT / "docs" / "reading.md"
    page.write_text(_PLACE.sub(lambda place: f"{place[1]}{text(found)}\n{place[2]}", page.read_text()))


def text(found: dict[str, tuple[list[str], list[str]]]) -> str:
    """A table, and under the picture of each element what it shows."""
    heads = [
        "deviation, meV",
        "atomic energies",
        "pair",
        "filters, linear",
        "network, beyond",
        "filters that carry 90 %",
    ]
    rows = [heads, ["---"] * len(heads), *(row for row, _ in found.values())]
    parts = ["\n".join(f"| {' | '.join(row)} |" for row in rows)]
    for element, (_, sentences) in found.items():
        parts.append(f"![{element}: bond, angles and parts of the energy](reading_{element}.png)")
        parts.append("\n".join(f"- {sentence}" for sentence in sentences))
    return "\n\n".join(parts)


def numbers(reading: Reading) -> list[str]:
    """Deviations of parts, meV, and how many filters carry 90 % of what filters add."""
    found = reading.deviations()
    beyond = next(value for name, value in found.items() if name.endswith("beyond linear"))
    values = [found["all"], found["pair"], found[LINEAR], beyond]
    return [*(f"{1000 * value:.0f}" for value in values), f"{len(reading.leading)} of {len(reading.filter_names)}"]


if __name__ == "__main__":
    main()
