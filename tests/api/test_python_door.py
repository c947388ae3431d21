"""What the package offers to Python: fit, evaluate, load, Potential. The same results as the command line."""

import ase.io
import numpy as np
import pytest

import snnp
from support import open_ended, random_potential, silicon
from teacher import make_data

SETTINGS = {
    "model": {
        "two_body_filters": 1,
        "three_body_filters": 2,
        "hidden": [4],
        "pair_knots": 8,
        "radial_knots": 6,
        "angle_knots": 5,
        "pair_cutoff": 4.5,
        "three_body_cutoff": 3.8,
    },
    "training": {"steps": 20, "threads": 1},
}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """Labelled structures in a file."""
    path = tmp_path_factory.mktemp("data") / "train.xyz"
    ase.io.write(path, make_data(3, seed=1))
    return path


@pytest.fixture(scope="module")
def frames(file):
    """The same in memory."""
    return ase.io.read(file, ":")


@pytest.fixture(scope="module")
def fitted(frames):
    return snnp.fit(frames, test=frames[:2], progress=False, **SETTINGS)


def test_fit_of_structures_in_memory_writes_nothing_and_says_nothing(frames, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    done = snnp.fit(frames, model={"kind": "pair", "pair_cutoff": 4.5}, training={"threads": 1}, progress=False)
    assert done.potential.elements == ["Si"]
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")


def test_structures_in_memory_and_in_a_file_give_the_same_potential(file, fitted, tmp_path):
    done = snnp.fit(file, output=tmp_path / "Si.snnp", progress=False, **SETTINGS)
    assert {p.suffix for p in tmp_path.iterdir()} >= {".snnp", ".yaml", ".log", ".csv", ".png"}
    for a, b in zip(done.potential.data.pairs, fitted.potential.data.pairs, strict=True):
        np.testing.assert_array_equal(a.phi.coefficients, b.phi.coefficients)


def test_result_holds_errors_curve_and_configuration(fitted):
    assert list(fitted.errors) == ["train", "validation", "test"]
    assert fitted.errors["test"].all.frames == 2
    assert fitted.curve.columns[0] == "step"
    assert fitted.curve.rows[-1][0] == 20
    assert fitted.config.model.pair_cutoff == 4.5
    assert len(fitted.curve.draw().axes) == 4  # loss, energies, forces, stresses


def test_evaluate_agrees_with_the_errors_of_the_fit(fitted, frames):
    found = snnp.evaluate(fitted.potential, frames[:2], threads=1)
    assert found.errors.all.force[0] == pytest.approx(fitted.errors["test"].all.force[0], rel=1e-12)


def test_energy_is_the_sum_of_the_functions_that_a_potential_offers():
    """A dimer of silicon: e0, φ, and what the network makes of ρ; f and g take no part without angles."""
    potential = snnp.Potential(silicon())
    dimer = ase.Atoms("Si2", [[0, 0, 0], [0, 0, 2.4]])
    dimer.calc = potential.calculator()
    G = np.array([potential.rho(1, "Si", "Si")(2.4), 0.0])
    first, last = potential.data.elements[0].network.layers
    W = np.reshape(first.weights, (first.outputs, first.inputs))
    network = lambda G: np.tanh(W @ G + first.biases) @ last.weights  # noqa: E731
    expected = 2 * (potential.e0["Si"] + network(G) - network(0 * G)) + potential.phi("Si", "Si")(2.4)
    assert dimer.get_potential_energy() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("derivative", [1, 2])
def test_derivatives_of_functions_are_those_of_their_values(derivative):
    """Inside, below the first knot and beyond the last one; h²/6 of a fourth derivative of some 100 is 1e-6."""
    phi = snnp.Potential(open_ended(random_potential(["Si"]))).phi("Si", "Si")
    x = np.array([phi.knots[0] - 0.3, phi.knots[1] + 0.07, phi.knots[-1] + 0.2])
    h = 1e-4
    slope = (phi(x + h, derivative - 1) - phi(x - h, derivative - 1)) / (2 * h)
    np.testing.assert_allclose(phi(x, derivative), slope, atol=1e-4)


def test_potential_is_written_and_read(tmp_path):
    potential = snnp.Potential(random_potential(["In", "P"]))
    potential.write(tmp_path / "InP.snnp")
    again = snnp.Potential.read(tmp_path / "InP.snnp")
    assert again.elements == ["In", "P"]
    np.testing.assert_array_equal(
        again.g(2, "In", "In", "P").coefficients, potential.g(2, "In", "P", "In").coefficients
    )
    assert len(again.plot().axes) > 4


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda p: p.phi("In", "Ga"), "element Ga is not among those of the potential"),
        (lambda p: p.rho(0, "In", "P"), "filter 0: the potential has 3, numbered from 1"),
        (lambda p: p.U("In"), "In has no embedding spline"),
    ],
)
def test_functions_that_are_not_there(call, sentence):
    with pytest.raises(LookupError, match=sentence):
        call(snnp.Potential(random_potential(["In", "P"])))


def test_wrong_input_is_one_sentence(frames):
    with pytest.raises(snnp.ConfigError, match=r"unknown key model\.kinds: did you mean kind\?"):
        snnp.fit(frames, model={"kinds": "pair"})
    with pytest.raises(snnp.ConfigError, match=r"data\.train: expected at least one file"):
        snnp.fit(test=frames)
    with pytest.raises(TypeError, match="train: expected paths or ASE structures, found float"):
        snnp.fit([1.0])


def test_old_names_of_keys_are_accepted_with_a_note(frames, capsys):
    snnp.fit(frames, model={"kind": "uf3", "pair_cutoff": 4.5, "leg_cutoff": 3.8, "leg_knots": 5})
    out = capsys.readouterr().out
    assert "note: model.leg_cutoff is called model.three_body_cutoff now" in out
    assert "V to 3.8 Å with 5 × 9 knots" in out
    with pytest.raises(snnp.ConfigError, match="expected only one of them"):
        snnp.fit(frames, model={"kind": "uf3", "leg_cutoff": 3.8, "three_body_cutoff": 3.8})
