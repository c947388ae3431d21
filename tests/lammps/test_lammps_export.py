"""LAMMPS runs an exported potential with its own pair styles, with the same result as ours."""

import re

import numpy as np
import pytest
from ase import Atoms

import run_lammps as lmp
from converting import TABLE_ENERGY, TABLE_FORCE, TOLERANCE, assert_same, converted, pair, structures
from snnp import _core
from support import random_potential, random_spline, with_tensors, write

FIRST = 1.6  # Å: all splines begin here, and the core ends, as in what snnp-fit makes


def made(elements, n2, n3, activation, core=True, seed=0):
    """A potential like a fitted one: splines of all pairs on the same knots, a core below the first. Densities are
    positive, and what surrounds an atom does not depend on its element, which most formats need."""
    rng = np.random.default_rng(seed)
    p = random_potential(elements, seed, n2, n3, activation=activation, core=core)
    E = len(elements)
    P = E * (E + 1) // 2
    pairs, atoms = p.pairs, p.elements
    for pair_ in pairs:
        pair_.phi = _radial(rng, 5.0)
        if core:
            pair_.zbl_inner, pair_.zbl_outer, pair_.shortest = 0.8 * FIRST, FIRST, FIRST
    p.pairs = pairs
    rho = [_radial(rng, 5.0, positive=True) for _ in range(E * n2)]
    f, g = (
        [_radial(rng, 4.0) for _ in range(E * n3)],
        [random_spline(rng, -1, 1, 7, False, scale=0.3) for _ in range(P * n3)],
    )
    p.rho, p.f, p.g = rho * E, f * E, g * E
    density = np.abs(rng.normal(size=n2 + n3)) + 0.2
    for e in atoms:
        e.density = density if activation == "density" else []
        if activation == "density":
            e.U = random_spline(rng, 0.0, 6.0, 7, False)
        # Linear in the density: the only linear part for which there is a place everywhere.
        e.linear = 0.3 * density
    p.elements = atoms
    p.check()
    return p


def _radial(rng, cutoff, positive=False):
    s = random_spline(rng, FIRST, cutoff, 8, scale=0.3)
    return _core.Spline(s.knots, np.abs(s.coefficients)) if positive else s


def energy_of_atoms(potential, atoms):
    e0 = {e.name: e.e0 for e in potential.elements}
    return sum(e0[symbol] for symbol in atoms.symbols)


def compare(potential, suffix, style, session, folder, has_e0, **tolerances):
    """Ours and theirs in all structures whose atoms are no closer than the first knots; returns what was said."""
    names = [e.name for e in potential.elements]
    source = write(potential, folder / "p.snnp")
    notes = converted(source, folder / f"X{suffix}", tolerance=TOLERANCE)
    for atoms in structures(names, first_distance=FIRST).values():
        offset = 0.0 if has_e0 else -energy_of_atoms(potential, atoms)
        theirs = style(folder / f"X{suffix}", names) if callable(style) else pair(style, folder / f"X{suffix}", names)
        assert_same(session, atoms, names, pair("snnp", source, names), theirs, offset=offset, **tolerances)
    return notes


def table(path, names):
    """The commands for pair_style table that go with a file."""
    points = re.search(r"^N (\d+) ", path.read_text(), re.MULTILINE)[1]
    lines = [f"pair_style table spline {points}"]
    for a, first in enumerate(names):
        lines += [f"pair_coeff {a + 1} {b + 1} {path} {first}_{names[b]}" for b in range(a, len(names))]
    return "\n".join(lines)


ELEMENTS = pytest.mark.parametrize("elements", [["Si"], ["Si", "Ge"]], ids=["one element", "two elements"])
TABLES = {"energy": TABLE_ENERGY, "force": TABLE_FORCE}
PAIR_FORMATS = [
    (".meam.spline", "meam/spline", False, {}),
    (".uf3", "uf3 2", False, {}),
    (".eam.alloy", "eam/alloy", True, TABLES),
    (".eam.fs", "eam/fs", True, TABLES),
    (".table", table, False, TABLES),
]


@ELEMENTS
@pytest.mark.parametrize(("suffix", "style", "has_e0", "tolerances"), PAIR_FORMATS, ids=[f[0] for f in PAIR_FORMATS])
def test_pair_potentials_go_everywhere(elements, suffix, style, has_e0, tolerances, session, tmp_path):
    compare(made(elements, 0, 0, "none"), suffix, style, session, tmp_path, has_e0, **tolerances)


@ELEMENTS
@pytest.mark.parametrize(("suffix", "style"), [(".eam.alloy", "eam/alloy"), (".eam.fs", "eam/fs")])
def test_embedded_atoms_of_several_densities_are_one_density(elements, suffix, style, session, tmp_path):
    compare(made(elements, 2, 0, "density"), suffix, style, session, tmp_path, True, **TABLES)


