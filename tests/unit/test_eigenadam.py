"""The optimiser of a fit: covariances are those of gradients, and a state that was kept goes on as it would have."""

import copy

import numpy as np
import pytest
import torch

import models
from snnp.fitting.eigenadam import EigenAdam

STEPS, MEMORY, LEARNING_RATE = 120, 0.998, 1e-2


def optimiser():
    parameters = [torch.nn.Parameter(torch.zeros(2, 3, 2).double()), torch.nn.Parameter(torch.zeros(5).double())]
    return EigenAdam([{"params": parameters[:1], "rows": 1}, {"params": parameters[1:]}], lr=LEARNING_RATE)


def by_block(groups):
    """Of blocks of one shape each, smaller ones first, and of those without a second side."""
    return [matrix for (sides,) in groups for matrix in sides]


def gradients(steps):
    """Of two elements with six numbers each, and five of another block, with sizes from 1e-3 to 1."""
    return np.random.default_rng(4).normal(size=(steps, 17)) * np.logspace(-3, 0, 17)


def step(adam, gradient):
    first, second = adam.parameters
    first.grad = torch.from_numpy(gradient[:12].reshape(2, 3, 2).copy())
    second.grad = torch.from_numpy(gradient[12:].copy())
    adam.step()


def test_covariances_are_averages_of_products_of_gradients_in_each_block():
    adam, all_gradients = optimiser(), gradients(STEPS)
    expected = np.zeros((17, 17))
    for n, g in enumerate(all_gradients, 1):
        step(adam, g)
        if n <= 100:  # the last update of the basis
            memory = min(MEMORY, 1 - 1 / n)
            expected = memory * expected + (1 - memory) * np.outer(g, g)
    covariances, bases = (by_block(adam.state_dict()[name]) for name in ("covariances", "bases"))
    for block, found in zip((slice(12, 17), slice(0, 6), slice(6, 12)), covariances, strict=True):
        np.testing.assert_allclose(found, expected[block, block], rtol=0, atol=1e-14)
    # Columns are eigenvectors, to single precision.
    for covariance, basis in zip(covariances, bases, strict=True):
        rotated = basis.T.astype(float) @ covariance @ basis.astype(float)
        off = rotated - np.diag(np.diag(rotated))
        assert np.abs(off).max() < 1e-5 * np.abs(rotated).max()


def test_a_state_that_was_kept_between_two_updates_goes_on_to_the_same_numbers():
    through, first = optimiser(), optimiser()
    for g in gradients(STEPS):
        step(through, g)
    for g in gradients(STEPS)[:70]:
        step(first, g)
    second = optimiser()
    second.load_state_dict(copy.deepcopy(first.state_dict()))
    with torch.no_grad():
        for new, old in zip(second.parameters, first.parameters, strict=True):
            new.copy_(old)
    for g in gradients(STEPS)[70:]:
        step(second, g)
    for new, old in zip(second.parameters, through.parameters, strict=True):
        np.testing.assert_array_equal(new.detach().numpy(), old.detach().numpy())


def test_a_step_follows_the_mean_gradient_of_its_own_block_only():
    adam = optimiser()
    for _ in range(10):
        step(adam, np.r_[np.ones(6), np.zeros(6), np.zeros(5)])
    first, second = (p.detach().numpy() for p in adam.parameters)
    assert (first[0] < 0).all()
    assert (first[1] == 0).all()
    assert (second == 0).all()


def test_rows_of_all_parameters_of_a_block_stand_together():
    """A layer of 5 nodes in blocks of 2: each has the weights and the biases of its nodes, and only these move it."""
    layer = torch.nn.Linear(3, 5).double()
    adam = EigenAdam([{"params": list(layer.parameters()), "rows": 2}], lr=1e-2)
    assert adam.sizes == [4, 8, 8]  # smaller ones first
    before = [p.detach().clone() for p in layer.parameters()]
    for _ in range(10):
        layer.weight.grad, layer.bias.grad = torch.zeros_like(layer.weight), torch.zeros_like(layer.bias)
        layer.weight.grad[2], layer.bias.grad[3] = 1, -1
        adam.step()
    weight, bias = (p.detach() - b for p, b in zip(layer.parameters(), before, strict=True))
    assert (weight[2] < 0).all() and bias[3] > 0
    assert not weight[[0, 1, 4]].any() and not bias[[0, 1, 4]].any()


# -- steps towards zero of a sum of squares -----------------------------------------------------------------------


def towards_zero(adam, residual, slope, part):
    """The change of the parameters, (17,), by a step for residual², whose residual has this slope."""
    before = np.concatenate([p.detach().numpy().ravel() for p in adam.parameters])
    gradient = 2 * residual * slope
    first, second = adam.parameters
    first.grad = torch.from_numpy(gradient[:12].reshape(2, 3, 2).copy())
    second.grad = torch.from_numpy(gradient[12:].copy())
    adam.descend(residual**2, part)
    return np.concatenate([p.detach().numpy().ravel() for p in adam.parameters]) - before


def test_a_linear_residual_goes_the_part_of_the_way_to_zero():
    adam = optimiser()
    for g in gradients(STEPS):
        step(adam, g)
    slope = np.random.default_rng(1).normal(size=17)
    for part in (1.0, 0.3):
        change = towards_zero(adam, -1e-3, slope, part)
        assert slope @ change == pytest.approx(1e-3 * part, rel=1e-5)


