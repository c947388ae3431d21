"""The potentials of this repository load, describe atoms that bind, and repel at short range."""

from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.md.verlet import VelocityVerlet
from ase.units import fs, kB

import snnp

POTENTIALS = sorted(
    path for path in (Path(__file__).parents[2] / "potentials").glob("*.snnp") if not path.stem.endswith(".filters")
)
# Crystals at their experimental lattice constants, Å.
CRYSTALS = {
    "Mo": bulk("Mo", "bcc", a=3.147),
    "Si": bulk("Si", "diamond", a=5.431),
    "Cu": bulk("Cu", "fcc", a=3.615),
    "Li": bulk("Li", "bcc", a=3.51),
}
# Hot, but solid, K.
HOT = {"Mo": 1500, "Si": 1000, "Cu": 900, "Li": 300}


def test_every_potential_has_a_crystal_here():
    assert {path.stem for path in POTENTIALS} == set(CRYSTALS)


@pytest.mark.parametrize("path", POTENTIALS, ids=lambda path: path.stem)
def test_crystal_is_stable_against_a_change_of_volume(path):
    """The energy is convex about a lattice constant within a few percent of experiment."""
    calculator = snnp.load(path)
    strains = np.linspace(-0.04, 0.04, 17)
    energies = []
    for strain in strains:
        crystal = CRYSTALS[path.stem].copy()
        crystal.set_cell(crystal.cell.array * (1 + strain), scale_atoms=True)
        crystal.calc = calculator
        energies.append(crystal.get_potential_energy() / len(crystal))
    lowest = int(np.argmin(energies))
    assert 0 < lowest < len(strains) - 1
    assert (np.diff(energies, 2) > 0).all()


@pytest.mark.parametrize("path", POTENTIALS, ids=lambda path: path.stem)
def test_nothing_fails_in_the_quick_checks_of_statics_and_random_structures(path, tmp_path):
    crystal = CRYSTALS[path.stem]
    ase.io.write(tmp_path / "crystal.cif", crystal)
    only = ["equation_of_state", "elastic", "dimers", "trimers", "phases", "search"]
    record = snnp.validate(path, crystals=[str(tmp_path / "crystal.cif")], only=only, level="quick", threads=1)
    assert {item.check for item in record.outcomes} == set(only)
    assert not [sentence for verdict, _, sentence in record.complaints if verdict.value == "fail"]


@pytest.mark.parametrize("path", POTENTIALS, ids=lambda path: path.stem)
def test_two_atoms_closer_than_in_the_data_repel_down_to_a_third_of_an_angstrom(path):
    calculator = snnp.load(path)
    potential = calculator.potential
    for a, first in enumerate(calculator.elements):
        for b in range(a, len(calculator.elements)):
            shortest = potential.pairs[potential.pair_index(a, b)].shortest
            for r in np.linspace(0.3, 0.95 * shortest, 30):
                dimer = Atoms([first, calculator.elements[b]], [[0, 0, 0], [r, 0, 0]])
                dimer.calc = calculator
                force = dimer.get_forces()[1, 0]
                assert np.isfinite(force)
                assert force > 0, f"{first} {calculator.elements[b]} at {r:.2f} Å"


@pytest.mark.parametrize("path", POTENTIALS, ids=lambda path: path.stem)
def test_hot_crystal_stays_a_crystal(path):
    """A fit that is accurate on its data may still explode where they do not reach; heat finds such places."""
    crystal = CRYSTALS[path.stem].repeat(4)
    crystal.calc = snnp.load(path)
    # Equipartition takes half of the kinetic energy of the start.
    thermal = np.sqrt(crystal.get_masses() * kB * 2 * HOT[path.stem])
    crystal.set_momenta(thermal[:, None] * np.random.default_rng(0).normal(size=(len(crystal), 3)))
    sites = crystal.positions.copy()
    before = crystal.get_total_energy()
    VelocityVerlet(crystal, 2 * fs).run(250)
    # Velocity Verlet keeps the energy to (ω dt)² of the thermal one: some meV per atom at most.
    assert abs(crystal.get_total_energy() - before) / len(crystal) < 0.005
    moved = crystal.positions - sites
    assert np.linalg.norm(moved - moved.mean(0), axis=1).max() < 1.5  # Å
    assert 0.5 * HOT[path.stem] < crystal.get_temperature() < 1.5 * HOT[path.stem]
