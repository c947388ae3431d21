"""Stress labels: their conventions, and which one agrees with energies and forces. Needs no PyTorch."""

from snnp.data.stress.convention import (
    ASE,
    LEFT_OUT,
    SHEAR,
    Convention,
    Conventions,
    agreement,
    given_conventions,
    parse_convention,
    parse_order,
    settings,
    with_conventions,
)
from snnp.data.stress.detection import StressLabels, Unit, detect, units
from snnp.data.stress.evidence import cluster_stress

__all__ = [
    "ASE",
    "LEFT_OUT",
    "SHEAR",
    "Convention",
    "Conventions",
    "StressLabels",
    "Unit",
    "agreement",
    "cluster_stress",
    "detect",
    "given_conventions",
    "parse_convention",
    "parse_order",
    "settings",
    "units",
    "with_conventions",
]
