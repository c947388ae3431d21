"""What the bindings refuse before the engine sees it."""

import numpy as np
import pytest

import snnp
import support
from snnp import _core, reference

# Two atoms, each the other's neighbour.
GOOD = {
    "offsets": [0, 1, 2],
    "indices": [1, 0],
    "vectors": [[1.5, 0, 0], [-1.5, 0, 0]],
    "elements": [0, 0],
    "structure": [0, 0],
    "n_structures": 1,
}


def evaluate(**changes):
    structures = _core.Structures(**(GOOD | changes))
    return _core.Engine(support.random_potential()).evaluate(structures)


def test_a_dimer_is_accepted():
    assert np.isfinite(evaluate()["energy"])


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"offsets": [0, 2]}, "offsets: expected one more than atoms"),
        ({"offsets": [0, 1, 3]}, "offsets: expected to start at 0 and end at the number of neighbours"),
        ({"offsets": [0, 3, 2]}, "offsets: expected not to decrease"),
        ({"indices": [1, 2]}, "indices: index out of range"),
        ({"indices": [1, -1]}, "indices: index out of range"),
        ({"indices": [1, 2**32]}, "indices: index out of range"),
        ({"indices": [1.0, 0.5]}, "indices: expected whole numbers"),
        ({"indices": [[1, 0]]}, "indices: expected whole numbers in one dimension"),
        ({"vectors": [[1.5, 0, 0]]}, r"vectors: expected shape \(2, 3\), found \(1, 3\)"),
        ({"vectors": [[1.5, -1.5], [0, 0], [0, 0]]}, r"vectors: expected shape \(2, 3\), found \(3, 2\)"),
        ({"structure": [0]}, "structure: expected one number per atom"),
        ({"structure": [0, 1]}, "structure: index out of range"),
        ({"structure": [1, 0], "n_structures": 2}, "structure: expected not to decrease"),
        ({"elements": [0, 1]}, "elements: index beyond the elements of the potential"),
        ({"elements": [0, -1]}, "elements: "),
    ],
)
def test_lists_that_contradict_themselves_are_refused(changes, sentence):
    with pytest.raises(snnp.Error, match=sentence):
        evaluate(**changes)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e200])
def test_a_neighbour_at_no_finite_distance_is_refused(value):
    with pytest.raises(snnp.Error, match="vectors: found one between atoms 1 and 0 that is infinite or not a number"):
        evaluate(vectors=[[1.5, 0, 0], [-1.5, value, 0]])


@pytest.mark.parametrize("distance", [0.0, 1e-160])
def test_atoms_at_the_same_place_are_named_every_time(distance):
    for _ in range(2):
        with pytest.raises(snnp.Error, match="atoms 0 and 1 are at the same place"):
            evaluate(vectors=[[distance, 0, 0], [-distance, 0, 0]])


def test_structures_own_their_arrays():
    arrays = {name: np.array(value) for name, value in GOOD.items() if name != "n_structures"}
    structures = _core.Structures(**arrays, n_structures=1)
    engine = _core.Engine(support.random_potential())
    energy = engine.evaluate(structures)["energy"]
    for array in arrays.values():
        array[:] = -1000000
    assert engine.evaluate(structures)["energy"] == energy
    for name in arrays:
        mine = getattr(structures, name)
        with pytest.raises(ValueError, match="read-only"):
            mine[...] = 0
        with pytest.raises(ValueError, match="WRITEABLE"):
            mine.flags.writeable = True


def test_arrays_outlive_the_structures_they_belong_to():
    vectors = _core.Structures(**GOOD).vectors
    np.testing.assert_array_equal(vectors, GOOD["vectors"])


def test_results_belong_to_the_caller():
    out = evaluate()
    for name in ("forces", "energies", "virials", "virial", "filters"):
        assert out[name].flags.owndata and out[name].flags.writeable


def test_parts_of_a_potential_outlive_it():
    potential = support.random_potential(("In", "P"))
    elements, pairs, network = potential.elements, potential.pairs, potential.elements[0].network
    layers = network.layers
    weights = layers[0].weights
    potential.elements, potential.pairs = [], []
    network.layers = []
    del potential, network
    others = [support.random_potential(("In", "P"), seed=n) for n in range(5)]  # take the memory, if it is free
    assert [e.name for e in elements] == ["In", "P"]
    assert pairs[0].zbl_outer == others[0].pairs[0].zbl_outer
    assert layers[0].weights == weights


def test_elements_in_the_list_are_those_of_the_potential():
    potential = support.random_potential(("In", "P"))
    potential.elements[1].e0 = 5.0
    assert potential.elements[1].e0 == 5.0
    with pytest.raises(TypeError, match="None"):
        potential.elements = [None]


def test_a_spline_that_was_read_does_not_change():
    pair = support.random_potential().pairs[0]
    phi, knots = pair.phi, pair.phi.knots
    pair.phi = _core.Spline([1.0, 2.0], np.zeros(4))
    assert phi.knots == knots


