"""Crystals that the data show to be no minimum of the energy, as bcc Ti without heat.

Data show it in three ways: frames of the crystal, strained or with displaced atoms, have lower energies; its force
constants have a negative eigenvalue, by forces on displaced atoms; or so has its elastic tensor, by energies or else
stresses of strained frames.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from snnp.data import Frame
from snnp.fitting.displaced_frames import GRID, Displaced, displaced, softest_waves
from snnp.validation.elasticity import GPA, Polynomial
from snnp.validation.series import FEWEST, Series

# Energies of cells of different sizes differ by as much for other reasons, eV/atom.
_LOWER = 5e-3
# An elastic modulus is known if its standard error is less than this part of the largest constant. One that is negative
# by its error is so with odds of 5 to 1, and a demand against the data costs more than none.
_KNOWN = 0.1
# Of many force constants none should seem negative by chance: by so many standard errors, and this part of the largest.
_SURELY, _PART = 3.0, 0.005
_MOST = 100  # frames tell force constants


def why_unstable(series: Series, frames: Sequence[Frame]) -> str:
    """What shows that a crystal, whose energy at rest is known, is no minimum, for a sentence; empty: nothing does."""
    moved = displaced(series, frames)
    return _by_energies(series, moved) or _by_forces(series, moved) or _by_strains(series)


def _by_energies(series: Series, moved: Sequence[Displaced]) -> str:
    lowest = min(one.frame.energy / len(one.frame.atoms) for one in [*series.samples, *moved])
    fall = series.energy - lowest
    return f"strained or displaced it is lower by {1000 * fall:.2g} meV/atom" if fall > _LOWER else ""


def _by_forces(series: Series, moved: Sequence[Displaced]) -> str:
    shown = [
        (value, error, q)
        for value, error, largest, q in softest_waves(series, moved[:: len(moved) // _MOST + 1])
        if value < -max(_SURELY * error, _PART * largest)
    ]
    if not shown:
        return ""
    value, error, q = min(shown)
    where = " ".join(str(Fraction(n, GRID)) for n in q)
    return f"its softest force constant is {value:.2g} ± {error:.2g} eV/Å², of waves of q = ({where})"


def _by_strains(series: Series) -> str:
    for what, found in _elastic(series):
        lowest, error = found.softest
        if error < min(abs(lowest), _KNOWN * found.largest):
            shown = f"its softest elastic modulus is {lowest * GPA:.2g} ± {error * GPA:.2g} GPa by {what}"
            return shown if lowest < 0 else ""
    return ""


def _elastic(series: Series) -> Iterator[tuple[str, Polynomial]]:
    """By what, and what that gives: energies are surer than stresses, and atoms at rest tell more than clamped ones."""
    for clamped in (False, True):
        samples = series.strained(clamped)
        if len(samples) >= FEWEST:
            yield "energies", series.by_energies(samples)
        samples = [sample for sample in samples if sample.stress is not None]
        if len(samples) >= FEWEST:
            yield "stresses", series.by_stresses(samples)
