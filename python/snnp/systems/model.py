"""The models of several systems as one, with filters in common, and the loss of all."""

from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
import torch
from torch import Tensor, nn

from snnp.data.batch import Weights
from snnp.fitting.label_errors import LabelErrors
from snnp.fitting.loss import Loss
from snnp.kinds.given_filters import FILTERS
from snnp.models.network import Model


class JointModel(nn.Module):
    """One `Model` for each system. Those of `shared`, some of rho, f, g, are the same parameters in all of them:
    one set of curves, (1, functions, n), for all centres of all systems, in the units of length of each. Neighbours in
    systems of several elements have combinations of them (`Shape.shared`).
    """

    convex = False  # see `Model`: no configuration of systems asks for it

    def __init__(self, models: Sequence[Model], shared: Sequence[str]):
        super().__init__()
        for model in models:
            for name in FILTERS:
                # One set for all centres of a system, shared with others or not.
                _replace(model, name, nn.Parameter(getattr(model, name).detach()[:1].clone()))
        self.models, self.shared = nn.ModuleList(models), nn.ParameterDict()
        for name in shared:
            self.shared[name] = getattr(models[0], name)
            for model in models:
                # An attribute like others, so that it is listed, saved and averaged once.
                del model._parameters[name]
                model.__dict__[name] = self.shared[name]

    @property
    def units(self) -> list[float]:
        """`Model.unit` of each system, eV."""
        return [model.unit for model in self.models]

    @property
    def networks(self) -> list[nn.Module]:
        """Of all elements of all systems."""
        return [network for model in self.models for network in model.networks]

    def blocks(self) -> list[dict]:
        """Parameters in groups within which they act alike, each once: see `Model.blocks`."""
        blocks, known = [], set()
        for model in self.models:
            for block in model.blocks():
                new = [p for p in block["params"] if id(p) not in known]
                known.update(map(id, new))
                if new:
                    blocks.append({**block, "params": new})
        return blocks

    @torch.no_grad()
    def scale_filters(self, two: Tensor, f: Tensor, g: Tensor) -> None:
        """Multiplies all ρ_m (n2,), f_m and g_m (n3,) by factors; energies stay, as networks take filters scaled."""
        done = set()
        for model in self.models:
            if model.shape.shared:  # combinations stay what they are: f_m = Σ_k f_k M_km
                model.mix_rho *= two / two[:, None]
                model.mix_f *= f / f[:, None]
            for curves, factor in ((model.rho, two), (model.f, f), (model.g, g)):
                if id(curves) not in done:
                    curves *= factor
                    done.add(id(curves))
            for buffer in (model.mean, model.scale):
                buffer *= torch.cat([two, f**2 * g])

    @torch.no_grad()
    def balance(self) -> None:
        """Chooses the sizes of filters so that a step means as much in one coefficient as in another, on average.

        Like `snnp.fitting.linear_start.balance`: two-body filters get a variance of one, three-body filters one as
        large as their share of the energy.
        """
        n2 = self.models[0].shape.n2
        share = torch.cat([model.linear.abs().clamp(min=1) for model in self.models])
        share[:, :n2] = 1
        factor = torch.exp((share / torch.cat([model.scale for model in self.models])).log().mean(0))
        size_f, size_g = (
            torch.stack([getattr(m, name).square().mean((0, 1)).sqrt() for m in self.models]).mean(0).clamp(min=1e-12)
            for name in ("f", "g")
        )
        k = (size_g * factor[n2:] / size_f) ** (1 / 3)
        self.scale_filters(factor[:n2], k, factor[n2:] / k**2)

    @torch.no_grad()
    def to_unit_size(self) -> None:
        """Every ρ, f and g has a largest coefficient of size one, in systems of which it is the same."""
        factors = []
        for name in FILTERS:
            largest = torch.stack([getattr(m, name).abs().amax((0, 1)) for m in self.models]).amax(0)
            factors.append(1 / largest.clamp(min=1e-300))
        self.scale_filters(*factors)


def _replace(model: Model, name: str, parameter: nn.Parameter) -> None:
    delattr(model, name)
    model.register_parameter(name, parameter)


class JointLoss:
    """Σ w_s L_s of the losses of systems, each relative to its linear model, with weights that add up to 1."""

    def __init__(self, model: JointModel, terms: Weights, weights: Sequence[float], threads: int):
        self.weights = np.array(weights) / np.sum(weights)
        units = np.array(model.units) / np.sqrt(self.weights)
        self.losses = [Loss(m, terms, float(u), threads) for m, u in zip(model.models, units, strict=True)]

    def combined(self, found: Sequence[tuple[float, LabelErrors]]) -> tuple[float, LabelErrors]:
        """Of losses and errors of labels of each system those of all: the errors are means over systems."""
        errors = np.array([astuple(e) for _, e in found])
        known = (~np.isnan(errors)).sum(0)
        means = np.where(known, np.nansum(errors, axis=0) / np.maximum(known, 1), np.nan)
        return float(sum(value for value, _ in found)), LabelErrors(*map(float, means))
