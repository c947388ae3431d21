"""Four-body terms: what they see, where they end, and how a fit begins with them."""

from types import SimpleNamespace

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import small_fits
import support
from fitting import command
from models import random_model
from snnp import _core, config, reference
from snnp.cli import app
from snnp.data import Frame
from snnp.data.batch import Labels, Weights
from snnp.data.distances import survey
from snnp.data.neighbors import structures
from snnp.fitting.four_body_start import four_body_start
from snnp.fitting.grounds import Ground
from snnp.fitting.loss import Loss, make_batch
from snnp.fitting.ranks import Ranks
from snnp.fitting.shards import deal
from snnp.kinds import KINDS, ConfigError
from snnp.models.four_body import terms
from snnp.random_cells import random_cell

ELEMENTS = ("In", "P")


def structure(atoms, cutoff=5.0, elements=ELEMENTS):
    return structures([atoms], elements, cutoff)


@pytest.mark.parametrize("degree, radial", [(3, 2), (4, 1), (0, 3)])
def test_rows_are_energies_forces_and_virials_of_each_coefficient(degree, radial):
    potential = support.with_four_body(
        support.random_potential(ELEMENTS, n2=0, n3=0, activation="none", core=False), degree=degree, radial=radial
    )
    four_body = [e.four_body for e in potential.elements]
    for one in four_body:
        one.bound = 1e9
    columns = sum(len(one.coefficients) for one in four_body) + 1
    c = np.append(np.concatenate([one.coefficients for one in four_body]), 0.0)
    s = structure(support.liquid(ELEMENTS))
    energies, virials, forces = _core.four_body_rows(four_body, s, columns, 2)
    trainer = _core.FourBodyTrainer()
    right, (F, W) = trainer.values(four_body, s, 1), trainer.forces()
    assert energies[0] @ c == pytest.approx(right.sum(), rel=1e-6)
    np.testing.assert_allclose(forces @ c, F, rtol=0, atol=1e-7 * np.abs(F).max())
    np.testing.assert_allclose(virials[0] @ c, W[0][[0, 1, 2, 0, 0, 1], [0, 1, 2, 1, 2, 2]], rtol=0, atol=1e-6)


def test_four_body_terms_tell_neighbourhoods_apart_that_no_filter_does():
    """Four neighbours on a ring of eight places: two sets of places with the same angles between all pairs of them."""
    potential = support.with_four_body(support.random_potential(("Si",), core=False))
    found = []
    for places in ([0, 1, 3, 4], [0, 1, 2, 5]):
        angle = np.pi / 4 * np.array(places)
        ring = 2.2 * np.column_stack([np.cos(angle), np.sin(angle), np.zeros(4)])
        s = structure(Atoms("Si5", np.vstack([np.zeros(3), ring])), potential.cutoff(), ("Si",))
        out = _core.Engine(potential).evaluate(s)
        found.append((out["filters"][0], out["energies"][0]))
    (G, energy), (other_G, other_energy) = found
    np.testing.assert_allclose(G, other_G, rtol=0, atol=1e-12)
    assert abs(energy - other_energy) > 1e-4


def test_a_bound_is_kept_and_a_lone_atom_has_no_four_body_energy():
    potential = support.with_four_body(support.random_potential(("Si",), n2=0, n3=0, activation="none", core=False))
    (element,) = potential.elements
    four_body = element.four_body
    four_body.bound = 0.3
    dense = support.liquid(("Si",), spacing=1.6)
    found = _core.FourBodyTrainer().values([four_body], structure(dense, elements=("Si",)), 1)
    assert np.abs(found).max() <= 0.3 and np.abs(found).max() > 0.25
    alone, _ = reference.four_body(four_body, np.zeros(0, int), np.zeros((0, 3)))
    assert alone == 0.0


def test_closer_than_any_atom_of_the_data_changes_nothing():
    (element,) = support.with_four_body(support.random_potential(("Si",), n2=0, n3=0, activation="none")).elements
    four_body = element.four_body
    r = np.array([0.2, 0.7, 0.99]) * four_body.inner
    values, slopes = reference.four_body_radial(four_body, r)
    np.testing.assert_allclose(values, values[:, :1] * np.ones(3), rtol=1e-12)
    assert not slopes.any()
    values, slopes = reference.four_body_radial(four_body, np.array([four_body.cutoff - 1e-6]))
    assert np.abs(values).max() < 1e-9 and np.abs(slopes).max() < 1e-4


@pytest.fixture(scope="module")
def taught():
    """A model without anything, and frames whose labels are those of four-body terms and energies of isolated atoms."""
    model = random_model(ELEMENTS, [4], "tanh", True, four_body=1)
    rng = np.random.default_rng(3)
    for parameter in model.parameters():
        parameter.data.zero_()
    shape = model.shape.four_body
    c = 0.01 * rng.normal(size=(2, shape.count))
    teacher, e0 = terms(shape, 2, c, [1e6, 1e6]), np.array([-1.0, 2.0])
    frames = []
    for seed in range(14):
        s = structure(support.liquid(ELEMENTS, seed, n=20 + seed % 5), model.shape.cutoff)
        trainer = _core.FourBodyTrainer()
        energy = trainer.values(teacher, s, 1).sum() + e0[s.elements].sum()
        F, (W,) = trainer.forces()
        frames.append((s, Labels(float(energy), F, (W + W.T) / 2)))
    return SimpleNamespace(model=model, frames=frames, c=c, e0=e0)


