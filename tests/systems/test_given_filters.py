"""Fits that start from the filters of another potential: other elements, other lengths, frozen or trained further."""

import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

import models
import snnp
from snnp import _core
from snnp.config import ConfigError, read
from snnp.data import from_atoms
from snnp.data.neighbors import structures
from snnp.fitting.compression import bumps
from snnp.fitting.filters_start import FilterLinearModel, install
from snnp.fitting.origin import Origin
from snnp.models.filters import filters_of
from snnp.models.gauge import without_floor

TRAINING = {"steps": 40, "threads": 1}


def rattled(symbols, count, length=1.0, seed=0):
    """Hot diamond crystals with the lattice constant of silicon times a length."""
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(count):
        atoms = bulk("Si", "diamond", a=5.43 * rng.uniform(0.97, 1.03), cubic=True)
        atoms.symbols = rng.permutation(symbols * (8 // len(symbols)))
        atoms.positions += rng.normal(scale=0.12, size=(8, 3))
        atoms.set_cell(length * atoms.cell.array, scale_atoms=True)
        frames.append(atoms)
    return frames


def labelled(frames, potential, length=1.0):
    """The frames with labels of a potential whose distances are longer by a factor, as other elements may have them."""
    calculator = snnp.Potential(potential).calculator(1)
    for atoms in frames:
        here = atoms.copy()
        here.symbols = [potential.elements[0].name] * len(here)
        here.set_cell(here.cell.array / length, scale_atoms=True)
        here.calc = calculator
        labels = {"energy": here.get_potential_energy(), "forces": here.get_forces() / length}
        atoms.calc = SinglePointCalculator(atoms, **labels)
    return frames


def potential(elements=("Si",), hidden=(), uniform=True):
    """A random potential of smooth filters, which begin below all distances of the crystals."""
    model = models.random_model(elements, list(hidden), "tanh", uniform)
    place, width = np.array([0.1, 0.4, 0.6]), np.full(3, 0.2)
    with torch.no_grad():
        for curves, knots in ((model.rho, model.shape.pair_knots), (model.f, model.shape.radial_knots)):
            n = curves.shape[2]
            for curve, k in zip(curves, knots, strict=True):
                curve.copy_(torch.from_numpy(bumps(k, curves.shape[1], place[:n], width[:n])))
    return model.potential(" test")


@pytest.fixture(scope="module")
def silicon(tmp_path_factory):
    path = tmp_path_factory.mktemp("filters") / "Si.snnp"
    p = potential()
    _core.write_potential(p, path)
    return p, path


def fit(frames, path, **keys):
    """A fit from filters of a file, without a network if `hidden` does not say otherwise."""
    model = {"hidden": [], "zbl": {"enabled": False}, **keys.pop("model", {})}
    filters = {"file": str(path), "freeze": True, "scale": 1.0, **keys.pop("filters", {})}
    return snnp.fit(frames, model={**model, "filters": filters}, training=TRAINING, progress=False, **keys)


def curves(p):
    p = without_floor(p)
    return [np.array(s.coefficients) for part in (p.rho, p.f, p.g) for s in part]


def test_linear_potential_of_these_filters_comes_back_for_another_element(silicon):
    """Only φ, a and e0 are to be found, by linear least squares.

    What is left is what the weakest penalty, 1e-7, costs: 0.2 % of the forces.
    """
    p, path = silicon
    frames = labelled(rattled(["Ge"], 30), p)
    size = np.sqrt(np.mean(np.square([atoms.get_forces() for atoms in frames])))
    fitted = fit(frames, path)
    assert fitted.errors["validation"].all.force[1] < 5e-3 * size
    assert fitted.potential.elements == ["Ge"]


@pytest.mark.parametrize("freeze", [["rho", "f"], ["f"]])
def test_linear_potential_with_these_f_but_other_g_comes_back(silicon, freeze):
    """g is linear for given f: it is found from the linear model, to the same 0.2 % of the forces."""
    p, path = silicon
    teacher = potential()
    rng = np.random.default_rng(5)
    teacher.g = [_core.Spline(s.knots, rng.normal(size=len(s.coefficients))) for s in teacher.g]
    frames = labelled(rattled(["Ge"], 60), teacher)
    size = np.sqrt(np.mean(np.square([atoms.get_forces() for atoms in frames])))
    fitted = fit(frames, path, filters={"freeze": freeze})
    assert fitted.errors["validation"].all.force[1] < 5e-3 * size
    np.testing.assert_array_equal([s.coefficients for s in fitted.potential.data.f], [s.coefficients for s in p.f])


def test_frozen_filters_stand_in_the_new_file_as_in_the_old_one(silicon):
    p, path = silicon
    fitted = fit(labelled(rattled(["Ge"], 12), p), path, filters={"scale": 1.25}, model={"hidden": [4]})
    for new, old in zip(curves(fitted.potential.data), curves(p), strict=True):
        np.testing.assert_array_equal(new, old)
    np.testing.assert_allclose(fitted.potential.f(1, "Ge", "Ge").knots, 1.25 * np.array(p.f[0].knots))
    np.testing.assert_allclose(fitted.potential.rho(1, "Ge", "Ge").knots, 1.25 * np.array(p.rho[0].knots))


def test_filters_that_are_not_frozen_are_trained(silicon):
    p, path = silicon
    fitted = fit(labelled(rattled(["Ge"], 12), p), path, filters={"freeze": ["rho"]}, model={"hidden": [4]})
    changed = [not np.array_equal(a, b) for a, b in zip(curves(fitted.potential.data), curves(p), strict=True)]
    assert changed == [False] * p.n2 + [True] * (2 * p.n3)


@pytest.mark.parametrize("length", [1.0, 1.05**2, 1.05**-3])
def test_length_of_filters_is_found_where_the_same_physics_has_another_length(silicon, length):
    p, path = silicon
    frames = labelled(rattled(["Ge"], 40, length), p, length)
    fitted = fit(frames, path, filters={"scale": None})
    assert fitted.config.model.filters.scale == pytest.approx(length, abs=1e-3)


def test_two_elements_get_the_filters_of_one_in_combinations(silicon):
    """Neighbours of the other element have combinations of the same f, which training finds; f of like ones stays."""
    p, path = silicon
    frames = labelled(rattled(["In", "P"], 20), p)
    fitted = fit(frames, path, model={"hidden": [4]})
    assert fitted.config.model.elements == "shared"
    of_file = np.array([s.coefficients for s in p.f])
    like, unlike = (
        np.array([fitted.potential.f(m, "In", other).coefficients for m in range(1, p.n3 + 1)]) for other in ("In", "P")
    )
    assert not np.allclose(unlike, of_file, rtol=1e-3)
    for found in (like, unlike):
        mixture = np.linalg.lstsq(of_file.T, found.T, rcond=None)[0]
        np.testing.assert_allclose(of_file.T @ mixture, found.T, atol=1e-10)


def test_alloy_goes_on_with_its_own_filters(tmp_path):
    p = potential(("P", "In"), [5])
    path = tmp_path / "InP.snnp"
    _core.write_potential(p, path)
    frames = labelled(rattled(["In", "P"], 20), potential())
    fitted = fit(frames, path)
    assert fitted.config.model.elements == "separate"
    for new, old in zip(curves(fitted.potential.data), curves(p), strict=True):
        np.testing.assert_array_equal(new, old)


def test_shared_filters_of_an_alloy_are_taken_over_with_their_combinations():
    names = ("P", "In", "Si")
    source = models.random_model(*models.KINDS["three elements, shared filters"])
    filters = filters_of(source.potential(" test"))
    assert filters.shared
    target = models.random_model(*models.KINDS["three elements, shared filters"])
    install(target, filters.of(names, {name: name for name in names}, shared=True))
    # f_αβ = f_αα M_αβ: the combinations are found from curves of the file, to rounding of a least-squares solution.
    for mine, theirs in zip(target.curves(), source.curves(), strict=True):
        np.testing.assert_allclose(mine.detach(), theirs.detach(), atol=1e-9)


def test_rows_of_the_linear_model_are_what_the_engine_gives():
    """Energy, forces and virial of a potential that is nothing but one φ, a and e0."""
    model = models.random_model(("In", "P"), [], "tanh", True)
    linear = FilterLinearModel(model, 1)
    s = structures(rattled(["In", "P"], 2), ["In", "P"], model.shape.cutoff)
    rng = np.random.default_rng(1)
    x = rng.normal(size=linear.columns)
    phi, a, _ = linear.parts(x)
    energies, virials, forces = (part @ x for part in linear._rows()(s))
    p = model.potential(" test")
    elements, pairs = p.elements, p.pairs
    for element, own, scale in zip(elements, a, model.scale.numpy(), strict=True):
        element.linear, element.e0 = own / scale, 0.0
    for pair, coefficients in zip(pairs, phi, strict=True):
        pair.phi = _core.Spline(pair.phi.knots, np.r_[coefficients, np.zeros(3)])
    p.elements, p.pairs = elements, pairs
    out = _core.Engine(p).evaluate(s, 1)
    np.testing.assert_allclose(energies.sum(), out["energy"], rtol=1e-9)
    np.testing.assert_allclose(virials.sum(0), out["virial"], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(forces, out["forces"], rtol=1e-9, atol=1e-9)


def test_interrupted_fit_knows_filters_by_their_content(silicon, tmp_path):
    p, path = silicon
    copy = tmp_path / "copy.snnp"
    copy.write_bytes(path.read_bytes())
    frames = {"train": from_atoms(labelled(rattled(["Ge"], 4), p), "train").frames}

    def origin(file):
        return Origin.of(read({"model": {"filters": str(file)}}), frames)

    assert origin(path).settings == origin(copy).settings
    copy.write_text(path.read_text().replace("test", "another"))
    assert origin(path).settings != origin(copy).settings


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"model": {"two_body_filters": 7}}, "model.two_body_filters: found 7, but filters of .* have 2"),
        ({"model": {"pair_cutoff": 6.5}}, "model.pair_cutoff: found 6.5, but"),
        ({"filters": {"elements": {"Ge": "Sn"}}}, "Si.snnp has no filters of Sn"),
        ({"filters": {"elements": {"C": "Si"}}}, "model.filters.elements: element C is not in the data"),
        ({"filters": {"file": "nowhere.snnp"}}, "nowhere.snnp does not exist"),
        ({"filters": {"freeze": "f"}}, "model.filters.freeze: expected true, false, or a list of rho, f, g"),
        ({"filters": {"frieze": True}}, "unknown key model.filters.frieze: did you mean freeze"),
    ],
)
def test_what_contradicts_the_file_is_told_in_one_sentence(silicon, change, sentence):
    p, path = silicon
    with pytest.raises(ConfigError, match=sentence):
        fit(labelled(rattled(["Ge"], 4), p), path, **change)


def test_elements_of_a_file_with_several_have_to_be_told_apart(tmp_path):
    path = tmp_path / "InP.snnp"
    _core.write_potential(potential(("In", "P")), path)
    frames = labelled(rattled(["Ge"], 4), potential())
    with pytest.raises(ConfigError, match=r"no filters of Ge \(In P\): expected model.filters.elements"):
        fit(frames, path)


def test_potentials_without_filters_or_of_another_kind_are_refused(tmp_path):
    frames = labelled(rattled(["Ge"], 4), potential())
    bare, density = models.random_model(("Si",), [], "tanh", True, n2=0, n3=0).potential(" test"), potential()
    elements = density.elements
    elements[0].density, elements[0].U = np.ones(5), _core.Spline(np.linspace(0, 1, 4), np.zeros(6))
    density.elements = elements
    for p, found in ((bare, "there are no filters"), (density, "there are densities or tensors")):
        path = tmp_path / "other.snnp"
        _core.write_potential(p, path)
        with pytest.raises(_core.Error, match=f"other.snnp: {found}"):
            fit(frames, path)
