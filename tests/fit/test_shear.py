"""Shear stresses labelled in another program's order are recognised, group by group, and put right."""

import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator

from snnp.data import DataError
from snnp.data.shear import SHEAR, detect_shear_orders, parse_shear_order, reorder_shear

VASP = ("xy", "yz", "xz")


def labels_in(order, stress):
    """Stresses in ASE's order, (…, 6), as a file would have them whose shear components stand in `order`."""
    names = ("xx", "yy", "zz", *SHEAR)
    return stress[..., [names.index(name) for name in ("xx", "yy", "zz", *order)]]


def random_stresses(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 6))


@pytest.mark.parametrize("order", [SHEAR, VASP, ("xz", "yz", "xy")])
def test_reordering_undoes_any_order(order):
    truth = random_stresses(4)
    assert np.array_equal(reorder_shear(labels_in(order, truth), order), truth)


def test_order_of_each_group_is_found_despite_errors_of_the_model():
    truth = random_stresses(60)
    model = truth + 0.2 * random_stresses(60, seed=1)
    groups = np.repeat(["ase", "vasp", "few"], [20, 37, 3])
    labels = truth.copy()
    labels[20:] = labels_in(VASP, truth[20:])
    found = detect_shear_orders(model, labels, groups)
    assert found.orders["ase"] == SHEAR
    assert found.orders["vasp"] == VASP
    assert found.orders["few"] == VASP  # too few to tell: goes with most of the others
    assert [note.split()[4] for note in found.notes] == ["vasp", "few"]


def test_stresses_known_in_part_do_not_disturb_the_others():
    truth = random_stresses(40)
    labels = labels_in(VASP, truth)
    labels[::4, 4] = np.nan
    assert detect_shear_orders(truth, labels, np.repeat("all", 40)).orders == {"all": VASP}
    labels[:, 4] = np.nan
    assert not detect_shear_orders(truth, labels, np.repeat("all", 40)).orders


def test_labels_that_agree_with_no_order_are_left_alone():
    found = detect_shear_orders(random_stresses(30), random_stresses(30, seed=1), np.repeat("noise", 30))
    assert found.orders == {"noise": SHEAR}
    assert not found.notes


def test_an_order_must_name_each_component_once():
    with pytest.raises(DataError, match="expected yz, xz and xy in some order"):
        parse_shear_order("xy yz yz")


def test_fit_and_eval_say_so_and_use_the_right_order(data, tmp_path, snnp_fit, snnp):
    frames = ase.io.read(data / "train.xyz", ":")
    mixed_up = []
    for atoms in frames:
        copy = atoms.copy()
        stress = labels_in(VASP, atoms.get_stress())
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces(), "stress": stress}
        copy.calc = SinglePointCalculator(copy, **results)
        copy.info["config_type"] = "all"
        mixed_up.append(copy)
    ase.io.write(tmp_path / "mixed_up.xyz", mixed_up)
    fit = snnp_fit(tmp_path / "mixed_up.xyz", "-o", tmp_path / "Si.snnp")
    sentence = "shear stresses of all are labelled in the order xy yz xz, not yz xz xy"
    assert sentence in fit.stdout
    assert sentence in snnp("eval", tmp_path / "Si.snnp", tmp_path / "mixed_up.xyz").stdout
    assert "all: xy yz xz" in (tmp_path / "Si.yaml").read_text()
