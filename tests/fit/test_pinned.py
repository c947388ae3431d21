"""Fits in which φ of some pairs is that of a given potential and stays as it is."""

import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator

import snnp
from fitting import QUICK, assignments, command
from snnp import _core, convert
from snnp.cli import app, fit_app
from snnp.config import ConfigError, read
from snnp.data import from_atoms
from snnp.data.neighbors import structures
from snnp.mapping.parameters import LinearParameters
from snnp.mapping.rigidity import Rigidity
from snnp.models.linear import END
from snnp.models.pinned import marked_pairs, pinned_pairs, pinned_potential
from support import liquid, random_potential

KINDS = {
    "pair": {"model.kind": "pair"},
    "uf3": {"model.kind": "uf3", "model.radial_knots": 5},
    "eam": {"model.kind": "eam", "training.steps": 20},
    "snnp": {**QUICK, "training.steps": 20},
}


def eam(elements=("Si",), core=False):
    """φ, one ρ and U."""
    p = random_potential(elements, n2=1, n3=0, activation="density", core=core, cutoff=4.4)
    changed = p.elements
    for element in changed:
        element.linear = [0.0]
    p.elements = changed
    return p


def evaluated(potential, atoms):
    s = structures([atoms], [e.name for e in potential.elements], potential.cutoff())
    return _core.Engine(potential).evaluate(s, 1)


def labelled(potential, elements, count=8):
    """Random structures with energies and forces of a potential."""
    frames = []
    for seed in range(count):
        atoms = liquid(list(elements), seed, n=24, amplitude=0.2, spacing=2.5)
        out = evaluated(potential, atoms)
        atoms.calc = SinglePointCalculator(atoms, energy=float(out["energy"]), forces=out["forces"])
        frames.append(atoms)
    return frames


def fit(folder, frames, kind, check=True, file="given.snnp", **more):
    ase.io.write(folder / "data.xyz", frames)
    settings = {"loss.stress": 0, "training.threads": 1, **KINDS[kind]}
    settings |= {"model.pair_cutoff": 4.4, "model.pinned.phi": folder / file, **more}
    words = (folder / "data.xyz", "-o", folder / "x.snnp", *assignments(settings))
    return command(fit_app, *words, check=check)


def same(one, other):
    np.testing.assert_array_equal(one.knots, other.knots)
    np.testing.assert_array_equal(one.coefficients, other.coefficients)


@pytest.mark.parametrize("kind", KINDS)
def test_phi_is_that_of_the_file_with_its_own_knots(tmp_path, kind):
    """And what is written is the sum: its errors are those of the table of the fit."""
    teacher = eam()
    snnp.Potential(teacher).write(tmp_path / "given.snnp")
    done = fit(tmp_path, labelled(teacher, ["Si"]), kind)
    assert "φ of Si-Si of given.snnp stays as it is: it leaves forces of" in done.stdout
    found = _core.read_potential(str(tmp_path / "x.snnp"))
    same(found.pairs[0].phi, teacher.pairs[0].phi)
    assert found.pairs[0].zbl_outer == 0
    errors = snnp.evaluate(tmp_path / "x.snnp", tmp_path / "data.xyz").errors.all
    line = next(line for line in (tmp_path / "x.log").read_text().splitlines() if line.startswith("│ train"))
    # The table has them without the few validation frames.
    assert float(line.split("│")[6].split("/")[0]) == pytest.approx(errors.force[0], rel=0.3)


def test_with_its_phi_an_eam_is_found_again(tmp_path):
    """φ takes up no part of U that is linear: forces without ρ and U are far off."""
    teacher = eam()
    snnp.Potential(teacher).write(tmp_path / "given.snnp")
    fit(tmp_path, labelled(teacher, ["Si"], 20), "eam", **{"training.steps": 200})
    found = _core.read_potential(str(tmp_path / "x.snnp"))
    (test,) = labelled(teacher, ["Si"], 30)[-1:]
    expected, alone = test.get_forces(), evaluated(pinned_potential(tmp_path / "given.snnp", ["Si"]), test)["forces"]
    left = np.abs(expected - alone).mean()
    assert np.abs(evaluated(found, test)["forces"] - expected).mean() < 0.2 * left


@pytest.mark.parametrize("kind", ["pair", "eam", "snnp"])
def test_other_pairs_are_fitted(tmp_path, kind):
    """A file of one element pins its own pair; its core goes with it, and the others have theirs."""
    teacher = eam(("In", "P"))
    alone = eam(("P",), core=True)
    snnp.Potential(alone).write(tmp_path / "given.snnp")
    more = {"model.elements": "separate"} if kind == "snnp" else {}
    fit(tmp_path, labelled(teacher, ["In", "P"]), kind, **more)
    found = _core.read_potential(str(tmp_path / "x.snnp"))
    names = [e.name for e in found.elements]
    n = names.index("P")
    for a in range(2):
        for b in range(a, 2):
            pair = found.pairs[found.pair_index(a, b)]
            if a == b == n:
                same(pair.phi, alone.pairs[0].phi)
                assert (pair.zbl_inner, pair.zbl_outer) == (alone.pairs[0].zbl_inner, alone.pairs[0].zbl_outer)
            else:
                assert np.abs(pair.phi.coefficients).max() > 1e-3
                assert pair.zbl_outer > 0


