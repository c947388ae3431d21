"""Weights of frames and labels: from files and from the configuration; what counts how much is shown."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from ase.build import bulk

import snnp
import snnp.config
from snnp.data import DataError, from_atoms
from snnp.data.weights import GroupWeights, shares, weighted
from support import shaken


def frame(seed=0, group="bulk", **info):
    atoms = shaken(bulk("Si", "diamond", a=5.43 + 0.02 * (seed % 5), cubic=True), 0.1, seed)
    rng = np.random.default_rng(seed)
    atoms.info.update(energy=-30.0 + rng.normal(), stress=0.01 * rng.normal(size=6), config_type=group, **info)
    atoms.arrays["forces"] = rng.normal(size=(8, 3))
    return atoms


def only(**info):
    (found,) = from_atoms([frame(**info)]).frames
    return found


@pytest.mark.parametrize("name", ["weight", "Weight", "config_weight", "frame_weight", "weights"])
def test_names_of_weights_of_frames(name):
    assert only(**{name: 2.5}).weight == 2.5


@pytest.mark.parametrize(
    ("name", "term"),
    [
        ("energy_weight", "energy"),
        ("config_energy_weight", "energy"),
        ("eweight", "energy"),
        ("w_energy", "energy"),
        ("forces_weight", "force"),
        ("force_weight", "force"),
        ("config_forces_weight", "force"),
        ("fweight", "force"),
        ("stress_weight", "stress"),
        ("config_stress_weight", "stress"),
        ("virial_weight", "stress"),
        ("config_virials_weight", "stress"),
        ("vweight", "stress"),
    ],
)
def test_names_of_weights_of_labels(name, term):
    found = only(**{name: 2.5})
    assert found.weight == 1
    assert {t: getattr(found.label_weights, t) for t in ("energy", "force", "stress")} == {
        **dict.fromkeys(("energy", "force", "stress"), 1.0),
        term: 2.5,
    }


def test_weights_of_the_forces_of_single_atoms():
    atoms = frame()
    atoms.arrays["w_forces"] = np.arange(8.0)
    (found,) = from_atoms([atoms]).frames
    np.testing.assert_array_equal(found.label_weights.force, np.arange(8.0))
    assert np.isnan(found.forces[0]).all()
    assert np.isfinite(found.forces[1:]).all()


def test_frames_of_weight_zero_are_left_out_and_counted():
    data = from_atoms([frame(weight=0, config_weight=0), frame(1)])
    assert [f.origin for f in data.frames] == ["atoms:frame 1"]
    assert "weights: config_weight, weight; skipped 1 frame: weight 0" in data.summary()


@pytest.mark.parametrize("what", ["energy", "forces", "stress"])
def test_labels_of_weight_zero_are_not_known(what):
    data = from_atoms([frame(**{f"{what}_weight": 0})])
    (found,) = data.frames
    assert np.isnan(found.energy) == (what == "energy")
    assert np.isnan(found.forces).all() == (what == "forces")
    assert (found.stress is None) == (what == "stress")
    assert f"not used: {what.removesuffix('s') if what == 'forces' else what} of weight 0, in 1 frame" in data.summary()


@pytest.mark.parametrize(
    ("info", "sentence"),
    [
        ({"weight": -1.0}, "weight is '-1.0', expected a number ≥ 0"),
        ({"energy_weight": "high"}, "energy_weight is 'high', expected a number ≥ 0"),
        ({"config_weight": np.nan}, "config_weight is 'nan', expected a number ≥ 0"),
        ({"weight": 1.0, "config_weight": 2.0}, "weight and config_weight contradict each other"),
    ],
)
def test_weights_that_are_none(info, sentence):
    with pytest.raises(DataError, match=f"atoms:frame 0: {sentence}"):
        from_atoms([frame(**info)])


def test_sigmas_of_gap_are_said_not_to_be_used():
    assert "not used: energy_sigma, in 1 frame" in from_atoms([frame(energy_sigma=0.01)]).summary()


def test_weights_of_groups_multiply_those_of_frames():
    frames = from_atoms([frame(0, "bulk_a", weight=2), frame(1, "bulk_b"), frame(2, "md"), frame(3, "junk")]).frames
    factors = {
        "bulk_*": GroupWeights(3.0, energy=0.5),
        "bulk_b": GroupWeights(5.0, force=0.0),
        "junk": GroupWeights(0.0),
    }
    a, b, md = weighted(frames, factors)
    assert (a.weight, a.label_weights.energy, a.label_weights.force) == (6.0, 0.5, 1.0)
    assert (b.weight, b.label_weights.energy) == (5.0, 1.0)  # a name goes before a pattern
    assert np.isnan(b.forces).all()
    assert not md.is_weighted


def test_shares_are_parts_of_the_sums_of_the_loss():
    frames = from_atoms(
        [frame(0, "a", weight=3), frame(1, "b", forces_weight=2), frame(2, "b", energy_weight=0)]
    ).frames
    found = shares(frames)
    assert found["a"].energy == pytest.approx(3 / 4)
    assert found["b"].energy == pytest.approx(1 / 4)
    assert found["a"].force == pytest.approx(3 / 6)
    assert found["a"].stress == pytest.approx(3 / 5)
    assert found["b"].weights == (1.0, 1.0)


# -- fits ---------------------------------------------------------------------------------------------------------


def without_stress(n, group="bulk"):
    atoms = frame(n, group)
    del atoms.info["stress"]
    return atoms


def fit(frames, **settings):
    model = {"kind": "pair", "pair_knots": 8, "pair_cutoff": 4.5, "smoothness": 1e-3}
    return snnp.fit(frames, model=model, training={"threads": 1}, **settings)


def coefficients(done):
    return np.array(done.potential.data.pairs[0].phi.coefficients)


def test_groups_of_weight_zero_leave_no_trace_in_the_fit(capsys):
    """Neither in the solution nor in cutoffs, first knots and elements."""
    frames = [without_stress(n) for n in range(8)]
    placeholder = bulk("Cu", "fcc", a=2.0, cubic=True)
    placeholder.info.update(energy=0.0, config_type="placeholder")
    placeholder.arrays["forces"] = np.zeros((4, 3))
    model = {"kind": "pair", "pair_knots": 8, "smoothness": 1e-3}
    alone, left_out = (
        snnp.fit(data, model=model, training={"threads": 1}, data={"weights": weights})
        for data, weights in ((frames, {}), ([*frames, placeholder], {"placeholder": 0}))
    )
    assert left_out.potential.elements == ["Si"]
    np.testing.assert_array_equal(coefficients(left_out), coefficients(alone))
    assert "data.weights: 1 of 9 train frames have weight 0 and are left out" in capsys.readouterr().out


def test_a_group_of_weight_three_is_fitted_like_three_copies(capsys):
    frames = [without_stress(n, "md" if n < 3 else "bulk") for n in range(9)]
    none_held_out = {"validation_fraction": 0}
    weights = {"md": {"frame": 3, "energy": 2}}
    weighted_fit = fit(frames, data={**none_held_out, "weights": weights})
    out = capsys.readouterr().out
    copies = [*frames, *frames[:3], *frames[:3]]
    by_label = fit(copies, data={**none_held_out, "weights": {"md": {"energy": 2}}})
    np.testing.assert_allclose(coefficients(weighted_fit), coefficients(by_label), rtol=1e-6, atol=1e-9)
    # Of energies 3 × 3 × 2 of 24, of forces 9 of 15.
    row = next(line for line in out.splitlines() if line.startswith("│ md"))
    assert row.replace("│", " ").split() == ["md", "3", "24", "3", "75", "60", "–"]


def test_loss_without_forces_fits_energies_alone():
    frames = [without_stress(n) for n in range(6)]
    without = fit(frames, loss={"force": 0})
    for atoms in frames:
        del atoms.arrays["forces"]
    np.testing.assert_allclose(coefficients(without), coefficients(fit(frames)), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ({"bulkk": 2}, "data.weights: there is no group bulkk in the training data, only bulk, md"),
        ({"x*": 2}, r"data.weights: there is no group x\* in the training data, only bulk, md"),
        ({"*": 0}, "data.weights: no training frame has a weight greater than 0"),
    ],
)
def test_weights_of_groups_that_do_not_fit_the_data(weights, sentence):
    with pytest.raises(DataError, match=sentence):
        fit([frame(0), frame(1, "md")], data={"weights": weights})


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        (
            {"data": {"weights": {"bulk": -1}}},
            r"data\.weights\.bulk\.frame: input should be greater than or",
        ),
        ({"data": {"weights": {"bulk": "low"}}}, r"data\.weights\.bulk: expected a number, or numbers for"),
        (
            {"data": {"weights": {"bulk": {"forces": 1}}}},
            r"unknown key data\.weights\.bulk\.forces: did you mean",
        ),
        ({"loss": {"energy": 0, "force": 0, "stress": 0}}, "loss: expected at least one weight greater than 0"),
    ],
)
def test_weights_of_the_configuration_that_are_none(section, sentence):
    with pytest.raises(snnp.ConfigError, match=sentence):
        fit([frame(0)], **section)


def test_weights_in_the_documentation_are_what_the_configuration_takes():
    page = (Path(__file__).parents[2] / "docs" / "fitting.md").read_text()
    (text,) = re.findall(r"<!-- weights -->\n```yaml\n(.*?)```", page, re.DOTALL)
    assert snnp.config.read(yaml.safe_load(text)).data.group_weights() == {
        "amorphous": GroupWeights(0.5),
        "surface_*": GroupWeights(energy=2.0, stress=0.0),
        "placeholder": GroupWeights(0.0),
    }
