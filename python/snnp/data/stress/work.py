"""The work of stresses between strained cells, compared with differences of their energies: needs no model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from ase.stress import full_3x3_to_voigt_6_stress

from snnp.data.frames import Frame
from snnp.data.stress.convention import Convention

# Pairs of frames are compared whose strains differ by no more than this, and whose atoms are moved by no more, Å.
_MAX_STRAIN, _MAX_SHIFT = 0.08, 0.03
_LEAST_STRAIN = 1e-4
_PARTNERS = 4  # of each frame
_MAX_FRAMES = 300  # of one composition
_HUGE = 1e100  # squares of larger labels overflow
_RESOLUTION = 5e-5  # eV/atom: what energies of different cells are known to


@dataclass
class StrainWork:
    """Pairs of equal cells at different strain: changes of energies, and coefficients of the work of stresses.

    By the trapezoidal rule, ΔE = ½ Σ (V σ)₁:η + ½ Σ (V σ)₂:η − ½ Σ (F₁ + F₂)·Δu + O(η³), with the logarithmic strain η.
    changes: of the energy, without the work of forces, eV, (pairs,); coefficients: Å³, (pairs, 2, 6);
    labels: as they are read, (pairs, 2, 6); volumes: Å³, (pairs, 2); resolution: of energies, eV, (pairs,).
    """

    pairs: list[tuple[Frame, Frame]]
    changes: np.ndarray
    coefficients: np.ndarray
    labels: np.ndarray
    volumes: np.ndarray
    resolution: np.ndarray
    explained: ClassVar[float] = 0.25

    def work(self, convention: Convention) -> np.ndarray:
        """What the stresses say that the energy changes by, eV, (pairs,), with the pressure that agrees best."""
        work, _ = self._compared(convention)
        return work

    def errors(self, convention: Convention) -> np.ndarray:
        """|ΔE − work| relative to the sizes of all terms, 0 to 1, (pairs,)."""
        work, size = self._compared(convention)
        return np.abs(self.changes - work) / (np.abs(self.changes) + size + self.resolution)

    def telling(self, convention: Convention) -> np.ndarray:
        """Of which pairs energies can say something, (pairs,)."""
        return np.maximum(np.abs(self.changes), np.abs(self.work(convention))) > self.resolution

    @property
    def sheared(self) -> np.ndarray:
        """Which pairs differ by more shear than normal strain, (pairs,)."""
        size = np.abs(self.coefficients).sum(1)
        return size[:, 3:].sum(1) > size[:, :3].sum(1)

    def error(self, convention: Convention) -> float:
        """Mean of `errors`."""
        return float(self.errors(convention).mean())

    shear_error = error  # where strains are normal, all orders of shear stresses have the same

    def _compared(self, convention: Convention) -> tuple[np.ndarray, np.ndarray]:
        terms = self.coefficients * convention.stress(self.labels, self.volumes)
        work, size = terms.sum((1, 2)), np.abs(terms).sum((1, 2))
        expansion = self.coefficients[:, :, :3].sum((1, 2))
        scale = np.abs(self.changes) + size + self.resolution
        rest, lever = (self.changes - work) / scale, expansion / scale
        pressure = 0.0
        for _ in range(10):  # the least sum of absolute values, by reweighted squares
            weight = 1 / np.maximum(np.abs(rest - pressure * lever), 1e-3)
            pressure = float(np.sum(weight * rest * lever) / max(np.sum(weight * lever**2), 1e-6))
        return work + pressure * expansion, size


def strain_work(frames: Sequence[Frame]) -> StrainWork | None:
    """Pairs of equal structures at slightly different strain among the frames; None: there are none."""
    kinds: dict[bytes, list[Frame]] = {}
    for frame in frames:
        known = np.isfinite(frame.energy) and np.isfinite(frame.forces).all()
        if known and frame.stress is not None and (np.abs(frame.stress) < _HUGE).all():
            kinds.setdefault(frame.atoms.numbers.tobytes(), []).append(frame)
    found = [pair for same in kinds.values() for pair in _pairs(same[:_MAX_FRAMES])]
    if not found:
        return None
    pairs, changes, coefficients, resolution = zip(*found, strict=True)
    return StrainWork(
        list(pairs),
        np.array(changes),
        np.array(coefficients),
        np.array([[frame.stress for frame in pair] for pair in pairs]),
        np.array([[frame.atoms.get_volume() for frame in pair] for pair in pairs]),
        np.array(resolution),
    )


def _pairs(frames: Sequence[Frame]):
    """Pairs of frames with their changes of energy, coefficients of work and resolution."""
    cells = np.array([frame.atoms.cell.array for frame in frames])
    scaled = np.array([frame.atoms.get_scaled_positions(wrap=False) for frame in frames])
    seen = set()
    for n, frame in enumerate(frames):
        stretches = np.linalg.svd(np.linalg.solve(cells[n], cells), compute_uv=False)
        strain = np.abs(stretches - 1).max(1)
        near = np.flatnonzero((strain < _MAX_STRAIN) & (strain > _LEAST_STRAIN))
        shifts = scaled[near] - scaled[n]
        shifts = (shifts - np.round(shifts)) @ cells[n]
        still = np.abs(shifts).max((1, 2), initial=0.0) < _MAX_SHIFT
        near, shifts = near[still], shifts[still]
        for k in np.argsort(strain[near])[:_PARTNERS].tolist():
            m = int(near[k])
            if (m, n) not in seen:
                seen.add((n, m))
                yield _pair(frame, frames[m], shifts[k])


def _pair(a: Frame, b: Frame, shifts: np.ndarray):
    # Cells h_b = h_a U R: a stretch U = exp(η) in the frame of a, and a rotation R.
    U, R = _stretch_and_rotation(np.linalg.solve(a.atoms.cell.array, b.atoms.cell.array))
    values, vectors = np.linalg.eigh(U)
    strain = (vectors * np.log(values)) @ vectors.T
    change = b.energy - a.energy + 0.5 * float(np.sum((a.forces + b.forces @ R.T) * shifts))
    factors = [
        0.5 * frame.atoms.get_volume() * full_3x3_to_voigt_6_stress(eta) * [1, 1, 1, 2, 2, 2]
        for frame, eta in ((a, strain), (b, R.T @ strain @ R))
    ]
    return (a, b), change, factors, _RESOLUTION * len(a.atoms)


def _stretch_and_rotation(D: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The polar decomposition D = U R, U symmetric."""
    left, values, right = np.linalg.svd(D)
    return (left * values) @ left.T, left @ right
