"""Stresses in another convention, or that contradict energies, are put right or left out before a fit uses them."""

import numpy as np
import pytest
from ase.build import bulk
from ase.units import GPa

import snnp
from snnp.calculator import SNNP
from snnp.config import ConfigError
from support import shaken, silicon

KBAR = 0.1 * GPa


def train(n=16):
    """Cells of silicon at various strains in two groups, labelled by a potential."""
    calculator, rng = SNNP(silicon(), threads=1), np.random.default_rng(0)
    frames = []
    for k in range(n):
        atoms = bulk("Si", "diamond", a=5.5, cubic=True)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + rng.uniform(-0.05, 0.05, (3, 3))), scale_atoms=True)
        atoms = shaken(atoms, 0.1, k)
        atoms.calc = calculator
        atoms.info = {"energy": atoms.get_potential_energy(), "stress": atoms.get_stress(), "group": "ab"[k % 2]}
        atoms.arrays["forces"] = atoms.get_forces()
        atoms.calc = None
        frames.append(atoms)
    return frames


def vasp(frames, group="ab"):
    """The frames with stresses of some groups in kbar, with compression positive, as xx yy zz xy yz xz."""
    for atoms in frames:
        if atoms.info["group"] in group:
            atoms.info["stress"] = -atoms.info["stress"][[0, 1, 2, 5, 3, 4]] / KBAR
    return frames


def fit(frames, **settings):
    return snnp.fit(
        frames,
        model={"kind": "pair", "pair_cutoff": 4.2, "pair_knots": 10},
        training={"threads": 1},
        progress=False,
        **settings,
    )


def coefficients(result):
    return result.potential.data.pairs[0].phi.coefficients


@pytest.mark.parametrize("group", ["b", "ab"])
def test_a_fit_to_stresses_in_another_convention_is_the_same(group, tmp_path, capsys):
    right = fit(train())
    assert right.config.data.stress_convention == {"a": {}, "b": {}}
    result = snnp.fit(
        vasp(train(), group),
        model={"kind": "pair", "pair_cutoff": 4.2, "pair_knots": 10},
        training={"threads": 1},
        output=tmp_path / "Si.snnp",
    )
    settings = {"sign": -1, "unit": "kbar", "order": "xy yz xz"}
    assert result.config.data.stress_convention == {g: settings if g in group else {} for g in "ab"}
    sentence = f"stresses of {', '.join(group)} are labelled in kbar, with compression positive, in the order xy yz xz"
    assert sentence in " ".join(capsys.readouterr().out.split())
    # Factors of units round.
    assert coefficients(result) == pytest.approx(coefficients(right), rel=1e-6)
    again = fit(vasp(train(), group), config=tmp_path / "Si.yaml")
    assert coefficients(again) == pytest.approx(coefficients(right), rel=1e-6)


def test_stresses_known_in_part_do_not_disturb_the_others():
    settings = {"sign": -1, "unit": "kbar", "order": "xy yz xz"}
    frames = vasp(train())
    for atoms in frames[::4]:
        atoms.info["stress"][4] = np.nan
    assert fit(frames).config.data.stress_convention == {"a": settings, "b": settings}
    assert "stresses of a, b are labelled in kbar" in snnp.evaluate(silicon(), frames, threads=1).notes[-1]
    for atoms in frames:
        atoms.info["stress"][4] = np.nan
    assert fit(frames).config.data.stress_convention is None  # nothing can be told


def test_what_the_configuration_says_is_not_questioned():
    given = {"a": {"sign": -1, "unit": "kbar", "order": "xy yz xz"}, "b": "left out"}
    result = fit(train(), data={"stress_convention": given})
    assert result.config.data.stress_convention == given
    assert coefficients(result) != pytest.approx(coefficients(fit(train())), rel=1e-2)
    with pytest.raises(
        ConfigError, match=r"data.stress_convention: unit: expected one of eV/A.3, GPa, .*, found 'psi'"
    ):
        fit(train(), data={"stress_convention": {"unit": "psi"}})


def test_evaluation_tells_the_convention_by_the_potential():
    evaluation = snnp.evaluate(silicon(), vasp(train()), threads=1)
    assert "stresses of a, b are labelled in kbar" in evaluation.notes[-1]
    assert "agrees with the potential" in evaluation.notes[-1]
    assert evaluation.errors.all.stress[0] < 1e-6  # GPa; the potential made the labels


def test_stresses_that_contradict_energies_do_not_spoil_a_fit():
    """In group b they are those of other frames."""
    frames, wrong = train(40), train(40)
    for k in range(1, 40, 2):
        wrong[k].info["stress"] = 10 * frames[-k].info["stress"]
    result = fit(wrong)
    assert result.config.data.stress_convention == {"a": {}, "b": "left out"}
    assert result.errors["train"].groups["b"].stress is None
    expected = fit(frames, data={"stress_convention": {"a": {}, "b": "left out"}})
    assert coefficients(result) == pytest.approx(coefficients(expected), rel=1e-12)
