"""Energies of low-index surfaces, relaxed: slabs of whole cells, cut where the planes are farthest apart.

Where planes of a compound do not have its composition, the two sides of a slab of whole cells differ, as (111) of
zincblende. The mean of both is given, half of what it takes to cut the crystal there; that of each side would depend on
where the atoms that it has more or less come from, and is not calculated.
"""

from typing import TYPE_CHECKING

import numpy as np
import spglib
from ase import Atoms, units

from snnp.validation.check import Check, Level, Setting
from snnp.validation.checks.common import (
    SYMMETRY,
    Failure,
    against,
    condemn,
    conventional,
    crystal_named,
    energy,
    failing,
    relaxed,
    settle,
    width,
)
from snnp.validation.outcome import Line, Outcome, Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# By crystal system: those with the densest planes. Of hexagonal crystals (001) is basal, (100) and (110) are prismatic.
INDICES = {
    "cubic": [(1, 0, 0), (1, 1, 0), (1, 1, 1)],
    "hexagonal": [(0, 0, 1), (1, 0, 0), (1, 1, 0)],
    "trigonal": [(0, 0, 1), (1, 0, 0)],
    "tetragonal": [(0, 0, 1), (1, 0, 0), (1, 1, 0)],
    "other": [(1, 0, 0), (0, 1, 0), (0, 0, 1)],
}
PLANE = 0.1  # Å: atoms whose heights differ by less are in one plane
MOST_ATOMS = 400  # in a slab
# Breaks the symmetry of the cut crystal, so that atoms can leave sites that are saddle points.
RATTLE = 0.01  # Å
# The energy is that of the smallest cell, as in tables. Whether a surface with more freedom falls below the crystal is
# tried in a larger cell, from atoms that are shaken as at some hundred K.
MAY_RECONSTRUCT, SHAKEN = (2, 2), 0.1  # Å
# Functionals differ by 10 to 20 % in surface energies, and relaxations of slabs by some per cent.
ENERGY_WARN, ENERGY_FAIL = 0.2, 0.5


class Surfaces(Check):
    """Surface energies of the ground states."""

    name = "surfaces"
    title = "Surfaces"
    level = Level.STANDARD

    def subjects(self, setting: Setting) -> list[str]:
        """Ground states."""
        return [crystal.name for crystal in setting.ground_states]

    @failing
    def run(self, setting: Setting, subject: str) -> Outcome:
        """A line for each surface."""
        atoms = relaxed(setting, crystal_named(setting, subject))
        of_atom, thick = energy(atoms) / len(atoms), width(setting.model)
        cell = conventional(atoms)
        found, lines, kept = {}, [], []
        for indices in INDICES[_system(cell)]:
            quantity, slab = f"surface energy ({''.join(map(str, indices))})", make_slab(cell, indices, thick)
            if len(slab) > MOST_ATOMS:
                text = f"a slab of {thick:.0f} Å has {len(slab)} atoms, more than {MOST_ATOMS}: not calculated"
                lines.append(Line(quantity, None, "mJ/m²", sentence=text))
                continue
            if not slab.info["equal sides"]:
                quantity += ", mean of both sides"
            try:
                line = _line(setting, subject, quantity, slab, of_atom)
            except Failure as failure:
                line = Line(quantity, None, "mJ/m²", verdict=Verdict.FAIL, sentence=str(failure))
            else:
                found[_face(quantity)] = line.value
            lines.append(line)
            if line.value is not None and line.value < 0:
                kept.append(_plain(slab, f"{subject}, {quantity}"))
        known = {i: r.value for i in found if (r := setting.references.get(subject, f"surface energy ({i})"))}
        return Outcome(lines, {"energy": found, "references": known}, kept)

    def seconds(self, setting: Setting, subject: str) -> float:
        """A guess: three slabs, each relaxed twice."""
        return 5.0

    def figure(self, subject: str, data: dict[str, dict]) -> "Figure | None":
        """Surface energies; lines: reference."""
        from matplotlib.figure import Figure

        data = {name: found for name, found in data.items() if found.get("energy")}
        if not data:
            return None
        faces = list(dict.fromkeys(face for found in data.values() for face in found["energy"]))
        figure = Figure(figsize=(4.5, 3.2), layout="constrained")
        axes = figure.subplots()
        wide = 0.8 / len(data)
        for n, (name, found) in enumerate(data.items()):
            where = [faces.index(face) + wide * (n + 0.5) - 0.4 for face in found["energy"]]
            axes.bar(where, list(found["energy"].values()), width=0.9 * wide, label=name)
        for face, value in next(iter(data.values()))["references"].items():
            axes.plot(faces.index(face) + np.array([-0.4, 0.4]), [value, value], color="black", lw=1.5)
        axes.set_xticks(range(len(faces)), [f"({face})" for face in faces])
        axes.set(ylabel="surface energy, mJ/m²", title=f"{subject}; lines: reference")
        axes.legend(fontsize=8)
        return figure


def _face(quantity: str) -> str:
    """The indices in its name."""
    return quantity[quantity.index("(") + 1 : quantity.index(")")]