@pytest.mark.parametrize(
    ("knots", "coefficients"), [([], [1.0]), ([1.0], [1, 2, 3]), ([1, 2, 3], [1, 2, 3]), ([1, 2], [])]
)
def test_a_spline_whose_numbers_do_not_belong_together_is_refused(knots, coefficients):
    sentence = f"found a spline of {len(knots)} knots and {len(coefficients)} coefficients, expected 2 or more"
    with pytest.raises(snnp.Error, match=sentence):
        _core.Spline(knots, coefficients)


def test_an_empty_spline_has_no_values():
    with pytest.raises(snnp.Error, match="the spline is empty"):
        _core.Spline()(1.0)


def test_a_spline_at_nan_is_nan():
    spline = support.random_potential().pairs[0].phi
    assert np.isnan(spline(np.nan))


def test_the_cutoff_of_an_unfinished_potential_is_no_crash():
    potential = _core.Potential()
    with pytest.raises(snnp.Error, match="elements: a potential needs at least one"):
        potential.cutoff()
    whole = support.random_potential()
    potential.n2, potential.n3, potential.elements = whole.n2, whole.n3, whole.elements
    with pytest.raises(snnp.Error, match="found 0 pairs of elements, expected 1"):
        potential.cutoff()
    for call in (potential.pair_index, potential.ordered_index):
        with pytest.raises(IndexError, match="element 1 is out of range"):
            call(0, 1)


KNOTS, COSINES = [1.5, 3.0, 4.0], [-1.0, 0.0, 1.0]
RANGES = np.zeros((1, 3, 3, 3), dtype=int)


def trainer(elements=1, n2=2, n3=2, pair=(KNOTS,), radial=(KNOTS,), angle=(COSINES,)):
    return _core.Trainer(elements, n2, n3, pair, radial, angle)


def design(elements=1, pair=(KNOTS,), radial=(KNOTS,), third=(COSINES,), functions=(3, 3), ranges=RANGES, columns=4):
    return _core.Design(elements, pair, radial, third, False, functions, ranges, columns)


def density(
    elements=1, pair=(KNOTS,), rho=(KNOTS,), radial=(KNOTS,), angle=(COSINES,), U=(KNOTS,), functions=(3, 3, 3)
):
    return _core.Density(elements, pair, rho, radial, angle, U, functions)


@pytest.mark.parametrize(
    ("make", "changes", "sentence"),
    [
        (trainer, {"elements": 0}, "elements: expected a positive number"),
        (trainer, {"elements": 100_000}, "pair_knots: expected 10000000000 sequences"),
        (trainer, {"n2": 2**31 - 1}, "n2: expected a number from 0 to 10000"),
        (trainer, {"n3": -1}, "n3: expected a number from 0 to 10000"),
        (trainer, {"radial": []}, "radial_knots: expected 1 sequences, one per ordered pair of elements, found 0"),
        (trainer, {"pair": [[1.5]]}, "pair_knots: expected at least 2"),
        (trainer, {"angle": [[-1.0, np.nan, 1.0]]}, "angle_knots: expected finite numbers that increase"),
        (trainer, {"pair": [[1.5, np.inf]]}, "pair_knots: expected finite numbers that increase"),
        (design, {"pair": [[2.0, 1.0]]}, "pair_knots: expected finite numbers that increase"),
        (design, {"elements": -1}, "elements: expected a positive number"),
        (design, {"functions": [6, 3]}, "functions: expected 0 to 5 of pairs, found 6"),
        (design, {"functions": [-1, 3]}, "functions: expected 0 to 5 of pairs, found -1"),
        (design, {"columns": 2}, "columns: expected more"),
        (design, {"ranges": RANGES[:, :2]}, r"column_ranges: expected shape \(1, 3, 3, 3\), found \(1, 2, 3, 3\)"),
        (design, {"ranges": RANGES + [2, 0, 3]}, "column_ranges: column out of range"),
        (design, {"ranges": RANGES + [-1, 0, 3]}, "column_ranges: column out of range"),
        (design, {"ranges": RANGES + [0, -1, 1]}, "column_ranges: column out of range"),
        (density, {"functions": [3, 9, 3]}, "functions: expected 0 to 5 of densities, found 9"),
        (density, {"U": [[0.0, 0.0]]}, "embedding_knots: expected finite numbers that increase"),
    ],
)
def test_models_of_a_fit_whose_numbers_contradict_each_other_are_refused(make, changes, sentence):
    make()
    with pytest.raises(snnp.Error, match=sentence):
        make(**changes)


def test_arrays_of_another_shape_are_refused():
    structures, t = _core.Structures(**GOOD), trainer()
    good = np.zeros((2, 5))
    t.values(structures, 1)
    for A in (good.T, good[:, :4], np.zeros(10), np.zeros((2, 5, 1))):
        with pytest.raises(snnp.Error, match=r"A: expected shape \(2, 5\), found \("):
            t.forces(A)
    with pytest.raises(snnp.Error, match=r"strains: expected shape \(1, 3, 3\), found \(3, 3\)"):
        t.tangent(np.zeros((2, 3)), np.zeros((3, 3)))
    with pytest.raises(snnp.Error, match="pair: expected 1 arrays, found 0"):
        t.set([], [], [])
    with pytest.raises(snnp.Error, match=r"radial: expected shape \(3, 4, 2\), found \(3, 4, 3\)"):
        t.set([np.zeros((3, 4, 3))], [np.zeros((3, 4, 3))], [np.zeros((3, 4, 2))])
    with pytest.raises(snnp.Error, match=r"coefficients: expected shape \(19,\), found \(16,\)"):
        density().rows(structures, np.zeros(16), 1)


