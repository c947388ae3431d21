"""Fits in which φ of some pairs is that of a given potential and stays as it is."""

import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator

import snnp
from fitting import QUICK, assignments, command
from snnp import _core, convert
from snnp.cli import fit_app
from snnp.config import ConfigError, read
from snnp.data.neighbors import structures
from snnp.models.pinned import pinned_pairs, pinned_potential
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
