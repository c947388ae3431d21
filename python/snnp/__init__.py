"""Spline-based neural-network potentials: fitted in Python, run by one C++ engine in LAMMPS and in ASE."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("snnp")
except PackageNotFoundError:  # used from a build folder
    __version__ = "0+unknown"

# Loaded when first used: LAMMPS asks this package for the plugin's folder at every start, and needs none of this.
_HOMES = {"Error": "snnp._core", "Potential": "snnp._core", "SNNP": "snnp.calculator", "load": "snnp.calculator"}
__all__ = ["SNNP", "Error", "Potential", "load"]


def __getattr__(name):
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'snnp' has no attribute '{name}'")
