"""Pair potentials: E = Σ_i e0 + ½ Σ_{i≠j} φ(r_ij)."""

from typing import Literal

from pydantic import Field

from snnp.kinds.base import Kind, Knots, ModelSection, common_shape, pair_cutoff
from snnp.kinds.curvature import PairCurvature


class PairConfig(ModelSection):
    """φ alone."""

    kind: Literal["pair"]
    pair_knots: Knots = Field(25, description="of φ")
    smoothness: float | None = Field(
        None, ge=0, le=1e6, description="weight of the curvature of splines, Å; auto: by validation"
    )
    curvature: PairCurvature = PairCurvature()


class Pair(Kind):
    """Pair potentials, by least squares."""

    name = "pair"
    config = PairConfig
    keeps_lists = False

    def complete(self, config, distances):
        return config.model_copy(update={"pair_cutoff": pair_cutoff(config, distances)})

    def shape(self, config, distances):
        return common_shape(config, distances, config.pair_knots, n2=0, n3=0)

    def describe(self, config, shape):
        return f"φ to {config.pair_cutoff} Å"

    def fit(self, task):
        from snnp.fitting.linear import fit_linear

        return fit_linear(task)