def test_filters_of_any_kind_that_are_linear_are_a_pair_potential(session, tmp_path):
    potential = random_potential(["Si", "Ge"], n2=2, n3=0, activation="none", core=False)
    compare(potential, ".table", table, session, tmp_path, False, **TABLES)


@pytest.mark.parametrize(("suffix", "style"), [(".eam.alloy", "eam/alloy"), (".eam.fs", "eam/fs")])
def test_negative_densities_are_turned_round(suffix, style, session, tmp_path):
    potential = made(["Si", "Ge"], 1, 0, "density")
    atoms = potential.elements
    for e in atoms:
        e.density = [-d for d in e.density]
        knots = np.array(e.U.knots)
        e.U = _core.Spline(-knots[::-1], e.U.coefficients[::-1])
    potential.elements = atoms
    notes = compare(potential, suffix, style, session, tmp_path, True, **TABLES)
    assert not any("negative" in note for note in notes)


@ELEMENTS
@pytest.mark.parametrize(("n2", "n3"), [(1, 1), (2, 1), (0, 1), (1, 0)])
def test_spline_meam_goes_exactly(elements, n2, n3, session, tmp_path):
    compare(made(elements, n2, n3, "density"), ".meam.spline", "meam/spline", session, tmp_path, False)


@ELEMENTS
def test_linear_triplets_are_a_spline_meam_with_a_straight_line(elements, session, tmp_path):
    compare(made(elements, 1, 1, "none"), ".meam.spline", "meam/spline", session, tmp_path, False)


def test_a_second_triplet_term_that_is_linear_has_a_place_in_meam_sw(session, tmp_path):
    potential = made(["Si"], 1, 2, "density")
    (e,) = potential.elements
    e.density, e.linear = [1.0, 0.7, 0.0], [0.3, 0.21, -1.2]
    potential.elements = [e]
    compare(potential, ".meam.sw.spline", "meam/sw/spline", session, tmp_path, False)


@ELEMENTS
@pytest.mark.parametrize("core", [True, False])
def test_tensors_of_any_knots_and_cutoffs_go_exactly(elements, core, session, tmp_path):
    potential = with_tensors(made(elements, 0, 0, "none", core))
    compare(potential, ".uf3", "uf3 3", session, tmp_path, False)


CORES = [
    (".meam.spline", "meam/spline", r"within (\S+) eV down to (\S+) Å"),
    (".uf3", "uf3 2", r"within (\S+) eV down to (\S+) Å"),
]


@pytest.mark.parametrize(("suffix", "style", "stated"), CORES)
def test_the_core_is_as_close_as_stated_and_goes_on_below(suffix, style, stated, session, tmp_path):
    potential = made(["Si"], 0, 0, "none")
    source = write(potential, tmp_path / "p.snnp")
    notes = converted(source, tmp_path / f"X{suffix}", tolerance=TOLERANCE)
    error, lowest = (float(x) for x in next(m for m in (re.search(stated, n) for n in notes) if m).groups())
    assert 0.4 < lowest < FIRST
    found = []
    for r in np.linspace(0.3, FIRST, 40):
        atoms = lmp.in_lammps_frame(Atoms("Si2", [[0, 0, 0], [r, 0, 0]]))
        energies = []
        for commands in (pair("snnp", source, ["Si"]), pair(style, tmp_path / f"X{suffix}", ["Si"])):
            session.start(atoms, ["Si"], commands)
            session.run("thermo_modify norm no", "run 0")
            energies.append(session.thermo("pe"))
        ours, theirs = energies[0] - energy_of_atoms(potential, atoms), energies[1]
        found.append(theirs)
        if r > lowest + 0.01:
            # The error is stated with two digits.
            assert abs(theirs - ours) <= 1.06 * error
    assert np.all(np.diff(found)[np.linspace(0.3, FIRST, 40)[1:] < lowest] < 0)


def test_a_core_in_tables_is_that_of_the_potential_wherever_atoms_get(session, tmp_path):
    potential = made(["Si"], 0, 0, "none")
    source = write(potential, tmp_path / "p.snnp")
    for suffix, style in ((".eam.alloy", lambda path, names: pair("eam/alloy", path, names)), (".table", table)):
        converted(source, tmp_path / f"X{suffix}", tolerance=TOLERANCE)
        for r in (0.7, 1.0, 1.5):
            atoms = lmp.in_lammps_frame(Atoms("Si2", [[0, 0, 0], [r, 0, 0]]))
            offset = 0.0 if suffix == ".eam.alloy" else -energy_of_atoms(potential, atoms)
            theirs = style(tmp_path / f"X{suffix}", ["Si"])
            assert_same(session, atoms, ["Si"], pair("snnp", source, ["Si"]), theirs, TABLE_ENERGY, TABLE_FORCE, offset)
