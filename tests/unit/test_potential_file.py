"""The potential file as Python sees it; tests/cpp/test_potential_file.cc tests the reader itself."""

import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.data import chemical_symbols

import snnp
import support
from snnp import _core, reference
from tolerances import ENERGY

PAGE = Path(__file__).parents[2] / "docs" / "potential_file.md"


@pytest.mark.parametrize("uniform", [True, False])
def test_what_is_written_reads_back_exactly(tmp_path, uniform):
    potential = support.random_potential(("In", "P"), uniform=uniform)
    path = support.write(potential, tmp_path / "InP.snnp")
    again = _core.read_potential(str(path))
    assert _core.format_potential(again) == path.read_text(encoding="utf-8")
    for name in ("rho", "f", "g"):
        for a, b in zip(getattr(potential, name), getattr(again, name), strict=True):
            assert a.knots == b.knots
            assert a.coefficients == b.coefficients


def test_evenly_spaced_knots_of_numpy_are_written_as_uniform():
    text = _core.format_potential(support.random_potential(("In", "P")))
    assert " uniform " in text
    assert " knots " not in text


def test_an_error_names_file_and_line(tmp_path):
    path = support.write(support.random_potential(), tmp_path / "Si.snnp")
    path.write_text(path.read_text(encoding="utf-8").replace("filters 3 4", "filters 3"), encoding="utf-8")
    with pytest.raises(snnp.Error, match=r"Si\.snnp:4: found 2 words, expected 'filters n2 n3'"):
        snnp.load(path)


def test_bytes_that_are_no_text_give_an_error_of_the_file(tmp_path):
    path = support.write(support.random_potential(), tmp_path / "Si.snnp")
    path.write_bytes(path.read_bytes().replace(b"element Si", b"element \xff\xfe", 1))
    with pytest.raises(snnp.Error, match=r"Si\.snnp:6: found"):
        snnp.load(path)


def test_a_comment_that_is_no_unicode_is_read_and_can_be_sent_elsewhere(tmp_path):
    path = support.write(support.random_potential(), tmp_path / "Si.snnp")
    path.write_bytes(re.sub(rb"^#.*", b"# M\xfcller", path.read_bytes()).rpartition(b"end ")[0] + b"end\n")
    potential = pickle.loads(pickle.dumps(_core.read_potential(path)))
    assert potential.comment == " M\ufffdller"
    assert _core.format_potential(potential).startswith("# M\ufffdller\n")


def test_a_path_that_is_no_unicode_is_named_as_well_as_possible(tmp_path):
    with pytest.raises(snnp.Error, match="M\ufffdller\\.snnp: cannot be opened for reading"):
        snnp.load(os.fsdecode(bytes(tmp_path) + b"/M\xfcller.snnp"))


@pytest.mark.parametrize("kind", ["device", "pipe", "folder"])
def test_what_is_no_file_is_refused_unopened(tmp_path, kind):
    path = Path("/dev/zero") if kind == "device" else tmp_path / "Si.snnp"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    with pytest.raises(snnp.Error, match=f"{path}: is no regular file"):
        snnp.load(path)


def test_a_file_larger_than_any_potential_is_refused_before_it_fills_the_memory(tmp_path):
    path = tmp_path / "Si.snnp"
    with open(path, "wb") as file:
        file.truncate(10**12)  # of zeros that take no room on the disk
    with pytest.raises(snnp.Error, match=r"Si\.snnp: is larger than 512 MB, expected a potential file"):
        snnp.load(path)


def test_a_line_longer_than_any_of_a_potential_is_refused():
    text = _core.format_potential(support.random_potential()).replace(
        "\nlinear\n", "\nlinear\n" + 4_000_000 * "0 0 ", 1
    )
    with pytest.raises(snnp.Error, match=r"name:8: found a line of \d+ characters, expected at most 10000000"):
        _core.parse_potential(text, "name")


def without_shared_knots(filters, knots):
    """A potential of functions g each of which has knots of its own: a table of all has filters × knots intervals."""
    rng = np.random.default_rng(0)
    p = support.random_potential(n2=0, n3=1, activation="none", core=False)
    p.n3 = filters
    element = p.elements[0]
    element.linear, element.lowest, element.highest = [0.0] * filters, [], []
    p.f = p.f * filters
    p.g = [_core.Spline([-1, *sorted(rng.uniform(-0.99, 0.99, knots)), 1], np.zeros(knots + 4)) for _ in range(filters)]
    return p


