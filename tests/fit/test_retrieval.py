"""Each rung gets back a teacher of its own form: what is left is what the spacing of the knots leaves.

A cubic spline on knots h apart comes as close as h⁴ to a smooth function, its slope as close as h³: halving h has to
divide the error in forces by 8. Teachers are not smooth on all scales, so orders are asked to be 3 within bounds that
the coarsest knots need.
"""

import numpy as np
import pytest
from ase.build import bulk

from classical import labelled, rattled, rms, rms_force, shortest
from snnp import _core
from snnp.data.batch import FrameStream, Weights
from snnp.fitting.gauss_newton import DensityFit
from snnp.fitting.least_squares import solve
from snnp.fitting.successive_halving import find_start
from snnp.models.linear import LinearModel, LinearShape
from snnp.models.potentials import density_potential
from snnp.models.shape import Shape
from teacher import potential_file

WEIGHTS = Weights(energy=30.0, stress=0.0)
STRENGTHS = 10.0 ** -np.arange(0.0, 17.0)


def linear_error(shape, train, test):
    """Root mean square error in forces, eV/Å, of the linear model on test frames."""
    linear = LinearModel(shape)
    fit = solve(linear, FrameStream.held(train), FrameStream.held(test), WEIGHTS, [None], STRENGTHS, threads=1)
    return rms(np.concatenate([linear.design.rows(s, 1)[2] @ fit.chosen.x - labels.forces for s, labels in test]))


def density_error(shape, embedding_knots, train, test, steps=300):
    """The same of EAM and s-MEAM."""
    fit = DensityFit(shape, embedding_knots, [None], (train, []), WEIGHTS, 1, steps, smoothness=1e-12)
    fit.start(*find_start(fit.model, fit.train, fit.validation))
    assert fit.run()
    fit.use_best()
    parts = fit.layout.split(fit.x)
    engine = _core.Engine(density_potential(shape, parts, fit.knots, parts["e0"][:, 0], "tests"))
    return rms(np.concatenate([engine.evaluate(s, 1)["forces"] - labels.forces for s, labels in test]))


def orders(errors):
    """Exponents of h in errors for spacings h, h/2, h/4, …."""
    return np.log2(np.array(errors[:-1]) / errors[1:])


# The force is continuous with its slope at both ends of the smooth part, and knots are placed at both.
LJ = "pair_style lj/smooth 3.6 5.2\npair_coeff 1 1 0.4 2.3\npair_modify shift yes", 5.2
# Cut where it is 1e-8 of its depth.
MORSE = "pair_style morse/smooth/linear 7.0\npair_coeff 1 1 0.4 4.0 2.6 7.0", 7.0


@pytest.mark.parametrize(("pair", "cutoff"), [LJ, MORSE], ids=["Lennard-Jones", "Morse"])
def test_pair_potential_comes_back_to_third_order_in_the_spacing_of_knots(pair, cutoff):
    cells = [bulk("Cu", "fcc", a=3.6, cubic=True).repeat(2)]
    train = labelled(rattled(cells, 24, 0.2), pair, cutoff)
    test = labelled(rattled(cells, 3, 0.17, strain=0.02, seed=1), pair, cutoff)
    first = shortest(train, test)
    errors = []
    for h in (0.2, 0.1, 0.05):
        knots = np.linspace(cutoff - h * np.ceil((cutoff - first) / h), cutoff, int(np.ceil((cutoff - first) / h)) + 1)
        errors.append(linear_error(LinearShape(1, [knots], [], [], True), train, test))
    assert errors[-1] < 1e-3 * rms_force(test)
    assert np.all(np.abs(orders(errors) - 3) < 0.5)


def test_stillinger_weber_comes_back_as_a_tensor_to_third_order_in_the_spacing_of_knots():
    """The teacher vanishes like exp(−2.5 Å/(r_c − r)), with ever shorter waves at the cutoff: on such knots the order
    is 3 only on average, and pairs need a finer spacing than triplets."""
    pair, cutoff = f"pair_style sw\npair_coeff * * {potential_file('Si.sw')} Si", 1.8 * 2.0951
    cells = [bulk("Si", "diamond", a=5.43, cubic=True).repeat((2, 1, 1))]
    train = labelled(rattled(cells, 150, 0.25), pair, cutoff)
    test = labelled(rattled(cells, 8, 0.2, strain=0.02, seed=1), pair, cutoff)
    first = shortest(train, test) - 1e-3
    errors = []
    for n in (2, 4, 8):
        leg, h = np.linspace(first, cutoff, n + 1), (cutoff - first) / n
        opposite = np.linspace(first, 2 * cutoff, round((2 * cutoff - first) / h) + 1)
        shape = LinearShape(1, [np.linspace(first, cutoff, 8 * n + 1)], [leg], [opposite], True)
        errors.append(linear_error(shape, train, test))
    assert errors[-1] < 1e-3 * rms_force(test)
    assert abs(orders(errors).mean() - 3) < 0.5


