"""Symmetry of crystals: what it leaves free, and relaxation of just that."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator
from ase.calculators.emt import EMT
from ase.filters import FrechetCellFilter
from ase.optimize import BFGS

from snnp.validation.relaxation import relax
from snnp.validation.symmetry import Symmetry, from_mandel, mandel


@pytest.mark.parametrize(
    ("atoms", "strains", "displacements", "elastic", "third_order"),
    # Numbers of elastic constants of each order: Brugger, J. Appl. Phys. 36, 759 (1965).
    [
        (bulk("Cu"), 1, 0, 3, 6),
        (bulk("Cu", "hcp", a=2.55, c=4.1), 2, 0, 5, 10),
        (bulk("ZnS", "wurtzite", a=3.8), 2, 1, 5, 10),
        (bulk("In", "bct", a=3.2, c=4.9), 2, 0, 6, 12),
        (Atoms("Al", cell=[2.5, 2.7, 3.1], pbc=True), 3, 0, 9, 20),
        (Atoms("AlCu", [[0, 0, 0], [0.7, 1.1, 1.6]], cell=[[2.5, 0, 0], [0.3, 2.7, 0], [0.4, 0.5, 3.1]], pbc=True),
         6, 3, 21, 56),
    ],
)  # fmt: skip
def test_a_symmetry_leaves_as_many_constants_as_tables_say(atoms, strains, displacements, elastic, third_order):
    symmetry = Symmetry.of(atoms)
    found = [symmetry.strains(), symmetry.displacements(), symmetry.tensors(2), symmetry.tensors(3)]
    assert [len(basis) for basis in found] == [strains, displacements, elastic, third_order]


def test_mandel_vectors_keep_lengths_and_turn_with_space():
    rng = np.random.default_rng(1)
    strain = rng.normal(size=(3, 3))
    strain += strain.T
    assert np.allclose(from_mandel(mandel(strain)), strain, atol=1e-15)
    assert np.isclose(mandel(strain) @ mandel(strain), (strain * strain).sum())
    symmetry = Symmetry.of(bulk("ZnS", "wurtzite", a=3.8))
    for rotation, turn in zip(symmetry.rotations, symmetry.mandel_rotations, strict=True):
        assert np.allclose(turn @ mandel(strain), mandel(rotation @ strain @ rotation.T), atol=1e-12)


@pytest.mark.parametrize("atoms", [bulk("Cu", a=3.4), bulk("Cu", "hcp", a=2.5), bulk("Cu", "bcc", a=3.0)])
def test_relaxation_ends_where_a_free_one_does(atoms):
    found = relax(atoms, EMT())
    assert np.abs(found.get_stress()).max() < 1e-5  # eV/Å³, what `relax` promises
    free = atoms.copy()
    free.calc = EMT()
    with BFGS(FrechetCellFilter(free), logfile=None) as run:
        assert run.run(fmax=1e-4, steps=200)
    # Both are at rest to 1e-4 eV/Å, where energies of a few eV/Å² differ by far less than this.
    assert np.isclose(found.get_potential_energy(), free.get_potential_energy(), atol=1e-6)


def test_positions_that_symmetry_leaves_free_are_relaxed():
    atoms = bulk("CuAu", "wurtzite", a=4.0, u=0.36)
    found = relax(atoms, EMT())
    assert np.abs(found.get_forces()).max() < 1e-4  # eV/Å
    assert Symmetry.of(found).number == 186


class _Slope(Calculator):
    """Energy that falls with the volume without end."""

    implemented_properties = ["energy", "forces", "stress"]

    def calculate(self, atoms=None, properties=("energy",), system_changes=()):
        super().calculate(atoms, properties, system_changes)
        self.results = {
            "energy": -0.1 * atoms.get_volume(),
            "forces": np.zeros((len(atoms), 3)),
            "stress": np.array([-0.1] * 3 + [0.0] * 3),
        }


def test_a_crystal_that_flies_apart_has_no_relaxed_state():
    assert relax(bulk("Cu"), _Slope()) is None


def test_atoms_on_each_other_are_no_crystal():
    atoms = Atoms("Cu2", cell=[3, 3, 3], pbc=True)
    assert relax(atoms, EMT()) is None
