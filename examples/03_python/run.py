"""A fit in Python from beginning to end: structures in memory, two kinds of model, errors, functions, a picture.

python examples/03_python/run.py [--folder python_example] [--frames 6] [--steps 300]

Data are made with Stillinger-Weber silicon in LAMMPS, so that it is known what comes out: a pair potential cannot hold
a diamond crystal together, a model with angles can.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from ase.build import bulk
from ase.eos import EquationOfState

import snnp

sys.path.insert(0, str(Path(__file__).parents[1] / "01_quickstart"))
from teacher import make_data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("python_example"))
    parser.add_argument("--frames", type=int, default=6, help="structures of each kind")
    parser.add_argument("--steps", type=int, default=300, help="training steps")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)

    silent = lambda kind: None  # noqa: E731
    train, test = make_data(arguments.frames, 1, tick=silent), make_data(2, 2, tick=silent)
    cutoffs = {"pair_cutoff": 4.5}
    pair = snnp.fit(train, test=test, model={"kind": "pair", **cutoffs}, progress=False)
    network = snnp.fit(
        train,
        test=test,
        output=arguments.folder / "Si.snnp",
        model={"three_body_filters": 4, "three_body_cutoff": 3.8, **cutoffs},
        training={"steps": arguments.steps},
        restart=True,
        progress=False,
    )
    for name, fitted in (("pair", pair), ("s-NNP", network)):
        errors = fitted.errors["test"].all
        print(f"{name:6}  energy {errors.energy[0]:7.2f} meV/atom  force {errors.force[0]:.4f} eV/Å")

    potential = snnp.Potential.read(arguments.folder / "Si.snnp")
    r = np.linspace(2.2, 4.5, 6)
    print("φ(r), eV:", "  ".join(f"{x:.1f} Å {y:+.3f}" for x, y in zip(r, potential.phi("Si", "Si")(r), strict=True)))
    potential.plot().savefig(arguments.folder / "functions.png", dpi=120)

    volumes, energies = [], []
    for a in np.linspace(5.2, 5.7, 9):
        atoms = bulk("Si", "diamond", a=a)
        atoms.calc = potential.calculator()
        volumes.append(atoms.get_volume())
        energies.append(atoms.get_potential_energy())
    volume, energy, modulus = EquationOfState(volumes, energies, "birchmurnaghan").fit()
    print(f"diamond: a = {(4 * volume) ** (1 / 3):.3f} Å, {energy / 2:.3f} eV/atom, B = {modulus * 160.2177:.0f} GPa")


if __name__ == "__main__":
    main()