CUTOFF = 5.0  # of the EAM teacher, Å


def eam_file(path):
    """A smooth EAM in the format of eam/alloy, tabulated so finely that LAMMPS' interpolation adds 1e-9 at most."""
    count = 5001
    r, n = np.linspace(0, CUTOFF, count), np.linspace(0, 4, count)
    end = (1 - r / CUTOFF) ** 4
    rho, phi = 1.3 * np.exp(-1.0 * (r - 2.5)) * end, 4.0 * np.exp(-2.0 * (r - 2.5)) * end
    tables = np.concatenate([-2 * np.sqrt(n), rho, r * phi])
    head = f"1\n2\n3\n1 Cu\n{count} {n[1]:.17g} {count} {r[1]:.17g} {CUTOFF}\n29 63.5 3.6 fcc\n"
    path.write_text(head + "\n".join(f"{value:.17g}" for value in tables) + "\n")
    return path


def test_eam_comes_back_to_third_order_in_the_spacing_of_knots(tmp_path):
    pair = f"pair_style eam/alloy\npair_coeff * * {eam_file(tmp_path / 'Cu.eam')} Cu"
    cells = [bulk("Cu", "fcc", a=a, cubic=True).repeat((2, 2, 1)) for a in (3.4, 3.6, 3.8)]
    cells.append(cells[1].copy())
    del cells[-1][0]
    train = labelled(rattled(cells, 40, 0.2), pair, CUTOFF)
    test = labelled(rattled(cells, 8, 0.17, strain=0.02, seed=1), pair, CUTOFF)
    first = shortest(train, test) - 1e-3
    errors = []
    for n in (10, 20, 40):
        knots = [np.linspace(first, CUTOFF, n + 1)]
        errors.append(density_error(Shape(["Cu"], 1, 0, knots, [None], rho_knots=knots, end=2), n + 1, train, test))
    assert errors[-1] < 1e-3 * rms_force(test)
    assert np.all(np.abs(orders(errors) - 3) < 0.5)


def test_s_meam_for_titanium_comes_back():
    """All knots but those of U are the teacher's, so U limits the error: its four pieces are approximated on ten uneven
    ones. Where a search from simple densities ends in another minimum, a fifth of the forces is left."""
    pair = f"pair_style meam/spline\npair_coeff * * {potential_file('Ti.meam.spline')} Ti"
    crystals = [
        bulk("Ti", "hcp", a=2.93, c=4.65, orthorhombic=True).repeat((3, 2, 1)),
        bulk("Ti", "bcc", a=3.26, cubic=True).repeat(2),
        bulk("Ti", "fcc", a=4.1, cubic=True).repeat((2, 2, 1)),
    ]
    cells = [bulk_.copy() for bulk_ in crystals * 4]
    for n, atoms in enumerate(cells):
        atoms.set_cell(atoms.cell * (0.96 + 0.02 * (n % 5)), scale_atoms=True)
        if n % 4 == 3:
            del atoms[0]
    train = labelled(rattled(cells, 48, 0.25), pair, 5.5)
    test = labelled(rattled(cells, 12, 0.18, strain=0.02, seed=1), pair, 5.5)
    teacher_angles = -1 + 0.27549094562290232 * np.arange(8)
    shape = Shape(
        ["Ti"],
        1,
        1,
        [np.linspace(1.742692837163632546, 5.5, 13)],
        [None],
        rho_knots=[np.linspace(2.055801767399996649, 4.41, 11)],
        radial_knots=[np.linspace(2.055801767399996649, 4.41, 10)],
        angle_knots=np.append(teacher_angles, 1.0),
        end=2,
    )
    error = density_error(shape, 10, train, test)
    assert error < 0.01 * rms_force(test)
