"""s-MEAM: EAM with angles in its density, n_i = Σ_j ρ(r_ij) + Σ_{j<k} f(r_ij) f(r_ik) g(cos θ_jik).

Lenosky et al., Model. Simul. Mater. Sci. Eng. 8, 825 (2000).
"""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from snnp.kinds.base import Cutoff, Knots, by_ordered_pair, common_shape, some_of, three_body_cutoff
from snnp.kinds.curvature import FilterCurvature
from snnp.kinds.eam import Eam, EamConfig


class SmeamConfig(EamConfig):
    """φ, and U of the density n = Σ ρ(r_ij) + Σ f(r_ij) f(r_ik) g(cos θ_jik)."""

    kind: Literal["smeam"]
    three_body_cutoff: Cutoff | None = Field(None, description="of f; auto: from the density of the data")
    radial_knots: Knots = Field(11, description="of f")
    angle_knots: Knots = Field(11, description="of g")
    curvature: FilterCurvature = FilterCurvature()
    positive: Annotated[list[Literal["rho", "f"]], some_of(("rho", "f"))] = Field(
        [], description="what is nowhere negative: true, false, or some of rho, f"
    )


class Smeam(Eam):
    """s-MEAM, by Gauss-Newton steps."""

    name = "smeam"
    config = SmeamConfig

    def complete(self, config, distances):
        config = super().complete(config, distances)
        cutoff = three_body_cutoff(config.three_body_cutoff, distances, config.pair_cutoff)
        return config.model_copy(update={"three_body_cutoff": cutoff})

    def shape(self, config, distances):
        return common_shape(
            config,
            distances,
            config.pair_knots,
            n2=1,
            n3=1,
            end=2,
            rho_knots=by_ordered_pair(distances, config.density_cutoff, config.density_knots),
            radial_knots=by_ordered_pair(distances, config.three_body_cutoff, config.radial_knots),
            angle_knots=np.linspace(-1, 1, config.angle_knots),
        )

    def describe(self, config, shape):
        f = "f ≥ 0" if "f" in config.positive else "f"
        return f"{super().describe(config, shape)}, {f} to {config.three_body_cutoff} Å"