def with_long_tensor(knots):
    p = support.random_potential(n2=0, n3=0, activation="none", core=False)
    short = [1.0, 2.0]
    p.V = [_core.Tensor(short, short, np.linspace(1, 4, knots), np.zeros(16 * (knots + 2)))]
    return p


@pytest.mark.parametrize(
    "make", [lambda: without_shared_knots(1500, 8), lambda: with_long_tensor(5000)], ids=["knots", "tensor"]
)
def test_a_potential_is_refused_by_what_its_tables_would_cost(make):
    """A file of some hundred kB whose tables take 2 GB."""
    potential = make()
    for use in (_core.Potential.check, _core.Engine, _core.format_potential):
        with pytest.raises(snnp.Error, match=r"potential: its tables would take \d\.\d GB, expected at most 1\.1 GB"):
            use(potential)


def test_many_filters_with_knots_in_common_are_no_matter():
    p = support.random_potential(n2=0, n3=1, activation="none", core=False)
    p.n3 = 1000
    p.elements[0].linear, p.elements[0].lowest, p.elements[0].highest = [0.0] * 1000, [], []
    p.f, p.g = p.f * 1000, p.g * 1000
    p.check()


@pytest.mark.parametrize(("name", "splines"), [("n2", "rho"), ("n3", "f")])
def test_numbers_of_filters_near_the_largest_integer_are_refused(name, splines):
    potential = support.random_potential(n2=2, n3=2)
    setattr(potential, name, 2**31 - 1)
    with pytest.raises(snnp.Error, match=f"found 2 splines {splines}, expected 2147483647"):
        potential.check()


@pytest.mark.parametrize("elements", [10, 20])
def test_potentials_of_many_elements_are_no_matter(elements):
    """As tables of metals and their alloys have them."""
    names = chemical_symbols[21 : 21 + elements]
    _core.Engine(support.random_potential(names, n2=2, n3=1))


def test_a_comment_of_several_lines_is_refused(tmp_path):
    potential = support.random_potential()
    potential.comment = "one\ntwo"
    with pytest.raises(snnp.Error, match="comment"):
        support.write(potential, tmp_path / "Si.snnp")


def test_the_example_of_the_page_has_the_energy_that_the_page_states():
    page = PAGE.read_text(encoding="utf-8")
    (example,) = re.findall(r"```snnp\n(.*?)```", page, re.DOTALL)
    (energy,) = re.findall(r"have the energy (\S+) eV", page)
    potential = _core.parse_potential(example, str(PAGE))
    trimer = Atoms("Si3", [[0, 0, 0], [2, 0, 0], [0, 2.5, 0]])
    assert reference.evaluate(potential, trimer).energy == pytest.approx(float(energy), abs=ENERGY)
    assert snnp.SNNP(potential).get_potential_energy(trimer) == pytest.approx(float(energy), abs=ENERGY)


@pytest.mark.parametrize(
    ("version", "line", "what"),
    [
        (1, "density Si", "'density'"),
        (1, "spline U Si uniform 2 0 1", "'spline U'"),
        (1, "spline rho 1 Si Si uniform 2 1 2 open\n1 1 1 1", "'open'"),
        (1, "spline rho 1 Si Si knots 3\n1 1 2\n1 1 1 0 0", "a repeated knot"),
        (1, "tensor Si Si Si", "'tensor'"),
        (2, "energies Si 1\n0 1 -1 0", "'energies'"),
        (2, "floor Si 1 0.1 0.1", "'floor'"),
        (2, "spline floor Si uniform 2 0 1", "'spline floor'"),
        (3, "curve 1 uniform 2 1 2\n1 1 0 0", "'curve'"),
        (3, "spline rho 1 Si Si curves 1\n1", "'curves'"),
        (3, "spline rho 1 * * curves 1\n1", "'curves'"),
    ],
)
def test_lines_that_the_version_of_a_file_did_not_have_are_refused(version, line, what):
    def sentence(version):
        with pytest.raises(snnp.Error) as told:
            _core.parse_potential(f"# x\nsnnp {version}\nelements Si\nfilters 1 0\n{line}\nend\n", "x.snnp")
        return str(told.value)

    assert re.match(rf"x\.snnp:[56]: found {what} in version {version}, expected 'snnp", sentence(version))
    first = int(re.search(r"expected 'snnp (\d)' or higher", sentence(version)).group(1))
    assert "or higher" in sentence(first - 1)
    assert "or higher" not in sentence(first)
