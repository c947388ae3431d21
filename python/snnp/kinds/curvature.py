"""Section `model.curvature`: standard deviations of second derivatives of curves (`snnp.models.curvature_prior`)."""

from typing import Annotated

from pydantic import Field

from snnp.kinds.base import Section

Deviation = Annotated[float, Field(gt=0, le=1e6)]


class PairCurvature(Section):
    """Of φ; null: there is no prior."""

    phi: Deviation | None = Field(None, description="eV/Å²")


class DensityCurvature(PairCurvature):
    """Of φ and ρ."""

    rho: Deviation | None = Field(None, description="eV/Å², of ρ times the slope of the energy by it")


class FilterCurvature(DensityCurvature):
    """Of φ, ρ, f and g."""

    f: Deviation | None = Field(None, description="eV/Å², of f times what two neighbours add where f and g are largest")
    g: Deviation | None = Field(None, description="eV, of what two neighbours add where f is largest, by their cosine")
