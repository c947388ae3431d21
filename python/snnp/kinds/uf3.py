"""UF3: a pair spline and a tensor-product spline, E = Σ_i e0 + ½ Σ_{i≠j} φ(r_ij) + Σ_i Σ_{j<k} V(r_ij, r_ik, r_jk).

Xie, Rupp and Hennig, npj Comput. Mater. 9, 162 (2023).
"""

from typing import Literal

import numpy as np
from pydantic import Field

from snnp.kinds.base import Cutoff, Knots, by_ordered_pair, common_shape, three_body_cutoff
from snnp.kinds.pair import Pair, PairConfig
from snnp.models.shape import unordered_pairs

# Knots of r_ij and r_ik for one, two, … elements: some 900 unknowns, and no more than 4000 in all.
_RADIAL_KNOTS = (11, 9, 7, 6, 5)


class Uf3Config(PairConfig):
    """φ and a tensor-product spline V(r_ij, r_ik, r_jk)."""

    kind: Literal["uf3"]
    three_body_cutoff: Cutoff | None = Field(None, description="of r_ij and r_ik; auto: from the density of the data")
    radial_knots: Knots | None = Field(None, description="of r_ij and r_ik; auto: 11, less for several elements")
    jk_knots: Knots | None = Field(None, description="of r_jk, up to twice three_body_cutoff; auto: 2 radial_knots − 1")


class Uf3(Pair):
    """UF3, by least squares."""

    name = "uf3"
    config = Uf3Config

    def complete(self, config, distances):
        config = super().complete(config, distances)
        cutoff = three_body_cutoff(config.three_body_cutoff, distances, config.pair_cutoff)
        radial = config.radial_knots or _RADIAL_KNOTS[min(len(distances.elements), len(_RADIAL_KNOTS)) - 1]
        jk = config.jk_knots or 2 * radial - 1
        return config.model_copy(update={"three_body_cutoff": cutoff, "radial_knots": radial, "jk_knots": jk})

    def shape(self, config, distances):
        E, first = (
            len(distances.elements),
            dict(zip(unordered_pairs(len(distances.elements)), distances.first_knots(), strict=True)),
        )
        return common_shape(
            config,
            distances,
            config.pair_knots,
            n2=0,
            n3=0,
            radial_knots=by_ordered_pair(distances, config.three_body_cutoff, config.radial_knots),
            jk_knots=[
                np.linspace(first[bc], 2 * config.three_body_cutoff, config.jk_knots) for _ in range(E) for bc in first
            ],
        )

    def describe(self, config, shape):
        knots = f"{config.radial_knots} × {config.jk_knots} knots"
        return f"{super().describe(config, shape)}, V to {config.three_body_cutoff} Å with {knots}"
