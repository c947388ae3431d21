"""How far stress labels, read by some convention, are from what energies and forces say.

Errors are relative: 0 is agreement, 1 is what labels of zero would have.
"""

import math
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from ase.geometry import find_mic
from ase.stress import full_3x3_to_voigt_6_stress
from ase.units import GPa

from snnp import _core
from snnp.data.frames import Frame
from snnp.data.stress.convention import Convention

# Part of the frames, the worst, that a mean leaves out if there are enough: a few bad labels do not decide for a group.
_WORST, _ENOUGH = 0.1, 5
_LEAST_SHEAR = 0.02  # of the predicted stresses: smaller shear stresses say nothing


class Evidence(Protocol):
    """What says how stresses are meant."""

    explained: float
    """Relative errors above are no agreement."""

    def error(self, convention: Convention) -> float:
        """Relative error of all components."""

    def shear_error(self, convention: Convention) -> float:
        """Relative error of what tells orders apart."""


@dataclass
class Predicted:
    """Stresses (frames, 6), eV/Å³, that a model predicts which has seen none, and labels (frames, 6) as they are read.

    volumes: Å³, (frames,); uncertainty: of the predictions, eV/Å³, as far as energies and forces do not determine them.
    """

    stresses: np.ndarray
    labels: np.ndarray
    volumes: np.ndarray
    uncertainty: float = np.inf
    explained: ClassVar[float] = 0.8

    def difference(self, convention: Convention, shear_only: bool = False) -> float:
        """Mean absolute difference of components, GPa, without a common pressure."""
        return _mean(_without_pressure(self._apart(convention))[:, 3 * shear_only :]) / GPa

    def error(self, convention: Convention) -> float:
        """Relative error of all components, without a common pressure.

        The stress of plane waves differs by a nearly constant pressure from the derivative of energies at fixed cutoff
        (Pulay stress: Francis and Payne, J. Phys. Condens. Matter 2, 4395 (1990)).
        """
        return _ratio(_mean(_without_pressure(self._apart(convention))), _mean(_without_pressure(self.stresses)))

    def shear_error(self, convention: Convention) -> float:
        """Relative error of yz, xz and xy."""
        least = _LEAST_SHEAR * _mean(self.stresses)
        return _ratio(_mean(self._apart(convention)[:, 3:]), max(_mean(self.stresses[:, 3:]), least))

    def scale(self, convention: Convention) -> tuple[float, float]:
        """What labels have to be multiplied by to agree best, and the relative error that is left then."""
        found = _without_pressure(self.stresses)
        labels = _without_pressure(convention.stress(self.labels, self.volumes))
        factor = float(np.sum(found * labels) / max(np.sum(labels**2), 1e-300))
        return factor, _ratio(_mean(found - factor * labels), _mean(found))

    def _apart(self, convention: Convention) -> np.ndarray:
        return self.stresses - convention.stress(self.labels, self.volumes)


def _without_pressure(stresses: np.ndarray) -> np.ndarray:
    pressure = np.median(stresses[:, :3].mean(1))
    return stresses - np.array([pressure] * 3 + [0.0] * 3)


def _mean(stresses: np.ndarray) -> float:
    """Mean absolute component of the frames, (frames, components), but for the worst of them."""
    size = np.sort(np.abs(stresses).mean(1))
    worst = math.ceil(_WORST * len(size)) if len(size) >= _ENOUGH else 0
    return float(size[: len(size) - worst].mean())


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else float(a > 0)


def cluster_stress(s: _core.Structures, frame: Frame) -> np.ndarray | None:
    """The stress (6,), eV/Å³, of a molecule in a box, which needs no model: σ = −Σ r ⊗ F / V.

    s: its neighbour list. None: atoms have neighbours in other cells.
    """
    atoms = frame.atoms
    if len(atoms) < 2 or not np.isfinite(frame.forces).all():
        return None
    r, _ = find_mic(atoms.positions - atoms.positions[0], atoms.cell, atoms.pbc)
    owners = np.repeat(np.arange(len(atoms)), np.diff(s.offsets))
    if not np.allclose(s.vectors, r[s.indices] - r[owners], atol=1e-6):
        return None
    return full_3x3_to_voigt_6_stress(-r.T @ frame.forces / atoms.get_volume())
