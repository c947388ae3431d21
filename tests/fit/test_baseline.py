"""A fit with a baseline: the baseline stays as it is, what it leaves is fitted, and the potential is the sum."""

import ase.io
import numpy as np
import pytest
from ase.calculators.singlepoint import SinglePointCalculator

import snnp
from fitting import QUICK, assignments, command
from snnp import _core
from snnp.cli import fit_app
from snnp.data.neighbors import structures
from snnp.models.sums import added, check_baseline
from support import liquid, random_potential, random_spline, with_tensors


def dense(elements, seed):
    return liquid(elements, seed, n=24, amplitude=0.2, spacing=2.5)


def evaluated(potential, atoms):
    s = structures(atoms, [e.name for e in potential.elements], potential.cutoff())
    return _core.Engine(potential).evaluate(s, 1)


@pytest.mark.parametrize("core", [True, False])
@pytest.mark.parametrize("kind", ["density", "none", "tensors"])
def test_energies_forces_and_virials_add_up(kind, core):
    """Also of single atoms, and if the baseline has more elements and another order."""
    baseline = random_potential(("Si", "P", "In"), 1, activation="density" if kind == "density" else "none", core=core)
    baseline = with_tensors(baseline) if kind == "tensors" else baseline
    fitted = random_potential(("In", "P"), 2, n2=2, n3=3, core=not core)
    atoms = [dense(["In", "P"], seed) for seed in range(2)]
    total = evaluated(added(baseline, fitted), atoms)
    parts = [evaluated(p, atoms) for p in (baseline, fitted)]
    for name in ("energies", "forces", "virial"):
        expected = parts[0][name] + parts[1][name]
        np.testing.assert_allclose(total[name], expected, atol=1e-9 * max(np.abs(expected).max(), 1))


def test_only_potentials_of_splines_with_all_elements_can_be_baselines():
    eam = random_potential(("In", "P"), activation="density")
    check_baseline(eam, ["P"], "x")
    with pytest.raises(snnp.Error, match="x: it has In P, expected all elements of the data, also Si"):
        check_baseline(eam, ["In", "Si"], "x")
    with pytest.raises(snnp.Error, match="x: it has a network"):
        check_baseline(random_potential(("In", "P")), ["In", "P"], "x")


def eam():
    """A baseline: φ, one ρ and U."""
    p = random_potential(n2=1, n3=0, activation="density", core=False, cutoff=4.4)
    elements = p.elements
    elements[0].linear = [0.0]
    p.elements = elements
    return p


def teacher():
    """The baseline and a pair potential more."""
    rest = _core.parse_potential(
        _core.format_potential(random_potential(n2=0, n3=0, activation="none", core=False)), ""
    )
    pairs = rest.pairs
    pairs[0].phi = random_spline(np.random.default_rng(5), 1.5, 4.4, 6, scale=0.05)
    rest.pairs = pairs
    return added(eam(), rest)


@pytest.fixture
def folder(tmp_path):
    snnp.Potential(eam()).write(tmp_path / "eam.snnp")
    frames = []
    for seed in range(24):
        atoms = dense(["Si"], seed)
        out = evaluated(teacher(), [atoms])
        atoms.calc = SinglePointCalculator(atoms, energy=out["energy"], forces=out["forces"])
        frames.append(atoms)
    ase.io.write(tmp_path / "data.xyz", frames)
    return tmp_path


def fit(folder, check=True, **more):
    settings = {**QUICK, "training.steps": 20, "model.baseline": folder / "eam.snnp", **more}
    return command(fit_app, folder / "data.xyz", "-o", folder / "Si.snnp", *assignments(settings), check=check)


def test_what_the_baseline_leaves_is_fitted(folder):
    """The rest is a pair potential, which the linear start finds; the functions of the baseline are in the file."""
    log = fit(folder).stdout
    assert "baseline eam.snnp, which stays as it is: it leaves forces of" in log
    fitted, before = (snnp.Potential.read(folder / name) for name in ("Si.snnp", "eam.snnp"))
    np.testing.assert_array_equal(fitted.rho(1, "Si", "Si").coefficients, before.phi("Si", "Si").coefficients)
    np.testing.assert_array_equal(fitted.rho(2, "Si", "Si").coefficients, before.rho(1, "Si", "Si").coefficients)
    np.testing.assert_array_equal(fitted.U("Si").coefficients, before.U("Si").coefficients)
    atoms = [dense(["Si"], 100)]
    found, expected, alone = (evaluated(p, atoms)["forces"] for p in (fitted.data, teacher(), before.data))
    left = np.abs(expected - alone).mean()
    assert left > 0.05
    assert np.abs(found - expected).mean() < 0.15 * left  # knots of the rest are not those of the fit


def test_errors_in_the_table_are_those_of_the_sum(folder):
    fit(folder)
    data = snnp.evaluate(folder / "Si.snnp", folder / "data.xyz").errors.all
    assert data.energy[0] < 5  # meV/atom; energies of the baseline are of some eV
    log = (folder / "Si.log").read_text()
    line = next(line for line in log.splitlines() if line.startswith("│ train"))
    assert float(line.split("│")[5].split("/")[0]) < 5


def test_a_floor_and_a_baseline_exclude_each_other(folder):
    done = fit(folder, check=False, **{"model.floor": "true"})
    assert done.returncode == 1
    assert "expected no floor together with a baseline" in done.stderr


def test_a_baseline_that_cannot_be_read_is_named(folder):
    done = fit(folder, check=False, **{"model.baseline": folder / "none.snnp"})
    assert done.returncode == 1
    assert "none.snnp" in done.stderr and done.stderr.count("error:") == 1
