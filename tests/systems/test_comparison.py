"""Systems beside each other on the filters that they share."""

import copy
import json

import ase.io
import numpy as np
import pytest
import torch
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from fitting import command
from models import random_model
from snnp import _core
from snnp.cli import app
from snnp.console import Log
from snnp.data import DataError, from_atoms
from snnp.data.neighbors import ElementError
from snnp.models.filters import filters_of
from snnp.models.filters_file import write_filters
from snnp.models.network import Model
from snnp.models.shape import Shape
from snnp.splines import project
from snnp.systems.comparison import compare, hellinger, inhomogeneity
from snnp.systems.model import JointModel
from snnp.systems.sharing import find_sharing
from static_models import morse, repulsion
from support import random_potential, shaken

LENGTHS = {"Cu": 1.0, "Ag": 1.25, "PdAu": 1.1}  # in units of that of copper


def potentials(shared=("rho", "f", "g"), seed=0):
    """Random potentials of copper, silver and an alloy with filters in common."""
    torch.manual_seed(seed)
    models = []
    for elements, length in zip((["Cu"], ["Ag"], ["Pd", "Au"]), LENGTHS.values(), strict=True):
        n = len(elements) ** 2
        pair, radial = length * np.linspace(2.0, 5.0, 8), length * np.linspace(2.0, 4.0, 6)
        zbl = [None] * (len(elements) * (len(elements) + 1) // 2)
        knots = {"pair_knots": [pair] * n, "radial_knots": [radial] * n, "angle_knots": np.linspace(-1, 1, 5)}
        models.append(Model(Shape(elements, 2, 3, zbl=zbl, hidden=[4], shared=n > 1, **knots), unit=0.5))
    joint = JointModel(models, shared)
    with torch.no_grad():
        for parameter in joint.parameters():
            parameter.copy_(0.3 * torch.randn_like(parameter))
    return dict(zip(LENGTHS, (m.potential(" DATE: none") for m in joint.models), strict=True))


def write(folder, some):
    paths = [folder / f"{name}.snnp" for name in some]
    for path, potential in zip(paths, some.values(), strict=True):
        path.write_text(_core.format_potential(potential))
    return paths


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shared")
    made = potentials()
    write(folder, made)
    for name in ("all", "more"):
        write_filters(filters_of(made["Cu"]), " DATE: none", folder / f"{name}.filters.snnp")
    for name, atoms in structures().items():
        for each in atoms:
            each.calc = SinglePointCalculator(each, energy=0.0, forces=np.zeros((len(each), 3)))
        ase.io.write(folder / f"{name}.xyz", atoms)
    return folder


def structures():
    """Shaken fcc of copper, the same of silver but for its length, and a shaken alloy."""
    copper = [shaken(bulk("Cu", "fcc", a=3.6, cubic=True).repeat(2), 0.15, seed) for seed in range(3)]
    silver = [atoms.copy() for atoms in copper]
    for atoms in silver:
        atoms.symbols = "Ag" * len(atoms)
        atoms.set_cell(LENGTHS["Ag"] * atoms.cell, scale_atoms=True)
    return {"Cu": copper, "Ag": silver, "PdAu": [shaken(bulk("PdAu", "cesiumchloride", a=3.2).repeat(3), 0.15, 0)]}


def compared(paths, given):
    atoms = [atoms for name in given for atoms in structures()[name]]
    for each in atoms:
        each.calc = SinglePointCalculator(each, energy=0.0, forces=np.zeros((len(each), 3)))
    frames = from_atoms(atoms, "test").frames if atoms else []
    return compare(find_sharing(paths), frames, 1, Log(quiet=True))


def test_lengths_and_filters_are_found_in_the_potentials(folder):
    paths = [folder / f"{name}.snnp" for name in LENGTHS]
    for given in (paths, paths[::-1]):
        sharing = find_sharing(given)
        assert (sharing.curves.n2, sharing.curves.n3, sharing.known) == (2, 3, False)
        first = LENGTHS[sharing.systems[0].name]  # which has length 1 if bond lengths are not known
        assert {s.name: s.length * first for s in sharing.systems} == pytest.approx(LENGTHS)
    with_file = find_sharing([*paths, folder / "all.filters.snnp"])
    assert with_file.file == folder / "all.filters.snnp"
    assert len(with_file.systems) == 3


def test_systems_that_are_the_same_but_for_their_length_are_at_no_distance(tmp_path):
    """Of potentials of one network over relative distances, and structures in proportion: to rounding."""
    copper, silver = (potentials()[name] for name in ("Cu", "Ag"))
    elements, pairs = silver.elements, silver.pairs
    for own, other in zip(elements, copper.elements, strict=True):
        own.e0, own.linear, own.network = other.e0, other.linear, other.network
    pairs[0].phi = _core.Spline(pairs[0].phi.knots, copper.pairs[0].phi.coefficients)
    silver.elements, silver.pairs = elements, pairs
    found = compared(write(tmp_path, {"Cu": copper, "Ag": silver}), ("Cu", "Ag"))
    np.testing.assert_allclose(found.rows[0].added, found.rows[1].added, rtol=1e-9)
    assert found.use[0, 1] == pytest.approx(0, abs=1e-7)  # the root of rounding
    assert found.seen[0, 1] == pytest.approx(0, abs=1e-9)


def test_what_is_linear_in_a_shared_rho_is_the_own_of_a_system(tmp_path):
    """It may as well stand in φ, so that it changes no share."""
    copper = potentials()["Cu"]
    other = copy.deepcopy(copper)
    elements = other.elements
    elements[0].linear = np.array(elements[0].linear) + [0.7, -0.4, 0, 0, 0]
    other.elements = elements
    one, two = (compared(write(tmp_path, {"Cu": p}), ("Cu",)) for p in (copper, other))
    np.testing.assert_allclose(one.rows[0].added, two.rows[0].added, rtol=1e-9)
    assert one.rows[0].shares.sum() == pytest.approx(1)


def test_a_filter_without_weight_is_not_used(tmp_path):
    copper = potentials()["Cu"]
    elements = copper.elements
    elements[0].linear = [0, 0, 0, 0, 1.0]
    elements[0].network = _core.Network()
    copper.elements = elements
    found = compared(write(tmp_path, {"Cu": copper}), ("Cu",))
    np.testing.assert_allclose(found.rows[0].shares, [0, 0, 0, 0, 1], atol=1e-12)
    assert found.rows[0].leading == [4]


def test_distances_are_those_of_their_definitions(folder):
    p = np.array([[1.0, 0, 0], [0, 0.5, 0.5], [0.25, 0.5, 0.25]])
    expected = np.sqrt(1 - np.array([[1, 0, 0.5], [0, 1, 0.5 + 0.125**0.5], [0.5, 0, 1]]))
    np.testing.assert_allclose(hellinger(p)[np.triu_indices(3)], expected[np.triu_indices(3)], atol=1e-9)
    assert inhomogeneity(2.0, 0.0, 0.0) == 1  # of two points
    assert inhomogeneity(2.0, 2.0, 2.0) == 0  # of one distribution
    found = compared([folder / f"{name}.snnp" for name in LENGTHS], LENGTHS)
    assert [row.name for row in found.rows] == ["Cu", "Ag", "PdAu: Pd", "PdAu: Au"]
    for distances in (found.use, found.seen):
        np.testing.assert_array_equal(distances, distances.T)
        np.testing.assert_allclose(np.diag(distances), 0, atol=1e-7)
        assert (distances <= 1).all()
    # Fcc is like fcc; the atoms of the alloy are all in the same crystal, and in another one.
    assert found.seen[0, 1] < 0.01
    assert found.seen[2, 3] < found.seen[0, 2]


def test_only_filters_that_are_the_same_in_all_are_compared(tmp_path):
    sharing = find_sharing(write(tmp_path, potentials(("rho",))))
    assert (sharing.curves.n2, sharing.curves.n3, sharing.shared) == (2, 0, [0, 1])
    sharing = find_sharing(write(tmp_path, potentials(("f", "g"))))
    assert (sharing.curves.n2, sharing.curves.n3, sharing.shared) == (0, 3, [2, 3, 4])


def test_potentials_that_share_nothing_are_told(tmp_path, folder):
    write(tmp_path, {"own": potentials(seed=1)["Cu"], "half": potentials(("f",))["Ag"]})
    own = random_model(("In", "P"), [5], "tanh", True).potential(" DATE: none")
    cases = {
        "own": "neither ρ, nor f with g, in common: expected potentials of one fit of several systems",
        "half": "neither ρ, nor f with g, in common",
        "pairs": "has functions ρ of its own for each pair of elements: expected",
        "none": "has no filters: expected",
    }
    write(tmp_path, {"pairs": own, "none": random_potential(("Cu",), n2=0, n3=0)})
    for name, sentence in cases.items():
        with pytest.raises(DataError, match=sentence) as told:
            find_sharing([folder / "Cu.snnp", tmp_path / f"{name}.snnp"])
        assert f"{name}.snnp" in str(told.value)
    with pytest.raises(DataError, match="are files of filters: expected one at most"):
        find_sharing([folder / "all.filters.snnp", folder / "more.filters.snnp"])


def test_frames_of_no_system_are_told(folder):
    with pytest.raises(ElementError, match=r"test:frame 0: no potential has all elements Au Pd \(Cu: Cu; Ag: Ag\)"):
        compared([folder / "Cu.snnp", folder / "Ag.snnp"], ["PdAu"])


def test_report_of_several_potentials_is_a_page_with_figures_and_numbers(folder, tmp_path):
    files = [folder / f"{name}.snnp" for name in ("all.filters", *LENGTHS)]
    data = [folder / f"{name}.xyz" for name in LENGTHS]
    page = tmp_path / "page.html"
    done = command(app, "report", *files, *data, "-o", page, "--figures", tmp_path / "figures", "--json", check=True)
    found = json.loads(done.stdout)
    assert set(found["systems"]) == set(LENGTHS)
    for system in found["systems"].values():
        assert system["errors"]["frames"] > 0
        for shares in system["shares"].values():
            assert sum(shares.values()) == pytest.approx(1)
    assert np.shape(found["distances"]["use"]) == (4, 4)
    content = page.read_text()
    assert "Cu, Ag and PdAu share 2 two-body filters and 3 three-body filters of all.filters.snnp." in content
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    figures = ("use", "distances_use", "distances_surroundings", "shared_rho", "shared_f", "shared_g")
    assert names == {f"{name}.{ending}" for name in figures for ending in ("png", "svg")}
    assert content.count("<figure") == len(figures)


def test_report_of_a_file_of_filters_shows_its_curves(folder, tmp_path):
    done = command(app, "report", folder / "all.filters.snnp", "-o", tmp_path / "page.html", "--json", check=True)
    assert json.loads(done.stdout)["three_body_filters"] == 3
    assert (tmp_path / "page.html").read_text().count("<figure") == 3


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("all.filters.snnp", "Cu.xyz"), "all.filters.snnp has filters without energies: expected potentials, too"),
        (("Cu.snnp", "Ag.snnp", "--against", "Cu.snnp"), "--against: expected one potential"),
        (("Cu.snnp", "Ag.snnp", "none.xyz"), "none.xyz"),
        (("Cu.snnp", "./Cu.snnp"), "Cu.snnp is given twice"),
        (("Cu.snnp", "Ag.snnp", "-o", "Cu.snnp"), "is an input of the same command"),
    ],
)
def test_mistakes_get_one_sentence(folder, monkeypatch, words, sentence):
    monkeypatch.chdir(folder)
    found = command(app, "report", *words)
    assert found.returncode == 1
    assert sentence in found.stderr and found.stderr.count("error:") == 1


def test_crystals_stand_for_data_that_are_not_given(tmp_path):
    """A soft bond with a minimum makes crystals with many neighbours; repulsion alone makes none."""
    knots = np.linspace(1.5, 5.0, 20)
    found = compared(write(tmp_path, {"Cu": with_pairs(morse, knots)}), ())
    assert "fcc Cu" in found.looked[0].says
    assert "diamond" not in found.looked[0].says
    assert found.rows[0].shares.sum() == pytest.approx(1)
    with pytest.raises(ValueError, match=r"Cu\.snnp holds none of the usual crystals: expected data of Cu"):
        compared(write(tmp_path, {"Cu": with_pairs(repulsion, knots)}), ())


def with_pairs(phi, knots):
    """Copper with a pair potential and hardly anything else."""
    p = potentials()["Cu"]
    elements, pairs = p.elements, p.pairs
    elements[0].linear, elements[0].network = [0, 0, 1e-4, 1e-4, 1e-4], _core.Network()
    pairs[0].phi = _core.Spline(knots, [*project(phi, knots, len(knots) - 1), 0, 0, 0])
    p.elements, p.pairs = elements, pairs
    return p
