"""Three atoms: no angle at which they collapse when they come closer than in the crystal."""

from itertools import combinations_with_replacement, product
from typing import TYPE_CHECKING

import numpy as np
from ase import Atoms

from snnp.analysis.panels import COLORS, DASHES
from snnp.validation.check import Check, Level, Setting
from snnp.validation.checks.approach import CLOSEST, binding, bond_length, falls
from snnp.validation.checks.common import Failure, failing
from snnp.validation.checks.molecules import FAR, molecule_energies
from snnp.validation.outcome import Line, Outcome, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# A third bond that forms while two are squeezed may give back more than the ripples that count for two atoms.
HOLE = 0.1  # eV
ANGLES = range(60, 181, 10)  # degrees: sharper ones are the blunt angles at the other corners
_NAMED = 4  # each fourth angle of a figure
POINTS = 100  # from the bond to `CLOSEST` by equal factors: 2 % each, a tenth of an interval of splines


class Trimers(Check):
    """Two bonds and the angle between them: both bonds shrink to `CLOSEST`, or one of them while the other stays."""

    name = "trimers"
    title = "Three atoms"
    level = Level.QUICK

    def subjects(self, setting: Setting) -> list[str]:
        """Triples of elements: the centre of the angle in the middle, the other two in alphabetical order."""
        elements = sorted(setting.model.elements)
        ends = combinations_with_replacement(elements, 2)
        return [f"{b}-{a}-{c}" for (b, c), a in product(ends, elements)]

    @failing
    def run(self, setting: Setting, subject: str) -> Outcome:
        """Holes on the way inwards at all angles, and the most that three atoms are bound by."""
        symbols = subject.split("-")
        b, a, c = symbols
        bonds = bond_length(setting, a, b), bond_length(setting, a, c)
        inwards = [path for angle in ANGLES for path in _inwards(bonds, angle, symmetric=b == c)]
        ways = [*inwards, *(_outwards(bonds, angle, setting.model.cutoff or FAR) for angle in ANGLES)]
        trimers = [Atoms(symbols, corners) for way in ways for corners in way]
        found = molecule_energies(setting.model, [*trimers, *(Atoms(element) for element in symbols)])
        alone, energies = found[-3:].sum(), (found[:-3] - found[-3:].sum()).reshape(len(ways), POINTS)
        if not np.isfinite(energies).all():
            way, n = np.argwhere(~np.isfinite(energies))[0]
            raise Failure(f"the energy of {subject} at {_geometry(ways[way][n])} is no finite number")
        bound, energies = max(0.0, -energies.min()), energies[: len(inwards)]
        lines = [_holes(subject, inwards, energies), binding(setting, symbols, bound, alone)]
        both = slice(None, None, len(inwards) // len(ANGLES))
        lengths = [np.linalg.norm(path[:, 0], axis=1).tolist() for path in inwards[both]]
        return Outcome(lines, {"angle": [*ANGLES], "length": lengths, "energy": energies[both].tolist()})

    def seconds(self, setting: Setting, subject: str) -> float:
        """A guess: one evaluation of ten thousand atoms."""
        return 0.5

    def figure(self, subject: str, data: dict[str, dict]) -> "Figure | None":
        """Energy of triangles with two bonds that shrink together, by the length of the first and the angle."""
        from matplotlib.figure import Figure

        data = {name: found for name, found in data.items() if found}
        if not data:
            return None
        figure = Figure(figsize=(4.2 * len(data), 3.4), layout="constrained")
        for axes, (name, found) in zip(figure.subplots(1, len(data), squeeze=False)[0], data.items(), strict=True):
            lines = zip(found["angle"], found["length"], found["energy"], strict=True)
            for n, (angle, lengths, energies) in enumerate(lines):
                if n % _NAMED:
                    axes.plot(lengths, energies, lw=0.5, color="#999999")
                    continue
                style = {"color": COLORS[n // _NAMED], "ls": DASHES[n // _NAMED], "zorder": 3}
                axes.plot(lengths, energies, lw=1.3, label=f"{angle}°", **style)
            lowest = min(map(min, found["energy"]))
            axes.set(xlabel="length of the bond, Å", ylabel="energy, eV", title=f"{subject}, {name}")
            axes.set_ylim(max(1.1 * lowest, -40) - 0.5, 20)
            axes.legend(fontsize=8)
        return figure


def _inwards(bonds: tuple[float, float], angle: float, symmetric: bool) -> list[np.ndarray]:
    """Paths (POINTS, 3, 3), Å, of end, centre and end: both bonds shrink; the first; unless `symmetric`, the second."""
    fixed = np.ones(POINTS)
    both = np.geomspace(1, CLOSEST / min(bonds), POINTS)
    first, second = (np.geomspace(1, CLOSEST / bond, POINTS) for bond in bonds)
    shrinking = [(both, both), (first, fixed), (fixed, second)]
    directions = np.array([[1, 0, 0], [np.cos(np.radians(angle)), np.sin(np.radians(angle)), 0]])
    paths = []
    for factors in shrinking[: 2 if symmetric else 3]:
        ends = [f[:, None] * bond * along for f, bond, along in zip(factors, bonds, directions, strict=True)]
        paths.append(np.stack([ends[0], np.zeros_like(ends[0]), ends[1]], axis=1))
    return paths


def _outwards(bonds: tuple[float, float], angle: float, far: float) -> np.ndarray:
    """A path (POINTS, 3, 3), Å, on which both bonds grow until the longer one is `far`."""
    factors = np.geomspace(1, max(far / max(bonds), 1), POINTS)[:, None]
    along = np.array([[np.cos(np.radians(angle)), np.sin(np.radians(angle)), 0]])
    ends = factors * bonds[0] * np.array([[1, 0, 0]]), factors * bonds[1] * along
    return np.stack([ends[0], np.zeros_like(ends[0]), ends[1]], axis=1)


def _holes(subject: str, paths: list[np.ndarray], energies: np.ndarray) -> Line:
    found = [(fall, path) for path, way in zip(paths, energies, strict=True) for fall in falls(way, HOLE)]
    if not found:
        return Line("holes", "none", verdict=Verdict.PASS)
    fall, path = max(found, key=lambda f: f[0].depth)
    text = (
        f"{subject} attracts from {_geometry(path[fall.outer])} to {_geometry(path[fall.inner])} by {fall.depth:.3g} eV"
        f", although closer than in the crystal; so on {len(found)} of {len(paths)} ways inwards"
    )
    return Line("holes", f"on {len(found)} of {len(paths)} ways", verdict=Verdict.FAIL, sentence=text)


def _geometry(corners: np.ndarray) -> str:
    """Words for a triangle, (3, 3) in Å."""
    atoms = Atoms("H3", corners)
    return f"{atoms.get_distance(1, 0):.2f} and {atoms.get_distance(1, 2):.2f} Å, {atoms.get_angle(0, 1, 2):.0f}°"
