"""Whether a crystal keeps its structure at high temperature, and how many atoms leave the training data's range."""

import re
import tempfile
from pathlib import Path

from ase.build import bulk
from ase.data import atomic_masses, atomic_numbers
from ase.io import write

from lammps_process import output

DECK = """
units metal
read_data start.data
{masses}
pair_style snnp extrapolation ignore
pair_coeff * * {file} {elements}
velocity all create {start} 1 loop geom
fix move all nvt temp {kelvin} {kelvin} 0.1
timestep 0.001
compute outside all pair snnp
compute moved all displace/atom
compute farthest all reduce max c_moved[4]
thermo_style custom step temp c_outside[2] c_farthest
run {steps}
print "result: $(c_outside[2]) $(c_farthest)"
"""


def heated(file: Path, cell: tuple[str, str, float], kelvin: float, picoseconds: float, cells: int = 3) -> dict:
    """Molecular dynamics of cells × cells × cells cubic cells at one temperature, with a step of 1 fs.

    cell: formula, lattice of ASE and cubic constant, Å. Returns the share of atoms outside the training data over all
    evaluations, percent, and the largest displacement of an atom from its site at the end, Å.
    """
    formula, lattice, constant = cell
    atoms = bulk(formula, lattice, a=constant, cubic=True).repeat(cells)
    elements = list(dict.fromkeys(atoms.get_chemical_symbols()))
    steps = round(1000 * picoseconds)
    deck = DECK.format(
        file=file,
        elements=" ".join(elements),
        masses="\n".join(f"mass {n} {atomic_masses[atomic_numbers[e]]}" for n, e in enumerate(elements, start=1)),
        start=2 * kelvin,  # equipartition with the lattice takes half
        kelvin=kelvin,
        steps=steps,
    )
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder, "start.data"), atoms, format="lammps-data", specorder=elements)
        printed = output(deck, folder, threads=1)
    outside, farthest = (float(word) for word in re.findall(r"^result: (\S+) (\S+)", printed, re.MULTILINE)[-1])
    share = 100 * outside / len(atoms) / (steps + 1)
    return {
        "kelvin": kelvin,
        "picoseconds": picoseconds,
        "atoms": len(atoms),
        "outside_percent": share,
        "largest_displacement_A": farthest,
    }
