"""Nothing is asked of crystals that the data show to be no minima of the energy: bcc copper by EMT is none, fcc is."""

import re

import ase.io
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from fitting import QUICK
from small_fits import fitted
from snnp import SNNP
from snnp.data import Frame
from snnp.fitting.displaced_frames import displaced, softest_waves
from snnp.fitting.known_crystals import known_series
from snnp.fitting.unstable_crystals import why_unstable
from snnp.validation.checks.elastic import elasticity

LATTICES = {"bcc": 2.855, "fcc": 3.59}  # Å, at rest


def cell(kind, repeat=1, by=None):
    atoms = bulk("Cu", kind, a=LATTICES[kind], cubic=True).repeat(repeat)
    atoms.set_cell(atoms.cell.array @ (np.eye(3) if by is None else by), scale_atoms=True)
    return atoms


def volumes(kind):
    return [cell(kind, by=np.eye(3) * scale) for scale in np.linspace(0.96, 1.04, 9)]


def strained(kind, count=20, size=0.02):
    strains = np.random.default_rng(1).uniform(-size, size, (count, 3, 3))
    return [cell(kind, by=np.eye(3) + (strain + strain.T) / 2) for strain in strains]


def shaken(kind, count=5, repeat=2, size=0.03):
    rng, cells = np.random.default_rng(2), [cell(kind, repeat) for _ in range(count)]
    for atoms in cells:
        atoms.positions += rng.normal(scale=size, size=atoms.positions.shape)
    return cells


def labelled(cells):
    for atoms in cells:
        atoms.calc = EMT()
        labels = {name: atoms.calc.get_property(name, atoms) for name in ("energy", "forces", "stress")}
        atoms.calc = SinglePointCalculator(atoms, **labels)
    return cells


def frames(cells):
    return [
        Frame(atoms, atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress(), "", "")
        for atoms in labelled(cells)
    ]


def shown(cells):
    """What shows the crystal of these cells to be no minimum."""
    data = frames(cells)
    (series,) = known_series(data)
    return why_unstable(series, data)


@pytest.mark.parametrize(
    ("cells", "what"),
    [
        (lambda kind: strained(kind), "elastic modulus is -"),
        (lambda kind: shaken(kind), r"force constant is -.* q = \(0 0 1/2\)"),
        (lambda kind: [cell(kind, by=np.diag([0.96, 0.96, 1.085]))], "lower by"),
        (lambda kind: [], "^$"),
    ],
    ids=["strains", "displacements", "a lower frame", "volumes only"],
)
def test_data_show_that_bcc_copper_is_no_minimum_and_do_not_show_it_of_fcc(cells, what):
    assert re.search(what, shown(volumes("bcc") + cells("bcc")))
    assert shown(volumes("fcc") + cells("fcc")) == ""


@pytest.mark.parametrize("seed", range(4))
def test_one_frame_that_is_not_at_rest_for_another_reason_shows_nothing(seed):
    """Any forces on any displacements of one frame are those of some force constants."""
    hcp, rng = bulk("Cu", "hcp", a=2.54, c=4.15), np.random.default_rng(seed)
    data = frames([bulk("Cu", "hcp", a=2.54 * scale, c=4.15 * scale) for scale in np.linspace(0.97, 1.03, 7)])
    atoms = hcp.repeat(3)
    atoms.positions += rng.normal(scale=1e-3, size=atoms.positions.shape)
    (moved,) = frames([atoms])
    moved.forces = rng.normal(scale=0.1, size=atoms.positions.shape)
    (series,) = known_series(data)
    assert why_unstable(series, [*data, moved]) == ""


def hessian(atoms, step=1e-3):
    """Eigenvalues, by size, without those of shifts of the whole."""
    K = np.zeros((atoms.positions.size,) * 2)
    for n in range(len(K)):
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[n // 3, n % 3] += sign * step
            moved.calc = EMT()
            K[n] -= sign * moved.get_forces().ravel() / (2 * step)
    return sorted(np.linalg.eigvalsh((K + K.T) / 2), key=abs)[3:]


@pytest.mark.parametrize("kind", ["bcc", "hcp"])
def test_force_constants_by_forces_are_second_derivatives_of_the_energy(kind):
    """Also where frames are turned, and their atoms in any order."""
    crystal = bulk("Cu", "hcp", a=2.54, c=4.15) if kind == "hcp" else bulk("Cu", "bcc", a=LATTICES["bcc"])
    perfect, cells, rng = crystal.repeat(2), [crystal.copy()], np.random.default_rng(3)
    for _ in range(4):
        atoms = perfect.copy()[rng.permutation(len(perfect))]
        atoms.positions += rng.normal(scale=1e-3, size=atoms.positions.shape) + 0.3
        atoms.rotate(40, (1, 2, 3), rotate_cell=True)
        cells.append(atoms)
    data = frames(cells)
    (series,) = known_series(data)
    found = displaced(series, data)
    assert len(found) == 5
    true = hessian(perfect)
    waves = [wave for wave in softest_waves(series, found) if wave[2] > 0]
    assert min(wave[0] for wave in waves) == pytest.approx(min(true), rel=0.02)
    assert max(wave[2] for wave in waves) == pytest.approx(max(true), rel=0.02)


@pytest.mark.parametrize("kind", ["bcc", "fcc"])
def test_a_fit_makes_stable_what_the_data_do_not_show_to_be_unstable(kind, tmp_path, monkeypatch, no_pictures):
    monkeypatch.chdir(tmp_path)
    ase.io.write("Cu.xyz", labelled(volumes(kind) + strained(kind) + shaken(kind)))
    said = " ".join(fitted("Cu.xyz", "-o", "Cu.snnp", settings={**QUICK, "training.steps": 1500}).split())
    assert ("nothing is asked of bcc Cu, as in the data its softest" in said) == (kind == "bcc")
    assert ("% of the stiffness of the stiffest one: fcc Cu" in said) == (kind == "fcc")
    crystal, softest = bulk("Cu", kind, a=LATTICES[kind]), []  # c11 − c12, GPa
    for crystal.calc in (EMT(), SNNP("Cu.snnp")):
        constants = elasticity(crystal).relaxed
        softest.append(constants[0, 0] - constants[0, 1])
    assert softest[1] == pytest.approx(softest[0], abs=1)
