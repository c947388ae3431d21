"""A converted file is the same potential: LAMMPS finds the same with its own pair style and with ours."""

import numpy as np
import pytest
from ase import Atoms

import foreign_files
import run_lammps as lmp
from converting import TABLE_ENERGY, TABLE_FORCE, TOLERANCE, WHEEL, assert_same, converted, pair, structures
from snnp import _core

FILES = {
    "old layout": ("X.meam.spline", "meam/spline", ["Si"], lambda rng: foreign_files.meam_spline(rng)),
    "new layout": ("X.meam.spline", "meam/spline", ["Si"], lambda rng: foreign_files.meam_spline(rng, ["Si"])),
    "two elements": (
        "X.meam.spline",
        "meam/spline",
        ["Ti", "O"],
        lambda rng: foreign_files.meam_spline(rng, ["Ti", "O"]),
    ),
    "from zero": ("X.meam.spline", "meam/spline", ["Si"], lambda rng: foreign_files.meam_spline(rng, nearest=0.0)),
    "sw": ("X.meam.sw.spline", "meam/sw/spline", ["Si"], foreign_files.meam_sw_spline),
}


@pytest.fixture(params=FILES)
def meam(request, tmp_path):
    name, style, elements, text = FILES[request.param]
    source = tmp_path / name
    source.write_text(text(np.random.default_rng(len(request.param))))
    return source, style, elements


def test_spline_meam_is_the_same_in_all_structures(meam, session, tmp_path):
    source, style, elements = meam
    converted(source, tmp_path / "p.snnp", elements=elements)
    for atoms in structures(elements).values():
        assert_same(
            session, atoms, elements, pair(style, source, elements), pair("snnp", tmp_path / "p.snnp", elements)
        )


def test_spline_meam_comes_back_unchanged(meam, tmp_path):
    source, _, elements = meam
    converted(source, tmp_path / "p.snnp", elements=elements)
    back = tmp_path / f"back{''.join(source.suffixes)}"
    assert converted(tmp_path / "p.snnp", back) == []
    np.testing.assert_allclose(_points(back), _points(source), atol=1e-12)


def _points(path):
    """Knots and values of all splines of a file."""
    rows = [line.split() for line in path.read_text().splitlines()[1:]]
    return np.array([row[:2] for row in rows if len(row) == 3 and row[0] != "meam/spline"], dtype=float)


WHEEL_FILES = [
    ("Ti.meam.spline", "meam/spline", ["Ti"]),
    ("TiO.meam.spline", "meam/spline", ["Ti", "O"]),
    ("Si_1.meam.spline", "meam/spline", ["Si"]),
    ("Si_2.meam.spline", "meam/spline", ["Si"]),
    ("Ti.meam.sw.spline", "meam/sw/spline", ["Ti"]),
    ("Si.b.meam.sw.spline", "meam/sw/spline", ["Si"]),
    ("Nb.uf3", "uf3 3", ["Nb"]),
]


@pytest.mark.parametrize(("name", "style", "elements"), WHEEL_FILES)
def test_published_spline_potentials_are_the_same_there_and_back(name, style, elements, session, tmp_path):
    converted(WHEEL / name, tmp_path / "p.snnp", elements=elements)
    back = tmp_path / name
    converted(tmp_path / "p.snnp", back)
    for atoms in structures(elements).values():
        theirs, ours = pair(style, WHEEL / name, elements), pair("snnp", tmp_path / "p.snnp", elements)
        assert_same(session, atoms, elements, theirs, ours)
        assert_same(session, atoms, elements, theirs, pair(style, back, elements))


@pytest.mark.parametrize("kind", ["uk", "nk"])
@pytest.mark.parametrize("bodies", [2, 3])
@pytest.mark.parametrize("elements", [["Nb"], ["W", "Ta"]], ids=["one element", "two elements"])
def test_uf3_is_the_same_inside_its_domain_there_and_back(kind, bodies, elements, session, tmp_path):
    source = tmp_path / "X.uf3"
    source.write_text(foreign_files.uf3(np.random.default_rng(5), elements, kind, three_body=bodies == 3))
    converted(source, tmp_path / "p.snnp")
    converted(tmp_path / "p.snnp", tmp_path / "back.uf3")
    style = f"uf3 {bodies}"
    for atoms in structures(elements, first_distance=1.0).values():
        theirs = pair(style, source, elements)
        assert_same(session, atoms, elements, theirs, pair("snnp", tmp_path / "p.snnp", elements))
        assert_same(session, atoms, elements, theirs, pair(style, tmp_path / "back.uf3", elements))


