"""Random structure search: good potentials have nothing below their crystal, a hole is found."""

import numpy as np
import pytest
from ase.build import bulk

from classical_models import argon, setting, silicon, with_hole
from snnp.random_cells import random_cell
from snnp.validation.check import Level, Setting
from snnp.validation.checks.search import BELOW, Search, judged
from snnp.validation.crystals import Crystal
from snnp.validation.hull import Mixture, Phase, mixture, shortest_distance
from snnp.validation.model import LammpsModel
from snnp.validation.outcome import Verdict
from snnp.validation.references import References


def test_nothing_is_below_diamond_in_stillinger_webers_silicon():
    outcome = Search().run(setting(silicon(), "diamond", 5.4), "Si")
    assert outcome.verdict < Verdict.WARN
    energies = [state["energy"] for state in outcome.data["states"]]
    assert len(energies) == 20
    assert min(energies) > -1e-6  # of a state that was minimised to 1e-10
    assert not outcome.structures
    assert Search().figure("Si", {"sw": outcome.data}) is not None


def test_a_hole_that_the_crystal_does_not_show_is_found_and_kept(tmp_path):
    outcome = Search().run(setting(with_hole(tmp_path), "fcc", 3.56), "Cu")
    assert outcome.verdict is Verdict.FAIL
    lowest = outcome.structures[0]
    assert lowest.info["energy_above_known"] < -1
    assert 1.5 < shortest_distance(lowest) < 1.9  # in the well
    assert all(atoms.info["energy_above_known"] < -BELOW for atoms in outcome.structures)
    assert "below fcc Cu" in next(line.sentence for line in outcome.lines if line.sentence)


def test_what_is_below_a_crystal_that_nobody_called_the_ground_state_is_a_warning():
    outcome = Search().run(setting(argon(), "sc", 3.7, origin="prototype"), "Ar")
    assert outcome.verdict is Verdict.WARN  # fcc is below
    assert Search().run(setting(argon(), "sc", 3.7), "Ar").verdict is Verdict.FAIL


@pytest.mark.parametrize(("depth", "compound", "verdict"), [
    (0.05, True, Verdict.WARN), (0.15, True, Verdict.FAIL), (0.15, False, Verdict.WARN)
])  # fmt: skip
def test_a_composition_of_no_known_crystal_is_judged_beyond_what_compounds_may_have(depth, compound, verdict):
    model = LammpsModel("pair_style lj/cut 8 / pair_coeff * * 0.01 3", ["Ar", "Kr"])
    crystals = [Crystal(f"fcc {e}", bulk(e, "fcc", a=5.3), "named") for e in model.elements]
    if compound:
        crystals.append(Crystal("b2 ArKr", bulk("ArKr", "cesiumchloride", a=4.0), "named"))
    known = Mixture([Phase("fcc Ar", {"Ar": 1.0}, 0.0, 30.0, 3.7, True)], 0.0, 30.0, 3.7)
    about = Setting(model, crystals, References(), Level.STANDARD)
    line = judged(about, "Ar3Kr", known, 9, [{"energy": -depth, "flagged": None}])
    assert line.verdict is verdict
    assert ("no crystal of this composition" in line.sentence) == (verdict is Verdict.WARN)


def test_mixtures_are_asked_where_known_phases_can_make_them():
    model = LammpsModel("pair_style lj/cut 8 / pair_coeff * * 0.01 3", ["Ar", "Kr"])
    argon, krypton = (Crystal(f"fcc {e}", bulk(e, "fcc", a=5.3), "named") for e in model.elements)
    compound = Crystal("rocksalt ArKr", bulk("ArKr", "rocksalt", a=6.0), "named")
    subjects = {
        len(crystals): Search().subjects(Setting(model, crystals, References(), Level.STANDARD))
        for crystals in ([compound], [argon, krypton])
    }
    assert subjects == {1: ["ArKr"], 2: ["Ar", "Kr", "Ar3Kr", "ArKr", "ArKr3"]}


def test_energy_of_a_mixture_is_on_the_convex_hull():
    phases = [
        Phase("A", {"In": 1.0}, -1.0, 20.0, 3.0, True),
        Phase("B", {"P": 1.0}, -2.0, 10.0, 2.0, True),
        Phase("AB", {"In": 0.5, "P": 0.5}, -2.0, 12.0, 2.5, False),
    ]
    found = mixture(phases, "In3P")  # half A, half AB: on the way to AB, which is 0.5 below A + B
    assert found.energy == pytest.approx(-1.5) and found.volume == pytest.approx(16.0)
    assert found.name == "A + AB" and not found.known
    assert mixture(phases[:1], "In3P") is None


def test_random_cells_have_the_composition_the_densities_and_no_atoms_on_top_of_each_other():
    rng = np.random.default_rng(0)
    cells = [random_cell(rng, "InP", 20.0, 2.5) for _ in range(50)]
    assert {len(cell) for cell in cells} == {2, 4, 6, 8}
    assert all(cell.symbols.count("In") == cell.symbols.count("P") for cell in cells)
    volumes = np.array([cell.get_volume() / len(cell) / 20.0 for cell in cells])
    assert 0.7 <= volumes.min() < 0.8 and 1.5 < volumes.max() <= 1.6
    assert min(map(shortest_distance, cells)) > 0.5 * 2.5
