"""The domain of the data: atoms like those of the data are inside, those of a crystal that has flown apart are not."""

import numpy as np
import pytest

import snnp
import support
from snnp import _core
from snnp.data.neighbors import structures
from snnp.models.domain import set_domain


def silicon_with_a_domain(cells):
    potential = support.silicon()
    cutoff = potential.cutoff()
    set_domain(potential, [structures([atoms], ["Si"], cutoff) for atoms in cells], 1)
    return potential


def warm(volume, seed, shaken=0.1):
    """Silicon in 216 atoms of this volume by that at rest, each displaced by about `shaken` (Å)."""
    atoms = support.bulk("Si", a=5.43, cubic=True) * 3
    atoms.set_cell(atoms.cell * volume ** (1 / 3), scale_atoms=True)
    atoms.rattle(shaken, seed=seed)
    return atoms


def marks(potential, atoms):
    return _core.Engine(potential).evaluate(structures([atoms], ["Si"], potential.cutoff()), 1)["outside"]


@pytest.fixture(scope="module")
def potential():
    return silicon_with_a_domain([warm(volume, seed) for seed, volume in enumerate((0.9, 0.95, 1.0, 1.05, 1.1))])


def test_atoms_of_the_data_and_others_like_them_are_inside(potential):
    assert (marks(potential, warm(0.9, 0)) < 4).all()
    assert np.mean(marks(potential, warm(1.02, 99)) >= 4) < 0.01


@pytest.mark.parametrize("volume", [2.0, 4.0, 8.0])
def test_atoms_of_a_crystal_that_flies_apart_are_outside(potential, volume):
    """Filters do not tell: their values are between those in the data and zero, which is in their range here."""
    element = potential.elements[0]
    element.lowest, element.highest = [0.0, 0.0], [1e3, 1e3]
    potential.elements = [element]
    assert (marks(potential, warm(volume, 1)) == 4).all()


def test_a_gap_between_numbers_of_neighbours_is_no_range():
    """Data of a crystal and of an isolated atom say nothing of what is in between."""
    alone = support.Atoms("Si", cell=[20, 20, 20], pbc=True)
    potential = silicon_with_a_domain([warm(1.0, 0), alone])
    ranges = potential.elements[0].energies
    assert (ranges[0].first, ranges[0].last) == (0, 0)
    assert ranges[0].lowest < 0 < ranges[0].highest  # less e0
    assert ranges[1].first > 1
    dimer = support.Atoms("Si2", [[0, 0, 0], [2.4, 0, 0]], cell=[20, 20, 20], pbc=True)
    assert not marks(potential, alone).any() and marks(potential, dimer).all()


def test_the_domain_is_in_the_file_and_energies_of_isolated_atoms_do_not_matter(potential):
    text = _core.format_potential(potential)
    assert "\nsnnp 3\n" in text
    again = _core.parse_potential(text, "Si.snnp")
    known = [(r.first, r.last, r.lowest, r.highest) for r in potential.elements[0].energies]
    assert [(r.first, r.last, r.lowest, r.highest) for r in again.elements[0].energies] == known
    atoms = warm(1.5, 3)
    before = marks(again, atoms)
    element = again.elements[0]
    element.e0 = 7.0
    again.elements = [element]
    assert np.mean(before > 0) > 0 and (marks(again, atoms) == before).all()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("energies Si 1\n3 2 -1 0", "ranges of numbers of neighbours in rising order"),
        ("energies Si 2\n0 5 -1 0\n5 6 -1 0", "ranges of numbers of neighbours in rising order"),
        ("energies Si 1\n0 5 0 -1", "must be finite and end above its start"),
        ("energies Si 2\n0 5 0 1", "from to lowest highest"),
        ("energies Si 0", "whole number from 1"),
        ("energies Si 1\n0 200000 0 1", "up to 100000"),
        ("energies Ge 1\n0 5 0 1", "one of the elements of this file"),
    ],
)
def test_wrong_energies_are_refused_by_their_line(lines, expected):
    text = _core.format_potential(support.silicon())
    text = text[: text.rindex("end ")].replace("\ncore", f"\n{lines}\ncore", 1) + "end\n"
    text = text.replace("\nsnnp 2\n", "\nsnnp 3\n", 1)
    number = text[: text.index("\nenergies")].count("\n") + 2
    with pytest.raises(snnp.Error, match=expected) as error:
        _core.parse_potential(text, "Si.snnp")
    assert int(str(error.value).split(":")[1]) in range(number, number + 4)