def test_structures_one_after_the_other_keep_their_neighbours():
    one = _core.Structures(**GOOD)
    both = _core.Structures.concatenate([one, one])
    n, pairs = len(one), len(one.indices)
    assert (len(both), both.n_structures) == (2 * n, 2 * one.n_structures)
    np.testing.assert_array_equal(both.offsets, [*one.offsets, *(one.offsets[1:] + pairs)])
    np.testing.assert_array_equal(both.indices, [*one.indices, *(one.indices + n)])
    np.testing.assert_array_equal(both.structure, [*one.structure, *(one.structure + one.n_structures)])
    np.testing.assert_array_equal(both.vectors, np.concatenate([one.vectors, one.vectors]))
    np.testing.assert_array_equal(both.elements, [*one.elements, *one.elements])


def test_derivatives_of_filters_are_taken_after_their_values():
    t, filters = trainer(), np.zeros((2, 5))
    for call in (t.forces, lambda A: t.parameters(A, A), lambda A: t.tangent(np.zeros((2, 3)), np.zeros((1, 3, 3)))):
        with pytest.raises(snnp.Error, match="Trainer: expected a call of `values` before"):
            call(filters)
    t.values(_core.Structures(**GOOD), 1)
    with pytest.raises(snnp.Error, match="Trainer: expected a call of `tangent` before `parameters`"):
        t.parameters(filters, filters)


def embedding(elements=1, inputs=4, widths=(3,), activation="tanh"):
    return _core.Embedding(elements, inputs, widths, activation)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"elements": 0}, "elements: expected a positive number"),
        ({"inputs": -1}, "inputs: expected a number that is not negative"),
        ({"widths": [3, 0]}, "widths: expected numbers from 1 to"),
        ({"activation": "relu"}, "activation: found 'relu', expected tanh, silu, squareplus"),
    ],
)
def test_an_embedding_that_makes_no_sense_is_refused(change, sentence):
    with pytest.raises(snnp.Error, match=sentence):
        embedding(**change)


def test_arrays_of_an_embedding_have_its_shapes():
    e = embedding()
    good = {
        "parameters": np.ones(e.size),
        "mean": np.zeros((1, 4)),
        "scale": np.ones((1, 4)),
        "fixed_e0": np.array([np.nan]),
        "G": np.zeros((2, 5)),
    }
    assert e.size == 1 + 4 + 3 * 5 + 4
    with pytest.raises(snnp.Error, match="Embedding: expected a call of `values` before"):
        e.gradient(np.zeros(2), np.zeros((2, 5)))
    for name in good:
        with pytest.raises(snnp.Error, match=f"{name}: expected shape"):
            e.values(**{**good, name: np.zeros(7)}, unit=1.0, structures=_core.Structures(**GOOD), threads=1)
    energies, A = e.values(**good, unit=1.0, structures=_core.Structures(**GOOD), threads=1)
    assert (energies.shape, A.shape) == ((2,), (2, 5))
    with pytest.raises(snnp.Error, match="weights: expected shape"):
        e.gradient(np.zeros(3), np.zeros((2, 5)))


@pytest.mark.parametrize("threads", [0, -1, 1025, 100_000])
def test_a_number_of_threads_that_makes_no_sense_is_refused_everywhere(threads):
    structures = _core.Structures(**GOOD)
    sentence = f"threads: expected a number from 1 to 1024, found {threads}"
    calls = [
        lambda: _core.Engine(support.random_potential()).evaluate(structures, threads),
        lambda: trainer().values(structures, threads),
        lambda: design().rows(structures, threads),
        lambda: density().rows(structures, np.zeros(density().columns), threads),
    ]
    for call in calls:
        with pytest.raises(snnp.Error, match=sentence):
            call()


def test_the_repulsion_is_that_of_the_reference_and_ends():
    """To rounding of exponentials; 1 below the inner radius, 0 from the outer one on."""
    potential = support.random_potential(("In", "P"))
    pair = potential.pairs[potential.pair_index(0, 1)]
    r = np.linspace(0.1, 1.5 * pair.zbl_outer, 300).reshape(3, 100)
    value, slope = reference.zbl(49, 15, r.ravel())
    s, ds = reference.switch(r.ravel(), pair.zbl_inner, pair.zbl_outer)
    values, slopes = potential.repulsion(1, 0, r)
    np.testing.assert_allclose(values.ravel(), value * s, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(slopes.ravel(), slope * s + value * ds, rtol=1e-12, atol=1e-9)
    assert (values[r >= pair.zbl_outer] == 0).all() and (values[r < 0.9 * pair.zbl_outer] > 0).all()
    with pytest.raises(IndexError, match="element 2 is out of range"):
        potential.repulsion(0, 2, r)