def make_slab(cell: Atoms, indices: tuple[int, int, int], thick: float) -> Atoms:
    """A slab at least `thick` (Å) with as much vacuum, of whole cells.

    cell: the conventional cell, which the indices refer to. It is cut between the planes that are farthest apart.
    `info["equal sides"]` is whether each plane has the composition of the crystal.
    """
    period = _oriented(cell, indices)
    height = period.cell[2, 2]
    heights = period.positions[:, 2] % height
    order = np.argsort(heights)
    gaps = np.diff(heights[order], append=heights[order[0]] + height)
    widest = int(np.argmax(gaps.round(3)))
    planes = np.split(np.roll(order, -widest - 1), np.flatnonzero(np.roll(gaps, -widest - 1)[:-1] > PLANE) + 1)
    equal = all(_composition(period[plane]) == _composition(period) for plane in planes)
    cut = heights[order[widest]] + gaps[widest] / 2
    period.positions -= np.floor((period.positions[:, 2:] - cut) / height) * period.cell[2]
    slab = period.repeat((1, 1, int(np.ceil(thick / height))))
    slab.cell[2] = [0, 0, slab.cell[2, 2] + thick]
    slab.info["equal sides"] = equal
    return slab


def _oriented(cell: Atoms, indices: tuple[int, int, int]) -> Atoms:
    """The smallest cell whose first two vectors are in the plane of these indices, which is the plane of x and y."""
    normal = np.array(indices) @ np.linalg.inv(cell.cell.array).T
    primitive = _primitive(cell)
    vectors = (np.indices((7, 7, 7)).reshape(3, -1).T - 3) @ primitive.cell.array
    vectors = vectors[np.lexsort((vectors @ [1.0, 0.1, 0.01], np.linalg.norm(vectors, axis=1).round(6)))][1:]
    heights = vectors @ normal
    flat = vectors[np.abs(heights) < 1e-6]
    a = flat[0]
    b = next(v for v in flat if np.linalg.norm(np.cross(a, v)) > 1e-6)
    c = vectors[heights > 1e-6][np.argmin(heights[heights > 1e-6].round(6))]
    b = b if np.linalg.det([a, b, c]) > 0 else -b
    return _turned(primitive, np.array([a, b, c]))


def _primitive(cell: Atoms) -> Atoms:
    """The reduced primitive cell, in the orientation of the conventional one."""
    found = spglib.standardize_cell(
        (cell.cell.array, cell.get_scaled_positions(), cell.numbers),
        to_primitive=True,
        no_idealize=True,
        symprec=SYMMETRY,
    )
    vectors, positions, numbers = found
    atoms = Atoms(numbers, scaled_positions=positions, cell=vectors, pbc=True)
    atoms.set_cell(spglib.niggli_reduce(atoms.cell.array))
    return atoms


def _turned(atoms: Atoms, vectors: np.ndarray) -> Atoms:
    """The crystal in a cell of these lattice vectors (3, 3), Å, turned so that the first two are in the plane of xy."""
    x = vectors[0] / np.linalg.norm(vectors[0])
    z = np.cross(vectors[0], vectors[1])
    z /= np.linalg.norm(z)
    axes = np.array([x, np.cross(z, x), z])
    return Atoms(atoms.numbers, atoms.positions @ axes.T, cell=vectors @ axes.T, pbc=True)


def _composition(atoms: Atoms) -> str:
    return atoms.symbols.formula.reduce()[0].format("hill")


def _system(atoms: Atoms) -> str:
    """The crystal system, a key of `INDICES`."""
    found = spglib.get_symmetry_dataset((atoms.cell.array, atoms.get_scaled_positions(), atoms.numbers), SYMMETRY)
    limits = ((195, "cubic"), (168, "hexagonal"), (143, "trigonal"), (75, "tetragonal"))
    return next((name for first, name in limits if found.number >= first), "other")


def _line(setting: Setting, subject: str, quantity: str, slab: Atoms, of_atom: float) -> Line:
    """The energy of the relaxed slab, and whether it gains so much in a larger cell that it eats the crystal."""
    what = f"the slab of {subject} with ({_face(quantity)}) surfaces"
    wide = slab.repeat((*MAY_RECONSTRUCT, 1))
    for atoms, rattle in ((slab, RATTLE), (wide, SHAKEN)):
        atoms.calc = setting.model.calculator()
        atoms.rattle(rattle, seed=setting.seed)
    settle(slab, what)
    value = surface_energy(slab, of_atom)
    if value > 0 and len(wide) <= MOST_ATOMS:
        settle(wide, what, must=False)
        if (reconstructed := surface_energy(wide, of_atom)) < 0:
            value = reconstructed
    if value < 0:
        text = f"{subject} gains energy by cutting it: its ({_face(quantity)}) surface has {value:.4g} mJ/m²"
        return condemn(Line(quantity, value, "mJ/m²"), crystal_named(setting, subject), text)
    return against(setting, subject, quantity, value, "mJ/m²", ENERGY_WARN, ENERGY_FAIL)


def surface_energy(slab: Atoms, of_atom: float) -> float:
    """(E − N e) / 2A of a slab, mJ/m², a mean if its sides are not equal; of_atom: energy e of the crystal, eV/atom."""
    area = np.linalg.norm(np.cross(*slab.cell[:2]))
    return float((energy(slab) - len(slab) * of_atom) / (2 * area) * 1e23 / units.J)  # 1e20 Å²/m², 1e3 mJ/J


def _plain(atoms: Atoms, name: str) -> Atoms:
    """Without the calculator, with a name."""
    copy = atoms.copy()
    copy.info["name"] = name
    return copy
