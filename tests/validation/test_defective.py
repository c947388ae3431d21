"""Slabs and vacancies in data are recognised, and their energies are references."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, surface
from ase.calculators.emt import EMT
from ase.optimize import BFGS

from snnp.data.frames import Frame
from snnp.validation.crystals import Crystal
from snnp.validation.defective import as_slab, is_vacancy
from snnp.validation.references import find_references
from snnp.validation.relaxation import relax
from snnp.validation.series import Series, find_series
from strained_data import deformed, frame

COPPER = bulk("Cu", a=3.59)


def slab_of(cell, indices, layers=4, rng=None):
    found = surface(cell, indices, layers, 7.0)
    found.pbc = True
    return found if rng is None else turned(found, rng)


def turned(atoms, rng):
    """The same in another orientation, place and order."""
    found = deformed(atoms, np.linalg.qr(rng.normal(size=(3, 3)))[0])
    found.positions += rng.normal(size=3)
    found = found[rng.permutation(len(found))]
    found.wrap()
    return found


@pytest.mark.parametrize("indices", [(1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0), (2, 1, 1), (3, 1, 1)])
@pytest.mark.parametrize("kind", ["fcc", "bcc", "diamond"])
def test_the_surface_of_a_slab_is_found(kind, indices):
    crystal = {"fcc": COPPER, "bcc": bulk("Mo", "bcc", a=3.17), "diamond": bulk("Si")}[kind]
    conventional = {"fcc": bulk("Cu", a=3.59, cubic=True), "bcc": bulk("Mo", "bcc", a=3.17, cubic=True),
                    "diamond": bulk("Si", cubic=True)}[kind]  # fmt: skip
    made = slab_of(conventional, indices, rng=np.random.default_rng(2))
    made.rattle(0.05, seed=3)  # as relaxation does
    found = as_slab(made, crystal)
    assert found.indices == indices
    # The volume of the cell is the area by its height, which is the vacuum and what the atoms take.
    heights = 1 / np.linalg.norm(np.linalg.inv(made.cell.array), axis=0)
    assert found.area * heights.max() == pytest.approx(made.get_volume())


def test_hexagonal_surfaces_have_their_names():
    magnesium = bulk("Mg", "hcp", a=3.2, c=5.2)
    for indices in ((0, 0, 1), (1, 0, 0), (1, 1, 0)):
        assert as_slab(slab_of(magnesium, indices), magnesium).indices == indices


def test_what_is_no_slab_of_the_crystal():
    assert as_slab(slab_of(bulk("Mo", "bcc", a=3.17, cubic=True), (1, 0, 0)), COPPER) is None  # another element
    assert as_slab(slab_of(bulk("Cu", "bcc", a=2.87, cubic=True), (1, 1, 1)), COPPER) is None  # another crystal
    assert as_slab(bulk("Cu", a=3.59, cubic=True).repeat(2), COPPER) is None  # no surface
    molten = slab_of(bulk("Cu", a=3.59, cubic=True).repeat((2, 2, 1)), (1, 0, 0))
    molten.rattle(0.8, seed=1)
    assert as_slab(molten, COPPER) is None


def test_vacancies_are_found_in_any_cell():
    rng = np.random.default_rng(4)
    for cell in (bulk("Cu", a=3.59, cubic=True).repeat(2), COPPER.repeat((3, 3, 4)), COPPER.repeat(3)):
        made = cell.copy()
        del made[5]
        assert is_vacancy(turned(made, rng), COPPER)
        assert not is_vacancy(turned(cell, rng), COPPER)
        made.positions[4] += [0.9, 0.9, 0.0]
        assert not is_vacancy(made, COPPER)


def test_energies_of_surfaces_and_vacancies_are_references():
    copper = relax(COPPER, EMT())
    bulk_energy, a = copper.get_potential_energy(), copper.cell.lengths()[0] * 2**0.5
    slab = slab_of(bulk("Cu", a=a, cubic=True), (1, 1, 0), 5)
    vacancy = bulk("Cu", a=a, cubic=True).repeat(2)
    del vacancy[0]
    unrelaxed = frame(slab_of(bulk("Cu", a=a, cubic=True), (2, 1, 0), 5))
    for atoms in (slab, vacancy):
        atoms.calc = EMT()
        BFGS(atoms, logfile=None).run(fmax=0.05)
    volumes = [frame(bulk("Cu", a=a * x)) for x in (0.98, 0.99, 1.0, 1.01, 1.02)]
    cluster = Frame(Atoms("Cu"), 3.5, np.zeros((1, 3)), None, "atom", "test.xyz:0")
    unknown = Frame(slab, np.nan, np.zeros((len(slab), 3)), None, "forces only", "test.xyz:1")
    frames = [*volumes, frame(slab), frame(vacancy), unrelaxed, cluster, unknown]
    series: list[Series] = find_series(frames)
    found = find_references(series, [Crystal("fcc Cu", copper, "data", bulk_energy)], frames)
    area = a * a * 2**0.5
    wanted = (slab.get_potential_energy() - len(slab) * bulk_energy) / (2 * area) * 16021.77
    # The energy of the crystal comes from its equation of state, to 0.1 meV/atom.
    assert found.get("fcc Cu", "surface energy (110)").value == pytest.approx(wanted, rel=5e-3)
    wanted = vacancy.get_potential_energy() - len(vacancy) * bulk_energy
    assert found.get("fcc Cu", "vacancy formation energy").value == pytest.approx(wanted, abs=5e-3)
    assert np.linalg.norm(unrelaxed.forces, axis=1).max() > 0.15
    assert found.get("fcc Cu", "surface energy (210)") is None
