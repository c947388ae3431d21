"""Spline-based neural-network potentials: fitted in Python, run by one C++ engine in LAMMPS and in ASE."""

from importlib.metadata import PackageNotFoundError, version

from snnp._core import Error, Potential

try:
    __version__ = version("snnp")
except PackageNotFoundError:  # used from a build folder
    __version__ = "0+unknown"

__all__ = ["SNNP", "Error", "Potential", "load"]


def __getattr__(name):
    # ASE is loaded when it is first needed, so that LAMMPS, which asks this package for the plugin's folder,
    # starts without it.
    if name in ("SNNP", "load"):
        from snnp import calculator

        return getattr(calculator, name)
    raise AttributeError(f"module 'snnp' has no attribute '{name}'")
