"""What the data show of how elements meet: rare triples, pairs that keep their distance, and where cores begin."""

from itertools import pairwise

import numpy as np
import pytest
from ase import Atoms
from ase.data import atomic_numbers, covalent_radii

from snnp.data.combinations import distant_pairs, listed, rare_triples
from snnp.data.distances import survey
from snnp.data.frames import Frame
from snnp.kinds.snnp import Snnp, SnnpConfig
from snnp.models.shape import own_parts, unordered_pairs


def surveyed(elements, *molecules):
    """Distances in molecules along a line, each given by its symbols and positions, Å."""
    frames = []
    for symbols, x in molecules:
        atoms = Atoms(symbols, positions=[(position, 0, 0) for position in x])
        frames.append(Frame(atoms, 0.0, np.zeros((len(atoms), 3)), None, "molecules", "here"))
    return survey(frames, elements)


def bond(a, b):
    return covalent_radii[atomic_numbers[a]] + covalent_radii[atomic_numbers[b]]


def test_core_of_one_element_begins_at_its_shortest_distance():
    """To the last digit, whatever it is: the rule for several elements is no change for one."""
    for symbol, distance in (("Mo", 1.7), ("Mo", 1.9123456789), ("Mo", 2.2), ("Ar", 3.3)):
        found = surveyed([symbol], (f"{symbol}2", [0, distance]))
        assert found.core_radii() == found.shortest.tolist()


def test_pair_seen_from_a_distance_gets_the_core_of_its_elements():
    """Mo and Ta come to 0.6 of their bond lengths among themselves, but were seen together at rest only."""
    close = 0.6
    mo, ta = close * bond("Mo", "Mo"), close * bond("Ta", "Ta")
    found = surveyed(["Mo", "Ta"], ("Mo2", [0, mo]), ("Ta2", [0, ta]), ("MoTa", [0, 2.7]))
    assert found.core_radii() == pytest.approx([mo, close * bond("Mo", "Ta"), ta])
    assert distant_pairs(found, like=False) == {"Mo-Ta": pytest.approx(2.7)}
    assert distant_pairs(found, like=True) == {}


def test_core_never_touches_the_data_and_exists_for_pairs_never_seen():
    rng = np.random.default_rng(0)
    elements = ["C", "Mg", "Cu", "Au"]
    for _ in range(20):
        pairs = [ab for ab in unordered_pairs(4) if rng.random() < 0.6]
        molecules = [([elements[a], elements[b]], [0, rng.uniform(1.0, 4.5)]) for a, b in pairs]
        found = surveyed(elements, *molecules, ("C2", [0, 1.3]))
        cores, seen = np.array(found.core_radii()), ~np.isnan(found.shortest)
        assert np.all(cores[seen] <= found.shortest[seen] * (1 + 1e-12))
        assert np.all(cores > 0)


def test_core_of_a_close_dimer_of_one_element_leaves_pairs_of_others_alone():
    crystal = ("Cu2", [0, 2.4]), ("Au2", [0, 2.6]), ("CuAu", [0, 2.5])
    before = surveyed(["C", "Cu", "Au"], *crystal).core_radii()
    after = surveyed(["C", "Cu", "Au"], *crystal, ("C2", [0, 0.9])).core_radii()
    of_others = [n for n, (a, _) in enumerate(unordered_pairs(3)) if a > 0]
    assert [after[n] for n in of_others] == [before[n] for n in of_others]


def test_triples_are_counted_by_the_atoms_that_have_both_neighbours():
    found = surveyed(["Cu", "Au"], *[("CuAuAu", [-2.5, 0, 2.5])] * 300)
    # Ends see each other at 5 Å, which is where neighbours end.
    assert rare_triples(found) == {
        "Cu(Cu Cu)": 0,
        "Cu(Cu Au)": 0,
        "Cu(Au Au)": 0,
        "Au(Cu Cu)": 0,
        "Au(Au Au)": 0,
    }
    assert found.triples[1, 1] == 300


def test_list_for_the_log_is_short():
    assert listed({"Mo-Ta": 2.7, "Mo-W": float("nan")}, "Å") == "Mo-Ta 2.7 Å, Mo-W never"
    assert listed({f"X{n}": 0 for n in range(30)}, "atoms").endswith("X11 never and 18 more")


@pytest.mark.parametrize(
    ("elements", "molecules", "choice"),
    [
        (["Cu"], [("Cu4", [0, 2, 4, 6])], "separate"),
        (["Cu", "Au"], [(m, [-2.2, 0, 2.2]) for m in ("Cu3", "Au3")] * 300, "shared"),
        (["Al", "Cu", "Au"], [("AlCuAu", [0, 2, 4])], "shared"),
    ],
    ids=["one element", "elements that never meet", "three elements"],
)
def test_filters_are_shared_where_data_do_not_show_all(elements, molecules, choice):
    found = surveyed(elements, *molecules)
    assert Snnp().complete(SnnpConfig(), found).elements == choice
    assert Snnp().complete(SnnpConfig(elements="separate"), found).elements == "separate"


def test_filters_are_separate_where_two_elements_meet_everywhere():
    rng = np.random.default_rng(1)
    molecules = [(rng.permutation(["Cu", "Au"] * 4).tolist(), np.arange(8) * 1.5) for _ in range(300)]
    found = surveyed(["Cu", "Au"], *molecules)
    assert rare_triples(found) == {}
    assert Snnp().complete(SnnpConfig(), found).elements == "separate"


def test_filters_are_separate_where_atoms_of_one_element_keep_their_distance():
    """As anions of a compound do, which meet as antisites only: no other pair tells more of them than the data do."""
    rng = np.random.default_rng(1)
    gaps = {"PP": 2.04, "PIn": 1.96, "InP": 1.96, "InIn": 2.26}
    molecules = []
    for _ in range(300):
        atoms = rng.permutation(["P", "In"] * 4).tolist()
        steps = [gaps[a + b] for a, b in pairwise(atoms)]
        molecules.append((atoms, np.cumsum([0, *steps])))
    found = surveyed(["P", "In"], *molecules)
    assert distant_pairs(found, like=True) == {"P-P": pytest.approx(2.04)}
    assert Snnp().complete(SnnpConfig(), found).elements == "separate"


def test_own_part_of_the_mean_of_like_pairs_is_zero():
    like, pairs = np.array([1.0, 3.0, -2.0]), unordered_pairs(3)
    means = np.array([(like[a] + like[b]) / 2 for a, b in pairs])
    expected = [like[a] if a == b else 0.0 for a, b in pairs]
    assert own_parts(3) @ means == pytest.approx(expected)
