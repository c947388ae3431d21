"""The boundary between classical and machine-learned potentials: error against cost of every kind of model.

    python examples/02_boundary/run.py [train.xyz --test test.xyz] [--folder boundary]

Every kind is fitted to the same data by the same command, then all run the same crystal in LAMMPS on one thread, in
turn. The s-MEAM and the UF3 potential also run in LAMMPS' own pair styles, from exported files, and where LAMMPS comes
with SNAP potentials for the element (Zuo et al., J. Phys. Chem. A 124, 731 (2020)), these are evaluated and timed, too;
their errors can be compared with ours only on the data set they were fitted to. Without arguments the data are those
of the first example, made by the potential of Stillinger and Weber.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

import ase.io
from costs import block, measure
from picture import draw
from potentials import KINDS, LAMMPS_STYLES, exported, fit, fits, fitted, lammps_errors, snap, table

EXAMPLES = Path(__file__).parents[1]


def main() -> None:
    args = arguments()
    folder = args.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    train, test = (args.train, args.test) if args.train else teacher_data(folder, args.frames)
    element = element_of(train)

    points = []
    for name, settings in fits(args.kinds, args.filters, args.set).items():
        print(f"fit of {name}", flush=True)
        fit(folder / f"{name}.snnp", settings, train, test)
        points.append(fitted(folder / f"{name}.snnp", test, element))
    points += [exported(p, folder / f"{p.name}.snnp", folder, element) for p in points if p.name in LAMMPS_STYLES]
    for point in snap(element) if args.train else []:
        errors = lammps_errors(point.pair, [element], ase.io.read(train, ":"), ase.io.read(test, ":"))
        point.energy, point.force = errors["energy_mae_meV_per_atom"], errors["force_mae_eV_per_A"]
        points.append(point)
    print("costs", flush=True)
    measure(points, block(element, args.atoms), folder, args.rounds, args.atom_steps)

    (folder / "boundary.json").write_text(json.dumps([asdict(p) for p in points], indent=2) + "\n")
    title = f"{element}: error and cost of every kind of model, all fitted to the same data"
    draw(points, title).savefig(folder / "boundary.png", dpi=200)
    print(table(points, element))
    print(f"picture: {folder / 'boundary.png'}")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path, nargs="?", help="frames of one element, any format that ASE reads")
    parser.add_argument("--test", type=Path, help="frames that errors are measured on")
    parser.add_argument("--folder", type=Path, default=Path("boundary"), help="where results go")
    parser.add_argument("--kinds", nargs="*", choices=list(KINDS), default=list(KINDS), help="other than s-NNP")
    parser.add_argument("--filters", type=int, nargs="+", default=[2, 4, 8, 16], help="three-body filters of s-NNP")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for the fits of s-NNP")
    parser.add_argument("--frames", type=int, default=10, help="of each of five kinds, if no data are given")
    parser.add_argument("--atoms", type=int, default=2000, help="in the crystal that costs are measured on")
    parser.add_argument("--rounds", type=int, default=3, help="of measurements of costs")
    parser.add_argument("--atom-steps", type=float, default=1e5, help="of the first round")
    args = parser.parse_args()
    if (args.train is None) != (args.test is None):
        parser.error("give both training and test data, or none")
    return args


def element_of(train: Path) -> str:
    """The element of a data set that has one only."""
    elements = {symbol for atoms in ase.io.read(train, ":") for symbol in atoms.get_chemical_symbols()}
    if len(elements) != 1:
        sys.exit(f"{train}: expected one element, found {' '.join(sorted(elements))}")
    return elements.pop()


def teacher_data(folder: Path, frames: int) -> tuple[Path, Path]:
    """Training and test data of the first example."""
    sys.path.insert(0, str(EXAMPLES / "01_quickstart"))
    from teacher import make_data

    train, test = folder / "train.xyz", folder / "test.xyz"
    if not test.exists():
        ase.io.write(train, make_data(frames, seed=1, tick=lambda kind: None))
        ase.io.write(test, make_data(max(frames // 3, 1), seed=2, tick=lambda kind: None))
    return train, test


if __name__ == "__main__":
    main()
