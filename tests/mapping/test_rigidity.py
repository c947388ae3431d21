"""Uncertainties of atomic energies: from the very derivatives of the potential, small where data determine much."""

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc100
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

import snnp
from fitting import command
from models import KINDS, random_model
from snnp import _core
from snnp.cli import app
from snnp.data import from_atoms
from snnp.data.names import parse
from snnp.data.neighbors import structures
from snnp.mapping.atomic import ENERGIES, UNCERTAINTIES
from snnp.mapping.parameters import LinearParameters
from snnp.mapping.rigidity import Rigidity


def cluster(elements, n=7):
    rng = np.random.default_rng(3)
    grid = np.array([(0, 0, 0), (2.4, 0, 0), (0, 2.5, 0), (0, 0, 2.3), (2.4, 2.4, 0.2), (2.2, 0, 2.5), (0, 2.4, 2.5)])
    return Atoms([elements[k % len(elements)] for k in range(n)], grid[:n] + rng.normal(0, 0.1, (n, 3)))


def changed(potential, change):
    """A copy of a potential; change(copy) gives it other parameters."""
    copy = _core.parse_potential(_core.format_potential(potential), "copy")
    change(copy)
    return copy


def difference(potential, change, s):
    """Energies of atoms and forces after less before."""
    before, after = (_core.Engine(p).evaluate(s, 1) for p in (potential, changed(potential, change)))
    return after["energies"] - before["energies"], after["forces"] - before["forces"]


def set_element(potential, a, **values):
    elements = potential.elements
    for name, value in values.items():
        setattr(elements[a], name, value)
    potential.elements = elements


def test_rows_do_not_depend_on_threads():
    """Atoms are structures there, whose forces on neighbours several threads would add up at once."""
    potential = random_model(*KINDS["two elements, four-body terms"]).potential(" DATE: none")
    names = [e.name for e in potential.elements]
    s = structures([bulk("Cu", cubic=True).repeat(2)], ["Cu"], potential.cutoff())
    s = _core.Structures(s.offsets, s.indices, s.vectors, np.arange(len(s)) % len(names), s.structure, 1)
    one, four = (LinearParameters(potential, threads).rows(s) for threads in (1, 4))
    for a, b in zip(one, four, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-12)


@pytest.mark.parametrize("kind", ["one element, tanh", "two elements, silu", "two elements, four-body terms"])
def test_rows_are_derivatives_of_atomic_energies_and_forces(kind):
    """The energy is linear in these parameters: a change by 1 of one of them is the derivative to rounding."""
    potential = random_model(*KINDS[kind]).potential(" DATE: none")
    names = [e.name for e in potential.elements]
    s = structures([cluster(names)], names, potential.cutoff())
    rows, forces = LinearParameters(potential, 1).rows(s)

    def in_rows(energies, derivatives):
        near = [
            np.allclose(rows[:, k], energies, atol=1e-9) and np.allclose(forces[:, :, k], derivatives, atol=1e-9)
            for k in range(rows.shape[1])
        ]
        return sum(near)

    a = len(names) - 1
    element = potential.elements[a]
    linear = np.array(element.linear)
    linear[1] += 1
    assert in_rows(*difference(potential, lambda p: set_element(p, a, linear=linear), s)) == 1

    def in_last_layer(p):
        network, last = p.elements[a].network, p.elements[a].network.layers[-1]
        weights = np.array(last.weights)
        weights[2] += 1
        network.layers = [*network.layers[:-1], _core.Layer(last.inputs, 1, weights, last.biases)]
        set_element(p, a, network=network)

    assert in_rows(*difference(potential, in_last_layer, s)) == 1
    energies, derivatives = difference(potential, lambda p: set_element(p, a, e0=element.e0 + 1), s)
    assert in_rows(energies, derivatives) == 1
    assert not derivatives.any()

    def in_phi(p):
        pairs = p.pairs
        coefficients = np.array(pairs[-1].phi.coefficients)
        coefficients[3] += 1
        pairs[-1].phi = _core.Spline(pairs[-1].phi.knots, coefficients)
        p.pairs = pairs

    assert in_rows(*difference(potential, in_phi, s)) == 1


# -- teachers -----------------------------------------------------------------------------------------------------


def labelled(atoms, group):
    """By the effective medium theory, whose atomic energies are known."""
    atoms.calc = EMT()
    results = {name: atoms.calc.get_property(name, atoms) for name in ("energy", "forces", "energies")}
    atoms.info, atoms.arrays["known"] = {"config_type": group}, results.pop("energies")
    atoms.calc = SinglePointCalculator(atoms, **results)
    return atoms


