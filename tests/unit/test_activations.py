"""Every list of activations has the same names and the same functions."""

from typing import get_args

import numpy as np
import pytest
import torch

import support
from snnp import _core, reference
from snnp.kinds.snnp import SnnpConfig
from snnp.models import network

NAMES = sorted(reference.ACTIVATIONS)


def test_lists_have_the_same_names():
    with pytest.raises(_core.Error, match="expected") as refused:
        support.random_potential(activation="relu")
    assert sorted(network.ACTIVATIONS) == NAMES
    assert sorted(get_args(SnnpConfig.model_fields["activation"].annotation)) == NAMES
    assert all(name in str(refused.value) for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_torch_and_numpy_agree_on_value_and_slope(name):
    """Both round some numbers of order one: a few times 1e-16."""
    x = torch.linspace(-4, 4, 33, dtype=torch.float64, requires_grad=True)
    y = network.ACTIVATIONS[name]()(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    value, derivative = reference.activation(name, x.detach().numpy())
    np.testing.assert_allclose(y.detach().numpy(), value, atol=1e-14)
    np.testing.assert_allclose(slope.numpy(), derivative, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_engine_knows_every_activation(name):
    assert _core.Engine(support.random_potential(activation=name)).cutoff > 0