def test_phi_of_a_classical_file(tmp_path):
    """To the tolerance of the conversion, 1e-6 eV; that of an EAM is the one in the file, not an effective one."""
    teacher = eam()
    convert.write(teacher, tmp_path / "given.eam.alloy", convert.Options())
    fit(tmp_path, labelled(teacher, ["Si"]), "pair", file="given.eam.alloy")
    found = _core.read_potential(str(tmp_path / "x.snnp")).pairs[0].phi
    again = convert.read(tmp_path / "given.eam.alloy", convert.Options()).pairs[0].phi
    same(found, again)


def test_pairs_are_found_by_elements_in_any_order(tmp_path):
    snnp.Potential(eam(("Si", "P", "In"))).write(tmp_path / "given.snnp")
    given = _core.read_potential(str(tmp_path / "given.snnp"))
    elements = ["In", "Ge", "P"]
    assert pinned_pairs(tmp_path / "given.snnp", elements) == [0, 2, 5]  # In-In, In-P, P-P
    found = pinned_potential(tmp_path / "given.snnp", elements)
    same(found.pairs[2].phi, given.pairs[given.pair_index(1, 2)].phi)
    assert not np.any(found.pairs[1].phi.coefficients)


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        ({"baseline": "y.snnp"}, "model.pinned makes no sense beside model.baseline"),
        ({"floor": True}, "expected no floor together with model.pinned"),
    ],
)
def test_what_excludes_it(model, complaint):
    with pytest.raises(ConfigError, match=complaint):
        read({"model": {"pinned": {"phi": "x.snnp"}, **model}})


def test_not_of_systems():
    systems = {"data": {name: {"train": ["x.xyz"]} for name in "ab"}}
    with pytest.raises(ConfigError, match="pinned makes no sense beside systems"):
        read({"model": {"pinned": {"phi": "x.snnp"}}, "systems": systems})


@pytest.mark.parametrize(
    ("given", "more", "complaint"),
    [
        ("none.snnp", {}, "none.snnp does not exist"),
        ("other.snnp", {}, "other.snnp has Ge, expected elements of the data (Si)"),
        ("x.txt", {}, "x.txt"),
        ("given.snnp", {"model.curvature.phi": 1.0}, "model.curvature.phi: φ of all pairs stays as it is"),
        ("given.snnp", {"model.elements": "shared"}, "model.pinned makes no sense with model.elements shared"),
    ],
)
def test_a_file_that_cannot_be_is_named(tmp_path, given, more, complaint):
    snnp.Potential(eam()).write(tmp_path / "given.snnp")
    snnp.Potential(eam(("Ge",))).write(tmp_path / "other.snnp")
    (tmp_path / "x.txt").write_text("1 2\n")
    done = fit(tmp_path, labelled(eam(), ["Si"], 4), "snnp", check=False, file=given, **more)
    assert done.returncode == 1
    assert complaint in done.stderr and done.stderr.count("error:") == 1


def phi(r):
    """φ, eV, that comes to zero at 4.4 Å with its slope."""
    return 40 * np.exp(-2 * r) * (4.4 - r) ** 2


def table(file, begin=1.0, end=4.4, count=60, values=phi):
    r = np.linspace(begin, end, count)
    lines = [f"{a:.9f} {b:.9f}" for a, b in zip(r, values(r), strict=True)]
    file.write_text("\n".join(["# r (Å), φ (eV)", *lines, ""]))
    return r


def test_phi_of_a_table(tmp_path):
    """It goes through the points, in between as smooth as it can, and ends with value and slope zero."""
    r = table(tmp_path / "given.txt")
    done = fit(tmp_path, labelled(eam(), ["Si"]), "pair", file="given.txt")
    assert "φ of Si-Si of given.txt stays as it is" in done.stdout
    found = snnp.Potential.read(tmp_path / "x.snnp").phi("Si", "Si")
    np.testing.assert_allclose(found(r), phi(r), atol=1e-7)  # digits of the table
    between = (r[1:] + r[:-1]) / 2
    np.testing.assert_allclose(found(between), phi(between), atol=1e-3)  # h⁴ φ''''/384, more in the first pieces
    assert found(4.5) == 0