def slabs(layers, count, seed):
    frames = [fcc100("Cu", (2, 2, layers), vacuum=6.0, periodic=True) for _ in range(count)]
    for n, atoms in enumerate(frames):
        atoms.rattle(0.1, seed=seed + n)
    return [labelled(atoms, "slab") for atoms in frames]


def crystals(count, seed, size=0.1):
    frames = [bulk("Cu", cubic=True).repeat(2) for _ in range(count)]
    for n, atoms in enumerate(frames):
        atoms.rattle(size, seed=seed + n)
    return [labelled(atoms, "bulk") for atoms in frames]


@pytest.fixture(scope="module")
def train():
    return slabs(4, 8, seed=1)


@pytest.fixture(scope="module")
def potential(train):
    """An EAM, fitted to slabs of four layers."""
    model = {"kind": "eam", "pair_cutoff": 5.0, "zbl": {"enabled": False}}
    return snnp.fit(train, model=model, loss={"stress": 0}, progress=False).potential.data


def uncertainties(potential, train, atoms):
    rigidity = Rigidity(potential, from_atoms(train, "train").frames)
    return rigidity(structures([atoms], ["Cu"], potential.cutoff()))


def test_more_data_make_atomic_energies_more_certain(potential, train):
    """Bulk atoms are not in slabs of four layers: the same data with bulk determine them, and nothing becomes worse."""
    (inside,) = crystals(1, seed=71)
    slab = train[0]
    before, after = (uncertainties(potential, data, inside) for data in (train, train + crystals(4, seed=31)))
    assert np.median(after) < 0.5 * np.median(before)
    assert (uncertainties(potential, train + crystals(4, seed=31), slab) < uncertainties(potential, train, slab)).all()


def test_uncertain_atoms_are_those_with_errors(potential, train):
    """Compressed, distorted and surface atoms beside ordinary ones: the third that is least certain is most wrong."""
    others = [*crystals(2, 41), *crystals(2, 51, size=0.3), *slabs(6, 2, 61), *slabs(2, 2, 81)]
    errors, found = [], []
    for atoms in others:
        calc = snnp.Potential(potential).calculator()
        errors.append(np.abs(calc.get_property("energies", atoms) - atoms.arrays["known"]))
        found.append(uncertainties(potential, train, atoms))
    errors, found = np.concatenate(errors), np.concatenate(found)
    order = np.argsort(found)
    third = len(order) // 3
    assert np.sqrt((errors[order[-third:]] ** 2).mean()) > 1.5 * np.sqrt((errors[order[:third]] ** 2).mean())


def test_turning_a_structure_changes_no_uncertainty(potential, train):
    (atoms,) = crystals(1, seed=91)
    turned = atoms.copy()
    turned.rotate(50, (1, 2, 3), rotate_cell=True)
    a, b = (uncertainties(potential, train, one) for one in (atoms, turned))
    np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.fixture
def folder(tmp_path, potential, train):
    snnp.Potential(potential).write(tmp_path / "Cu.snnp")
    ase.io.write(tmp_path / "train.xyz", train)
    ase.io.write(tmp_path / "test.xyz", crystals(2, seed=21))
    return tmp_path


def test_command_writes_arrays_that_ase_reads(folder):
    words = ["eval", folder / "Cu.snnp", folder / "test.xyz", "--atomic", folder / "atoms.xyz"]
    shown = command(app, *words, "--train", folder / "train.xyz", check=True).stdout
    assert "Atomic energies" in shown
    for atoms in ase.io.read(folder / "atoms.xyz", ":"):
        energies = atoms.arrays[ENERGIES]
        atoms.calc = snnp.load(folder / "Cu.snnp")
        assert energies.sum() == pytest.approx(atoms.get_potential_energy(), abs=1e-5)  # digits of the file
        assert (atoms.arrays[UNCERTAINTIES] > 0).all()
    # They are results of a model, and never labels of a fit.
    assert parse(ENERGIES) is None
    assert parse(UNCERTAINTIES) is None


def test_command_without_training_data_writes_energies_only(folder):
    words = ["eval", folder / "Cu.snnp", folder / "test.xyz", "--atomic", folder / "atoms.xyz"]
    command(app, *words, check=True)
    assert UNCERTAINTIES not in ase.io.read(folder / "atoms.xyz").arrays
    again = command(app, *words)
    assert again.returncode == 1
    assert "exists already" in again.stderr


def test_training_data_without_a_file_to_write_are_refused(folder):
    done = command(app, "eval", folder / "Cu.snnp", folder / "test.xyz", "--train", folder / "train.xyz")
    assert done.returncode == 1
    assert "expected --atomic, too" in done.stderr
