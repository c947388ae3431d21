"""s-NNP: a network on spline filters, E_i = e0 + ½ Σ_j φ(r_ij) + a·G_i + N(G_i) − N(0) (Vita and Trinkle 2024).

G_i = (Σ_j ρ_m(r_ij);  Σ_{j<k} f_m(r_ij) f_m(r_ik) g_m(cos θ_jik))
"""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from snnp.kinds.base import (
    Cutoff,
    Kind,
    Knots,
    ModelSection,
    by_ordered_pair,
    common_shape,
    pair_cutoff,
    three_body_cutoff,
)

# Neighbours within longer three-body cutoffs that are tried; twice as many are within that of pairs. The cost of a step
# goes with the square: 36 take twice the time of 24, 50 three times.
_NEIGHBORS = {"quick": (), "default": (36,), "high": (36, 50)}


class SnnpConfig(ModelSection):
    """φ, and a network on many ρ and f f g."""

    kind: Literal["snnp"] = "snnp"
    two_body_filters: int = Field(7, ge=0, le=1000)
    three_body_filters: int = Field(16, ge=0, le=1000)
    pair_cutoff: Cutoff | None = Field(None, description="of φ and ρ; auto: from the density of the data")
    three_body_cutoff: Cutoff | None = Field(None, description="of f; auto: from the density of the data")
    pair_knots: Knots = Field(14, description="of φ and ρ")
    radial_knots: Knots = Field(11, description="of f")
    angle_knots: Knots = Field(11, description="of g")
    hidden: list[Annotated[int, Field(ge=1, le=1000)]] = Field(
        [24, 24], max_length=10, description="widths of the network's hidden layers; empty: a linear model"
    )
    activation: Literal["tanh", "silu"] = "tanh"


class Snnp(Kind):
    """s-NNP, trained on mini-batches."""

    name = "snnp"
    config = SnnpConfig
    training_keys = Kind.training_keys | {
        "effort",
        "steps",
        "batch_size",
        "learning_rate",
        "weight_decay",
        "smoothing",
        "checkpoint_seconds",
    }
    efforts = {
        "quick": {"training.steps": 1500},
        "default": {"training.steps": 6000},
        "high": {"training.steps": 20000, "model.three_body_filters": 24, "model.hidden": [32, 32]},
    }
    explains_stress = True

    def complete(self, config, distances):
        pair = pair_cutoff(config, distances)
        three = three_body_cutoff(config.three_body_cutoff, distances, pair)
        return config.model_copy(update={"pair_cutoff": pair, "three_body_cutoff": three})

    def alternatives(self, config, distances, effort):
        shortest = self.complete(config, distances)
        if config.three_body_cutoff:
            return [shortest]
        longer = []
        for neighbors in _NEIGHBORS[effort]:
            three, pair = distances.radius(neighbors), config.pair_cutoff or distances.radius(2 * neighbors)
            cutoffs = {"pair_cutoff": pair, "three_body_cutoff": min(three, pair)}
            longer.append(config.model_copy(update=cutoffs))
        return [shortest, *(c for c in longer if c.three_body_cutoff > shortest.three_body_cutoff)]

    def shape(self, config, distances):
        return common_shape(
            config,
            distances,
            config.pair_knots,
            n2=config.two_body_filters,
            n3=config.three_body_filters,
            radial_knots=by_ordered_pair(distances, config.three_body_cutoff, config.radial_knots),
            angle_knots=np.linspace(-1, 1, config.angle_knots),
            hidden=config.hidden if config.two_body_filters + config.three_body_filters else [],
            activation=config.activation,
        )

    def describe(self, config, shape):
        from snnp.models.network import Model

        count = sum(p.numel() for p in Model(shape).parameters())
        return (
            f"{shape.n2} two-body filters to {config.pair_cutoff} Å, {shape.n3} three-body filters to "
            f"{config.three_body_cutoff} Å, network {' × '.join(map(str, shape.hidden)) or 'none'}, {count} parameters"
        )

    def fit(self, task):
        from snnp.fitting.network import fit_network

        return fit_network(task)
