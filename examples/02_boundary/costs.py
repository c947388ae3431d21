"""Time per atom and step of several potentials in LAMMPS on one thread."""

import re
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.build import bulk, make_supercell
from ase.data import atomic_masses, atomic_numbers
from potentials import Point, program, run

DECK = """
units metal
read_data {data}
mass 1 {mass}
neighbor 1.0 bin
{pair}
velocity all create 300 4928459
fix nve all nve
run {warmup}
run {steps}
"""


def measure(points: list[Point], crystal: Atoms, folder: Path, rounds: int, atom_steps: float) -> None:
    """Sets the costs: the best of some rounds, in each of which all potentials run one after the other."""
    data = folder / "crystal.data"
    ase.io.write(data, crystal, format="lammps-data")
    mass = atomic_masses[atomic_numbers[crystal.get_chemical_symbols()[0]]]
    steps = max(round(atom_steps / len(crystal)), 5)
    costs: dict[str, list[float]] = {point.name: [] for point in points}
    for n in range(rounds):
        for point in points:
            # Enough steps that fast styles are not all start, few enough that slow ones end.
            count = steps if n == 0 else max(round(2e6 * atom_steps / 1e5 / min(costs[point.name]) / len(crystal)), 5)
            deck = DECK.format(data=data, mass=mass, pair=point.pair, warmup=2, steps=count)
            (folder / "in.cost").write_text(deck)
            output = run(program("lmp"), "-in", folder / "in.cost", "-log", "none", threads=1)
            seconds = float(re.findall(r"Loop time of (\S+)", output)[-1])
            costs[point.name].append(1e6 * seconds / len(crystal) / count)
        print(f"   round {n + 1} of {rounds}", flush=True)
    for point in points:
        point.cost = min(costs[point.name])


def block(element: str, atoms: int) -> Atoms:
    """About so many atoms of the element's crystal in a nearly cubic box."""
    cubic = bulk(element, cubic=True) if element != "Ti" else bulk(element, orthorhombic=True)
    edge = (atoms * cubic.get_volume() / len(cubic)) ** (1 / 3)
    return make_supercell(cubic, np.diag([max(round(edge / length), 1) for length in cubic.cell.lengths()]))
