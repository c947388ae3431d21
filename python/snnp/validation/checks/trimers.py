"""Three atoms: no angle at which they collapse when they come closer than in the crystal."""

from itertools import combinations_with_replacement, product
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from snnp.validation.check import Check, Level, Setting
from snnp.validation.checks.approach import CLOSEST, binding, bond_length, falls
from snnp.validation.checks.common import Failure, failing
from snnp.validation.checks.molecules import molecule_energies
from snnp.validation.outcome import Line, Outcome, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Where two bonds are not stretched alike, one may still gain while the other repels: more than for two atoms.
HOLE = 0.1  # eV
ANGLES = np.arange(40, 181, 10)  # degrees: sharper ones put the two ends into each other
RATIOS = (1.0, 1.25, 1.6)  # of the second bond to the first: from equal to the first and second neighbours of crystals
POINTS = 100  # from the bond to `CLOSEST` by equal factors: 2 % each, a tenth of an interval of splines


class Trimers(Check):
    """Triangles that shrink from the bond to `CLOSEST`, for every element in the middle and every pair around it."""

    name = "trimers"
    title = "Three atoms"
    level = Level.QUICK

    def subjects(self, setting: Setting) -> list[str]:
        """Triples of elements; the one in the middle is the centre of the angle."""
        elements = setting.model.elements
        ends = combinations_with_replacement(elements, 2)
        return [f"{b}-{a}-{c}" for (b, c), a in product(ends, elements)]

    @failing
    def run(self, setting: Setting, subject: str) -> Outcome:
        """Holes on the way inwards at all angles and ratios, and the most that three atoms are bound by."""
        symbols = subject.split("-")
        b, a, c = symbols
        bonds = np.array([bond_length(setting, *pair) for pair in ((a, b), (a, c), (b, c))])
        ratios = (
            sorted({ratio for r in RATIOS for ratio in ((r, 1.0), (1.0, r))}) if b != c else [(1.0, r) for r in RATIOS]
        )
        ways = list(product(ratios, ANGLES))
        paths = [_shrinking(np.array(ratio), angle, bonds) for ratio, angle in ways]
        trimers = [Atoms(symbols, corners) for path in paths for corners in path]
        found = molecule_energies(setting.model, [*trimers, *(Atoms(element) for element in symbols)])
        alone, energies = found[-3:].sum(), (found[:-3] - found[-3:].sum()).reshape(len(ways), POINTS)
        if not np.isfinite(energies).all():
            way, n = np.argwhere(~np.isfinite(energies))[0]
            raise Failure(f"the energy of {subject} at {_geometry(paths[way][n])} is no finite number")
        lines = [_holes(subject, paths, energies)]
        if (lowest := -energies.min()) > 0:
            lines.append(binding(setting, symbols, lowest, alone))
        return Outcome(lines, _for_figure(ways, paths, energies))

    def figure(self, subject: str, data: dict[str, dict]) -> "Figure | None":
        """Energy of triangles with two equal bonds, by length and angle."""
        from matplotlib.figure import Figure

        data = {name: found for name, found in data.items() if found}
        if not data:
            return None
        figure = Figure(figsize=(4.2 * len(data), 3.4), layout="constrained")
        for axes, (name, found) in zip(figure.subplots(1, len(data), squeeze=False)[0], data.items(), strict=True):
            for n, (angle, lengths, energies) in enumerate(
                zip(found["angle"], found["length"], found["energy"], strict=True)
            ):
                color = (n / len(found["angle"]), 0.35, 1 - n / len(found["angle"]))
                axes.plot(lengths, energies, lw=0.8, color=color, label=f"{angle}°" if n % 7 == 0 else None)
            lowest = min(map(min, found["energy"]))
            axes.set(xlabel="length of the bonds, Å", ylabel="energy, eV", title=f"{subject}, {name}")
            axes.set_ylim(max(1.1 * lowest, -40) - 0.5, 20)
            axes.legend(fontsize=8)
        return figure


def _shrinking(ratio: np.ndarray, angle: float, bonds: np.ndarray) -> np.ndarray:
    """Triangles (POINTS, 3, 3), Å, of one shape: end, centre, end. The first has no distance below that of a bond."""
    theta = np.radians(angle)
    ends = np.array([[ratio[0], 0, 0], [ratio[1] * np.cos(theta), ratio[1] * np.sin(theta), 0]])
    triangle = np.array([ends[0], [0, 0, 0], ends[1]])
    distances = np.array([*ratio, np.linalg.norm(ends[0] - ends[1])])
    first = (bonds / distances).max()
    return np.geomspace(first, CLOSEST / distances.min(), POINTS)[:, None, None] * triangle


def _holes(subject: str, paths: list[np.ndarray], energies: np.ndarray) -> Line:
    found = [(fall, path) for path, way in zip(paths, energies, strict=True) for fall in falls(way, HOLE)]
    if not found:
        return Line("holes", "none", verdict=Verdict.PASS)
    fall, path = max(found, key=lambda f: f[0].depth)
    text = (
        f"{subject} attracts from {_geometry(path[fall.outer])} to {_geometry(path[fall.inner])} by {fall.depth:.3g} eV"
        f", although closer than in the crystal; {len(found)} of {len(paths)} shapes do"
    )
    return Line("holes", f"{len(found)} of {len(paths)} shapes", verdict=Verdict.FAIL, sentence=text)


def _geometry(corners: np.ndarray) -> str:
    """Words for a triangle, (3, 3) in Å."""
    atoms = Atoms("H3", corners)
    return f"{atoms.get_distance(1, 0):.2f} and {atoms.get_distance(1, 2):.2f} Å, {atoms.get_angle(0, 1, 2):.0f}°"


def _for_figure(ways: list, paths: list[np.ndarray], energies: np.ndarray) -> dict:
    equal = [n for n, (ratio, _) in enumerate(ways) if ratio == (1.0, 1.0)]
    return {
        "angle": [int(ways[n][1]) for n in equal],
        "length": [np.linalg.norm(paths[n][:, 0], axis=1).tolist() for n in equal],
        "energy": [energies[n].tolist() for n in equal],
    }
