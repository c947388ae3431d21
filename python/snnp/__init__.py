"""Spline-based neural-network potentials: fitted in Python, run by one C++ engine in LAMMPS and in ASE."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from snnp._core import Error
    from snnp.api import evaluate, fit, validate
    from snnp.calculator import SNNP, load
    from snnp.data import DataError
    from snnp.kinds import ConfigError
    from snnp.potential import Potential

try:
    __version__ = version("snnp")
except PackageNotFoundError:  # used from a build folder
    __version__ = "0+unknown"

# Loaded when first used: LAMMPS asks this package for the plugin's folder at every start, and needs none of this.
_HOMES = {
    "ConfigError": "snnp.kinds",
    "DataError": "snnp.data",
    "Error": "snnp._core",
    "Potential": "snnp.potential",
    "SNNP": "snnp.calculator",
    "evaluate": "snnp.api",
    "fit": "snnp.api",
    "load": "snnp.calculator",
    "validate": "snnp.api",
}
__all__ = ["SNNP", "ConfigError", "DataError", "Error", "Potential", "evaluate", "fit", "load", "validate"]


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'snnp' has no attribute '{name}'")