def test_tables_by_pair_of_elements(tmp_path):
    """With paths of the configuration; the file tells which φ were given."""
    (tmp_path / "tables").mkdir()
    r = table(tmp_path / "tables" / "InP.dat")
    ase.io.write(tmp_path / "data.xyz", labelled(eam(("In", "P")), ["In", "P"]))
    lines = ["data: {train: [data.xyz]}", "output: x.snnp", "loss: {stress: 0}", "training: {threads: 1}",
             "model: {kind: pair, pinned: {phi: {P-In: tables/InP.dat}}}"]  # fmt: skip
    (tmp_path / "fit.yaml").write_text("\n".join(lines))
    command(fit_app, tmp_path / "fit.yaml", check=True)
    p = snnp.Potential.read(tmp_path / "x.snnp")
    np.testing.assert_allclose(p.phi("In", "P")(r), phi(r), atol=1e-7)
    names = [e.name for e in p.data.elements]
    assert f"PINNED: phi {names[0]}-{names[1]} CITATION:" in p.data.comment
    assert marked_pairs(p.data) == [1]
    p.data.comment = p.data.comment.replace("none", "on In-In")
    assert marked_pairs(p.data) == [1]
    shown = command(app, "info", tmp_path / "x.snnp", check=True).stdout
    assert shown.count("φ was given to the fit") == 1
    shown = command(app, "report", tmp_path / "x.snnp", "-o", tmp_path / "x.html", check=True)
    assert f"φ of {names[0]}-{names[1]} was given to the fit" in (tmp_path / "x.html").read_text()
    again = command(fit_app, tmp_path / "x.yaml", "-o", tmp_path / "y.snnp", check=True)  # what the fit has written
    assert "of InP.dat stays as it is" in again.stdout


def test_uncertainties_are_those_of_what_was_fitted(tmp_path):
    """A given φ, with any knots, has no parameters: fewer of them are less uncertain."""
    teacher = eam(("In", "P"))
    snnp.Potential(eam(("P",))).write(tmp_path / "given.snnp")
    frames = labelled(teacher, ["In", "P"])
    fit(tmp_path, frames, "eam")
    found = _core.read_potential(str(tmp_path / "x.snnp"))
    s = structures(frames[:1], [e.name for e in found.elements], found.cutoff())
    count = LinearParameters(found, 1).energies(s).shape[1]
    assert len({len(pair.phi.knots) for pair in found.pairs}) == 2
    unmarked = _core.parse_potential(_core.format_potential(found), "copy")
    unmarked.comment = found.comment.replace("PINNED: phi P-P ", "")
    own = len(found.pairs[found.pair_index(*[[e.name for e in found.elements].index("P")] * 2)].phi.knots)
    assert LinearParameters(unmarked, 1).energies(s).shape[1] == count + own + 2 - END
    known = from_atoms(frames, "train").frames
    marked, free = (Rigidity(p, known)(s) for p in (found, unmarked))
    assert marked.mean() < free.mean()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda lines: ["DATE: today", *lines], "t.txt:1: found 'DATE:', expected two numbers"),
        (lambda lines: [*lines[:9], "1.5 0.2 0.1", *lines[9:]], "t.txt:10: found 3 words, expected two numbers, r"),
        (lambda lines: [*lines[:9], lines[8], *lines[9:]], "t.txt:10: found the distance .*, expected more than"),
        (lambda lines: [*lines[:9], "1.5 nan", *lines[10:]], "t.txt:10: found 'nan', expected two numbers"),
        (lambda lines: lines[:8], "t.txt:8: found 7 rows, expected at least 10"),
        (lambda lines: lines[:-20], r"t.txt:41: the table ends at .* Å with φ = .* expected it to come to zero there"),
        (lambda lines: [*lines, "100 0"], "t.txt:62: found the distance 100, expected at most 30 Å"),
        (lambda lines: ["0 9", *lines], "t.txt:1: found the distance 0, expected more than 0 Å"),
        (lambda lines: [], "t.txt: the file is empty"),
    ],
)  # fmt: skip
def test_a_table_that_cannot_be_is_named_by_its_line(tmp_path, change, complaint):
    table(tmp_path / "t.txt")
    lines = change((tmp_path / "t.txt").read_text().splitlines())
    (tmp_path / "t.txt").write_text("\n".join(lines))
    with pytest.raises(snnp.Error, match=complaint):
        pinned_potential(tmp_path / "t.txt", ["Si"])


def test_a_table_says_of_which_pair_it_is(tmp_path):
    table(tmp_path / "t.txt")
    for given, complaint in (
        (tmp_path / "t.txt", "is a table, and the data have In P: expected the pair, too, as {In-P: .*t.txt}"),
        ({"In-Ge": tmp_path / "t.txt"}, "found the pair 'In-Ge', expected some of In-In, In-P, P-P, each once"),
        ({"In-P": tmp_path / "t.txt", "P-In": tmp_path / "t.txt"}, "found the pair 'P-In'"),
    ):
        with pytest.raises(snnp.Error, match=complaint):
            pinned_potential(given, ["In", "P"])


def test_a_table_reaches_down_to_the_data(tmp_path):
    table(tmp_path / "t.txt", begin=2.2)
    done = fit(tmp_path, labelled(eam(), ["Si"]), "pair", check=False, file="t.txt")
    assert done.returncode == 1
    assert "t.txt begins at 2.2 Å, but Si-Si of the data come as close as" in done.stderr


def test_a_table_that_attracts_where_it_begins_has_a_core(tmp_path):
    table(tmp_path / "t.txt", values=lambda r: -phi(r))
    pair = pinned_potential(tmp_path / "t.txt", ["Si"]).pairs[0]
    assert (pair.zbl_inner, pair.zbl_outer) == pytest.approx((0.8, 1.0))