def test_least_squares_find_the_terms_that_made_the_labels(taught):
    (train,) = deal([taught.frames[:11]], Ranks())
    taught.model.unit = 1e-5  # of the loss, eV/Å: the prior is nothing beside it
    four_body_start(taught.model, train, Weights(), [], 1)
    loss = Loss(taught.model, Weights(), 1.0, 1)
    forces = np.concatenate([labels.forces for _, labels in taught.frames])
    taught.model.four_body_bound *= 1e3  # the bound leaves a little, and so does the ridge
    assert loss(*(make_batch([frame]) for frame in taught.frames)) < 1e-4 * np.mean(forces**2)
    np.testing.assert_allclose(taught.model.e0(), taught.e0, atol=0.05)


def strained(unit):
    """A model without anything, after the start, of strained crystals of one atom. unit: of the loss, eV/Å."""
    model = random_model(("Cu",), [4], "tanh", True, four_body=2)
    for parameter in model.parameters():
        parameter.data.zero_()
    model.unit = unit
    rng, frames = np.random.default_rng(0), []
    for _ in range(4):
        strain = rng.normal(scale=0.03, size=(3, 3))
        atoms = bulk("Cu", cubic=True)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + (strain + strain.T) / 2), scale_atoms=True)
        s = structure(atoms, model.shape.cutoff, ("Cu",))
        frames.append((s, Labels(20 * float(np.sum(strain**2)), np.zeros((4, 3)), None)))
    four_body_start(model, *deal([frames], Ranks()), Weights(), [Ground("Cu", 0.0, 11.8, 2.55)], 1)
    return model


def test_what_is_zero_by_symmetry_in_all_frames_gets_no_huge_unit():
    """Invariants with l = 1 or 3 are zero but for rounding, far from that elsewhere."""
    assert strained(1.0).four_body_basis.abs().max() < 1e10


def test_a_prior_keeps_terms_small_where_no_data_are():
    rng, found = np.random.default_rng(7), []
    cells = [random_cell(rng, "Cu", 11.8, 2.55) for _ in range(50)]
    for unit in (1e-5, 0.05):  # it is nothing beside a small one
        model = strained(unit)
        model.four_body_bound *= 1e6
        s = structures(cells, ("Cu",), model.shape.cutoff)
        found.append(np.abs(_core.FourBodyTrainer().values(model.four_body_terms(), s, 1)).mean())
    assert found[1] < found[0] / 4


def test_a_fit_has_them_by_default_with_one_element_and_says_so(tmp_path):
    ase.io.write(tmp_path / "train.xyz", small_fits.structures())
    said = small_fits.fitted(tmp_path / "train.xyz", "-o", tmp_path / "Cu.snnp", settings=small_fits.NETWORK)
    assert "304 four-body terms" in said
    potential = _core.read_potential(tmp_path / "Cu.snnp")
    (terms_of_copper,) = (e.four_body for e in potential.elements)
    assert len(terms_of_copper.coefficients) == 304 and any(terms_of_copper.coefficients)
    assert "four-body terms" in command(app, "info", tmp_path / "Cu.snnp", check=True).stdout
    settings = {**small_fits.NETWORK, "model.four_body_functions": 0}
    without = small_fits.fitted(tmp_path / "train.xyz", "-o", tmp_path / "no.snnp", settings=settings)
    assert "four-body" not in without


def completed(symbols, *atoms):
    distances = survey([Frame(one, 0.0, None, None, "", "") for one in atoms], symbols)
    return KINDS["snnp"].complete(config.read(None, {}).model, distances)


def test_two_elements_have_them_where_all_triples_are_seen_and_more_have_none():
    rng = np.random.default_rng(0)
    alloys = [bulk("Cu", cubic=True).repeat(3) for _ in range(5)]
    for atoms in alloys:
        atoms.symbols = rng.choice(["Cu", "Ni"], len(atoms))
    crystals = [bulk(symbol, a=3.6, cubic=True).repeat(3) for symbol in ("Cu", "Ni")]
    assert completed(["Cu", "Ni"], *alloys).four_body_functions == 2
    assert completed(["Cu", "Ni"], *crystals).four_body_functions == 0
    for atoms in alloys:
        atoms.symbols = rng.choice(["Al", "Cu", "Ni"], len(atoms))
    assert completed(["Al", "Cu", "Ni"], *alloys).four_body_functions == 0


@pytest.mark.parametrize("n3, functions", [(0, 0), (1, 4)])
def test_filters_of_a_file_without_three_body_ones_have_no_four_body_terms_either(tmp_path, n3, functions):
    file = support.write(support.random_potential(("Cu",), n2=1, n3=n3), tmp_path / "given.snnp")
    section = config.read(None, {"model.filters": str(file)}).model
    distances = survey([Frame(atoms, 0.0, None, None, "", "") for atoms in small_fits.structures(2)], ["Cu"])
    found = [KINDS["snnp"].complete(section, distances), *KINDS["snnp"].alternatives(section, distances, "default")]
    assert [one.four_body_functions for one in found] == [functions] * len(found)


@pytest.mark.parametrize(
    "model, sentence",
    [
        ({"four_body_functions": 9}, "model.four_body_functions"),
        ({"four_body_degree": 5}, "model.four_body_degree"),
        ({"four_body_functions": -1}, "model.four_body_functions"),
        ({"four_body_functions": 2, "floor": True}, "together with four-body terms"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(model, sentence):
    with pytest.raises(ConfigError, match=sentence):
        config.read(None, {f"model.{key}": value for key, value in model.items()})