def test_no_step_towards_zero_is_longer_than_some_of_the_loss():
    adam = optimiser()
    for g in gradients(STEPS):
        step(adam, g)
    slope = np.random.default_rng(1).normal(size=17)
    short, long = (towards_zero(adam, residual, slope, 1.0) for residual in (-1e-3, -1e3))
    np.testing.assert_allclose(long / np.linalg.norm(long), short / np.linalg.norm(short), rtol=1e-5)
    assert adam.lr < np.abs(long).max() < 4 * adam.lr * np.sqrt(6)  # a direction has six parameters at most


def test_it_goes_where_the_loss_changes_little():
    adam = optimiser()
    for g in gradients(STEPS):
        step(adam, g)
    change = towards_zero(adam, -0.7, np.ones(17), 1.0)
    # Slopes of the loss grow from 1e-3 to 1 within the first block of six, and so on.
    for block in (slice(0, 6), slice(6, 12), slice(12, 17)):
        assert np.abs(change[block])[0] > 5 * np.abs(change[block])[-1]


def test_a_sum_that_is_zero_moves_nothing():
    adam = optimiser()
    step(adam, np.ones(17))
    assert not towards_zero(adam, 0.0, np.ones(17), 1.0).any()


def test_rows_apart_are_blocks_by_themselves():
    pairs, constant = torch.nn.Parameter(torch.zeros(3, 4).double()), torch.nn.Parameter(torch.zeros(2).double())
    adam = EigenAdam([{"params": [pairs, constant], "apart": [1]}], lr=LEARNING_RATE)
    numbers = np.arange(14.0)[None]
    assert [list(block[0]) for block in adam.by_block(numbers)] == [[4, 5, 6, 7], [0, 1, 2, 3, 8, 9, 10, 11, 12, 13]]


def plain_steps(all_gradients, refresh):
    """What `EigenAdam` does to one matrix of parameters, as the formulas read, in double precision."""
    rows, columns = all_gradients.shape[1:]
    x, mean, second = np.zeros((rows, columns)), np.zeros((rows, columns)), np.zeros((rows, columns))
    L, R, left, right = np.eye(rows), np.eye(columns), np.zeros((rows, rows)), np.zeros((columns, columns))
    for n, G in enumerate(all_gradients, 1):
        memory, memory2, memory3 = (min(beta, 1 - 1 / n) for beta in (0.95, 0.99, MEMORY))
        left = memory3 * left + (1 - memory3) * G @ G.T
        right = memory3 * right + (1 - memory3) * G.T @ G
        if n in (1, 2, 4, 8, 16, 32, 64, 128) or n % refresh == 0:
            (by_row, new_L), (by_column, new_R) = np.linalg.eigh(left), np.linalg.eigh(right)
            mean = new_L.T @ L @ mean @ R.T @ new_R
            second = np.outer(by_row.clip(0), by_column.clip(0)) / by_row.sum()
            L, R = new_L, new_R
        rotated = L.T @ G @ R
        mean = memory * mean + (1 - memory) * rotated
        second = memory2 * second + (1 - memory2) * rotated**2
        root = np.sqrt(second)
        size = root * (1 + LEARNING_RATE * root / 1e-3) + 1e-3 * root.max()
        x = x - LEARNING_RATE * L @ (mean / size) @ R.T
    return x


@pytest.mark.parametrize("refresh", [50, 75])
def test_matrices_take_steps_along_products_of_rows_and_columns(refresh):
    """Two of three dimensions, and a layer with its biases; with gradients that have a direction beside noise."""
    mixtures, layer = torch.nn.Parameter(torch.zeros(2, 3, 4).double()), torch.nn.Linear(4, 3).double()
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    blocks = [{"params": [mixtures], "matrices": True}, {"params": list(layer.parameters()), "matrices": True}]
    adam, rng = EigenAdam(blocks, lr=LEARNING_RATE, refresh=refresh), np.random.default_rng(2)
    assert adam.sizes == [12, 12, 15]
    of_mixtures = rng.normal(0.3, 1, (STEPS, 2, 3, 4)) * np.logspace(-1, 0, 4)
    of_layer = rng.normal(0.3, 1, (STEPS, 3, 5)) * np.logspace(-1, 0, 3)[:, None]
    for M, W in zip(of_mixtures, of_layer, strict=True):
        mixtures.grad = torch.from_numpy(M.copy())
        layer.weight.grad, layer.bias.grad = torch.from_numpy(W[:, :4].copy()), torch.from_numpy(W[:, 4].copy())
        adam.step()
    found = [*mixtures.detach(), torch.cat([layer.weight, layer.bias[:, None]], 1).detach()]
    for one, expected in zip(found, [of_mixtures[:, 0], of_mixtures[:, 1], of_layer], strict=True):
        # Bases are in single precision.
        expected = plain_steps(expected, refresh)
        np.testing.assert_allclose(one, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("elements", [("In", "P"), ("Al", "Cu", "In", "Ni", "P")], ids=["few", "many"])
def test_each_parameter_of_shared_filters_is_in_one_block(elements):
    model = models.random_model(elements, [5, 4], "tanh", "shared")
    adam = EigenAdam(model.blocks(), lr=LEARNING_RATE)
    count = sum(p.numel() for p in model.parameters())
    numbers = np.concatenate([block[0] for block in adam.by_block(np.arange(count)[None])])
    assert sorted(numbers) == list(range(count))