def test_below_the_first_knot_of_a_uf3_file_atoms_repel_each_other_and_are_counted(session, tmp_path):
    (tmp_path / "X.uf3").write_text(foreign_files.uf3(np.random.default_rng(6), ["Nb"]))
    converted(tmp_path / "X.uf3", tmp_path / "p.snnp")
    converted(tmp_path / "p.snnp", tmp_path / "back.uf3")
    commands = pair("snnp", tmp_path / "p.snnp", ["Nb"]).replace(
        "pair_style snnp", "pair_style snnp extrapolation ignore"
    )
    for r, outside in ((0.4, 2), (1.02, 0)):
        atoms = lmp.in_lammps_frame(Atoms("Nb2", [[0, 0, 0], [r, 0, 0]]))
        session.start(atoms, ["Nb"], commands)
        session.run("compute outside all pair snnp", "thermo_style custom step pe c_outside[1]", "run 0")
        assert session.lmp.numpy.extract_compute("outside", 0, 1)[0] == outside
        if outside:
            assert session.of_atoms("f")[0, 0] < -100
            # So they do in the file that is written.
            session.start(atoms, ["Nb"], pair("uf3 3", tmp_path / "back.uf3", ["Nb"]))
            session.run("run 0")
            assert session.of_atoms("f")[0, 0] < -100


def test_a_model_of_the_package_uf3_is_the_file_that_it_writes_and_its_energies_of_atoms(tmp_path):
    text = foreign_files.uf3(np.random.default_rng(7), ["W", "Ta"])
    (tmp_path / "X.uf3").write_text(text)
    (tmp_path / "X.json").write_text(foreign_files.uf3_json(text, {"W": -8.5, "Ta": 1.25}))
    converted(tmp_path / "X.uf3", tmp_path / "a.snnp", e0={"W": -8.5, "Ta": 1.25})
    converted(tmp_path / "X.json", tmp_path / "b.snnp")
    assert _body(tmp_path / "a.snnp") == _body(tmp_path / "b.snnp")
    # The energies stay when such a file is written and read again.
    converted(tmp_path / "a.snnp", tmp_path / "back.uf3")
    converted(tmp_path / "back.uf3", tmp_path / "c.snnp")
    assert [e.e0 for e in _core.read_potential(str(tmp_path / "c.snnp")).elements] == [-8.5, 1.25]


def _body(path):
    """A potential file without comment and checksum."""
    return path.read_text().split("\n", 1)[1].rpartition("\nend")[0]


SETFL = [("X.eam.alloy", "eam/alloy", False), ("X.eam.fs", "eam/fs", True)]


@pytest.mark.parametrize(("name", "style", "fs"), SETFL)
def test_embedded_atoms_are_the_same_within_the_tolerance_there_and_back(name, style, fs, session, tmp_path):
    elements = ["Si", "Al"]
    (tmp_path / name).write_text(foreign_files.setfl(elements, fs))
    converted(tmp_path / name, tmp_path / "p.snnp", tolerance=TOLERANCE)
    converted(tmp_path / "p.snnp", tmp_path / f"back_{name}", tolerance=TOLERANCE)
    for atoms in structures(elements).values():
        for pair_2 in (pair("snnp", tmp_path / "p.snnp", elements), pair(style, tmp_path / f"back_{name}", elements)):
            assert_same(
                session, atoms, elements, pair(style, tmp_path / name, elements), pair_2, TABLE_ENERGY, TABLE_FORCE
            )


def test_published_embedded_atoms_are_the_same_within_the_tolerance(session, tmp_path):
    for name, style, elements in (
        ("Cu_mishin1.eam.alloy", "eam/alloy", ["Cu"]),
        ("AlFe_mm.eam.fs", "eam/fs", ["Al", "Fe"]),
    ):
        converted(WHEEL / name, tmp_path / "p.snnp", tolerance=TOLERANCE)
        for atoms in structures(elements).values():
            theirs, ours = pair(style, WHEEL / name, elements), pair("snnp", tmp_path / "p.snnp", elements)
            assert_same(session, atoms, elements, theirs, ours, TABLE_ENERGY, TABLE_FORCE)
