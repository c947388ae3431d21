"""What more elements cost with shared filters, for the same atoms: parameters, memory, steps of a fit, forces.

    python benchmarks/elements.py [--elements 2 4 8 12] [--turns 5] [--folder build/elements] [--store]

Data are random bcc alloys of 54 atoms in a cell, shaken, with labels of a teacher of second moments: repulsive pairs,
and the root of a sum over neighbours. A step takes 4 of them, on one thread. Numbers of elements take turns, some
steps each, so that what else the machine does slows down all alike. The folder keeps the data, for
`python benchmarks/training.py build/elements/12.xyz --shared --against other/bin/python` and for fits. --store: writes
docs/results/more_elements.json.
"""

import argparse
import time
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from vesin import NeighborList

from records import rounded, store
from snnp import _core
from snnp.data.neighbors import structures
from training import FIRST, optimizer_of, started

# Some with atoms of about one size: all have about as many neighbours.
ELEMENTS = ["V", "Cr", "Fe", "Mo", "W", "Nb", "Ta", "Ti", "Mn", "Co", "Ni", "Re"]
CUTOFF = 6.0  # Å, of the teacher
STEPS = 50  # in one turn: the optimiser's bases are brought up to date once in them
FRAMES = 60


class Teacher:
    """E_i = Σ_j ½ A exp(−p (r/d − 1)) − √(Σ_j ξ² exp(−2 q (r/d − 1))), with A, ξ (eV), d (Å) and q means of those of
    both elements, times a switch that ends at the cutoff (Rosato, Guillope, Legrand, Philos. Mag. A 59, 321 (1989)).
    """

    def __init__(self, seed: int = 0):
        rng = np.random.default_rng(seed)
        lowest, highest = [0.08, 1.0, 2.5, 1.8], [0.16, 1.6, 2.7, 2.4]
        self.of_element = rng.uniform(lowest, highest, (len(ELEMENTS), 4))

    def label(self, atoms: Atoms) -> Atoms:
        """The same with energy, forces and stress."""
        kinds = np.array([ELEMENTS.index(symbol) for symbol in atoms.symbols])
        find = NeighborList(cutoff=CUTOFF, full_list=True).compute
        i, j, vectors = find(points=atoms.positions, box=atoms.cell.array, periodic=True, quantities="ijD")
        A, xi, d, q = ((self.of_element[kinds[i]] + self.of_element[kinds[j]]) / 2).T
        r = np.linalg.norm(vectors, axis=1)
        switch, slope = (1 - (r / CUTOFF) ** 2) ** 2, -4 * r / CUTOFF**2 * (1 - (r / CUTOFF) ** 2)
        pair, bond = A * np.exp(-10 * (r / d - 1)), xi**2 * np.exp(-2 * q * (r / d - 1))
        density = np.bincount(i, bond * switch, len(atoms))
        by_pair = pair * (slope - 10 / d * switch) / 2
        by_bond = bond * (slope - 2 * q / d * switch)
        by_vector = ((by_pair - 0.5 * by_bond / np.sqrt(density[i])) / r)[:, None] * vectors
        forces = np.stack([np.bincount(i, x, len(atoms)) - np.bincount(j, x, len(atoms)) for x in by_vector.T], axis=1)
        stress = (vectors.T @ by_vector / atoms.get_volume()).ravel()[[0, 4, 8, 5, 2, 1]]
        energy = (pair * switch).sum() / 2 - np.sqrt(density).sum()
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=stress)
        return atoms


def frames(elements: int, count: int, seed: int = 0) -> list[Atoms]:
    """Random alloys of so many elements, as many atoms of each as far as possible."""
    rng, teacher, made = np.random.default_rng([elements, seed]), Teacher(), []
    for _ in range(count):
        atoms = bulk("V", "bcc", a=3.0, cubic=True).repeat(3)
        atoms.symbols = rng.permutation([ELEMENTS[n % elements] for n in range(len(atoms))])
        atoms.set_cell(atoms.cell @ (np.eye(3) + rng.uniform(-0.03, 0.03, (3, 3))), scale_atoms=True)
        atoms.positions += rng.normal(0, rng.choice([0.03, 0.1, 0.2]), (len(atoms), 3))
        made.append(teacher.label(atoms))
    return made


class Run:
    """A fit with so many elements, at its first steps."""

    def __init__(self, elements: int, folder: Path):
        data, potential = folder / f"{elements}.xyz", folder / f"{elements}.snnp"
        ase.io.write(data, frames(elements, FRAMES))
        self.model, known = started(data, 1, FRAMES, elements="shared")
        self.optimizer = optimizer_of(self.model, known, 1)
        self.gradient = 0.0
        self.optimizer.gradient = self._timed(self.optimizer.gradient)
        written = self.model.potential(" DATE: none")
        _core.write_potential(written, potential)
        self.file, self.engine = potential, _core.Engine(written)
        self.cell = structures([ase.io.read(data).repeat(2)], self.model.shape.elements, written.cutoff())
        for _ in range(FIRST):
            self.optimizer._one_step()

    def turn(self) -> list[float]:
        """ms of a step, of its gradient, and µs of energies and forces per atom."""
        self.gradient, begun = 0.0, time.process_time()
        for _ in range(STEPS):
            self.optimizer._one_step()
        step = time.process_time() - begun
        begun = time.process_time()
        for _ in range(10):
            self.engine.evaluate(self.cell, 1)
        use = time.process_time() - begun
        return [1e3 * step / STEPS, 1e3 * self.gradient / STEPS, 1e5 * use / len(self.cell)]

    def sizes(self) -> dict:
        """That do not depend on the machine."""
        return {
            "parameters": sum(p.numel() for p in self.optimizer.adam.parameters),
            "optimiser_MB": self.optimizer.adam.memory() / 1e6,
            "file_MB": self.file.stat().st_size / 1e6,
        }

    def _timed(self, gradient):
        def timed(*arguments):
            begun = time.process_time()
            value = gradient(*arguments)
            self.gradient += time.process_time() - begun
            return value

        return timed


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", nargs="+", type=int, default=[2, 4, 8, 12])
    parser.add_argument("--turns", type=int, default=5, help="of each")
    parser.add_argument("--folder", type=Path, default=Path("build/elements"), help="where data go")
    parser.add_argument("--store", action="store_true", help="write docs/results/more_elements.json")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    runs = {n: Run(n, arguments.folder) for n in arguments.elements}
    times = np.array([[run.turn() for run in runs.values()] for _ in range(arguments.turns)])
    names = ("step_ms", "gradient_ms", "use_us_per_atom")
    found = {
        str(n): run.sizes() | dict(zip(names, map(float, median), strict=True))
        for (n, run), median in zip(runs.items(), np.median(times, axis=0), strict=True)
    }
    print("|  | " + " | ".join(found) + " |\n|---|" + "---|" * len(found))
    for name in next(iter(found.values())):
        print(f"| {name} | " + " | ".join(f"{one[name]:.4g}" for one in found.values()) + " |")
    if arguments.store:
        store("more_elements", "python benchmarks/elements.py --store", rounded(found, 4))


if __name__ == "__main__":
    main()
