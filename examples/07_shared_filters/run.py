"""One set of filters for several metals, and a metal with few data that starts from it.

python examples/07_shared_filters/run.py [--folder shared_filters_example] [--steps 600] [--frames 24] [--few 4]

The teachers are embedded-atom potentials that come with LAMMPS: Cu, Ag and Ni by Foiles, Baskes and Daw (1986), Al by
Zhou, Johnson and Wadley (2004). Cu, Ag and Ni are fitted together: filters in common, scaled by bond lengths, and φ and
a network for each. Then Al is fitted to a few frames, with filters of its own and with those of the others.
"""

import argparse
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import yaml
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

import snnp
from lammps import lammps
from snnp import config
from snnp.console import Log
from snnp.systems.run import run_systems

POTENTIALS = Path(find_spec("lammps").origin).parent / "share" / "lammps" / "potentials"
# Lattice constant, Å, and the commands of the teacher.
METALS = {
    "Cu": (3.615, "pair_style eam\npair_coeff 1 1 {folder}/Cu_u3.eam"),
    "Ag": (4.09, "pair_style eam\npair_coeff 1 1 {folder}/Ag_u3.eam"),
    "Ni": (3.52, "pair_style eam\npair_coeff 1 1 {folder}/Ni_u3.eam"),
    "Al": (4.05, "pair_style eam/alloy\npair_coeff * * {folder}/Al_zhou.eam.alloy Al"),
}
MODEL = {"two_body_filters": 4, "three_body_filters": 6, "hidden": [12, 12], "pair_knots": 11, "radial_knots": 9}


def make_frames(metal: str, count: int, seed: int) -> list[Atoms]:
    """Labelled fcc cells of 32 or 31 atoms: strained, with atoms displaced as at 300 K to beyond melting."""
    rng = np.random.default_rng(seed)
    constant, pair = METALS[metal]
    frames = []
    for n in range(count):
        atoms = bulk(metal, "fcc", a=constant, cubic=True).repeat(2)
        deformation = np.eye(3) + np.tril(rng.uniform(-0.04, 0.04, (3, 3)))
        atoms.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
        atoms.positions += rng.normal(scale=constant * (0.015, 0.03, 0.04)[n % 3], size=atoms.positions.shape)
        if n % 4 == 3:
            del atoms[0]
        frames.append(label(atoms, pair.format(folder=POTENTIALS)))
    return frames


def label(atoms: Atoms, pair: str) -> Atoms:
    """The frame with energy and forces of the teacher."""
    lmp = lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
    a, b, c = atoms.cell.array
    lmp.commands_string(f"""
        units metal
        atom_modify map array
        box tilt large
        region box prism 0 {a[0]} 0 {b[1]} 0 {c[2]} {b[0]} {c[0]} {c[1]}
        create_box 1 box
        mass 1 1.0
        {pair}
    """)
    n = len(atoms)
    lmp.create_atoms(n, np.arange(1, n + 1), np.ones(n, dtype=int), atoms.positions.ravel())
    lmp.command("run 0 post no")
    labelled = Atoms(atoms.symbols, np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3), cell=atoms.cell, pbc=True)
    forces = np.array(lmp.gather_atoms("f", 1, 3)).reshape(-1, 3)
    labelled.calc = SinglePointCalculator(labelled, energy=lmp.get_thermo("pe"), forces=forces)
    lmp.close()
    return labelled


def fit_together(metals: list[str], arguments: argparse.Namespace) -> None:
    """Potentials of the metals, and all.filters.snnp, in the folder."""
    for seed, metal in enumerate(metals):
        write(arguments.folder / f"{metal}.xyz", make_frames(metal, arguments.frames, seed), format="extxyz")
    settings = {
        "systems": {"data": {metal: {"train": [f"{metal}.xyz"]} for metal in metals}},
        "model": MODEL,
        "training": {"steps": arguments.steps},
        "output": "all.filters.snnp",
        "validate": "off",
    }
    path = arguments.folder / "systems.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False))
    run_systems(config.load(path), Log(), restart=True)


def main() -> None:
    """Fits the metals together, then aluminium."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("shared_filters_example"))
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--frames", type=int, default=24, help="of each metal that is fitted together with others")
    parser.add_argument("--few", type=int, default=4, help="frames of Al")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    fit_together(["Cu", "Ag", "Ni"], arguments)

    train, test = make_frames("Al", arguments.few, 10), make_frames("Al", 20, 11)
    filters = arguments.folder / "all.filters.snnp"
    ways = {
        "of its own": MODEL,
        "of the others, trained further": {"hidden": MODEL["hidden"], "filters": str(filters)},
        "of the others, frozen": {"hidden": MODEL["hidden"], "filters": {"file": str(filters), "freeze": True}},
    }
    print(f"\nAl, fitted to {arguments.few} frames; errors on 20 others\n{'filters':32} meV/atom      eV/Å")
    for name, model in ways.items():
        settings = {"training": {"steps": arguments.steps}, "progress": False}
        errors = snnp.fit(train, test=test, model=model, **settings).errors["test"].all
        print(f"{name:32} {errors.energy[0]:8.2f} {errors.force[0]:9.4f}", flush=True)


if __name__ == "__main__":
    main()
