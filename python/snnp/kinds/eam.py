"""EAM: E = Σ_i [e0 + U(n_i)] + ½ Σ_{i≠j} φ(r_ij), n_i = Σ_j ρ(r_ij) (Daw and Baskes, Phys. Rev. B 29, 6443 (1984))."""

from typing import Annotated, Literal

from pydantic import Field

from snnp.kinds.base import Cutoff, Kind, Knots, by_ordered_pair, common_shape, pair_cutoff, some_of
from snnp.kinds.curvature import DensityCurvature
from snnp.kinds.pair import PairConfig


class EamConfig(PairConfig):
    """φ, one ρ, and a spline U of the density n = Σ ρ(r_ij)."""

    kind: Literal["eam"]
    pair_knots: Knots = Field(17, description="of φ")
    density_cutoff: Cutoff | None = Field(None, description="of ρ; auto: that of φ")
    density_knots: Knots = Field(17, description="of ρ")
    embedding_knots: Knots = Field(10, description="of U")
    curvature: DensityCurvature = DensityCurvature()
    positive: Annotated[list[Literal["rho"]], some_of(("rho",))] = Field(
        [], description="what is nowhere negative: true, false, or [rho]"
    )
    convex: bool = Field(False, description="whether U is: each further neighbour weakens all bonds")


class Eam(Kind):
    """EAM, by Gauss-Newton steps."""

    name = "eam"
    config = EamConfig
    training_keys = Kind.training_keys | {"steps", "checkpoint_seconds"}
    steps = 200

    def complete(self, config, distances):
        cutoff = pair_cutoff(config, distances)
        return config.model_copy(update={"pair_cutoff": cutoff, "density_cutoff": config.density_cutoff or cutoff})

    def shape(self, config, distances):
        rho_knots = by_ordered_pair(distances, config.density_cutoff, config.density_knots)
        return common_shape(config, distances, config.pair_knots, n2=1, n3=0, end=2, rho_knots=rho_knots)

    def describe(self, config, shape):
        rho, convex = "ρ ≥ 0" if "rho" in config.positive else "ρ", ", convex U" if config.convex else ""
        return f"φ to {config.pair_cutoff} Å, {rho} to {config.density_cutoff} Å{convex}"

    def fit(self, task):
        from snnp.fitting.density import fit_density

        return fit_density(task)
